#include "runtime/rule_test_run.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "router/cloud_event.h"
#include "router/router.h"
#include "router/suggest.h"
#include "router/table_lookup.h"
#include "router/task_steps.h"
#include "runtime/found_record.h"
#include "runtime/record_headers.h"
#include "runtime/rejection_kind.h"
#include "state/task_store.h"

namespace turnout::runtime {
namespace {

using router::Routes;

constexpr size_t kRulesShownMax = 20;
// Next to nothing is remembered, by one task at a time.
constexpr state::StateLimits kStateLimits = {.memory_bytes_max = size_t{16} << 20,
                                             .memtable_bytes_max = size_t{8} << 20,
                                             .task_memtable_bytes_max = size_t{4} << 20};

std::vector<router::Team> InFull(const std::vector<router::Team>& teams) {
  std::vector<router::Team> in_full;
  for (const router::Team& team : teams) {
    router::RuleFile copy = *team;
    for (router::Rule& rule : copy.rules) rule.rollout = {};
    in_full.push_back(std::make_shared<const router::RuleFile>(std::move(copy)));
  }
  return in_full;
}

std::optional<std::string> Copy(std::string_view bytes) {
  return bytes.data() == nullptr ? std::nullopt : std::optional<std::string>(bytes);
}

std::string_view View(const std::optional<std::string>& bytes) {
  return bytes ? std::string_view(*bytes) : std::string_view();
}

// A case's tables, by their positions in the rule set.
class CaseTables : public router::TableLookup {
 public:
  CaseTables(const std::vector<std::string>& names, const TestTables& tables)
      : names_(names), tables_(tables) {}

  absl::StatusOr<bool> Find(size_t table, std::string_view key, std::string* value) const override {
    const auto entries = tables_.find(names_[table]);
    if (entries == tables_.end()) return false;
    const auto entry = entries->second.find(std::string(key));
    if (entry == entries->second.end()) return false;
    *value = entry->second;
    return true;
  }

 private:
  const std::vector<std::string>& names_;
  const TestTables& tables_;
};

// What the rules made of an event, kept over the router's next call.
struct EventResult {
  std::vector<FoundRecord> found;
  std::set<std::string> matched;
  std::map<std::string, std::string> stopped;  // what held the match back, by rule
};

class CaseRun {
 public:
  CaseRun(std::shared_ptr<const router::RuleSet> rules, const TestCase& test,
          const std::string& directory, state::StateResources* resources)
      : tables_(rules->tables(), test.tables),
        router_(std::move(rules), &tables_),
        directory_(directory),
        resources_(resources) {}

  absl::Status Open();
  absl::StatusOr<EventResult> Apply(const TestEvent& event);
  void Compare(const TestEvent& event, size_t number, const EventResult& result,
               std::vector<TestFailure>* failures) const;

 private:
  // What goes on behind the hop.
  struct Sent {
    std::vector<state::StepId> steps;
    std::string rule_ids;
    bool is_shadow = false;
  };
  struct Home {
    std::unique_ptr<state::TaskStore> store;
    std::unique_ptr<router::TaskSteps> steps;
  };

  absl::Status Open(const std::string& name, Home* home);
  absl::Status Take(const Routes& routes, const TestEvent& event, EventResult* result);
  void TakeRecords(const Routes& routes, const TestEvent& event, EventResult* result);
  std::string_view IdOf(router::RuleIndex rule) const { return router_.rules().rules()[rule].id; }
  std::string WhatRulesSaid(const EventResult& result) const;
  std::string WhyNone(const Expectation& expected, const EventResult& result,
                      std::vector<bool>* is_told) const;

