#include "runtime/bulkhead.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using Kind = Observation::Kind;
using State = BulkheadState;

constexpr BulkheadLimits kLimits = {.probe_after_min = absl::Seconds(1),
                                    .probe_after_max = absl::Seconds(5)};

absl::Time At(int seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

Bulkhead In(State state) {
  Bulkhead bulkhead = {.state = state, .since = At(1), .probe_after = absl::Seconds(2)};
  if (state == State::kHealthy) bulkhead = {};
  return bulkhead;
}

TEST(BulkheadTest, GoesTheWayThatIsDrawnAndNoOther) {
  struct Case {
    State from;
    Kind observed;
    State to;
  };
  const std::vector<Case> ways = {{State::kHealthy, Kind::kRefused, State::kEjected},
                                  {State::kEjected, Kind::kAsked, State::kProbing},
                                  {State::kProbing, Kind::kWell, State::kDraining},
                                  {State::kProbing, Kind::kUnwell, State::kEjected},
                                  {State::kProbing, Kind::kNoAnswer, State::kEjected},
                                  {State::kDraining, Kind::kRefused, State::kEjected},
                                  {State::kDraining, Kind::kDrained, State::kHealthy}};
  for (const State from : {State::kHealthy, State::kEjected, State::kProbing, State::kDraining}) {
    for (const Kind kind : {Kind::kRefused, Kind::kAsked, Kind::kNoAnswer, Kind::kWell,
                            Kind::kUnwell, Kind::kDrained}) {
      State expected = from;
      for (const Case& way : ways) {
        if (way.from == from && way.observed == kind) expected = way.to;
      }
      EXPECT_EQ(Advance(In(from), {.kind = kind}, At(9), kLimits).state, expected)
          << BulkheadStateName(from) << ", observation " << static_cast<int>(kind);
    }
  }
}

TEST(BulkheadTest, RemembersWhySinceWhenAndWhenToAsk) {
  const Bulkhead ejected =
      Advance({}, {Kind::kRefused, Ejection::kMissing, "it is gone"}, At(10), kLimits);
  EXPECT_EQ(ejected.why, Ejection::kMissing);
  EXPECT_EQ(ejected.reason, "it is gone");
  EXPECT_EQ(ejected.since, At(10));
  EXPECT_EQ(ejected.probe_at, At(11));
  EXPECT_FALSE(ejected.is_open());
}

TEST(BulkheadTest, AsksLessAndLessOftenWhileTheAnswerIsBad) {
  Bulkhead bulkhead = Advance({}, {.kind = Kind::kRefused}, At(0), kLimits);
  std::vector<int64_t> waits;
  for (int i = 0; i < 4; ++i) {
    bulkhead = Advance(bulkhead, {.kind = Kind::kAsked}, At(100), kLimits);
    bulkhead = Advance(bulkhead, {Kind::kUnwell, Ejection::kForbidden, "no"}, At(100), kLimits);
    waits.push_back(absl::ToInt64Seconds(bulkhead.probe_at - At(100)));
  }
  EXPECT_EQ(waits, (std::vector<int64_t>{2, 4, 5, 5}));
  EXPECT_EQ(bulkhead.why, Ejection::kForbidden);
  EXPECT_EQ(bulkhead.since, At(0));
}

TEST(BulkheadTest, BrokersThatDoNotAnswerSayNothingOfIt) {
  Bulkhead bulkhead =
      Advance({}, {Kind::kRefused, Ejection::kMissing, "it is gone"}, At(0), kLimits);
  bulkhead = Advance(bulkhead, {.kind = Kind::kAsked}, At(1), kLimits);
  bulkhead = Advance(bulkhead, {.kind = Kind::kNoAnswer}, At(3), kLimits);
  EXPECT_EQ(bulkhead.reason, "it is gone");
  EXPECT_EQ(bulkhead.probe_at, At(4));
}

TEST(BulkheadTest, OneThatFailsWhileItDrainsIsAskedAboutLater) {
  Bulkhead bulkhead = In(State::kDraining);
  EXPECT_TRUE(bulkhead.is_open());
  bulkhead = Advance(bulkhead, {.kind = Kind::kRefused}, At(20), kLimits);
  EXPECT_EQ(bulkhead.probe_at, At(24));
  EXPECT_EQ(bulkhead.since, At(1));
}

TEST(BulkheadTest, NothingIsLeftOfItOnceItHasRejoined) {
  Bulkhead bulkhead = Advance(In(State::kDraining), {.kind = Kind::kDrained}, At(20), kLimits);
  EXPECT_EQ(bulkhead.reason, "");
  bulkhead = Advance(bulkhead, {.kind = Kind::kRefused}, At(30), kLimits);
  EXPECT_EQ(bulkhead.since, At(30));
  EXPECT_EQ(bulkhead.probe_at, At(31));
}

}  // namespace
}  // namespace turnout::runtime
