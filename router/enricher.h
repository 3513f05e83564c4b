// Enricher: puts tables' values into an event's JSON as an EnrichPlan wants it.
//
// The values go in as they stand in the tables, each at its path as `shape`'s `set` would write it:
// what is there is replaced, objects on the way are made. Nothing else of the event changes.
//
// Threads: one enricher a thread; it asks its TableLookup there. Allocates nothing once warm, but
//   for what the lookup does.
// Lifetime: results live in the arena that they are written to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "router/arena.h"
#include "router/enrich_spec.h"
#include "router/event_shaper.h"
#include "router/matcher.h"
#include "router/shape_plan.h"
#include "router/table_lookup.h"

namespace turnout::router {

// A rule's `enrich` compiled. Immutable; shared by rules that enrich alike.
struct EnrichPlan {
  struct Entry {
    uint32_t table = 0;      // position in RuleSet::tables()
    uint32_t key_field = 0;  // position in RoutePlan::fields
    std::string table_name;
    std::string key_path;
    MissingPolicy missing = MissingPolicy::kNull;
  };
  std::vector<Entry> entries;
  std::shared_ptr<const ShapePlan> places;  // one that is given for each entry
};

class Enricher {
 public:
  enum class Outcome { kEnriched, kDropped, kParked, kFailed };
  struct Result {
    Outcome outcome = Outcome::kFailed;
    std::string_view value;   // kEnriched
    std::string_view reason;  // kParked, kFailed: a sentence
  };

  // Null: there are no tables to ask, so every match is parked.
  explicit Enricher(const TableLookup* tables) : tables_(tables) {}

  // `text` begins with a valid JSON object whose structural characters are `structurals`; `fields`
  // holds the event's own.
  Result Enrich(const EnrichPlan& plan, std::string_view text,
                absl::Span<const uint32_t> structurals, const Matcher::Scratch& fields,
                Arena* arena);

 private:
  // Nothing in the result's reason: found, or null takes its place; the value is in `values_[at]`.
  Result Find(const EnrichPlan::Entry& entry, size_t at, const Matcher::Scratch& fields,
              Arena* arena);

  const TableLookup* const tables_;
  EventShaper shaper_;
  std::vector<std::string> values_;     // by entry; kept for their capacity
  std::vector<std::string_view> given_;
};

// The places of these entries' values, for EventShaper.
std::shared_ptr<const ShapePlan> CompilePlaces(const std::vector<EnrichSpec>& enrich);

}  // namespace turnout::router