  const CaseTables tables_;
  router::Router router_;
  const std::string& directory_;
  state::StateResources* const resources_;
  Home source_;
  Home beyond_;  // the hop
  std::vector<Sent> sent_;
  int64_t offset_ = 0;
};

absl::Status CaseRun::Open(const std::string& name, Home* home) {
  auto store = state::TaskStore::Create(absl::StrCat(directory_, "/", name), resources_, 0);
  if (!store.ok()) return store.status();
  home->store = *std::move(store);
  home->steps = std::make_unique<router::TaskSteps>(home->store.get());
  return absl::OkStatus();
}

absl::Status CaseRun::Open() {
  if (!router_.rules().keeps_state()) return absl::OkStatus();
  if (directory_.empty()) return absl::UnavailableError("no directory can be made below TMPDIR");
  if (absl::Status opened = Open("source", &source_); !opened.ok()) return opened;
  return router_.rules().rekeys() ? Open("rekeyed", &beyond_) : absl::OkStatus();
}

void CaseRun::TakeRecords(const Routes& routes, const TestEvent& event, EventResult* result) {
  if (!routes.payload_error.ok()) {
    result->found.push_back({.error = std::string(kErrorUnreadable),
                             .reason = std::string(routes.payload_error.message())});
  }
  for (const router::Output& output : routes.outputs) {
    FoundRecord& found = result->found.emplace_back();
    found = {.destination = std::string(output.destination),
             .key = Copy(output.key),
             .value = Copy(output.value),
             .timestamp_ms = output.window_end_ms.value_or(event.timestamp_ms),
             .rules = absl::StrSplit(std::string(output.rule_ids), ',')};
    if (!output.window_end_ms) found.headers.insert(event.headers.begin(), event.headers.end());
    if (output.content_type.data() == nullptr) continue;
    std::erase_if(found.headers, [](const auto& one) { return router::IsOfCloudEvent(one.first); });
    found.headers[std::string(router::kContentTypeHeader)] = std::string(output.content_type);
  }
  if (!routes.payload_error.ok()) return;  // what the event lacks is no news
  for (const router::Rejection& rejection : routes.rejections) {
    result->found.push_back({.rules = {std::string(IdOf(rejection.rule))},
                             .error = std::string(ErrorKindOf(rejection)),
                             .reason = std::string(rejection.reason)});
  }
}

absl::Status CaseRun::Take(const Routes& routes, const TestEvent& event, EventResult* result) {
  if (!routes.state_error.ok()) return routes.state_error;
  TakeRecords(routes, event, result);
  for (const router::RuleIndex rule : routes.matched) result->matched.emplace(IdOf(rule));
  for (const router::Stopped& stopped : routes.stopped) {
    result->stopped[std::string(IdOf(stopped.rule))] =
        absl::StrCat("its `", std::string(router::StepName(stopped.step)),
                     stopped.late ? "` stopped it as late" : "` stopped it");
  }
  for (const router::RuleIndex rule : routes.held_back) {
    result->stopped[std::string(IdOf(rule))] = "its `rollout` holds it back";
  }
  for (const router::Shadowed& shadowed : routes.shadowed) {
    result->stopped[std::string(IdOf(shadowed.rule))] = "it is in shadow";
  }
  for (const router::Rekeyed& rekeyed : routes.rekeyed) {
    sent_.push_back({{rekeyed.steps.begin(), rekeyed.steps.end()},
                     std::string(rekeyed.rule_ids),
                     rekeyed.is_shadow});
  }
  return absl::OkStatus();
}

absl::StatusOr<EventResult> CaseRun::Apply(const TestEvent& event) {
  std::vector<router::Header> headers(event.headers.begin(), event.headers.end());
  const router::Event routed = {.value = View(event.value),
                                .key = View(event.key),
                                .topic = event.topic,
                                .timestamp_ms = event.timestamp_ms,
                                .headers = headers};
  EventResult result;
  sent_.clear();
  absl::Status taken = Take(router_.Route(routed, source_.steps.get()), event, &result);
  for (size_t i = 0; taken.ok() && i < sent_.size(); ++i) {
    const Sent sent = sent_[i];
    taken = Take(
        router_.Continue(routed, sent.steps, sent.rule_ids, sent.is_shadow, beyond_.steps.get()),
        event, &result);
  }
  ++offset_;
  for (const Home* home : {&source_, &beyond_}) {
    if (!taken.ok() || home->steps == nullptr) continue;
    taken = home->steps->Commit(offset_, router_.rules().hash());
  }
  if (!taken.ok()) return taken;
  return result;
}

// In the order of their names, those of which nothing came.
std::string CaseRun::WhatRulesSaid(const EventResult& result) const {
  std::set<std::string> sending;
  for (const FoundRecord& found : result.found) {
    sending.insert(found.rules.begin(), found.rules.end());
  }
  std::string text;
  size_t shown = 0;
  for (const router::RuleInfo& rule : router_.rules().rules()) {
    const std::string id(rule.id);
    if (sending.contains(id)) continue;
    const auto stopped = result.stopped.find(id);
    if (stopped == result.stopped.end() && result.matched.contains(id)) continue;
    if (++shown > kRulesShownMax) return text + "\n  ...";
    absl::StrAppend(&text, "\n  ", id, ": ",
                    stopped == result.stopped.end() ? "it does not match" : stopped->second);
  }
  return text;
}

// Says of an expectation that nothing met what came near to it, and marks that as told.
std::string CaseRun::WhyNone(const Expectation& expected, const EventResult& result,
                             std::vector<bool>* is_told) const {
  std::string text = absl::StrCat("expected ", Shown(expected));
  bool has_near = false;
  for (size_t i = 0; i < result.found.size(); ++i) {
    const FoundRecord& found = result.found[i];
    const bool is_near =
        expected.error.empty() == found.error.empty() && expected.destination == found.destination;
    if ((*is_told)[i] || !is_near) continue;
    (*is_told)[i] = has_near = true;
    absl::StrAppend(&text, "\n  found ", Shown(found), "\n    ", Mismatch(expected, found));
  }
  if (!has_near) absl::StrAppend(&text, ", found none", WhatRulesSaid(result));
  return text;
}

void CaseRun::Compare(const TestEvent& event, size_t number, const EventResult& result,
                      std::vector<TestFailure>* failures) const {
  if (!event.expected) return;
  const std::vector<Expectation>& expected = *event.expected;
  const std::vector<int> pairs = PairUp(expected, result.found);
  std::vector<bool> is_told(result.found.size());
  for (const int record : pairs) {
    if (record >= 0) is_told[static_cast<size_t>(record)] = true;
  }
  const std::string head = absl::StrFormat("event %d (line %d): ", number, event.at.line);
  for (size_t i = 0; i < expected.size(); ++i) {
    if (pairs[i] >= 0) continue;
    failures->push_back({expected[i].at, head + WhyNone(expected[i], result, &is_told)});
  }
  for (size_t i = 0; i < result.found.size(); ++i) {
    if (is_told[i]) continue;
    failures->push_back(
        {event.at, absl::StrCat(head, "found what is not expected: ", Shown(result.found[i]))});
  }
}

}  // namespace

RuleTestRun::RuleTestRun(const std::vector<router::Team>& teams,
                         const router::StateSettings& settings)
    : as_written_(router::RuleSet::Build(teams, settings)),
      in_full_(router::RuleSet::Build(InFull(teams), settings)),
      resources_(kStateLimits) {}

absl::StatusOr<CaseOutcome> RuleTestRun::Run(const TestCase& test) {
  CaseOutcome outcome = {.name = test.name, .at = test.at};
  CaseRun run(test.applies_rollout ? as_written_ : in_full_, test, directory_.path(), &resources_);
  if (absl::Status opened = run.Open(); !opened.ok()) return opened;
  for (size_t i = 0; i < test.events.size(); ++i) {
    const absl::StatusOr<EventResult> result = run.Apply(test.events[i]);
    if (!result.ok()) return result.status();
    run.Compare(test.events[i], i + 1, *result, &outcome.failures);
  }
  return outcome;
}

void CheckTables(const std::vector<TestCase>& tests, const router::RuleSet& rules,
                 std::vector<router::Problem>* problems) {
  const std::vector<std::string_view> known(rules.tables().begin(), rules.tables().end());
  for (const TestCase& test : tests) {
    for (const auto& [table, entries] : test.tables) {
      if (std::find(known.begin(), known.end(), table) != known.end()) continue;
      problems->push_back({test.at, test.name,
                           absl::StrFormat("no rule asks the table %s", router::Quoted(table)),
                           known.empty() ? "remove it" : router::NearestNameCure(table, known)});
    }
  }
}

}  // namespace turnout::runtime
