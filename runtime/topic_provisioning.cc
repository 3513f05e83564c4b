#include "runtime/topic_provisioning.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "connectors/kafka_topic_admin.h"
#include "connectors/topic_range_reader.h"
#include "runtime/load_config.h"
#include "runtime/log.h"
#include "runtime/topic_range.h"

namespace turnout::runtime {
namespace {

constexpr char kReadQuota[] = "consumer_byte_rate";
constexpr int kWarning = 4;

using State = connectors::TopicDescription::State;

}  // namespace

TopicProvisioning::~TopicProvisioning() = default;

absl::StatusOr<std::unique_ptr<TopicProvisioning>> TopicProvisioning::Open(
    const std::string& pipeline) {
  absl::StatusOr<Config> config = ConfigOf(pipeline);
  if (!config.ok()) return config.status();
  std::unique_ptr<TopicProvisioning> provisioning(new TopicProvisioning());
  provisioning->config_ = std::make_unique<Config>(*std::move(config));
  auto client = MakeCommandClient(*provisioning->config_, "onboard", stderr);
  if (!client.ok()) return client.status();
  provisioning->client_ = *std::move(client);
  provisioning->client_.options.events.on_log = [](int level, const std::string& id,
                                                   const std::string& message) {
    const auto log = level <= kWarning ? LogWarning : LogDebug;
    log("kafka_client", message, {{"client", id}});
  };
  return provisioning;
}

std::vector<std::string> TopicProvisioning::OwnNames() const {
  const Config& config = *config_;
  std::vector<std::string> names = {config.group, config.topic, config.dead_letter_topic,
                                    config.parking_topic, config.rekey_topic};
  for (const auto& table : config.tables) names.push_back(table.topic);
  for (absl::string_view origin :
       {absl::string_view(config.rules), absl::string_view(config.rules_from.report_to)}) {
    if (absl::ConsumePrefix(&origin, "topic:")) names.emplace_back(origin);
  }
  return names;
}

absl::StatusOr<connectors::AccessAdmin*> TopicProvisioning::Access() {
  if (access_ == nullptr) {
    auto made = connectors::AccessAdmin::Make(client_.options);
    if (!made.ok()) return made.status();
    access_ = *std::move(made);
  }
  return access_.get();
}

absl::StatusOr<connectors::TopicAdmin*> TopicProvisioning::Topics() {
  if (topics_ == nullptr) {
    auto made = connectors::MakeKafkaTopicAdmin(client_.options);
    if (!made.ok()) return made.status();
    topics_ = *std::move(made);
  }
  return topics_.get();
}

absl::StatusOr<std::map<std::string, int32_t>> TopicProvisioning::Partitions(
    const std::vector<std::string>& topics) {
  const auto admin = Topics();
  if (!admin.ok()) return admin.status();
  const auto described = (*admin)->Describe(topics, /*may_write=*/false, kProvisioningCall);
  if (!described.ok()) return described.status();
  std::map<std::string, int32_t> partitions;
  for (const connectors::TopicDescription& one : *described) {
    if (one.state == State::kForbidden) {
      return absl::PermissionDeniedError(absl::StrCat("topic ", one.topic, ": ", one.reason,
                                                      "; grant this principal Describe on it"));
    }
    if (one.state != State::kMissing) partitions[one.topic] = one.partitions;
  }
  return partitions;
}

absl::Status TopicProvisioning::CreateTopics(const std::vector<ProvisionedTopic>& topics) {
  if (topics.empty()) return absl::OkStatus();
  const auto admin = Topics();
  if (!admin.ok()) return admin.status();
  std::vector<connectors::NewTopic> wanted;
  for (const ProvisionedTopic& one : topics) {
    wanted.push_back({.topic = one.name,
                      .partitions = one.partitions,
                      .replication_factor = one.replication_factor,
                      .retention_ms = one.retention_ms});
  }
  return (*admin)->Create(wanted, kProvisioningCall);
}

absl::StatusOr<std::map<std::string, int64_t>> TopicProvisioning::RecordsOf(
    const std::vector<std::string>& topics) {
  const auto existing = Partitions(topics);
  if (!existing.ok()) return existing.status();
  std::map<std::string, int64_t> records;
  for (const auto& [topic, partitions] : *existing) {
    connectors::TopicRangeOptions options;
    options.client = client_.options;
    options.topic = topic;
    options.read_committed = false;
    const auto reader = connectors::TopicRangeReader::Make(options);
    if (!reader.ok()) return reader.status();
    const auto bounds = (*reader)->Bounds(kProvisioningCall);
    if (!bounds.ok()) return bounds.status();
    records[topic] = SizeOf(*bounds);
  }
  return records;
}

absl::Status TopicProvisioning::DeleteTopics(const std::vector<std::string>& topics) {
  const auto access = Access();
  return access.ok() ? (*access)->DeleteTopics(topics, kProvisioningCall) : access.status();
}

absl::StatusOr<std::vector<Acl>> TopicProvisioning::AclsOf(const std::string& principal) {
  const auto access = Access();
  if (!access.ok()) return access.status();
  return (*access)->AclsOf(principal, kProvisioningCall);
}

absl::Status TopicProvisioning::CreateAcls(const std::vector<Acl>& acls) {
  const auto access = Access();
  return access.ok() ? (*access)->CreateAcls(acls, kProvisioningCall) : access.status();
}

absl::Status TopicProvisioning::DeleteAcls(const std::vector<Acl>& acls) {
  const auto access = Access();
  return access.ok() ? (*access)->DeleteAcls(acls, kProvisioningCall) : access.status();
}

absl::StatusOr<std::optional<double>> TopicProvisioning::ReadQuotaOf(const std::string& user) {
  const auto access = Access();
  if (!access.ok()) return access.status();
  const auto quotas = (*access)->QuotasOf(user, kProvisioningCall);
  if (!quotas.ok()) return quotas.status();
  const auto found = quotas->find(kReadQuota);
  if (found == quotas->end()) return std::optional<double>();
  return std::optional<double>(found->second);
}

absl::Status TopicProvisioning::SetReadQuota(const std::string& user,
                                             std::optional<double> bytes_per_second) {
  const auto access = Access();
  if (!access.ok()) return access.status();
  return (*access)->SetQuota(user, kReadQuota, bytes_per_second, kProvisioningCall);
}

}  // namespace turnout::runtime
