#include "runtime/schema_registry.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using Kind = SchemaAnswer::Kind;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

constexpr absl::Duration kLong = absl::Seconds(20);

class AnySchema : public connectors::PayloadSchema {
 public:
  absl::Status AppendJson(std::string_view payload, std::string* json) const override {
    json->append(payload);
    return absl::OkStatus();
  }
};

FetchedSchema Schema(size_t text_bytes = 100) {
  return {.schema = std::make_shared<AnySchema>(), .text_bytes = text_bytes};
}

// What ids are answered, from the next request on; others are fetched.
class SchemaRegistryTest : public ::testing::Test {
 protected:
  std::unique_ptr<SchemaRegistry> Make(absl::Duration wait_max = kLong) {
    return std::make_unique<SchemaRegistry>(
        [this](uint32_t id, const std::atomic<bool>& stop) { return Answer(id, stop); }, wait_max);
  }
  absl::StatusOr<FetchedSchema> Answer(uint32_t id, const std::atomic<bool>& stop) {
    absl::MutexLock lock(&mu_);
    at_once_max_ = std::max(at_once_max_, ++at_once_[id]);
    ++requests_[id];
    while (hangs_.contains(id) && !stop) {
      mu_.Unlock();
      absl::SleepFor(absl::Milliseconds(5));
      mu_.Lock();
    }
    --at_once_[id];
    const auto failure = failures_.find(id);
    if (failure != failures_.end()) return failure->second;
    return Schema(text_bytes_);
  }
  void Fail(uint32_t id, absl::Status status) {
    const absl::MutexLock lock(&mu_);
    failures_[id] = std::move(status);
  }
  void Hang(uint32_t id) {
    const absl::MutexLock lock(&mu_);
    hangs_.insert(id);
  }
  void Heal(uint32_t id) {
    const absl::MutexLock lock(&mu_);
    failures_.erase(id);
    hangs_.erase(id);
  }
  int RequestsOf(uint32_t id) {
    const absl::MutexLock lock(&mu_);
    return requests_[id];
  }
  int Requests() {
    const absl::MutexLock lock(&mu_);
    int all = 0;
    for (const auto& [id, count] : requests_) all += count;
    return all;
  }

  size_t text_bytes_ = 100;
  absl::Mutex mu_;
  std::map<uint32_t, absl::Status> failures_;
  std::set<uint32_t> hangs_;
  std::map<uint32_t, int> requests_;
  std::map<uint32_t, int> at_once_;
  int at_once_max_ = 0;
};

TEST_F(SchemaRegistryTest, AsksOnceForWhatNeverChanges) {
  const auto registry = Make();
  const SchemaAnswer first = registry->Find(7);
  EXPECT_EQ(first.kind, Kind::kAwaited);
  EXPECT_EQ(first.why, "schema 7 is on its way");
  const SchemaAnswer known = registry->Await(7, kLong);
  EXPECT_EQ(known.kind, Kind::kKnown);
  EXPECT_EQ(registry->Find(7).schema, known.schema);
  EXPECT_EQ(RequestsOf(7), 1);
  EXPECT_EQ(registry->status().known, 1u);
  EXPECT_EQ(registry->status().fetched, 1u);
}

TEST_F(SchemaRegistryTest, AnIdThatHangsKeepsNoOtherWaiting) {
  for (uint32_t id = 0; id < 3; ++id) Hang(id);
  const auto registry = Make();
  for (uint32_t id = 0; id < 3; ++id) registry->Find(id);
  EXPECT_EQ(registry->Await(7, kLong).kind, Kind::kKnown);
  EXPECT_EQ(registry->Find(0).kind, Kind::kAwaited);
}

TEST_F(SchemaRegistryTest, OneThreadAsksForAnId) {
  Hang(7);
  const auto registry = Make();
  for (int i = 0; i < 100; ++i) registry->Find(7);
  EXPECT_EQ(registry->Await(8, kLong).kind, Kind::kKnown);
  for (int i = 0; i < 100; ++i) registry->Find(7);
  Heal(7);
  EXPECT_EQ(registry->Await(7, kLong).kind, Kind::kKnown);
  EXPECT_EQ(RequestsOf(7), 1);
  EXPECT_EQ(at_once_max_, 1);
}

TEST_F(SchemaRegistryTest, TheLastWordIsKeptForAWhile) {
  Fail(7, absl::NotFoundError("schema 7 of r: it answers 404"));
  Fail(8, absl::InvalidArgumentError("schema 8 of r: it can't be compiled"));
  const auto registry = Make();
  for (const uint32_t id : {7u, 8u}) {
    const SchemaAnswer refused = registry->Await(id, kLong);
    EXPECT_EQ(refused.kind, Kind::kRefused);
    EXPECT_THAT(refused.why, HasSubstr(absl::StrCat("schema ", id, " of r")));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(registry->Find(id).kind, Kind::kRefused);
    EXPECT_EQ(RequestsOf(id), 1);
  }
  EXPECT_EQ(registry->status().refused, 2u);
  EXPECT_EQ(registry->status().trouble, "");
}

