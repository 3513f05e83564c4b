#include "router/matcher.h"

#include <array>
#include <charconv>
#include <utility>

#include "router/event_reader.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"
#include "router/match_index.h"
#include "router/match_index_builder.h"
#include "router/match_search.h"
#include "router/pattern_content.h"

namespace turnout::router {
namespace {

// The record's own fields that anyone asks for. Their FieldIds follow those of the payload's.
class KafkaFields {
 public:
  // Position of the field among these; the same one again for the same field.
  uint32_t Add(const FieldRef& field) {
    if (field.source == FieldRef::Source::kHeader) {
      const ValueId name = header_names_.Add(0, ValueForm::kText, field.path);
      if (name == header_fields_.size()) header_fields_.push_back(count_++);
      return header_fields_[name];
    }
    uint32_t& position = positions_[static_cast<size_t>(field.source)];
    if (position == FieldTrie::kNoField) position = count_++;
    return position;
  }

  uint32_t count() const { return count_; }
  uint32_t PositionOf(FieldRef::Source source) const {
    return positions_[static_cast<size_t>(source)];
  }
  bool has_headers() const { return !header_fields_.empty(); }
  uint32_t PositionOfHeader(std::string_view name) const {
    const ValueId found = header_names_.Find(0, ValueForm::kText, name);
    return found == kNoValue ? FieldTrie::kNoField : header_fields_[found];
  }

 private:
  static constexpr size_t kSources = 5;

  uint32_t count_ = 0;
  std::array<uint32_t, kSources> positions_ = {FieldTrie::kNoField, FieldTrie::kNoField,
                                               FieldTrie::kNoField, FieldTrie::kNoField,
                                               FieldTrie::kNoField};
  ValueTable header_names_;
  std::vector<uint32_t> header_fields_;  // by name
};

}  // namespace

struct Matcher::Impl {
  FieldTrie payload_fields;
  KafkaFields kafka_fields;
  std::unique_ptr<const MatchIndex> index;
  std::vector<FieldId> asked_fields;  // for Scratch::Field; kNoField for an impossible one
  bool reads_payload = false;
  bool reads_cloud_events = false;

  size_t field_count() const { return payload_fields.field_count() + kafka_fields.count(); }

  // Payload fields are all added before the first of the record's own is asked for.
  FieldId IdOf(const FieldRef& field) {
    if (field.source == FieldRef::Source::kPayload) return payload_fields.Add(field.path);
    return static_cast<FieldId>(payload_fields.field_count()) + kafka_fields.Add(field);
  }
};

namespace {

// 10 digits and a sign.
using PartitionText = std::array<char, 16>;

class MatchScratch : public Matcher::Scratch {
 public:
  MatchScratch(const MatchIndex& index, bool reads_cloud_events)
      : reader_(reads_cloud_events), search_(index) {}

  absl::Span<const PatternId> matches() const override { return matches_; }
  std::string_view Field(size_t i) const override { return fields_[i]; }
  ValueKind FieldKind(size_t i) const override {
    return fields_[i].data() == nullptr ? ValueKind::kNull
                                        : event_.leaves[event_.found[asked_[i]].first].kind;
  }
  absl::Span<const uint32_t> structurals() const override {
    return is_read_ ? reader_.structurals() : absl::Span<const uint32_t>();
  }

  // Forgets the last event and puts the record's own fields where the patterns look for them.
  void Begin(const Event& event, const KafkaFields& fields, FieldId first) {
    event_.Reset(first + fields.count());
    is_read_ = false;
    using Source = FieldRef::Source;
    const auto add = [&](uint32_t position, std::string_view text, ValueKind kind) {
      if (position == FieldTrie::kNoField) return;
      Leaf leaf;
      leaf.text = text;
      leaf.kind = kind;
      event_.Add(first + position, leaf);
    };
    if (event.key.data() != nullptr) {
      add(fields.PositionOf(Source::kKey), event.key, ValueKind::kString);
    }
    add(fields.PositionOf(Source::kTopic), event.topic, ValueKind::kString);
    if (fields.PositionOf(Source::kPartition) != FieldTrie::kNoField) {
      add(fields.PositionOf(Source::kPartition), PartitionOf(event), ValueKind::kNumber);
    }
    if (!fields.has_headers()) return;
    for (const Header& header : event.headers) {
      const bool is_null = header.second.data() == nullptr;
      add(fields.PositionOfHeader(header.first), is_null ? "null" : header.second,
          is_null ? ValueKind::kNull : ValueKind::kString);
    }
  }

  absl::Status Read(const Event& event, const FieldTrie& fields) {
    is_read_ = true;
    return reader_.Read(event, fields, &event_);
  }
  void ReadRecord(const Event& event, const FieldTrie& fields) {
    is_read_ = true;
    reader_.ReadRecord(event, fields, &event_);
  }

