#include "router/sample.h"

#include "router/percent.h"
#include "router/text_hash.h"

namespace turnout::router {

uint32_t SampleBucket(std::string_view text) {
  return static_cast<uint32_t>(TextHash(text) % kAllShares);
}

}  // namespace turnout::router
