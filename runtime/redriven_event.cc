#include "runtime/redriven_event.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/rekey.h"

namespace turnout::runtime {
namespace {

constexpr std::string_view kFormat = "1";
constexpr std::string_view kNone = "-";
constexpr std::string_view kEvent = "event";
constexpr std::string_view kRecord = "record";
constexpr size_t kHeaders = 2;
constexpr size_t kWords = 6;

absl::string_view OrNone(std::string_view word) {
  return word.empty() ? absl::string_view(kNone.data(), kNone.size())
                      : absl::string_view(word.data(), word.size());
}

std::string_view NoneIsEmpty(std::string_view word) {
  return word == kNone ? std::string_view() : word;
}

}  // namespace

void EncodeRedriven(std::string_view source, const router::Redriven& from, std::string* text) {
  std::string steps;
  AppendSteps(from.steps, &steps);
  const std::string_view form = from.is_record ? kRecord : kEvent;
  *text = absl::StrCat("1 ", OrNone(source), " ", OrNone(form), " ", OrNone(steps), " ",
                       OrNone(from.destination), " ", OrNone(from.rule_ids));
}

bool DecodeRedriven(const connectors::Event& record, RedrivenEvent* redriven) {
  if (record.headers.size() < kHeaders) return false;
  const size_t own = record.headers.size() - kHeaders;
  const connectors::Header& told = record.headers[own];
  const connectors::Header& key = record.headers[own + 1];
  if (told.first != kRedrivenHeader || key.first != kRekeyedKeyHeader) return false;
  const absl::string_view text(told.second.data(), told.second.size());
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  if (words.size() != kWords || words[0] != OrNone(kFormat)) return false;
  std::array<std::string_view, kWords> parts;
  for (size_t i = 0; i < kWords; ++i) parts[i] = {words[i].data(), words[i].size()};
  redriven->steps.clear();
  if (parts[3] != kNone && !ReadSteps(parts[3], &redriven->steps)) return false;
  redriven->source = parts[1];
  redriven->is_record = parts[2] == kRecord;
  redriven->destination = NoneIsEmpty(parts[4]);
  redriven->rule_ids = NoneIsEmpty(parts[5]);
  redriven->event = record;
  redriven->event.key = key.second;
  redriven->event.headers = record.headers.subspan(0, own);
  return true;
}

}  // namespace turnout::runtime
