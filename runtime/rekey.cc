#include "runtime/rekey.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace turnout::runtime {
namespace {

constexpr std::string_view kFormat = "1";
constexpr std::string_view kShadow = "shadow";
constexpr size_t kStepDigits = 16;
constexpr size_t kHeaders = 2;

// The next word, and `text` without it; empty when there is none.
std::string_view TakeWord(std::string_view* text) {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return word;
}

}  // namespace

void AppendSteps(absl::Span<const state::StepId> steps, std::string* text) {
  const char* separator = "";
  for (const state::StepId step : steps) {
    absl::StrAppendFormat(text, "%s%016x", separator, step);
    separator = ",";
  }
}

bool ReadSteps(std::string_view text, std::vector<state::StepId>* steps) {
  steps->clear();
  while (true) {
    if (text.size() < kStepDigits) return false;
    state::StepId step = 0;
    const char* const end = text.data() + kStepDigits;
    const auto [stopped_at, error] = std::from_chars(text.data(), end, step, 16);
    if (error != std::errc() || stopped_at != end) return false;
    steps->push_back(step);
    text.remove_prefix(kStepDigits);
    if (text.empty()) return true;
    if (text.front() != ',') return false;
    text.remove_prefix(1);
  }
}

void EncodeRekeyed(std::string_view source, const router::Rekeyed& rekeyed,
                   std::string_view rule_set, std::string* text) {
  text->clear();
  text->append(kFormat).append(" ").append(source).append(" ");
  AppendSteps(rekeyed.steps, text);
  text->append(" ").append(rekeyed.rule_ids).append(" ").append(rule_set);
  if (rekeyed.is_shadow) text->append(" ").append(kShadow);
}

bool DecodeRekeyed(const connectors::Event& record, ArrivedEvent* arrived) {
  if (record.headers.size() < kHeaders) return false;
  const size_t own = record.headers.size() - kHeaders;
  const connectors::Header& told = record.headers[own];
  const connectors::Header& key = record.headers[own + 1];
  if (told.first != kRekeyedHeader || key.first != kRekeyedKeyHeader) return false;
  std::string_view text = told.second;
  if (TakeWord(&text) != kFormat) return false;
  arrived->source = TakeWord(&text);
  if (arrived->source.empty() || !ReadSteps(TakeWord(&text), &arrived->steps)) return false;
  arrived->rule_ids = TakeWord(&text);
  arrived->rule_set = TakeWord(&text);
  arrived->is_shadow = text == kShadow;
  arrived->event = record;
  arrived->event.key = key.second;
  arrived->event.headers = record.headers.subspan(0, own);
  return true;
}

}  // namespace turnout::runtime
