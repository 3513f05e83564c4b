// Workers whose events wait for schemas, over a log in memory: whatever fails meanwhile, each event
// comes out once, in order, and what rules remember is what the source says.

#include "runtime/schema_waits.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/destinations.h"
#include "runtime/process_clock.h"
#include "runtime/worker.h"
#include "tests/support/memory_log.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source.h"
#include "tests/support/memory_state_keeper.h"
#include "tests/support/memory_task_home.h"
#include "tests/support/memory_topic_admin.h"
#include "tests/support/recording_observer.h"
#include "tests/support/rules_of.h"

namespace turnout::runtime {
namespace {

using support::Fault;
using support::MemoryRecord;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kSource[] = "events";
constexpr char kOut[] = "out";
constexpr char kDead[] = "events.dead-letter";
constexpr absl::Duration kSoon = absl::Seconds(20);

constexpr char kAll[] = R"(
team: a
destinations: [out]
rules: [{name: r, match: {id: [{exists: true}]}, to: out}]
)";
constexpr char kOnce[] = R"(
team: a
destinations: [out]
rules: [{name: r, match: {id: [{exists: true}]}, steps: [{dedup: {key: id, for: 1h}}], to: out}]
)";
constexpr char kByKey[] = R"(
team: a
destinations: [out]
rules: [{name: r, match: {$kafka: {key: [{exists: true}]}}, to: out}]
)";

// What is behind the header is JSON.
class AsItIs : public connectors::PayloadSchema {
 public:
  absl::Status AppendJson(std::string_view payload, std::string* json) const override {
    json->append(payload);
    return absl::OkStatus();
  }
};

// Ids are known unless they are said to fail.
class Registry {
 public:
  void Fail(uint32_t id, absl::Status status) {
    const absl::MutexLock lock(&mu_);
    failures_[id] = std::move(status);
  }
  void Heal(uint32_t id) {
    const absl::MutexLock lock(&mu_);
    failures_.erase(id);
  }
  absl::StatusOr<FetchedSchema> Fetch(uint32_t id) {
    const absl::MutexLock lock(&mu_);
    const auto failure = failures_.find(id);
    if (failure != failures_.end()) return failure->second;
    return FetchedSchema{.schema = std::make_shared<AsItIs>(), .text_bytes = 1};
  }

 private:
  absl::Mutex mu_;
  std::map<uint32_t, absl::Status> failures_;
};

// All that outlives a router.
struct World {
  World(const char* text, int partitions, uint64_t seed = 1) : random(seed) {
    rules = router::RuleSet::Build({support::TeamOf(text)},
                                   {.partitioned_by = std::string(router::kOnePartition)});
    feed.Publish(rules);
    source = log.CreateTopic(kSource, partitions);
    log.CreateTopic(kOut, 1);
    log.CreateTopic(kDead, 1);
  }

  void Add(int32_t partition, std::string value) {
    MemoryRecord record;
    record.key = "k";
    record.value = std::move(value);
    record.timestamp_ms = 1'700'000'000'000;
    source->partitions[partition]->Append(std::move(record));
  }
  // Of all transactions that have ended, whose markers are written a little later.
  std::vector<const MemoryRecord*> Read(const char* topic) {
    clock.Advance(absl::Seconds(1));
    log.Settle();
    return log.FindTopic(topic)->partitions[0]->ReadAll();
  }
  std::vector<std::string> Values(const char* topic) {
    std::vector<std::string> values;
    for (const MemoryRecord* record : Read(topic)) {
      values.push_back(record->value.value_or("null"));
    }
    return values;
  }
  std::vector<std::string> Reasons() {
    std::vector<std::string> reasons;
    for (const MemoryRecord* record : Read(kDead)) {
      reasons.push_back(record->Header("turnout-reason"));
    }
    return reasons;
  }

  support::SimulatedClock clock;  // the brokers'
  support::FaultPoints points{&clock};
  std::deque<support::SimulatedProcess> processes;  // the group asks for those of the dead, too
  support::SeededRandom random;
  support::MemoryLog log{{}, &clock};
  support::MemoryTopic* source = nullptr;
  std::shared_ptr<const router::RuleSet> rules;
  RuleFeed feed;
  support::MemoryCheckpoints checkpoints;
  std::shared_ptr<support::MemoryDisk> disk = std::make_shared<support::MemoryDisk>();
  ProcessClock time;
  Registry registry;
  absl::Duration wait_max = kSoon;
};

