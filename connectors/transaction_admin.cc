#include "connectors/transaction_admin.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/coordinator_call.h"
#include "connectors/protocol_errors.h"
#include "connectors/steady_clock.h"
#include "connectors/transaction_protocol.h"

namespace turnout::connectors {
namespace {

constexpr int kUnknownTopic = 3;
constexpr int kTransactionalIdNotFound = 105;
constexpr int kClusterAuthorizationFailed = 31;
// Of the producer that Fence makes, and that never begins a transaction.
constexpr int32_t kFenceTimeoutMs = 10'000;

constexpr char kTooOld[] = "this needs Kafka 3.0 or newer";

// That a broker is too old for a sink is not what whoever asks wants to know.
absl::Status OfTooOld(const absl::Status& status) {
  if (!absl::IsUnimplemented(status)) return status;
  return absl::UnimplementedError(absl::StrFormat("a broker is too old: %s", kTooOld));
}

std::string NameOf(const TopicPartition& one) {
  return absl::StrFormat("%s/%d", one.topic, one.partition);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TransactionAdmin>> TransactionAdmin::Make(
    const KafkaClientOptions& options) {
  absl::StatusOr<std::unique_ptr<ClusterClient>> cluster = ClusterClient::Make(options);
  if (!cluster.ok()) return cluster.status();
  return std::unique_ptr<TransactionAdmin>(new TransactionAdmin(*std::move(cluster)));
}

absl::StatusOr<Answer> TransactionAdmin::Ask(const FindBroker& find, Api api,
                                             const WriteBody& write, absl::Time deadline) {
  return AskBroker(*cluster_, find, api, write, kTooOld, deadline);
}

absl::StatusOr<std::vector<int32_t>> TransactionAdmin::Brokers(absl::Time deadline) {
  absl::Status why;
  while (SteadyNow() < deadline) {
    std::vector<int32_t> brokers = cluster_->brokers();
    if (!brokers.empty()) return brokers;
    // Any metadata names all brokers.
    cluster_->WantTopic("__transaction_state");
    why = cluster_->AnyBroker().status();
    if (!why.ok() && !absl::IsUnavailable(why)) return OfTooOld(why);
    cluster_->Turn(std::min(deadline, SteadyNow() + kAdminLook));
  }
  return why.ok() ? absl::UnavailableError("no broker has answered in time") : why;
}

absl::StatusOr<std::vector<KnownTransaction>> TransactionAdmin::List(absl::Duration within) {
  const absl::Time deadline = SteadyNow() + within;
  const absl::StatusOr<std::vector<int32_t>> brokers = Brokers(deadline);
  if (!brokers.ok()) return brokers.status();
  std::vector<KnownTransaction> transactions;
  for (const int32_t broker : *brokers) {
    const auto answer = Ask([&] { return cluster_->Broker(broker); }, Api::kListTransactions,
                            WriteListTransactions, deadline);
    if (!answer.ok()) return answer.status();
    const auto list = ReadListTransactions(answer->body());
    if (!list.ok()) return list.status();
    absl::Status refused = StatusOfProtocolCode(list->error_code, "listing transactions");
    if (!refused.ok()) return refused;
    for (const auto& one : list->transactions) {
      transactions.push_back({.id = one.id, .state = one.state, .producer = one.producer});
    }
  }
  std::sort(transactions.begin(), transactions.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  for (KnownTransaction& one : transactions) {
    if (absl::Status described = Describe(&one, deadline); !described.ok()) return described;
  }
  return transactions;
}

// One that has gone meanwhile stays as it was listed.
absl::Status TransactionAdmin::Describe(KnownTransaction* transaction, absl::Time deadline) {
  const auto answer =
      Ask([&] { return cluster_->Coordinator(CoordinatorKind::kTransaction, transaction->id); },
          Api::kDescribeTransactions,
          [&](std::string* out) { WriteDescribeTransaction(transaction->id, out); }, deadline);
  if (!answer.ok()) return answer.status();
  auto described = ReadDescribeTransaction(answer->body());
  if (!described.ok()) return described.status();
  if (described->error_code == kTransactionalIdNotFound) return absl::OkStatus();
  absl::Status refused = StatusOfProtocolCode(
      described->error_code, absl::StrFormat("describing transaction %s", transaction->id));
  if (!refused.ok()) return refused;
  transaction->state = std::move(described->state);
  transaction->producer = described->producer;
  transaction->epoch = described->epoch;
  transaction->timeout_ms = described->timeout_ms;
  transaction->start_ms = described->start_ms;
  transaction->partitions = std::move(described->partitions);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TopicPartition>> TransactionAdmin::Partitions(
    absl::Span<const std::string> topics, absl::Time deadline) {
  for (const std::string& topic : topics) cluster_->WantTopic(topic);
  std::vector<TopicPartition> partitions;
  for (const std::string& name : topics) {
    const ClusterClient::Topic* topic = cluster_->FindTopic(name);
    for (; topic == nullptr; topic = cluster_->FindTopic(name)) {
      if (SteadyNow() >= deadline) {
        return absl::UnavailableError(
            absl::StrFormat("topic %s: nobody says who leads it: %s", name, cluster_->trouble()));
      }
      cluster_->Turn(std::min(deadline, SteadyNow() + kAdminLook));
    }
    if (topic->error_code == kUnknownTopic) {
      return absl::InvalidArgumentError(
          absl::StrFormat("topic %s doesn't exist: name one that does", name));
    }
    absl::Status refused =
        StatusOfProtocolCode(topic->error_code, absl::StrFormat("topic %s", name));
    if (!refused.ok()) return refused;
    const auto count = static_cast<int32_t>(topic->leaders.size());
    for (int32_t i = 0; i < count; ++i) partitions.push_back({name, i});
  }
  return partitions;
}

absl::StatusOr<BrokerConnection*> TransactionAdmin::Leader(const TopicPartition& partition) {
  const ClusterClient::Topic* const topic = cluster_->FindTopic(partition.topic);
  const auto index = static_cast<size_t>(partition.partition);
  if (topic == nullptr || index >= topic->leaders.size() || topic->leaders[index] < 0) {
    cluster_->WantTopic(partition.topic);
    return absl::UnavailableError(absl::StrFormat("%s has no leader", NameOf(partition)));
  }
  return cluster_->Broker(topic->leaders[index]);
}

absl::StatusOr<std::vector<OpenInPartition>> TransactionAdmin::FindOpen(
    absl::Span<const std::string> topics, absl::Duration within) {
  const absl::Time deadline = SteadyNow() + within;
  const auto partitions = Partitions(topics, deadline);
  if (!partitions.ok()) return partitions.status();
  std::map<int32_t, std::vector<TopicPartition>> by_leader;
  for (const TopicPartition& one : *partitions) {
    by_leader[cluster_->FindTopic(one.topic)->leaders[one.partition]].push_back(one);
  }
  std::vector<OpenInPartition> open;
  for (const auto& [leader, led] : by_leader) {
    if (leader < 0) {
      return absl::UnavailableError(absl::StrFormat("%s has no leader", NameOf(led.front())));
    }
    absl::Status found = FindOpenAt(leader, led, deadline, &open);
    if (!found.ok()) return found;
  }
  return open;
}

absl::Status TransactionAdmin::FindOpenAt(int32_t leader,
                                          absl::Span<const TopicPartition> partitions,
                                          absl::Time deadline, std::vector<OpenInPartition>* open) {
  const auto answer =
      Ask([&] { return cluster_->Broker(leader); }, Api::kDescribeProducers,
          [&](std::string* out) { WriteDescribeProducers(partitions, out); }, deadline);
  if (!answer.ok()) return answer.status();
  const auto described = ReadDescribeProducers(answer->body());
  if (!described.ok()) return described.status();
  for (const DescribeProducersAnswer::Partition& partition : described->partitions) {
    absl::Status refused = StatusOfProtocolCode(
        partition.error_code, absl::StrFormat("the producers of %s", NameOf(partition.of)),
        partition.error_message);
    if (!refused.ok()) return refused;
    for (const DescribeProducersAnswer::Producer& producer : partition.producers) {
      if (producer.transaction_start < 0) continue;
      open->push_back({.of = partition.of,
                       .start_offset = producer.transaction_start,
                       .producer = producer.id,
                       .epoch = producer.epoch,
                       .coordinator_epoch = producer.coordinator_epoch});
    }
  }
  return absl::OkStatus();
}

absl::Status TransactionAdmin::Fence(const std::string& id, absl::Duration within) {
  const absl::Time deadline = SteadyNow() + within;
  CoordinatorCall call(cluster_.get(), absl::StrFormat("taking over %s", id));
  call.Begin({.api = Api::kInitProducerId,
              .kind = CoordinatorKind::kTransaction,
              .key = id,
              .write = [&](int16_t,
                           std::string* out) { WriteInitProducerId(id, kFenceTimeoutMs, {}, out); },
              .read = [](int16_t, std::string_view body) -> absl::StatusOr<int16_t> {
                const auto answer = ReadInitProducerId(body);
                if (!answer.ok()) return answer.status();
                return answer->error_code;
              }});
  while (SteadyNow() < deadline) {
    if (std::optional<absl::Status> ended = call.Work(SteadyNow())) return *ended;
    cluster_->Turn(std::min(deadline, SteadyNow() + kAdminLook));
  }
  const std::string why = call.why();
  call.Drop();
  return absl::UnavailableError(
      absl::StrFormat("taking over %s: %s", id, why.empty() ? "no answer in time" : why));
}

absl::Status TransactionAdmin::AbortInPartition(const OpenInPartition& open,
                                                absl::Duration within) {
  const TransactionMarker marker = {.of = open.of,
                                    .producer = open.producer,
                                    .epoch = static_cast<int16_t>(open.epoch),
                                    .coordinator_epoch = std::max(open.coordinator_epoch, 0)};
  const auto answer =
      Ask([&] { return Leader(open.of); }, Api::kWriteTxnMarkers,
          [&](std::string* out) { WriteAbortMarker(marker, out); }, SteadyNow() + within);
  if (!answer.ok()) return answer.status();
  const absl::StatusOr<int16_t> code = ReadAbortMarker(answer->body());
  if (!code.ok()) return code.status();
  const std::string doing = absl::StrFormat("writing the marker into %s", NameOf(open.of));
  if (*code == kClusterAuthorizationFailed) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: CLUSTER_AUTHORIZATION_FAILED; grant this principal ClusterAction on the cluster, or "
        "abort it by its transactional id, which takes Write on that alone",
        doing));
  }
  return StatusOfProtocolCode(*code, doing);
}

}  // namespace turnout::connectors
