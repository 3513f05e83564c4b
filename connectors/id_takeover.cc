#include "connectors/id_takeover.h"

#include <librdkafka/rdkafka.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/kafka_errors.h"

namespace turnout::connectors {
namespace {

absl::StatusOr<std::unique_ptr<KafkaHandle>> MakeProducer(const std::string& id,
                                                          const KafkaSinkOptions& options) {
  KafkaHandleSetup setup;
  setup.role = KafkaRole::kProducer;
  setup.client = options.client;
  setup.settings = {
      {"enable.idempotence", "true"},
      {"transactional.id", id},
      {"transaction.timeout.ms", absl::StrFormat("%d", options.transaction_timeout_ms)},
      {"message.timeout.ms", absl::StrFormat("%d", options.transaction_timeout_ms)},
  };
  return KafkaHandle::Make(std::move(setup));
}

}  // namespace

absl::Status IdTakeover::Work(const KafkaSinkOptions& options, int wait_ms) {
  if (client_ == nullptr || client_->is_outdated()) {
    absl::StatusOr<std::unique_ptr<KafkaHandle>> made = MakeProducer(id_, options);
    if (!made.ok()) return made.status();
    client_ = *std::move(made);
  }
  rd_kafka_error_t* error = rd_kafka_init_transactions(client_->get(), wait_ms);
  const int code = error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
  absl::Status status =
      TakeKafkaError(client_->get(), error, absl::StrFormat("producer %s: taking over", id_));
  if (absl::IsUnavailable(status)) return status;
  // A call that waited too short says so even where the client has just ended; the client says of
  // what.
  const int fatal = rd_kafka_fatal_error(client_->get(), nullptr, 0);
  client_.reset();
  const int ended_by = fatal == RD_KAFKA_RESP_ERR_NO_ERROR ? code : fatal;
  const bool is_not_ours = ended_by == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  return is_not_ours ? absl::OkStatus() : status;
}

}  // namespace turnout::connectors
