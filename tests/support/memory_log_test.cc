// The fake is held to what Kafka does where exactly-once depends on it.
#include "tests/support/memory_log.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source.h"
#include "tests/support/memory_topic_admin.h"
#include "tests/support/murmur2.h"

namespace turnout::support {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using connectors::DestinationFailure;
using connectors::GroupMetadata;
using connectors::SourceOffset;

// Writes down what a listener is told, in order: "A0 A1" assigned, "R1" revoked, "L0" lost.
class Diary : public connectors::AssignmentListener {
 public:
  void OnAssigned(absl::Span<const SourceOffset> committed) override {
    for (const SourceOffset& offset : committed) {
      Add("A", offset.partition);
      starts[offset.partition] = offset.offset;
      if (hold_in == nullptr) continue;
      EXPECT_TRUE(hold_in->Hold({offset.partition}).ok());
    }
  }
  void OnRevoked(absl::Span<const int32_t> partitions) override {
    for (const int32_t partition : partitions) Add("R", partition);
  }
  void OnLost(absl::Span<const int32_t> partitions) override {
    for (const int32_t partition : partitions) Add("L", partition);
  }
  std::string Take() { return std::exchange(text_, ""); }

  std::map<int32_t, int64_t> starts;
  connectors::Source* hold_in = nullptr;  // holds there whatever is assigned

 private:
  void Add(const std::string& what, int32_t partition) {
    text_ += (text_.empty() ? "" : " ") + what + std::to_string(partition);
  }
  std::string text_;
};

// One client: a process with a source and a sink.
struct Client {
  Client(const std::string& name, MemoryLog* log, FaultPoints* points,
         const std::string& transactional_id = "")
      : process{.name = name},
        source({.topic = "events", .group_id = "group"}, log, points, &process),
        sink({.transactional_id = transactional_id.empty() ? name : transactional_id,
              .source_topic = "events"},
             log, points, &process) {}

  // Polls until events have come or `tries` are over; returns their values.
  std::vector<std::string> Poll(int tries = 1) {
    std::vector<std::string> values;
    for (int i = 0; i < tries && values.empty(); ++i) {
      const auto events = source.Poll(absl::Milliseconds(10), diary);
      if (!events.ok()) continue;
      for (const connectors::Event& event : *events) values.emplace_back(event.value);
    }
    return values;
  }

  SimulatedProcess process;
  MemorySource source;
  MemorySink sink;
  Diary diary;
};

class MemoryLogTest : public ::testing::Test {
 protected:
  MemoryLogTest() : log_({}, &clock_), points_(&clock_) {
    log_.CreateTopic("events", 2);
    log_.CreateTopic("out", 1);
    log_.CreateTopic("other", 1);
  }

  void Event(int32_t partition, const std::string& value) {
    log_.FindTopic("events")->partitions[partition]->Append({.value = value});
  }
  std::vector<std::string> Read(const std::string& topic) {
    std::vector<std::string> values;
    for (const MemoryRecord* record : log_.FindTopic(topic)->partitions[0]->ReadAll()) {
      values.push_back(record->value.value_or("null"));
    }
    return values;
  }
  int64_t Committed(int32_t partition) {
    return log_.Group("group", "events")->CommittedOffset(partition);
  }
  // Long enough for every marker to land.
  void LetMarkersLand() { clock_.Advance(absl::Milliseconds(50)); }
  void OpenAndBegin(Client& client) {
    while (!client.sink.Open().ok()) LetMarkersLand();
    ASSERT_TRUE(client.sink.Begin().ok());
  }
  static absl::Status Produce(Client& client, std::string_view topic, std::string_view value) {
    return client.sink.Produce({.topic = topic, .key = "k", .value = value});
  }
  // A client that has joined alone and owns both partitions.
  void JoinAlone(Client& client) {
    client.Poll(3);
    ASSERT_EQ(client.diary.Take(), "A0 A1");
  }
  // Everybody polls until the group is stable.
  static void Settle(std::vector<Client*> clients) {
    for (int i = 0; i < 6; ++i) {
      for (Client* client : clients) client->Poll();
    }
  }

