#include "runtime/rule_test_file.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/canonical_text.h"
#include "router/duration.h"
#include "router/node_checks.h"
#include "router/suggest.h"
#include "router/timestamp.h"
#include "runtime/record_headers.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

using router::Node;
using router::Position;
using router::Problem;

constexpr std::string_view kFileKeys[] = {"tables", "cases"};
constexpr std::string_view kCaseKeys[] = {"name", "rollout", "tables", "events"};
constexpr std::string_view kEventKeys[] = {"value",   "text",  "file", "key",
                                           "headers", "topic", "time", "expect"};
constexpr std::string_view kRecordKeys[] = {"to",      "key",  "value", "text",
                                            "headers", "time", "rules"};
constexpr std::string_view kErrorKeys[] = {"error", "rule", "reason"};
constexpr std::string_view kErrors[] = {kErrorUnreadable, kErrorUnroutable, kErrorStateFull,
                                        kErrorMissingKey};
constexpr std::string_view kRollouts[] = {"ignore", "apply"};
constexpr std::string_view kSourceTopic = "events";
constexpr std::string_view kRecordExample = "{to: checkout.orders, key: c-1, value: {total: 5}}";
constexpr int64_t kStartMs = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

class TestReader {
 public:
  TestReader(const std::string& file, const router::RuleLimits& limits,
             std::vector<Problem>* problems, EventFiles event_files)
      : file_(file), limits_(limits), problems_(problems), event_files_(event_files) {}

  std::vector<TestCase> Read(const Node& root);

 private:
  void Add(Position at, std::string what, std::string cure) {
    problems_->push_back({at, subject_, std::move(what), std::move(cure)});
  }
  // Whether the node is an object of none but these keys.
  bool IsObject(const Node& node, std::string_view name, absl::Span<const std::string_view> keys,
                std::string_view example);
  const Node* NeedList(const Node& object, std::string_view key, std::string_view example);
  TestCase ReadCase(const Node& node, const TestTables& tables);
  void ReadTables(const Node* node, TestTables* tables);
  TestEvent ReadEvent(const Node& node, int64_t before_ms);
  void ReadPayload(const Node& node, TestEvent* event);
  std::vector<Expectation> ReadExpected(const Node& node);
  Expectation ReadExpectation(const Node& node);
  void ReadError(const Node& node, Expectation* expected);
  void ReadRecord(const Node& node, Expectation* expected);
  std::optional<int64_t> ReadTime(const Node& node, int64_t before_ms);
  std::optional<std::string> ReadScalar(const Node& node, std::string_view what);
  // A member that is a text, if it is there.
  std::optional<std::string> FindText(const Node& object, std::string_view key);
  std::string FindWord(const Node& object, std::string_view key,
                       absl::Span<const std::string_view> known);
  std::map<std::string, std::string> FindHeaders(const Node& object);

  const std::string& file_;
  const router::RuleLimits& limits_;
  std::vector<Problem>* const problems_;
  const EventFiles event_files_;
  std::string subject_;  // the case at hand
  std::set<std::string> names_;
};

bool TestReader::IsObject(const Node& node, std::string_view name,
                          absl::Span<const std::string_view> keys, std::string_view example) {
  const size_t before = problems_->size();
  const bool is_object = router::CheckObject(node, name, example, problems_);
  if (is_object) router::CheckKeys(node, keys, problems_);
  for (size_t i = before; i < problems_->size(); ++i) (*problems_)[i].subject = subject_;
  return is_object;
}

const Node* TestReader::NeedList(const Node& object, std::string_view key,
                                 std::string_view example) {
  const Node* const list = object.Find(key);
  if (list != nullptr && list->kind == Node::Kind::kArray && !list->items.empty()) return list;
  Add(list == nullptr ? object.at : list->at,
      absl::StrFormat("`%s` must be a list of at least one entry", key),
      absl::StrFormat("write it as `%s`", example));
  return nullptr;
}

std::optional<std::string> TestReader::ReadScalar(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::kString || node.kind == Node::Kind::kNumber) return node.text;
  Add(node.at, absl::StrFormat("`%s` is no text, but of type %s", what, KindName(node.kind)),
      "write it in quotes");
  return std::nullopt;
}

std::optional<std::string> TestReader::FindText(const Node& object, std::string_view key) {
  const Node* const node = object.Find(key);
  return node == nullptr ? std::nullopt : ReadScalar(*node, key);
}

std::string TestReader::FindWord(const Node& object, std::string_view key,
                                 absl::Span<const std::string_view> known) {
  const Node* const node = object.Find(key);
  if (node == nullptr) return "";
  if (std::find(known.begin(), known.end(), node->text) == known.end()) {
    Add(node->at, absl::StrFormat("`%s` can't be %s", key, router::Quoted(node->text)),
        router::NearestNameCure(node->text, known));
  }
  return node->text;
}

