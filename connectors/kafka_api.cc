#include "connectors/kafka_api.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

struct ApiRow {
  Api api;
  const char* name;
  int16_t min;  // what we speak
  int16_t max;
  int16_t
      max_first_transactions;  // the newest that doesn't mean transactions of the second version
};

// The oldest are those of Kafka 3.0.
constexpr ApiRow kRows[] = {
    {Api::kProduce, "Produce", 9, 12, 11},
    {Api::kMetadata, "Metadata", 9, 12, 12},
    {Api::kFindCoordinator, "FindCoordinator", 4, 6, 6},
    {Api::kSaslHandshake, "SaslHandshake", 1, 1, 1},
    {Api::kApiVersions, "ApiVersions", 3, 3, 3},
    {Api::kDeleteTopics, "DeleteTopics", 5, 5, 5},
    {Api::kInitProducerId, "InitProducerId", 3, 5, 5},
    {Api::kAddPartitionsToTxn, "AddPartitionsToTxn", 3, 3, 3},
    {Api::kAddOffsetsToTxn, "AddOffsetsToTxn", 3, 4, 4},
    {Api::kEndTxn, "EndTxn", 3, 5, 4},
    {Api::kWriteTxnMarkers, "WriteTxnMarkers", 1, 1, 1},
    {Api::kTxnOffsetCommit, "TxnOffsetCommit", 3, 5, 4},
    {Api::kDescribeAcls, "DescribeAcls", 2, 2, 2},
    {Api::kCreateAcls, "CreateAcls", 2, 2, 2},
    {Api::kDeleteAcls, "DeleteAcls", 2, 2, 2},
    {Api::kSaslAuthenticate, "SaslAuthenticate", 2, 2, 2},
    {Api::kDescribeClientQuotas, "DescribeClientQuotas", 1, 1, 1},
    {Api::kAlterClientQuotas, "AlterClientQuotas", 1, 1, 1},
    {Api::kDescribeProducers, "DescribeProducers", 0, 0, 0},
    {Api::kDescribeTransactions, "DescribeTransactions", 0, 0, 0},
    {Api::kListTransactions, "ListTransactions", 0, 0, 0},
};

const ApiRow& RowOf(Api api) {
  return *std::find_if(std::begin(kRows), std::end(kRows),
                       [api](const ApiRow& row) { return row.api == api; });
}

// A broker without SASL may leave its requests out; what administrators ask is not a producer's
// business.
bool IsOptional(Api api) {
  switch (api) {
    case Api::kSaslHandshake:
    case Api::kSaslAuthenticate:
    case Api::kDeleteTopics:
    case Api::kDescribeAcls:
    case Api::kCreateAcls:
    case Api::kDeleteAcls:
    case Api::kDescribeClientQuotas:
    case Api::kAlterClientQuotas:
    case Api::kWriteTxnMarkers:
    case Api::kDescribeProducers:
    case Api::kDescribeTransactions:
    case Api::kListTransactions:
      return true;
    default:
      return false;
  }
}

// Requests with tagged fields in their headers. The broker answers ApiVersions without, so that a
// client which does not know its version can read it.
bool HasTagsInRequestHeader(Api api) { return api != Api::kSaslHandshake; }
bool HasTagsInAnswerHeader(Api api) {
  return api != Api::kSaslHandshake && api != Api::kApiVersions;
}

constexpr uint32_t kFinalizedFeaturesTag = 2;
constexpr int16_t kSecondTransactions = 2;

int16_t ReadTransactionVersion(WireReader& field) {
  int16_t version = 0;
  const size_t features = field.ArraySize(6);
  for (size_t i = 0; i < features && field.ok(); ++i) {
    const std::string_view name = field.String();
    const int16_t max_level = field.Int16();
    field.Int16();  // min level
    field.SkipTags();
    if (name == "transaction.version") version = max_level;
  }
  return version;
}

}  // namespace

std::string_view ApiName(Api api) { return RowOf(api).name; }

absl::Status UnreadableAnswer(Api api) {
  return absl::UnavailableError(
      absl::StrFormat("the broker's answer to %s can't be read: something between us and it "
                      "garbles the connection, "
                      "or `brokers` names something that is no Kafka broker",
                      ApiName(api)));
}

void WriteRequestHeader(Api api, int16_t version, int32_t correlation_id,
                        std::string_view client_id, std::string* out) {
  WireWriter writer(out);
  writer.Int16(static_cast<int16_t>(api));
  writer.Int16(version);
  writer.Int32(correlation_id);
  writer.OldString(client_id);
  if (HasTagsInRequestHeader(api)) writer.NoTags();
}

