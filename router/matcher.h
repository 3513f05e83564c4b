// Matcher: many patterns against one event at a time.
//
// Built once from compiled patterns, never changed. Match validates the whole payload when any
// pattern (or requested field) looks into it, gathers only the fields that are asked for, and
// answers with the patterns that match. Patterns that ask for `$kafka` alone are judged without
// parsing the payload, and of a CloudEvent in binary mode all that don't ask for its `data`
// (event_reader.h).
//
// Errors: InvalidArgument when the payload is needed and is not a JSON object (malformed, too deep,
//   empty), or could not be made one; the message says what and at which byte. Patterns that don't
//   look into what can't be read are answered all the same.
// Threads: a Matcher is immutable and shared; each thread has a Scratch of its own.
// Lifetime: the Scratch's answers are valid until its next Match, and while the event's bytes live.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "router/event.h"
#include "router/pattern.h"
#include "router/value.h"

namespace turnout::router {

// Position of a pattern in the vector the Matcher was built from.
using PatternId = uint32_t;

class Matcher {
 public:
  class Scratch;

  // `fields` are dotted paths whose values the caller will ask for beside the matches (record keys,
  // destination templates); Scratch::Field(i) answers for fields[i].
  // With `reads_cloud_events`, those in binary mode are read as in structured mode.
  Matcher(const std::vector<Pattern>& patterns, const std::vector<std::string>& fields,
          bool reads_cloud_events = false);
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;

  absl::Status Match(const Event& event, Scratch* scratch) const;

  // As if the payload could not be read.
  void MatchRecord(const Event& event, Scratch* scratch) const;

  // Whether any pattern or requested field looks into it.
  bool reads_payload() const;

  std::unique_ptr<Scratch> NewScratch() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

// One thread's working memory and the answers of its last Match; grows to what events need, then
// allocates no more.
class Matcher::Scratch {
 public:
  virtual ~Scratch() = default;

  // Ascending, each once.
  virtual absl::Span<const PatternId> matches() const = 0;

  // The first scalar found at a requested field: a string's content, a number's spelling, "true",
  // "false". data() is null when the field is absent, null, or not a scalar, or the payload was not
  // parsed.
  virtual std::string_view Field(size_t i) const = 0;

  // What that scalar is; kNull where data() is null.
  virtual ValueKind FieldKind(size_t i) const = 0;

  // Where the payload's structural characters stand (EventParser::structurals); empty when it was
  // not parsed, or is malformed. Of a CloudEvent in binary mode those of its data.
  virtual absl::Span<const uint32_t> structurals() const = 0;
};

}  // namespace turnout::router
