#include "connectors/kafka_topic_admin.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_handle.h"
#include "connectors/scram_caution.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

// From this many topics on, one request lists the cluster's; below, each is asked for alone.
constexpr size_t kListAllFrom = 16;

using State = TopicDescription::State;
// By topic; entries point into the answer that is being made.
using Descriptions = std::map<std::string, TopicDescription*>;

struct EventDeleter {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
using QueueEvent = std::unique_ptr<rd_kafka_event_t, EventDeleter>;

struct OptionsDeleter {
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
};
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, OptionsDeleter>;

int RemainingMs(absl::Time deadline) {
  const int64_t left = absl::ToInt64Milliseconds(deadline - SteadyNow());
  return static_cast<int>(std::clamp<int64_t>(left, 1, 3'600'000));
}

AdminOptions MakeOptions(rd_kafka_t* client, rd_kafka_admin_op_t operation, absl::Time deadline) {
  AdminOptions options(rd_kafka_AdminOptions_new(client, operation));
  char reason[256] = "";
  rd_kafka_AdminOptions_set_request_timeout(options.get(), RemainingMs(deadline), reason,
                                            sizeof(reason));
  return options;
}

void Fill(const rd_kafka_metadata_topic& found, TopicDescription& description) {
  description.partitions = found.partition_cnt;
  switch (found.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      description.state = State::kReady;
      break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      description.state = State::kMissing;
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      description.state = State::kForbidden;
      break;
    default:
      description.state = State::kUnwell;
  }
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    description.partitions = 0;
    description.reason = KafkaCodeText(found.err);
    return;
  }
  for (int i = 0; i < found.partition_cnt; ++i) {
    if (found.partitions[i].leader >= 0) continue;
    description.state = State::kUnwell;
    description.reason = absl::StrFormat("partition %d: %s", found.partitions[i].id,
                                         KafkaCodeText(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE));
  }
}

void FillConfig(absl::string_view name, absl::string_view value, TopicDescription& description) {
  if (name == "cleanup.policy") description.compacted = absl::StrContains(value, "compact");
  int64_t number = 0;
  if (!absl::SimpleAtoi(value, &number)) return;
  if (name == "max.message.bytes") description.batch_bytes_max = number;
  if (name == "delete.retention.ms") description.delete_retention_ms = number;
  if (name == "retention.ms") description.retention_ms = number;
  if (name == "retention.bytes") description.retention_bytes = number;
}

class Admin final : public TopicAdmin {
 public:
  absl::Status Start(const KafkaClientOptions& options);
  bool is_outdated() const { return client_->is_outdated(); }

  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics,
                                                         bool may_write,
                                                         absl::Duration timeout) override;
  absl::Status Create(absl::Span<const NewTopic> topics, absl::Duration timeout) override;
  absl::StatusOr<std::vector<std::string>> List(absl::Duration timeout) override;

 private:
  // What the delivery reports of one probe said.
  struct Probe {
    std::map<std::string, int> codes;  // of topics that were asked for
  };
  static void OnProbed(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);

  absl::Status ListAll(Descriptions& wanted, absl::Time deadline);
  absl::Status AskOne(const std::string& topic, TopicDescription& description, absl::Time deadline);
  void AskLimits(const Descriptions& wanted, absl::Time deadline);
  absl::Status AskMayWrite(const Descriptions& wanted, absl::Time deadline);

  // A consumer, because a consumer's metadata requests never create a topic.
  std::unique_ptr<KafkaHandle> client_;
  absl::Mutex mu_;  // one probe at a time
  std::unique_ptr<KafkaHandle> prober_ ABSL_GUARDED_BY(mu_);
};

