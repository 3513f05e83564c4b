// PatternContent: a compiled pattern, open to the matchers and to nobody else.
//
// A pattern is a list of branches, of which one must hold; a branch is a list of tests, all of
// which must hold at once. `$or` is multiplied out into branches; branches share the tests that
// they have in common.
//
// Threads: immutable once built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "router/predicate.h"

namespace turnout::router {

// Where a field's values come from: the payload, or the Kafka record around it.
struct FieldRef {
  enum class Source : uint8_t { kPayload, kKey, kTopic, kPartition, kHeader };

  Source source = Source::kPayload;
  std::string path;  // kPayload: steps joined by dots; kHeader: the header's name; else empty

  bool operator==(const FieldRef& other) const {
    return source == other.source && path == other.path;
  }
};

// Whether the field is `data` of the payload, or below it.
bool IsInData(const FieldRef& field);

// The field that a dotted path names, `$kafka.` understood. False, with the reason in `error` and
// what to do in `cure`, when it begins with `$kafka` and goes on with something unknown.
bool ParseFieldRef(std::string_view path, FieldRef* field, std::string* error, std::string* cure);

// One field with the list of what it may be. Holds when any value of the field satisfies any of the
// predicates, or when the field is absent and `accepts_absence`.
struct FieldTest {
  FieldRef field;
  std::vector<Predicate> predicates;  // without kAbsent
  bool accepts_absence = false;
};

struct PatternContent {
  std::vector<FieldTest> tests;
  // Indices into `tests`, ordered by field path: the order decides which of two fields of one array
  // is looked for first, and with it whether `exists: false` sees the other's element.
  std::vector<std::vector<uint32_t>> branches;
  // Whether a field is not the record's own, and whether one is `data` or below it: where an
  // event's attributes are headers, only that is in its payload.
  bool reads_payload = false;
  bool reads_data = false;
};

}  // namespace turnout::router
