// bench_shape_time: what a rule's `shape` adds to routing an event (Google Benchmark).
//
//   bench_shape_time [--benchmark_...]
//
// One event of about a kilobyte, one rule that matches it; the floor is the same rule without a
// shape, in the same run. Each answer is checked before anything is timed; a wrong one is reported
// in place of a figure. Time is the thread's CPU time.

#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/router.h"

namespace turnout::bench {
namespace {

constexpr std::string_view kEvent =
    R"({"id": "e-5021133", "type": "order.created", "time": "2026-03-02T09:14:07Z", )"
    R"("region": "eu-west", "customer": {"id": "c-10231", "email": "ada@example.org", )"
    R"("tier": "gold", "account_age_days": 812, "orders_before": 14, "marketing_opt_in": true}, )"
    R"("client": {"ip": "198.51.100.23", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) )"
    R"(AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", )"
    R"("referrer": "https://deals.partner.example/shoes"}, "order": {"id": "o-778101", )"
    R"("total": 720.50, "currency": "EUR", "coupon": null, "items": [)"
    R"({"sku": "GIFT-50", "category": "gifts", "quantity": 2, "price": 50.00}, )"
    R"({"sku": "BK-10442", "category": "books", "quantity": 1, "price": 24.90}, )"
    R"({"sku": "GD-2201", "category": "garden", "quantity": 3, "price": 98.50}, )"
    R"({"sku": "FZ-0094", "category": "frozen", "quantity": 5, "price": 60.02}], )"
    R"("shipping": {"method": "express", "country": "NL", "postal_code": "1012 AB"}}})";

struct Work {
  const char* name;
  std::string_view shape;   // empty: none
  std::string_view begins;  // what the output begins with
};

constexpr Work kWorks[] = {
    {"none", "", R"({"id": "e-5021133", "type")"},
    {"keep_4", "{keep: [id, type, customer.id, order.total]}",
     R"({"id":"e-5021133","type":"order.created","customer":{"id":"c-10231"},"order":{"total")"},
    {"drop_1", "{drop: [customer.email]}", R"({"id":"e-5021133","type":"order.created","time")"},
    {"drop_in_array", "{drop: [order.items.price]}", R"({"id":"e-5021133","type")"},
    {"rename_2", "{rename: {type: kind, order.items.sku: order.items.article}}",
     R"({"id":"e-5021133","kind":"order.created")"},
    {"set_3", "{set: {source: shop, label: '{customer.id}-{region}', delivery: {field: "
              "order.shipping}}}",
     R"({"id":"e-5021133","type")"},
    {"flatten", "{flatten: true}", R"({"id":"e-5021133","type":"order.created","time")"},
    {"row", "{keep: [id, customer.id, customer.tier, order.id, order.total], set: {program: "
            "loyalty}, flatten: true}",
     R"({"id":"e-5021133","customer_id":"c-10231","customer_tier":"gold","order_id":"o-778101",)"
     R"("order_total":720.50,"program":"loyalty"})"},
};

std::shared_ptr<const router::RuleSet> RulesOf(const Work& work) {
  std::string text =
      "team: t\ndestinations: [t]\nrules:\n"
      "  - {name: r, match: {type: [order.created]}, to: t";
  if (!work.shape.empty()) text.append(", shape: ").append(work.shape);
  text += "}\n";
  std::vector<router::Problem> problems;
  std::optional<router::RuleFile> file = router::ReadRuleFile("t.yaml", text, {}, &problems);
  if (!file.has_value()) return nullptr;
  return router::RuleSet::Build({std::make_shared<const router::RuleFile>(*std::move(file))});
}

void ShapeEvent(benchmark::State& state, const Work& work) {
  const auto rules = RulesOf(work);
  if (rules == nullptr) return state.SkipWithError("the rule is refused");
  router::Router router(rules);
  const router::Event event{.value = kEvent};
  const router::Routes& first = router.Route(event);
  const bool right = first.outputs.size() == 1 &&
                     first.outputs[0].value.substr(0, work.begins.size()) == work.begins;
  if (!right) return state.SkipWithError("the answer is wrong");
  state.counters["output_bytes"] = static_cast<double>(first.outputs[0].value.size());
  for (auto _ : state) benchmark::DoNotOptimize(router.Route(event).outputs.data());
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const auto& work : turnout::bench::kWorks) {
    benchmark::RegisterBenchmark(work.name, [&work](benchmark::State& state) {
      turnout::bench::ShapeEvent(state, work);
    });
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
