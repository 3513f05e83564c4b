#include "tests/simulation/arrivals.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "router/route_plan.h"
#include "tests/support/murmur2.h"

namespace turnout::simulation {
namespace {

using support::MemoryRecord;

// By the number that the router gives a step. Other steps have other numbers.
const std::map<state::StepId, std::string>& StepNames() {
  static const auto* const names = [] {
    auto* const found = new std::map<state::StepId, std::string>;
    for (int version = 0; version < kRuleSets; ++version) {
      const auto rules = RuleSetOf(version);
      for (const StateRule& rule : StateRulesOf(version)) {
        size_t index = 0;
        while (rules->rules()[index].id != rule.id()) ++index;
        const uint32_t begin = rules->plan().rules[index].steps_begin;
        for (size_t i = 0; i < rule.steps.size(); ++i) {
          if (rule.steps[i].kind == PlainKind::kSample) continue;
          const std::string name = StepName(rule, rule.steps[i]);
          const auto [known, is_new] = found->emplace(rules->plan().steps[begin + i].id, name);
          if (!is_new && known->second != name) {
            std::fprintf(stderr, "'%s' and '%s' have one number\n", name.c_str(),
                         known->second.c_str());
            std::abort();
          }
        }
      }
    }
    return found;
  }();
  return *names;
}

// "1 events/3/1742 00f3ab...[,...] team/rule[,...] 5f0c1d2e3a4b5c6d[ shadow]"
bool ReadHeader(const std::string& text, Arrival* arrival) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  arrival->is_shadow = words.size() == 6 && words[5] == "shadow";
  if ((words.size() != 5 && !arrival->is_shadow) || words[0] != "1") return false;
  const std::vector<std::string> place = absl::StrSplit(words[1], '/');
  if (place.size() != 3 || place[0] != kSourceTopic ||
      !absl::SimpleAtoi(place[1], &arrival->source.first) ||
      !absl::SimpleAtoi(place[2], &arrival->source.second)) {
    return false;
  }
  const std::vector<std::string> steps = absl::StrSplit(words[2], ',');
  for (const std::string& digits : steps) {
    const char* const end = digits.data() + digits.size();
    state::StepId& step = arrival->steps.emplace_back();
    if (std::from_chars(digits.data(), end, step, 16).ptr != end) return false;
  }
  arrival->rule_ids = words[3];
  const auto goes_on = InWords(arrival->steps, arrival->rule_ids, arrival->is_shadow);
  if (goes_on) arrival->goes_on = *goes_on;
  return goes_on.has_value();
}

// Puts the event together again. Answers what is wrong with it.
std::string Read(const MemoryRecord& record, int32_t partition, int32_t partitions,
                 const Events& events, Arrival* arrival) {
  const size_t count = record.headers.size();
  if (count < 2 || record.headers[count - 2].first != "turnout-rekeyed" ||
      record.headers[count - 1].first != "turnout-rekeyed-key") {
    return "lacks the headers of what is re-keyed";
  }
  const std::string& told = record.headers[count - 2].second.value_or("");
  if (!ReadHeader(told, arrival)) return absl::StrFormat("tells '%s'", told);
  const auto found = events.find(arrival->source);
  if (found == events.end()) return "comes from where no event is";
  if (!record.key || partition != support::PartitionOfKey(*record.key, partitions)) {
    return "belongs into another partition by its key";
  }
  arrival->event = found->second;
  MemoryRecord& event = arrival->event.record;
  event = record;
  event.key = record.headers[count - 1].second;
  event.headers.resize(count - 2);
  const MemoryRecord& original = found->second.record;
  const auto bytes = [](const MemoryRecord& one) {
    return std::tie(one.key, one.value, one.headers, one.timestamp_ms);
  };
  if (bytes(event) != bytes(original)) return "is not the event that it was";
  arrival->event.partition = partition;
  arrival->line = RekeyedLine(*record.key, arrival->event, arrival->goes_on);
  return "";
}

}  // namespace

std::optional<std::vector<GoesOn>> InWords(absl::Span<const state::StepId> steps,
                                           std::string_view rule_ids, bool is_shadow) {
  const std::vector<std::string> rules = absl::StrSplit(std::string(rule_ids), ',');
  if (steps.size() != rules.size()) return std::nullopt;
  std::vector<GoesOn> goes_on;
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto name = StepNames().find(steps[i]);
    if (name == StepNames().end()) return std::nullopt;
    goes_on.push_back({rules[i], name->second, is_shadow});
  }
  return goes_on;
}

std::vector<std::vector<Arrival>> ReadArrivals(const support::MemoryTopic& topic,
                                               const Events& events,
                                               std::vector<std::string>* violations) {
  const auto partitions = static_cast<int32_t>(topic.partitions.size());
  std::vector<std::vector<Arrival>> arrivals(topic.partitions.size());
  for (int32_t partition = 0; partition < partitions; ++partition) {
    for (const MemoryRecord* record : topic.partitions[partition]->ReadAll()) {
      Arrival arrival;
      const std::string wrong = Read(*record, partition, partitions, events, &arrival);
      if (wrong.empty()) {
        arrivals[partition].push_back(std::move(arrival));
      } else if (violations->empty()) {
        violations->push_back(
            absl::StrFormat("%s/%d/%d %s", topic.name, partition, record->offset, wrong));
      }
    }
  }
  return arrivals;
}

}  // namespace turnout::simulation
