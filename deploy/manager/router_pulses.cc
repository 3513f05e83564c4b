#include "deploy/manager/router_pulses.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"

namespace turnout::manager {
namespace {

constexpr size_t kNameBytesMax = 400;  // of a pod, a version, a rule
constexpr int64_t kNumberMax = std::numeric_limits<int64_t>::max();
constexpr std::array<std::string_view, 5> kCountNames = {"matched", "sent", "parked",
                                                         "dead_lettered", "errors"};

std::string Shown(absl::Time time) {
  return absl::FormatTime(kApiTimeFormat, time, absl::UTCTimeZone());
}

std::string Decimal(double number) { return absl::StrFormat("%.3f", number); }

absl::Status TooLong(std::string_view what, size_t max) {
  return absl::InvalidArgumentError(
      absl::StrFormat("the pulse: %s is to have 1 to %d bytes", what, max));
}

std::string TroublesJson(std::vector<JsonReader> troubles, absl::Status* status) {
  std::vector<std::string> texts;
  for (JsonReader& trouble : troubles) {
    texts.push_back(JsonObject()
                        .Text("gravity", trouble.Text("gravity"))
                        .Text("what", trouble.Text("what"))
                        .Text("cure", trouble.Text("cure", ""))
                        .Done());
    status->Update(trouble.status());
  }
  return JsonArray(texts, [](const std::string& text) { return text; });
}

// An event as a router sends it. Its texts are already masked.
std::string EventJson(JsonReader* event, absl::Status* status) {
  JsonObject json;
  const auto add = [&](std::string_view name) {
    if (!event->Has(name)) return;
    const std::string text = event->Text(name);
    if (text.size() > kSampleTextBytesMax) status->Update(TooLong("an event", kSampleTextBytesMax));
    json.Text(name, text);
  };
  json.Number("partition", event->Number("partition", 0, 0, kNumberMax))
      .Number("offset", event->Number("offset", 0, 0, kNumberMax))
      .Number("timestamp", event->Number("timestamp", -1, -1, kNumberMax));
  add("key");
  add("value");
  add("note");
  std::string headers = "[";
  for (JsonReader& header : event->Objects("headers", kSampleHeadersMax)) {
    if (headers.size() > 1) headers += ',';
    headers +=
        JsonObject().Text("name", header.Text("name")).Text("value", header.Text("value")).Done();
    status->Update(header.status());
  }
  status->Update(event->status());
  return json.Json("headers", headers + "]").Done();
}

}  // namespace

absl::StatusOr<size_t> RouterPulses::Take(const std::string& service, std::string_view pulse,
                                          absl::Time now) {
  if (pulse.size() > kPulseBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the pulse is larger than ", kPulseBytesMax, " bytes"));
  }
  JsonReader reader(pulse, "the pulse");
  const std::string instance = reader.Text("instance");
  Pod pod{.heard = now};
  pod.started_ms = reader.Number("started_ms", -1, 0, kNumberMax);
  pod.uptime_ms = reader.Number("uptime_ms", -1, 0, kNumberMax);
  pod.version = reader.Text("version", "");
  pod.is_ready = reader.Flag("ready", false);
  pod.shows_samples = reader.Flag("samples", false);
  pod.lag = reader.Number("lag", -1, -1, kNumberMax);
  pod.events = reader.Number("events", 0, 0, kNumberMax);
  pod.bytes = pulse.size();
  absl::Status status;
  pod.troubles = TroublesJson(reader.Objects("troubles", kPulseTroublesMax), &status);
  for (JsonReader& rule : reader.Objects("rules", kPulseRulesMax)) {
    std::string name = rule.Text("rule");
    if (name.size() > kNameBytesMax) return TooLong("a rule's name", kNameBytesMax);
    Totals& totals = pod.rules[std::move(name)];
    for (size_t i = 0; i < kCounts; ++i) totals[i] = rule.Number(kCountNames[i], 0, 0, kNumberMax);
    status.Update(rule.status());
  }
  std::vector<std::string> sample;
  for (JsonReader& event : reader.Objects("sample", kSampleEventsMax)) {
    sample.push_back(EventJson(&event, &status));
  }
  if (!reader.status().ok()) return reader.status();
  if (!status.ok()) return status;
  if (instance.empty() || instance.size() > kNameBytesMax || pod.version.size() > kNameBytesMax) {
    return TooLong("`instance`, `version`", kNameBytesMax);
  }
  const absl::MutexLock lock(&mu_);
  Service& known = services_[service];
  if (!sample.empty() && now <= known.wanted_until) {
    known.sample = std::move(sample);
    known.taken_at = now;
    known.wanted_until = absl::InfinitePast();
  }
  Pod& kept = known.pods[instance];
  CountRates(kept, &pod);
  bytes_ += pod.bytes - kept.bytes;
  const bool shows_samples = pod.shows_samples;
  kept = std::move(pod);
  const bool is_asked = shows_samples && now <= known.wanted_until;
  Forget(now);
  return is_asked ? kSampleEventsMax : 0;
}

// Rules that one of both pulses doesn't have have no rate: they were not counted then, or are new.
void RouterPulses::CountRates(const Pod& before, Pod* now) {
  const int64_t took_ms = now->uptime_ms - before.uptime_ms;
  if (before.bytes == 0 || now->started_ms != before.started_ms || took_ms <= 0 ||
      now->heard - before.heard > kPulseSilentAfter) {
    return;
  }
  const auto rate = [took_ms](int64_t from, int64_t to) {
    return static_cast<double>(std::max<int64_t>(0, to - from)) * 1'000.0 /
           static_cast<double>(took_ms);
  };
  now->has_rates = true;
  now->events_per_s = rate(before.events, now->events);
  for (const auto& [rule, totals] : now->rules) {
    const auto found = before.rules.find(rule);
    // A rule is told of from its first match on, unless there are too many.
    if (found == before.rules.end() && before.rules.size() + 1 >= kPulseRulesMax) continue;
    static constexpr Totals kNone = {};
    const Totals& from = found == before.rules.end() ? kNone : found->second;
    Rates& rates = now->rates[rule];
    for (size_t i = 0; i < kCounts; ++i) rates[i] = rate(from[i], totals[i]);
  }
}

void RouterPulses::Forget(absl::Time now) {
  const auto forget = [this](Service& service, std::map<std::string, Pod>::iterator pod)
                          ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
                            bytes_ -= pod->second.bytes;
                            return service.pods.erase(pod);
                          };
  const auto longest_ago = [](Service& service) {
    return std::min_element(
        service.pods.begin(), service.pods.end(),
        [](const auto& a, const auto& b) { return a.second.heard < b.second.heard; });
  };
  for (auto& [name, service] : services_) {
    for (auto pod = service.pods.begin(); pod != service.pods.end();) {
      const bool is_over = now - pod->second.heard > kPulseForgottenAfter;
      pod = is_over ? forget(service, pod) : std::next(pod);
    }
    while (service.pods.size() > kPulsePodsMax) forget(service, longest_ago(service));
    if (now - service.taken_at > kSampleKeptFor) service.sample.clear();
  }
  while (bytes_ > kPulsesBytesMax) {
    Service* oldest = nullptr;
    for (auto& [name, service] : services_) {
      if (service.pods.empty()) continue;
      if (oldest == nullptr ||
          longest_ago(service)->second.heard < longest_ago(*oldest)->second.heard) {
        oldest = &service;
      }
    }
    if (oldest == nullptr) return;
    forget(*oldest, longest_ago(*oldest));
  }
}

