// AccessAdmin: what an administrator does so that a team may read topics: ACLs and quotas, and the
// end of topics that nobody wants any more.
//
// By our own side of Kafka's protocol: librdkafka has no quotas, and the one that most machines
// have can't log in by SCRAM. Any broker may be asked: those of a KRaft cluster pass it on. All of
// it may be asked for twice.
//
// Needs brokers from Kafka 3.0 on. Errors: Unavailable - no answer in time: ask again.
//   PermissionDenied - this principal isn't allowed to; the message says what to grant.
//   FailedPrecondition - the brokers have no authorizer. InvalidArgument - they refuse what was
//   asked for. Unimplemented - they are too old.
// Threads: one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/acl_protocol.h"
#include "connectors/cluster_client.h"
#include "connectors/kafka_client.h"
#include "connectors/quota_protocol.h"

namespace turnout::connectors {

class AccessAdmin {
 public:
  // Talks to nobody yet.
  static absl::StatusOr<std::unique_ptr<AccessAdmin>> Make(const KafkaClientOptions& options);

  // That allow this principal something.
  absl::StatusOr<std::vector<Acl>> AclsOf(const std::string& principal, absl::Duration within);
  absl::Status CreateAcls(absl::Span<const Acl> acls, absl::Duration within);
  // Those that aren't there are no error.
  absl::Status DeleteAcls(absl::Span<const Acl> acls, absl::Duration within);

  absl::StatusOr<Quotas> QuotasOf(const std::string& user, absl::Duration within);
  absl::Status SetQuota(const std::string& user, const std::string& quota,
                        std::optional<double> value, absl::Duration within);

  // With all of their records. Those that aren't there are no error.
  absl::Status DeleteTopics(absl::Span<const std::string> topics, absl::Duration within);

 private:
  explicit AccessAdmin(std::unique_ptr<ClusterClient> cluster) : cluster_(std::move(cluster)) {}
  template <typename Write>
  absl::StatusOr<Answer> Ask(Api api, Write write, absl::Duration within);

  const std::unique_ptr<ClusterClient> cluster_;
};

}  // namespace turnout::connectors
