#include "runtime/state_command.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/rule_set.h"
#include "runtime/real_time.h"
#include "runtime/rule_archive.h"
#include "runtime/rule_loader.h"
#include "state/checkpoint.h"
#include "state/checkpoint_location.h"
#include "state/directory_checkpoint_store.h"
#include "state/task_store.h"
#include "tests/support/fake_s3.h"
#include "tests/support/temp_directory.h"
#include "tests/support/temp_stream.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;

struct Answer {
  int status = 0;
  std::string out;
  std::string err;
};

Answer Ask(const StateOptions& options) {
  const support::TempStream out;
  const support::TempStream err;
  const int status = RunState(options, out.get(), err.get());
  return {status, out.text(), err.text()};
}

class StateCommand : public ::testing::Test {
 protected:
  StateCommand() : store_(state::TaskStore::Create(path(), &resources_, 7).value()) {
    store_->Put(1, "card-1", "\x01\xff", state::kNeverExpires);
    store_->Put(1, "card-2", "x", 500);
    store_->Put(0xabc, "user", "", 9000);
    store_->AdvanceWatermark(1000);
    EXPECT_TRUE(store_->Commit(42, "c0ffee").ok());
    EXPECT_TRUE(store_->Flush().ok());
  }

  std::string path() const { return directory_.path() + "/store"; }

  support::TempDirectory directory_;
  state::StateResources resources_{state::StateLimits{}};
  std::unique_ptr<state::TaskStore> store_;
};

constexpr char kCard1[] =
    "{\"step\":\"0000000000000001\",\"key\":\"card-1\",\"value_hex\":\"01ff\","
    "\"expires_at_ms\":null,\"expired\":false}\n";
constexpr char kCard2[] =
    "{\"step\":\"0000000000000001\",\"key\":\"card-2\",\"value_hex\":\"78\","
    "\"expires_at_ms\":500,\"expired\":true}\n";
constexpr char kUser[] =
    "{\"step\":\"0000000000000abc\",\"key\":\"user\",\"value_hex\":\"\","
    "\"expires_at_ms\":9000,\"expired\":false}\n";

TEST_F(StateCommand, ListsEntriesWhileTheStoreIsInUse) {
  EXPECT_EQ(Ask({.verb = "ls", .path = path()}).out, absl::StrCat(kCard1, kCard2, kUser));
  EXPECT_EQ(Ask({.verb = "ls", .path = path() + "/", .step = "abc"}).out, kUser);
  EXPECT_EQ(Ask({.verb = "ls", .path = path(), .limit = 1}).out, kCard1);
  EXPECT_EQ(Ask({.verb = "ls", .path = path(), .limit = 0}).status, 0);
}

TEST_F(StateCommand, GetsOneEntry) {
  const Answer answer = Ask({.verb = "get", .path = path(), .step = "1", .key = "card-2"});
  EXPECT_EQ(answer.out, kCard2);
  EXPECT_EQ(answer.status, 0);
  const Answer none = Ask({.verb = "get", .path = path(), .step = "1", .key = "card"});
  EXPECT_EQ(none.status, 1);
  EXPECT_EQ(none.err, "turnout state: step 0000000000000001 has no key `card` at offset 42\n");
  EXPECT_EQ(Ask({.verb = "get", .path = path(), .step = "1"}).status, 2);
}

TEST_F(StateCommand, NamesAKeyThatNoCommandLineCanHoldInHexadecimal) {
  for (const std::string& key : {std::string("a\0b", 3), std::string("\xff")}) {
    store_->Put(1, key, "y", state::kNeverExpires);
  }
  ASSERT_TRUE(store_->Commit(43, "c0ffee").ok());
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_THAT(Ask({.verb = "ls", .path = path(), .step = "1"}).out,
              testing::AllOf(HasSubstr("\"key\":\"a\\u0000b\",\"key_hex\":\"610062\","),
                             HasSubstr("\"key_hex\":\"ff\","), HasSubstr(kCard1)));
  const auto get = [&](std::string_view hex) {
    return Ask({.verb = "get", .path = path(), .step = "1", .key = BytesOfHex(hex)});
  };
  EXPECT_THAT(get("610062").out, HasSubstr("\"key_hex\":\"610062\",\"value_hex\":\"79\""));
  EXPECT_THAT(get("6100").err, HasSubstr("no key of the bytes 6100 "));
  EXPECT_EQ(get("").status, 1);
  EXPECT_FALSE(BytesOfHex("6").has_value());
  EXPECT_FALSE(BytesOfHex("6g").has_value());
}