std::string RouterPulses::RatesJson(const std::string& service, absl::Time now) const {
  const absl::MutexLock lock(&mu_);
  const auto found = services_.find(service);
  std::string pods = "[";
  std::map<std::string, std::pair<Rates, Totals>> sums;
  if (found != services_.end()) {
    for (const auto& [instance, pod] : found->second.pods) {
      const bool is_silent = now - pod.heard > kPulseSilentAfter;
      JsonObject json;
      json.Text("instance", instance)
          .Text("version", pod.version)
          .Text("state", is_silent ? "silent" : "live")
          .Number("age_ms", absl::ToInt64Milliseconds(now - pod.heard))
          .Number("uptime_ms", pod.uptime_ms)
          .Flag("ready", pod.is_ready)
          .Flag("samples", pod.shows_samples)
          .Json("lag", pod.lag < 0 ? "null" : std::to_string(pod.lag))
          .Json("events_per_s", pod.has_rates && !is_silent ? Decimal(pod.events_per_s) : "null")
          .Json("troubles", pod.troubles);
      if (pods.size() > 1) pods += ',';
      pods += json.Done();
      if (is_silent) continue;
      for (const auto& [rule, totals] : pod.rules) {
        if (sums.size() >= kRatesRulesMax && !sums.contains(rule)) continue;
        auto& [rates, all] = sums[rule];
        const auto rated = pod.rates.find(rule);
        for (size_t i = 0; i < kCounts; ++i) {
          all[i] += totals[i];
          if (rated != pod.rates.end()) rates[i] += rated->second[i];
        }
      }
    }
  }
  const std::string rules = JsonArray(sums, [](const auto& sum) {
    JsonObject json;
    json.Text("rule", sum.first);
    for (size_t i = 0; i < kCounts; ++i) {
      json.Json(absl::StrFormat("%s_per_s", kCountNames[i]), Decimal(sum.second.first[i]));
    }
    return json.Number("matched", sum.second.second[kMatched])
        .Number("errors", sum.second.second[kErrors])
        .Done();
  });
  return JsonObject().Text("at", Shown(now)).Json("pods", pods + "]").Json("rules", rules).Done();
}

SampleAnswer RouterPulses::Sample(const std::string& service, bool again, absl::Time now) {
  const absl::MutexLock lock(&mu_);
  const auto found = services_.find(service);
  const auto answer = [](std::string_view state) {
    return SampleAnswer{.json = JsonObject().Text("state", state).Json("events", "[]").Done(),
                        .is_silent = state == "no_router"};
  };
  if (found == services_.end()) return answer("no_router");
  Service& known = found->second;
  bool is_live = false;
  bool shows = false;
  for (const auto& [instance, pod] : known.pods) {
    if (now - pod.heard > kPulseSilentAfter) continue;
    is_live = true;
    shows = shows || pod.shows_samples;
  }
  if (again || now - known.taken_at > kSampleKeptFor) known.sample.clear();
  if (!known.sample.empty()) {
    const std::string events = JsonArray(known.sample, [](const std::string& one) { return one; });
    return {.json = JsonObject()
                        .Text("state", "here")
                        .Text("taken_at", Shown(known.taken_at))
                        .Json("events", events)
                        .Done(),
            .events = known.sample.size()};
  }
  if (!is_live) return answer("no_router");
  if (!shows) return answer("not_allowed");
  SampleAnswer asked = answer("asked");
  asked.is_asked = now > known.wanted_until;
  known.wanted_until = now + kSampleWantedFor;
  return asked;
}

}  // namespace turnout::manager
