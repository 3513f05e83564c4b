#include "connectors/coordinator_call.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/protocol_errors.h"

namespace turnout::connectors {
namespace {

// The broker writes the markers of the transaction before for some milliseconds; others take
// longer.
constexpr absl::Duration kMarkersBackoff = absl::Milliseconds(1);
constexpr absl::Duration kBackoff = absl::Milliseconds(20);

}  // namespace

void CoordinatorCall::Begin(Request request) {
  Drop();
  request_ = std::move(request);
}

void CoordinatorCall::Drop() {
  if (ticket_.connection != nullptr) ticket_.connection->Forget(ticket_.request);
  ticket_ = {};
  request_.reset();
  retry_at_ = absl::InfinitePast();
  why_.clear();
}

absl::StatusOr<BrokerConnection*> CoordinatorCall::Broker() {
  if (request_->key.empty()) return cluster_->AnyBroker();
  return cluster_->Coordinator(request_->kind, request_->key);
}

absl::Status CoordinatorCall::Send(absl::Time now) {
  const absl::StatusOr<BrokerConnection*> broker = Broker();
  if (absl::IsUnimplemented(broker.status())) return absl::InternalError(broker.status().message());
  if (!broker.ok() && !absl::IsUnavailable(broker.status())) {
    return absl::Status(broker.status().code(),
                        absl::StrFormat("%s: %s", doing_, broker.status().message()));
  }
  if (!broker.ok()) {
    Again(broker.status(), now);
    return absl::OkStatus();
  }
  BrokerConnection& connection = **broker;
  second_transactions_ = connection.versions().has_second_transactions();
  version_ = connection.versions().Version(request_->api);
  RequestFrame frame = connection.Begin(request_->api);
  request_->write(version_, frame.own());
  ticket_ = {&connection, connection.Send(request_->api, std::move(frame), now)};
  retry_at_ = absl::InfiniteFuture();
  return absl::OkStatus();
}

std::optional<absl::Status> CoordinatorCall::Work(absl::Time now) {
  if (!begun()) return absl::OkStatus();
  if (ticket_.connection != nullptr) {
    const auto answer = ticket_.connection->Take(ticket_.request);
    if (!answer) return std::nullopt;
    ticket_ = {};
    if (const std::optional<absl::Status> ended = OnAnswer(*answer, now)) {
      Drop();
      return ended;
    }
  }
  if (now < retry_at_) return std::nullopt;
  const absl::Status sent = Send(now);
  if (sent.ok()) return std::nullopt;
  Drop();
  return sent;
}

std::optional<absl::Status> CoordinatorCall::OnAnswer(const absl::StatusOr<Answer>& answer,
                                                      absl::Time now) {
  const absl::StatusOr<int16_t> code =
      answer.ok() ? request_->read(version_, answer->body()) : answer.status();
  if (!code.ok()) {
    // The coordinator may be another by now.
    cluster_->ForgetCoordinator(request_->kind, request_->key);
    Again(code.status(), now);
    return std::nullopt;
  }
  absl::Status status =
      StatusOfProtocolCode(*code, absl::StrFormat("%s: %s", doing_, ApiName(request_->api)));
  if (!absl::IsUnavailable(status)) return status;
  if (ProtocolErrorOf(*code).look_up == LookUpAnew::kCoordinator) {
    cluster_->ForgetCoordinator(request_->kind, request_->key);
  }
  Again(status, now);
  if (*code == kCodeConcurrentTransactions) retry_at_ = now + kMarkersBackoff;
  return std::nullopt;
}

void CoordinatorCall::Again(const absl::Status& why, absl::Time now) {
  why_ = std::string(why.message());
  retry_at_ = now + kBackoff;
}

}  // namespace turnout::connectors
