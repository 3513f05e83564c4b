#include "runtime/rekey.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::Header;
using testing::ElementsAre;

const std::vector<state::StepId> kSteps = {1, 0xffffffffffffffff};

std::string Encoded() {
  std::string text;
  EncodeRekeyed("events/3/1742", {.key = "7", .rules = {}, .steps = kSteps, .rule_ids = "t/a,t/b"},
                "5f0c1d2e3a4b5c6d", &text);
  return text;
}

TEST(Rekey, WhatIsEncodedDecodesAndIsTheEventThatItWas) {
  const std::string text = Encoded();
  EXPECT_EQ(text, "1 events/3/1742 0000000000000001,ffffffffffffffff t/a,t/b 5f0c1d2e3a4b5c6d");
  const std::vector<Header> headers = {
      {"traceparent", "00-4bf9-00f0-01"}, {kRekeyedHeader, text}, {kRekeyedKeyHeader, "original"}};
  const Event record = {.partition = 5,
                        .offset = 9,
                        .timestamp_ms = 77,
                        .key = "7",
                        .value = "{}",
                        .headers = headers};
  ArrivedEvent arrived;
  ASSERT_TRUE(DecodeRekeyed(record, &arrived));
  EXPECT_EQ(arrived.source, "events/3/1742");
  EXPECT_EQ(arrived.steps, kSteps);
  EXPECT_EQ(arrived.rule_ids, "t/a,t/b");
  EXPECT_EQ(arrived.rule_set, "5f0c1d2e3a4b5c6d");
  EXPECT_EQ(arrived.event.key, "original");
  EXPECT_EQ(arrived.event.timestamp_ms, 77);
  EXPECT_EQ(arrived.event.partition, 5);
  ASSERT_EQ(arrived.event.headers.size(), 1U);
  EXPECT_EQ(arrived.event.headers[0], Header("traceparent", "00-4bf9-00f0-01"));
}

TEST(Rekey, MatchesInShadowArriveAsSuch) {
  std::string text;
  EncodeRekeyed("events/3/1742",
                {.key = "7", .is_shadow = true, .steps = kSteps, .rule_ids = "t/a,t/b"}, "5f0c",
                &text);
  EXPECT_EQ(text, "1 events/3/1742 0000000000000001,ffffffffffffffff t/a,t/b 5f0c shadow");
  std::vector<Header> headers = {{kRekeyedHeader, text}, {kRekeyedKeyHeader, "original"}};
  ArrivedEvent arrived;
  ASSERT_TRUE(DecodeRekeyed({.key = "7", .headers = headers}, &arrived));
  EXPECT_TRUE(arrived.is_shadow);
  EXPECT_EQ(arrived.rule_set, "5f0c");
  const std::string live = Encoded();
  headers[0].second = live;
  ASSERT_TRUE(DecodeRekeyed({.key = "7", .headers = headers}, &arrived));
  EXPECT_FALSE(arrived.is_shadow);
}

TEST(Rekey, AnEventWithoutAKeyArrivesWithoutOne) {
  const std::string text = Encoded();
  const std::vector<Header> headers = {{kRekeyedHeader, text}, {kRekeyedKeyHeader, {}}};
  ArrivedEvent arrived;
  ASSERT_TRUE(DecodeRekeyed({.key = "7", .headers = headers}, &arrived));
  EXPECT_EQ(arrived.event.key.data(), nullptr);
}

TEST(Rekey, ARecordOfSomebodyElsesIsNone) {
  ArrivedEvent arrived;
  EXPECT_FALSE(DecodeRekeyed({.value = "{}"}, &arrived));
  const std::string good = Encoded();
  for (const std::string& text :
       {std::string(), std::string("1"), std::string("2") + good.substr(1), good.substr(0, 20),
        std::string("1 events/3/1742 xyz t/a"), std::string("1 events/3/1742 00000000000000g1 t/a"),
        std::string("1 events/3/1742 0000000000000001, t/a"),
        std::string("1 events/3/1742 00000000000000010000000000000001 t/a")}) {
    const std::vector<Header> headers = {{kRekeyedHeader, text}, {kRekeyedKeyHeader, "k"}};
    EXPECT_FALSE(DecodeRekeyed({.headers = headers}, &arrived)) << text;
  }
  const std::vector<Header> swapped = {{kRekeyedKeyHeader, "k"}, {kRekeyedHeader, good}};
  EXPECT_FALSE(DecodeRekeyed({.headers = swapped}, &arrived));
}

}  // namespace
}  // namespace turnout::runtime
