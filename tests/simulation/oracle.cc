#include "tests/simulation/oracle.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/rule_file.h"
#include "runtime/rule_loader.h"
#include "tests/simulation/state_rules.h"

namespace turnout::simulation {
namespace {

using support::SeededRandom;

// Without what the state's rules add to them.
constexpr int kStatelessSets = 3;
constexpr int64_t kFirstEventMs = 1'700'000'000'000;

// A rule twice: as a team writes it, and as a predicate.
struct SimRule {
  std::string team;
  std::string name;
  std::string match;
  bool (*matches)(const SimEvent&);
  std::vector<std::string> to;
  bool keyed_by_customer = false;
  bool reads_payload = true;
  double percent = 100;
  bool is_shadow = false;
};

const std::vector<SimRule>& CommonRules() {
  static const auto* const rules = new std::vector<SimRule>{
      {.team = "audit",
       .name = "all",
       .match = "{type: [{exists: true}]}",
       .matches = [](const SimEvent&) { return true; },
       .to = {"sim.audit"}},
      {.team = "heartbeat",
       .name = "pings",
       .match = "{$kafka: {headers: {ce_type: [ping]}}}",
       .matches = [](const SimEvent& event) { return event.is_ping; },
       .to = {"sim.pings"},
       .reads_payload = false},
      {.team = "orders",
       .name = "eu",
       .match = "{region: [eu]}",
       .matches = [](const SimEvent& event) { return event.region == "eu"; },
       .to = {"sim.orders"}},
      {.team = "late",
       .name = "late",
       .match = "{region: [us]}",
       .matches = [](const SimEvent& event) { return event.region == "us"; },
       .to = {kLateTopic}},
      {.team = "late",
       .name = "closed",
       .match = "{type: [order.cancelled]}",
       .matches = [](const SimEvent& event) { return event.type == "order.cancelled"; },
       .to = {kClosedTopic}},
      {.team = "late",
       .name = "small",
       .match = "{type: [{prefix: order.}]}",
       .matches = [](const SimEvent& event) { return event.type.rfind("order.", 0) == 0; },
       .to = {kSmallTopic}},
  };
  return *rules;
}

std::vector<SimRule> MakeRules(int version) {
  std::vector<SimRule> rules = CommonRules();
  const SimRule big = {
      .team = "orders",
      .name = "big",
      .match = "{type: [order.placed], amount: [{numeric: ['>=', 500]}]}",
      .matches =
          [](const SimEvent& event) { return event.type == "order.placed" && event.amount >= 500; },
      .to = {"sim.orders", "sim.audit"}};
  const SimRule payments = {
      .team = "fraud",
      .name = "payments",
      .match = "{type: [{prefix: payment.}]}",
      .matches = [](const SimEvent& event) { return event.type.rfind("payment.", 0) == 0; },
      .to = {"sim.by-customer"},
      .keyed_by_customer = true};
  const SimRule declined = {
      .team = "fraud",
      .name = "declined",
      .match = "{type: [payment.declined]}",
      .matches = [](const SimEvent& event) { return event.type == "payment.declined"; },
      .to = {"sim.orders"}};
  // To where others send, too.
  SimRule part = {
      .team = "orders",
      .name = "part",
      .match = "{region: [eu, us]}",
      .matches = [](const SimEvent& event) { return event.region == "eu" || event.region == "us"; },
      .to = {"sim.orders"},
      .percent = 25.0 * (version + 1)};
  SimRule trial = {.team = "orders",
                   .name = "trial",
                   .match = "{type: [{exists: true}]}",
                   .matches = [](const SimEvent&) { return true; },
                   .to = {"sim.orders", "sim.nowhere"},
                   .percent = 60,
                   .is_shadow = true};
  rules.push_back(part);
  rules.push_back(trial);
  trial.name = "trial-by-customer";
  trial.keyed_by_customer = true;
  if (version == 1) rules.push_back(trial);
  if (version != 1) rules.push_back(big);
  if (version != 2) rules.push_back(payments);
  if (version != 0) rules.push_back(declined);
  return rules;
}

const std::vector<SimRule>& RulesOf(int version) {
  static const auto* const sets = [] {
    auto* const made = new std::vector<std::vector<SimRule>>;
    for (int i = 0; i < kStatelessSets; ++i) made->push_back(MakeRules(i));
    return made;
  }();
  return (*sets)[version % kStatelessSets];
}

std::string TeamFile(const std::string& team, const std::vector<SimRule>& rules) {
  std::string text = absl::StrCat("team: ", team, "\ndestinations: ['sim.*']\nrules:\n");
  for (const SimRule& rule : rules) {
    if (rule.team != team) continue;
    absl::StrAppend(&text, "  - name: ", rule.name, "\n    match: ", rule.match, "\n    to: [",
                    absl::StrJoin(rule.to, ", "), "]\n");
    if (rule.keyed_by_customer) absl::StrAppend(&text, "    key: customer\n");
    absl::StrAppend(&text, RolloutLine(rule.percent, rule.is_shadow));
  }
  return text;
}

router::Team ReadTeam(const std::string& team, const std::string& text) {
  std::vector<router::Problem> problems;
  std::vector<router::Team> teams = runtime::CompileRules(team + ".yaml", text, {}, &problems);
  if (teams.size() != 1) {
    std::fprintf(stderr, "the simulation's own rules are refused: %s\n",
                 problems.empty() ? "" : problems[0].what.c_str());
    std::abort();
  }
  return teams[0];
}

std::shared_ptr<const router::RuleSet> Build(int version) {
  const std::vector<SimRule>& rules = RulesOf(version);
  std::vector<router::Team> files;
  std::map<std::string, int> teams;
  for (const SimRule& rule : rules) ++teams[rule.team];
  for (const auto& [team, count] : teams) files.push_back(ReadTeam(team, TeamFile(team, rules)));
  for (const char* team : {kStateTeam, kRekeyTeam}) {
    const std::string remembering = StateTeamFile(version, team);
    if (!remembering.empty()) files.push_back(ReadTeam(team, remembering));
  }
  return router::RuleSet::Build(std::move(files), StateSettingsOf(version));
}

std::string Payload(const SimEvent& event) {
  std::string text = absl::StrFormat(R"({"id": %d, "type": "%s", "amount": %d, "region": "%s")",
                                     event.id, event.type, event.amount, event.region);
  if (event.customer) absl::StrAppend(&text, R"(, "customer": ")", *event.customer, "\"");
  if (event.at_ms) absl::StrAppend(&text, R"(, "at": )", *event.at_ms);
  if (event.large) absl::StrAppendFormat(&text, R"(, "pad": "%*s")", kLargePayloadBytes, "x");
  return text + "}";
}

std::optional<std::string> UnreadablePayload(int id, SeededRandom& random) {
  switch (random.Below(4)) {
    case 0:
      return absl::StrFormat(R"({"id": %d, "type": "order.placed")", id);  // cut short
    case 1:
      return "[1, 2]";
    case 2:
      return "";
    default:
      return std::nullopt;  // a tombstone
  }
}

// Mostly in order, some late, now and then far ahead or without a time at all.
void SetTimes(SimEvent* event, SeededRandom& random) {
  int64_t time = kFirstEventMs + event->id * 20 + random.Between(-40, 40);
  if (random.OneIn(10)) time -= random.Between(50, 600);
  if (random.OneIn(40)) time += random.Between(200, 3'000);
  event->record.timestamp_ms = random.OneIn(40) ? -1 : time;
  if (random.OneIn(2)) event->at_ms = time + random.Between(-60, 60);
}

}  // namespace

SimEvent MakeEvent(int id, SeededRandom& random) {
  static constexpr const char* kTypes[] = {"order.placed", "order.cancelled", "payment.captured",
                                           "payment.declined", "profile.changed"};
  static constexpr const char* kRegions[] = {"eu", "us", "apac"};
  SimEvent event{.id = id,
                 .readable = !random.OneIn(8),
                 .large = random.OneIn(10),
                 .is_ping = random.OneIn(5),
                 .type = kTypes[random.Below(5)],
                 .amount = static_cast<int>(random.Below(1'000)),
                 .region = kRegions[random.Below(3)]};
  if (!random.OneIn(5)) event.customer = absl::StrCat("c", random.Below(4));
  SetTimes(&event, random);
  if (!random.OneIn(8)) event.record.key = absl::StrCat("k", random.Below(6));
  event.record.value = event.readable ? Payload(event) : UnreadablePayload(id, random);
  event.record.headers.emplace_back("trace", absl::StrCat("t", id));
  if (event.is_ping) event.record.headers.emplace_back("ce_type", "ping");
  return event;
}

std::shared_ptr<const router::RuleSet> RuleSetOf(int version) {
  static const auto* const built = [] {
    auto* const sets = new std::vector<std::shared_ptr<const router::RuleSet>>;
    for (int i = 0; i < kRuleSets; ++i) sets->push_back(Build(i));
    return sets;
  }();
  return (*built)[version];
}

// The first one keeps no state, whichever it is.
int RuleSetOfRun(int number, bool rekeys) {
  return rekeys && number > 0 ? kRuleSetsOfRun - 1 + number : number;
}

int VersionOf(const std::string& hash) {
  for (int version = 0; version < kRuleSets; ++version) {
    if (RuleSetOf(version)->hash() == hash) return version;
  }
  return -1;
}

std::vector<Outcome> Expect(const SimEvent& event, int version, bool settled) {
  if (event.poison != Poison::kNone) return {{.key = event.record.key, .error = "poison"}};
  std::vector<Outcome> outcomes;
  if (!event.readable) outcomes.push_back({.error = "unreadable_event"});
  // One output for each team, destination and key; it names the rules in order.
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::string>> outputs;
  for (const SimRule& rule : RulesOf(version)) {
    if (!rule.matches(event) || (rule.reads_payload && !event.readable)) continue;
    const std::string id = absl::StrCat(rule.team, "/", rule.name);
    const std::optional<std::string>& key =
        rule.keyed_by_customer ? event.customer : event.record.key;
    if (rule.is_shadow || !IsInShare(id, ShareKey(key, event), rule.percent)) continue;
    if (rule.keyed_by_customer && !event.customer) {
      outcomes.push_back({.rules = id, .error = "unroutable"});
      continue;
    }
    for (const std::string& to : rule.to) {
      outputs[{rule.team, to, rule.keyed_by_customer ? "customer" : ""}].push_back(id);
    }
  }
  for (auto& [where, ids] : outputs) {
    const auto& [team, destination, key_field] = where;
    std::sort(ids.begin(), ids.end());
    Outcome outcome{.destination = destination,
                    .rules = absl::StrJoin(ids, ","),
                    .key = key_field.empty() ? event.record.key : event.customer};
    if (destination == kSmallTopic && event.large) {
      if (settled) outcome.error = "record_too_large";
      if (!settled) outcome.error_instead = "record_too_large";
    } else if (!settled && (destination == kLateTopic || destination == kClosedTopic)) {
      outcome.error_instead = "destination_unavailable";
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace turnout::simulation