class Phases : public support::RecordingObserver {
 public:
  void OnTask(int, const std::string&, int32_t partition, TaskPhase phase,
              const std::string& text) override {
    if (phase == TaskPhase::kWaiting) told.push_back(absl::StrCat(partition, ": ", text));
  }
  std::vector<std::string> told;
};

class Router {
 public:
  explicit Router(World* world)
      : world_(world),
        process_(&world->processes.emplace_back()),
        schemas_(
            [world](uint32_t id, const std::atomic<bool>&) { return world->registry.Fetch(id); },
            world->wait_max),
        place_(
            world->disk, &world->checkpoints, [world](const std::string&) { return world->rules; },
            &world->points, process_, &world->random),
        keeper_(&place_, &world->clock, &world->random),
        source_({.topic = kSource, .group_id = "g"}, &world->log, &world->points, process_),
        sink_({.transactional_id = "t", .overlaps = true, .source_topic = kSource}, &world->log,
              &world->points, process_),
        admin_(&world->log, &world->points, process_),
        destinations_({}, &admin_, &world->time),
        worker_(OptionsOf(&schemas_), &source_, &sink_, &keeper_, &destinations_, &world->feed,
                &observer_, &world->time) {}
  ~Router() { process_->dead = true; }

  // False: it has died.
  bool Step() {
    try {
      keeper_.Work();
      worker_.Step();
    } catch (const support::SimulatedCrash&) {
      return false;
    }
    world_->clock.Advance(absl::Milliseconds(2));
    absl::SleepFor(absl::Microseconds(100));
    return true;
  }
  // Until it holds, or patience is over.
  template <typename Condition>
  bool RunUntil(Condition holds) {
    const absl::Time until = absl::Now() + kSoon;
    while (!holds()) {
      if (absl::Now() > until || !Step()) return false;
    }
    return true;
  }
  void RunFor(absl::Duration duration) {
    for (const absl::Time until = absl::Now() + duration; absl::Now() < until;) Step();
  }
  bool Commits(int32_t partition, int64_t offset) {
    return RunUntil([&] { return StatusOf(partition).next_offset == offset; });
  }
  PartitionStatus StatusOf(int32_t partition) {
    for (const PartitionStatus& one : observer_.statuses[0].partitions) {
      if (one.partition == partition) return one;
    }
    return {};
  }

  Phases& observer() { return observer_; }

 private:
  static WorkerOptions OptionsOf(SchemaRegistry* schemas) {
    WorkerOptions options;
    options.source_topic = kSource;
    options.dead_letter_topic = kDead;
    options.group = "g";
    options.backoff_min = absl::Milliseconds(1);
    options.backoff_max = absl::Milliseconds(5);
    options.event_tries_max = 3;
    options.schemas = schemas;
    return options;
  }

  World* const world_;
  support::SimulatedProcess* const process_;
  SchemaRegistry schemas_;
  support::MemoryStatePlace place_;
  support::MemoryStateKeeper keeper_;
  support::MemorySource source_;
  support::MemorySink sink_;
  support::MemoryTopicAdmin admin_;
  Destinations destinations_;
  Phases observer_;
  Worker worker_;
};

