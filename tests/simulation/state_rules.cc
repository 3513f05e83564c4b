#include "tests/simulation/state_rules.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/sample.h"

namespace turnout::simulation {
namespace {

bool IsOrder(const SimEvent& event) { return event.type.rfind("order.", 0) == 0; }
bool IsPayment(const SimEvent& event) { return event.type.rfind("payment.", 0) == 0; }
bool IsAny(const SimEvent&) { return true; }

constexpr char kOrders[] = "{type: [{prefix: order.}]}";
constexpr char kPayments[] = "{type: [{prefix: payment.}]}";
constexpr char kAny[] = "{amount: [{exists: true}]}";

StateRule Dedup(int64_t span_ms) {
  return {"dedup", kOrders, IsOrder, {{PlainKind::kDedup, "customer", span_ms}}};
}
StateRule Throttle(int64_t span_ms) {
  return {"throttle", kAny, IsAny, {{PlainKind::kThrottle, "region", span_ms, 0, 2}}};
}
StateRule Burst() {
  return {"burst", kPayments, IsPayment, {{PlainKind::kCount, "customer", 300, 0, 3}}};
}
StateRule Spend() {
  return {"spend", kAny, IsAny, {{PlainKind::kSum, "region", 400, 0, 1500, true}}};
}
StateRule Spread() {
  return {"spread", kAny, IsAny, {{PlainKind::kDistinct, "region", 500, 0, 3}}};
}
StateRule Sampled() {
  return {"sampled",
          kAny,
          IsAny,
          {{PlainKind::kSample, "customer", 0, 0, 50}, {PlainKind::kDedup, "type", 100}}};
}
StateRule Window() { return {"window", kAny, IsAny, {{PlainKind::kWindow, "region", 200, 100}}}; }
StateRule Running() {
  return {"running", kOrders, IsOrder, {{PlainKind::kRunning, "customer", 300, 300}}};
}

// The second hop's, where the source is partitioned by the customer.
StateRule Visits(int64_t span_ms) {
  return {"visits", kOrders, IsOrder, {{PlainKind::kDedup, "region", span_ms}}, kRekeyTeam};
}
StateRule Wave(int64_t span_ms) {
  return {
      "wave",
      kPayments,
      IsPayment,
      {{PlainKind::kThrottle, "customer", 300, 0, 4}, {PlainKind::kCount, "region", span_ms, 0, 3}},
      kRekeyTeam};
}
StateRule Crowd(const std::string& key) {
  return {"crowd", kAny, IsAny, {{PlainKind::kWindow, key, 200, 100}}, kRekeyTeam};
}
StateRule Takings() {
  return {"takings", kAny, IsAny, {{PlainKind::kSum, "region", 400, 0, 1500, true}}, kRekeyTeam};
}
StateRule Journey(bool region_first) {
  const PlainStep region = {PlainKind::kDedup, "region", 60};
  const PlainStep type = {PlainKind::kThrottle, "type", 90, 0, 2};
  return {"journey", kAny, IsAny,
          region_first ? std::vector{region, type} : std::vector{type, region}, kRekeyTeam};
}
StateRule Surveyed() {
  return {"surveyed",
          kAny,
          IsAny,
          {{PlainKind::kSample, "customer", 0, 0, 50}, {PlainKind::kDistinct, "region", 500, 0, 2}},
          kRekeyTeam};
}

StateRule Part(StateRule rule, double percent) {
  rule.percent = percent;
  return rule;
}
StateRule Dark(StateRule rule) {
  rule.is_shadow = true;
  return rule;
}

std::vector<StateRule> MakeStateRules(int version) {
  switch (version) {
    case 1:
      return {Burst(), Dedup(200), Throttle(150)};
    case 2:
      return {Dedup(100), Part(Spend(), 40), Throttle(250), Window()};
    case 3:
      return {Dark(Burst()), Sampled(), Spread(), Part(Window(), 60)};
    case 4:
      return {Part(Running(), 70), Sampled(), Part(Spend(), 75), Dark(Spread())};
    case 6:
      return {Dedup(200), Dark(Crowd("region")), Visits(150)};
    case 7:
      return {Burst(), Journey(true), Part(Takings(), 50), Dark(Visits(80))};
    case 8:
      return {Burst(), Part(Crowd("region"), 60), Journey(false), Running(), Dark(Wave(250))};
    case 9:
      return {Dedup(100)};
    case 10:
      return {Crowd("type"), Dedup(200), Surveyed(), Part(Visits(150), 70), Wave(400)};
    default:
      return {};
  }
}

// As a team writes it; also, where the state's meaning depends on it, a part of the step's name.
std::string StepText(const PlainStep& step) {
  const std::string key = absl::StrCat("key: ", step.key);
  switch (step.kind) {
    case PlainKind::kSample:
      return absl::StrFormat("sample: {%s, percent: %g}", key, step.at_least);
    case PlainKind::kDedup:
      return absl::StrFormat("dedup: {%s, for: %dms}", key, step.span_ms);
    case PlainKind::kThrottle:
      return absl::StrFormat("throttle: {%s, limit: %g, per: %dms}", key, step.at_least,
                             step.span_ms);
    case PlainKind::kCount:
      return absl::StrFormat("threshold: {%s, count: %g, within: %dms}", key, step.at_least,
                             step.span_ms);
    case PlainKind::kSum:
      return absl::StrFormat(
          "threshold: {%s, sum: amount, at_least: %g, within: %dms, emit: every}", key,
          step.at_least, step.span_ms);
    case PlainKind::kDistinct:
      return absl::StrFormat("threshold: {%s, distinct: customer, at_least: %g, within: %dms}", key,
                             step.at_least, step.span_ms);
    case PlainKind::kWindow:
      return absl::StrFormat(
          "aggregate: {%s, window: %dms, slide: %dms, fields: {n: count, total: {sum: amount}, "
          "top: {max: amount}, who: {distinct: customer}}}",
          key, step.span_ms, step.slide_ms);
    case PlainKind::kRunning:
      return absl::StrFormat("aggregate: {%s, window: %dms, emit: every, fields: {n: count}}", key,
                             step.span_ms);
  }
  return "";
}

// A dead letter for the rule's sake.
std::string Unroutable(const SimEvent& event, const std::string& rule_id) {
  const support::MemoryRecord& record = event.record;
  return StateLine("", record.key, record.value.value_or(""), record.timestamp_ms, rule_id,
                   "unroutable");
}

bool IsSent(const StateRule& rule, const std::string& key) {
  return !rule.is_shadow && IsInShare(rule.id(), key, rule.percent);
}

std::optional<std::string> FieldOf(const SimEvent& event, const std::string& field) {
  if (field == "customer") return event.customer;
  if (field == "region") return event.region;
  return event.type;
}

}  // namespace

const std::vector<StateRule>& StateRulesOf(int version) {
  static const auto* const sets = [] {
    auto* const made = new std::vector<std::vector<StateRule>>;
    for (int i = 0; i < kRuleSets; ++i) made->push_back(MakeStateRules(i));
    return made;
  }();
  return (*sets)[version];
}

std::string RolloutLine(double percent, bool is_shadow) {
  if (percent == 100 && !is_shadow) return "";
  return absl::StrFormat("    rollout: {percent: %g, mode: %s}\n", percent,
                         is_shadow ? "shadow" : "live");
}

bool IsInShare(const std::string& id, const std::string& key, double percent) {
  return router::SampleBucket(absl::StrCat(id, " ", key)) < percent * 100;
}

std::string ShareKey(const std::optional<std::string>& key, const SimEvent& event) {
  return key ? *key : event.record.value.value_or("");
}

router::StateSettings StateSettingsOf(int version) {
  const bool rekeys = version >= kRuleSetsOfRun;
  return {.partitioned_by = rekeys ? "customer" : std::string(router::kOnePartition),
          .time_field = version == 3 || version == 10 ? "at" : "",
          .lateness_ms = 100,
          .ahead_ms_max = 1'000};
}

std::string StateTeamFile(int version, const std::string& team) {
  std::string rules;
  for (const StateRule& rule : StateRulesOf(version)) {
    if (rule.team != team) continue;
    absl::StrAppend(&rules, "  - name: ", rule.name, "\n    match: ", rule.match,
                    "\n    to: ", kStateTopicPrefix, rule.name, "\n    steps:\n");
    for (const PlainStep& step : rule.steps) {
      absl::StrAppend(&rules, "      - ", StepText(step), "\n");
    }
    absl::StrAppend(&rules, RolloutLine(rule.percent, rule.is_shadow));
  }
  if (rules.empty()) return "";
  return absl::StrCat("team: ", team, "\ndestinations: ['", kStateTopicPrefix, "*']\nrules:\n",
                      rules);
}

std::string StepName(const StateRule& rule, const PlainStep& step) {
  const bool is_dedup = step.kind == PlainKind::kDedup;
  return absl::StrCat(rule.name, rule.is_shadow ? " in shadow " : " ",
                      is_dedup ? "dedup " + step.key : StepText(step));
}

std::string StateLine(const std::string& destination, const std::optional<std::string>& key,
                      const std::string& value, int64_t timestamp_ms, const std::string& rules,
                      const std::string& error) {
  return absl::StrCat(destination, " ", key.value_or("(none)"), " ", value, " @", timestamp_ms,
                      " [", rules, "] ", error);
}

std::string RekeyedLine(const std::string& key, const SimEvent& event,
                        const std::vector<GoesOn>& steps) {
  std::vector<std::string> rules, names;
  if (steps[0].is_shadow) names.push_back("in shadow");
  for (const GoesOn& one : steps) {
    rules.push_back(one.rule_id);
    names.push_back(one.step);
  }
  return StateLine(kRekeyTopic, key, event.record.value.value_or(""), event.record.timestamp_ms,
                   absl::StrJoin(rules, ","), absl::StrJoin(names, ", "));
}

int64_t PlainTask::TimeOf(const SimEvent& event) const {
  const router::StateSettings settings = StateSettingsOf(version_);
  int64_t time = event.record.timestamp_ms;
  const bool says_more = !settings.time_field.empty() && event.readable && event.at_ms;
  if (says_more && (time < 0 || *event.at_ms <= time + settings.ahead_ms_max)) time = *event.at_ms;
  if (!watermark_ms_) return std::max<int64_t>(time, 0);
  const int64_t now = *watermark_ms_ + settings.lateness_ms;
  return std::min(time < 0 ? now : time, now + settings.ahead_ms_max);
}

void PlainTask::Use(int version) {
  if (version == version_) return;
  version_ = version;
  std::set<std::string> ids;
  for (const StateRule& rule : StateRulesOf(version)) {
    for (const PlainStep& step : rule.steps) ids.insert(StepName(rule, step));
  }
  const auto is_gone = [&](const auto& entry) { return !ids.contains(entry.first.first); };
  std::erase_if(entries_, is_gone);
  std::erase_if(windows_, is_gone);
}

PlainTask::Entry* PlainTask::Find(const std::string& id, const std::string& key) {
  const auto found = entries_.find({id, key});
  if (found == entries_.end() || found->second.expires_at_ms <= *watermark_ms_) return nullptr;
  return &found->second;
}

bool PlainTask::Passes(const PlainStep& step, const std::string& id, const std::string& key,
                       const SimEvent& event, bool* late) {
  Entry* const known = Find(id, key);
  Entry& entry = entries_[{id, key}];
  if (known == nullptr) entry = {.time_ms = std::numeric_limits<int64_t>::min() / 2};
  const int64_t span = step.span_ms;
  if (step.kind == PlainKind::kDedup) {
    if (known != nullptr && now_ms_ <= entry.time_ms - span) return true;
    if (known != nullptr && now_ms_ < entry.time_ms + span) return false;
    entry.time_ms = now_ms_;
    entry.expires_at_ms = now_ms_ + span;
    return true;
  }
  if (step.kind == PlainKind::kThrottle) {
    if (known == nullptr || now_ms_ >= entry.time_ms + span) {
      entry = {.time_ms = now_ms_, .expires_at_ms = now_ms_ + span};
    }
    return ++entry.count <= static_cast<int64_t>(step.at_least);
  }
  *late = now_ms_ < *watermark_ms_;
  if (*late) return false;
  entry.time_ms = std::max(entry.time_ms, now_ms_);
  entry.expires_at_ms = entry.time_ms + span;
  const int64_t gone = entry.time_ms - span;
  std::erase_if(entry.amounts, [&](const auto& one) { return one.first <= gone; });
  std::erase_if(entry.values, [&](const auto& one) { return one.second <= gone; });
  const auto measure = [&] {
    if (step.kind == PlainKind::kDistinct) return static_cast<double>(entry.values.size());
    double sum = 0;
    for (const auto& [time, amount] : entry.amounts) sum += amount;
    return sum;
  };
  const double before = measure();
  if (now_ms_ > gone && step.kind == PlainKind::kDistinct) {
    int64_t& seen = entry.values[*event.customer];
    seen = std::max(seen, now_ms_);
  } else if (now_ms_ > gone) {
    entry.amounts.emplace_back(now_ms_, step.kind == PlainKind::kSum ? event.amount : 1);
  }
  return measure() >= step.at_least && (step.every || before < step.at_least);
}

std::optional<std::string> PlainTask::Feature(const PlainStep& step, const std::string& key,
                                              const std::vector<Counted>& events,
                                              int64_t end_ms) const {
  int64_t count = 0;
  int64_t sum = 0;
  int top = 0;
  std::set<std::string> who;
  for (const Counted& one : events) {
    if (one.time_ms < end_ms - step.span_ms || one.time_ms >= end_ms) continue;
    ++count;
    sum += one.amount;
    top = std::max(top, one.amount);
    if (one.customer) who.insert(*one.customer);
  }
  if (count == 0) return std::nullopt;
  std::string text =
      absl::StrFormat(R"({"key":"%s","window_start_ms":%d,"window_end_ms":%d,"n":%d)", key,
                      end_ms - step.span_ms, end_ms, count);
  if (step.kind == PlainKind::kWindow) {
    absl::StrAppendFormat(&text, R"(,"total":%d,"top":%d,"who":%d)", sum, top, who.size());
  }
  return text + "}";
}

// The windows whose end the watermark has reached with this event.
void PlainTask::Close(int64_t before_ms, std::vector<std::string>* lines) {
  for (const StateRule& rule : StateRulesOf(version_)) {
    const PlainStep& step = rule.steps.back();
    if (step.kind != PlainKind::kWindow) continue;
    const std::string id = StepName(rule, step);
    for (const auto& [name, events] : windows_) {
      if (name.first != id) continue;
      std::set<int64_t> ends;
      for (const Counted& one : events) {
        const int64_t pane = one.time_ms / step.slide_ms * step.slide_ms;
        for (int64_t end = pane + step.slide_ms; end <= pane + step.span_ms; end += step.slide_ms) {
          if (end > before_ms && end <= *watermark_ms_) ends.insert(end);
        }
      }
      for (const int64_t end : ends) {
        const auto value = Feature(step, name.second, events, end);
        if (value && IsSent(rule, name.second)) {
          lines->push_back(
              StateLine(kStateTopicPrefix + rule.name, name.second, *value, end, rule.id(), ""));
        }
      }
    }
  }
}

void PlainTask::ApplyRule(const StateRule& rule, size_t first, const std::string& local,
                          const SimEvent& event, std::vector<std::string>* lines) {
  const std::string topic = kStateTopicPrefix + rule.name;
  const support::MemoryRecord& record = event.record;
  const std::string share_key = ShareKey(record.key, event);
  for (size_t i = first; i < rule.steps.size(); ++i) {
    const PlainStep& step = rule.steps[i];
    const std::optional<std::string> key = FieldOf(event, step.key);
    if (step.kind == PlainKind::kSample) {
      if (!key || router::SampleBucket(*key) >= step.at_least * 100) return;
      continue;
    }
    const bool is_here = step.key == local || local == router::kOnePartition;
    const bool lacks_value = is_here && step.kind == PlainKind::kDistinct && !event.customer;
    if (!key || lacks_value) {
      if (IsSent(rule, share_key)) lines->push_back(Unroutable(event, rule.id()));
      return;
    }
    const std::string id = StepName(rule, step);
    if (!is_here) {
      return sent_on_[{rule.is_shadow, step.key}].push_back({rule.id(), id, rule.is_shadow});
    }
    if (step.kind == PlainKind::kWindow || step.kind == PlainKind::kRunning) {
      const int64_t pane = now_ms_ / step.slide_ms * step.slide_ms;
      if (pane + step.span_ms <= *watermark_ms_) return;  // late
      std::vector<Counted>& events = windows_[{id, *key}];
      events.push_back({now_ms_, event.amount, event.customer});
      if (step.kind == PlainKind::kRunning && IsSent(rule, *key)) {
        lines->push_back(StateLine(topic, *key, *Feature(step, *key, events, pane + step.slide_ms),
                                   record.timestamp_ms, rule.id(), ""));
      }
      return;
    }
    bool late = false;
    if (!Passes(step, id, *key, event, &late)) return;
  }
  if (!IsSent(rule, share_key)) return;
  lines->push_back(
      StateLine(topic, record.key, record.value.value_or(""), record.timestamp_ms, rule.id(), ""));
}

// A rule that is gone, or has the step no more, is a dead letter, but for what was in shadow.
void PlainTask::GoOn(const GoesOn& with, const SimEvent& event, std::vector<std::string>* lines) {
  for (const StateRule& rule : StateRulesOf(version_)) {
    if (rule.id() != with.rule_id) continue;
    for (size_t i = 0; i < rule.steps.size(); ++i) {
      if (StepName(rule, rule.steps[i]) != with.step) continue;
      return ApplyRule(rule, i, rule.steps[i].key, event, lines);
    }
  }
  if (!with.is_shadow) lines->push_back(Unroutable(event, with.rule_id));
}

// A record a key: rules of the same key travel together, those in shadow by themselves.
void PlainTask::SendOn(const SimEvent& event, std::vector<std::string>* lines) {
  for (auto& [where, steps] : sent_on_) {
    std::sort(steps.begin(), steps.end());
    lines->push_back(RekeyedLine(*FieldOf(event, where.second), event, steps));
  }
  sent_on_.clear();
}

void PlainTask::Match(const SimEvent& event, std::vector<std::string>* lines) {
  if (!event.readable) return;
  for (const StateRule& rule : StateRulesOf(version_)) {
    if (rule.matches(event)) {
      ApplyRule(rule, 0, StateSettingsOf(version_).partitioned_by, event, lines);
    }
  }
}

std::vector<std::string> PlainTask::Apply(const SimEvent& event, int version,
                                          const std::vector<GoesOn>* goes_on) {
  Use(version);
  std::vector<std::string> lines;
  if (!StateRulesOf(version).empty()) {
    now_ms_ = TimeOf(event);
    const int64_t before = watermark_ms_.value_or(std::numeric_limits<int64_t>::min());
    watermark_ms_ = std::max(before, now_ms_ - StateSettingsOf(version).lateness_ms);
    Close(before, &lines);
  }
  if (goes_on == nullptr) {
    Match(event, &lines);
  } else {
    for (const GoesOn& with : *goes_on) GoOn(with, event, &lines);
  }
  SendOn(event, &lines);
  return lines;
}

}  // namespace turnout::simulation
