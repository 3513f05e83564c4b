// TopicProvisioning: topics, ACLs and quotas of the teams that a pipeline's destinations are for,
// as an administrator sees and makes them.
//
// It asks the brokers that a pipeline's config names, with the rights that its `kafka` has. Each
// call opens what it needs and waits for its answer, kProvisioningCall at most; all that is made
// may be asked for again.
//
// Errors: Unavailable - no broker answered in time. PermissionDenied - what is not granted, and
//   what to grant. FailedPrecondition - the brokers have no authorizer. InvalidArgument - the
//   config, or what brokers refuse.
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/access_admin.h"
#include "connectors/topic_admin.h"
#include "runtime/command_client.h"
#include "runtime/config.h"

namespace turnout::runtime {

inline constexpr absl::Duration kProvisioningCall = absl::Seconds(10);

using connectors::Acl;
using connectors::AclOperation;
using connectors::AclPattern;
using connectors::AclResource;

struct ProvisionedTopic {
  std::string name;
  int32_t partitions = 1;
  int16_t replication_factor = -1;  // -1: the brokers' default
  int64_t retention_ms = 0;         // 0: the brokers' default
};

class TopicProvisioning {
 public:
  // `pipeline` is the file of a pipeline's config. Talks to no broker yet.
  static absl::StatusOr<std::unique_ptr<TopicProvisioning>> Open(const std::string& pipeline);
  ~TopicProvisioning();

  // As the config says: the routers' transactional ids begin with it and a dash.
  const std::string& group() const { return config_->group; }
  const std::string& brokers() const { return config_->brokers; }
  // The group, and the topics, that are the pipeline's and no team's.
  std::vector<std::string> OwnNames() const;

  // Of those topics that exist.
  absl::StatusOr<std::map<std::string, int32_t>> Partitions(const std::vector<std::string>& topics);
  // Those that exist stay as they are.
  absl::Status CreateTopics(const std::vector<ProvisionedTopic>& topics);
  // Records (and marks of transactions) that each of these still has; those that are gone have
  // none.
  absl::StatusOr<std::map<std::string, int64_t>> RecordsOf(const std::vector<std::string>& topics);
  // With their records. Those that are gone are no error.
  absl::Status DeleteTopics(const std::vector<std::string>& topics);

  absl::StatusOr<std::vector<Acl>> AclsOf(const std::string& principal);
  absl::Status CreateAcls(const std::vector<Acl>& acls);
  absl::Status DeleteAcls(const std::vector<Acl>& acls);

  // Bytes a second that each broker lets the user read. Nullopt: as many as it likes.
  absl::StatusOr<std::optional<double>> ReadQuotaOf(const std::string& user);
  absl::Status SetReadQuota(const std::string& user, std::optional<double> bytes_per_second);

 private:
  TopicProvisioning() = default;
  absl::StatusOr<connectors::AccessAdmin*> Access();
  absl::StatusOr<connectors::TopicAdmin*> Topics();

  std::unique_ptr<Config> config_;
  CommandClient client_;
  std::unique_ptr<connectors::AccessAdmin> access_;  // null: not asked yet
  std::unique_ptr<connectors::TopicAdmin> topics_;
};

}  // namespace turnout::runtime
