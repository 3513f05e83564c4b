// DemoEvents: the made-up traffic of a web shop, equal for equal seeds of one build.
//
// The events are those that deploy/examples/quickstart/README.md describes, field by field; the
// example rules there ask for them. A few in a thousand can't be read (cut short, empty, not an
// object), and now and then a cart has no region, as it happens.
// Threads: one generator a thread.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace turnout::runtime {

struct DemoEvent {
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
  bool readable = true;
};

class DemoEvents {
 public:
  explicit DemoEvents(uint64_t seed);

  // The next event, as if it had happened at `time`.
  DemoEvent Next(absl::Time time);

 private:
  struct Shopper;

  // Uniform in [0, n): the library's distributions differ from one implementation to another.
  uint64_t Below(uint64_t n) { return random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  std::string_view OneOf(absl::Span<const std::string_view> choices);

  Shopper NewShopper();
  std::string Customer(const Shopper& shopper);
  std::string Client(const Shopper& shopper);
  std::string Cart();
  std::string Order();
  std::string CancelledOrder();
  std::string Payment(bool declined, bool tester);
  std::string Shipment(std::string_view type);
  std::string Inventory(std::string* key);
  std::string Spoil(std::string value);

  std::mt19937_64 random_;
  uint64_t count_ = 0;
};

}  // namespace turnout::runtime
