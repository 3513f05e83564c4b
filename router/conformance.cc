#include "router/conformance.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "router/document.h"
#include "router/matcher.h"
#include "router/pattern.h"

namespace turnout::router {
namespace {

absl::Status NotACase(std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("not a conformance case: ", std::string(why),
                   " (write {\"id\", \"rules\", \"event\", \"expected\"} or {\"id\", \"pattern\", "
                   "\"valid\"})"));
}

std::string Describe(const Problem& problem) {
  return absl::StrCat(problem.at.line, ":", problem.at.column, ": ", problem.what, " (",
                      problem.cure, ")");
}

// The pattern, or the first problem in `why`.
std::optional<Pattern> Compile(std::string_view text, PatternDialect dialect, std::string* why) {
  PatternLimits limits;
  limits.dialect = dialect;
  std::vector<Problem> problems;
  const std::optional<Node> node = ParseJsonPrefix(text, &problems);
  std::optional<Pattern> pattern;
  if (node) pattern = CompilePattern(*node, limits, &problems);
  if (!pattern) *why = Describe(problems.at(0));
  return pattern;
}

CaseOutcome RunValidity(std::string id, const Node& root, const Node& pattern, const Node& valid) {
  const Node* const extensions = root.Find("extensions");
  const bool extended = extensions != nullptr && extensions->text == "true";
  std::string why;
  const bool accepted =
      Compile(pattern.text, extended ? PatternDialect::kTurnout : PatternDialect::kEventRuler, &why)
          .has_value();
  const bool expected = valid.text == "true";
  if (accepted == expected) return {std::move(id), ""};
  return {std::move(id), accepted ? "the pattern was accepted and should be refused"
                                  : absl::StrCat("the pattern was refused: ", why)};
}

// The record around the event, from a case's `kafka` member.
struct Record {
  Event event;
  std::vector<Header> headers;
};

std::string_view TextOrNull(const Node* node) {
  if (node == nullptr || node->kind == Node::Kind::kNull) return {};
  // A Kafka text that is empty is still there; an empty std::string has data.
  return node->text;
}

absl::Status ReadRecord(const Node* kafka, Record* record) {
  if (kafka == nullptr) return absl::OkStatus();
  record->event.key = TextOrNull(kafka->Find("key"));
  record->event.topic = TextOrNull(kafka->Find("topic"));
  if (const Node* partition = kafka->Find("partition")) {
    const std::string& text = partition->text;
    if (std::from_chars(text.data(), text.data() + text.size(), record->event.partition).ec !=
        std::errc()) {
      return NotACase("`partition` is not a number");
    }
  }
  if (const Node* headers = kafka->Find("headers")) {
    for (const Node& header : headers->items) {
      if (header.items.size() != 2) return NotACase("a header is not [name, value]");
      record->headers.emplace_back(header.items[0].text, TextOrNull(&header.items[1]));
    }
  }
  record->event.headers = record->headers;
  return absl::OkStatus();
}

bool IsText(const Node& node) { return node.kind == Node::Kind::kString; }

bool AreTexts(const std::vector<Node>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), IsText);
}

// Whether the members of a match case are what they should be: one that is not would be taken for
// empty, and the case could pass without having tested anything.
absl::Status CheckMatchShape(const Node& rules, const Node& event, const Node* expected) {
  if (rules.kind != Node::Kind::kObject) return NotACase("`rules` is not an object");
  for (const Member& rule : rules.members) {
    const bool texts = rule.value.kind == Node::Kind::kArray && AreTexts(rule.value.items);
    if (!texts && !IsText(rule.value)) {
      return NotACase(absl::StrCat("rule `", rule.name,
                                   "` is neither a pattern's JSON in a string nor a list of such"));
    }
  }
  // A record without a value is null.
  if (!IsText(event) && event.kind != Node::Kind::kNull) {
    return NotACase("`event` is not the event's JSON in a string");
  }
  if (expected == nullptr) return absl::OkStatus();
  if (expected->kind != Node::Kind::kArray || !AreTexts(expected->items)) {
    return NotACase("`expected` is not a list of names");
  }
  return absl::OkStatus();
}

