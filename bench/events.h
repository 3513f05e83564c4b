// Events of about 1 KB, as a web shop sends them, with the fields that the benches' rules ask
// for: type, region, amount, and a customer, who is the record key and whom steps remember.
//
// Only those vary in a way that matters, and they are written down beside the load
// (Attributes, 12 bytes an event), so that a script can say which destinations each event has to
// reach without reading the events or sharing code with the router.
// Format: of a file of Attributes: little-endian, in the order sent.
// Units: amounts in cents, 0 to 99,999.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace turnout::bench {

struct Attributes {
  uint16_t type = 0;
  uint16_t region = 0;
  uint32_t amount_cents = 0;
  uint32_t customer = 0;
};
static_assert(sizeof(Attributes) == 12);

inline constexpr uint32_t kAmountCentsMax = 100'000;  // amounts are below
inline constexpr uint16_t kRegions = 10;

class Events {
 public:
  Events(uint64_t seed, uint16_t types) : random_(seed), types_(types) {}

  // The next event's payload, in a buffer that the next call takes again.
  const std::string& Next(Attributes* attributes);
  // The record key of the event that Next gave.
  const std::string& key() const { return key_; }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  std::mt19937_64 random_;
  const uint16_t types_;
  uint64_t count_ = 0;
  std::string value_;
  std::string key_;
};

}  // namespace turnout::bench
