// PredicateReader: the operators of the pattern language, from their written form.
//
// predicate_reader.cc has EventBridge's, predicate_extensions.cc those beyond it. What the dialect
// at hand does not have is refused, with what EventBridge offers instead.
//
// Errors: every problem is appended with its place and cure; the reader goes on with what follows.
// Lifetime: borrows the limits and the list of problems; one reader a pattern, since it counts.
// Threads: one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "router/document.h"
#include "router/pattern.h"
#include "router/predicate.h"

namespace turnout::router {

// Names that cannot be fields inside of `$or`: EventBridge's operators and those that it keeps for
// the future. Their presence is how event-ruler tells alternatives from a field that happens to be
// named `$or`; our own operators are ordinary names there.
bool IsReservedInAlternatives(std::string_view name);

class PredicateReader {
 public:
  PredicateReader(const PatternLimits& limits, std::vector<Problem>* problems)
      : limits_(limits), problems_(problems) {}

  // Reads one entry of a field's list. False when there was a problem.
  bool Read(const Node& node, Predicate* predicate);

  // The `all-of` that an entry of a field's list is, or null. It is the field's, not a value's: to
  // be read by ReadAllOf.
  static const Member* AsAllOf(const Node& node);

  // Reads the entries of an `all-of`, each of which some value of the field has to satisfy. False
  // when there was a problem.
  bool ReadAllOf(const Member& all_of, std::vector<Predicate>* predicates);

 private:
  // Two bounds of a comparison as written, `=` having one node for both; null: none.
  struct Bounds {
    const Node* low = nullptr;
    const Node* high = nullptr;
    bool low_open = false;  // true: the bound itself is outside
    bool high_open = false;

    bool are_two() const { return low != nullptr && high != nullptr && low != high; }
  };

  bool Fail(Position at, std::string what, std::string cure);
  bool FailKind(std::string_view op, const Node& node, std::string cure);
  const Member* OnlyMember(const Node& node, std::string_view where);
  absl::Span<const std::string_view> KnownOperators() const;
  absl::Span<const std::string_view> KnownInAnythingBut() const;

  bool ReadNumber(const Node& node, Predicate* predicate);
  static void ReadText(const Node& node, Predicate* predicate);
  bool ReadExpression(const Node& node, Predicate* predicate);
  bool ReadOperator(const Member& member, Predicate* predicate);
  bool ReadString(std::string_view op, const Node& operand, Predicate::Op kind,
                  Predicate* predicate);
  bool ReadIgnoreCase(std::string_view op, const Node& operand, Predicate* predicate);
  bool ReadAffix(std::string_view op, const Node& operand, Predicate* predicate);
  bool ReadWildcard(const Node& operand, Predicate::Op kind, Predicate* predicate);
  bool ReadExists(const Node& operand, Predicate* predicate);
  bool ReadCidr(const Node& operand, Predicate* predicate);
  bool ReadAnythingBut(const Node& operand, Predicate* predicate);
  bool ReadExcluded(const Member& member, const Node& item, Predicate* predicate);
  bool ReadExcludedValues(const Node& operand, Predicate* predicate);
  bool ReadExcludedValue(const Node& item, Node::Kind kind, const std::string& cure,
                         Predicate* predicate);
  bool ReadBounds(std::string_view op, std::string_view forms, const Node& operand, Bounds* bounds);
  bool ReadNumberBound(std::string_view op, const Node& item, Predicate* predicate);
  bool ReadNumeric(const Node& operand, Predicate* predicate);

  // Beyond EventBridge.
  bool AllowExtension(Position at, std::string_view what, std::string_view offer);
  bool ReadExtension(const Member& member, Predicate* predicate);
  bool ReadConditions(const Node& node, Predicate* predicate);
  bool ReadWildcardIgnoreCase(const Node& operand, Predicate* predicate);
  bool ReadRegex(const Node& operand, Predicate* predicate);
  bool ReadTimestamp(const Node& operand, Predicate* predicate);
  bool ReadTimestampBound(const Node& item, Timestamp* timestamp);
  bool ReadLength(const Node& operand, Predicate* predicate);
  bool ReadLengthBound(const Node& item, double* length);

  const PatternLimits& limits_;
  std::vector<Problem>* const problems_;
  int regexes_ = 0;
};

}  // namespace turnout::router