// The rules of the store's rule set, kept beside the checkpoints.
TEST_F(StateCommand, NamesTheRulesOfStepsWhereTheRuleSetIsAtHand) {
  const router::Team team = [] {
    std::vector<router::Team> teams;
    std::vector<router::Problem> problems;
    teams = CompileRules("fraud.yaml",
                         "{team: fraud, destinations: [t], rules: [{name: cards, "
                         "match: {x: [1]}, steps: [{dedup: {key: card, for: 1h}}], to: t}]}",
                         {}, &problems);
    EXPECT_TRUE(problems.empty());
    return teams.at(0);
  }();
  const state::StepId step = team->rules[0].steps[0].id;
  const auto rules = router::RuleSet::Build({team});
  const std::string objects = directory_.path() + "/disk/checkpoints";
  state::DirectoryCheckpointStore store(objects);
  ASSERT_TRUE(RuleArchive(&store, "turnout-orders").Keep(*rules).ok());
  store_->Put(step, "card-1", "x", state::kNeverExpires);
  ASSERT_TRUE(store_->Commit(43, rules->hash()).ok());
  ASSERT_TRUE(store_->Flush().ok());
  state::TaskCheckpoints checkpoints(&store, "turnout-orders/orders/3",
                                     directory_.path() + "/scratch");
  ASSERT_TRUE(checkpoints.Take(store_.get(), 0).ok());
  const std::string local = directory_.path() + "/disk/tasks/orders/3";
  std::filesystem::create_directories(directory_.path() + "/disk/tasks/orders");
  store_ = nullptr;
  std::filesystem::rename(path(), local);
  const std::string owner = ",\"rule\":\"fraud/cards\",\"kind\":\"dedup\",";
  for (const std::string& place : {local, objects + "/turnout-orders/orders/3"}) {
    EXPECT_THAT(Ask({.verb = "ls", .path = place}).out,
                testing::AllOf(HasSubstr(owner + "\"key\":\"card-1\""), HasSubstr(kCard1)));
    EXPECT_THAT(Ask({.verb = "stats", .path = place}).out, HasSubstr(owner + "\"entries\":1"));
  }
}

TEST_F(StateCommand, CountsWhatEachStepHas) {
  const Answer answer = Ask({.verb = "stats", .path = path()});
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("{\"checkpoint\":null,\"start_offset\":7,\"applied_offset\":42,"
                                    "\"watermark_ms\":1000,\"rule_set\":\"c0ffee\","));
  EXPECT_THAT(answer.out,
              HasSubstr("\"steps\":[{\"step\":\"0000000000000001\",\"entries\":2,\"expired\":1,"
                        "\"bytes\":49},{\"step\":\"0000000000000abc\",\"entries\":1,"));
}

TEST_F(StateCommand, ChangesNothing) {
  store_ = nullptr;
  const auto listing = [&] {
    std::string names;
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      absl::StrAppend(&names, file.path().filename().string(), " ", file.file_size(), "\n");
    }
    return names;
  };
  const std::string before = listing();
  EXPECT_EQ(Ask({.verb = "ls", .path = path()}).status, 0);
  EXPECT_EQ(Ask({.verb = "stats", .path = path()}).status, 0);
  EXPECT_EQ(listing(), before);
}

TEST_F(StateCommand, ReadsACheckpointTheNewestSoundOneOrThatOfANumber) {
  const std::string objects = directory_.path() + "/objects";
  state::DirectoryCheckpointStore store(objects);
  state::TaskCheckpoints checkpoints(&store, "orders/3", directory_.path() + "/scratch");
  ASSERT_TRUE(checkpoints.Take(store_.get(), 0).ok());
  ASSERT_TRUE(store_->Commit(50, "c0ffee").ok());
  ASSERT_TRUE(checkpoints.Take(store_.get(), 0).ok());
  const std::string task = objects + "/orders/3";
  EXPECT_THAT(Ask({.verb = "stats", .path = task}).out,
              HasSubstr("{\"checkpoint\":2,\"start_offset\":7,\"applied_offset\":50,"));
  EXPECT_EQ(Ask({.verb = "get", .path = task, .step = "1", .key = "card-1", .checkpoint = 1}).out,
            kCard1);
  const Answer none = Ask({.verb = "ls", .path = task, .checkpoint = 3});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("manifest missing"));
  directory_.Write("objects/orders/3/manifests/0000000000000000002", "damaged");
  EXPECT_THAT(Ask({.verb = "stats", .path = task}).out, HasSubstr("{\"checkpoint\":1,"));
}

