#include "router/predicate.h"

namespace turnout::router {
namespace {

bool InRange(double number, const Predicate::Range& range) {
  const bool above = range.low_open ? number > range.low : number >= range.low;
  const bool below = range.high_open ? number < range.high : number <= range.high;
  return above && below;
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && text.substr(0, prefix.size()) == prefix;
}

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

bool SatisfiesNone(const Value& value, const std::vector<Predicate>& predicates) {
  for (const Predicate& predicate : predicates) {
    if (Satisfies(value, predicate)) return false;
  }
  return true;
}

bool SatisfiesAll(const Value& value, const std::vector<Predicate>& predicates) {
  for (const Predicate& predicate : predicates) {
    if (!Satisfies(value, predicate)) return false;
  }
  return true;
}

bool Within(std::string_view text, const PredicateDetail::TimeRange& times) {
  const std::optional<Timestamp> timestamp = ParseTimestamp(text);
  return timestamp && times.first <= *timestamp && *timestamp <= times.last;
}

// Unicode characters of a UTF-8 text: bytes that don't go on with a character.
size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (c & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

}  // namespace

PredicateDetail* Predicate::mutable_detail() {
  if (detail_ == nullptr) detail_ = std::make_shared<PredicateDetail>();
  return detail_.get();
}

Predicate Predicate::Clone() const {
  Predicate clone = *this;
  if (has_detail()) clone.detail_ = std::make_shared<PredicateDetail>(*detail_);
  return clone;
}

bool Satisfies(const Value& value, const Predicate& predicate) {
  switch (predicate.op) {
    case Predicate::Op::kNull:
      return value.kind() == ValueKind::kNull;
    case Predicate::Op::kTrue:
      return value.kind() == ValueKind::kTrue;
    case Predicate::Op::kFalse:
      return value.kind() == ValueKind::kFalse;
    case Predicate::Op::kText:
      return value.is_string() && value.text() == predicate.text;
    case Predicate::Op::kNumberText:
      return value.kind() == ValueKind::kNumber && value.text() == predicate.text;
    case Predicate::Op::kNumberRange:
      return value.kind() == ValueKind::kNumber && value.number() &&
             InRange(*value.number(), predicate.range);
    case Predicate::Op::kPrefix:
      return value.is_string() && StartsWith(value.text(), predicate.text);
    case Predicate::Op::kSuffix:
      return value.is_string() && EndsWith(value.text(), predicate.text);
    case Predicate::Op::kIgnoreCase:
      return value.is_string() && predicate.detail().letters.EqualsText(value.text());
    case Predicate::Op::kPrefixIgnoreCase:
      return value.is_string() && predicate.detail().letters.IsPrefixOf(value.text());
    case Predicate::Op::kSuffixIgnoreCase:
      return value.is_string() && predicate.detail().letters.IsSuffixOf(value.text());
    case Predicate::Op::kWildcard:
      return value.is_string() && predicate.detail().wildcard.Matches(value.text());
    case Predicate::Op::kAddress:
      return value.address() && *value.address() == predicate.detail().cidr.base;
    case Predicate::Op::kCidr:
      return value.address() && predicate.detail().cidr.Contains(*value.address());
    case Predicate::Op::kExists:
      return true;
    case Predicate::Op::kAbsent:
      return false;
    case Predicate::Op::kAnythingBut:
      return SatisfiesNone(value, predicate.detail().none_of);
    case Predicate::Op::kAllOf:
      return SatisfiesAll(value, predicate.detail().all_of);
    case Predicate::Op::kWildcardIgnoreCase:
      return value.is_string() && predicate.detail().letters_wildcard.Matches(value.text());
    case Predicate::Op::kRegex:
      return value.is_string() && predicate.detail().regex->Matches(value.text());
    case Predicate::Op::kTimestamp:
      return value.is_string() && Within(value.text(), predicate.detail().times);
    case Predicate::Op::kLength:
      return value.is_string() &&
             InRange(static_cast<double>(CountCharacters(value.text())), predicate.range);
  }
  return false;
}

}  // namespace turnout::router