  SimulatedClock clock_;
  MemoryLog log_;
  FaultPoints points_;
};

TEST_F(MemoryLogTest, PartitionsAreChosenAsJavaClientsDo) {
  // Vectors of Kafka's own UtilsTest.
  EXPECT_EQ(Murmur2("21"), -973932308);
  EXPECT_EQ(Murmur2("foobar"), -790332482);
  EXPECT_EQ(Murmur2("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(Murmur2("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(Murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(Murmur2("abc"), 479470107);
}

TEST_F(MemoryLogTest, OutputsAndOffsetsOfATransactionAppearTogether) {
  Client client("a", &log_, &points_);
  JoinAlone(client);
  OpenAndBegin(client);
  ASSERT_TRUE(Produce(client, "out", "1").ok());
  ASSERT_TRUE(Produce(client, "other", "2").ok());
  LetMarkersLand();
  EXPECT_THAT(Read("out"), IsEmpty());
  const GroupMetadata group = client.source.group_metadata();
  ASSERT_TRUE(client.sink.Commit({{.partition = 0, .offset = 7, .note = "n"}}, group).ok());
  LetMarkersLand();
  EXPECT_THAT(Read("out"), ElementsAre("1"));
  EXPECT_THAT(Read("other"), ElementsAre("2"));
  EXPECT_EQ(Committed(0), 7);
  EXPECT_EQ(log_.Group("group", "events")->Fetch(0)->note, "n");
  EXPECT_EQ(Committed(1), -1);
}

TEST_F(MemoryLogTest, ReadersNeverSeeAnAbortedTransaction) {
  Client client("a", &log_, &points_);
  JoinAlone(client);
  OpenAndBegin(client);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Produce(client, "out", "gone").ok());
  ASSERT_TRUE(client.sink.Abort().ok());
  LetMarkersLand();
  ASSERT_TRUE(client.sink.Begin().ok());
  ASSERT_TRUE(Produce(client, "out", "kept").ok());
  const GroupMetadata group = client.source.group_metadata();
  ASSERT_TRUE(client.sink.Commit({{.partition = 0, .offset = 1}}, group).ok());
  LetMarkersLand();
  EXPECT_THAT(Read("out"), ElementsAre("kept"));
  // Markers take offsets, as in Kafka: at least one of each transaction.
  EXPECT_GT(log_.FindTopic("out")->partitions[0]->end_offset(), 2);
}

TEST_F(MemoryLogTest, AnOpenTransactionHoldsBackWhatOthersWroteAfterIt) {
  MemoryPartition partition;
  partition.AppendInTransaction(1, {.value = "slow"});
  partition.Append({.value = "plain"});
  partition.AppendInTransaction(2, {.value = "fast"});
  partition.WriteMarker(2, true);
  EXPECT_THAT(partition.ReadAll(), IsEmpty());
  EXPECT_EQ(partition.last_stable_offset(), 0);
  partition.WriteMarker(1, false);
  ASSERT_THAT(partition.ReadAll(), SizeIs(2));
  EXPECT_EQ(partition.ReadAll()[0]->offset, 1);
  EXPECT_EQ(partition.ReadAll()[1]->offset, 2);
  EXPECT_EQ(partition.last_stable_offset(), 5);
}

TEST_F(MemoryLogTest, ADeletedPrefixIsNotRead) {
  MemoryPartition partition;
  for (int i = 0; i < 5; ++i) partition.Append({.value = std::to_string(i)});
  partition.DeleteBefore(3);
  EXPECT_EQ(partition.start_offset(), 3);
  EXPECT_EQ(partition.Read(0)->offset, 3);
}

TEST_F(MemoryLogTest, OpeningFencesTheOwnerOfTheIdAndAbortsItsTransaction) {
  Client ghost("ghost", &log_, &points_, "id");
  Client heir("heir", &log_, &points_, "id");
  JoinAlone(ghost);
  OpenAndBegin(ghost);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Produce(ghost, "out", "ghost").ok());
  EXPECT_TRUE(absl::IsUnavailable(heir.sink.Open()));  // the ghost's markers are under way
  LetMarkersLand();
  ASSERT_TRUE(heir.sink.Open().ok());
  const GroupMetadata group = ghost.source.group_metadata();
  EXPECT_TRUE(
      absl::IsFailedPrecondition(ghost.sink.Commit({{.partition = 0, .offset = 9}}, group)));
  EXPECT_TRUE(absl::IsFailedPrecondition(ghost.sink.Abort()));
  LetMarkersLand();
  EXPECT_THAT(Read("out"), IsEmpty());
  EXPECT_EQ(Committed(0), -1);
  EXPECT_EQ(log_.FindTopic("out")->partitions[0]->last_stable_offset(),
            log_.FindTopic("out")->partitions[0]->end_offset());
}

TEST_F(MemoryLogTest, ATransactionThatTakesTooLongIsAbortedAndItsOwnerFenced) {
  Client client("a", &log_, &points_);
  JoinAlone(client);
  OpenAndBegin(client);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Produce(client, "out", "late").ok());
  clock_.Advance(absl::Seconds(61));
  LetMarkersLand();
  EXPECT_TRUE(log_.transactions().idle());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      client.sink.Commit({{.partition = 0, .offset = 1}}, client.source.group_metadata())));
  EXPECT_THAT(Read("out"), IsEmpty());
}

