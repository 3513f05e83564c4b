// CoordinatorCall: one request to a coordinator, sent until it is answered for good.
//
// Internal to connectors/. It outlives the calls of a sink: what is on its way when a call runs out
// of time is taken by the next. Coordinators that moved are found again, answers that were lost are
// asked for again; all these requests may come twice.
//
// Errors: what a broker's code stands for (protocol_errors); retries are kept to itself. Internal:
//   the broker is too old.
// Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/cluster_client.h"

namespace turnout::connectors {

class CoordinatorCall {
 public:
  // Appends the request's body.
  using Write = std::function<void(int16_t version, std::string* out)>;
  // Reads an answer: 0, or the code that says how it failed; Unavailable when it can't be read or
  // is to be asked for again.
  using Read = std::function<absl::StatusOr<int16_t>(int16_t version, std::string_view body)>;

  struct Request {
    Api api = Api::kEndTxn;
    CoordinatorKind kind = CoordinatorKind::kTransaction;
    std::string key;  // empty: any broker will do
    Write write;
    Read read;
  };

  CoordinatorCall(ClusterClient* cluster, std::string doing)
      : cluster_(cluster), doing_(std::move(doing)) {}

  // From the beginning with this request; what was on its way is forgotten.
  void Begin(Request request);
  // Nothing is asked for any more.
  void Drop();
  bool begun() const { return request_.has_value(); }

  // Nothing while it goes on. Once it has ended, it is dropped.
  std::optional<absl::Status> Work(absl::Time now);
  // When Work has something to do that no broker's answer brings about.
  absl::Time due() const { return begun() ? retry_at_ : absl::InfiniteFuture(); }
  // Whether the broker that was asked last has transactions of the second version.
  bool second_transactions() const { return second_transactions_; }
  // Why it still goes on; empty where only the answer is waited for.
  const std::string& why() const { return why_; }

 private:
  absl::StatusOr<BrokerConnection*> Broker();
  absl::Status Send(absl::Time now);
  std::optional<absl::Status> OnAnswer(const absl::StatusOr<Answer>& answer, absl::Time now);
  void Again(const absl::Status& why, absl::Time now);

  ClusterClient* const cluster_;
  const std::string doing_;
  std::optional<Request> request_;
  Ticket ticket_;
  int16_t version_ = 0;
  bool second_transactions_ = false;
  absl::Time retry_at_ = absl::InfinitePast();
  std::string why_;
};

}  // namespace turnout::connectors
