#include "connectors/quota_protocol.h"

#include <bit>

#include "connectors/kafka_api.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr std::string_view kUser = "user";
constexpr int8_t kExactly = 0;

}  // namespace

void WriteDescribeUserQuotas(std::string_view user, std::string* out) {
  WireWriter writer(out);
  writer.ArraySize(1);
  writer.String(kUser);
  writer.Int8(kExactly);
  writer.NullableString(user);
  writer.NoTags();
  writer.Bool(true);  // of no other entity beside
  writer.NoTags();
}

absl::StatusOr<DescribeQuotasAnswer> ReadDescribeUserQuotas(std::string_view body) {
  WireReader reader(body);
  DescribeQuotasAnswer answer;
  reader.Int32();  // throttle time
  answer.error_code = reader.Int16();
  answer.error_message = reader.NullableString();
  const size_t entries = reader.ArraySize(3);
  for (size_t i = 0; i < entries && reader.ok(); ++i) {
    const size_t entities = reader.ArraySize(3);
    for (size_t j = 0; j < entities && reader.ok(); ++j) {
      reader.String();
      reader.NullableString();
      reader.SkipTags();
    }
    const size_t values = reader.ArraySize(10);
    for (size_t j = 0; j < values && reader.ok(); ++j) {
      const std::string name(reader.String());
      answer.quotas[name] = std::bit_cast<double>(reader.Int64());
      reader.SkipTags();
    }
    reader.SkipTags();
  }
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kDescribeClientQuotas);
  return answer;
}

void WriteAlterUserQuota(std::string_view user, std::string_view quota, std::optional<double> value,
                         std::string* out) {
  WireWriter writer(out);
  writer.ArraySize(1);
  writer.ArraySize(1);
  writer.String(kUser);
  writer.NullableString(user);
  writer.NoTags();
  writer.ArraySize(1);
  writer.String(quota);
  writer.Int64(std::bit_cast<int64_t>(value.value_or(0)));
  writer.Bool(!value.has_value());  // remove
  writer.NoTags();
  writer.NoTags();
  writer.Bool(false);  // only look whether it would do
  writer.NoTags();
}

absl::StatusOr<QuotaAnswer> ReadAlterUserQuota(std::string_view body) {
  WireReader reader(body);
  QuotaAnswer answer;
  reader.Int32();  // throttle time
  const bool has_one = reader.ArraySize(5) == 1;
  answer.error_code = reader.Int16();
  answer.error_message = reader.NullableString();
  const size_t entities = reader.ArraySize(3);
  for (size_t i = 0; i < entities && reader.ok(); ++i) {
    reader.String();
    reader.NullableString();
    reader.SkipTags();
  }
  reader.SkipTags();
  reader.SkipTags();
  if (!reader.ok() || !has_one) return UnreadableAnswer(Api::kAlterClientQuotas);
  return answer;
}

void WriteDeleteTopics(absl::Span<const std::string> topics, int32_t timeout_ms, std::string* out) {
  WireWriter writer(out);
  writer.ArraySize(topics.size());
  for (const std::string& topic : topics) writer.String(topic);
  writer.Int32(timeout_ms);
  writer.NoTags();
}

absl::StatusOr<std::vector<DeletedTopic>> ReadDeleteTopics(std::string_view body) {
  WireReader reader(body);
  std::vector<DeletedTopic> deleted;
  reader.Int32();  // throttle time
  const size_t count = reader.ArraySize(5);
  for (size_t i = 0; i < count && reader.ok(); ++i) {
    DeletedTopic& one = deleted.emplace_back();
    one.topic = reader.String();
    one.error_code = reader.Int16();
    one.error_message = reader.NullableString();
    reader.SkipTags();
  }
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kDeleteTopics);
  return deleted;
}

}  // namespace turnout::connectors
