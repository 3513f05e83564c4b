#include "connectors/kafka_client.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "connectors/kafka_handle.h"
#include "connectors/oidc_settings.h"

namespace turnout::connectors {
namespace {

struct OwnedProperty {
  const char* name;
  const char* reason;  // what to do instead
};

constexpr char kByTurnout[] = "Turnout sets it itself: exactly-once delivery depends on it";
constexpr char kPointer[] = "it is for programs, not for files";

constexpr OwnedProperty kOwned[] = {
    {"bootstrap.servers", "set brokers instead"},
    {"metadata.broker.list", "set brokers instead"},
    {"client.id", "Turnout names its clients itself, after instance and worker"},
    {"group.id", "set source.group instead"},
    {"group.instance.id",
     "Turnout joins the group as a dynamic member: a replica that stops hands over at once"},
    {"session.timeout.ms", "set source.session_timeout instead"},
    {"auto.offset.reset", "set source.start instead"},
    {"transactional.id", "Turnout derives it from instance and worker"},
    {"transaction.timeout.ms", "set limits.transaction_timeout instead"},
    {"message.timeout.ms", "set limits.transaction_timeout instead"},
    {"delivery.timeout.ms", "set limits.transaction_timeout instead"},
    {"message.max.bytes", "Turnout sets it by the destinations' max.message.bytes"},
    {"enable.auto.commit", kByTurnout},
    {"auto.commit.enable", kByTurnout},
    {"auto.commit.interval.ms", kByTurnout},
    {"enable.auto.offset.store", kByTurnout},
    {"offset.store.method", kByTurnout},
    {"isolation.level", kByTurnout},
    {"partition.assignment.strategy", kByTurnout},
    {"group.protocol.type", kByTurnout},
    {"enable.idempotence", kByTurnout},
    {"enable.gapless.guarantee", kByTurnout},
    {"acks", kByTurnout},
    {"request.required.acks", kByTurnout},
    {"max.in.flight", kByTurnout},
    {"max.in.flight.requests.per.connection", kByTurnout},
    {"message.send.max.retries", kByTurnout},
    {"retries", kByTurnout},
    {"queuing.strategy", kByTurnout},
    {"partitioner", "keyed consumers depend on Java's murmur2, which Turnout uses always"},
    {"delivery.report.only.error", kByTurnout},
    {"dr_cb", kPointer},
    {"allow.auto.create.topics", "set create_topics instead"},
    {"enabled_events", kPointer},
    {"enable.partition.eof", kByTurnout},
    {"test.mock.num.brokers", "start with --embedded instead"},
    {"log_level", "set log.level instead"},
    {"log.queue", kPointer},
    {"error_cb", kPointer},
    {"throttle_cb", kPointer},
    {"stats_cb", kPointer},
    {"log_cb", kPointer},
    {"socket_cb", kPointer},
    {"connect_cb", kPointer},
    {"closesocket_cb", kPointer},
    {"open_cb", kPointer},
    {"resolve_cb", kPointer},
    {"opaque", kPointer},
    {"default_topic_conf", kPointer},
    {"background_event_cb", kPointer},
    {"interceptors", kPointer},
    {"rebalance_cb", kPointer},
    {"offset_commit_cb", kPointer},
    {"consume_cb", kPointer},
    {"dr_msg_cb", kPointer},
    {"partitioner_cb", kPointer},
    {"msg_order_cmp", kPointer},
    {"oauthbearer_token_refresh_cb", kPointer},
    {"ssl.certificate.verify_cb", kPointer},
    {"ssl_engine_callback_data", kPointer},
    {"ssl_key", "set ssl.key.pem or ssl.key.location instead"},
    {"ssl_certificate", "set ssl.certificate.pem or ssl.certificate.location instead"},
    {"ssl_ca", "set ssl.ca.pem or ssl.ca.location instead"},
};

// Levenshtein's distance.
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

std::string NearestName(const std::string& name) {
  std::string nearest;
  size_t least = name.size();
  for (const KnownKafkaProperty& known : KnownKafkaProperties()) {
    const size_t distance = Distance(name, known.name);
    if (distance < least) {
      least = distance;
      nearest = known.name;
    }
  }
  return nearest;
}

absl::Status CheckOne(rd_kafka_conf_t* scratch, const KafkaProperty& property) {
  const auto& [name, value] = property;
  for (const OwnedProperty& owned : kOwned) {
    if (name == owned.name) {
      return absl::InvalidArgumentError(
          absl::StrFormat("kafka.%s may not be set: %s", name, owned.reason));
    }
  }
  if (IsTokenProperty(name)) return CheckTokenProperty(property);
  char reason[512] = "";
  switch (rd_kafka_conf_set(scratch, name.c_str(), value.c_str(), reason, sizeof(reason))) {
    case RD_KAFKA_CONF_OK:
      return absl::OkStatus();
    case RD_KAFKA_CONF_UNKNOWN:
      return absl::InvalidArgumentError(
          absl::StrFormat("kafka.%s: librdkafka %s has no such property; the nearest is %s", name,
                          KafkaLibraryVersion(), NearestName(name)));
    default:
      // librdkafka's words repeat the value.
      return absl::InvalidArgumentError(
          IsSecretProperty(name)
              ? absl::StrFormat("kafka.%s: librdkafka refuses its value (not shown)", name)
              : absl::StrFormat("kafka.%s: %s", name, reason));
  }
}

}  // namespace

absl::Status CheckKafkaProperties(const std::vector<KafkaProperty>& properties) {
  rd_kafka_conf_t* scratch = rd_kafka_conf_new();
  absl::Status status;
  for (const KafkaProperty& property : properties) {
    status = CheckOne(scratch, property);
    if (!status.ok()) break;
  }
  rd_kafka_conf_destroy(scratch);
  return status;
}

bool IsSecretProperty(const std::string& name) {
  // Paths, addresses and switches open nothing by themselves.
  for (const char* harmless : {".location", ".url"}) {
    if (absl::EndsWith(name, harmless)) return false;
  }
  if (absl::StartsWith(name, "enable.")) return false;
  constexpr std::array kParts = {
      "password",          "secret", "token", "jaas", ".key.", "ssl_key", "oauthbearer.config",
      "kerberos.kinit.cmd"};
  return std::any_of(kParts.begin(), kParts.end(),
                     [&](const char* part) { return absl::StrContains(name, part); });
}

std::string KafkaLibraryVersion() { return rd_kafka_version_str(); }

}  // namespace turnout::connectors
