// What does a step add to routing an event?
//
// Events of some 200 bytes go through two routers, batch by batch: one whose only rule has
// no steps, and one whose rule has the step, over a task's store on disk that is committed with
// each batch. Every event matches. What the step adds is the difference of the two in CPU time on
// their thread, the commit included, and what all other threads (RocksDB's) take until they have
// come to rest. Event time goes on by a millisecond an event.
//
//   dedup        every event's key is new, and an old one expires
//   throttle, threshold-*, aggregate-*
//                a key drawn among KEYS; spans are such that most of them are live and come three
//                times in a span; aggregate-close's window comes to ten events of a key
//   aggregate-close-each
//                the same keys; every event passes the end of a slide, as where a backlog is read
//   sample       half of the keys
//
// The answer is checked first, event by event against a plain account of all events, on fewer keys;
// in the run that is timed, events are counted. Prints one line of JSON.
//
//   bench_step_time DIRECTORY STEP KEYS EVENTS [BATCH]

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/store_load.h"
#include "router/percent.h"
#include "router/router.h"
#include "router/sample.h"
#include "state/state_resources.h"
#include "state/task_store.h"

namespace turnout::bench {
namespace {

constexpr uint64_t kEventsABatch = 500;  // by default
constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr uint64_t kCheckedKeys = 500;
constexpr uint64_t kCheckedEvents = 10'000;
constexpr uint64_t kPercent = 50;
constexpr uint64_t kLimit = 3;
constexpr uint64_t kAtLeast = 4;
constexpr uint64_t kAtLeastSum = 20;

enum class What { kSample, kDedup, kThrottle, kCount, kSum, kDistinct, kClose, kEvery };

struct StepKind {
  std::string_view name;
  What what;
  std::string_view step;  // $ stands for the span in milliseconds, % for a quarter of it
  uint64_t events_a_key;  // in a span, on average
  uint64_t windows = 1;   // that an event counts in
};

constexpr std::array<StepKind, 11> kSteps = {{
    {"sample", What::kSample, "sample: {key: user, percent: 50}", 3},
    {"dedup", What::kDedup, "dedup: {key: user, for: $ms}", 1},
    {"throttle", What::kThrottle, "throttle: {key: user, limit: 3, per: $ms}", 3},
    {"threshold-count", What::kCount, "threshold: {key: user, count: 4, within: $ms}", 3},
    {"threshold-sum", What::kSum, "threshold: {key: user, sum: amount, at_least: 20, within: $ms}",
     3},
    {"threshold-distinct", What::kDistinct,
     "threshold: {key: user, distinct: ip, at_least: 4, within: $ms}", 3},
    {"aggregate-close", What::kClose,
     "aggregate: {key: user, window: $ms, fields: {n: count, s: {sum: amount}, d: {distinct: ip}}}",
     10},
    {"aggregate-close-4-slides", What::kClose,
     "aggregate: {key: user, window: $ms, slide: %ms, fields: {n: count, s: {sum: amount}}}", 12,
     4},
    {"aggregate-close-each", What::kClose,
     "aggregate: {key: user, window: 10ms, slide: 1ms, fields: {n: count, s: {sum: amount}}}", 3,
     10},
    {"aggregate-every", What::kEvery,
     "aggregate: {key: user, window: $ms, emit: every, fields: {n: count, s: {sum: amount}}}", 3},
    {"aggregate-every-4-slides", What::kEvery,
     "aggregate: {key: user, window: $ms, slide: %ms, emit: every, fields: {n: count}}", 12},
}};

bool Failed(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "bench_step_time: %s\n", status.ToString().c_str());
  return !status.ok();
}

// The n-th event.
struct Load {
  const StepKind* kind = nullptr;
  uint64_t keys = 0;
  uint64_t events_a_batch = kEventsABatch;

