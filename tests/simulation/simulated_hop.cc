#include "tests/simulation/simulated_hop.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "tests/simulation/oracle.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source.h"
#include "tests/support/memory_task_home.h"

namespace turnout::simulation {
namespace {

// Workers of the second hop are told apart by their numbers.
constexpr int kRekeyedIndex = 100;
constexpr int kTriesMax = 3;
// Two workers of a process wait at the same time; here one after the other.
constexpr absl::Duration kSharedPollWait = absl::Milliseconds(50);

std::unique_ptr<connectors::Source> MakeSource(Hop hop, Surroundings& around,
                                               support::SimulatedProcess* process,
                                               const BuggyKeeper* keeper) {
  support::MemorySourceOptions options = {.topic = kSourceTopic, .group_id = kGroup};
  if (hop == Hop::kRekeyed) {
    options = {.topic = kRekeyTopic, .group_id = kRekeyTopic};
    options.start_at_earliest = around.mutation != Mutation::kRekeyedSkipped;
  }
  return MutateSource(
      around.mutation,
      std::make_unique<support::MemorySource>(options, around.log.get(), &around.points, process),
      keeper);
}

std::unique_ptr<connectors::Sink> MakeSink(Hop hop, int ordinal, Surroundings& around,
                                           support::SimulatedProcess* process,
                                           connectors::Source* source, BuggyKeeper* keeper) {
  const bool has_own_id = hop == Hop::kRekeyed && around.mutation != Mutation::kHopsShareAnId;
  std::string id = absl::StrFormat("turnout-%s%d", has_own_id ? "r" : "", ordinal);
  if (around.mutation == Mutation::kGhostNotFenced) id = process->name;
  std::unique_ptr<connectors::Sink> sink = std::make_unique<support::MemorySink>(
      support::MemorySinkOptions{
          .delivery = around.delivery,
          .transactional_id = std::move(id),
          .overlaps = around.overlaps && around.delivery == connectors::Delivery::kExactlyOnce,
          .source_topic = hop == Hop::kSource ? kSourceTopic : kRekeyTopic,
          .fences_first_only = around.mutation == Mutation::kSecondIdNotFenced,
          .abort_spares_next = around.mutation == Mutation::kNextOutlivesAbort,
          .next_ends_first = around.mutation == Mutation::kNextEndsFirst},
      around.log.get(), &around.points, process);
  if (!around.poisons.by_event.empty()) {
    sink = PoisonSink(std::move(sink), &around.poisons, process);
  }
  return MutateSink(around.mutation, std::move(sink), source, keeper, around.log.get());
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

const runtime::RuleFeed* FeedOf(Hop hop, const Surroundings& around) {
  const bool is_behind = hop == Hop::kRekeyed && around.mutation == Mutation::kRekeyedByOlderRules;
  return is_behind ? &around.older_rules : &around.rules;
}

bool Parks(const Surroundings& around) {
  return around.delivery == connectors::Delivery::kExactlyOnce;
}

runtime::DestinationOptions MakeDestinationOptions(const Surroundings& around,
                                                   runtime::DestinationProbes* probes) {
  runtime::DestinationOptions options;
  if (Parks(around)) options.probes = probes;
  return options;
}

runtime::WorkerOptions MakeWorkerOptions(Hop hop, int ordinal, const Surroundings& around,
                                         connectors::PartitionReader* parked,
                                         runtime::CarefulTurn* turn) {
  runtime::WorkerOptions options = {.index = ordinal,
                                    .delivery = around.delivery,
                                    .source_topic = kSourceTopic,
                                    .dead_letter_topic = kDeadLetterTopic,
                                    .group = kGroup,
                                    .event_tries_max = around.gives_up ? kTriesMax : 0,
                                    .careful_turn = turn};
  if (Parks(around)) {
    options.parking_topic = kParkingTopic;
    options.parked = parked;
    options.team_bytes_per_second_max = around.team_bytes_per_second_max;
  }
  if (!around.rekeys) return options;
  options.ingestion_topic = kSourceTopic;
  options.rekey_topic = kRekeyTopic;
  options.poll_wait = kSharedPollWait;
  if (hop == Hop::kSource) return options;
  options.index += kRekeyedIndex;
  options.source_topic = options.group = kRekeyTopic;
  options.is_rekeyed = true;
  return options;
}

}  // namespace

SimulatedHop::SimulatedHop(Hop hop, int ordinal, Surroundings* around,
                           support::SimulatedProcess* process, runtime::CarefulTurn* turn)
    : place_((hop == Hop::kSource ? around->states : around->rekeyed_states)
                 ->PlaceFor(ordinal, process)),
      buggy_place_(MakeBuggyPlace(around->mutation, place_.get())),
      keeper_(buggy_place_ == nullptr ? place_.get() : buggy_place_.get(), &around->clock,
              &around->keeper_random),
      buggy_keeper_(MakeBuggyKeeper(*around, buggy_place_.get(), place_.get(), &keeper_)),
      source_(MakeSource(hop, *around, process, buggy_keeper_.get())),
      sink_(MakeSink(hop, ordinal, *around, process, source_.get(), buggy_keeper_.get())),
      admin_(around->log.get(), &around->points, process),
      parked_(kParkingTopic, around->log.get(), &around->points, process),
      destinations_(MakeDestinationOptions(*around, &probes_), &admin_, &around->clock),
      worker_(MakeWorkerOptions(hop, ordinal, *around, &parked_, turn), source_.get(), sink_.get(),
              Chosen(buggy_keeper_.get(), &keeper_), &destinations_, FeedOf(hop, *around),
              &around->observer, &around->clock) {
  keeper_.Restore(around->restore);
  if (around->mutation == Mutation::kDrainSkipsOne) parked_.SkipFirst();
}

void SimulatedHop::Step() {
  keeper_.Work();
  probes_.Work(&admin_, absl::Seconds(2));
  worker_.Step();
}

}  // namespace turnout::simulation
