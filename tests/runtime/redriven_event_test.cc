#include "runtime/redriven_event.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/rekey.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::Header;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(RedrivenEvent, ComesBackAsItWas) {
  const std::vector<state::StepId> steps = {0xabc, 1};
  std::string told;
  EncodeRedriven("events/3/1742", {.rule_ids = "t/a,t/b", .steps = steps}, &told);
  EXPECT_EQ(told, "1 events/3/1742 event 0000000000000abc,0000000000000001 - t/a,t/b");
  const std::vector<Header> headers = {
      {"own", "x"}, {kRedrivenHeader, told}, {kRekeyedKeyHeader, {}}};
  const Event record = {.partition = 1, .offset = 9, .key = "k", .value = "v", .headers = headers};
  RedrivenEvent redriven;
  ASSERT_TRUE(DecodeRedriven(record, &redriven));
  EXPECT_EQ(redriven.source, "events/3/1742");
  EXPECT_THAT(redriven.steps, ElementsAre(0xabc, 1));
  EXPECT_EQ(redriven.rule_ids, "t/a,t/b");
  EXPECT_TRUE(redriven.destination.empty());
  EXPECT_FALSE(redriven.is_record);
  EXPECT_EQ(redriven.event.key.data(), nullptr);
  EXPECT_EQ(redriven.event.headers.size(), 1u);
  EXPECT_EQ(redriven.event.offset, 9);
}

TEST(RedrivenEvent, MayBeARecordForOneDestinationOrAnEventForAllRules) {
  std::string told;
  EncodeRedriven("e/0/1", {.rule_ids = "t/a", .destination = "out", .is_record = true}, &told);
  std::vector<Header> headers = {{kRedrivenHeader, told}, {kRekeyedKeyHeader, "own"}};
  RedrivenEvent redriven;
  ASSERT_TRUE(DecodeRedriven({.headers = headers}, &redriven));
  EXPECT_EQ(redriven.from().destination, "out");
  EXPECT_TRUE(redriven.from().is_record);
  EXPECT_EQ(redriven.event.key, "own");
  EncodeRedriven("e/0/1", {}, &told);
  headers[0].second = told;
  ASSERT_TRUE(DecodeRedriven({.headers = headers}, &redriven));
  EXPECT_TRUE(redriven.from().rule_ids.empty());
  EXPECT_THAT(redriven.from().steps, IsEmpty());
}

TEST(RedrivenEvent, IsNotWhatHasOtherHeaders) {
  RedrivenEvent redriven;
  EXPECT_FALSE(DecodeRedriven({}, &redriven));
  for (const char* told : {"", "2 e/0/1 event - - t/a", "1 e/0/1 event - -",
                           "1 e/0/1 event xyz - t/a", "1 e/0/1 event - - t/a more"}) {
    const std::vector<Header> headers = {{kRedrivenHeader, told}, {kRekeyedKeyHeader, "k"}};
    EXPECT_FALSE(DecodeRedriven({.headers = headers}, &redriven)) << told;
  }
  const std::vector<Header> swapped = {{kRekeyedKeyHeader, "k"},
                                       {kRedrivenHeader, "1 e/0/1 event - - t/a"}};
  EXPECT_FALSE(DecodeRedriven({.headers = swapped}, &redriven));
}

}  // namespace
}  // namespace turnout::runtime
