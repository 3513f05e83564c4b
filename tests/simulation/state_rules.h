// The simulation's rules that remember: as a team writes them, and as plain code that says what
// comes of the events of one partition, from the words of router/README.md.
//
// Each rule has a destination of its own, so that every output is one rule's. Those of kRekeyTeam
// have steps by other keys than the source's, and go on in the second hop. PlainTask shares nothing
// with the router but the hash of `sample` and `rollout`, which other tests look after.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/state_settings.h"
#include "tests/simulation/oracle.h"

namespace turnout::simulation {

inline constexpr char kStateTeam[] = "risk";
inline constexpr char kRekeyTeam[] = "travel";
inline constexpr char kStateTopicPrefix[] = "sim.state.";

enum class PlainKind { kSample, kDedup, kThrottle, kCount, kSum, kDistinct, kWindow, kRunning };

struct PlainStep {
  PlainKind kind = PlainKind::kDedup;
  std::string key;  // its field
  int64_t span_ms = 0;
  int64_t slide_ms = 0;  // of the windows
  double at_least = 0;   // also: the limit, the percentage
  bool every = false;
};

struct StateRule {
  std::string name;
  std::string match;
  bool (*matches)(const SimEvent&);
  std::vector<PlainStep> steps;
  std::string team = kStateTeam;
  double percent = 100;
  bool is_shadow = false;

  std::string id() const { return team + "/" + name; }
};

// A line of a rule's file; none where all is sent.
std::string RolloutLine(double percent, bool is_shadow);
// Whether records of that key are in the rule's share.
bool IsInShare(const std::string& id, const std::string& key, double percent);
// What stands for the key: the payload where there is none.
std::string ShareKey(const std::optional<std::string>& key, const SimEvent& event);

// Those of a rule set; empty where it keeps no state.
const std::vector<StateRule>& StateRulesOf(int version);
router::StateSettings StateSettingsOf(int version);
// The team's file; empty where it has no rules.
std::string StateTeamFile(int version, const std::string& team);
// What tells a step's state from others': steps of equal names mean the same by what they store.
std::string StepName(const StateRule& rule, const PlainStep& step);

// With which step of which rule an event goes on in the second hop.
struct GoesOn {
  std::string rule_id;
  std::string step;  // its name
  bool is_shadow = false;

  auto operator<=>(const GoesOn&) const = default;
};

// One thing that an event of these rules led to, in words that can be compared.
std::string StateLine(const std::string& destination, const std::optional<std::string>& key,
                      const std::string& value, int64_t timestamp_ms, const std::string& rules,
                      const std::string& error);

// An event on its way to the second hop, as a line: `key` is the next steps'.
std::string RekeyedLine(const std::string& key, const SimEvent& event,
                        const std::vector<GoesOn>& steps);

class PlainTask {
 public:
  // The lines of the next event of the partition. In the second hop it goes on with these steps.
  std::vector<std::string> Apply(const SimEvent& event, int version,
                                 const std::vector<GoesOn>* goes_on = nullptr);
  // It was given up: these rules are in force from it on, and what others remember is forgotten.
  void PassOver(int version) { Use(version); }

 private:
  // What a step knows of a key. A step uses what it needs.
  struct Entry {
    int64_t time_ms = 0;  // of what passed last, of the period's begin, of the newest
    int64_t count = 0;
    std::vector<std::pair<int64_t, double>> amounts;
    std::map<std::string, int64_t> values;  // to when each was seen last
    int64_t expires_at_ms = 0;
  };
  struct Counted {  // by a window
    int64_t time_ms = 0;
    int amount = 0;
    std::optional<std::string> customer;
  };

  void Use(int version);
  int64_t TimeOf(const SimEvent& event) const;
  void Close(int64_t before_ms, std::vector<std::string>* lines);
  std::optional<std::string> Feature(const PlainStep& step, const std::string& key,
                                     const std::vector<Counted>& events, int64_t end_ms) const;
  // From its step number `first` on; those by the key `local` keep their state here.
  void ApplyRule(const StateRule& rule, size_t first, const std::string& local,
                 const SimEvent& event, std::vector<std::string>* lines);
  void Match(const SimEvent& event, std::vector<std::string>* lines);
  void GoOn(const GoesOn& with, const SimEvent& event, std::vector<std::string>* lines);
  void SendOn(const SimEvent& event, std::vector<std::string>* lines);
  bool Passes(const PlainStep& step, const std::string& id, const std::string& key,
              const SimEvent& event, bool* late);
  Entry* Find(const std::string& id, const std::string& key);

  int version_ = -1;
  std::optional<int64_t> watermark_ms_;
  int64_t now_ms_ = 0;                                            // of the event at hand
  std::map<std::pair<std::string, std::string>, Entry> entries_;  // by step and key
  std::map<std::pair<std::string, std::string>, std::vector<Counted>> windows_;
  // Of the event at hand, by whether in shadow, and field.
  std::map<std::pair<bool, std::string>, std::vector<GoesOn>> sent_on_;
};

}  // namespace turnout::simulation
