// What must hold whatever happens. A failing seed is replayed by the command that the failure
// prints.
#include "tests/simulation/simulation.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace turnout::simulation {
namespace {

using connectors::Delivery;
using support::Fault;

constexpr uint64_t kSeedsByDefault = 1'000;
constexpr size_t kTraceLinesShown = 60;
// Some events' outputs: a run has a few dozen of them in a few seconds.
constexpr int64_t kTeamBytesPerSecond = 4'000;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  uint64_t value = otherwise;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

uint64_t Seeds() { return FromEnvironment("TURNOUT_SIM_SEEDS", kSeedsByDefault); }

// The seed's own choice, so that the seed alone names the run.
SimulationOptions OptionsOf(uint64_t seed) {
  const bool set_back = seed % 16 == 5;
  return {.seed = seed,
          .delivery = seed % 4 == 3 ? Delivery::kAtLeastOnce : Delivery::kExactlyOnce,
          .set_back = set_back,
          .rekeys = seed % 8 == 2 || seed % 16 == 7,
          .overlaps = seed % 3 == 1,
          .gives_up = seed % 5 < 2,
          .team_bytes_per_second_max = seed % 5 == 2 ? kTeamBytesPerSecond : 0};
}

// Runs it again with its trace and says all that is known.
std::string Failure(SimulationOptions options, const std::string& replay) {
  options.keep_trace = true;
  const SimulationResult result = RunSimulation(options);
  std::string text = absl::StrCat("seed ", options.seed, ":\n  ",
                                  absl::StrJoin(result.violations, "\n  "), "\nthe last calls:\n");
  const size_t lines = result.trace.size();
  const bool all = options.only_fault || FromEnvironment("TURNOUT_SIM_SEED", 0) != 0;
  const size_t shown = all ? lines : std::min(lines, kTraceLinesShown);
  for (size_t i = lines - shown; i < lines; ++i) absl::StrAppend(&text, result.trace[i], "\n");
  return absl::StrCat(text, "replay: ", replay, "\n");
}

TEST(SimulationTest, EverySeedEndsWithExactlyWhatTheRulesSay) {
  const uint64_t only = FromEnvironment("TURNOUT_SIM_SEED", 0);
  const uint64_t first = only != 0 ? only : FromEnvironment("TURNOUT_SIM_FIRST_SEED", 1);
  const uint64_t last = only != 0 ? only : first + Seeds() - 1;
  int64_t calls = 0;
  int64_t faults = 0;
  int64_t records = 0;
  int64_t states = 0;
  int64_t drained = 0;
  uint64_t traces = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const SimulationResult result = RunSimulation(OptionsOf(seed));
    calls += result.calls;
    faults += result.faults;
    records += result.records;
    states += result.states;
    drained += result.drained;
    traces = traces * 31 + result.trace_hash;
    ASSERT_TRUE(result.violations.empty())
        << Failure(OptionsOf(seed), absl::StrCat("simulation_test --seed=", seed));
  }
  // The last figure is the same in every run of these seeds, on every machine.
  std::printf(
      "%llu seeds: %lld calls, %lld faults, %lld records and %lld states as expected, %lld outputs "
      "drained (traces %016llx)\n",
      static_cast<unsigned long long>(last - first + 1), static_cast<long long>(calls),
      static_cast<long long>(faults), static_cast<long long>(records),
      static_cast<long long>(states), static_cast<long long>(drained),
      static_cast<unsigned long long>(traces));
}