std::map<std::string, std::string> TestReader::FindHeaders(const Node& object) {
  std::map<std::string, std::string> headers;
  const Node* const node = object.Find("headers");
  if (node == nullptr || !IsObject(*node, "headers", {}, "headers: {ce_type: order.created}")) {
    return headers;
  }
  for (const router::Member& member : node->members) {
    headers[member.name] = ReadScalar(member.value, member.name).value_or("");
  }
  return headers;
}

std::optional<int64_t> TestReader::ReadTime(const Node& node, int64_t before_ms) {
  if (node.kind == Node::Kind::kNumber) {
    int64_t ms = 0;
    const char* const end = node.text.data() + node.text.size();
    if (std::from_chars(node.text.data(), end, ms).ptr == end) return ms;
  } else if (node.kind == Node::Kind::kString && absl::StartsWith(node.text, "+")) {
    const auto later_ms = router::ParseDuration(std::string_view(node.text).substr(1));
    if (later_ms) return before_ms + *later_ms;
  } else if (node.kind == Node::Kind::kString) {
    const std::optional<router::Timestamp> time = router::ParseTimestamp(node.text);
    if (time) return time->seconds * 1000 + time->nanoseconds / 1'000'000;
  }
  Add(node.at, absl::StrFormat("`time` is none: %s", router::Quoted(node.text)),
      "write an instant such as `2026-01-01T12:00:00Z`, milliseconds since 1970, or `+10m` for so "
      "much after the event before");
  return std::nullopt;
}

void TestReader::ReadPayload(const Node& node, TestEvent* event) {
  const Node* const value = node.Find("value");
  const Node* const text = node.Find("text");
  const Node* const file = node.Find("file");
  if ((value != nullptr) + (text != nullptr) + (file != nullptr) != 1) {
    return Add(node.at, "the event needs one of `value`, `text` and `file`",
               "write its JSON as `value: {type: order.created}`, other bytes as `text`");
  }
  if (value != nullptr) {
    event->value = router::JsonText(*value);
  } else if (text != nullptr) {
    if (text->kind != Node::Kind::kNull) event->value = ReadScalar(*text, "text");
  } else if (event_files_ == EventFiles::kRefused) {
    Add(file->at, "the event's bytes are in a `file`, and there are none here",
        "write its JSON as `value: {type: order.created}`, other bytes as `text`");
  } else if (const auto name = ReadScalar(*file, "file")) {
    const size_t slash = *name == "" || name->front() == '/' ? std::string::npos : file_.rfind('/');
    const std::string path =
        slash == std::string::npos ? *name : absl::StrCat(file_.substr(0, slash + 1), *name);
    std::vector<Problem> unread;
    event->value = ReadRuleText(path, limits_, &unread);
    for (const Problem& problem : unread) {
      Add(file->at, absl::StrCat("`file` ", path, ": ", problem.what),
          "name a file with the event's bytes, from this file's directory");
    }
    while (event->value && absl::EndsWith(*event->value, "\n")) event->value->pop_back();
  }
}

void TestReader::ReadError(const Node& node, Expectation* expected) {
  if (!IsObject(node, "expect", kErrorKeys, "{error: unroutable, rule: by-region}")) return;
  expected->error = FindWord(node, "error", kErrors);
  expected->rule = FindText(node, "rule").value_or("");
  expected->reason = FindText(node, "reason").value_or("");
}

void TestReader::ReadRecord(const Node& node, Expectation* expected) {
  if (!IsObject(node, "expect", kRecordKeys, kRecordExample)) return;
  if (node.Find("to") == nullptr) {
    Add(node.at, "what is expected has neither `to` nor `error`",
        absl::StrFormat("name the destination, such as `%s`, or the kind of a dead letter",
                        kRecordExample));
  }
  expected->destination = FindText(node, "to").value_or("");
  if (const Node* key = node.Find("key")) {
    expected->key.emplace();
    if (key->kind != Node::Kind::kNull) *expected->key = ReadScalar(*key, "key");
  }
  if (const Node* value = node.Find("value")) expected->value = *value;
  expected->text = FindText(node, "text");
  expected->headers = FindHeaders(node);
  if (const Node* time = node.Find("time")) expected->timestamp_ms = ReadTime(*time, 0);
  if (node.Find("rules") == nullptr) return;
  const Node* const rules = NeedList(node, "rules", "rules: [big-orders]");
  if (rules == nullptr) return;
  for (const Node& rule : rules->items) {
    expected->rules.push_back(ReadScalar(rule, "rules").value_or(""));
  }
  std::sort(expected->rules.begin(), expected->rules.end());
}

Expectation TestReader::ReadExpectation(const Node& node) {
  Expectation expected = {.at = node.at};
  if (node.Find("error") != nullptr) {
    ReadError(node, &expected);
  } else {
    ReadRecord(node, &expected);
  }
  return expected;
}

