#include "runtime/found_record.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/canonical_text.h"
#include "runtime/json_difference.h"

namespace turnout::runtime {
namespace {

constexpr size_t kShownBytesMax = 1'000;

std::string ShownKey(const std::optional<std::string>& key) { return key ? *key : "none"; }

std::string ShownBytes(const std::optional<std::string>& bytes) {
  if (!bytes) return "no value";
  return bytes->size() <= kShownBytesMax ? *bytes : bytes->substr(0, kShownBytesMax) + "...";
}

std::string NameOf(const std::string& id) { return id.substr(id.find('/') + 1); }

bool IsOf(const std::string& rule, const FoundRecord& found) {
  return std::any_of(found.rules.begin(), found.rules.end(),
                     [&](const std::string& id) { return id == rule || NameOf(id) == rule; });
}

std::string ErrorMismatch(const Expectation& expected, const FoundRecord& found) {
  if (expected.error != found.error) return absl::StrCat("it is `", found.error, "`");
  if (!expected.rule.empty() && !IsOf(expected.rule, found)) {
    return absl::StrCat("it is of ", absl::StrJoin(found.rules, ", "));
  }
  if (absl::StrContains(found.reason, expected.reason)) return "";
  return absl::StrCat("its reason is: ", found.reason);
}

std::string ValueMismatch(const Expectation& expected, const FoundRecord& found) {
  if (expected.text && found.value != *expected.text) {
    return absl::StrCat("its value is ", ShownBytes(found.value));
  }
  if (!expected.value) return "";
  std::vector<router::Problem> problems;
  const std::optional<router::Node> value =
      found.value ? router::ParseJson(*found.value, &problems) : std::nullopt;
  if (!value) return absl::StrCat("its value is no JSON: ", ShownBytes(found.value));
  return JsonDifference(*expected.value, *value).value_or("");
}

std::string HeaderMismatch(const Expectation& expected, const FoundRecord& found) {
  for (const auto& [name, value] : expected.headers) {
    const auto header = found.headers.find(name);
    if (header == found.headers.end()) return absl::StrCat("it has no header `", name, "`");
    if (header->second != value) {
      return absl::StrCat("its header `", name, "` is ", header->second, ", not ", value);
    }
  }
  return "";
}

std::string RuleMismatch(const Expectation& expected, const FoundRecord& found) {
  const bool are_same = expected.rules.empty() ||
                        (expected.rules.size() == found.rules.size() &&
                         std::all_of(expected.rules.begin(), expected.rules.end(),
                                     [&](const std::string& rule) { return IsOf(rule, found); }));
  return are_same ? "" : absl::StrCat("it is sent by ", absl::StrJoin(found.rules, ", "));
}

// Whether the expectation number `at` can be given a record, others moving to other ones.
bool Pair(size_t at, const std::vector<std::vector<size_t>>& candidates, std::vector<int>* owner,
          std::vector<bool>* tried) {
  for (const size_t record : candidates[at]) {
    if ((*tried)[record]) continue;
    (*tried)[record] = true;
    const int has_it = (*owner)[record];
    if (has_it >= 0 && !Pair(static_cast<size_t>(has_it), candidates, owner, tried)) continue;
    (*owner)[record] = static_cast<int>(at);
    return true;
  }
  return false;
}

}  // namespace

std::string Mismatch(const Expectation& expected, const FoundRecord& found) {
  if (!expected.error.empty() || !found.error.empty()) return ErrorMismatch(expected, found);
  if (expected.destination != found.destination) {
    return absl::StrCat("it goes to ", found.destination);
  }
  if (expected.key && *expected.key != found.key) {
    return absl::StrCat("its key is ", ShownKey(found.key));
  }
  if (std::string value = ValueMismatch(expected, found); !value.empty()) return value;
  if (std::string header = HeaderMismatch(expected, found); !header.empty()) return header;
  if (expected.timestamp_ms && *expected.timestamp_ms != found.timestamp_ms) {
    return absl::StrFormat("its time is %d", found.timestamp_ms);
  }
  return RuleMismatch(expected, found);
}

std::vector<int> PairUp(const std::vector<Expectation>& expected,
                        const std::vector<FoundRecord>& found) {
  std::vector<std::vector<size_t>> candidates(expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    for (size_t j = 0; j < found.size(); ++j) {
      if (Mismatch(expected[i], found[j]).empty()) candidates[i].push_back(j);
    }
  }
  std::vector<int> owner(found.size(), -1);
  for (size_t i = 0; i < expected.size(); ++i) {
    std::vector<bool> tried(found.size());
    Pair(i, candidates, &owner, &tried);
  }
  std::vector<int> pairs(expected.size(), -1);
  for (size_t j = 0; j < found.size(); ++j) {
    if (owner[j] >= 0) pairs[static_cast<size_t>(owner[j])] = static_cast<int>(j);
  }
  return pairs;
}

std::string Shown(const Expectation& expected) {
  if (!expected.error.empty()) {
    std::string text = absl::StrCat("a dead letter, ", expected.error);
    if (!expected.rule.empty()) absl::StrAppend(&text, ", of ", expected.rule);
    if (!expected.reason.empty()) absl::StrAppend(&text, ": ", expected.reason);
    return text;
  }
  std::string text = expected.destination;
  if (expected.key) absl::StrAppend(&text, ", key ", ShownKey(*expected.key));
  if (expected.value) absl::StrAppend(&text, ", ", ShownBytes(router::JsonText(*expected.value)));
  if (expected.text) absl::StrAppend(&text, ", ", ShownBytes(expected.text));
  return text;
}

std::string Shown(const FoundRecord& found) {
  if (!found.error.empty()) {
    const std::string rules = absl::StrJoin(found.rules, ", ");
    return absl::StrCat("a dead letter, ", found.error, rules.empty() ? "" : ", of ", rules, ": ",
                        found.reason);
  }
  return absl::StrCat(found.destination, ", key ", ShownKey(found.key), ", ",
                      ShownBytes(found.value), ", by ", absl::StrJoin(found.rules, ", "));
}

}  // namespace turnout::runtime
