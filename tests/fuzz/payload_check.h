// CheckPayload: what holds of every payload of every schema, whether it decodes or not.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "connectors/payload_schema.h"
#include "tests/fuzz/check.h"

namespace turnout::fuzz {

inline void CheckPayload(const connectors::PayloadSchema& schema, std::string_view payload) {
  // A copy of its own size, so that the sanitizer sees a byte read beyond.
  const std::unique_ptr<char[]> bytes(new char[payload.size()]);
  payload.copy(bytes.get(), payload.size());
  const std::string_view copy(bytes.get(), payload.size());
  std::string json = "before";
  const absl::Status status = schema.AppendJson(copy, &json);
  if (!status.ok()) {
    FUZZ_CHECK(status.code() == absl::StatusCode::kInvalidArgument && !status.message().empty());
    FUZZ_CHECK(json == "before");
    return;
  }
  // A little beyond is what the last value may be.
  FUZZ_CHECK(json.size() <= connectors::kDecodedBytesMax + (size_t{64} << 10));
  json.erase(0, 6);
  FUZZ_CHECK(json[0] == '{' && nlohmann::json::accept(json));
  std::string again;
  FUZZ_CHECK(schema.AppendJson(copy, &again).ok() && again == json);
}

}  // namespace turnout::fuzz
