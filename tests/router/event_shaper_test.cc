#include "router/event_shaper.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/event_parser.h"
#include "router/shape_reader.h"
#include "tests/router/case_file.h"

namespace turnout::router {
namespace {

std::shared_ptr<const ShapePlan> PlanOf(const Node& shape) {
  std::vector<Problem> problems;
  auto plan = ReadShape(shape, {}, &problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
  return plan;
}

std::shared_ptr<const ShapePlan> PlanOf(std::string_view shape) {
  std::vector<Problem> problems;
  return PlanOf(*ParseJson(shape, &problems));
}

// The output, or "rejected: " and why.
std::string Shaped(const ShapePlan& plan, std::string_view event) {
  EventParser parser;
  GatheredEvent gathered;
  gathered.Reset(0);
  const absl::Status status = parser.Parse(event, FieldTrie(), &gathered);
  EXPECT_TRUE(status.ok()) << status;
  EventShaper shaper;
  Arena arena;
  const EventShaper::Result result = shaper.Shape(plan, event, parser.structurals(), &arena);
  if (result.value.data() == nullptr) return "rejected: " + std::string(result.reason);
  return std::string(result.value);
}

TEST(EventShaper, EveryCaseComesOutByteForByte) {
  for (const Node& one : ReadCases("shape_cases.jsonl")) {
    const std::string reason = TextOf(one, "reason");
    const std::string wanted = reason.empty() ? TextOf(one, "output") : "rejected: " + reason;
    EXPECT_EQ(Shaped(*PlanOf(*one.Find("shape")), TextOf(one, "event")), wanted)
        << TextOf(one, "what");
  }
}

TEST(EventShaper, DepthIsNoMatter) {
  std::string event = "{\"a\":";
  std::string flat = "a";
  for (int i = 2; i < kEventDepthMax; ++i) {
    event += "{\"b\":";
    flat += "_b";
  }
  event += "1" + std::string(kEventDepthMax - 1, '}');
  EXPECT_EQ(Shaped(*PlanOf(R"({"flatten": true})"), event), "{\"" + flat + "\":1}");
  EXPECT_EQ(Shaped(*PlanOf(R"({"drop": ["a.c"]})"), event), event);
}

TEST(EventShaper, WhatWouldBecomeFarTooLargeIsRejected) {
  std::string event = R"({"big": ")" + std::string(100'000, 'x') + R"(", "l": [{})";
  for (int i = 0; i < 1'000; ++i) event += ",{}";
  event += "]}";
  EXPECT_EQ(Shaped(*PlanOf(R"({"set": {"l.copy": {"field": "big"}}})"), event),
            "rejected: the shaped event is larger than 64 MiB");
}

TEST(EventShaper, ShapesThatDoTheSameHaveTheSameText) {
  EXPECT_EQ(PlanOf(R"({"keep": ["a", "b"], "flatten": true})")->text,
            PlanOf(R"({"flatten": {"separator": "_"}, "keep": ["b", "a", "b"]})")->text);
  const std::vector<std::string> different = {PlanOf(R"({"keep": ["a", "b"]})")->text,
                                              PlanOf(R"({"keep": ["a"]})")->text,
                                              PlanOf(R"({"drop": ["a"]})")->text,
                                              PlanOf(R"({"rename": {"a": "b"}})")->text,
                                              PlanOf(R"({"set": {"a": "b"}})")->text,
                                              PlanOf(R"({"set": {"a": 1}})")->text,
                                              PlanOf(R"({"set": {"a": {"field": "b"}}})")->text,
                                              PlanOf(R"({"set": {"a": "{b}"}})")->text,
                                              PlanOf(R"({"set": {"a": "{b}", "c": 1}})")->text,
                                              PlanOf(R"({"set": {"c": 1, "a": "{b}"}})")->text,
                                              PlanOf(R"({"set": {"a": "{b}."}})")->text,
                                              PlanOf(R"({"flatten": true})")->text,
                                              PlanOf(R"({"flatten": {"separator": "."}})")->text};
  for (size_t i = 0; i < different.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(different[i], different[j]) << i << " " << j;
  }
}

}  // namespace
}  // namespace turnout::router
