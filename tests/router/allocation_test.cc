// Counts what an event allocates, by an operator new of its own: a binary of its own.

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "router/router.h"
#include "state/state_resources.h"
#include "state/task_state.h"
#include "state/task_store.h"
#include "tests/support/temp_directory.h"

namespace {
// RocksDB's threads have counts of their own.
thread_local long allocations = 0;
}  // namespace

// Kept out of line: inlined into their callers, malloc and free look mismatched to g++'s warnings.
[[gnu::noinline]] void* operator new(size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace turnout::router {
namespace {

constexpr std::string_view kRules = R"(
team: t
destinations: [t.*]
rules:
  - {name: all, match: {type: [{prefix: order.}]}, to: [t.all, t.more]}
  - {name: again, match: {type: [{wildcard: "*.created"}]}, to: t.all, key: customer.id}
  - {name: amount, match: {order: {total: [{numeric: [">", 10]}]}}, to: "t.by.{region}"}
  - {name: other, match: {order: {items: {sku: [{anything-but: A}]}}}, to: "t.by.{region}"}
  - name: extensions
    match:
      type: [{all-of: [{prefix: order, length: [">", 3]}, {regex: '^order[.](cre|cancel)'}]}]
      at: [{exists: false}, {timestamp: [">=", 2026-01-01]}]
      region: [{wildcard: {equals-ignore-case: "*U*"}}]
    to: t.extensions
  - name: shaped
    match: {type: [{prefix: order.}]}
    steps: [{sample: {key: type, percent: 100}}, {sample: {key: region, percent: 100}}]
    shape:
      keep: [type, order, customer.id, "a.b"]
      drop: [order.items.price]
      rename: {order.items.sku: order.items.code, a.b: a.c, customer.id: who}
      set: {label: "{type}-{region}", all: {field: order}, meta.source: a constant text}
      flatten: true
    to: t.shaped
  - name: shaped-record
    match: {$kafka: {headers: {source: [web]}}}
    shape: {drop: [a]}
    to: t.web
  - {name: header, match: {$kafka: {headers: {source: [web]}}}, to: t.web}
  - {name: part, match: {type: [{prefix: order.}]}, to: t.all, rollout: {percent: 50}}
  - {name: none, match: {type: [{prefix: order.}]}, to: t.all, rollout: {percent: 0}}
  - name: dark
    match: {type: [{prefix: order.}]}
    shape: {keep: [type]}
    to: ["t.by.{region}", t.all]
    key: customer.id
    rollout: {mode: shadow}
)";

TEST(Allocation, RoutingAllocatesNothingOnceWarm) {
  std::vector<Problem> problems;
  std::optional<RuleFile> file = ReadRuleFile("rules.yaml", kRules, {}, &problems);
  ASSERT_TRUE(file.has_value());
  Router router(RuleSet::Build({std::make_shared<const RuleFile>(*std::move(file))}));
  const std::vector<Header> headers = {{"source", "web"}, {"other", "x"}};
  const std::vector<std::string> values = {
      R"({"type": "order.created", "at": "2026-01-01T00:00:00Z", "region": "eu",)"
      R"( "customer": {"id": "c-1"},)"
      R"( "a.b": 1, "a\u002eb": 2,)"
      R"( "order": {"total": 12.5, "items": [{"sku": "A", "price": 1}, {"sku": "B\u00e9"}]}})",
      R"({"type": "order.created", "order": {"total": 12.5}})",  // rejections
      R"({"type": "page.viewed", "page": {"path": "/a"}})",
      R"({"type": "order.cancelled", "region": "us", "order": {"total": 5, "items": []}})",
  };
  const auto route_all = [&] {
    size_t routed = 0;
    for (const std::string& value : values) {
      const Event event{.value = value, .key = "k", .topic = "in", .headers = headers};
      const Routes& routes = router.Route(event);
      routed += routes.outputs.size() + routes.rejections.size();
    }
    return routed;
  };
  for (int warming = 0; warming < 3; ++warming) EXPECT_GT(route_all(), 10U);
  const long before = allocations;
  for (int i = 0; i < 10; ++i) route_all();
  EXPECT_EQ(allocations - before, 0);
}

constexpr std::string_view kCloudRules = R"(
team: t
destinations: [t.*]
rules:
  - name: all
    match: {type: [{prefix: order.}], source: [{suffix: eu}]}
    to: [t.all, "t.by.{tenant}"]
  - name: total
    match: {data: {total: [{numeric: [">", 10]}]}}
    to: t.total
    key: data.customer.id
  - {name: shaped, match: {type: [order.created]}, shape: {keep: [type, data.total]}, to: t.shaped}
  - {name: masked, match: {subject: [{exists: true}]}, shape: {drop: [data.customer]}, to: t.masked}
)";

TEST(Allocation, CloudEventsInBinaryModeAllocateNothingOnceWarm) {
  std::vector<Problem> problems;
  std::optional<RuleFile> file = ReadRuleFile("rules.yaml", kCloudRules, {}, &problems);
  ASSERT_TRUE(file.has_value());
  Router router(
      RuleSet::Build({std::make_shared<const RuleFile>(*std::move(file))}, {.cloud_events = true}));
  std::vector<Header> headers = {{"ce_specversion", "1.0"},
                                 {"ce_id", "e-1"},
                                 {"ce_source", "/shop/\xc3\xa9/eu"},
                                 {"ce_subject", "s"},
                                 {"ce_tenant", "acme"},
                                 {"ce_type", "order.created"},
                                 {"trace", "t"}};
  const std::vector<std::string> values = {
      R"({"total": 12.5, "customer": {"id": "c-\u0031"}, "items": [{"sku": "A"}, {"sku": "B"}]})",
      R"([{"total": 12.5}, {"total": 3, "customer": {"id": "c-2"}}])", R"("t\u0061xt")", ""};
  const auto route_all = [&] {
    size_t routed = 0;
    for (const std::string_view type : {"application/json", "application/xml"}) {
      headers.back() = {"content-type", type};
      for (const std::string& value : values) {
        const Routes& routes =
            router.Route({.value = value, .key = "k", .topic = "in", .headers = headers});
        EXPECT_TRUE(routes.payload_error.ok());
        routed += routes.outputs.size() + routes.rejections.size();
      }
    }
    return routed;
  };
  for (int warming = 0; warming < 3; ++warming) EXPECT_GT(route_all(), 30U);
  const long before = allocations;
  for (int i = 0; i < 10; ++i) route_all();
  EXPECT_EQ(allocations - before, 0);
}

// Keeps entries in the memory that they had before.
class WarmState : public state::TaskState {
 public:
  const state::StatePoint& point() const override { return point_; }
  absl::StatusOr<bool> Get(state::StepId step, std::string_view key, std::string* value) override {
    const Entry* entry = Find(step, key);
    if (entry == nullptr || entry->expires_at_ms <= watermark_ms_) return false;
    value->assign(entry->value);
    return true;
  }
  void Put(state::StepId step, std::string_view key, std::string_view value,
           int64_t expires_at_ms) override {
    Entry* entry = Find(step, key);
    if (entry == nullptr) entry = FindFree();
    if (entry == nullptr) {
      entry = &entries_.emplace_back();
      entry->key.reserve(64);
      entry->value.reserve(8192);
    }
    entry->step = step;
    entry->key.assign(key);
    entry->value.assign(value);
    entry->expires_at_ms = expires_at_ms;
  }
  void Delete(state::StepId step, std::string_view key) override {
    Entry* entry = Find(step, key);
    if (entry != nullptr) entry->expires_at_ms = state::kNoWatermark;
  }
  absl::Status Scan(state::StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override {
    // Few entries: the next one in order is looked for each time.
    const Entry* last = nullptr;
    while (true) {
      const Entry* next = nullptr;
      for (const Entry& entry : entries_) {
        if (entry.step != step || entry.key < from || (!to.empty() && entry.key >= to)) continue;
        if (entry.expires_at_ms <= watermark_ms_) continue;
        if (last != nullptr && entry.key <= last->key) continue;
        if (next == nullptr || entry.key < next->key) next = &entry;
      }
      if (next == nullptr || !visit(next->key, next->value)) return absl::OkStatus();
      last = next;
    }
  }
  void AdvanceWatermark(int64_t event_time_ms) override {
    watermark_ms_ = std::max(watermark_ms_, event_time_ms);
  }
  int64_t watermark_ms() const override { return watermark_ms_; }
  absl::Status Retain(absl::Span<const state::StepId>) override { return absl::OkStatus(); }
  size_t pending_bytes() const override { return 0; }
  void Seal() override {}
  absl::Status Commit(int64_t, std::string_view) override { return absl::OkStatus(); }
  void Rollback() override {}
  void GoOnIn(std::string_view) override {}

 private:
  struct Entry {
    state::StepId step = 0;
    std::string key;
    std::string value;
    int64_t expires_at_ms = 0;
  };
  Entry* Find(state::StepId step, std::string_view key) {
    for (Entry& entry : entries_) {
      if (entry.step == step && entry.key == key) return &entry;
    }
    return nullptr;
  }

  // One that nobody sees any more.
  Entry* FindFree() {
    for (Entry& entry : entries_) {
      if (entry.expires_at_ms <= watermark_ms_) return &entry;
    }
    return nullptr;
  }

  std::vector<Entry> entries_;
  state::StatePoint point_;
  int64_t watermark_ms_ = state::kNoWatermark;
};

TEST(Allocation, StepsThatRememberAllocateNothingOnceWarm) {
  constexpr std::string_view kStepRules = R"(
team: t
destinations: [t.*]
rules:
  - {name: dedup, match: {type: [a]}, steps: [{dedup: {key: k, for: 1s}}], to: t.a}
  - {name: throttle, match: {type: [a]}, steps: [{throttle: {key: k, limit: 2, per: 1s}}], to: t.a}
  - name: thresholds
    match: {type: [a]}
    steps:
      - threshold: {key: k, count: 3, within: 1m, emit: every}
      - threshold: {key: k, distinct: v, at_least: 1, within: 1m, emit: every}
      - threshold: {key: k, sum: v, at_least: 1, within: 1m, emit: every}
    to: t.a
  - name: windows
    match: {type: [a]}
    steps:
      - aggregate:
          key: k
          window: 4s
          slide: 1s
          fields: {n: count, s: {sum: v}, m: {min: v}, a: {avg: v}, d: {distinct: v}}
    to: [t.a, t.b]
  - name: every
    match: {type: [a]}
    steps: [{aggregate: {key: k, window: 2s, slide: 1s, emit: every, fields: {d: {distinct: v}}}}]
    to: t.a
  - {name: rejects, match: {type: [a]}, steps: [{dedup: {key: none, for: 1s}}], to: t.a}
  - name: dark
    match: {type: [a]}
    steps: [{aggregate: {key: k, window: 2s, slide: 1s, fields: {n: count}}}]
    to: t.a
    rollout: {mode: shadow, percent: 70}
)";
  std::vector<Problem> problems;
  std::optional<RuleFile> file = ReadRuleFile("rules.yaml", kStepRules, {}, &problems);
  ASSERT_TRUE(file.has_value()) << problems[0].what;
  Router router(RuleSet::Build(
      {std::make_shared<const RuleFile>(*std::move(file))},
      {.partitioned_by = std::string(kOnePartition), .time_field = "at", .lateness_ms = 500}));
  WarmState state;
  TaskSteps task(&state);
  std::vector<std::string> values;
  for (int i = 0; i < 400; ++i) {
    values.push_back(R"({"type": "a", "k": "key)" + std::to_string(i % 3) + R"(", "v": )" +
                     std::to_string(1'000 + i % 100) + R"(.5, "at": "no time"})");
  }
  int64_t now_ms = 1'795'640'400'000;
  size_t windows = 0;
  const auto route_all = [&] {
    for (const std::string& value : values) {
      now_ms += 50;
      const Routes& routes = router.Route({.value = value, .timestamp_ms = now_ms}, &task);
      ASSERT_TRUE(routes.state_error.ok()) << routes.state_error;
      for (const Output& output : routes.outputs) windows += output.window_end_ms ? 1 : 0;
    }
  };
  for (int warming = 0; warming < 5; ++warming) route_all();
  EXPECT_GT(windows, 100U);
  const long before = allocations;
  route_all();
  EXPECT_EQ(allocations - before, 0);
}

// What a scan allocates that visits one entry while so many wait.
long AllocationsOfAScan(int pending) {
  const support::TempDirectory directory;
  state::StateResources resources{state::StateLimits{}};
  auto store = state::TaskStore::Create(directory.path() + "/store", &resources, 0);
  EXPECT_TRUE(store.ok()) << store.status();
  const auto scan = [&] {
    int visited = 0;
    const auto visit = [&](std::string_view, std::string_view) { return ++visited < 1; };
    EXPECT_TRUE((*store)->Scan(1, {}, {}, visit).ok());
    EXPECT_EQ(visited, 1);
  };
  for (int i = 0; i < pending; ++i) {
    (*store)->Put(1, std::to_string(i), "value", state::kNeverExpires);
    if (i == 0) scan();
  }
  const long before = allocations;
  scan();
  return allocations - before;
}

TEST(Allocation, AScanCostsTheSameHoweverMuchIsPending) {
  EXPECT_EQ(AllocationsOfAScan(10'000), AllocationsOfAScan(10));
}

TEST(Allocation, TheCounterCounts) {
  const long before = allocations;
  const auto text = std::make_unique<std::string>(100, 'x');
  EXPECT_EQ(allocations - before, 2);
}

}  // namespace
}  // namespace turnout::router
