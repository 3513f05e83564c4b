// Predicate: one entry of a field's list in a pattern, such as "x", 12, null or {"prefix": "x"}.
//
// A plain description, so that an index can be built from it, with one function that says whether a
// value satisfies it. A rule set keeps some for every rule, so what few operators need lies apart,
// and copies share it.
//
// Units: 80 bytes, and 176 where there is a detail.
// Threads: immutable once built.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "router/ip_address.h"
#include "router/letter_case.h"
#include "router/regex.h"
#include "router/timestamp.h"
#include "router/value.h"
#include "router/wildcard.h"

namespace turnout::router {

struct PredicateDetail;

struct Predicate {
  enum class Op : uint8_t {
    kNull,
    kTrue,
    kFalse,
    kText,             // a string equal to `text`
    kNumberText,       // a number spelled exactly as `text`, for those that don't compare by value
    kNumberRange,      // a number in `range`; a single number is a range of one
    kPrefix,           // a string that begins with `text`
    kSuffix,           // a string that ends with `text`
    kIgnoreCase,       // a string equal to `letters`, upper or lower case
    kPrefixIgnoreCase,
    kSuffixIgnoreCase,
    kWildcard,         // a string that `wildcard` matches
    kAddress,          // a string that is the address `cidr.base`, however spelled
    kCidr,             // a string that is an address within `cidr`
    kExists,           // any value
    kAbsent,           // no value at all: judged by the field, never true of a value
    kAnythingBut,      // a value that satisfies none of `none_of`
    // Beyond EventBridge:
    kAllOf,               // a value that satisfies all of `all_of`
    kWildcardIgnoreCase,  // a string that `letters_wildcard` matches; `wildcard` is as written
    kRegex,               // a string in which `regex` finds something
    kTimestamp,           // a string that is a timestamp within `times`
    kLength,              // a string whose count of characters is in `range`
  };

  struct Range {
    double low = -std::numeric_limits<double>::max();
    double high = std::numeric_limits<double>::max();
    bool low_open = false;   // true: the bound itself is outside
    bool high_open = false;
  };

  // What operators need that name more than `text` and `range` below; the others have none.
  bool has_detail() const { return detail_ != nullptr; }
  const PredicateDetail& detail() const { return *detail_; }
  // Makes it; only while the predicate is being read, before there is a copy.
  PredicateDetail* mutable_detail();
  // With a detail of its own, which lies beside it in memory: for what events are held against.
  Predicate Clone() const;

  Op op = Op::kNull;

 private:
  std::shared_ptr<PredicateDetail> detail_;  // up here with `op`: what events need of it

 public:
  std::string text;
  Range range;
};

struct PredicateDetail {
  // Bounds are within; empty when `first` is after `last`.
  struct TimeRange {
    Timestamp first = Timestamp::Min();
    Timestamp last = Timestamp::Max();
  };

  Wildcard wildcard;
  LetterCaseText letters;
  Cidr cidr;
  std::vector<Predicate> none_of;
  std::vector<Predicate> all_of;  // without kAbsent and kAllOf
  WildcardIgnoreCase letters_wildcard;
  std::shared_ptr<const Regex> regex;
  TimeRange times;
};

bool Satisfies(const Value& value, const Predicate& predicate);

}  // namespace turnout::router