state::S3Options BucketAt(const std::string& endpoint, const std::string& secret) {
  return {.endpoint = endpoint, .environment = [secret](const std::string& name) {
            if (name == "AWS_ACCESS_KEY_ID") return std::string("AKID");
            if (name == "AWS_EC2_METADATA_DISABLED") return std::string("true");
            return name == "AWS_SECRET_ACCESS_KEY" ? secret : std::string();
          }};
}

TEST_F(StateCommand, ListsCheckpointsWithTheirTimes) {
  state::DirectoryCheckpointStore kept(directory_.path() + "/kept");
  state::TaskCheckpoints checkpoints(&kept, "3", directory_.path() + "/scratch");
  ASSERT_TRUE(checkpoints.Take(store_.get(), 1'800'000'000'000).ok());
  ASSERT_TRUE(store_->Commit(43, "c0ffee").ok());
  ASSERT_TRUE(checkpoints.Take(store_.get(), 1'800'000'060'123).ok());
  const std::string path = directory_.path() + "/kept/3";
  const Answer answer = Ask({.verb = "checkpoints", .path = path + "/"});
  EXPECT_EQ(answer.status, 0) << answer.err;
  const std::vector<std::string> lines = absl::StrSplit(answer.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("\"checkpoint\":1,\"time\":\"2027-01-15T08:00:00.000Z\""));
  EXPECT_THAT(lines[0], HasSubstr("\"applied_offset\":42,\"watermark_ms\":1000,"));
  EXPECT_THAT(lines[1], HasSubstr("\"checkpoint\":2,\"time\":\"2027-01-15T08:01:00.123Z\""));
  directory_.Write("kept/3/manifests/0000000000000000002", "damaged");
  EXPECT_THAT(Ask({.verb = "checkpoints", .path = path}).out,
              HasSubstr("{\"checkpoint\":2,\"damaged\":\"manifest damaged"));
  EXPECT_THAT(Ask({.verb = "checkpoints", .path = directory_.path() + "/kept/4"}).err,
              HasSubstr("there is no checkpoint at"));
}

TEST_F(StateCommand, ReadsACheckpointInABucket) {
  support::FakeS3 server;
  const state::S3Options s3 = BucketAt(server.address(), "secret");
  const auto store = state::MakeCheckpointStore("s3://bucket/turnout", s3, RealTimeAndChance());
  ASSERT_TRUE(store.ok()) << store.status();
  state::TaskCheckpoints checkpoints(store->get(), "3", directory_.path() + "/scratch");
  ASSERT_TRUE(checkpoints.Take(store_.get(), 0).ok());
  for (const std::string path : {"s3://bucket/turnout/3", "s3://bucket/turnout/3/"}) {
    EXPECT_EQ(Ask({.verb = "ls", .path = path, .s3 = s3}).out, absl::StrCat(kCard1, kCard2, kUser));
  }
  EXPECT_THAT(Ask({.verb = "stats", .path = "s3://bucket/turnout/3", .s3 = s3}).out,
              HasSubstr("{\"checkpoint\":1,\"start_offset\":7,\"applied_offset\":42,"));
}

TEST_F(StateCommand, SaysWhatToMendOfABucket) {
  support::FakeS3 server;
  struct Case {
    std::string path;
    std::string secret;
    std::string said;
  };
  for (const Case& one : {Case{"s3://bucket", "secret", "s3://BUCKET/PREFIX/GROUP/TOPIC/PARTITION"},
                          Case{"s3://bucket/", "secret", "s3://bucket names no task"},
                          Case{"s3://no bucket/3", "secret", "`no bucket` is no bucket's name"},
                          Case{"s3://bucket/4", "secret", "no checkpoint at s3://bucket/4"},
                          Case{"s3://bucket/4", "", "AWS_SECRET_ACCESS_KEY come together"}}) {
    const Answer answer =
        Ask({.verb = "stats", .path = one.path, .s3 = BucketAt(server.address(), one.secret)});
    EXPECT_EQ(answer.status, 2) << one.path;
    EXPECT_THAT(answer.err, HasSubstr(one.said));
    EXPECT_EQ(answer.out, "");
  }
}

TEST_F(StateCommand, SaysWhatIsWrong) {
  const Answer none = Ask({.verb = "ls", .path = directory_.path()});
  EXPECT_EQ(none.status, 2);
  EXPECT_EQ(none.err, "turnout state: there is no state in " + directory_.path() + "\n");
  EXPECT_EQ(Ask({.verb = "ls", .path = path(), .step = "no-id"}).status, 2);
  EXPECT_EQ(Ask({.verb = "rm", .path = path()}).status, 2);
}

}  // namespace
}  // namespace turnout::runtime