  int64_t span_ms() const { return static_cast<int64_t>(keys * kind->events_a_key) / 4 * 4; }
  bool is_dedup() const { return kind->what == What::kDedup; }
  // All of them once, in order, then as they come.
  uint64_t KeyOf(uint64_t n) const { return is_dedup() || n < keys ? n : Mixed(n) % keys; }
  static int64_t TimeOf(uint64_t n) { return kStartMs + static_cast<int64_t>(n); }
  static uint64_t AmountOf(uint64_t n) { return Mixed(n * 3) % 10; }
  static uint64_t IpOf(uint64_t n) { return Mixed(n * 5) % 200; }

  void Write(uint64_t n, std::string* json) const {
    const Key key(KeyOf(n));
    json->clear();
    absl::StrAppend(json, R"({"id":"e-)", n, R"(","type":"payment.made","time":)", TimeOf(n),
                    R"(,"user":")", absl::string_view(key.bytes, kKeyBytes), R"(","ip":"10.0.0.)",
                    IpOf(n), R"(","amount":)", AmountOf(n),
                    R"(,"currency":"EUR","merchant":{"id":"m-1042","category":"books","country":)"
                    R"("NL"},"device":"iPhone15,2"})");
  }

  std::string Step() const {
    std::string text;
    for (const char c : kind->step) {
      if (c == '$' || c == '%') {
        absl::StrAppend(&text, c == '$' ? span_ms() : span_ms() / 4);
      } else {
        text.push_back(c);
      }
    }
    return text;
  }
};

std::shared_ptr<const router::RuleSet> RulesOf(const std::string& step) {
  std::vector<router::Problem> problems;
  std::optional<router::RuleFile> file = router::ReadRuleFile(
      "t.yaml",
      absl::StrCat("team: t\ndestinations: [t]\nrules:\n  - {name: r, match: {type: "
                   "[payment.made]}, to: t",
                   step.empty() ? "" : absl::StrCat(", steps: [{", step, "}]"), "}\n"),
      {}, &problems);
  for (const router::Problem& problem : problems) {
    std::fprintf(stderr, "bench_step_time: %s\n", problem.what.c_str());
  }
  if (!file) return nullptr;
  return router::RuleSet::Build({std::make_shared<const router::RuleFile>(*std::move(file))},
                                {.partitioned_by = std::string(router::kOnePartition),
                                 .lateness_ms = 0,
                                 .rule_state_bytes_max = int64_t{1} << 40});
}

// Says of each event, in order, how many outputs it leads to, by all that came before.
class PlainAccount {
 public:
  explicit PlainAccount(const Load& load) : load_(load) {}

  // Closed windows are counted apart.
  uint64_t OutputsOf(uint64_t n) {
    const uint64_t key = load_.KeyOf(n);
    const int64_t now = Load::TimeOf(n);
    std::vector<uint64_t>& events = events_[key];
    if (load_.kind->what == What::kSample) {
      return router::SampleBucket(Key(key).view()) < kPercent * router::kAllShares / 100;
    }
    if (load_.kind->what == What::kThrottle) {
      if (events.empty() || now >= Load::TimeOf(events.front()) + load_.span_ms()) events.clear();
      if (events.size() == kLimit) return 0;
      events.push_back(n);
      return 1;
    }
    if (load_.kind->what == What::kClose) return 0;
    if (load_.kind->what == What::kEvery || load_.is_dedup()) return 1;
    std::erase_if(events, [&](uint64_t m) { return Load::TimeOf(m) <= now - load_.span_ms(); });
    const bool before = IsMet(events);
    events.push_back(n);
    return !before && IsMet(events);
  }

 private:
  bool IsMet(const std::vector<uint64_t>& events) const {
    if (load_.kind->what == What::kCount) return events.size() >= kAtLeast;
    uint64_t sum = 0;
    std::set<uint64_t> values;
    for (const uint64_t m : events) {
      sum += Load::AmountOf(m);
      values.insert(Load::IpOf(m));
    }
    return load_.kind->what == What::kSum ? sum >= kAtLeastSum : values.size() >= kAtLeast;
  }

  const Load& load_;
  std::map<uint64_t, std::vector<uint64_t>> events_;  // in the window, by key
};

