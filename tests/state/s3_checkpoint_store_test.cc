// The store against a bucket in memory that fails as it is told. tests/s3 has the real servers.
#include "state/s3_checkpoint_store.h"

#include <sched.h>
#include <sys/mount.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/checkpoint.h"
#include "state/checkpoint_location.h"
#include "state/files.h"
#include "tests/state/state_batches.h"
#include "tests/support/fake_s3.h"
#include "tests/support/memory_state.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

using support::FakeS3;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Fault = FakeS3::Fault;
using Reply = FakeS3::Reply;
using Request = FakeS3::Request;
using Trouble = FakeS3::Trouble;

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;
constexpr absl::StatusCode kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr uint64_t kPartBytes = 1 << 20;

class S3CheckpointStoreTest : public ::testing::Test {
 protected:
  S3CheckpointStoreTest() { Reset(); }

  // A new bucket.
  void Reset() {
    hook_ = nullptr;
    server_ = std::make_unique<FakeS3>([this](const Request& request, int number) {
      return hook_ == nullptr ? Trouble() : hook_(request, number);
    });
    store_ = Open(OptionsOf(server_->address()));
  }

  S3Options OptionsOf(const std::string& endpoint) {
    return {.bucket = "bucket",
            .prefix = "turnout/shop",
            .endpoint = endpoint,
            .environment =
                [](const std::string& name) {
                  if (name == "AWS_ACCESS_KEY_ID") return "AKID";
                  return name == "AWS_SECRET_ACCESS_KEY" ? "secret" : "";
                },
            .part_bytes = kPartBytes,
            .list_page_keys = 7,
            .stall_timeout = absl::Seconds(1)};
  }

  TimeAndChance Time() {
    return {.now = [this] { return now_; },
            .sleep =
                [this](absl::Duration wait) {
                  if (before_wait_ != nullptr) std::exchange(before_wait_, nullptr)();
                  now_ += wait;
                  ++waits_;
                },
            .random = [this] { return random_.Next(); }};
  }

  std::unique_ptr<CheckpointStore> Open(S3Options options) {
    auto store = S3CheckpointStore::Create(std::move(options), Time());
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  std::string At(const std::string& name) const { return directory_.path() + "/" + name; }

  static std::string Bytes(size_t size, uint64_t seed = 1) {
    support::SeededRandom random(seed);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Next());
    return bytes;
  }

  std::string Downloaded(const std::string& name) {
    const absl::StatusOr<FileDigest> got = store_->Get(name, At("down"));
    if (!got.ok()) return got.status().ToString();
    std::string bytes = ReadFile(At("down"), 1 << 30).value();
    EXPECT_EQ(got->sha256, Sha256(bytes));
    EXPECT_EQ(got->bytes, bytes.size());
    return bytes;
  }

