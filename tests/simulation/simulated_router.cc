#include "tests/simulation/simulated_router.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "tests/simulation/oracle.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source.h"

namespace turnout::simulation {
namespace {

constexpr absl::Duration kCloseTimeout = absl::Seconds(4);

std::unique_ptr<connectors::Source> MakeSource(Surroundings& around,
                                               support::SimulatedProcess* process) {
  const support::MemorySourceOptions options = {.topic = kSourceTopic, .group_id = "turnout"};
  return MutateSource(around.mutation, std::make_unique<support::MemorySource>(
                                           options, around.log.get(), &around.points, process));
}

std::unique_ptr<connectors::Sink> MakeSink(Surroundings& around, int ordinal,
                                           support::SimulatedProcess* process,
                                           connectors::Source* source) {
  std::string id = absl::StrFormat("turnout-%d", ordinal);
  if (around.mutation == Mutation::kGhostNotFenced) id = process->name;
  return MutateSink(around.mutation,
                    std::make_unique<support::MemorySink>(
                        support::MemorySinkOptions{.delivery = around.delivery,
                                                   .transactional_id = std::move(id),
                                                   .source_topic = kSourceTopic},
                        around.log.get(), &around.points, process),
                    source);
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
      source_(MakeSource(*around, &process_)),
      sink_(MakeSink(*around, ordinal, &process_, source_.get())),
      admin_(around->log.get(), &around->points, &process_),
      destinations_({}, &admin_, &around->clock),
      worker_({.index = ordinal,
               .delivery = around->delivery,
               .source_topic = kSourceTopic,
               .dead_letter_topic = kDeadLetterTopic},
              source_.get(), sink_.get(), /*keeper=*/nullptr, &destinations_, &around->rules,
              &around->observer, &around->clock) {}

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
  return Run([this] { worker_.Step(); });
}

bool SimulatedRouter::Close() {
  return Run([this] { worker_.Close(kCloseTimeout); });
}

}  // namespace turnout::simulation
