// The oracle against the conformance cases: it is no yardstick unless event-ruler's answers are
// its.
#include "tests/support/plain_matcher.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "router/document.h"
#include "router/pattern.h"
#include "tests/support/json_tree.h"

namespace turnout::support {
namespace {

using router::Node;

std::string_view TextOrNull(const Node* node) {
  if (node == nullptr || node->kind == Node::Kind::kNull) return {};
  return node->text;
}

void ReadRecord(const Node& kafka, router::Event* event, std::vector<router::Header>* headers) {
  event->key = TextOrNull(kafka.Find("key"));
  event->topic = TextOrNull(kafka.Find("topic"));
  if (const Node* partition = kafka.Find("partition")) {
    const std::string& text = partition->text;
    std::from_chars(text.data(), text.data() + text.size(), event->partition);
  }
  if (const Node* list = kafka.Find("headers")) {
    for (const Node& header : list->items) {
      headers->emplace_back(header.items.at(0).text, TextOrNull(&header.items.at(1)));
    }
  }
  event->headers = *headers;
}

// Nothing when the case passes or is none of matching.
std::string DifferenceIn(const Node& test) {
  const Node* const rules = test.Find("rules");
  if (rules == nullptr) return "";
  std::vector<router::Pattern> patterns;
  std::vector<std::string> names;
  const auto add = [&](const std::string& name, const Node& text) {
    std::vector<router::Problem> problems;
    const std::optional<Node> node = router::ParseJsonPrefix(text.text, &problems);
    if (!node) return;
    auto pattern = router::CompilePattern(*node, router::PatternLimits(), &problems);
    if (!pattern) return;
    patterns.push_back(*std::move(pattern));
    names.push_back(name);
  };
  for (const router::Member& rule : rules->members) {
    if (rule.value.kind != Node::Kind::kArray) add(rule.name, rule.value);
    for (const Node& text : rule.value.items) add(rule.name, text);
  }
  router::Event event;
  std::vector<router::Header> headers;
  if (const Node* kafka = test.Find("kafka")) ReadRecord(*kafka, &event, &headers);
  event.value = TextOrNull(test.Find("event"));
  const PlainMatcher::Answer answer = PlainMatcher(patterns, {}).Match(event);
  if (!answer.gave_up.empty()) return "it gave up";
  const Node* const expected = test.Find("expected");
  if (expected == nullptr) return answer.status.ok() ? "it accepted the event" : "";
  if (!answer.status.ok()) return std::string(answer.status.message());
  std::vector<std::string> matched;
  for (const router::PatternId id : answer.matches) matched.push_back(names[id]);
  std::sort(matched.begin(), matched.end());
  matched.erase(std::unique(matched.begin(), matched.end()), matched.end());
  std::vector<std::string> wanted;
  for (const Node& name : expected->items) wanted.push_back(name.text);
  std::sort(wanted.begin(), wanted.end());
  return matched == wanted ? "" : "the matches differ";
}

// Runs every line of a plain or gzipped file; returns how many matching cases it held.
size_t RunFile(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  if (file == nullptr) return 0;
  size_t cases = 0;
  std::string line;
  for (int c = gzgetc(file); c != -1; c = gzgetc(file)) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    std::vector<router::Problem> problems;
    const std::optional<Node> test = router::ParseJson(line, &problems);
    const std::string difference = test ? DifferenceIn(*test) : "the line is no JSON";
    EXPECT_EQ(difference, "") << line.substr(0, 2000);
    if (test && test->Find("rules") != nullptr) ++cases;
    line.clear();
  }
  gzclose(file);
  return cases;
}

TEST(PlainMatcher, PassesOurOwnCases) {
  const std::string data = std::string(TURNOUT_SOURCE_DIR) + "/tests/router/data";
  size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    if (entry.path().filename().string().rfind("cases_", 0) != 0) continue;
    cases += RunFile(entry.path().string());
  }
  EXPECT_GT(cases, 100u);
}

TEST(PlainMatcher, PassesTheSharedCases) {
  const std::string path =
      std::string(TURNOUT_SOURCE_DIR) + "/../shared/conformance/cases.jsonl.gz";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "NOT RUN: no shared conformance cases at " << path;
  }
  EXPECT_GT(RunFile(path), 1000u);
}

TEST(JsonTree, ReadsWhatIsValidAndRefusesTheRest) {
  const auto valid = [](std::string_view text) {
    std::string error;
    const bool read = ReadJsonObject(text, &error) != nullptr;
    EXPECT_EQ(read, error.empty()) << text;
    return read;
  };
  for (const char* text : {"{}", " {\"a\":[1,-0.5e+7,\"\\ud83d\",true,false,null,{}]}", "{} x",
                           "{\"a\":1,\"a\":2}\xff", "{\"\xF0\x9F\x98\x80\x7f\":0}"}) {
    EXPECT_TRUE(valid(text)) << text;
  }
  for (const char* text : {"",
                           "[1]",
                           "{",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":01}",
                           "{\"a\":1.}",
                           "{\"a\":.5}",
                           "{\"a\":-}",
                           "{\"a\":1e}",
                           "{\"a\":+1}",
                           "{\"a\":nul}",
                           "{\"a\":1,}",
                           "{\"a\":[1,]}",
                           "{\"a\":\"\\x\"}",
                           "{\"a\":\"\\u12g4\"}",
                           "{\"a\":\"\x01\"}",
                           "{\"a\":\"\xC0\x80\"}",
                           "{\"a\":\"\xED\xA0\x80\"}",
                           "{\"a\":\"\xF4\x90\x80\x80\"}",
                           "{\"a\":\"\xC3\"}",
                           "{\"a\":\"b",
                           "\xEF\xBB\xBF{}",
                           "{'a':1}"}) {
    EXPECT_FALSE(valid(text)) << text;
  }
  for (const int levels : {kJsonTreeDepthMax - 1, kJsonTreeDepthMax}) {
    const auto count = static_cast<size_t>(levels);
    const std::string nested = std::string(count, '[') + std::string(count, ']');
    EXPECT_EQ(valid("{\"a\":" + nested + "}"), levels < kJsonTreeDepthMax);
  }
  std::string error;
  const auto tree = ReadJsonObject(R"({"\u0061\ud83d\ude00":"\/\n\ud83d\u0041"})", &error);
  ASSERT_NE(tree, nullptr);
  EXPECT_EQ(tree->members[0].name, "a\xF0\x9F\x98\x80");
  EXPECT_EQ(tree->members[0].value.text,
            "/\n\xED\xA0\xBD"
            "A");
}

}  // namespace
}  // namespace turnout::support
