#include "connectors/access_admin.h"

#include "absl/strings/str_format.h"
#include "connectors/admin_call.h"
#include "connectors/protocol_errors.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

constexpr char kNeeds[] = "this needs Kafka 3.0 or newer";
constexpr int kTopicAuthorizationFailed = kCodeTopicAuthorizationFailed;
constexpr int kClusterAuthorizationFailed = 31;
constexpr int kSecurityDisabled = 54;

absl::Status StatusOf(int code, const std::string& doing, const std::string& said,
                      const char* grant) {
  if (code == kCodeNone) return absl::OkStatus();
  const std::string text =
      absl::StrFormat("%s: %s%s%s", doing, ProtocolErrorText(code), said.empty() ? "" : ": ", said);
  if (code == kClusterAuthorizationFailed || code == kTopicAuthorizationFailed) {
    return absl::PermissionDeniedError(absl::StrFormat("%s; grant this principal %s", text, grant));
  }
  if (code == kSecurityDisabled) return absl::FailedPreconditionError(text);
  if (ProtocolErrorOf(code).outcome == absl::StatusCode::kUnavailable) {
    return absl::UnavailableError(text);
  }
  return absl::InvalidArgumentError(text);
}

constexpr char kAlterCluster[] = "Alter and Describe on the cluster";

}  // namespace

absl::StatusOr<std::unique_ptr<AccessAdmin>> AccessAdmin::Make(const KafkaClientOptions& options) {
  absl::StatusOr<std::unique_ptr<ClusterClient>> cluster = ClusterClient::Make(options);
  if (!cluster.ok()) return cluster.status();
  return std::unique_ptr<AccessAdmin>(new AccessAdmin(*std::move(cluster)));
}

template <typename Write>
absl::StatusOr<Answer> AccessAdmin::Ask(Api api, Write write, absl::Duration within) {
  return AskBroker(
      *cluster_, [this] { return cluster_->AnyBroker(); }, api, write, kNeeds,
      SteadyNow() + within);
}

absl::StatusOr<std::vector<Acl>> AccessAdmin::AclsOf(const std::string& principal,
                                                     absl::Duration within) {
  const auto answer = Ask(
      Api::kDescribeAcls, [&](std::string* out) { WriteDescribeAcls(principal, out); }, within);
  if (!answer.ok()) return answer.status();
  auto described = ReadDescribeAcls(answer->body());
  if (!described.ok()) return described.status();
  absl::Status refused =
      StatusOf(described->error_code, absl::StrFormat("looking for ACLs of %s", principal),
               described->error_message, kAlterCluster);
  if (!refused.ok()) return refused;
  return std::move(described->acls);
}

absl::Status AccessAdmin::CreateAcls(absl::Span<const Acl> acls, absl::Duration within) {
  if (acls.empty()) return absl::OkStatus();
  const auto answer = Ask(
      Api::kCreateAcls, [&](std::string* out) { WriteCreateAcls(acls, out); }, within);
  if (!answer.ok()) return answer.status();
  const auto created = ReadCreateAcls(answer->body());
  if (!created.ok()) return created.status();
  if (created->size() != acls.size()) return UnreadableAnswer(Api::kCreateAcls);
  for (size_t i = 0; i < acls.size(); ++i) {
    absl::Status refused =
        StatusOf((*created)[i].error_code,
                 absl::StrFormat("creating the ACL of %s on %s", acls[i].principal, acls[i].name),
                 (*created)[i].error_message, kAlterCluster);
    if (!refused.ok()) return refused;
  }
  return absl::OkStatus();
}

absl::Status AccessAdmin::DeleteAcls(absl::Span<const Acl> acls, absl::Duration within) {
  if (acls.empty()) return absl::OkStatus();
  const auto answer = Ask(
      Api::kDeleteAcls, [&](std::string* out) { WriteDeleteAcls(acls, out); }, within);
  if (!answer.ok()) return answer.status();
  const auto deleted = ReadDeleteAcls(answer->body());
  if (!deleted.ok()) return deleted.status();
  if (deleted->size() != acls.size()) return UnreadableAnswer(Api::kDeleteAcls);
  for (size_t i = 0; i < acls.size(); ++i) {
    absl::Status refused =
        StatusOf((*deleted)[i].error_code,
                 absl::StrFormat("deleting the ACL of %s on %s", acls[i].principal, acls[i].name),
                 (*deleted)[i].error_message, kAlterCluster);
    if (!refused.ok()) return refused;
  }
  return absl::OkStatus();
}

absl::StatusOr<Quotas> AccessAdmin::QuotasOf(const std::string& user, absl::Duration within) {
  const auto answer = Ask(
      Api::kDescribeClientQuotas, [&](std::string* out) { WriteDescribeUserQuotas(user, out); },
      within);
  if (!answer.ok()) return answer.status();
  auto described = ReadDescribeUserQuotas(answer->body());
  if (!described.ok()) return described.status();
  absl::Status refused =
      StatusOf(described->error_code, absl::StrFormat("looking for the quotas of user %s", user),
               described->error_message, "DescribeConfigs on the cluster");
  if (!refused.ok()) return refused;
  return std::move(described->quotas);
}

absl::Status AccessAdmin::SetQuota(const std::string& user, const std::string& quota,
                                   std::optional<double> value, absl::Duration within) {
  const auto answer = Ask(
      Api::kAlterClientQuotas,
      [&](std::string* out) { WriteAlterUserQuota(user, quota, value, out); }, within);
  if (!answer.ok()) return answer.status();
  const auto altered = ReadAlterUserQuota(answer->body());
  if (!altered.ok()) return altered.status();
  return StatusOf(altered->error_code, absl::StrFormat("setting %s of user %s", quota, user),
                  altered->error_message, "AlterConfigs on the cluster");
}

absl::Status AccessAdmin::DeleteTopics(absl::Span<const std::string> topics,
                                       absl::Duration within) {
  if (topics.empty()) return absl::OkStatus();
  const auto answer = Ask(
      Api::kDeleteTopics,
      [&](std::string* out) {
        WriteDeleteTopics(topics, static_cast<int32_t>(absl::ToInt64Milliseconds(within)), out);
      },
      within);
  if (!answer.ok()) return answer.status();
  const auto deleted = ReadDeleteTopics(answer->body());
  if (!deleted.ok()) return deleted.status();
  for (const DeletedTopic& one : *deleted) {
    if (one.error_code == kCodeUnknownTopicOrPartition) continue;
    absl::Status refused = StatusOf(one.error_code, absl::StrFormat("deleting topic %s", one.topic),
                                    one.error_message, "Delete on the topic");
    if (!refused.ok()) return refused;
  }
  return absl::OkStatus();
}

}  // namespace turnout::connectors
