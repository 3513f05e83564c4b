#include "router/matcher.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "router/event_parser.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"
#include "router/pattern_content.h"
#include "router/plain_match.h"

namespace turnout::router {

struct Matcher::Impl {
  std::vector<PlainPattern> patterns;
  FieldTrie payload_fields;
  std::vector<FieldRef> kafka_fields;  // their ids follow those of the payload's fields
  std::vector<FieldId> asked_fields;   // for Scratch::Field; kNoField for an impossible one
  bool reads_payload = false;

  size_t field_count() const { return payload_fields.field_count() + kafka_fields.size(); }

  FieldId IdOf(const FieldRef& field) {
    if (field.source == FieldRef::Source::kPayload) return payload_fields.Add(field.path);
    const auto known = std::find(kafka_fields.begin(), kafka_fields.end(), field);
    const auto index = static_cast<size_t>(known - kafka_fields.begin());
    if (known == kafka_fields.end()) kafka_fields.push_back(field);
    return static_cast<FieldId>(payload_fields.field_count() + index);
  }
};

namespace {

// 10 digits and a sign.
using PartitionText = std::array<char, 16>;

class MatchScratch : public Matcher::Scratch {
 public:
  absl::Span<const PatternId> matches() const override { return matches_; }
  std::string_view Field(size_t i) const override { return fields_[i]; }

  void Begin(size_t field_count) {
    event_.Reset(field_count);
    matches_.clear();
  }

  // Puts the record's own fields where the patterns look for them.
  void GatherKafka(const Event& event, absl::Span<const FieldRef> fields, FieldId first) {
    for (size_t i = 0; i < fields.size(); ++i) {
      const auto id = static_cast<FieldId>(first + i);
      switch (fields[i].source) {
        case FieldRef::Source::kKey:
          if (event.key.data() != nullptr) AddText(id, event.key);
          break;
        case FieldRef::Source::kTopic:
          AddText(id, event.topic);
          break;
        case FieldRef::Source::kPartition: {
          const std::to_chars_result end =
              std::to_chars(partition_.begin(), partition_.end(), event.partition);
          const auto length = static_cast<size_t>(end.ptr - partition_.data());
          event_.Add(id, {{partition_.data(), length}, 0, ValueKind::kNumber, false});
          break;
        }
        case FieldRef::Source::kHeader:
          for (const Header& header : event.headers) {
            if (header.first == fields[i].path) AddHeader(id, header.second);
          }
          break;
        case FieldRef::Source::kPayload:
          break;
      }
    }
  }

  // Forgets what a payload that turned out malformed has left behind.
  void DropPayload(const Event& event, absl::Span<const FieldRef> fields, FieldId first) {
    Begin(first + fields.size());
    GatherKafka(event, fields, first);
  }

  absl::Status Judge(const std::vector<PlainPattern>& patterns, bool with_payload,
                     size_t event_bytes) {
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (patterns[i].content->reads_payload && !with_payload) continue;
      const absl::StatusOr<bool> matches = plain_.Matches(patterns[i], &event_, event_bytes);
      if (!matches.ok()) return absl::InvalidArgumentError(matches.status().message());
      if (*matches) matches_.push_back(static_cast<PatternId>(i));
    }
    return absl::OkStatus();
  }

  void AnswerFields(absl::Span<const FieldId> asked, size_t event_bytes) {
    fields_.resize(asked.size());
    for (size_t i = 0; i < asked.size(); ++i) fields_[i] = FirstScalar(asked[i], event_bytes);
  }

  EventParser parser_;
  GatheredEvent event_;

 private:
  void AddText(FieldId id, std::string_view text) {
    event_.Add(id, {text, 0, ValueKind::kString, false});
  }

  void AddHeader(FieldId id, std::string_view value) {
    if (value.data() == nullptr) {
      event_.Add(id, {"null", 0, ValueKind::kNull, false});
    } else {
      AddText(id, value);
    }
  }

  std::string_view FirstScalar(FieldId field, size_t event_bytes) {
    if (field == FieldTrie::kNoField || event_.found[field].empty()) return {};
    const Leaf& leaf = event_.Decoded(event_.found[field][0], event_bytes);
    switch (leaf.kind) {
      case ValueKind::kNull:
        return {};
      case ValueKind::kTrue:
        return "true";
      case ValueKind::kFalse:
        return "false";
      case ValueKind::kNumber:
      case ValueKind::kString:
        return leaf.text;
    }
    return {};
  }

  PlainMatch plain_;
  std::vector<PatternId> matches_;
  std::vector<std::string_view> fields_;
  PartitionText partition_{};
};

}  // namespace

Matcher::Matcher(std::vector<Pattern> patterns, std::vector<std::string> fields) {
  auto impl = std::make_unique<Impl>();
  std::vector<FieldRef> asked(fields.size());
  std::vector<bool> possible(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    std::string error;
    std::string cure;
    possible[i] = ParseFieldRef(fields[i], &asked[i], &error, &cure);
  }
  // The payload's fields first: the record's own are numbered after them.
  for (const Pattern& pattern : patterns) {
    impl->reads_payload = impl->reads_payload || pattern->reads_payload;
    for (const FieldTest& test : pattern->tests) {
      if (test.field.source == FieldRef::Source::kPayload) impl->IdOf(test.field);
    }
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!possible[i] || asked[i].source != FieldRef::Source::kPayload) continue;
    impl->IdOf(asked[i]);
    impl->reads_payload = true;
  }
  for (Pattern& pattern : patterns) {
    PlainPattern& plain = impl->patterns.emplace_back();
    for (const FieldTest& test : pattern->tests) plain.fields.push_back(impl->IdOf(test.field));
    plain.content = std::move(pattern);
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    impl->asked_fields.push_back(possible[i] ? impl->IdOf(asked[i]) : FieldTrie::kNoField);
  }
  impl_ = std::move(impl);
}

Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;

std::unique_ptr<Matcher::Scratch> Matcher::NewScratch() const {
  return std::make_unique<MatchScratch>();
}

absl::Status Matcher::Match(const Event& event, Scratch* scratch) const {
  auto* const work = static_cast<MatchScratch*>(scratch);
  const auto first_kafka = static_cast<FieldId>(impl_->payload_fields.field_count());
  work->Begin(impl_->field_count());
  work->GatherKafka(event, impl_->kafka_fields, first_kafka);
  absl::Status parsed;
  if (impl_->reads_payload) {
    parsed = work->parser_.Parse(event.value, impl_->payload_fields, &work->event_);
    if (!parsed.ok()) work->DropPayload(event, impl_->kafka_fields, first_kafka);
  }
  const absl::Status judged = work->Judge(impl_->patterns, parsed.ok(), event.value.size());
  work->AnswerFields(impl_->asked_fields, event.value.size());
  return parsed.ok() ? judged : parsed;
}

}  // namespace turnout::router
