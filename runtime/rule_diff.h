// RuleDiff: what two rule sets make of the same events, compared rule by rule.
//
// An event that one of a rule's two versions sends and the other does not is gained or lost; one
// that both send is moved where it goes to other destinations, and changed where only what is sent
// differs. Of each kind and rule the first few are kept as samples.
//
// Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "runtime/rule_trial.h"

namespace turnout::runtime {

enum class DiffKind { kGained, kLost, kMoved, kChanged };
inline constexpr size_t kDiffKinds = 4;
inline constexpr std::array<std::string_view, kDiffKinds> kDiffKindNames = {"gained", "lost",
                                                                            "moved", "changed"};

struct DiffSample {
  DiffKind kind = DiffKind::kGained;
  std::string position;  // "events/3/1742", or "events.ndjson:17"
  std::vector<std::string> old_destinations;
  std::vector<std::string> new_destinations;
  std::string event;  // its value, cut off behind kSampleBytesMax
};
inline constexpr size_t kSampleBytesMax = 1'000;

struct RuleDifference {
  uint64_t old_events = 0;  // that it sent anywhere
  uint64_t new_events = 0;
  std::array<uint64_t, kDiffKinds> differing{};  // events, by kind
  struct Counts {
    uint64_t old_records = 0;
    uint64_t new_records = 0;
  };
  std::map<std::string, Counts> destinations;
  std::vector<DiffSample> samples;

  bool differs() const;
};

class RuleDiff {
 public:
  // So many samples of a kind and rule.
  explicit RuleDiff(size_t samples_max) : samples_max_(samples_max) {}

  // Both sorted, as RuleTrial answers them.
  void Add(std::string_view position, std::string_view value,
           absl::Span<const TrialOutput> old_outputs, absl::Span<const TrialOutput> new_outputs);

  uint64_t events() const { return events_; }
  // Of all rules that sent anything, by id.
  const std::map<std::string, RuleDifference, std::less<>>& rules() const { return rules_; }
  bool differs() const;

 private:
  void Compare(std::string_view position, std::string_view value,
               absl::Span<const TrialOutput> old_outputs, absl::Span<const TrialOutput> new_outputs,
               RuleDifference* rule);

  const size_t samples_max_;
  uint64_t events_ = 0;
  std::map<std::string, RuleDifference, std::less<>> rules_;
};

}  // namespace turnout::runtime