// The number that stands behind `"n":`.
uint64_t CountIn(std::string_view record) {
  uint64_t count = 0;
  const size_t at = record.find("\"n\":");
  if (at == std::string_view::npos) return 0;
  for (size_t i = at + 4; i < record.size() && record[i] >= '0' && record[i] <= '9'; ++i) {
    count = count * 10 + static_cast<uint64_t>(record[i] - '0');
  }
  return count;
}

struct Costs {
  int64_t plain_ns = 0;
  int64_t step_ns = 0;
  int64_t commit_ns = 0;
  uint64_t outputs = 0;
  uint64_t counted = 0;  // by the windows that closed
};

class Bench {
 public:
  explicit Bench(const Load& load)
      : load_(load), events_(load.events_a_batch), outputs_(load.events_a_batch) {}

  bool Open(const std::string& directory) {
    auto store = state::TaskStore::Create(directory, &resources_, 0);
    if (Failed(store.status())) return false;
    store_ = *std::move(store);
    task_ = std::make_unique<router::TaskSteps>(store_.get());
    const auto plain = RulesOf("");
    const auto stepped = RulesOf(load_.Step());
    if (plain == nullptr || stepped == nullptr) return false;
    plain_ = std::make_unique<router::Router>(plain);
    stepped_ = std::make_unique<router::Router>(stepped);
    return true;
  }

  // With `account`, what becomes of each event is compared.
  bool RunBatch(uint64_t first, Costs* costs, PlainAccount* account) {
    for (uint64_t i = 0; i < load_.events_a_batch; ++i) load_.Write(first + i, &events_[i]);
    const int64_t begin = ThreadNs();
    uint64_t plain = 0;
    for (uint64_t i = 0; i < load_.events_a_batch; ++i) {
      plain += plain_->Route({.value = events_[i], .timestamp_ms = Load::TimeOf(first + i)})
                   .outputs.size();
    }
    const int64_t routed = ThreadNs();
    for (uint64_t i = 0; i < load_.events_a_batch; ++i) {
      const router::Routes& routes = stepped_->Route(
          {.value = events_[i], .timestamp_ms = Load::TimeOf(first + i)}, task_.get());
      if (Failed(routes.state_error)) return false;
      outputs_[i] = 0;
      for (const router::Output& output : routes.outputs) {
        if (output.window_end_ms) costs->counted += CountIn(output.value);
        outputs_[i] += output.window_end_ms ? 0 : 1;
      }
      if (!routes.rejections.empty()) return IsWrong("a rejection");
    }
    const int64_t stepped = ThreadNs();
    if (Failed(task_->Commit(static_cast<int64_t>(first + load_.events_a_batch), "rules")))
      return false;
    costs->plain_ns += routed - begin;
    costs->step_ns += stepped - routed;
    costs->commit_ns += ThreadNs() - stepped;
    if (plain != load_.events_a_batch) return IsWrong("an event without its output");
    for (uint64_t i = 0; i < load_.events_a_batch; ++i) {
      costs->outputs += outputs_[i];
      if (account != nullptr && outputs_[i] != account->OutputsOf(first + i)) {
        return IsWrong("an event that passes where it should not, or does not where it should");
      }
    }
    return true;
  }

  bool Run(uint64_t events, Costs* costs, PlainAccount* account) {
    const uint64_t first = next_;
    for (; next_ < first + events; next_ += load_.events_a_batch) {
      if (!RunBatch(next_, costs, account)) return false;
    }
    return true;
  }

  bool Rest() {
    if (Failed(store_->Flush())) return false;
    ComeToRest();
    return true;
  }

  static bool IsWrong(const char* what) {
    std::fprintf(stderr, "bench_step_time: a wrong answer: %s\n", what);
    return false;
  }

  router::StateSize size() const {
    std::vector<router::StateSize> by_rule(1);
    stepped_->rules().AddSizes(*task_, &by_rule);
    return by_rule[0];
  }

