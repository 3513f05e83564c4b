// Holds the quickstart's rules to what its README says of its example events.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/router.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class QuickstartRules : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<Team> teams;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "rules")) {
      if (entry.path().stem().extension() == ".test") continue;
      std::vector<Problem> problems;
      auto file = ReadRuleFile(entry.path().string(), ReadAll(entry.path()), {}, &problems);
      ASSERT_TRUE(file.has_value()) << entry.path() << ": " << problems[0].what;
      teams.push_back(std::make_shared<const RuleFile>(*std::move(file)));
    }
    router_ = std::make_unique<Router>(RuleSet::Build(std::move(teams)));
    ReadExamples();
  }

  std::vector<std::string> Matched(const Event& event) {
    const Routes& routes = router_->Route(event);
    EXPECT_TRUE(routes.payload_error.ok()) << routes.payload_error;
    std::vector<std::string> ids;
    for (const RuleIndex rule : routes.matched) ids.emplace_back(router_->rules().rules()[rule].id);
    return ids;
  }

  std::unique_ptr<Router> router_;
  std::vector<std::string> examples_;  // of the README, in its order

 private:
  // Each example begins a line with `{"id"`, within a fenced block.
  void ReadExamples() {
    const std::string text = ReadAll(directory_ / "README.md");
    constexpr std::string_view kStart = "\n{\"id\"";
    for (size_t at = text.find(kStart); at != std::string::npos;) {
      const size_t next = text.find(kStart, at + 1);
      const size_t end = std::min(text.find("\n```", at), next);
      examples_.push_back(text.substr(at, end - at));
      at = next;
    }
  }

  const std::filesystem::path directory_ =
      std::filesystem::path(TURNOUT_SOURCE_DIR) / "deploy/examples/quickstart";
};

TEST_F(QuickstartRules, MatchTheExamplesAsTheReadmeSays) {
  ASSERT_THAT(examples_, SizeIs(6));
  EXPECT_THAT(Matched({.value = examples_[0]}),
              ElementsAre("fraud/gift-card-bulk", "fulfillment/cold-chain", "growth/first-order",
                          "growth/referral", "growth/summer-campaign"));
  EXPECT_THAT(Matched({.value = examples_[1]}),
              ElementsAre("fraud/anonymizing-network", "fraud/card-testing"));
  const std::vector<Header> headers = {{"source", "payments"}, {"risk-verdict", "block"}};
  EXPECT_THAT(Matched({.value = examples_[1], .headers = headers}),
              ElementsAre("fraud/anonymizing-network", "fraud/card-testing",
                          "fraud/gateway-verdict"));
  EXPECT_THAT(Matched({.value = examples_[2]}),
              ElementsAre("fulfillment/carrier-exception", "fulfillment/shipment-delayed"));
  EXPECT_THAT(Matched({.value = examples_[3]}), ElementsAre("fulfillment/low-stock"));
  EXPECT_THAT(Matched({.value = examples_[4]}), IsEmpty());
}

TEST_F(QuickstartRules, SendAShipmentToItsCarriersTopicOnce) {
  const Routes& routes = router_->Route({.value = examples_[2]});
  std::vector<std::string> topics;
  for (const Output& output : routes.outputs) {
    topics.push_back(std::string(output.destination) + " <- " + std::string(output.rule_ids));
  }
  EXPECT_THAT(topics, ElementsAre("fulfillment.carrier.northline <- fulfillment/carrier-exception,"
                                  "fulfillment/shipment-delayed",
                                  "fulfillment.delays <- fulfillment/shipment-delayed"));
}

TEST_F(QuickstartRules, MakeALoyalOrderARow) {
  ASSERT_THAT(examples_, SizeIs(6));
  const Routes& routes = router_->Route(
      {.value = R"({"id": "e-000022", "type": "order.created", "region": "eu-west",
                    "customer": {"id": "c-7", "email": "a@example.org", "tier": "gold"},
                    "order": {"id": "o-778103", "total": 99.90, "items": [{"sku": "BK-1"}]}})"});
  ASSERT_THAT(routes.outputs, SizeIs(1));
  EXPECT_EQ(routes.outputs[0].destination, "growth.loyalty");
  EXPECT_EQ(routes.outputs[0].key, "c-7");
  EXPECT_EQ(routes.outputs[0].value, examples_[5].substr(1));  // behind a newline
}

