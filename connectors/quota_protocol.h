// What an administrator asks about quotas and about topics that go: DescribeClientQuotas and
// AlterClientQuotas (version 1, Kafka 2.8 on), DeleteTopics (version 5), which librdkafka has no
// part of, or not with all of these ways in.
//
// Internal to connectors/.
// Errors: Unavailable when an answer can't be read. What a broker refuses is in error codes.
// Units: quotas as Kafka names them: `consumer_byte_rate` is bytes a second, of each broker.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace turnout::connectors {

// By Kafka's name of it.
using Quotas = std::map<std::string, double>;

// Of the user itself; not of the user with one client id, nor of all users.
void WriteDescribeUserQuotas(std::string_view user, std::string* out);
struct DescribeQuotasAnswer {
  int16_t error_code = 0;
  std::string error_message;
  Quotas quotas;
};
absl::StatusOr<DescribeQuotasAnswer> ReadDescribeUserQuotas(std::string_view body);

// Nullopt takes it away.
void WriteAlterUserQuota(std::string_view user, std::string_view quota, std::optional<double> value,
                         std::string* out);
struct QuotaAnswer {
  int16_t error_code = 0;
  std::string error_message;
};
absl::StatusOr<QuotaAnswer> ReadAlterUserQuota(std::string_view body);

void WriteDeleteTopics(absl::Span<const std::string> topics, int32_t timeout_ms, std::string* out);
struct DeletedTopic {
  std::string topic;
  int16_t error_code = 0;
  std::string error_message;
};
absl::StatusOr<std::vector<DeletedTopic>> ReadDeleteTopics(std::string_view body);

}  // namespace turnout::connectors
