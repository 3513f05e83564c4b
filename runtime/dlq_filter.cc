#include "runtime/dlq_filter.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/duration.h"
#include "runtime/json_text.h"

namespace turnout::runtime {
namespace {

constexpr size_t kTextValueBytesMax = 1'000;
constexpr size_t kJsonValueBytesMax = 64 << 10;
constexpr std::string_view kNoRule = "-";
constexpr std::string_view kOthers = "(others)";

std::string TimeText(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

std::string OneLine(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return line;
}

}  // namespace

bool DlqFilter::Takes(const DeadLetter& letter) const {
  const bool is_team = rule.find('/') == std::string::npos;
  if (!rule.empty() && (is_team ? letter.team() != rule : !letter.NamesRule(rule))) return false;
  if (!kind.empty() && letter.kind != kind) return false;
  if (letter.reason.find(reason) == std::string_view::npos) return false;
  const int64_t at_ms = letter.event.timestamp_ms;
  return at_ms >= since_ms.value_or(at_ms) && (!until_ms || at_ms < *until_ms);
}

std::optional<int64_t> ParseMoment(std::string_view text, absl::Time now) {
  if (const std::optional<int64_t> ago_ms = router::ParseDuration(text)) {
    return absl::ToUnixMillis(now) - *ago_ms;
  }
  absl::Time time;
  std::string ignored;
  const absl::string_view view(text.data(), text.size());
  if (!absl::ParseTime(absl::RFC3339_full, view, &time, &ignored)) return std::nullopt;
  return absl::ToUnixMillis(time);
}

void DlqCounts::Add(const DeadLetter& letter) {
  ++total_;
  Key key(letter.kind, letter.rule_ids.empty() ? kNoRule : letter.rule_ids);
  if (groups_.size() >= kGroupsMax && !groups_.contains(key)) key = Key(kOthers, kOthers);
  const auto [found, is_new] = groups_.try_emplace(std::move(key));
  Group& group = found->second;
  const int64_t at_ms = letter.event.timestamp_ms;
  ++group.count;
  group.first_ms = is_new ? at_ms : std::min(group.first_ms, at_ms);
  group.last_ms = is_new ? at_ms : std::max(group.last_ms, at_ms);
  group.reason = std::string(letter.reason);
}

std::vector<std::pair<DlqCounts::Key, DlqCounts::Group>> DlqCounts::Sorted() const {
  std::vector<std::pair<Key, Group>> sorted(groups_.begin(), groups_.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
  return sorted;
}

std::string DlqCounts::Table() const {
  std::string text =
      absl::StrFormat("%9s  %-20s  %-20s  %-24s  %s\n", "count", "first", "last", "kind", "rules");
  for (const auto& [key, group] : Sorted()) {
    absl::StrAppendFormat(&text, "%9d  %-20s  %-20s  %-24s  %s\n%10s such as: %s\n", group.count,
                          TimeText(group.first_ms), TimeText(group.last_ms), key.first, key.second,
                          "", OneLine(group.reason));
  }
  absl::StrAppendFormat(&text, "%9d  in all\n", total_);
  return text;
}

std::string DlqCounts::Lines() const {
  std::string text;
  for (const auto& [key, group] : Sorted()) {
    absl::StrAppendFormat(
        &text,
        "{\"kind\":%s,\"rules\":%s,\"team\":%s,\"count\":%d,\"first_ms\":%d,\"last_ms\":%d,"
        "\"reason\":%s}\n",
        JsonString(key.first), JsonString(key.second),
        JsonString(key.second.substr(0, key.second.find('/'))), group.count, group.first_ms,
        group.last_ms, JsonString(group.reason));
  }
  return text;
}

std::string DeadLetterText(const DeadLetter& letter, const std::string& topic) {
  const connectors::Event& event = letter.event;
  std::string text = absl::StrFormat("%s/%d/%d  %s  %s", topic, event.partition, event.offset,
                                     TimeText(event.timestamp_ms), std::string(letter.kind));
  if (!letter.rule_ids.empty()) absl::StrAppendFormat(&text, "  %s", std::string(letter.rule_ids));
  absl::StrAppendFormat(&text, "\n  reason: %s\n  source: %s, rule set %s\n",
                        OneLine(letter.reason), std::string(letter.source),
                        std::string(letter.rule_set));
  if (!letter.destination.empty()) {
    absl::StrAppendFormat(&text, "  destination: %s\n", std::string(letter.destination));
  }
  if (event.key.data() != nullptr) absl::StrAppendFormat(&text, "  key: %s\n", OneLine(event.key));
  for (const auto& [name, value] : event.headers) {
    absl::StrAppendFormat(&text, "  %s: %s\n", OneLine(name), OneLine(value));
  }
  const std::string_view shown = event.value.substr(0, kTextValueBytesMax);
  absl::StrAppendFormat(&text, "  %s%s\n", OneLine(shown),
                        shown.size() < event.value.size()
                            ? absl::StrFormat(" ... (%d bytes)", event.value.size())
                            : "");
  return text;
}

std::string DeadLetterJson(const DeadLetter& letter, const std::string& topic) {
  const connectors::Event& event = letter.event;
  const std::string_view shown = event.value.substr(0, kJsonValueBytesMax);
  std::string headers;
  for (const auto& [name, value] : event.headers) {
    absl::StrAppend(&headers, headers.empty() ? "" : ",", "[", JsonString(name), ",",
                    value.data() == nullptr ? "null" : JsonString(value), "]");
  }
  return absl::StrFormat(
      "{\"topic\":%s,\"partition\":%d,\"offset\":%d,\"timestamp_ms\":%d,\"kind\":%s,\"reason\":%s,"
      "\"rules\":%s,\"rule_set\":%s,\"source\":%s,\"destination\":%s,\"key\":%s,\"headers\":[%s],"
      "\"value_bytes\":%d,\"value\":%s}\n",
      JsonString(topic), event.partition, event.offset, event.timestamp_ms, JsonString(letter.kind),
      JsonString(letter.reason), JsonString(letter.rule_ids), JsonString(letter.rule_set),
      JsonString(letter.source), JsonString(letter.destination),
      event.key.data() == nullptr ? "null" : JsonString(event.key), headers, event.value.size(),
      JsonString(shown));
}

}  // namespace turnout::runtime
