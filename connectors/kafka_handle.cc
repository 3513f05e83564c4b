#include "connectors/kafka_handle.h"

#include <librdkafka/rdkafka.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace turnout::connectors {

// librdkafka's C callbacks, on their way to the handle that owns the client.
struct KafkaCallbacks {
  static void OnError(rd_kafka_t*, int code, const char* reason, void* opaque) {
    auto* handle = static_cast<KafkaHandle*>(opaque);
    if (handle->setup_.on_error) handle->setup_.on_error(code, reason);
  }

  static void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
    auto* handle = static_cast<KafkaHandle*>(rd_kafka_opaque(client));
    if (handle == nullptr) return;
    if (handle->setup_.on_log_line) handle->setup_.on_log_line(facility, text);
    const KafkaClientOptions& options = handle->setup_.client;
    if (options.events.on_log) {
      options.events.on_log(level, options.client_id, absl::StrFormat("%s: %s", facility, text));
    }
  }
};

namespace {

// librdkafka prints its properties as a Markdown table: name | C/P | range | default | ...
std::vector<KnownKafkaProperty> ReadKnownProperties() {
  char* text = nullptr;
  size_t size = 0;
  FILE* memory = open_memstream(&text, &size);
  if (memory == nullptr) return {};
  rd_kafka_conf_properties_show(memory);
  std::fclose(memory);
  std::vector<KnownKafkaProperty> known;
  for (absl::string_view line : absl::StrSplit(absl::string_view(text, size), '\n')) {
    const std::vector<absl::string_view> cells = absl::StrSplit(line, '|');
    if (cells.size() < 4) continue;
    const absl::string_view name = absl::StripAsciiWhitespace(cells[0]);
    const absl::string_view kind = absl::StripAsciiWhitespace(cells[1]);
    if (kind != "*" && kind != "C" && kind != "P") continue;
    known.push_back({std::string(name), kind != "P", kind != "C"});
  }
  std::free(text);
  return known;
}

bool BelongsTo(const std::string& name, KafkaRole role) {
  for (const KnownKafkaProperty& known : KnownKafkaProperties()) {
    if (known.name == name) return role == KafkaRole::kConsumer ? known.consumer : known.producer;
  }
  return true;  // librdkafka has the last word
}

absl::Status Set(rd_kafka_conf_t* conf, const KafkaProperty& property) {
  char reason[512] = "";
  const auto result = rd_kafka_conf_set(conf, property.first.c_str(), property.second.c_str(),
                                        reason, sizeof(reason));
  if (result == RD_KAFKA_CONF_OK) return absl::OkStatus();
  // librdkafka's own words repeat the value.
  if (IsSecretProperty(property.first)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("kafka.%s: librdkafka refuses its value (not shown)", property.first));
  }
  return absl::InvalidArgumentError(absl::StrFormat("kafka.%s: %s", property.first, reason));
}

// librdkafka's words without the values of secret properties.
std::string HideSecrets(std::string text, const std::vector<KafkaProperty>& properties) {
  for (const auto& [name, value] : properties) {
    if (value.size() < 4 || !IsSecretProperty(name)) continue;
    for (size_t at = text.find(value); at != std::string::npos; at = text.find(value, at)) {
      text.replace(at, value.size(), "[secret]");
    }
  }
  return text;
}

absl::Status SetAll(rd_kafka_conf_t* conf, const KafkaHandleSetup& setup) {
  std::vector<KafkaProperty> all = setup.defaults;
  all.emplace_back("bootstrap.servers", setup.client.bootstrap_servers);
  if (!setup.client.client_id.empty()) all.emplace_back("client.id", setup.client.client_id);
  // Connections that brokers close for idleness are no news.
  all.emplace_back("log.connection.close", "false");
  for (const KafkaProperty& property : setup.client.properties) {
    if (BelongsTo(property.first, setup.role)) all.push_back(property);
  }
  all.insert(all.end(), setup.settings.begin(), setup.settings.end());
  for (const KafkaProperty& property : all) {
    absl::Status status = Set(conf, property);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

const std::vector<KnownKafkaProperty>& KnownKafkaProperties() {
  static const auto* const known = new std::vector<KnownKafkaProperty>(ReadKnownProperties());
  return *known;
}

absl::StatusOr<std::unique_ptr<KafkaHandle>> KafkaHandle::Make(KafkaHandleSetup setup) {
  std::unique_ptr<KafkaHandle> handle(new KafkaHandle(std::move(setup)));
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  absl::Status status = SetAll(conf, handle->setup_);
  if (!status.ok()) {
    rd_kafka_conf_destroy(conf);
    return status;
  }
  rd_kafka_conf_set_opaque(conf, handle.get());
  rd_kafka_conf_set_error_cb(conf, KafkaCallbacks::OnError);
  rd_kafka_conf_set_log_cb(conf, KafkaCallbacks::OnLog);
  if (handle->setup_.prepare) handle->setup_.prepare(conf);

  char reason[512] = "";
  const bool consumer = handle->setup_.role == KafkaRole::kConsumer;
  handle->client_ = rd_kafka_new(consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, reason,
                                 sizeof(reason));
  if (handle->client_ == nullptr) {
    rd_kafka_conf_destroy(conf);
    return absl::InvalidArgumentError(absl::StrFormat(
        "kafka: librdkafka refuses these properties together: %s",
        HideSecrets(reason, handle->setup_.client.properties)));
  }
  return handle;
}

KafkaHandle::~KafkaHandle() {
  if (client_ != nullptr) rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

}  // namespace turnout::connectors