// What each rule is for, by an event that it wants and one that it just doesn't.
TEST_F(QuickstartRules, EachDrawItsLine) {
  struct Case {
    const char* rule;
    const char* wanted;
    const char* unwanted;
  };
  constexpr Case kCases[] = {
      {"fraud/card-testing",
       R"({"type": "payment.declined", "payment": {"amount": 1.99, "decline_reason": "x"}})",
       R"({"type": "payment.declined", "payment": {"amount": 1, )"
       R"("decline_reason": "expired_card"}})"},
      {"fraud/large-order-of-new-account",
       R"({"type": "order.created", "customer": {"account_age_days": 7}, "order": {"total": 1e3}})",
       R"({"type": "order.created", "customer": {"account_age_days": 8}, )"
       R"("order": {"total": 1e3}})"},
      {"fraud/gift-card-bulk",
       R"({"type": "order.created", "order": {"items": [{"sku": "GIFT-1", "quantity": 5}]}})",
       R"({"type": "order.created", "order": {"items": [{"sku": "GIFT-1", "quantity": 1},
                                                        {"sku": "BK-1", "quantity": 5}]}})"},
      {"fraud/anonymizing-network",
       R"({"type": "payment.authorized", "client": {"ip": "2001:DB8:BAD::1"}})",
       R"({"type": "payment.authorized", "client": {"ip": "2001:db8:bae::1"}})"},
      {"fraud/throwaway-mailbox",
       R"({"type": "account.created", "customer": {"email": "a@TenMinutes.Invalid"}})",
       R"({"type": "account.created", "customer": {"email": "a@tenminutes.invalid.org"}})"},
      {"growth/abandoned-cart",
       R"({"type": "cart.abandoned", "cart": {"value": 20.01},
           "customer": {"marketing_opt_in": true, "email": "a@example.org"}})",
       R"({"type": "cart.abandoned", "cart": {"value": 20.01},
           "customer": {"marketing_opt_in": false, "email": "a@example.org"}})"},
      {"growth/loyal-customer",
       R"({"type": "order.created", "customer": {"tier": "gold"}, "order": {"total": 50.5}})",
       R"({"type": "order.created", "customer": {"tier": "gold"}, "order": {"total": 50}})"},
      {"growth/referral",
       R"({"type": "order.created", "order": {"coupon": "FRIEND-1"}})",
       R"({"type": "order.created", "client": {"referrer": "https://partner.example/"}})"},
      {"growth/guest-checkout",
       R"({"type": "order.created", "customer": {}, "order": {"id": "o-1"}})",
       R"({"type": "order.created", "customer": {"id": "c-1"}, "order": {"id": "o-1"}})"},
      {"fulfillment/express-abroad",
       R"({"type": "order.created", "order": {"shipping": {"method": "express", )"
       R"("country": "US"}}})",
       R"({"type": "order.created", "order": {"shipping": {"method": "express", )"
       R"("country": "NL"}}})"},
      {"fulfillment/low-stock",
       R"({"type": "inventory.changed", "inventory": {"sku": "A", "on_hand": 0}})",
       R"({"type": "inventory.changed", "inventory": {"sku": "TEST-A", "on_hand": 0}})"},
      {"fulfillment/cancelled-before-shipping",
       R"({"type": "order.cancelled", "order": {"id": "o", "shipped_at": null}})",
       R"({"type": "order.cancelled", "order": {"id": "o", "shipped_at": "2026-03-02"}})"},
  };
  for (const Case& c : kCases) {
    EXPECT_THAT(Matched({.value = c.wanted}), ::testing::Contains(c.rule)) << c.wanted;
    EXPECT_THAT(Matched({.value = c.unwanted}), ::testing::Not(::testing::Contains(c.rule)))
        << c.unwanted;
  }
}

}  // namespace
}  // namespace turnout::router
