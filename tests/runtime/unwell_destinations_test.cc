#include "runtime/unwell_destinations.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST(UnwellDestinations, IsAsBadAsTheWorkerSaysThatSeesItWorst) {
  UnwellDestinations unwell;
  unwell.Add({{.destination = "a", .state = "draining", .waiting = 5}});
  unwell.Add({{.destination = "a",
               .state = "ejected",
               .why = "missing",
               .reason = "the topic doesn't exist",
               .since = kNow,
               .waiting = 7},
              {.destination = "b", .state = "probing", .why = "slow"}});
  unwell.Add({{.destination = "a",
               .state = "probing",
               .why = "unwell",
               .reason = "no leader",
               .since = kNow - absl::Seconds(9)}});
  ASSERT_EQ(unwell.by_name().size(), 2U);
  const BulkheadStatus& a = unwell.by_name().at("a");
  EXPECT_EQ(a.state, "ejected");
  EXPECT_EQ(a.why, "missing");
  EXPECT_EQ(a.reason, "the topic doesn't exist");
  EXPECT_EQ(a.since, kNow - absl::Seconds(9)) << "since it was first";
  EXPECT_EQ(a.waiting, 12) << "at all workers";
  EXPECT_EQ(unwell.by_name().at("b").state, "probing");
}

TEST(UnwellDestinations, WhatIsSentOnIsDraining) {
  EXPECT_TRUE(IsDraining({.destination = "a", .state = "draining"}));
  EXPECT_FALSE(IsDraining({.destination = "a", .state = "probing"}));
  EXPECT_FALSE(IsDraining({.destination = "a", .state = "ejected"}));
}

}  // namespace
}  // namespace turnout::runtime