// Every pattern of `rules`, and beside it the rule it belongs to.
std::string CompileRules(const Node& rules, std::vector<Pattern>* patterns,
                         std::vector<std::string>* names) {
  for (const Member& rule : rules.members) {
    const bool list = rule.value.kind == Node::Kind::kArray;
    const size_t count = list ? rule.value.items.size() : 1;
    for (size_t i = 0; i < count; ++i) {
      std::string why;
      std::optional<Pattern> pattern = Compile(list ? rule.value.items[i].text : rule.value.text,
                                               PatternDialect::kTurnout, &why);
      if (!pattern) return absl::StrCat("rule ", rule.name, " was refused: ", why);
      patterns->push_back(*std::move(pattern));
      names->push_back(rule.name);
    }
  }
  return "";
}

std::string Listed(const std::vector<std::string>& names) {
  return absl::StrCat("[", absl::StrJoin(names, ", "), "]");
}

absl::StatusOr<CaseOutcome> RunMatch(std::string id, const Node& root, const Node& rules) {
  const Node* const text = root.Find("event");
  const Node* const expected = root.Find("expected");
  const Node* const expected_error = root.Find("expected_error");
  if (text == nullptr) return NotACase("`event` is missing");
  if ((expected == nullptr) == (expected_error == nullptr)) {
    return NotACase("it needs `expected` or `expected_error`");
  }
  const absl::Status shape = CheckMatchShape(rules, *text, expected);
  if (!shape.ok()) return shape;
  Record record;
  const absl::Status read = ReadRecord(root.Find("kafka"), &record);
  if (!read.ok()) return read;
  record.event.value = TextOrNull(text);

  std::vector<Pattern> patterns;
  std::vector<std::string> rule_names;
  const std::string refused = CompileRules(rules, &patterns, &rule_names);
  if (!refused.empty()) return CaseOutcome{std::move(id), refused};

  const Matcher matcher(patterns, {});
  const std::unique_ptr<Matcher::Scratch> scratch = matcher.NewScratch();
  const absl::Status status = matcher.Match(record.event, scratch.get());
  if (expected_error != nullptr) {
    return CaseOutcome{std::move(id),
                       status.ok() ? "the event was accepted and should be refused" : ""};
  }
  if (!status.ok()) return CaseOutcome{std::move(id), std::string(status.message())};

  std::vector<std::string> matched;
  for (const PatternId pattern : scratch->matches()) matched.push_back(rule_names[pattern]);
  std::sort(matched.begin(), matched.end());
  matched.erase(std::unique(matched.begin(), matched.end()), matched.end());
  std::vector<std::string> wanted;
  for (const Node& name : expected->items) wanted.push_back(name.text);
  std::sort(wanted.begin(), wanted.end());
  if (matched == wanted) return CaseOutcome{std::move(id), ""};
  return CaseOutcome{std::move(id),
                     absl::StrCat("matched ", Listed(matched), ", expected ", Listed(wanted))};
}

}  // namespace

absl::StatusOr<CaseOutcome> RunConformanceCase(std::string_view line) {
  std::vector<Problem> problems;
  const std::optional<Node> root = ParseJson(line, &problems);
  if (!root) return NotACase(Describe(problems.at(0)));
  const Node* const id = root->Find("id");
  if (id == nullptr) return NotACase("`id` is missing");
  if (!IsText(*id)) return NotACase("`id` is not a string");
  const Node* const pattern = root->Find("pattern");
  const Node* const valid = root->Find("valid");
  if (pattern != nullptr && valid != nullptr) {
    if (!IsText(*pattern)) return NotACase("`pattern` is not the pattern's JSON in a string");
    if (valid->kind != Node::Kind::kBool) return NotACase("`valid` is neither true nor false");
    return RunValidity(id->text, *root, *pattern, *valid);
  }
  const Node* const rules = root->Find("rules");
  if (rules == nullptr) return NotACase("it has neither `rules` nor `pattern` with `valid`");
  return RunMatch(id->text, *root, *rules);
}

}  // namespace turnout::router