std::string ValueOf(uint32_t schema, std::string_view id) {
  std::string value(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(schema >> shift & 0xff);
  return absl::StrCat(value, R"({"id": ")", std::string(id), R"("})");
}
std::string Json(std::string_view id) {
  return absl::StrCat(R"({"id": ")", std::string(id), R"("})");
}

const absl::Status kDown = absl::UnavailableError("it answers 503");
const absl::Status kUnknown = absl::NotFoundError("it answers 404");

TEST(SchemaWaits, APartitionWaitsWhileOthersGoOn) {
  World world(kAll, 2);
  world.registry.Fail(7, kDown);
  world.Add(0, Json("a"));
  world.Add(0, ValueOf(7, "b"));
  world.Add(0, Json("c"));
  for (int i = 0; i < 100; ++i) world.Add(1, ValueOf(1, absl::StrCat("o", i)));
  Router router(&world);
  ASSERT_TRUE(router.Commits(1, 100));
  ASSERT_TRUE(router.Commits(0, 1));
  ASSERT_TRUE(router.RunUntil([&] { return !router.observer().told.empty(); }));
  EXPECT_THAT(router.observer().told, ElementsAre("0: it answers 503"));
  // The board is written now and then: what it says may be of before the answer.
  ASSERT_TRUE(router.RunUntil([&] { return router.StatusOf(0).reason == "it answers 503"; }));
  EXPECT_EQ(router.StatusOf(0).phase, TaskPhase::kWaiting);
  EXPECT_EQ(router.StatusOf(1).phase, TaskPhase::kLive);
  EXPECT_EQ(world.Values(kOut).size(), 101u);

  world.registry.Heal(7);
  ASSERT_TRUE(router.Commits(0, 3));
  EXPECT_EQ(router.StatusOf(0).phase, TaskPhase::kLive);
  std::vector<std::string> of_first = world.Values(kOut);
  std::erase_if(of_first, [](const std::string& value) { return absl::StrContains(value, "\"o"); });
  EXPECT_THAT(of_first, ElementsAre(Json("a"), ValueOf(7, "b"), Json("c")));
  EXPECT_THAT(world.Reasons(), IsEmpty());
}

TEST(SchemaWaits, WhatTheRegistryRefusesIsADeadLetterAtOnce) {
  World world(kAll, 1);
  world.registry.Fail(7, kUnknown);
  world.Add(0, ValueOf(7, "a"));
  world.Add(0, ValueOf(8, "b"));
  Router router(&world);
  ASSERT_TRUE(router.Commits(0, 2));
  EXPECT_THAT(world.Values(kOut), ElementsAre(ValueOf(8, "b")));
  EXPECT_THAT(world.Values(kDead), ElementsAre(ValueOf(7, "a")));
  EXPECT_THAT(world.Reasons(), ElementsAre("it answers 404"));
}

TEST(SchemaWaits, OneBadIdHoldsItsPartitionForWaitMaxOnce) {
  World world(kAll, 1);
  world.wait_max = absl::Milliseconds(500);
  world.registry.Fail(7, kDown);
  for (int i = 0; i < 20; ++i) {
    world.Add(0, ValueOf(7, absl::StrCat("bad", i)));
    world.Add(0, ValueOf(1, absl::StrCat("good", i)));
  }
  Router router(&world);
  const absl::Time begun = absl::Now();
  ASSERT_TRUE(router.Commits(0, 40));
  EXPECT_GE(absl::Now() - begun, absl::Milliseconds(450));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(3));
  EXPECT_EQ(world.Values(kOut).size(), 20u);
  ASSERT_EQ(world.Reasons().size(), 20u);
  for (const std::string& reason : world.Reasons())
    EXPECT_THAT(reason, HasSubstr("it answers 503"));

  world.registry.Heal(7);
  // It is asked for while its events come.
  for (int i = 40; world.Values(kOut).size() == 20u && i < 2'000; ++i) {
    world.Add(0, ValueOf(7, "later"));
    ASSERT_TRUE(router.Commits(0, i + 1));
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(world.Values(kOut).size(), 21u);
}

// A thousand ids that no registry answers, each of which might be waited for.
TEST(SchemaWaits, IdsThatAreMadeUpHoldAPartitionForWaitMaxTogether) {
  World world(kAll, 1);
  world.wait_max = absl::Milliseconds(500);
  for (uint32_t i = 0; i < 1'000; ++i) {
    world.registry.Fail(1'000 + i, kDown);
    world.Add(0, ValueOf(1'000 + i, "bad"));
    if (i % 10 == 0) world.Add(0, Json(absl::StrCat("good", i)));
  }
  Router router(&world);
  const absl::Time begun = absl::Now();
  ASSERT_TRUE(router.Commits(0, 1'100));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(30));  // one by one: 500
  EXPECT_EQ(world.Values(kOut).size(), 100u);
  EXPECT_EQ(world.Values(kDead).size(), 1'000u);
}

TEST(SchemaWaits, RulesThatAskForTheRecordAloneWaitForNoSchema) {
  World world(kByKey, 1);
  world.registry.Fail(7, kDown);
  world.Add(0, ValueOf(7, "a"));
  Router router(&world);
  ASSERT_TRUE(router.Commits(0, 1));
  EXPECT_THAT(world.Values(kOut), ElementsAre(ValueOf(7, "a")));
}

// Live it was a dead letter, so a replay that could read it must not remember it either.
TEST(SchemaWaits, AReplayDoesWithoutWhatLiveDidWithout) {
  World world(kOnce, 1);
  world.registry.Fail(7, kUnknown);
  world.Add(0, ValueOf(7, "a"));
  world.Add(0, ValueOf(1, "b"));
  {
    Router router(&world);
    ASSERT_TRUE(router.Commits(0, 2));
  }
  world.disk = std::make_shared<support::MemoryDisk>();
  world.registry.Heal(7);
  world.clock.Advance(absl::Minutes(2));  // the group forgets who died
  world.Add(0, ValueOf(1, "b"));
  world.Add(0, ValueOf(7, "a"));
  world.Add(0, ValueOf(1, "a"));
  Router router(&world);
  ASSERT_TRUE(router.Commits(0, 5));
  EXPECT_THAT(world.Values(kOut), ElementsAre(ValueOf(1, "b"), ValueOf(7, "a")));
}

// It remembers what live did, however long the registry is away.
TEST(SchemaWaits, AReplayWaitsForAsLongAsItTakes) {
  World world(kOnce, 1);
  world.wait_max = absl::Milliseconds(100);
  world.Add(0, ValueOf(1, "a"));
  {
    Router router(&world);
    ASSERT_TRUE(router.Commits(0, 1));
  }
  world.disk = std::make_shared<support::MemoryDisk>();
  world.registry.Fail(1, kDown);
  world.clock.Advance(absl::Minutes(2));
  world.Add(0, Json("a"));
  world.Add(0, Json("b"));
  Router router(&world);
  ASSERT_TRUE(router.RunUntil([&] { return !router.observer().told.empty(); }));
  router.RunFor(absl::Milliseconds(500));
  EXPECT_EQ(router.StatusOf(0).phase, TaskPhase::kWaiting);
  EXPECT_EQ(router.StatusOf(0).next_offset, 1);
  world.registry.Heal(1);
  ASSERT_TRUE(router.Commits(0, 3));
  EXPECT_THAT(world.Values(kOut), ElementsAre(ValueOf(1, "a"), Json("b")));
  EXPECT_THAT(world.Reasons(), IsEmpty());
}

// Ids that come and go, and whatever else may fail, by seeds.
class AnyFaults : public ::testing::TestWithParam<uint64_t> {};

TEST_P(AnyFaults, EachEventComesOutOnceAndInOrder) {
  constexpr int kPartitions = 3;
  constexpr int kEvents = 300;
  World world(kAll, kPartitions, GetParam());
  world.wait_max = absl::Milliseconds(400);
  world.registry.Fail(404, kUnknown);
  world.registry.Fail(500, kDown);
  std::map<std::string, int> places;  // of each value that is there, and where it lies
  std::vector<std::vector<std::string>> sent(kPartitions);
  for (int i = 0; i < kEvents; ++i) {
    const uint32_t ids[] = {1, 2, 3, 404, 500};
    const auto partition = static_cast<int32_t>(world.random.Below(kPartitions));
    const std::string id = absl::StrCat("e", i);
    std::string value = world.random.OneIn(3) ? Json(id) : ValueOf(ids[world.random.Below(5)], id);
    world.Add(partition, value);
    places[value] = partition;
    sent[partition].push_back(std::move(value));
  }
  int faults_left = 12;
  world.points.SetPlan([&](int64_t) -> std::optional<Fault> {
    if (faults_left == 0 || !world.random.OneIn(12)) return std::nullopt;
    --faults_left;
    return support::kAllFaults[world.random.Below(std::size(support::kAllFaults))];
  });
  const auto is_done = [&](Router& router) {
    for (int32_t partition = 0; partition < kPartitions; ++partition) {
      if (router.StatusOf(partition).next_offset !=
          world.source->partitions[partition]->end_offset()) {
        return false;
      }
    }
    return true;
  };
  auto router = std::make_unique<Router>(&world);
  const absl::Time until = absl::Now() + 2 * kSoon;
  uint32_t flapping = 1;
  while (!is_done(*router)) {
    ASSERT_LT(absl::Now(), until);
    if (world.random.OneIn(20)) {
      world.registry.Heal(flapping);
      flapping = static_cast<uint32_t>(1 + world.random.Below(3));
      if (world.random.OneIn(2)) world.registry.Fail(flapping, kDown);
    }
    if (!router->Step()) router = std::make_unique<Router>(&world);
  }
  std::multiset<std::string> came;
  for (const char* topic : {kOut, kDead}) {
    for (const std::string& value : world.Values(topic)) came.insert(value);
  }
  for (const auto& [value, partition] : places) EXPECT_EQ(came.count(value), 1u) << value;
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    std::vector<std::string> in_order;
    for (const std::string& value : world.Values(kOut)) {
      if (places.at(value) == partition) in_order.push_back(value);
    }
    std::vector<std::string> due = sent[partition];
    const std::set<std::string> arrived(in_order.begin(), in_order.end());
    std::erase_if(due, [&](const std::string& value) { return !arrived.contains(value); });
    EXPECT_EQ(in_order, due);
  }
  for (const std::string& value : world.Values(kDead)) {
    EXPECT_EQ(value.front(), '\0') << "what is JSON waits for nothing of its own";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyFaults, ::testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace turnout::runtime
