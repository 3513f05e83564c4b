#include "runtime/demo_events.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace turnout::runtime {
namespace {

using Choices = std::array<std::string_view, 8>;

struct TypeShare {
  std::string_view type;
  std::string_view source;
  uint64_t per_mille;
};

constexpr std::array<TypeShare, 11> kTypes = {{
    {"page.viewed", "storefront", 360},
    {"order.created", "storefront", 170},
    {"payment.authorized", "payments", 130},
    {"inventory.changed", "warehouse", 100},
    {"cart.abandoned", "storefront", 70},
    {"shipment.created", "carrier-gateway", 55},
    {"shipment.delivered", "carrier-gateway", 45},
    {"payment.declined", "payments", 30},
    {"account.created", "storefront", 20},
    {"shipment.delayed", "carrier-gateway", 12},
    {"order.cancelled", "storefront", 8},
}};

constexpr std::array<std::string_view, 5> kRegions = {"eu-west", "eu-north", "us-east", "us-west",
                                                      "apac"};
constexpr Choices kTiers = {"basic",  "basic",  "basic", "basic",
                            "silver", "silver", "gold",  "platinum"};
constexpr Choices kMailHosts = {"example.org", "example.org", "example.com", "example.com",
                                "example.net", "example.net", "post.example", "school.example"};
constexpr std::array<std::string_view, 4> kAgents = {
    "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)",
    "Mozilla/5.0 (Linux; Android 15)", "ShopApp/7.2"};
constexpr Choices kPaths = {"/",          "/search",       "/books",  "/books/new",
                            "/garden",    "/garden/roses", "/offers", "/help/returns"};
constexpr std::array<std::string_view, 5> kCategories = {"frozen", "chilled", "books", "garden",
                                                         "gifts"};
constexpr std::array<std::string_view, 5> kSkuPrefixes = {"FZ", "CH", "BK", "GD", "GIFT"};
constexpr Choices kCountries = {"DE", "DE", "FR", "FR", "NL", "US", "CH", "GB"};
constexpr std::array<std::string_view, 3> kBrands = {"visa", "mastercard", "amex"};
constexpr Choices kDeclineReasons = {
    "insufficient_funds", "insufficient_funds", "insufficient_funds", "expired_card",
    "expired_card",       "do_not_honor",       "invalid_cvc",        "suspected_fraud"};
constexpr std::array<std::string_view, 3> kCarriers = {"parcelpost", "swiftship", "northline"};

constexpr uint64_t kCustomers = 5'000;

std::string Money(uint64_t cents) { return absl::StrFormat("%d.%02d", cents / 100, cents % 100); }

const TypeShare& TypeAt(uint64_t per_mille) {
  for (const TypeShare& share : kTypes) {
    if (per_mille < share.per_mille) return share;
    per_mille -= share.per_mille;
  }
  return kTypes.back();
}

}  // namespace

// Who acts in one event.
struct DemoEvents::Shopper {
  uint64_t number = 0;
  bool guest = false;   // has bought without an account
  bool tester = false;  // tries stolen cards out
};

DemoEvents::DemoEvents(uint64_t seed) : random_(seed) {}

std::string_view DemoEvents::OneOf(absl::Span<const std::string_view> choices) {
  return choices[Below(choices.size())];
}

