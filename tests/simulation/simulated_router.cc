#include "tests/simulation/simulated_router.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "tests/simulation/oracle.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source.h"
#include "tests/support/memory_task_home.h"

namespace turnout::simulation {
namespace {

constexpr absl::Duration kCloseTimeout = absl::Seconds(4);

std::unique_ptr<connectors::Source> MakeSource(Surroundings& around,
                                               support::SimulatedProcess* process,
                                               const BuggyKeeper* keeper) {
  const support::MemorySourceOptions options = {.topic = kSourceTopic, .group_id = "turnout"};
  return MutateSource(
      around.mutation,
      std::make_unique<support::MemorySource>(options, around.log.get(), &around.points, process),
      keeper);
}

std::unique_ptr<connectors::Sink> MakeSink(Surroundings& around, int ordinal,
                                           support::SimulatedProcess* process,
                                           connectors::Source* source, BuggyKeeper* keeper) {
  std::string id = absl::StrFormat("turnout-%d", ordinal);
  if (around.mutation == Mutation::kGhostNotFenced) id = process->name;
  return MutateSink(around.mutation,
                    std::make_unique<support::MemorySink>(
                        support::MemorySinkOptions{.delivery = around.delivery,
                                                   .transactional_id = std::move(id),
                                                   .source_topic = kSourceTopic},
                        around.log.get(), &around.points, process),
                    source, keeper);
}

std::unique_ptr<BuggyPlace> MakeBuggyPlace(Mutation mutation, support::StatePlace* place) {
  auto* const in_memory = dynamic_cast<support::MemoryStatePlace*>(place);
  if (mutation == Mutation::kNone || in_memory == nullptr) return nullptr;
  return std::make_unique<BuggyPlace>(mutation, in_memory);
}

std::unique_ptr<BuggyKeeper> MakeBuggyKeeper(Surroundings& around, BuggyPlace* buggy_place,
                                             support::StatePlace* place,
                                             support::MemoryStateKeeper* keeper) {
  if (buggy_place == nullptr) return nullptr;
  return std::make_unique<BuggyKeeper>(around.mutation, buggy_place,
                                       dynamic_cast<support::MemoryStatePlace*>(place), keeper,
                                       &around.rules, &around.clock);
}

runtime::StateKeeper* Chosen(BuggyKeeper* buggy, support::MemoryStateKeeper* keeper) {
  if (buggy != nullptr) return buggy;
  return keeper;
}

support::SimulatedProcess& NewProcess(Surroundings& around, int ordinal) {
  support::SimulatedProcess& process = around.processes.emplace_back();
  process.name = absl::StrFormat("router-%d.%d", ordinal, around.processes.size());
  return process;
}

}  // namespace

SimulatedRouter::SimulatedRouter(int ordinal, Surroundings* around)
    : ordinal_(ordinal),
      process_(NewProcess(*around, ordinal)),
      place_(around->states->PlaceFor(ordinal, &process_)),
      buggy_place_(MakeBuggyPlace(around->mutation, place_.get())),
      keeper_(buggy_place_ == nullptr ? place_.get() : buggy_place_.get(), &around->clock,
              &around->keeper_random),
      buggy_keeper_(MakeBuggyKeeper(*around, buggy_place_.get(), place_.get(), &keeper_)),
      source_(MakeSource(*around, &process_, buggy_keeper_.get())),
      sink_(MakeSink(*around, ordinal, &process_, source_.get(), buggy_keeper_.get())),
      admin_(around->log.get(), &around->points, &process_),
      destinations_({}, &admin_, &around->clock),
      worker_({.index = ordinal,
               .delivery = around->delivery,
               .source_topic = kSourceTopic,
               .dead_letter_topic = kDeadLetterTopic},
              source_.get(), sink_.get(), Chosen(buggy_keeper_.get(), &keeper_), &destinations_,
              &around->rules, &around->observer, &around->clock) {}

SimulatedRouter::~SimulatedRouter() {
  process_.dead = true;
  if (!closed_) place_->Crash();
}

template <typename Action>
bool SimulatedRouter::Run(Action action) {
  busy_ = true;
  try {
    action();
  } catch (const support::SimulatedCrash&) {
    process_.dead = true;
  }
  busy_ = false;
  return !process_.dead;
}

bool SimulatedRouter::Step() {
  return Run([this] {
    keeper_.Work();
    worker_.Step();
  });
}

bool SimulatedRouter::Close() {
  closed_ = Run([this] { worker_.Close(kCloseTimeout); });
  return closed_;
}

}  // namespace turnout::simulation
