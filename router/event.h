// Event: what the router sees of one Kafka record. Views only; the caller keeps the bytes alive.
//
// A string_view whose data() is null stands for Kafka's null (no key, tombstone value, null header
// value); an empty one with a non-null data() is an empty string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/types/span.h"

namespace turnout::router {

// Name and value of a record header.
using Header = std::pair<std::string_view, std::string_view>;

struct Event {
  std::string_view value;  // the payload, as outputs without a shape carry it
  std::string_view key;
  std::string_view topic;
  int32_t partition = 0;
  int64_t timestamp_ms = 0;  // since the Unix epoch; Kafka's -1: none
  absl::Span<const Header> headers;
  // The payload as JSON, where `value` is in another format; null data(): `value` is JSON.
  std::string_view decoded = {};
  // Why there is none although `value` is in another format; null: there is, or it is not asked
  // for.
  const std::string* undecodable = nullptr;

  // What patterns, steps and shapes read.
  std::string_view json() const { return decoded.data() == nullptr ? value : decoded; }
};

}  // namespace turnout::router