absl::Status Admin::Start(const KafkaClientOptions& options) {
  KafkaHandleSetup setup;
  setup.role = KafkaRole::kConsumer;
  setup.client = options;
  setup.defaults = {{"reconnect.backoff.max.ms", "2000"}};
  setup.settings = {{"allow.auto.create.topics", "false"}};
  absl::StatusOr<std::unique_ptr<KafkaHandle>> client = KafkaHandle::Make(std::move(setup));
  if (!client.ok()) return client.status();
  client_ = *std::move(client);

  KafkaHandleSetup probe;
  probe.role = KafkaRole::kProducer;
  probe.client = options;
  probe.prepare = [](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_dr_msg_cb(conf, &Admin::OnProbed);
  };
  probe.defaults = {{"reconnect.backoff.max.ms", "2000"}};
  probe.settings = {
      {"allow.auto.create.topics", "false"},
      {"enable.idempotence", "false"},
      {"request.required.acks", "2"},  // which no broker accepts
      // A connection that ends under the question, as where its session is over, says nothing of
      // the topic.
      {"message.send.max.retries", "2"},
      {"linger.ms", "0"},
      {"topic.metadata.propagation.max.ms", "1000"},
  };
  absl::StatusOr<std::unique_ptr<KafkaHandle>> prober = KafkaHandle::Make(std::move(probe));
  if (!prober.ok()) return prober.status();
  const absl::MutexLock lock(&mu_);
  prober_ = *std::move(prober);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TopicDescription>> Admin::Describe(absl::Span<const std::string> topics,
                                                              bool may_write,
                                                              absl::Duration timeout) {
  const absl::Time deadline = SteadyNow() + timeout;
  std::vector<TopicDescription> answers(topics.size());
  Descriptions wanted;
  for (size_t i = 0; i < topics.size(); ++i) {
    answers[i].topic = topics[i];
    wanted.emplace(topics[i], &answers[i]);
  }
  Descriptions unseen = wanted;
  absl::Status status;
  if (wanted.size() >= kListAllFrom) status = ListAll(unseen, deadline);
  for (auto& [topic, description] : unseen) {
    if (status.ok()) status = AskOne(topic, *description, deadline);
  }
  Descriptions present;
  for (const auto& [topic, description] : wanted) {
    if (description->state == State::kReady) present.emplace(topic, description);
  }
  if (status.ok() && !present.empty() && may_write) status = AskMayWrite(present, deadline);
  if (!status.ok()) return status;
  if (!present.empty()) AskLimits(present, deadline);
  for (TopicDescription& answer : answers) answer = *wanted[answer.topic];  // asked for twice
  return answers;
}

absl::StatusOr<std::vector<std::string>> Admin::List(absl::Duration timeout) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t code =
      rd_kafka_metadata(client_->get(), 1, nullptr, &metadata, RemainingMs(SteadyNow() + timeout));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(code, "listing topics");
  std::vector<std::string> topics;
  for (int i = 0; i < metadata->topic_cnt; ++i) topics.emplace_back(metadata->topics[i].topic);
  rd_kafka_metadata_destroy(metadata);
  return topics;
}

// Takes out of `wanted` what the cluster lists. What it doesn't list may be missing, or may be
// something this principal may not see; AskOne tells.
absl::Status Admin::ListAll(Descriptions& wanted, absl::Time deadline) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t code =
      rd_kafka_metadata(client_->get(), 1, nullptr, &metadata, RemainingMs(deadline));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(code, "listing topics");
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const auto found = wanted.find(metadata->topics[i].topic);
    if (found == wanted.end()) continue;
    Fill(metadata->topics[i], *found->second);
    wanted.erase(found);
  }
  rd_kafka_metadata_destroy(metadata);
  return absl::OkStatus();
}

absl::Status Admin::AskOne(const std::string& topic, TopicDescription& description,
                           absl::Time deadline) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr);
  if (handle == nullptr) {  // not even a name
    description.reason = KafkaCodeText(RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
    return absl::OkStatus();
  }
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t code =
      rd_kafka_metadata(client_->get(), 0, handle, &metadata, RemainingMs(deadline));
  rd_kafka_topic_destroy(handle);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return StatusOfKafkaCode(code, absl::StrFormat("looking at topic %s", topic));
  }
  if (metadata->topic_cnt == 1) Fill(metadata->topics[0], description);
  rd_kafka_metadata_destroy(metadata);
  return absl::OkStatus();
}

