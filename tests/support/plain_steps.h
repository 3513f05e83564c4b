// PlainSteps: what a task's events become by their rules' steps, decided from the words of
// router/README.md alone: every event of the task is kept, and each decision looks at all of them.
//
// Slow and simple on purpose; shares no code with the router but the structs that rules are read
// into. Answers in lines of text, one a thing that happens, in order:
//
//   close RULE KEY END VALUE     a window that closed
//   out RULE KEY VALUE           an output; KEY and VALUE of a feature record, or empty: the event
//   stop RULE STEP, late RULE STEP, reject RULE
//   full RULE                    rejected, for the rule may keep no more
//
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/state_settings.h"
#include "router/step.h"

namespace turnout::support {

struct PlainRule {
  std::string id;
  std::string type;  // matches events whose field `type` is this; empty: every event
  std::vector<router::Step> steps;
};

// A scalar as JSON writes it: `"a"` (without escapes), `5`, `null`; or anything else.
using PlainFields = std::map<std::string, std::string>;

struct PlainEvent {
  int64_t record_ms = 0;
  PlainFields fields;

  std::string Json() const;
};

class PlainSteps {
 public:
  // Rules in the order of their ids.
  PlainSteps(std::vector<PlainRule> rules, router::StateSettings settings)
      : rules_(std::move(rules)), settings_(std::move(settings)) {}

  std::vector<std::string> Apply(const PlainEvent& event);

 private:
  // An event that came to a step, with what it was decided by.
  struct Seen {
    int64_t time_ms = 0;
    int64_t watermark_ms = 0;  // after the event had moved it
    double amount = 0;
    std::string value;  // of the counted field
    PlainFields fields;
  };
  using History = std::vector<Seen>;

  // An event that an aggregate has counted.
  struct Counted {
    int64_t pane_ms = 0;
    std::string key;
    PlainFields fields;
  };
  struct Windows {
    std::vector<Counted> counted;
    // All windows up to this end and key are closed; no key: all of that end.
    int64_t end_ms = 0;
    std::optional<std::string> key;
  };

  // An entry that a step keeps, for as long as it counts.
  struct Entry {
    std::string name;
    int64_t bytes = 0;
    int64_t expires_ms = 0;  // INT64_MAX: never
  };
  // What a step would keep of an event.
  struct Kept {
    std::string name;
    size_t key_bytes = 0;
    size_t value_bytes = 0;
    int64_t expires_ms = 0;
    bool replaces = true;  // the entry of that name, if it can be seen; else it counts on
  };

  bool Keep(const PlainRule& rule, const router::Step& step, const Kept& kept);
  int64_t BytesOf(const router::Step& step) const;
  size_t PaneBytes(const router::Step& step, const Windows& windows, const std::string& key,
                   int64_t pane_ms) const;
  void CloseWindows(const PlainRule& rule, size_t* left, std::vector<std::string>* lines);
  std::string Record(const router::Step& step, const Windows& windows, const std::string& key,
                     int64_t end_ms) const;
  int64_t TimeOf(const PlainEvent& event) const;
  void ApplyRule(const PlainRule& rule, const PlainEvent& event, std::vector<std::string>* lines);
  // Where the event makes the step keep something, `kept` says what, but for name and key.
  bool DedupPasses(const router::Step& step, const History& history, const Seen& now,
                   std::optional<Kept>* kept) const;
  bool ThrottlePasses(const router::Step& step, const History& history, const Seen& now,
                      std::optional<Kept>* kept) const;
  bool ThresholdPasses(const router::Step& step, const History& history, const Seen& now,
                       std::optional<Kept>* kept) const;

  const std::vector<PlainRule> rules_;
  const router::StateSettings settings_;
  std::optional<int64_t> watermark_ms_;
  int64_t now_ms_ = 0;  // of the event at hand
  // By step and key.
  std::map<std::pair<const router::Step*, std::string>, History> histories_;
  std::map<const router::Step*, Windows> windows_;  // of aggregates
  std::map<const router::Step*, std::vector<Entry>> entries_;
};

}  // namespace turnout::support