absl::StatusOr<int32_t> ReadCorrelationId(std::string_view frame) {
  WireReader reader(frame);
  const int32_t id = reader.Int32();
  if (!reader.ok()) return absl::UnavailableError("the broker's answer is cut short");
  return id;
}

absl::StatusOr<AnswerFrame> ReadAnswerHeader(Api api, std::string_view frame) {
  WireReader reader(frame);
  AnswerFrame answer;
  answer.correlation_id = reader.Int32();
  if (HasTagsInAnswerHeader(api)) reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(api);
  answer.body = frame.substr(frame.size() - reader.left());
  return answer;
}

void WriteApiVersions(std::string_view software, std::string_view software_version,
                      std::string* out) {
  WireWriter writer(out);
  writer.String(software);
  writer.String(software_version);
  writer.NoTags();
}

absl::StatusOr<ApiVersionsAnswer> ReadApiVersions(std::string_view body) {
  WireReader reader(body);
  ApiVersionsAnswer answer;
  answer.error_code = reader.Int16();
  // A broker that doesn't know the version answers as to version 0, whose arrays differ.
  if (answer.error_code != 0 && reader.ok()) return answer;
  const size_t ranges = reader.ArraySize(7);
  answer.ranges.reserve(ranges);
  for (size_t i = 0; i < ranges && reader.ok(); ++i) {
    ApiVersionsAnswer::Range range;
    range.api = reader.Int16();
    range.min = reader.Int16();
    range.max = reader.Int16();
    reader.SkipTags();
    answer.ranges.push_back(range);
  }
  reader.Int32();  // throttle time
  reader.EachTag([&answer](uint32_t number, WireReader& field) {
    if (number == kFinalizedFeaturesTag) answer.transaction_version = ReadTransactionVersion(field);
  });
  if (!reader.ok()) return UnreadableAnswer(Api::kApiVersions);
  return answer;
}

absl::StatusOr<ApiVersionTable> ApiVersionTable::Agree(const ApiVersionsAnswer& broker) {
  ApiVersionTable table;
  std::array<ApiVersionsAnswer::Range, kApisMax> known = {};
  known.fill({-1, 0, -1});
  for (const ApiVersionsAnswer::Range& range : broker.ranges) {
    if (range.api >= 0 && static_cast<size_t>(range.api) < known.size()) known[range.api] = range;
  }
  const auto newest = [&known](const ApiRow& row) {
    return std::min(known[static_cast<size_t>(row.api)].max, row.max);
  };
  table.second_transactions_ = broker.transaction_version >= kSecondTransactions;
  for (const Api api : {Api::kProduce, Api::kEndTxn, Api::kTxnOffsetCommit}) {
    if (newest(RowOf(api)) <= RowOf(api).max_first_transactions) table.second_transactions_ = false;
  }
  for (const ApiRow& row : kRows) {
    const auto at = static_cast<size_t>(row.api);
    int16_t version = newest(row);
    if (!table.second_transactions_) version = std::min(version, row.max_first_transactions);
    const bool is_spoken = version >= row.min && version >= known[at].min;
    if (!is_spoken && !IsOptional(row.api)) {
      return absl::UnimplementedError(
          absl::StrFormat("it speaks versions %d to %d of %s, the batch sink %d to %d",
                          known[at].min, known[at].max, row.name, row.min, row.max));
    }
    table.versions_[at] = is_spoken ? version : int16_t{-1};
  }
  return table;
}

int16_t ApiVersionTable::Version(Api api) const { return versions_[static_cast<size_t>(api)]; }

void WriteSaslHandshake(std::string_view mechanism, std::string* out) {
  WireWriter(out).OldString(mechanism);
}

absl::StatusOr<SaslHandshakeAnswer> ReadSaslHandshake(std::string_view body) {
  WireReader reader(body);
  SaslHandshakeAnswer answer;
  answer.error_code = reader.Int16();
  const size_t count = reader.OldArraySize(2);
  for (size_t i = 0; i < count && reader.ok(); ++i) answer.mechanisms.push_back(reader.OldString());
  if (!reader.ok()) return UnreadableAnswer(Api::kSaslHandshake);
  return answer;
}

void WriteSaslAuthenticate(std::string_view bytes, std::string* out) {
  WireWriter writer(out);
  writer.String(bytes);
  writer.NoTags();
}

absl::StatusOr<SaslAuthenticateAnswer> ReadSaslAuthenticate(std::string_view body) {
  WireReader reader(body);
  SaslAuthenticateAnswer answer;
  answer.error_code = reader.Int16();
  answer.error_message = reader.NullableString();
  answer.bytes = reader.NullableString();
  answer.session_lifetime_ms = reader.Int64();
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kSaslAuthenticate);
  return answer;
}

}  // namespace turnout::connectors
