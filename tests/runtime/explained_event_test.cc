#include "runtime/explained_event.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;

TEST(ExplainedEvent, ARecordAsJsonHasAllThatAnEventCarries) {
  const auto event = EventOfJson(
      R"({"value": {"n": 1.50, "a": "x"}, "key": "k", "headers": {"h": "1", "none": null},)"
      R"( "timestamp": "2026-01-31T12:30:00.5Z", "topic": "t", "partition": 3})",
      "other");
  ASSERT_TRUE(event.ok()) << event.status();
  std::vector<router::Header> headers;
  const router::Event view = event->View(&headers);
  EXPECT_EQ(view.value, R"({"n":1.50,"a":"x"})");
  EXPECT_EQ(view.key, "k");
  EXPECT_EQ(view.topic, "t");
  EXPECT_EQ(view.partition, 3);
  EXPECT_EQ(view.timestamp_ms, 1'769'862'600'500);
  ASSERT_EQ(view.headers.size(), 2u);
  EXPECT_EQ(view.headers[0].second, "1");
  EXPECT_EQ(view.headers[1].second.data(), nullptr);
}

TEST(ExplainedEvent, ATextIsThePayloadToTheLetterAndNullIsKafkas) {
  const auto event = EventOfJson(R"({"value": "{ \"a\":1 }", "timestamp": 5})", "t");
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->value, "{ \"a\":1 }");
  EXPECT_EQ(event->timestamp_ms, 5);
  const auto tombstone = EventOfJson(R"({"value": null, "key": ""})", "t");
  ASSERT_TRUE(tombstone.ok()) << tombstone.status();
  std::vector<router::Header> headers;
  EXPECT_EQ(tombstone->View(&headers).value.data(), nullptr);
  EXPECT_NE(tombstone->View(&headers).key.data(), nullptr);
}

TEST(ExplainedEvent, WhatIsWrongIsNamedWithItsField) {
  const std::pair<const char*, const char*> cases[] = {
      {"[1]", "JSON object with its `value`"},
      {"{\"value\": 1}", "`value`: write the payload, as an object or as a text, or null"},
      {"{}", "`value`: is missing"},
      {"{\"value\": {}, \"kye\": \"a\"}", "`kye`: unknown field; did you mean `key`?"},
      {"{\"value\": {}, \"partition\": -1}", "`partition`: write a partition's number"},
      {"{\"value\": {}, \"timestamp\": \"noon\"}", "`timestamp`: write milliseconds"},
      {"{\"value\": {}, \"headers\": {\"h\": 1}}", "`headers.h`: write a text"},
      {"{\"value\": ", "not valid JSON at byte"},
  };
  for (const auto& [json, what] : cases) {
    const auto event = EventOfJson(json, "t");
    EXPECT_TRUE(absl::IsInvalidArgument(event.status())) << json;
    EXPECT_THAT(std::string(event.status().message()), HasSubstr(what)) << json;
  }
}

TEST(ExplainedEvent, TheCallersMembersAreKnownToo) {
  std::vector<router::Problem> problems;
  const auto node = router::ParseJson(R"({"value": {}, "x": 1})", &problems);
  const auto event = EventOfNode(*node, "t", {"offset", "rule"});
  EXPECT_EQ(event.status().message(),
            "`x`: unknown field; Known: value, key, headers, timestamp, topic, partition, offset, "
            "rule");
}

TEST(ExplainedEvent, ARecordFromATopicKnowsItsPosition) {
  const std::vector<connectors::Header> headers = {{"a", "1"}, {"b", std::string_view()}};
  const ExplainedEvent event = EventOfRecord(
      {.partition = 3, .offset = 17, .timestamp_ms = 9, .value = "{}", .headers = headers}, "t");
  EXPECT_EQ(event.Position(), "t/3/17");
  EXPECT_EQ(event.key, std::nullopt);
  EXPECT_EQ(event.Header("a"), "1");
  EXPECT_EQ(event.Header("b"), std::nullopt);
  EXPECT_EQ(event.Header("c"), std::nullopt);
  EXPECT_EQ(EventOfPayload("{}", "").Position(), "");
}

}  // namespace
}  // namespace turnout::runtime
