#include "runtime/dead_letter.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "connectors/partitioner.h"
#include "runtime/record_headers.h"
#include "runtime/rekey.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::Header;

constexpr std::string_view kMarkBegin = R"({"redriven":[)";
constexpr std::string_view kMarkEnd = "]}";

// What Turnout adds begins before the error: its own headers follow the event's.
size_t OwnHeaders(const Event& record, size_t error) {
  while (error > 0) {
    const std::string_view name = record.headers[error - 1].first;
    if (name != kTimestampHeader && name != kOmittedHeader) break;
    --error;
  }
  return error;
}

void ReadHeader(const Header& header, DeadLetter* letter) {
  const auto& [name, value] = header;
  if (name == kErrorHeader) letter->kind = value;
  if (name == kReasonHeader) letter->reason = value;
  if (name == kDestinationHeader) letter->destination = value;
  if (name == kRulesHeader) letter->rule_ids = value;
  if (name == kRuleSetHeader) letter->rule_set = value;
  if (name == kSourceHeader) letter->source = value;
  if (name == kValueHeader) letter->is_record = value == kValueIsRecord;
  if (name == kOmittedHeader) letter->is_omitted = true;
  if (name == kReplayHeader) letter->is_of_replay = true;
  if (name == kStepsHeader && !ReadSteps(value, &letter->steps)) letter->steps.clear();
  if (name == kTimestampHeader) {
    if (int64_t ms = 0; absl::SimpleAtoi(absl::string_view(value.data(), value.size()), &ms)) {
      letter->event.timestamp_ms = ms;
    }
  }
}

}  // namespace

router::Redriven DeadLetter::from() const {
  // At a step, nothing was sent anywhere yet.
  const std::string_view only = steps.empty() ? destination : std::string_view();
  return {.rule_ids = rule_ids, .steps = steps, .destination = only, .is_record = is_record};
}

std::string_view DeadLetter::team() const { return rule_ids.substr(0, rule_ids.find('/')); }

bool DeadLetter::NamesRule(std::string_view rule) const {
  for (const absl::string_view id :
       absl::StrSplit(absl::string_view(rule_ids.data(), rule_ids.size()), ',')) {
    if (std::string_view(id.data(), id.size()) == rule) return true;
  }
  return false;
}

bool ReadDeadLetter(const Event& record, DeadLetter* letter) {
  const auto& headers = record.headers;
  // The last one: an event may have been another pipeline's dead letter.
  const auto found = std::find_if(headers.rbegin(), headers.rend(),
                                  [](const Header& one) { return one.first == kErrorHeader; });
  if (found == headers.rend()) return false;
  const auto error = static_cast<size_t>(std::distance(found, headers.rend()) - 1);
  const size_t own = OwnHeaders(record, error);
  std::vector<state::StepId> steps = std::move(letter->steps);
  steps.clear();
  *letter = {.event = record, .steps = std::move(steps)};
  for (size_t i = own; i < headers.size(); ++i) ReadHeader(headers[i], letter);
  letter->event.headers = headers.subspan(0, own);
  return true;
}

void OffsetSet::Add(int64_t begin, int64_t end) {
  auto next = ranges_.upper_bound(begin);
  if (next != ranges_.begin() && std::prev(next)->second >= begin) {
    --next;
    begin = next->first;
  }
  while (next != ranges_.end() && next->first <= end) {
    end = std::max(end, next->second);
    next = ranges_.erase(next);
  }
  ranges_[begin] = end;
}

bool OffsetSet::Contains(int64_t offset) const {
  const auto next = ranges_.upper_bound(offset);
  return next != ranges_.begin() && std::prev(next)->second > offset;
}

std::string OffsetSet::ToMark() const {
  std::string mark(kMarkBegin);
  const char* separator = "";
  for (const auto& [begin, end] : ranges_) {
    absl::StrAppend(&mark, separator, "[", begin, ",", end, "]");
    separator = ",";
  }
  return mark.append(kMarkEnd);
}

bool OffsetSet::AddMark(std::string_view value) {
  if (!value.starts_with(kMarkBegin) || !value.ends_with(kMarkEnd)) return false;
  value.remove_prefix(kMarkBegin.size());
  value.remove_suffix(kMarkEnd.size());
  if (value.size() < 2 || value.front() != '[' || value.back() != ']') return false;
  const absl::string_view ranges(value.data() + 1, value.size() - 2);
  for (const absl::string_view range : absl::StrSplit(ranges, "],[")) {
    const std::pair<absl::string_view, absl::string_view> ends = absl::StrSplit(range, ',');
    int64_t begin = 0;
    int64_t end = 0;
    if (!absl::SimpleAtoi(ends.first, &begin) || !absl::SimpleAtoi(ends.second, &end)) return false;
    if (begin < end) Add(begin, end);
  }
  return true;
}

bool IsMark(const Event& record) {
  return !record.headers.empty() && record.headers.front().first == kMarkHeader;
}

std::string MarkKey(int32_t partition, int32_t partitions) {
  for (int i = 0;; ++i) {
    std::string key = absl::StrCat("turnout-redriven-", i);
    if (connectors::PartitionOfKey(key, partitions) == partition) return key;
  }
}

}  // namespace turnout::runtime
