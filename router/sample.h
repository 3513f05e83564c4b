// The step `sample` lets a share of events pass, chosen by a hash of a field's text, so that all
// events of one key pass or none does, in every process and version.
//
// The hash is published (router/README.md) and names no rule: of two samples by the same field the
// smaller lies within the larger.
//
// Units: shares in hundredths of a percent. Threads: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnout::router {

// TextHash modulo kAllShares.
uint32_t SampleBucket(std::string_view text);

}  // namespace turnout::router
