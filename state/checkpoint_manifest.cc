#include "state/checkpoint_manifest.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "state/sealed_text.h"

namespace turnout::state {
namespace {

constexpr absl::string_view kFormatWord = "turnout-checkpoint ";
constexpr absl::string_view kNoName = "-";
constexpr int kCheckpointFormatMin = 1;
constexpr int kFirstFormatWithTimelines = 2;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat(View(kManifestDamaged), ": ", what));
}

// Takes the facts off the front, line by line.
class Lines {
 public:
  explicit Lines(absl::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }

  // The next line without its word; false if it begins with another one.
  bool Take(absl::string_view word, absl::string_view* text) {
    const size_t end = rest_.find('\n');
    if (end == absl::string_view::npos || rest_.substr(0, word.size()) != word) return false;
    if (end <= word.size() || rest_[word.size()] != ' ') return false;
    *text = rest_.substr(word.size() + 1, end - word.size() - 1);
    rest_.remove_prefix(end + 1);
    return true;
  }

  bool Take(absl::string_view word, int64_t* number) {
    absl::string_view text;
    return Take(word, &text) && absl::SimpleAtoi(text, number);
  }

 private:
  absl::string_view rest_;
};

absl::string_view NameOrNone(const std::string& name) {
  return name.empty() ? kNoName : absl::string_view(name);
}

std::string NameIn(absl::string_view text) {
  return text == kNoName ? std::string() : std::string(text);
}

}  // namespace

std::string EncodeManifest(const CheckpointManifest& manifest) {
  const StatePoint& point = manifest.point;
  std::string text = absl::StrFormat(
      "%s%d\nsequence %d\ncreated_at_ms %d\nstart_offset %d\napplied_offset %d\nwatermark_ms %d\n"
      "rule_set %s\ntimeline %s\n",
      kFormatWord, kCheckpointFormat, manifest.sequence, manifest.created_at_ms, point.start_offset,
      point.applied_offset, point.watermark_ms, NameOrNone(point.rule_set),
      NameOrNone(point.timeline));
  for (const CheckpointFile& file : manifest.files) {
    absl::StrAppend(&text, "file ", FileLine(file), "\n");
  }
  return SealText(std::move(text));
}

absl::StatusOr<CheckpointManifest> DecodeManifest(std::string_view bytes) {
  // The seal first: what it does not cover is not even looked at.
  const absl::StatusOr<std::string_view> text = OpenSealed(bytes);
  if (!text.ok()) return Damaged(text.status().message());

  Lines lines(View(*text));
  CheckpointManifest manifest;
  StatePoint& point = manifest.point;
  int64_t format = 0;
  if (!lines.Take("turnout-checkpoint", &format)) return Damaged("it is none of Turnout's");
  if (format < kCheckpointFormatMin || format > kCheckpointFormat) {
    return absl::DataLossError(absl::StrFormat("%s: %d; this version reads %d to %d",
                                               View(kManifestUnknown), format, kCheckpointFormatMin,
                                               kCheckpointFormat));
  }
  absl::string_view rule_set;
  absl::string_view timeline = kNoName;
  if (!lines.Take("sequence", &manifest.sequence) ||
      !lines.Take("created_at_ms", &manifest.created_at_ms) ||
      !lines.Take("start_offset", &point.start_offset) ||
      !lines.Take("applied_offset", &point.applied_offset) ||
      !lines.Take("watermark_ms", &point.watermark_ms) || !lines.Take("rule_set", &rule_set) ||
      (format >= kFirstFormatWithTimelines && !lines.Take("timeline", &timeline))) {
    return Damaged("a fact is missing");
  }
  point.rule_set = NameIn(rule_set);
  point.timeline = NameIn(timeline);
  while (!lines.AtEnd()) {
    absl::string_view line;
    CheckpointFile file;
    if (!lines.Take("file", &line) || !ReadFileLine(line, &file)) {
      return Damaged("a file's line makes no sense");
    }
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

}  // namespace turnout::state