TEST_F(MemoryLogTest, OffsetsOfAGenerationThatIsOverAreRefused) {
  Client first("a", &log_, &points_);
  Client second("b", &log_, &points_);
  JoinAlone(first);
  const GroupMetadata old = first.source.group_metadata();
  Settle({&first, &second});
  OpenAndBegin(first);
  EXPECT_TRUE(absl::IsAborted(first.sink.Commit({{.partition = 0, .offset = 3}}, old)));
  ASSERT_TRUE(first.sink.Abort().ok());
  LetMarkersLand();
  ASSERT_TRUE(first.sink.Begin().ok());
  const GroupMetadata current = first.source.group_metadata();
  EXPECT_TRUE(first.sink.Commit({{.partition = 0, .offset = 3}}, current).ok());
}

TEST_F(MemoryLogTest, OffsetsOfAMemberThatFellSilentAreRefused) {
  Client zombie("a", &log_, &points_);
  JoinAlone(zombie);
  OpenAndBegin(zombie);
  zombie.process.suspended = true;
  clock_.Advance(absl::Seconds(11));
  zombie.process.suspended = false;
  EXPECT_EQ(log_.Group("group", "events")->members(), 0u);
  const GroupMetadata group = zombie.source.group_metadata();
  EXPECT_TRUE(absl::IsAborted(zombie.sink.Commit({{.partition = 0, .offset = 3}}, group)));
  EXPECT_TRUE(absl::IsFailedPrecondition(zombie.source.Commit({{.partition = 0, .offset = 3}})));
  zombie.Poll(3);
  EXPECT_EQ(zombie.diary.Take(), "L0 L1 A0 A1");
  EXPECT_EQ(Committed(0), -1);
}

TEST_F(MemoryLogTest, AnOffsetIsUnstableWhileItsTransactionIsOpen) {
  Client client("a", &log_, &points_);
  JoinAlone(client);
  // The offsets arrive, the end doesn't: its answer is lost on the way there.
  points_.SetPlan([n = points_.calls() + 5](int64_t call) {
    return call == n ? std::optional(Fault::kUnavailableBefore) : std::nullopt;
  });
  OpenAndBegin(client);
  const GroupMetadata group = client.source.group_metadata();
  ASSERT_TRUE(absl::IsUnavailable(client.sink.Commit({{.partition = 0, .offset = 4}}, group)));
  MemoryGroup* const coordinator = log_.Group("group", "events");
  EXPECT_TRUE(absl::IsUnavailable(coordinator->Fetch(0).status()));
  EXPECT_TRUE(coordinator->Fetch(1).ok());
  EXPECT_EQ(Committed(0), -1);
  ASSERT_TRUE(client.sink.Commit({{.partition = 0, .offset = 4}}, group).ok());
  LetMarkersLand();
  EXPECT_EQ(coordinator->Fetch(0)->offset, 4);
}

TEST_F(MemoryLogTest, OfTwoPendingOffsetsTheLaterAppendedOneStays) {
  MemoryGroup group("g", 1, {}, &clock_);
  ASSERT_TRUE(group.CommitInTransaction(1, {{.partition = 0, .offset = 5}}, {}).ok());
  ASSERT_TRUE(group.CommitInTransaction(2, {{.partition = 0, .offset = 9}}, {}).ok());
  group.Resolve(2, true);
  group.Resolve(1, true);
  EXPECT_EQ(group.CommittedOffset(0), 9);
}

