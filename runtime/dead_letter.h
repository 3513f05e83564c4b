// DeadLetter: a record of the dead-letter topic, or one that is parked, taken apart: the event as
// it was, and what its headers say of where it stood.
//
// Beside dead letters their topic holds marks: which of them were put back. A mark names offsets of
// its own partition, in which it lies behind them, and is committed with what was put back: so
// nothing is put back twice, whoever does it with whichever filter, and whatever dies meanwhile.
//
//   key    turnout-redriven-7        chosen so that it comes to that partition
//   value  {"redriven":[[5,9],[12,13]]}   from, up to but not including
//   header turnout-redriven-mark: 1
//
// Lifetime: views the record. Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/record.h"
#include "router/router.h"
#include "state/task_state.h"

namespace turnout::runtime {

struct DeadLetter {
  connectors::Event event;  // as it was; partition and offset are the dead letter's
  std::string_view kind;
  std::string_view reason;
  std::string_view destination;  // empty: none in particular
  std::string_view rule_ids;     // empty: none
  std::string_view rule_set;
  std::string_view source;
  std::vector<state::StepId> steps;
  bool is_record = false;   // a rule's, not an event
  bool is_omitted = false;  // the value was too large, and is not here
  bool is_of_replay = false;

  // Where it goes on from.
  router::Redriven from() const;
  // Of the first of its rules; empty without any.
  std::string_view team() const;
  bool NamesRule(std::string_view rule) const;
};

// False: it is none.
bool ReadDeadLetter(const connectors::Event& record, DeadLetter* letter);

// Offsets of one partition, in ranges.
class OffsetSet {
 public:
  void Add(int64_t begin, int64_t end);
  bool Contains(int64_t offset) const;
  bool empty() const { return ranges_.empty(); }
  size_t ranges() const { return ranges_.size(); }

  // A mark's value, and what one says.
  std::string ToMark() const;
  bool AddMark(std::string_view value);

 private:
  std::map<int64_t, int64_t> ranges_;  // end by begin; none touches another
};

inline constexpr std::string_view kMarkHeader = "turnout-redriven-mark";
bool IsMark(const connectors::Event& record);
// A key for which records come to this one of so many partitions.
std::string MarkKey(int32_t partition, int32_t partitions);

}  // namespace turnout::runtime