std::vector<Expectation> TestReader::ReadExpected(const Node& node) {
  std::vector<Expectation> expected;
  const bool is_none = node.kind == Node::Kind::kString && node.text == "none";
  if (node.kind != Node::Kind::kArray && !is_none) {
    Add(node.at, "`expect` is neither a list nor `none`",
        absl::StrFormat("write a list of records, such as `- %s`", kRecordExample));
  }
  for (const Node& item : node.items) expected.push_back(ReadExpectation(item));
  return expected;
}

TestEvent TestReader::ReadEvent(const Node& node, int64_t before_ms) {
  TestEvent event = {.at = node.at, .topic = std::string(kSourceTopic), .timestamp_ms = before_ms};
  if (!IsObject(node, "events", kEventKeys, "- {value: {type: order.created}, expect: none}")) {
    return event;
  }
  ReadPayload(node, &event);
  const Node* const key = node.Find("key");
  if (key != nullptr && key->kind != Node::Kind::kNull) event.key = ReadScalar(*key, "key");
  for (auto& [name, value] : FindHeaders(node)) event.headers.emplace_back(name, value);
  if (auto topic = FindText(node, "topic")) event.topic = *std::move(topic);
  if (const Node* time = node.Find("time")) {
    event.timestamp_ms = ReadTime(*time, before_ms).value_or(before_ms);
  }
  if (const Node* expect = node.Find("expect")) event.expected = ReadExpected(*expect);
  return event;
}

void TestReader::ReadTables(const Node* node, TestTables* tables) {
  constexpr std::string_view kExample = "tables: {merchants: {m-1: {name: Shop}}}";
  if (node == nullptr || !IsObject(*node, "tables", {}, kExample)) return;
  for (const router::Member& table : node->members) {
    if (!IsObject(table.value, table.name, {}, kExample)) continue;
    for (const router::Member& entry : table.value.members) {
      (*tables)[table.name][entry.name] = router::JsonText(entry.value);
    }
  }
}

TestCase TestReader::ReadCase(const Node& node, const TestTables& tables) {
  TestCase test = {.at = node.at, .tables = tables};
  subject_.clear();
  if (!IsObject(node, "cases", kCaseKeys, "- {name: what is true, events: [...]}")) return test;
  test.name = FindText(node, "name").value_or("");
  if (test.name.empty()) {
    Add(node.at, "the case has no `name`", "say in a sentence what it shows");
  } else if (!names_.insert(test.name).second) {
    Add(node.at, absl::StrFormat("a case is there twice, %s", router::Quoted(test.name)),
        "name it otherwise");
  }
  subject_ = test.name;
  test.applies_rollout = FindWord(node, "rollout", kRollouts) == "apply";
  ReadTables(node.Find("tables"), &test.tables);
  const Node* const events = NeedList(node, "events", "events: [{value: {}, expect: none}]");
  if (events == nullptr) return test;
  int64_t time_ms = kStartMs;
  for (const Node& event : events->items) {
    test.events.push_back(ReadEvent(event, time_ms));
    time_ms = test.events.back().timestamp_ms;
  }
  const bool expects = std::any_of(test.events.begin(), test.events.end(),
                                   [](const TestEvent& event) { return event.expected; });
  if (!expects) {
    Add(node.at, "no event of the case has an `expect`: it could not fail",
        "say what comes of one of them, be it `expect: none`");
  }
  return test;
}

std::vector<TestCase> TestReader::Read(const Node& root) {
  std::vector<TestCase> tests;
  if (!IsObject(root, "the file", kFileKeys, "cases: [{name: what is true, events: [...]}]")) {
    return tests;
  }
  TestTables tables;
  ReadTables(root.Find("tables"), &tables);
  const Node* const cases = NeedList(root, "cases", "cases: [{name: what is true, events: []}]");
  if (cases == nullptr) return tests;
  for (const Node& node : cases->items) tests.push_back(ReadCase(node, tables));
  return tests;
}

}  // namespace

std::string RuleTestStem(std::string_view file) {
  return std::string(file.substr(0, file.rfind(".test.")));
}

std::optional<std::vector<TestCase>> ReadRuleTests(const std::string& file, std::string_view text,
                                                   const router::RuleLimits& limits,
                                                   std::vector<Problem>* problems,
                                                   EventFiles event_files) {
  const size_t before = problems->size();
  const std::optional<Node> root = absl::EndsWith(file, ".json")
                                       ? router::ParseJson(text, problems)
                                       : router::ParseYaml(text, problems);
  if (!root) return std::nullopt;
  std::vector<TestCase> tests = TestReader(file, limits, problems, event_files).Read(*root);
  if (problems->size() > before) return std::nullopt;
  return tests;
}

}  // namespace turnout::runtime