TEST_F(MemoryLogTest, ACommitWhoseAnswerWasLostMayBeAskedForAgain) {
  Client client("a", &log_, &points_);
  JoinAlone(client);
  OpenAndBegin(client);
  ASSERT_TRUE(Produce(client, "out", "once").ok());
  for (int step = 1; step <= 3; ++step) {  // the records, the offsets, the end
    points_.SetPlan([n = points_.calls() + step](int64_t call) {
      return call == n ? std::optional(Fault::kUnavailableAfter) : std::nullopt;
    });
    EXPECT_TRUE(absl::IsUnavailable(client.sink.Commit({{.partition = 0, .offset = 1}},
                                                       client.source.group_metadata())))
        << step;
  }
  points_.SetPlan(nullptr);
  ASSERT_TRUE(
      client.sink.Commit({{.partition = 0, .offset = 1}}, client.source.group_metadata()).ok());
  LetMarkersLand();
  EXPECT_THAT(Read("out"), ElementsAre("once"));
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(MemoryLogTest, APartitionIsRevokedBeforeItIsAssignedElsewhere) {
  Client first("a", &log_, &points_);
  Client second("b", &log_, &points_);
  JoinAlone(first);
  second.Poll();
  EXPECT_EQ(second.diary.Take(), "");  // the round waits for the first
  first.Poll();
  EXPECT_EQ(first.diary.Take(), "R1");  // and keeps what stays with it
  EXPECT_EQ(second.diary.Take(), "");
  Settle({&second, &first});
  EXPECT_EQ(second.diary.Take(), "A1");
  EXPECT_EQ(first.diary.Take(), "");
  second.source.Close(second.diary, absl::Seconds(1));
  EXPECT_EQ(second.diary.Take(), "R1");
  Settle({&first});
  EXPECT_EQ(first.diary.Take(), "A1");
}

TEST_F(MemoryLogTest, TheNewOwnerReadsFromTheCommittedOffset) {
  for (int i = 0; i < 4; ++i) Event(0, std::to_string(i));
  Client first("a", &log_, &points_);
  JoinAlone(first);
  ASSERT_TRUE(first.source.Commit({{.partition = 0, .offset = 2}}).ok());
  first.process.dead = true;
  clock_.Advance(absl::Seconds(11));
  Client second("b", &log_, &points_);
  std::vector<std::string> values;
  for (int i = 0; i < 8; ++i) {
    for (std::string& value : second.Poll()) values.push_back(std::move(value));
  }
  EXPECT_EQ(second.diary.starts[0], 2);
  EXPECT_EQ(second.diary.starts[1], -1);
  EXPECT_THAT(values, ElementsAre("2", "3"));
}

TEST_F(MemoryLogTest, ARewoundPartitionIsReadAgain) {
  Event(0, "0");
  Event(0, "1");
  Client client("a", &log_, &points_);
  while (client.source.EndOffset(0) < 0) client.Poll();
  for (int i = 0; i < 5; ++i) client.Poll();
  EXPECT_THAT(client.Poll(), IsEmpty());
  const std::vector<SourceOffset> targets = {{.partition = 0, .offset = 1},
                                             {.partition = 9, .offset = 0}};
  ASSERT_TRUE(client.source.Rewind(targets).ok());
  EXPECT_THAT(client.Poll(), ElementsAre("1"));
}

TEST_F(MemoryLogTest, AHeldPartitionIsNotReadUntilItIsRewoundAndOthersAre) {
  for (int i = 0; i < 3; ++i) Event(0, std::to_string(i));
  Client client("a", &log_, &points_);
  client.diary.hold_in = &client.source;
  JoinAlone(client);
  EXPECT_THAT(client.Poll(5), IsEmpty());
  Event(1, "other");
  ASSERT_TRUE(client.source.Rewind({{.partition = 1, .offset = -1}}).ok());
  EXPECT_THAT(client.Poll(5), ElementsAre("other"));
  EXPECT_THAT(client.Poll(5), IsEmpty());
  ASSERT_TRUE(client.source.Rewind({{.partition = 0, .offset = 2}}).ok());
  EXPECT_THAT(client.Poll(5), ElementsAre("2"));
  // Between two polls, and from where reading began.
  ASSERT_TRUE(client.source.Hold({{0, 7}}).ok());
  Event(0, "3");
  EXPECT_THAT(client.Poll(5), IsEmpty());
  ASSERT_TRUE(client.source.Rewind({{.partition = 0, .offset = -1}}).ok());
  EXPECT_EQ(client.Poll(5).front(), "0");
}

TEST_F(MemoryLogTest, AHeldPartitionIsRevokedAndComesBackUnheld) {
  Event(0, "0");
  Event(1, "1");
  Client first("a", &log_, &points_);
  first.diary.hold_in = &first.source;
  JoinAlone(first);
  Client second("b", &log_, &points_);
  Settle({&first, &second});
  EXPECT_EQ(first.diary.Take().front(), 'R');
  second.process.dead = true;
  first.diary.hold_in = nullptr;
  std::vector<std::string> values;
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(absl::Seconds(1));
    for (std::string& value : first.Poll()) values.push_back(std::move(value));
  }
  // The one that stayed is held still.
  EXPECT_THAT(values, SizeIs(1));
}