TEST_F(SchemaRegistryTest, AFailureIsTriedAgainUntilItPasses) {
  Fail(7, absl::UnavailableError("schema 7 of r: it answers 500"));
  const auto registry = Make();
  registry->Find(7);
  while (RequestsOf(7) < 3) absl::SleepFor(absl::Milliseconds(5));
  const SchemaAnswer awaited = registry->Find(7);
  EXPECT_EQ(awaited.kind, Kind::kAwaited);
  EXPECT_THAT(awaited.why, HasSubstr("it answers 500"));
  EXPECT_EQ(registry->status().awaited, 1u);
  EXPECT_THAT(registry->status().trouble, HasSubstr("it answers 500"));
  Heal(7);
  EXPECT_EQ(registry->Await(7, kLong).kind, Kind::kKnown);
  EXPECT_EQ(registry->status().trouble, "");
}

TEST_F(SchemaRegistryTest, PausesBetweenTriesGrow) {
  Fail(7, absl::UnavailableError("down"));
  const auto registry = Make();
  registry->Find(7);
  absl::SleepFor(absl::Seconds(1));
  // 100, 200, 400 ms, each or half of it: never as many as without any growth.
  EXPECT_THAT(RequestsOf(7), AllOf(Ge(2), Le(6)));
}

TEST_F(SchemaRegistryTest, WithoutAnAnswerForWaitMaxNobodyWaitsAndItMayStillCome) {
  Fail(7, absl::UnavailableError("schema 7 of r: it answers 500"));
  const auto registry = Make(absl::Milliseconds(300));
  const SchemaAnswer unanswered = registry->Await(7, kLong);
  EXPECT_EQ(unanswered.kind, Kind::kUnanswered);
  EXPECT_THAT(unanswered.why,
              AllOf(HasSubstr("it answers 500"), HasSubstr("no other answer for 300ms")));
  EXPECT_EQ(registry->status().unanswered, 1u);
  EXPECT_EQ(registry->Find(7).kind, Kind::kUnanswered);  // and no other waits from anew
  Heal(7);
  while (registry->Find(7).kind != Kind::kKnown) absl::SleepFor(absl::Milliseconds(10));
}

// A producer makes ids up, a thousand a second.
TEST_F(SchemaRegistryTest, IdsThatAreMadeUpCostTheRegistryNoMoreThanItsShare) {
  const auto registry = Make();
  const absl::Time begun = absl::Now();
  bool is_full = false;
  const auto taken = [begun] { return absl::Now() - begun; };
  for (uint32_t id = 1'000; taken() < absl::Seconds(2) || (!is_full && taken() < absl::Seconds(20));
       ++id) {
    Fail(id, absl::NotFoundError("no such schema"));
    is_full |= absl::StrContains(registry->Find(id).why, "is not asked for yet");
    EXPECT_LE(registry->status().awaited, SchemaRegistry::kWantedMax);
    absl::SleepFor(absl::Microseconds(200));
  }
  EXPECT_TRUE(is_full);
  const double most =
      SchemaRegistry::kRequestsBurst +
      absl::ToDoubleSeconds(taken() + absl::Seconds(2)) * SchemaRegistry::kRequestsPerSecond;
  EXPECT_THAT(Requests(), AllOf(Ge(150), Le(static_cast<int>(most))));
  absl::SleepFor(absl::Seconds(1));
  // There is room again, and a place in the row.
  EXPECT_EQ(registry->Find(99).why, "schema 99 is on its way");
}

TEST_F(SchemaRegistryTest, WhatIsKnownHasABound) {
  text_bytes_ = SchemaRegistry::kKnownBytesMax / 4;
  const auto registry = Make();
  for (uint32_t id = 0; id < 10; ++id) {
    ASSERT_EQ(registry->Await(id, kLong).kind, Kind::kKnown);
    registry->Find(0);
  }
  EXPECT_EQ(registry->status().known, 4u);
  // What is asked for stays.
  EXPECT_EQ(registry->Find(0).kind, Kind::kKnown);
  EXPECT_EQ(registry->Find(1).kind, Kind::kAwaited);
}

TEST_F(SchemaRegistryTest, EndsWhileRequestsHang) {
  for (uint32_t id = 0; id < 10; ++id) Hang(id);
  auto registry = Make();
  for (uint32_t id = 0; id < 10; ++id) registry->Find(id);
  const absl::Time begun = absl::Now();
  registry.reset();
  EXPECT_LT(absl::Now() - begun, absl::Seconds(5));
}

}  // namespace
}  // namespace turnout::runtime