DemoEvent DemoEvents::Next(absl::Time time) {
  const TypeShare& share = TypeAt(Below(1000));
  const std::string_view type = share.type;
  const uint64_t number = ++count_;
  Shopper shopper = NewShopper();
  shopper.guest = type == "order.created" && OneIn(30);
  shopper.tester = type == "payment.declined" && OneIn(3);

  DemoEvent event;
  event.key = absl::StrFormat("c-%05d", shopper.number);
  event.headers.emplace_back("source", share.source);
  std::string body;
  if (type == "page.viewed") {
    body = absl::StrFormat(R"("page":{"path":"%s"},%s)", OneOf(kPaths), Client(shopper));
  } else if (type == "inventory.changed") {
    body = Inventory(&event.key);
  } else if (type == "order.cancelled") {
    body = absl::StrCat(CancelledOrder(), ",", Customer(shopper));
  } else if (type.substr(0, 9) == "shipment.") {
    body = Shipment(type);
  } else {
    if (type == "cart.abandoned") body = absl::StrCat(Cart(), ",");
    if (type == "order.created") {
      if (shopper.guest) event.key = absl::StrFormat("o-%06d", number);
      body = absl::StrCat(Order(), ",");
    }
    absl::StrAppend(&body, Customer(shopper), ",", Client(shopper));
    if (share.source == "payments") {
      body = absl::StrCat(Payment(type == "payment.declined", shopper.tester), ",", body);
      event.headers.emplace_back("risk-verdict", shopper.tester ? (OneIn(3) ? "challenge" : "block")
                                                 : OneIn(200)   ? "challenge"
                                                                : "pass");
    }
  }
  const bool nowhere = type == "cart.abandoned" && OneIn(100);
  // What tells events apart comes first, so that a line cut to a terminal's width shows it.
  event.value = absl::StrFormat(
      R"({"type":"%s",%s,%s"id":"e-%06d","time":"%s"})", type, body,
      nowhere ? ""
              : absl::StrFormat(R"("region":"%s",)", kRegions[shopper.number % kRegions.size()]),
      number, absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()));
  if (OneIn(500)) {
    event.value = Spoil(std::move(event.value));
    event.readable = false;
  }
  return event;
}

