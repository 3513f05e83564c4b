#include "router/predicate_text.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/canonical_text.h"
#include "router/ip_address.h"
#include "router/number.h"

namespace turnout::router {
namespace {

using Op = Predicate::Op;

constexpr int32_t kNanosecondsMax = 999'999'999;

std::string NumberText(double number) {
  std::array<char, 32> text{};
  const std::to_chars_result end = std::to_chars(text.begin(), text.end(), number);
  const std::string shortest(text.data(), end.ptr);
  if (ComparableNumber(shortest)) return shortest;
  // The smallest of all, which compares by two digits: 4.9e-324.
  const std::to_chars_result two =
      std::to_chars(text.begin(), text.end(), number, std::chars_format::scientific, 1);
  return {text.data(), two.ptr};
}

// `"name": `
void AppendName(std::string_view name, std::string* out) {
  AppendJsonString(name, out);
  out->append(": ");
}

struct Date {
  int64_t year = 0;
  int64_t month = 1;
  int64_t day = 1;
};

// Of a day counted from 1970-01-01. Years are counted from March here, so that a leap day is the
// last of its year, and in eras of 400, which are all of one length.
Date DateOf(int64_t day) {
  constexpr int64_t kEraDays = 146'097;
  constexpr int64_t kEpochDay = 719'468;  // from 0000-03-01
  const int64_t from_start = day + kEpochDay;
  const int64_t era = (from_start >= 0 ? from_start : from_start - (kEraDays - 1)) / kEraDays;
  const int64_t of_era = from_start - era * kEraDays;
  // Without the leap days before it, a year is 365 days.
  const int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const int64_t month = (5 * of_year + 2) / 153;  // from March on, five months are 153 days
  return {.year = year + era * 400 + (month >= 10 ? 1 : 0),
          .month = month >= 10 ? month - 9 : month + 3,
          .day = of_year - (153 * month + 2) / 5 + 1};
}

// In UTC.
std::string TimeText(const Timestamp& time) {
  constexpr int64_t kDaySeconds = 86'400;
  const int64_t of_day = ((time.seconds % kDaySeconds) + kDaySeconds) % kDaySeconds;
  const Date date = DateOf((time.seconds - of_day) / kDaySeconds);
  std::string text = absl::StrFormat("\"%04d-%02d-%02dT%02d:%02d:%02d", date.year, date.month,
                                     date.day, of_day / 3'600, of_day / 60 % 60, of_day % 60);
  if (time.nanoseconds != 0) absl::StrAppendFormat(&text, ".%09d", time.nanoseconds);
  return text + "Z\"";
}

// One or two bounds, each a comparison and JSON: `[">=", 1, "<", 5]`.
void AppendBounds(std::string_view low_sign, std::string_view low, std::string_view high_sign,
                  std::string_view high, std::string* out) {
  const char* separator = "[";
  const auto append = [&](std::string_view sign, std::string_view bound) {
    if (bound.empty()) return;
    out->append(separator);
    AppendJsonString(sign, out);
    out->append(", ").append(bound);
    separator = ", ";
  };
  append(low_sign, low);
  append(high_sign, high);
  out->append("]");
}

// A bound that leaves nothing out is not written, unless it is the only one.
void AppendRange(const Predicate::Range& range, std::string* out) {
  constexpr double kMax = std::numeric_limits<double>::max();
  const bool is_one = range.low == range.high && !range.low_open && !range.high_open;
  if (is_one) return AppendBounds("=", NumberText(range.low), {}, {}, out);
  const bool has_low = range.low != -kMax || range.low_open;
  const bool has_high = range.high != kMax || range.high_open || !has_low;
  AppendBounds(range.low_open ? ">" : ">=", has_low ? NumberText(range.low) : "",
               range.high_open ? "<" : "<=", has_high ? NumberText(range.high) : "", out);
}

// Open bounds were read as the instant beside them.
void AppendTimes(const PredicateDetail::TimeRange& times, std::string* out) {
  const bool is_one = times.first <= times.last && times.last <= times.first;
  if (is_one) return AppendBounds("=", TimeText(times.first), {}, {}, out);
  const bool low_open = times.first.nanoseconds == 1;
  const bool high_open = times.last.nanoseconds == kNanosecondsMax;
  std::string low;
  std::string high;
  if (!(times.first <= Timestamp::Min())) {
    low = TimeText(low_open ? times.first.Previous() : times.first);
  }
  if (!(Timestamp::Max() <= times.last)) {
    high = TimeText(high_open ? times.last.Next() : times.last);
  }
  AppendBounds(low_open ? ">" : ">=", low, high_open ? "<" : "<=", high, out);
}

void AppendMember(const Predicate& predicate, std::string* out);

bool IsPlainValue(const Predicate& predicate) {
  return predicate.op == Op::kText || (predicate.op == Op::kNumberRange && !predicate.text.empty());
}

// The operand alone of what stands in an operator's list: a text, or an object that ignores case.
void AppendOperand(const Predicate& predicate, std::string* out) {
  if (IsPlainValue(predicate) && predicate.op == Op::kNumberRange) {
    out->append(predicate.text);
  } else if (predicate.op == Op::kWildcardIgnoreCase) {
    out->append("{\"equals-ignore-case\": ");
    AppendJsonString(predicate.text, out);
    out->append("}");
  } else {
    AppendJsonString(predicate.text, out);
  }
}

std::string_view OperatorOfText(Op op) {
  switch (op) {
    case Op::kPrefix:
    case Op::kPrefixIgnoreCase:
      return "prefix";
    case Op::kSuffix:
    case Op::kSuffixIgnoreCase:
      return "suffix";
    case Op::kIgnoreCase:
      return "equals-ignore-case";
    case Op::kWildcard:
    case Op::kWildcardIgnoreCase:
      return "wildcard";
    case Op::kCidr:
      return "cidr";
    case Op::kRegex:
      return "regex";
    default:
      return "exactly";
  }
}

// What `anything-but` leaves out: values, or texts of one operator.
void AppendExcluded(const std::vector<Predicate>& none_of, std::string* out) {
  const bool has_operator = !none_of.empty() && !IsPlainValue(none_of.front());
  if (has_operator) {
    out->append("{");
    AppendName(OperatorOfText(none_of.front().op), out);
  }
  const bool is_list = none_of.size() != 1;
  if (is_list) out->append("[");
  for (size_t i = 0; i < none_of.size(); ++i) {
    if (i > 0) out->append(", ");
    AppendOperand(none_of[i], out);
  }
  if (is_list) out->append("]");
  if (has_operator) out->append("}");
}

void AppendConditions(const std::vector<Predicate>& all_of, std::string* out) {
  for (size_t i = 0; i < all_of.size(); ++i) {
    if (i > 0) out->append(", ");
    AppendMember(all_of[i], out);
  }
}

// `"operator": operand`, as it stands in an entry's object.
void AppendMember(const Predicate& predicate, std::string* out) {
  switch (predicate.op) {
    case Op::kNumberRange:
      AppendName("numeric", out);
      return AppendRange(predicate.range, out);
    case Op::kLength:
      AppendName("length", out);
      return AppendRange(predicate.range, out);
    case Op::kTimestamp:
      AppendName("timestamp", out);
      return AppendTimes(predicate.detail().times, out);
    case Op::kExists:
    case Op::kAbsent:
      AppendName("exists", out);
      out->append(predicate.op == Op::kExists ? "true" : "false");
      return;
    case Op::kAnythingBut:
      AppendName("anything-but", out);
      return AppendExcluded(predicate.detail().none_of, out);
    case Op::kAllOf:
      return AppendConditions(predicate.detail().all_of, out);
    case Op::kPrefixIgnoreCase:
    case Op::kSuffixIgnoreCase:
      AppendName(OperatorOfText(predicate.op), out);
      out->append("{\"equals-ignore-case\": ");
      AppendJsonString(predicate.text, out);
      out->append("}");
      return;
    default:
      AppendName(OperatorOfText(predicate.op), out);
      return AppendOperand(predicate, out);
  }
}

}  // namespace

void AppendPredicateText(const Predicate& predicate, std::string* out) {
  switch (predicate.op) {
    case Op::kNull:
      out->append("null");
      return;
    case Op::kTrue:
      out->append("true");
      return;
    case Op::kFalse:
      out->append("false");
      return;
    case Op::kAddress:
      return AppendJsonString(predicate.text, out);
    case Op::kNumberText:
      out->append(predicate.text);
      return;
    case Op::kText:
      // A bare text that is an address would equal all of its spellings.
      if (!ParseIpAddress(predicate.text)) return AppendJsonString(predicate.text, out);
      break;
    case Op::kNumberRange:
      if (!predicate.text.empty()) {
        out->append(predicate.text);
        return;
      }
      break;
    default:
      break;
  }
  out->append("{");
  AppendMember(predicate, out);
  out->append("}");
}

std::string TestText(const FieldTest& test, size_t entries_max) {
  const size_t entries = test.predicates.size() + (test.accepts_absence ? 1 : 0);
  std::string text = "[";
  size_t shown = 0;
  const auto separate = [&] { text += shown++ == 0 ? "" : ", "; };
  // First, so that it is never among those left out.
  if (test.accepts_absence) {
    separate();
    text += "{\"exists\": false}";
  }
  for (const Predicate& predicate : test.predicates) {
    if (shown >= entries_max) break;
    separate();
    AppendPredicateText(predicate, &text);
  }
  if (shown < entries) absl::StrAppend(&text, ", \"... and ", entries - shown, " more\"");
  return text + "]";
}

std::string FieldText(const FieldRef& field) {
  switch (field.source) {
    case FieldRef::Source::kPayload:
      return field.path;
    case FieldRef::Source::kKey:
      return "$kafka.key";
    case FieldRef::Source::kTopic:
      return "$kafka.topic";
    case FieldRef::Source::kPartition:
      return "$kafka.partition";
    case FieldRef::Source::kHeader:
      return absl::StrCat("$kafka.headers.", field.path);
  }
  return field.path;
}

}  // namespace turnout::router