TEST_F(MemoryLogTest, TheBeginningIsTheFirstOffsetLeft) {
  for (int i = 0; i < 3; ++i) Event(1, std::to_string(i));
  Client client("a", &log_, &points_);
  EXPECT_EQ(client.source.BeginOffset(1).value_or(-1), 0);
  log_.FindTopic("events")->partitions[1]->DeleteBefore(2);
  EXPECT_EQ(client.source.BeginOffset(1).value_or(-1), 2);
}

TEST_F(MemoryLogTest, HoldingAndAskingForTheBeginningAreCallsThatMayFail) {
  Client client("a", &log_, &points_);
  JoinAlone(client);
  points_.SetPlan([](int64_t) { return std::optional(Fault::kUnavailableBefore); });
  EXPECT_TRUE(absl::IsUnavailable(client.source.BeginOffset(0).status()));
  EXPECT_TRUE(client.source.Hold({0}).ok());  // asks nobody
  for (const Fault fault : {Fault::kCrashBefore, Fault::kCrashAfter}) {
    points_.SetPlan([fault](int64_t) { return std::optional(fault); });
    EXPECT_THROW(client.source.Hold({0}).IgnoreError(), SimulatedCrash);
    EXPECT_THROW(client.source.BeginOffset(0).IgnoreError(), SimulatedCrash);
  }
  points_.SetPlan(nullptr);
}

TEST_F(MemoryLogTest, RefusedRecordsAbortTheTransactionAndNameTheirDestination) {
  log_.CreateTopic("small", 1, 100);
  log_.CreateTopic("closed", 1)->forbidden = true;
  Client client("a", &log_, &points_);
  JoinAlone(client);
  OpenAndBegin(client);
  Produce(client, "small", std::string(50, 'x')).IgnoreError();
  Produce(client, "closed", "x").IgnoreError();
  EXPECT_TRUE(absl::IsAborted(
      client.sink.Commit({{.partition = 0, .offset = 1}}, client.source.group_metadata())));
  const std::vector<DestinationFailure> failures = client.sink.FailuresOfTransaction();
  ASSERT_FALSE(failures.empty());
  EXPECT_EQ(failures[0].topic, "small");
  EXPECT_EQ(failures[0].kind, DestinationFailure::Kind::kRecordTooLarge);
  EXPECT_EQ(failures[0].record_bytes, 50);
  ASSERT_TRUE(client.sink.Abort().ok());
  LetMarkersLand();
  EXPECT_EQ(Committed(0), -1);
}

TEST_F(MemoryLogTest, TopicsAreDescribedInTheOrderAskedFor) {
  log_.CreateTopic("closed", 1)->forbidden = true;
  SimulatedProcess process{.name = "admin"};
  MemoryTopicAdmin admin(&log_, &points_, &process);
  const auto described =
      admin.Describe({"none", "events", "closed"}, /*may_write=*/true, absl::Seconds(1));
  ASSERT_TRUE(described.ok());
  ASSERT_THAT(*described, SizeIs(3));
  using State = connectors::TopicDescription::State;
  EXPECT_EQ((*described)[0].state, State::kMissing);
  EXPECT_EQ((*described)[1].state, State::kReady);
  EXPECT_EQ((*described)[1].partitions, 2);
  EXPECT_EQ((*described)[2].state, State::kForbidden);
  ASSERT_TRUE(admin.Create({{.topic = "none", .partitions = 3}}, absl::Seconds(1)).ok());
  EXPECT_THAT(log_.FindTopic("none")->partitions, SizeIs(3));
}

TEST_F(MemoryLogTest, ACrashEndsTheProcessBeforeOrAfterTheEffect) {
  for (const Fault fault : {Fault::kCrashBefore, Fault::kCrashAfter}) {
    Client client("a", &log_, &points_, "id");
    while (!client.sink.Open().ok()) LetMarkersLand();
    points_.SetPlan([&](int64_t) { return std::optional(fault); });
    EXPECT_THROW(client.source.Commit({}).IgnoreError(), SimulatedCrash);
    EXPECT_TRUE(client.process.dead);
    points_.SetPlan(nullptr);
  }
}

}  // namespace
}  // namespace turnout::support