  absl::Status Search(size_t event_bytes) {
    const Reading reading = is_read_ ? reader_.reading() : Reading();
    const absl::Status status = search_.Run(&event_, event_bytes, reading, &matches_);
    return status.ok() ? status : absl::InvalidArgumentError(status.message());
  }

  void AnswerFields(absl::Span<const FieldId> asked, size_t event_bytes) {
    asked_ = asked;
    fields_.resize(asked.size());
    for (size_t i = 0; i < asked.size(); ++i) fields_[i] = FirstScalar(asked[i], event_bytes);
  }

 private:
  std::string_view PartitionOf(const Event& event) {
    const std::to_chars_result end =
        std::to_chars(partition_.begin(), partition_.end(), event.partition);
    return {partition_.data(), static_cast<size_t>(end.ptr - partition_.data())};
  }

  std::string_view FirstScalar(FieldId field, size_t event_bytes) {
    if (field == FieldTrie::kNoField || event_.found[field].count == 0) return {};
    const Leaf& leaf = event_.Decoded(event_.found[field].first, event_bytes);
    return leaf.kind == ValueKind::kNull ? std::string_view() : leaf.text;
  }

  EventReader reader_;
  bool is_read_ = false;  // by it, the event at hand
  GatheredEvent event_;
  MatchSearch search_;
  std::vector<PatternId> matches_;
  absl::Span<const FieldId> asked_;
  std::vector<std::string_view> fields_;
  PartitionText partition_{};
};

}  // namespace

Matcher::Matcher(const std::vector<Pattern>& patterns, const std::vector<std::string>& fields,
                 bool reads_cloud_events) {
  auto impl = std::make_unique<Impl>();
  impl->reads_cloud_events = reads_cloud_events;
  std::vector<FieldRef> asked(fields.size());
  std::vector<bool> possible(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    std::string error;
    std::string cure;
    possible[i] = ParseFieldRef(fields[i], &asked[i], &error, &cure);
  }
  // The payload's fields first: the record's own are numbered after them.
  std::vector<FieldId> test_fields;  // of all patterns, one after another
  for (const Pattern& pattern : patterns) {
    impl->reads_payload = impl->reads_payload || pattern->reads_payload;
    for (const FieldTest& test : pattern->tests) {
      test_fields.push_back(test.field.source == FieldRef::Source::kPayload ? impl->IdOf(test.field)
                                                                            : FieldTrie::kNoField);
    }
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!possible[i] || asked[i].source != FieldRef::Source::kPayload) continue;
    impl->IdOf(asked[i]);
    impl->reads_payload = true;
  }
  FieldId* field = test_fields.data();
  for (const Pattern& pattern : patterns) {
    for (const FieldTest& test : pattern->tests) {
      if (*field == FieldTrie::kNoField) *field = impl->IdOf(test.field);
      ++field;
    }
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    impl->asked_fields.push_back(possible[i] ? impl->IdOf(asked[i]) : FieldTrie::kNoField);
  }
  MatchIndexBuilder builder(impl->field_count());
  absl::Span<const FieldId> left = test_fields;
  for (const Pattern& pattern : patterns) {
    builder.AddPattern(*pattern, left.first(pattern->tests.size()));
    left.remove_prefix(pattern->tests.size());
  }
  impl->index = builder.Finish();
  impl_ = std::move(impl);
}

Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;

bool Matcher::reads_payload() const { return impl_->reads_payload; }

std::unique_ptr<Matcher::Scratch> Matcher::NewScratch() const {
  return std::make_unique<MatchScratch>(*impl_->index, impl_->reads_cloud_events);
}

absl::Status Matcher::Match(const Event& event, Scratch* scratch) const {
  auto* const work = static_cast<MatchScratch*>(scratch);
  work->Begin(event, impl_->kafka_fields,
              static_cast<FieldId>(impl_->payload_fields.field_count()));
  absl::Status read;
  if (impl_->reads_payload) read = work->Read(event, impl_->payload_fields);
  const absl::Status searched = work->Search(event.json().size());
  work->AnswerFields(impl_->asked_fields, event.json().size());
  return read.ok() ? searched : read;
}

void Matcher::MatchRecord(const Event& event, Scratch* scratch) const {
  auto* const work = static_cast<MatchScratch*>(scratch);
  work->Begin(event, impl_->kafka_fields,
              static_cast<FieldId>(impl_->payload_fields.field_count()));
  if (impl_->reads_payload) work->ReadRecord(event, impl_->payload_fields);
  work->Search(event.json().size()).IgnoreError();  // only arrays could allow too much
  work->AnswerFields(impl_->asked_fields, event.json().size());
}

}  // namespace turnout::router