// Leaves -1 where DescribeConfigs is not granted or not answered: a record that is too large is
// then found out when it is sent.
void Admin::AskLimits(const Descriptions& wanted, absl::Time deadline) {
  std::vector<rd_kafka_ConfigResource_t*> resources;
  for (const auto& [topic, description] : wanted) {
    resources.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  }
  const KafkaQueue queue(rd_kafka_queue_new(client_->get()));
  const AdminOptions options =
      MakeOptions(client_->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline);
  rd_kafka_DescribeConfigs(client_->get(), resources.data(), resources.size(), options.get(),
                           queue.get());
  rd_kafka_ConfigResource_destroy_array(resources.data(), resources.size());
  const QueueEvent event(rd_kafka_queue_poll(queue.get(), RemainingMs(deadline)));
  if (event == nullptr || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  size_t count = 0;
  const rd_kafka_ConfigResource_t** answers = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto found = wanted.find(rd_kafka_ConfigResource_name(answers[i]));
    if (found == wanted.end()) continue;
    size_t entry_count = 0;
    const rd_kafka_ConfigEntry_t** entries =
        rd_kafka_ConfigResource_configs(answers[i], &entry_count);
    for (size_t j = 0; j < entry_count; ++j) {
      const char* const name = rd_kafka_ConfigEntry_name(entries[j]);
      const char* const value = rd_kafka_ConfigEntry_value(entries[j]);
      if (value != nullptr) FillConfig(name, value, *found->second);
    }
  }
}

// Asks for the metadata of one topic, or of all for null.
absl::Status LearnLeaders(rd_kafka_t* client, rd_kafka_topic_t* topic, absl::Time deadline) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t code =
      rd_kafka_metadata(client, topic == nullptr ? 1 : 0, topic, &metadata, RemainingMs(deadline));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(code, "asking for Write");
  rd_kafka_metadata_destroy(metadata);
  return absl::OkStatus();
}

void Admin::OnProbed(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* probe = static_cast<Probe*>(message->_private);
  probe->codes[rd_kafka_topic_name(message->rkt)] = message->err;
}

// One record to each topic with an acks value that is refused. The broker looks at the permission
// first, so INVALID_REQUIRED_ACKS means yes.
absl::Status Admin::AskMayWrite(const Descriptions& wanted, absl::Time deadline) {
  const absl::MutexLock lock(&mu_);
  rd_kafka_t* client = prober_->get();
  // Leaders first: a record whose partition's leader is not known waits a second for the next look.
  std::vector<KafkaTopic> handles;
  for (const auto& [topic, description] : wanted) {
    handles.emplace_back(rd_kafka_topic_new(client, topic.c_str(), nullptr));
    if (handles.back() == nullptr) {
      return StatusOfKafkaCode(rd_kafka_last_error(), "asking for Write on topic " + topic);
    }
    if (wanted.size() >= kListAllFrom) continue;
    const absl::Status known = LearnLeaders(client, handles.back().get(), deadline);
    if (!known.ok()) return known;
  }
  if (wanted.size() >= kListAllFrom) {
    const absl::Status known = LearnLeaders(client, nullptr, deadline);
    if (!known.ok()) return known;
  }
  Probe probe;
  for (const KafkaTopic& topic : handles) {
    if (rd_kafka_produce(topic.get(), /*partition=*/0, /*msgflags=*/0, nullptr, 0, "probe", 5,
                         &probe) != 0) {
      probe.codes[rd_kafka_topic_name(topic.get())] = rd_kafka_last_error();
    }
  }
  const bool answered = rd_kafka_flush(client, RemainingMs(deadline)) == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (!answered) {  // no report may come after `probe` is gone
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client, -1);
  }
  for (const auto& [topic, description] : wanted) {
    const auto found = probe.codes.find(topic);
    const int code = found == probe.codes.end() ? RD_KAFKA_RESP_ERR__TIMED_OUT : found->second;
    // Brokers that look at no acks take the record: it may be written just as well.
    if (code == RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS || code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      continue;
    }
    switch (DestinationFailureOf(code, topic).kind) {
      case DestinationFailure::Kind::kForbidden:
        description->state = State::kForbidden;
        break;
      case DestinationFailure::Kind::kMissing:
        description->state = State::kMissing;
        break;
      default:
        if (!answered) return absl::UnavailableError("asking for Write: no answer in time");
        description->state = State::kUnwell;
    }
    description->reason = KafkaCodeText(code);
  }
  return absl::OkStatus();
}