 private:
  const Load load_;
  state::StateResources resources_{state::StateLimits{}};
  std::unique_ptr<state::TaskStore> store_;
  std::unique_ptr<router::TaskSteps> task_;
  std::unique_ptr<router::Router> plain_;
  std::unique_ptr<router::Router> stepped_;
  std::vector<std::string> events_;
  std::vector<uint64_t> outputs_;
  uint64_t next_ = 0;
};

// On so few keys that all events can be looked at.
bool IsRight(const std::string& directory, Load load) {
  load.keys = kCheckedKeys;
  load.events_a_batch = std::min(load.events_a_batch, kCheckedEvents);
  Bench bench(load);
  PlainAccount account(load);
  Costs costs;
  if (!bench.Open(directory) || !bench.Run(kCheckedEvents, &costs, &account)) return false;
  if (load.kind->what != What::kClose) return true;
  // Every event is in as many windows as it has slides; a window may be open still.
  const uint64_t windows = load.kind->windows;
  const uint64_t open = static_cast<uint64_t>(load.span_ms());
  const bool is_right = costs.counted <= windows * kCheckedEvents &&
                        costs.counted + windows * open >= windows * kCheckedEvents;
  return is_right || Bench::IsWrong("windows that closed do not hold the events");
}

int Run(const std::string& directory, const Load& load, uint64_t events) {
  if (!IsRight(directory + ".checked", load)) return 1;
  Bench bench(load);
  Costs fill;
  if (!bench.Open(directory)) return 1;
  // All keys once, and as many events more.
  const uint64_t filled = load.is_dedup() ? load.keys : 2 * load.keys;
  if (!bench.Run(filled, &fill, nullptr) || !bench.Rest()) return 1;
  Costs costs;
  const int64_t others = OthersNs();
  if (!bench.Run(events, &costs, nullptr) || !bench.Rest()) return 1;
  const int64_t others_ns = OthersNs() - others;
  const auto each = [&](int64_t ns) {
    return static_cast<double>(ns) / static_cast<double>(events);
  };
  const router::StateSize size = bench.size();
  const int64_t added = costs.step_ns + costs.commit_ns + others_ns - costs.plain_ns;
  absl::PrintF(
      "{\"step\":\"%s\",\"keys\":%d,\"events\":%d,\"batch\":%d,\"plain_ns\":%.0f,\"step_ns\":%.0f,"
      "\"commit_ns\":%.0f,\"background_ns\":%.0f,\"added_ns\":%.0f,\"passed\":%d,"
      "\"state_entries\":%d,\"state_bytes\":%d}\n",
      std::string(load.kind->name), load.keys, events, load.events_a_batch, each(costs.plain_ns),
      each(costs.step_ns), each(costs.commit_ns), each(others_ns), each(added), costs.outputs,
      size.entries, size.bytes);
  return 0;
}

int Main(int argc, char** argv) {
  Load load;
  uint64_t events = 0;
  const std::string_view name = argc == 5 || argc == 6 ? argv[2] : "";
  const auto kind = std::find_if(kSteps.begin(), kSteps.end(),
                                 [&](const StepKind& each) { return each.name == name; });
  const bool is_right = kind != kSteps.end() && absl::SimpleAtoi(argv[3], &load.keys) &&
                        absl::SimpleAtoi(argv[4], &events) &&
                        (argc == 5 || absl::SimpleAtoi(argv[5], &load.events_a_batch)) &&
                        load.keys > 0 && events > 0 && load.events_a_batch > 0 &&
                        2 * load.keys % load.events_a_batch == 0 &&
                        events % load.events_a_batch == 0;
  if (!is_right) {
    std::fprintf(stderr,
                 "usage: bench_step_time DIRECTORY STEP KEYS EVENTS [BATCH] (2 KEYS and EVENTS are "
                 "multiples of BATCH, %d)\n",
                 static_cast<int>(kEventsABatch));
    for (const StepKind& each : kSteps) {
      std::fprintf(stderr, "  %.*s\n", static_cast<int>(each.name.size()), each.name.data());
    }
    return 2;
  }
  load.kind = kind;
  return Run(argv[1], load, events);
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) { return turnout::bench::Main(argc, argv); }
