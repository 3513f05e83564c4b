// OutputGatherer: the outputs of one event while its rules are still being routed: what one team
// sends to one destination under one key with the same bytes is one output, which names all its
// rules.
//
// Threads: one. Lifetime: borrows the rule set; what is opened views the event's bytes. Kept for
// its capacity: once warm it allocates nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "router/arena.h"
#include "router/router.h"

namespace turnout::router {

class OutputGatherer {
 public:
  // What one team sends; the views as an Output's.
  struct Sent {
    uint32_t team = 0;
    std::string_view destination;
    std::string_view key;
    std::string_view value;
    std::string_view content_type = {};
  };

  explicit OutputGatherer(const RuleSet& rules) : rules_(rules) {}

  // The next event begins.
  void Start();
  // The output's number.
  uint32_t FindOrOpen(const Sent& sent);
  // The same, of a record that a rule sends in the event's place.
  uint32_t OpenFeature(const Sent& sent);
  // The rule sends the output, too. All of one rule's come after each other.
  void AddRule(uint32_t output, RuleIndex rule);
  // Appends the outputs in the order in which they were opened. They are valid until Start, and
  // while the arena's texts are.
  void Close(Arena* arena, std::vector<Output>* outputs);

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Its rules are a chain in links_.
  struct Open {
    Sent sent;
    uint32_t first_link = kNone;
    uint32_t last_link = kNone;
    uint32_t rule_count = 0;
    bool is_feature = false;
    size_t id_bytes = 0;  // of all rules' ids
  };
  struct Link {
    RuleIndex rule = 0;
    uint32_t next = kNone;
  };
  // Of the table by team, destination and key; entries of older events count as free.
  struct Entry {
    uint64_t event = 0;
    uint32_t output = kNone;
  };

  static size_t HashOf(const Sent& sent);
  size_t PositionOf(size_t hash) const { return hash & (table_.size() - 1); }
  size_t Next(size_t position) const { return (position + 1) & (table_.size() - 1); }
  uint32_t At(size_t position) const {
    return table_[position].event == event_number_ ? table_[position].output : kNone;
  }
  void Grow();
  Output CloseOne(const Open& from, RuleIndex* rule_space, Arena* arena) const;

  const RuleSet& rules_;
  uint64_t event_number_ = 0;
  std::vector<Open> open_;
  std::vector<Entry> table_ = std::vector<Entry>(64);
  std::vector<Link> links_;
  std::vector<RuleIndex> output_rules_;
};

}  // namespace turnout::router
