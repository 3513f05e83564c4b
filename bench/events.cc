#include "bench/events.h"

#include <cstdio>

namespace turnout::bench {
namespace {

constexpr size_t kValueBytes = 1'024;

}  // namespace

const std::string& Events::Next(Attributes* attributes) {
  attributes->type = static_cast<uint16_t>(Below(types_));
  attributes->region = static_cast<uint16_t>(Below(kRegions));
  attributes->amount_cents = Below(kAmountCentsMax);
  const uint32_t customer = Below(100'000);
  attributes->customer = customer;
  const uint64_t id = ++count_;

  char key[32];
  std::snprintf(key, sizeof(key), "c-%05u", customer);
  key_ = key;

  char head[1536];
  int size = std::snprintf(
      head, sizeof(head),
      R"({"id":"e-%012llu","type":"shop.type-%u","time":"2026-03-02T09:14:%02u.%03uZ",)"
      R"("region":"region-%u","customer":{"id":"%s","tier":"gold","email":"u%u@example.org",)"
      R"("account_age_days":%u,"orders_before":%u,"marketing_opt_in":true},)"
      R"("amount":%u.%02u,"currency":"EUR","client":{"ip":"198.51.100.%u",)"
      R"("user_agent":"ShopApp/7.2 Android/15","referrer":null},"items":[)",
      static_cast<unsigned long long>(id), attributes->type, Below(60), Below(1000),
      attributes->region, key, customer, Below(2000), Below(40), attributes->amount_cents / 100,
      attributes->amount_cents % 100, Below(256));
  value_.assign(head, static_cast<size_t>(size));
  for (uint32_t item = 0, items = 2 + Below(3); item < items; ++item) {
    size = std::snprintf(
        head, sizeof(head),
        R"(%s{"sku":"BK-%05u","title":"A book of roses, volume %u","category":"books",)"
        R"("quantity":%u,"price":%u.%02u})",
        item == 0 ? "" : ",", Below(100'000), item, 1 + Below(5), Below(90), Below(100));
    value_.append(head, static_cast<size_t>(size));
  }
  value_ += R"(],"note":")";
  // Room for the closing `"}`.
  while (value_.size() < kValueBytes - 2) value_ += static_cast<char>('a' + value_.size() % 26);
  value_ += R"("})";
  return value_;
}

}  // namespace turnout::bench
