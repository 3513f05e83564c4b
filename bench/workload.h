// Workload: one of the directories that bench/workloads writes, in memory.
//
// rules.jsonl becomes a rule set as `turnout run` would build it; each line of events.ndjson an
// event, with the headers of the same line of headers.ndjson where there is such a file;
// answers.ndjson says for the first events which rules match, as `turnout match` prints it.
//
// Errors: ends the program, saying which file is wrong.
// Lifetime: events borrow from the Workload.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "router/event.h"
#include "router/rule_set.h"

namespace turnout::bench {

class Workload {
 public:
  // At most `events_max` events and answers.
  Workload(const std::string& directory, size_t events_max);

  const std::string& name() const { return name_; }
  const router::RuleSet& rules() const { return *rules_; }
  const std::vector<router::Event>& events() const { return events_; }

  // What the matcher says to each answered event, against what it should; empty when that is right
  // and at least one event is answered.
  std::string Difference() const;

 private:
  std::string name_;
  std::shared_ptr<const router::RuleSet> rules_;
  std::vector<router::Event> events_;
  std::vector<std::string> answers_;
  std::deque<std::string> texts_;
  std::deque<std::vector<router::Header>> headers_;
};

// All events once, in order; the sum of their matches. Never inlined, so that a profiler can begin
// and end with it.
size_t MatchAll(const router::Matcher& matcher, const std::vector<router::Event>& events,
                router::Matcher::Scratch* scratch);

}  // namespace turnout::bench
