// ClusterClient: the brokers of a cluster, its topics' leaders and its coordinators, as far as they
// are asked for.
//
// Internal to connectors/. Nothing here waits but Turn. What is asked for and not known yet is
// Unavailable, is being looked up from then on, and known some turns later. Brokers are reached
// through `brokers` of the config until the cluster has told its own.
//
// Errors: Unavailable, with what is waited for and what was last heard of it. Unimplemented: the
//   broker in question is too old.
// Lifetime: connections live as long as the client.
// Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/broker_connection.h"
#include "connectors/cluster_protocol.h"
#include "connectors/kafka_client.h"
#include "connectors/tls_transport.h"

namespace turnout::connectors {

// A request on its way.
struct Ticket {
  BrokerConnection* connection = nullptr;  // null: none
  int32_t request = 0;
};

class ClusterClient {
 public:
  // How long what is known of a topic is believed.
  static constexpr absl::Duration kTopicAgeMax = absl::Minutes(5);

  static absl::StatusOr<std::unique_ptr<ClusterClient>> Make(const KafkaClientOptions& options);
  ~ClusterClient();

  // Waits until a broker answered, something is due or it is `until`, then sees to all of it. With
  // `until` in the past it only looks.
  void Turn(absl::Time until);

  // Ready to be sent to.
  absl::StatusOr<BrokerConnection*> Broker(int32_t id);
  absl::StatusOr<BrokerConnection*> AnyBroker();
  // All that the cluster has told of; empty before the first topic is known.
  std::vector<int32_t> brokers() const;
  // What refuses to be looked up for good is told once: the next call asks anew, since a person may
  // have seen to it.
  absl::StatusOr<BrokerConnection*> Coordinator(CoordinatorKind kind, const std::string& key);
  void ForgetCoordinator(CoordinatorKind kind, const std::string& key);

  struct Topic {
    int16_t error_code = 0;
    std::vector<int32_t> leaders;  // by partition; -1: none for now
    absl::Time told;               // by the cluster
  };
  // Null while it is not known; see WantTopic.
  const Topic* FindTopic(std::string_view name) const;
  // Have it looked up, also if it is known, since that turned out to be wrong.
  void WantTopic(std::string_view name);
  void ForgetTopic(std::string_view name);

  // Gives all connections up and makes new ones, that agree on versions anew.
  void Reconnect();

  // What was last heard of brokers that can't be reached; empty when all can.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Known {
    int32_t broker = -1;
    Ticket lookup;
    absl::Time retry_at = absl::InfinitePast();
    absl::Status trouble;
  };
  using CoordinatorKey = std::pair<CoordinatorKind, std::string>;

  explicit ClusterClient(const KafkaClientOptions& options);
  absl::Status Start();
  absl::Status TakeSecurity();
  void RenewSecurity();
  void Poll(absl::Time until);
  void PursueTopics(absl::Time now);
  void AskForTopics(absl::Time now);
  void LearnTopics(const absl::StatusOr<Answer>& answer, absl::Time now);
  void LearnBrokers(const std::vector<MetadataAnswer::Broker>& brokers);
  void PursueCoordinator(const CoordinatorKey& key, Known& known, absl::Time now);
  void LearnCoordinator(const absl::StatusOr<Answer>& answer, Known& known, absl::Time now);
  template <typename Visit>
  void EachConnection(Visit visit);

  const KafkaClientOptions options_;
  uint64_t password_edition_ = 0;     // that it goes by
  uint64_t certificate_edition_ = 0;  // ... and that its connections are made of
  ConnectionSettings settings_;
  std::unique_ptr<TlsContext> tls_;
  std::vector<std::unique_ptr<BrokerConnection>> bootstrap_;
  std::map<int32_t, std::unique_ptr<BrokerConnection>> brokers_;

  absl::flat_hash_map<std::string, Topic> topics_;
  absl::flat_hash_set<std::string> wanted_;  // topics to be asked for
  std::vector<std::string> asked_;           // ... and that are being asked for
  Ticket topics_lookup_;
  absl::Time topics_retry_at_ = absl::InfinitePast();
  std::map<CoordinatorKey, Known> coordinators_;
  std::string trouble_;
};

}  // namespace turnout::connectors