// The same on RocksDB, a directory and the real archive of rule sets: fewer seeds, since a run
// takes a hundred times as long.
TEST(SimulationTest, SomeSeedsEndTheSameOnRocksDb) {
  const uint64_t last = std::clamp<uint64_t>(Seeds() / 400, 10, 1'000);
  int64_t states = 0;
  for (uint64_t seed = 1; seed <= last; ++seed) {
    SimulationOptions options = OptionsOf(seed);
    options.on_rocksdb = true;
    options.events_max = 30;
    const SimulationResult result = RunSimulation(options);
    states += result.states;
    ASSERT_TRUE(result.violations.empty())
        << Failure(options, "simulation_test --gtest_filter=*RocksDb");
  }
  std::printf("%llu seeds, %lld states as expected\n", static_cast<unsigned long long>(last),
              static_cast<long long>(states));
}

// Events that end every process that tries them, or of which the brokers never take what comes of
// them: these are given up, and all others are as if nothing had been.
TEST(SimulationTest, PoisonIsGivenUpAndNothingElseIs) {
  int64_t given_up = 0;
  const uint64_t only = FromEnvironment("TURNOUT_SIM_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t last = only != 0 ? only : std::clamp<uint64_t>(Seeds() / 10, 50, 10'000);
  for (uint64_t seed = first; seed <= last; ++seed) {
    SimulationOptions options = OptionsOf(seed);
    options.delivery = Delivery::kExactlyOnce;
    options.set_back = false;
    options.gives_up = true;
    options.poison_max = 1 + static_cast<int>(seed % 3);
    options.faults_max = 2;
    const SimulationResult result = RunSimulation(options);
    given_up += result.given_up;
    ASSERT_TRUE(result.violations.empty())
        << Failure(options, absl::StrCat("TURNOUT_SIM_SEED=", seed,
                                         " simulation_test --gtest_filter=*PoisonIsGivenUp*"));
  }
  EXPECT_GE(given_up, static_cast<int64_t>(last - first + 1));
}

// What can't be brought back is refused by its name, and nothing is begun empty.
TEST(SimulationTest, WhatIsLostForGoodIsRefusedByName) {
  for (const Ruin ruin : {Ruin::kSourceCutBack, Ruin::kRuleSetsLost, Ruin::kNotesLost,
                          Ruin::kOffsetsLost, Ruin::kPartitionedOtherwise}) {
    int64_t refusals = 0;
    for (uint64_t seed = 1; seed <= 50; ++seed) {
      SimulationOptions options = OptionsOf(seed);
      options.set_back = options.rekeys = false;
      options.ruin = ruin;
      const SimulationResult result = RunSimulation(options);
      refusals += result.refusals;
      ASSERT_TRUE(result.violations.empty())
          << "ruin " << static_cast<int>(ruin) << ", "
          << Failure(options, "simulation_test --gtest_filter=*RefusedByName");
    }
    EXPECT_GT(refusals, 25) << static_cast<int>(ruin);
  }
}

// All that was kept after some time is wrong, and is rebuilt from what was kept before it.
void RestoreAmidFaults(Restoring restoring) {
  int64_t restored = 0;
  const uint64_t only = FromEnvironment("TURNOUT_SIM_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t last = only != 0 ? only : std::clamp<uint64_t>(Seeds() / 6, 10, 20'000);
  for (uint64_t seed = first; seed <= last; ++seed) {
    SimulationOptions options = OptionsOf(seed);
    options.set_back = false;
    if (restoring == Restoring::kCurrent) options.rekeys = false;
    options.restoring = restoring;
    if (seed % 10 == 0) {  // passed over by the replay, too
      options.poison_max = 1;
      options.faults_max = 2;
    }
    const SimulationResult result = RunSimulation(options);
    restored += result.restored;
    ASSERT_TRUE(result.violations.empty())
        << Failure(options, absl::StrCat("TURNOUT_SIM_SEED=", seed,
                                         " simulation_test --gtest_filter=*RestoredOnce*"));
  }
  std::printf("%lld partitions restored\n", static_cast<long long>(restored));
  EXPECT_GE(restored, only != 0 ? 0 : static_cast<int64_t>(last / 2));
}

TEST(SimulationTest, WhatWasSpoiledIsRestoredOnceByTheRulesOfTheTime) {
  RestoreAmidFaults(Restoring::kInForce);
}

TEST(SimulationTest, WhatWasSpoiledIsRestoredOnceByTheRulesOfNow) {
  RestoreAmidFaults(Restoring::kCurrent);
}

// Small enough that every call of it can be the one that fails; something is remembered in it, and
// exactly once something is parked and drained.
SimulationOptions SmallRun(Delivery delivery, bool rekeys, bool overlaps, Restoring restoring) {
  SimulationOptions options = {.seed = 11,
                               .delivery = delivery,
                               .routers_max = 2,
                               .source_partitions_max = 2,
                               .events_max = 10,
                               .faults_max = 0,
                               .restoring = restoring,
                               .rekeys = rekeys,
                               .overlaps = overlaps,
                               .gives_up = overlaps};
  const int64_t drained_min = delivery == Delivery::kExactlyOnce ? 2 : 0;
  const int64_t restored_min = restoring == Restoring::kNot ? 0 : 1;
  for (;; ++options.seed) {
    const SimulationResult result = RunSimulation(options);
    if (result.restored < restored_min) continue;
    if (result.states >= 5 && result.drained >= drained_min) return options;
  }
}

void FailEveryCall(Delivery delivery, bool rekeys, bool overlaps = false,
                   Restoring restoring = Restoring::kNot) {
  SimulationOptions options = SmallRun(delivery, rekeys, overlaps, restoring);
  const SimulationResult undisturbed = RunSimulation(options);
  ASSERT_TRUE(undisturbed.violations.empty()) << Failure(options, "");
  std::map<Fault, int64_t> struck;
  for (int64_t call = 1; call <= undisturbed.calls; ++call) {
    for (const Fault fault : support::kAllFaults) {
      options.only_fault = {call, fault};
      const SimulationResult result = RunSimulation(options);
      struck[fault] += result.faults;
      ASSERT_TRUE(result.violations.empty())
          << "call " << call << ", " << support::FaultName(fault) << ", "
          << Failure(options, "simulation_test --gtest_filter=*EveryCall*");
    }
  }
  for (const Fault fault : support::kAllFaults) {
    EXPECT_GT(struck[fault], 0) << support::FaultName(fault) << " never took place";
  }
  std::printf("%lld calls, %lld states, %lld outputs drained\n",
              static_cast<long long>(undisturbed.calls), static_cast<long long>(undisturbed.states),
              static_cast<long long>(undisturbed.drained));
}

TEST(SimulationTest, EveryFaultAtEveryCallIsSurvivedExactlyOnce) {
  FailEveryCall(Delivery::kExactlyOnce, /*rekeys=*/false);
}

TEST(SimulationTest, EveryFaultAtEveryCallIsSurvivedAtLeastOnce) {
  FailEveryCall(Delivery::kAtLeastOnce, /*rekeys=*/false);
}

TEST(SimulationTest, EveryFaultAtEveryCallOfTwoHopsIsSurvivedExactlyOnce) {
  FailEveryCall(Delivery::kExactlyOnce, /*rekeys=*/true);
}

TEST(SimulationTest, EveryFaultAtEveryCallIsSurvivedWhereTransactionsOverlap) {
  FailEveryCall(Delivery::kExactlyOnce, /*rekeys=*/false, /*overlaps=*/true);
}

TEST(SimulationTest, EveryFaultAtEveryCallIsSurvivedWhereStatesAreRestored) {
  FailEveryCall(Delivery::kExactlyOnce, /*rekeys=*/false, /*overlaps=*/false, Restoring::kInForce);
}

TEST(SimulationTest, EveryFaultAtEveryCallIsSurvivedWhereRulesOfNowRestoreStates) {
  FailEveryCall(Delivery::kExactlyOnce, /*rekeys=*/false, /*overlaps=*/false, Restoring::kCurrent);
}

TEST(SimulationTest, TheSameSeedGivesTheSameTrace) {
  std::map<uint64_t, uint64_t> hashes;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimulationOptions options = OptionsOf(seed);
    const SimulationResult once = RunSimulation(options);
    options.keep_trace = true;
    const SimulationResult again = RunSimulation(options);
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
    EXPECT_EQ(once.calls, again.calls);
    ++hashes[once.trace_hash];
  }
  EXPECT_EQ(hashes.size(), 20u);  // and others give others
}

// The first seed in which the checks notice the bug.
void ExpectNoticed(Mutation mutation, Delivery delivery, bool set_back, bool rekeys = false,
                   bool overlaps = false, Restoring restoring = Restoring::kNot) {
  constexpr uint64_t kSeedsTried = 1'000;
  for (uint64_t seed = 1; seed <= kSeedsTried; ++seed) {
    SimulationOptions options = {.seed = seed,
                                 .delivery = delivery,
                                 .mutation = mutation,
                                 .set_back = set_back,
                                 .restoring = restoring,
                                 .rekeys = rekeys,
                                 .overlaps = overlaps};
    const SimulationResult result = RunSimulation(options);
    if (result.violations.empty()) continue;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                result.violations[0].c_str());
    options.mutation = Mutation::kNone;
    EXPECT_EQ(absl::StrJoin(RunSimulation(options).violations, "\n"), "");
    return;
  }
  FAIL() << MutationName(mutation) << " went unnoticed in " << kSeedsTried << " seeds";
}

// The checks are worth what they catch.
class MutationTest : public ::testing::TestWithParam<Mutation> {};

TEST_P(MutationTest, IsNoticedWithExactlyOnceDelivery) {
  const bool needs_set_back =
      GetParam() == Mutation::kBaseAhead || GetParam() == Mutation::kTimelinesForgotten;
  const auto is_among = [](absl::Span<const Mutation> some) {
    return std::find(some.begin(), some.end(), GetParam()) != some.end();
  };
  ExpectNoticed(GetParam(), Delivery::kExactlyOnce, needs_set_back, is_among(kRekeyMutations),
                is_among(kOverlapMutations),
                is_among(kRestoreMutations) ? Restoring::kInForce : Restoring::kNot);
}

TEST(SimulationTest, LossIsNoticedWithAtLeastOnceDeliveryToo) {
  for (const Mutation mutation : kMutationsOfAnyDelivery) {
    ExpectNoticed(mutation, Delivery::kAtLeastOnce, /*set_back=*/false);
  }
}

INSTANTIATE_TEST_SUITE_P(Bugs, MutationTest, ::testing::ValuesIn(kAllMutations),
                         [](const ::testing::TestParamInfo<Mutation>& tried) {
                           return std::string(MutationName(tried.param));
                         });
INSTANTIATE_TEST_SUITE_P(BugsOfStates, MutationTest, ::testing::ValuesIn(kStateMutations),
                         [](const ::testing::TestParamInfo<Mutation>& tried) {
                           return std::string(MutationName(tried.param));
                         });
INSTANTIATE_TEST_SUITE_P(BugsOfTheSecondHop, MutationTest, ::testing::ValuesIn(kRekeyMutations),
                         [](const ::testing::TestParamInfo<Mutation>& tried) {
                           return std::string(MutationName(tried.param));
                         });
INSTANTIATE_TEST_SUITE_P(BugsOfParking, MutationTest, ::testing::ValuesIn(kParkingMutations),
                         [](const ::testing::TestParamInfo<Mutation>& tried) {
                           return std::string(MutationName(tried.param));
                         });
INSTANTIATE_TEST_SUITE_P(BugsOfRestores, MutationTest, ::testing::ValuesIn(kRestoreMutations),
                         [](const ::testing::TestParamInfo<Mutation>& tried) {
                           return std::string(MutationName(tried.param));
                         });
INSTANTIATE_TEST_SUITE_P(BugsOfOverlap, MutationTest, ::testing::ValuesIn(kOverlapMutations),
                         [](const ::testing::TestParamInfo<Mutation>& tried) {
                           return std::string(MutationName(tried.param));
                         });

}  // namespace
}  // namespace turnout::simulation

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--seed=", 0) != 0) continue;
    setenv("TURNOUT_SIM_SEED", argument.substr(7).c_str(), 1);
    ::testing::GTEST_FLAG(filter) = "SimulationTest.EverySeed*";
  }
  return RUN_ALL_TESTS();
}
