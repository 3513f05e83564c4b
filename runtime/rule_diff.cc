#include "runtime/rule_diff.h"

#include <algorithm>
#include <optional>

namespace turnout::runtime {
namespace {

// Takes those of its first rule off the front.
absl::Span<const TrialOutput> TakeRule(std::string_view rule, absl::Span<const TrialOutput>* left) {
  size_t count = 0;
  while (count < left->size() && (*left)[count].rule == rule) ++count;
  const absl::Span<const TrialOutput> taken = left->subspan(0, count);
  left->remove_prefix(count);
  return taken;
}

std::vector<std::string> DestinationsOf(absl::Span<const TrialOutput> outputs) {
  std::vector<std::string> destinations;
  for (const TrialOutput& output : outputs) destinations.push_back(output.destination);
  destinations.erase(std::unique(destinations.begin(), destinations.end()), destinations.end());
  return destinations;
}

bool SameContent(absl::Span<const TrialOutput> a, absl::Span<const TrialOutput> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const TrialOutput& one, const TrialOutput& other) {
                      return one.destination == other.destination && one.content == other.content;
                    });
}

std::optional<DiffKind> KindOf(absl::Span<const TrialOutput> old_outputs,
                               absl::Span<const TrialOutput> new_outputs) {
  if (old_outputs.empty()) return DiffKind::kGained;
  if (new_outputs.empty()) return DiffKind::kLost;
  if (DestinationsOf(old_outputs) != DestinationsOf(new_outputs)) return DiffKind::kMoved;
  if (!SameContent(old_outputs, new_outputs)) return DiffKind::kChanged;
  return std::nullopt;
}

}  // namespace

bool RuleDifference::differs() const {
  return std::any_of(differing.begin(), differing.end(),
                     [](uint64_t events) { return events > 0; });
}

bool RuleDiff::differs() const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [](const auto& rule) { return rule.second.differs(); });
}

void RuleDiff::Add(std::string_view position, std::string_view value,
                   absl::Span<const TrialOutput> old_outputs,
                   absl::Span<const TrialOutput> new_outputs) {
  ++events_;
  while (!old_outputs.empty() || !new_outputs.empty()) {
    const bool is_old =
        new_outputs.empty() || (!old_outputs.empty() && old_outputs[0].rule < new_outputs[0].rule);
    const std::string_view id = is_old ? old_outputs[0].rule : new_outputs[0].rule;
    auto rule = rules_.find(id);
    if (rule == rules_.end()) rule = rules_.try_emplace(std::string(id)).first;
    const auto old_of_rule = TakeRule(id, &old_outputs);
    const auto new_of_rule = TakeRule(id, &new_outputs);
    Compare(position, value, old_of_rule, new_of_rule, &rule->second);
  }
}

void RuleDiff::Compare(std::string_view position, std::string_view value,
                       absl::Span<const TrialOutput> old_outputs,
                       absl::Span<const TrialOutput> new_outputs, RuleDifference* rule) {
  rule->old_events += !old_outputs.empty();
  rule->new_events += !new_outputs.empty();
  for (const TrialOutput& one : old_outputs) ++rule->destinations[one.destination].old_records;
  for (const TrialOutput& one : new_outputs) ++rule->destinations[one.destination].new_records;
  const std::optional<DiffKind> kind = KindOf(old_outputs, new_outputs);
  if (!kind) return;
  if (++rule->differing[static_cast<size_t>(*kind)] > samples_max_) return;
  rule->samples.push_back({.kind = *kind,
                           .position = std::string(position),
                           .old_destinations = DestinationsOf(old_outputs),
                           .new_destinations = DestinationsOf(new_outputs),
                           .event = std::string(value.substr(0, kSampleBytesMax))});
}

}  // namespace turnout::runtime
