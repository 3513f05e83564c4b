#include "runtime/diff_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runtime/counted.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kEventColumns = 100;

// A value as it fits on a line of a terminal.
std::string Shown(std::string_view event) {
  std::string line(event.substr(0, kEventColumns));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (event.size() > kEventColumns) line += "...";
  return line;
}

std::string Way(const DiffSample& sample) {
  const auto of = [](const std::vector<std::string>& destinations) {
    return destinations.empty() ? std::string("nowhere") : absl::StrJoin(destinations, ", ");
  };
  if (sample.old_destinations == sample.new_destinations) return of(sample.new_destinations);
  return absl::StrFormat("%s -> %s", of(sample.old_destinations), of(sample.new_destinations));
}

void AppendRule(const std::string& id, const RuleDifference& rule, size_t width,
                std::string* table) {
  absl::StrAppendFormat(table, "%-*s %9d %9d", width, id, rule.old_events, rule.new_events);
  for (const uint64_t events : rule.differing) absl::StrAppendFormat(table, " %8d", events);
  table->push_back('\n');
  for (const auto& [destination, counts] : rule.destinations) {
    absl::StrAppendFormat(table, "%-*s %9d %9d\n", width, "  to " + destination, counts.old_records,
                          counts.new_records);
  }
}

void AppendSamples(const std::string& id, const RuleDifference& rule, std::string* table) {
  for (const DiffSample& sample : rule.samples) {
    absl::StrAppendFormat(table, "%s %s %s: %s\n    %s\n", id,
                          kDiffKindNames[static_cast<size_t>(sample.kind)], sample.position,
                          Way(sample), Shown(sample.event));
  }
}

// Of the first column.
size_t WidthOf(const RuleDiff& diff) {
  size_t width = 4;
  for (const auto& [id, rule] : diff.rules()) {
    if (!rule.differs()) continue;
    width = std::max(width, id.size());
    for (const auto& [destination, counts] : rule.destinations) {
      width = std::max(width, destination.size() + 5);
    }
  }
  return width;
}

Json SampleJson(const DiffSample& sample) {
  return {{"kind", kDiffKindNames[static_cast<size_t>(sample.kind)]},
          {"at", sample.position},
          {"from", sample.old_destinations},
          {"to", sample.new_destinations},
          {"event", sample.event}};
}

Json RuleJson(const std::string& id, const RuleDifference& rule) {
  Json json = {{"rule", id}, {"old", rule.old_events}, {"new", rule.new_events}};
  for (size_t i = 0; i < kDiffKinds; ++i) json[std::string(kDiffKindNames[i])] = rule.differing[i];
  json["destinations"] = Json::array();
  for (const auto& [destination, counts] : rule.destinations) {
    json["destinations"].push_back(
        {{"destination", destination}, {"old", counts.old_records}, {"new", counts.new_records}});
  }
  json["samples"] = Json::array();
  for (const DiffSample& sample : rule.samples) json["samples"].push_back(SampleJson(sample));
  return json;
}

}  // namespace

std::string DiffTable(const RuleDiff& diff, const DiffFacts& facts) {
  std::string table = absl::StrFormat("%s, %d of them unreadable; rule set %s -> %s\n",
                                      Counted(diff.events(), "event"), facts.unreadable_events,
                                      facts.old_hash, facts.new_hash);
  if (facts.keeps_state) {
    table += "what steps remember began empty on both sides with the first of these events\n";
  }
  const size_t width = WidthOf(diff);
  size_t same_rules = 0;
  if (diff.differs()) {
    absl::StrAppendFormat(&table, "\n%-*s %9s %9s", width, "rule", "old", "new");
    for (const std::string_view kind : kDiffKindNames) absl::StrAppendFormat(&table, " %8s", kind);
    table.push_back('\n');
  }
  for (const auto& [id, rule] : diff.rules()) {
    if (rule.differs()) {
      AppendRule(id, rule, width, &table);
    } else {
      ++same_rules;
    }
  }
  if (diff.differs()) table.push_back('\n');
  for (const auto& [id, rule] : diff.rules()) AppendSamples(id, rule, &table);
  absl::StrAppendFormat(
      &table, "%d %s the same as before\n", same_rules,
      same_rules == 1 ? "rule that sent any of them does" : "rules that sent any of them do");
  return table;
}

std::string DiffJson(const RuleDiff& diff, const DiffFacts& facts) {
  Json json = {{"events", diff.events()},
               {"unreadable", facts.unreadable_events},
               {"old_rule_set", facts.old_hash},
               {"new_rule_set", facts.new_hash},
               {"state_began_empty", facts.keeps_state},
               {"differs", diff.differs()},
               {"rules", Json::array()}};
  for (const auto& [id, rule] : diff.rules()) json["rules"].push_back(RuleJson(id, rule));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace turnout::runtime
