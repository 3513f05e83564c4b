#include "runtime/demo_events.h"

#include <algorithm>
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace turnout::runtime {
namespace {

using Json = nlohmann::json;

constexpr int kMany = 10'000;
const absl::Time kNoon =
    absl::FromCivil(absl::CivilSecond(2026, 11, 20, 12, 0, 0), absl::UTCTimeZone());

Json Parse(const std::string& text) {
  return Json::parse(text, /*callback=*/nullptr, /*allow_exceptions=*/false);
}

TEST(DemoEvents, AreEqualForEqualSeedsAndDifferForOthers) {
  DemoEvents first(7), second(7), other(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const DemoEvent event = first.Next(kNoon);
    const DemoEvent same = second.Next(kNoon);
    EXPECT_EQ(event.value, same.value);
    EXPECT_EQ(event.key, same.key);
    differs = differs || other.Next(kNoon).value != event.value;
  }
  EXPECT_TRUE(differs);
}

TEST(DemoEvents, HaveTheFieldsThatTheirTypePromises) {
  const std::map<std::string, std::vector<std::string>> promised = {
      {"account.created", {"customer", "client"}},
      {"cart.abandoned", {"customer", "client", "cart"}},
      {"order.created", {"customer", "client", "order"}},
      {"order.cancelled", {"customer", "order"}},
      {"payment.authorized", {"customer", "client", "payment"}},
      {"payment.declined", {"customer", "client", "payment"}},
      {"shipment.created", {"shipment"}},
      {"shipment.delayed", {"shipment"}},
      {"shipment.delivered", {"shipment"}},
      {"inventory.changed", {"inventory"}},
      {"page.viewed", {"client", "page"}}};
  DemoEvents events(1);
  std::map<std::string, int> seen;
  for (int i = 0; i < kMany; ++i) {
    const DemoEvent event = events.Next(kNoon);
    if (!event.readable) continue;
    const Json json = Parse(event.value);
    ASSERT_TRUE(json.is_object()) << event.value;
    const std::string type = json["type"];
    ASSERT_TRUE(promised.contains(type)) << event.value;
    for (const std::string& field : promised.at(type)) {
      ASSERT_TRUE(json.contains(field)) << field << " in " << event.value;
    }
    EXPECT_EQ(json["time"], "2026-11-20T12:00:00.000Z");
    EXPECT_TRUE(json.contains("region") || type == "cart.abandoned") << event.value;
    EXPECT_LT(event.value.size(), 1024u);
    ++seen[type];
  }
  EXPECT_EQ(seen.size(), promised.size());
}

TEST(DemoEvents, AreKeyedByCustomerOrderOrStockUnit) {
  DemoEvents events(2);
  int guests = 0;
  for (int i = 0; i < kMany; ++i) {
    const DemoEvent event = events.Next(kNoon);
    if (!event.readable) continue;
    const Json json = Parse(event.value);
    if (json["type"] == "inventory.changed") {
      EXPECT_EQ(json["inventory"]["sku"], event.key);
    } else if (json.contains("customer") && json["customer"].contains("id")) {
      EXPECT_EQ(json["customer"]["id"], event.key);
    } else if (json.contains("customer")) {
      EXPECT_EQ(json["order"]["id"], event.key);
      ++guests;
    }
  }
  EXPECT_GT(guests, 0);
}

TEST(DemoEvents, CarryTheGatewaysVerdictOnPaymentsOnly) {
  DemoEvents events(3);
  for (int i = 0; i < kMany; ++i) {
    const DemoEvent event = events.Next(kNoon);
    const bool verdict =
        std::any_of(event.headers.begin(), event.headers.end(),
                    [](const auto& header) { return header.first == "risk-verdict"; });
    ASSERT_EQ(event.headers.front().first, "source");
    EXPECT_EQ(verdict, event.headers.front().second == "payments");
  }
}

TEST(DemoEvents, CannotBeReadNowAndThen) {
  DemoEvents events(1);
  int unreadable = 0, empty = 0;
  for (int i = 0; i < kMany; ++i) {
    const DemoEvent event = events.Next(kNoon);
    EXPECT_EQ(Parse(event.value).is_object(), event.readable) << event.value;
    if (!event.readable) ++unreadable;
    if (event.value.empty()) ++empty;
  }
  EXPECT_NEAR(unreadable, kMany / 500, kMany / 1000);
  EXPECT_GT(empty, 0);
}

TEST(DemoEvents, LoseACartsRegionNowAndThen) {
  DemoEvents events(1);
  int lost = 0;
  for (int i = 0; i < kMany; ++i) {
    const DemoEvent event = events.Next(kNoon);
    if (event.readable && !Parse(event.value).contains("region")) ++lost;
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, kMany / 200);
}

}  // namespace
}  // namespace turnout::runtime
