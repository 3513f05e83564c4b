#include "runtime/parked_record.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

constexpr size_t kWords = 6;  // the last one may have slashes in it

bool DecodePlace(std::string_view text, std::string_view group, ParkedRecord* parked,
                 size_t* header_count) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(text.data(), text.size()), absl::MaxSplits('/', kWords - 1));
  return words.size() == kWords && words[5] == absl::string_view(group.data(), group.size()) &&
         absl::SimpleAtoi(words[0], &parked->place.partition) &&
         absl::SimpleAtoi(words[1], &parked->place.lane) &&
         absl::SimpleAtoi(words[2], &parked->place.number) &&
         absl::SimpleAtoi(words[3], &parked->output.timestamp_ms) &&
         absl::SimpleAtoi(words[4], header_count);
}

}  // namespace

void EncodeParked(const ParkedPlace& place, int64_t timestamp_ms, size_t header_count,
                  std::string_view group, std::string* text) {
  text->clear();
  absl::StrAppend(text, place.partition, "/", place.lane, "/", place.number, "/", timestamp_ms);
  absl::StrAppend(text, "/", header_count, "/");
  text->append(group);
}

bool DecodeParked(const connectors::Event& record, std::string_view group, ParkedRecord* parked) {
  if (record.headers.empty() || record.headers.back().first != kParkedHeader) return false;
  size_t own = 0;
  *parked = {};
  if (!DecodePlace(record.headers.back().second, group, parked, &own)) return false;
  if (own >= record.headers.size()) return false;
  for (const connectors::Header& header : record.headers.subspan(own)) {
    if (header.first == kDestinationHeader) parked->output.topic = header.second;
    if (header.first == kRulesHeader) parked->rule_ids = header.second;
    if (header.first == kRuleSetHeader) parked->rule_set = header.second;
    if (header.first == kValueHeader) parked->is_record = true;
    if (header.first == kSourceHeader) parked->source = header.second;
  }
  parked->output.key = record.key;
  parked->output.value = record.value;
  parked->output.headers = record.headers.first(own);
  return !parked->output.topic.empty();
}

}  // namespace turnout::runtime
