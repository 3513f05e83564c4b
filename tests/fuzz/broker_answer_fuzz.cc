// Any bytes as a broker's answer: read, or refused; never more than the bytes can hold, and no view
// of anything beyond them. The first two bytes say which answer it is and in which version.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "connectors/cluster_protocol.h"
#include "connectors/kafka_api.h"
#include "connectors/produce_protocol.h"
#include "connectors/transaction_protocol.h"
#include "tests/fuzz/check.h"

namespace {

using namespace turnout::connectors;

bool Within(std::string_view part, std::string_view whole) {
  if (part.empty()) return true;
  return !std::less<>()(part.data(), whole.data()) &&
         !std::less<>()(whole.data() + whole.size(), part.data() + part.size());
}

void CheckVersions(std::string_view body) {
  const auto answer = ReadApiVersions(body);
  if (!answer.ok()) return;
  FUZZ_CHECK(answer->ranges.size() * 7 <= body.size());
  const auto table = ApiVersionTable::Agree(*answer);
  if (!table.ok()) return;
  FUZZ_CHECK(table->Version(Api::kProduce) >= 9 && table->Version(Api::kProduce) <= 12);
  FUZZ_CHECK((table->Version(Api::kProduce) == 12) == table->has_second_transactions());
}

void CheckMetadata(int16_t version, std::string_view body) {
  const auto answer = ReadMetadata(version, body);
  if (!answer.ok()) return;
  size_t bytes = 0;
  for (const MetadataAnswer::Broker& broker : answer->brokers) bytes += 11 + broker.host.size();
  for (const MetadataAnswer::Topic& topic : answer->topics) {
    bytes += 9 + topic.name.size() + 18 * topic.partitions.size();
  }
  FUZZ_CHECK(bytes <= body.size());
}

void CheckProduce(std::string_view body) {
  const auto answer = ReadProduce(body);
  if (!answer.ok()) return;
  FUZZ_CHECK(answer->partitions.size() * 33 <= body.size());
  for (const ProduceAnswer::Partition& partition : answer->partitions) {
    FUZZ_CHECK(Within(partition.topic, body) && Within(partition.error_message, body));
  }
}

void CheckPartitions(const absl::StatusOr<PartitionsAnswer>& answer, std::string_view body) {
  if (!answer.ok()) return;
  FUZZ_CHECK(answer->failed.size() * 7 <= body.size());
  for (const PartitionError& failed : answer->failed) FUZZ_CHECK(failed.error_code != 0);
}

void CheckSasl(std::string_view body) {
  const auto handshake = ReadSaslHandshake(body);
  if (handshake.ok()) {
    for (const std::string_view name : handshake->mechanisms) FUZZ_CHECK(Within(name, body));
  }
  const auto done = ReadSaslAuthenticate(body);
  if (done.ok()) FUZZ_CHECK(Within(done->bytes, body) && Within(done->error_message, body));
}

void CheckBody(uint8_t kind, int16_t version, std::string_view body) {
  switch (kind) {
    case 0:
      return CheckVersions(body);
    case 1:
      return CheckMetadata(static_cast<int16_t>(9 + version % 4), body);
    case 2:
      return CheckProduce(body);
    case 3:
      return CheckPartitions(ReadAddPartitionsToTxn(body), body);
    case 4:
      return CheckPartitions(ReadTxnOffsetCommit(body), body);
    case 5:
      return CheckSasl(body);
    case 6:
      return ReadFindCoordinator(body).status().IgnoreError();
    case 7:
      return ReadInitProducerId(body).status().IgnoreError();
    case 8:
      return ReadEndTxn(static_cast<int16_t>(3 + version % 3), body).status().IgnoreError();
    default:
      return ReadAddOffsetsToTxn(body).status().IgnoreError();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  // A copy of its own size, so that the sanitizer sees a byte read beyond.
  const std::string frame(reinterpret_cast<const char*>(data) + 2, size - 2);
  ReadCorrelationId(frame).status().IgnoreError();
  const auto answer = ReadAnswerHeader(data[1] % 2 == 0 ? Api::kProduce : Api::kApiVersions, frame);
  if (answer.ok()) FUZZ_CHECK(Within(answer->body, frame));
  CheckBody(data[0] % 10, data[1], frame);
  return 0;
}