absl::Status Admin::Create(absl::Span<const NewTopic> topics, absl::Duration timeout) {
  if (topics.empty()) return absl::OkStatus();
  const absl::Time deadline = SteadyNow() + timeout;
  std::vector<rd_kafka_NewTopic_t*> wanted;
  absl::Status status;
  for (const NewTopic& topic : topics) {
    char reason[256] = "";
    rd_kafka_NewTopic_t* made = rd_kafka_NewTopic_new(
        topic.topic.c_str(), topic.partitions, topic.replication_factor, reason, sizeof(reason));
    if (made == nullptr) {
      status.Update(absl::InvalidArgumentError(
          absl::StrFormat("creating topic %s: %s", topic.topic, reason)));
      continue;
    }
    if (topic.retention_ms != 0) {
      rd_kafka_NewTopic_set_config(made, "retention.ms",
                                   absl::StrFormat("%d", topic.retention_ms).c_str());
    }
    if (topic.goes_by_age_alone) {
      rd_kafka_NewTopic_set_config(made, "cleanup.policy", "delete");
      rd_kafka_NewTopic_set_config(made, "retention.bytes", "-1");
    }
    wanted.push_back(made);
  }
  const KafkaQueue queue(rd_kafka_queue_new(client_->get()));
  if (status.ok()) {
    const AdminOptions options =
        MakeOptions(client_->get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline);
    rd_kafka_CreateTopics(client_->get(), wanted.data(), wanted.size(), options.get(), queue.get());
  }
  rd_kafka_NewTopic_destroy_array(wanted.data(), wanted.size());
  if (!status.ok()) return status;
  const QueueEvent event(rd_kafka_queue_poll(queue.get(), RemainingMs(deadline)));
  if (event == nullptr) return absl::UnavailableError("creating topics: no answer in time");
  status = StatusOfKafkaCode(rd_kafka_event_error(event.get()), "creating topics");
  if (!status.ok()) return status;
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      continue;
    }
    const char* said = rd_kafka_topic_result_error_string(results[i]);
    const std::string text = absl::StrFormat(
        "creating topic %s: %s%s%s", rd_kafka_topic_result_name(results[i]), KafkaCodeText(code),
        said == nullptr ? "" : ": ", said == nullptr ? "" : said);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
      return absl::PermissionDeniedError(
          text + "; grant this principal Create on the cluster or on the topic");
    }
    const absl::Status sorted = StatusOfKafkaCode(code, "");
    return absl::IsUnavailable(sorted) ? absl::UnavailableError(text)
                                       : absl::InvalidArgumentError(text);
  }
  return absl::OkStatus();
}

// An Admin that is made anew once certificates have changed, while others still ask the one before.
class RenewedAdmin final : public TopicAdmin {
 public:
  explicit RenewedAdmin(const KafkaClientOptions& options) : options_(options) {}

  absl::Status Start() {
    const absl::MutexLock lock(&mu_);
    return Renew();
  }

  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics,
                                                         bool may_write,
                                                         absl::Duration timeout) override {
    auto described = Now()->Describe(topics, may_write, timeout);
    return described.ok() ? std::move(described) : Cautioned(described.status());
  }
  absl::Status Create(absl::Span<const NewTopic> topics, absl::Duration timeout) override {
    return Cautioned(Now()->Create(topics, timeout));
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration timeout) override {
    auto listed = Now()->List(timeout);
    return listed.ok() ? std::move(listed) : Cautioned(listed.status());
  }

 private:
  absl::Status Renew() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    auto fresh = std::make_shared<Admin>();
    const absl::Status started = fresh->Start(options_);
    if (started.ok()) admin_ = std::move(fresh);
    return started;
  }

  // That no broker lets us in is told as that none is there.
  absl::Status Cautioned(absl::Status status) const {
    if (!absl::IsUnavailable(status)) return status;
    const std::string caution = ScramCaution(options_.properties);
    if (caution.empty()) return status;
    return absl::UnavailableError(absl::StrFormat("%s; %s", status.message(), caution));
  }

  // The one before where another can't be made: what it asks says why.
  std::shared_ptr<Admin> Now() {
    const absl::MutexLock lock(&mu_);
    if (admin_->is_outdated()) Renew().IgnoreError();
    return admin_;
  }

  const KafkaClientOptions options_;
  absl::Mutex mu_;
  std::shared_ptr<Admin> admin_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<TopicAdmin>> MakeKafkaTopicAdmin(const KafkaClientOptions& options) {
  auto admin = std::make_unique<RenewedAdmin>(options);
  const absl::Status status = admin->Start();
  if (!status.ok()) return status;
  return admin;
}

}  // namespace turnout::connectors
