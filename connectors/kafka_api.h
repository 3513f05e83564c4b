// Kafka's requests by number, their versions that the batch sink speaks, and their envelopes.
//
// Internal to connectors/. ApiVersions, the first request on each connection, tells what a broker
// can do; ApiVersionTable keeps the newest version of each request that both sides know. Requests
// and answers of one kind are in `cluster_protocol`, `transaction_protocol` and `produce_protocol`;
// here is what comes before them: envelopes, ApiVersions, SASL.
//
// Errors: Unavailable when an answer can't be read (the connection is then of no use),
// Unimplemented
//   when a broker is too old.
// Format: https://kafka.apache.org/protocol.html
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace turnout::connectors {

enum class Api : int16_t {
  kProduce = 0,
  kMetadata = 3,
  kFindCoordinator = 10,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kDeleteTopics = 20,
  kInitProducerId = 22,
  kAddPartitionsToTxn = 24,
  kAddOffsetsToTxn = 25,
  kEndTxn = 26,
  kWriteTxnMarkers = 27,
  kTxnOffsetCommit = 28,
  kDescribeAcls = 29,
  kCreateAcls = 30,
  kDeleteAcls = 31,
  kSaslAuthenticate = 36,
  kDescribeClientQuotas = 48,
  kAlterClientQuotas = 49,
  kDescribeProducers = 61,
  kDescribeTransactions = 65,
  kListTransactions = 66,
};

// All of them are below it.
inline constexpr size_t kApisMax = 80;

std::string_view ApiName(Api api);

// Why the bytes of an answer could not be read.
absl::Status UnreadableAnswer(Api api);

// Before a request: who asks for what. An answer carries the correlation id back.
void WriteRequestHeader(Api api, int16_t version, int32_t correlation_id,
                        std::string_view client_id, std::string* out);

// What an answer's frame holds after its header.
struct AnswerFrame {
  int32_t correlation_id = 0;
  std::string_view body;
};
absl::StatusOr<int32_t> ReadCorrelationId(std::string_view frame);
absl::StatusOr<AnswerFrame> ReadAnswerHeader(Api api, std::string_view frame);

// --- ApiVersions, version 3 -------------------------------------------------------------------

struct ApiVersionsAnswer {
  int16_t error_code = 0;
  struct Range {
    int16_t api = 0;
    int16_t min = 0;
    int16_t max = 0;
  };
  std::vector<Range> ranges;
  int16_t transaction_version = 0;  // the cluster's finalized feature; 0 where there is none
};

void WriteApiVersions(std::string_view software, std::string_view software_version,
                      std::string* out);
absl::StatusOr<ApiVersionsAnswer> ReadApiVersions(std::string_view body);

// What one broker and we both speak.
class ApiVersionTable {
 public:
  // Unimplemented names the request that the broker is too old for.
  static absl::StatusOr<ApiVersionTable> Agree(const ApiVersionsAnswer& broker);

  // -1: the broker does not know the request, which is one that only an administrator makes.
  // With transactions of the first version requests that rely on the second are asked for as older
  // ones, since their newest versions mean the second.
  int16_t Version(Api api) const;
  // Transactions of KIP-890: a produce and an offset commit add themselves, each end raises the
  // epoch.
  bool has_second_transactions() const { return second_transactions_; }

 private:
  std::array<int16_t, kApisMax> versions_ = {};
  bool second_transactions_ = false;
};

// --- SASL: handshake version 1, authenticate version 2 ----------------------------------------

struct SaslHandshakeAnswer {
  int16_t error_code = 0;
  std::vector<std::string_view> mechanisms;  // that the broker would take
};
void WriteSaslHandshake(std::string_view mechanism, std::string* out);
absl::StatusOr<SaslHandshakeAnswer> ReadSaslHandshake(std::string_view body);

struct SaslAuthenticateAnswer {
  int16_t error_code = 0;
  std::string_view error_message;
  std::string_view bytes;
  int64_t session_lifetime_ms = 0;  // 0: for ever
};
void WriteSaslAuthenticate(std::string_view bytes, std::string* out);
absl::StatusOr<SaslAuthenticateAnswer> ReadSaslAuthenticate(std::string_view body);

}  // namespace turnout::connectors
