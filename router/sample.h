// SampleStep: lets a share of events pass, chosen by a hash of a field's text, so that all events
// of one key pass or none does, in every process and version.
//
// The hash is published (router/README.md) and names no rule: of two samples by the same field the
// smaller lies within the larger.
//
// Units: shares in hundredths of a percent. Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace turnout::router {

struct SampleStep {
  std::string key_field;
  uint32_t share = 0;  // 10,000 is everything
};

inline constexpr uint32_t kSampleShares = 10'000;
inline constexpr std::string_view kSampleStepName = "sample";

// FNV-1a over 64 bits with MurmurHash3's finish, modulo kSampleShares.
uint32_t SampleBucket(std::string_view text);

}  // namespace turnout::router