DemoEvents::Shopper DemoEvents::NewShopper() { return {.number = 10'000 + Below(kCustomers)}; }

std::string DemoEvents::Customer(const Shopper& shopper) {
  const bool throwaway = OneIn(shopper.tester ? 2 : 100);
  const std::string email =
      OneIn(12) && !throwaway
          ? ""
          : absl::StrFormat(R"("email":"u%d@%s",)", shopper.number,
                            !throwaway ? OneOf(kMailHosts)
                            : OneIn(2) ? "mailbox.invalid"
                                       : "TenMinutes.invalid");
  if (shopper.guest) return absl::StrFormat(R"("customer":{%s"tier":"basic"})", email);
  // New accounts have not bought yet; the others have, about once in two months.
  const uint64_t age_days = shopper.tester || OneIn(9) ? Below(10) : 10 + Below(2000);
  return absl::StrFormat(
      R"("customer":{"id":"c-%05d",%s"tier":"%s","account_age_days":%d,"orders_before":%d,)"
      R"("marketing_opt_in":%s})",
      shopper.number, email, kTiers[shopper.number % kTiers.size()], age_days, age_days / 60,
      OneIn(3) ? "true" : "false");
}

std::string DemoEvents::Client(const Shopper& shopper) {
  std::string ip = absl::StrFormat("198.51.100.%d", Below(256));
  if (OneIn(5)) ip = absl::StrFormat("2001:db8:%x::%x", 1 + Below(9), 1 + Below(0xfffe));
  if (shopper.tester || OneIn(250)) {
    ip = OneIn(2) ? absl::StrFormat("203.0.113.%d", Below(256))
                  : absl::StrFormat("2001:db8:bad::%x", 1 + Below(0xfffe));
  }
  return absl::StrFormat(R"("client":{"ip":"%s","user_agent":"%s","referrer":%s})", ip,
                         shopper.tester ? "curl/8.5" : OneOf(kAgents),
                         OneIn(15)  ? R"("https://deals.partner.example/garden")"
                         : OneIn(3) ? R"("https://search.example/?q=roses")"
                                    : "null");
}

std::string DemoEvents::Cart() {
  const uint64_t items = 1 + Below(6);
  return absl::StrFormat(R"("cart":{"id":"k-%06d","value":%s,"items":%d})", Below(1'000'000),
                         Money(items * (300 + Below(2500))), items);
}

std::string DemoEvents::Order() {
  std::vector<std::string> items;
  uint64_t total_cents = 0;
  for (uint64_t n = 1 + Below(4); n > 0; --n) {
    const uint64_t category = OneIn(12) ? 4 : OneIn(7) ? Below(2) : 2 + Below(2);
    const uint64_t quantity = OneIn(10) ? 1 + Below(9) : 1 + Below(2);
    const uint64_t price_cents = category == 4 ? 5000 : OneIn(40) ? 50'000 + Below(50'000)
                                                                  : 199 + Below(4000);
    total_cents += quantity * price_cents;
    items.push_back(absl::StrFormat(R"({"sku":"%s-%s","category":"%s","quantity":%d,"price":%s})",
                                    kSkuPrefixes[category],
                                    category == 4 ? "50" : absl::StrCat(1000 + Below(9000)),
                                    kCategories[category], quantity, Money(price_cents)));
  }
  const std::string coupon = !OneIn(8)  ? "null"
                             : OneIn(3) ? absl::StrFormat(R"("FRIEND-%X")", 4096 + Below(60'000))
                             : OneIn(2) ? R"("SUMMER25")"
                                        : R"("summer-sale")";
  return absl::StrFormat(
      R"("order":{"id":"o-%06d","total":%s,"currency":"EUR","coupon":%s,"items":[%s],)"
      R"("shipping":{"method":"%s","country":"%s","postal_code":"%05d"}})",
      count_, Money(total_cents), coupon, absl::StrJoin(items, ","),
      OneIn(4) ? "express" : "standard", OneOf(kCountries), 10'000 + Below(89'999));
}

std::string DemoEvents::CancelledOrder() {
  return absl::StrFormat(R"("order":{"id":"o-%06d","total":%s%s})", Below(count_ + 1),
                         Money(500 + Below(20'000)),
                         OneIn(4)   ? ""
                         : OneIn(2) ? R"(,"shipped_at":null)"
                                    : R"(,"shipped_at":"2026-03-01T17:20:00Z")");
}

std::string DemoEvents::Payment(bool declined, bool tester) {
  // A card tester tries stolen numbers with amounts too small to be noticed.
  const uint64_t cents = tester ? 50 + Below(150) : 500 + Below(30'000);
  const std::string_view reason = tester ? "do_not_honor" : OneOf(kDeclineReasons);
  return absl::StrFormat(
      R"("payment":{"id":"p-%06d","order_id":"o-%06d","amount":%s,)"
      R"("card":{"fingerprint":"fp-%04x","brand":"%s","country":"%s"}%s})",
      count_, Below(count_ + 1), Money(cents), tester ? Below(24) : Below(0xffff), OneOf(kBrands),
      OneOf(kCountries),
      declined ? absl::StrFormat(R"(,"decline_reason":"%s")", reason) : std::string());
}

std::string DemoEvents::Shipment(std::string_view type) {
  std::string_view status = OneIn(2) ? "in_transit" : "out_for_delivery";
  std::string delay;
  if (type == "shipment.delivered") status = "delivered";
  if (type == "shipment.delayed") {
    if (OneIn(2)) status = OneIn(2) ? "EXCEPTION" : "Exception";
    delay = absl::StrCat(R"(,"delay_hours":)", 1 + Below(96));
  }
  return absl::StrFormat(
      R"("shipment":{"id":"s-%05d","order_id":"o-%06d","carrier":"%s","status":"%s"%s})",
      Below(100'000), Below(count_ + 1), OneOf(kCarriers), status, delay);
}

std::string DemoEvents::Inventory(std::string* key) {
  const uint64_t category = Below(4);
  *key = OneIn(25) ? absl::StrFormat("TEST-%d", Below(100))
                   : absl::StrFormat("%s-%d", kSkuPrefixes[category], 1000 + Below(9000));
  return absl::StrFormat(R"("inventory":{"sku":"%s","on_hand":%d%s})", *key,
                         OneIn(8) ? Below(6) : 6 + Below(400),
                         OneIn(3)    ? ""
                         : OneIn(20) ? R"(,"discontinued":true)"
                                     : R"(,"discontinued":false)");
}

std::string DemoEvents::Spoil(std::string value) {
  switch (Below(3)) {
    case 0:
      return "";
    case 1:
      return absl::StrCat("[", value, "]");  // somebody sent a batch
    default:
      return value.substr(0, value.size() * 2 / 3);  // a producer cut it off
  }
}

}  // namespace turnout::runtime
