// Counts what an event allocates, by an operator new of its own: a binary of its own.

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "router/router.h"

namespace {
// One thread, so a plain counter will do.
long allocations = 0;
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

TEST(Allocation, TheCounterCounts) {
  const long before = allocations;
  const auto text = std::make_unique<std::string>(100, 'x');
  EXPECT_EQ(allocations - before, 2);
}

}  // namespace
}  // namespace turnout::router