  support::TempDirectory directory_;
  support::SeededRandom random_{3};
  absl::Time now_ = absl::FromUnixSeconds(1'795'600'000);
  int waits_ = 0;
  std::function<void()> before_wait_;
  FakeS3::Hook hook_;
  std::unique_ptr<FakeS3> server_;
  std::unique_ptr<CheckpointStore> store_;
};

TEST_F(S3CheckpointStoreTest, KeepsObjectsBelowItsPrefix) {
  ASSERT_TRUE(store_->Put("orders/3/files/ab", directory_.Write("up", "some bytes")).ok());
  ASSERT_TRUE(store_->Put("orders/3/files/cd", directory_.Write("up", "")).ok());
  EXPECT_TRUE(store_->PutIfAbsent("orders/3/manifests/1", "one").value());
  EXPECT_FALSE(store_->PutIfAbsent("orders/3/manifests/1", "two").value());
  server_->Set("turnout/shop2/x", "somebody else's");

  EXPECT_EQ(server_->objects().at("turnout/shop/orders/3/files/ab"), "some bytes");
  EXPECT_EQ(Downloaded("orders/3/files/ab"), "some bytes");
  EXPECT_EQ(Downloaded("orders/3/files/cd"), "");
  EXPECT_EQ(store_->Read("orders/3/manifests/1", 3).value(), "one");
  EXPECT_EQ(store_->Read("orders/3/manifests/1", 2).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store_->Read("orders/3/manifests/2", 3).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->Get("none", At("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->Digest("none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Exists(At("none")));

  const auto all = store_->List("");
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].name, "orders/3/files/ab");
  EXPECT_EQ((*all)[0].bytes, 10u);
  EXPECT_EQ((*all)[0].modified_ms, 1795636800000);
  EXPECT_TRUE(store_->Remove("orders/3/files/ab").ok());
  EXPECT_TRUE(store_->Remove("orders/3/files/ab").ok());
  EXPECT_EQ(store_->List("orders/3/files/")->size(), 1u);
  EXPECT_EQ(store_->List("nothing/")->size(), 0u);
}

TEST_F(S3CheckpointStoreTest, ListsPageAfterPage) {
  for (int i = 0; i < 50; ++i) server_->Set(absl::StrFormat("turnout/shop/a b+c/%02d", i), "x");
  const auto listed = store_->List("a b+c/");
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ((*listed)[i].name, absl::StrFormat("a b+c/%02d", i));
  EXPECT_EQ(server_->requests().size(), 8u);
}

TEST_F(S3CheckpointStoreTest, SendsLargeFilesInParts) {
  const std::string large = Bytes(3 * kPartBytes + 17);
  ASSERT_TRUE(store_->Put("large", directory_.Write("up", large)).ok());
  EXPECT_TRUE(server_->objects().at("turnout/shop/large") == large);
  EXPECT_EQ(server_->open_uploads(), 0u);
  EXPECT_EQ(server_->requests().size(), 6u);
  EXPECT_TRUE(Downloaded("large") == large);

  // As much as one part holds goes at once.
  ASSERT_TRUE(store_->Put("small", directory_.Write("up", Bytes(kPartBytes))).ok());
  EXPECT_EQ(server_->requests().size(), 8u);
}

TEST_F(S3CheckpointStoreTest, AnUploadThatFailsShowsNothingAndLeavesNoParts) {
  hook_ = [](const Request& request, int) {
    return absl::StrContains(request.target, "partNumber=3")
               ? Trouble{.instead = FakeS3::Error(403, "AccessDenied")}
               : Trouble();
  };
  const absl::Status status = store_->Put("large", directory_.Write("up", Bytes(3 * kPartBytes)));
  EXPECT_EQ(status.code(), kInvalidArgument);
  EXPECT_TRUE(server_->objects().empty());
  EXPECT_EQ(server_->open_uploads(), 0u);
}

TEST_F(S3CheckpointStoreTest, BelievesNoCompletionThatHoldsAnError) {
  bool failed = false;
  hook_ = [&](const Request& request, int) {
    if (request.method != "POST" || !absl::StrContains(request.target, "uploadId") || failed) {
      return Trouble();
    }
    failed = true;
    return Trouble{.instead = Reply{.body = FakeS3::Error(0, "InternalError").body}};
  };
  const std::string large = Bytes(2 * kPartBytes);
  ASSERT_TRUE(store_->Put("large", directory_.Write("up", large)).ok());
  EXPECT_TRUE(failed);
  EXPECT_TRUE(server_->objects().at("turnout/shop/large") == large);
}

// Every fault that passes, at every request of an operation: it succeeds all the same.
TEST_F(S3CheckpointStoreTest, EachOperationGetsOverEachFaultAtEachRequest) {
  const std::vector<std::pair<std::string, Trouble>> faults = {
      {"500", {.instead = FakeS3::Error(500, "InternalError")}},
      {"slow down", {.instead = FakeS3::Error(503, "SlowDown")}},
      {"proxy", {.instead = Reply{.status = 502, .body = "<html>Bad Gateway"}}},
      {"throttled", {.instead = Reply{.status = 429}}},
      {"conflict", {.instead = FakeS3::Error(409, "ConditionalRequestConflict")}},
      {"damaged on the way", {.instead = FakeS3::Error(400, "XAmzContentSHA256Mismatch")}},
      {"slow", {.instead = FakeS3::Error(400, "RequestTimeout")}},
      {"reset", {.instead = Reply{.fault = Fault::kReset}}},
      {"lost answer", {.fault = Fault::kReset}},
      {"cut", {.fault = Fault::kCut}},
      {"reset in the body", {.fault = Fault::kResetInBody}},
  };
  const std::string large = Bytes(2 * kPartBytes + 5);
  const FileDigest digest{large.size(), Sha256(large)};
  directory_.Write("large", large);
  for (const auto& [name, trouble] : faults) {
    for (int at = 0; at < 17; ++at) {
      Reset();
      hook_ = [&, wanted = &trouble](const Request&, int number) {
        return number == at ? *wanted : Trouble();
      };
      const std::string what = absl::StrCat(name, " at request ", at);
      ASSERT_EQ(store_->Put("large", At("large")).ToString(), "OK") << what;
      ASSERT_TRUE(server_->objects().at("turnout/shop/large") == large) << what;
      const auto put = store_->PutIfAbsent("new", "bytes");
      ASSERT_TRUE(put.ok()) << what << put.status();
      ASSERT_TRUE(*put) << what;
      const auto again = store_->PutIfAbsent("new", "bytes");
      ASSERT_TRUE(again.ok()) << what << again.status();
      ASSERT_FALSE(*again) << what;
      ASSERT_TRUE(Downloaded("large") == large) << what;
      ASSERT_TRUE(store_->Digest("large").value_or(FileDigest()) == digest) << what;
      ASSERT_EQ(store_->Read("new", 5).value_or("?"), "bytes") << what;
      ASSERT_EQ(store_->List("")->size(), 2u) << what;
      ASSERT_EQ(store_->Remove("new").ToString(), "OK") << what;
      ASSERT_EQ(server_->objects().size(), 1u) << what;
      ASSERT_GE(server_->requests().size(), 13u);
    }
  }
}

TEST_F(S3CheckpointStoreTest, WaitsOutAServerThatHangs) {
  hook_ = [](const Request&, int number) {
    return number == 0 ? Trouble{.fault = Fault::kHangInBody} : Trouble();
  };
  server_->Set("turnout/shop/x", std::string(100'000, 'x'));
  EXPECT_EQ(Downloaded("x"), std::string(100'000, 'x'));
  EXPECT_EQ(server_->requests().at(1).headers.at("range"), "bytes=50000-");
  EXPECT_EQ(server_->requests().at(1).headers.at("if-match"), "\"set-1\"");
}

TEST_F(S3CheckpointStoreTest, ResumesADownloadAsLongAsItGetsFurther) {
  const std::string large = Bytes(3'000'000);
  server_->Set("turnout/shop/x", large);
  hook_ = [](const Request&, int) { return Trouble{.fault = Fault::kCut}; };
  // Each answer brings half of what is missing: 22 of them, and the last byte never.
  const absl::Status status = store_->Get("x", At("down")).status();
  EXPECT_EQ(status.code(), kUnavailable);
  EXPECT_FALSE(Exists(At("down")));
  EXPECT_GT(server_->requests().size(), 25u);

  hook_ = [](const Request& request, int) {
    return request.headers.count("range") > 0 && request.headers.at("range") > "bytes=29"
               ? Trouble()
               : Trouble{.fault = Fault::kCut};
  };
  EXPECT_TRUE(Downloaded("x") == large);
}

TEST_F(S3CheckpointStoreTest, BeginsADownloadAnewIfTheObjectIsNoLongerTheSame) {
  const std::string before = Bytes(200'000, 1), after = Bytes(190'000, 2);
  server_->Set("turnout/shop/x", before);
  // Replaced between the two requests.
  hook_ = [&](const Request&, int number) {
    if (number == 0) return Trouble{.fault = Fault::kCut};
    if (number == 1) server_->Set("turnout/shop/x", after);
    return Trouble();
  };
  EXPECT_TRUE(Downloaded("x") == after);
  EXPECT_EQ(server_->requests().size(), 3u);
}

TEST_F(S3CheckpointStoreTest, TakesNoAnswerForTheRestThatIsNotIt) {
  const std::string bytes = Bytes(200'000, 1);
  server_->Set("turnout/shop/x", bytes);
  const std::vector<std::pair<std::string, std::function<void(Reply*)>>> changes = {
      {"all of it",
       [&](Reply* reply) {
         *reply = {.body = bytes, .headers = {{"ETag", "\"e\""}}};
       }},
      {"another object",
       [](Reply* reply) {
         reply->headers["ETag"] = "\"other\"";
         reply->body.assign(reply->body.size(), 'x');
       }},
      {"another range",
       [](Reply* reply) { reply->headers["Content-Range"] = "bytes 7-199999/200000"; }},
      {"no range", [](Reply* reply) { reply->headers.erase("Content-Range"); }},
  };
  for (const auto& [name, change] : changes) {
    Reset();
    server_->Set("turnout/shop/x", bytes);
    hook_ = [&, wanted = &change](const Request&, int number) {
      if (number == 0) return Trouble{.fault = Fault::kCut};
      return number == 1 ? Trouble{.change = *wanted} : Trouble();
    };
    EXPECT_TRUE(Downloaded("x") == bytes) << name;
  }
}

TEST_F(S3CheckpointStoreTest, OfTwoOwnersOneIsToldTrueWhateverAnswersGetLost) {
  // The first attempt is stored, its answer lost; then somebody else's attempt.
  hook_ = [](const Request&, int number) {
    return number == 0 ? Trouble{.fault = Fault::kReset} : Trouble();
  };
  EXPECT_TRUE(store_->PutIfAbsent("x", "same").value());
  EXPECT_FALSE(store_->PutIfAbsent("x", "same").value());

  // The first attempt is lost, and somebody else stores the same bytes before the second.
  Reset();
  const auto other = Open(OptionsOf(server_->address()));
  hook_ = [](const Request&, int number) {
    return number == 0 ? Trouble{.instead = Reply{.fault = Fault::kReset}} : Trouble();
  };
  before_wait_ = [&] { EXPECT_TRUE(other->PutIfAbsent("x", "same").value()); };
  EXPECT_FALSE(store_->PutIfAbsent("x", "same").value());
}

TEST_F(S3CheckpointStoreTest, GivesUpAtItsDeadlineAndSaysWhatItMet) {
  hook_ = [](const Request&, int) { return Trouble{.instead = FakeS3::Error(503, "SlowDown")}; };
  const absl::Time begun = now_;
  for (const absl::Status& status :
       {store_->Read("x", 10).status(), store_->List("").status(), store_->Remove("x"),
        store_->PutIfAbsent("x", "").status(), store_->Get("x", At("down")).status(),
        store_->Put("x", directory_.Write("up", "x"))}) {
    EXPECT_EQ(status.code(), kUnavailable);
    EXPECT_THAT(status.ToString(), AllOf(HasSubstr("s3://bucket/"), HasSubstr("503 SlowDown"),
                                         HasSubstr("As the test says"), HasSubstr("tried ")));
  }
  EXPECT_LE(now_ - begun, absl::Minutes(2) * 6);
  EXPECT_GE(now_ - begun, absl::Minutes(1) * 6);
  EXPECT_LT(waits_, 200);

  const auto nobody = Open(OptionsOf("http://127.0.0.1:1"));
  EXPECT_EQ(nobody->Read("x", 10).status().code(), kUnavailable);
}

TEST_F(S3CheckpointStoreTest, SaysWhatAPersonHasToMend) {
  struct Case {
    Reply reply;
    absl::StatusCode code;
    const char* cure;
  };
  Reply moved = FakeS3::Error(301, "PermanentRedirect");
  moved.headers["x-amz-bucket-region"] = "eu-west-1";
  const std::vector<Case> cases = {
      {FakeS3::Error(403, "AccessDenied"), kInvalidArgument, "s3:ListBucket"},
      {FakeS3::Error(403, "SignatureDoesNotMatch"), kInvalidArgument, "secret"},
      {FakeS3::Error(403, "InvalidAccessKeyId"), kInvalidArgument, "AKID of AWS_ACCESS_KEY_ID"},
      {FakeS3::Error(400, "ExpiredToken"), kInvalidArgument, "not expired"},
      {FakeS3::Error(403, "RequestTimeTooSkewed"), kInvalidArgument, "clock"},
      {FakeS3::Error(404, "NoSuchBucket"), kInvalidArgument, "create the bucket"},
      {moved, kInvalidArgument, "the bucket is in eu-west-1"},
      {FakeS3::Error(400, "AuthorizationHeaderMalformed"), kInvalidArgument, "region"},
      {FakeS3::Error(501, "NotImplemented"), kInvalidArgument, "conditional writes"},
      {{.status = 404, .body = "<html>nginx</html>"}, kInvalidArgument, "one of S3"},
      {FakeS3::Error(507, "XMinioStorageFull"), absl::StatusCode::kResourceExhausted, "more room"},
      {FakeS3::Error(403, "QuotaExceeded"), absl::StatusCode::kResourceExhausted, "more room"},
  };
  for (const Case& one : cases) {
    Reset();
    hook_ = [&](const Request&, int) { return Trouble{.instead = one.reply}; };
    for (const absl::Status& status :
         {store_->Read("x", 10).status(), store_->List("").status(), store_->Remove("x"),
          store_->PutIfAbsent("x", "").status(), store_->Get("x", At("down")).status(),
          store_->Put("x", directory_.Write("up", "x"))}) {
      EXPECT_EQ(status.code(), one.code) << status;
      EXPECT_THAT(status.ToString(), AllOf(HasSubstr(one.cure), HasSubstr("s3://bucket/")));
    }
    EXPECT_EQ(server_->requests().size(), 6u) << "asking again is of no use";
  }
}

TEST_F(S3CheckpointStoreTest, ADiskThatIsFullIsNoFaultOfTheStore) {
  server_->Set("turnout/shop/x", std::string(3'000'000, 'x'));
  absl::Status status;
  bool is_mounted = false, is_left = true;
  // What a thread mounts in a namespace of its own is gone with it.
  std::thread([&] {
    is_mounted = ::unshare(CLONE_NEWNS) == 0 &&
                 ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                 ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=1m") == 0;
    if (!is_mounted) return;
    status = store_->Get("x", At("down")).status();
    is_left = Exists(At("down"));
  }).join();
  if (!is_mounted) GTEST_SKIP() << "mounting a small disk takes root";
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.ToString(), HasSubstr("writing " + At("down")));
  EXPECT_EQ(server_->requests().size(), 1u) << "asking again is of no use";
  EXPECT_FALSE(is_left);
  EXPECT_EQ(waits_, 0);
}

TEST_F(S3CheckpointStoreTest, RefusesAListThatIsNotOfItsPrefixOrTurnsInCircles) {
  server_->Set("turnout/shop/a/1", "x");
  hook_ = [](const Request&, int) {
    return Trouble{.change = [](Reply* reply) {
      reply->body = absl::StrReplaceAll(reply->body, {{"turnout/shop/a", "turnout/shop/b"}});
    }};
  };
  EXPECT_EQ(store_->List("a/").status().code(), kUnavailable);
  hook_ = [](const Request&, int) {
    return Trouble{.change = [](Reply* reply) {
      reply->body = absl::StrReplaceAll(
          reply->body, {{"<IsTruncated>false</IsTruncated>",
                         "<IsTruncated>true</IsTruncated>"
                         "<NextContinuationToken>turnout/shop/a/0</NextContinuationToken>"}});
    }};
  };
  EXPECT_EQ(store_->List("a/").status().code(), kUnavailable);
}

TEST_F(S3CheckpointStoreTest, SendsASessionsTokenAndRenewsWhatHasExpired) {
  int answers = 0;
  support::FakeHttpServer agent([&](const Request&) {
    ++answers;
    return Reply{.body = absl::StrCat(R"({"AccessKeyId":"ASIA)", answers,
                                      R"(","SecretAccessKey":"s","Token":"token )", answers,
                                      R"(","Expiration":"2099-01-01T00:00:00Z"})")};
  });
  S3Options options = OptionsOf(server_->address());
  options.environment = [&](const std::string& name) {
    return name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" ? agent.address() : "";
  };
  const auto store = Open(options);
  hook_ = [](const Request& request, int) {
    return absl::StrContains(request.headers.at("authorization"), "ASIA1")
               ? Trouble{.instead = FakeS3::Error(400, "ExpiredToken")}
               : Trouble();
  };
  EXPECT_TRUE(store->PutIfAbsent("x", "bytes").value());
  EXPECT_EQ(server_->requests().at(1).headers.at("x-amz-security-token"), "token 2");
  EXPECT_THAT(server_->requests().at(1).headers.at("authorization"),
              HasSubstr("x-amz-security-token"));
  EXPECT_EQ(waits_, 0);
}

// The checkpoints of a task, with a fault at one request after the other of the whole course.
TEST_F(S3CheckpointStoreTest, ATasksCheckpointsComeThroughAFaultAtAnyRequest) {
  StateResources resources{{.memory_bytes_max = 8 << 20,
                            .memtable_bytes_max = 2 << 20,
                            .task_memtable_bytes_max = 64 << 10}};
  auto task = TaskStore::Create(At("store"), &resources, 0).value();
  support::MemoryState model(0);
  for (int64_t offset = 0; offset < 100; ++offset) {
    ASSERT_TRUE(ApplyBatch(*task, 21, offset).ok());
    ASSERT_TRUE(task->Commit(offset + 1, "rules").ok());
    ASSERT_TRUE(ApplyBatch(model, 21, offset).ok());
    ASSERT_TRUE(model.Commit(offset + 1, "rules").ok());
  }
  const std::string expected = support::Dump(model, kSteps);
  size_t requests = 1;
  for (size_t at = 0; at < requests; ++at) {
    Reset();
    hook_ = [&](const Request&, int number) {
      return number == static_cast<int>(at) ? Trouble{.fault = Fault::kReset} : Trouble();
    };
    TaskCheckpoints checkpoints(store_.get(), "orders/3", At("scratch"));
    const auto first = checkpoints.Take(task.get(), 1000);
    ASSERT_TRUE(first.ok()) << at << first.status();
    const auto second = checkpoints.Take(task.get(), 2000);
    ASSERT_TRUE(second.ok()) << at << second.status();
    EXPECT_EQ(second->sequence, 2);
    EXPECT_EQ(checkpoints.last_cost().files_sent, 0u) << at;
    ASSERT_TRUE(checkpoints.Restore(2, At("restored")).ok()) << at;
    {
      auto restored = TaskStore::Open(At("restored"), &resources);
      ASSERT_TRUE(restored.ok()) << restored.status();
      EXPECT_EQ(support::Dump(**restored, kSteps), expected) << at;
    }
    const auto pruned = checkpoints.Prune({.count_min = 1, .count_max = 1}, 3000);
    ASSERT_TRUE(pruned.ok()) << at << pruned.status();
    EXPECT_EQ(pruned->checkpoints_removed, 1u) << at;
    EXPECT_EQ(checkpoints.List()->size(), 1u) << at;
    requests = server_->requests().size();
  }
  EXPECT_GT(requests, 20u);
}

TEST(S3Address, PutsTheBucketWhereItBelongs) {
  struct Case {
    const char* bucket;
    const char* region;
    const char* endpoint;
    std::optional<bool> path_style;
    const char* origin;
    const char* host;
    const char* path;
  };
  const Case cases[] = {
      {"turnout",
       "eu-west-1",
       "",
       {},
       "https://turnout.s3.eu-west-1.amazonaws.com",
       "turnout.s3.eu-west-1.amazonaws.com",
       "/a/b%20c"},
      {"tur.nout",
       "cn-north-1",
       "",
       {},
       "https://s3.cn-north-1.amazonaws.com.cn",
       "s3.cn-north-1.amazonaws.com.cn",
       "/tur.nout/a/b%20c"},
      {"turnout", "us-east-1", "", true, "https://s3.us-east-1.amazonaws.com",
       "s3.us-east-1.amazonaws.com", "/turnout/a/b%20c"},
      {"turnout",
       "us-east-1",
       "http://Store:8333/",
       {},
       "http://store:8333",
       "store:8333",
       "/turnout/a/b%20c"},
      {"turnout", "us-east-1", "https://store:443", false, "https://turnout.store", "turnout.store",
       "/a/b%20c"},
  };
  for (const Case& one : cases) {
    const auto address = AddressOf({.bucket = one.bucket,
                                    .region = one.region,
                                    .endpoint = one.endpoint,
                                    .path_style = one.path_style});
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->origin, one.origin);
    EXPECT_EQ(address->host, one.host);
    EXPECT_EQ(address->PathOf("a/b c"), one.path);
  }
}

TEST(S3Address, RefusesWhatNamesNoBucket) {
  for (const S3Options& options : std::vector<S3Options>{
           {.bucket = ""},
           {.bucket = "Bucket"},
           {.bucket = "a/b"},
           {.bucket = "bucket", .prefix = "/a"},
           {.bucket = "bucket", .prefix = "a//b"},
           {.bucket = "bucket", .prefix = std::string(600, 'a')},
           {.bucket = "bucket", .region = "EU"},
           {.bucket = "bucket", .endpoint = "store:8333"},
           {.bucket = "bucket", .endpoint = "http://"},
           {.bucket = "bucket", .endpoint = "http://user@store"},
           {.bucket = "bucket", .endpoint = "http://store/path"},
       }) {
    EXPECT_EQ(AddressOf(options).status().code(), kInvalidArgument)
        << options.bucket << options.prefix << options.region << options.endpoint;
  }
}

TEST_F(S3CheckpointStoreTest, ALocationIsABucketOrADirectory) {
  S3Options options = OptionsOf(server_->address());
  auto bucket = MakeCheckpointStore("s3://bucket/some/prefix/", options, Time());
  ASSERT_TRUE(bucket.ok()) << bucket.status();
  EXPECT_TRUE((*bucket)->PutIfAbsent("x", "bytes").value());
  EXPECT_EQ(server_->objects().at("some/prefix/x"), "bytes");
  auto whole = MakeCheckpointStore("s3://bucket", options, Time());
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ((*whole)->List("")->at(0).name, "some/prefix/x");

  auto directory = MakeCheckpointStore(At("objects"), options, Time());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE((*directory)->PutIfAbsent("x", "bytes").value());
  EXPECT_TRUE(Exists(At("objects/x")));

  for (const std::string location : {"", "s3://", "s3:///x", "gs://bucket/x", "S3://bucket"}) {
    EXPECT_EQ(MakeCheckpointStore(location, options, Time()).status().code(), kInvalidArgument)
        << location;
  }
}

}  // namespace
}  // namespace turnout::state
