#include "connectors/kafka_handle.h"

#include <librdkafka/rdkafka.h>

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "connectors/oidc_settings.h"
#include "connectors/scram_caution.h"
#include "connectors/steady_clock.h"
#include "connectors/unpack_bound.h"

namespace turnout::connectors {

struct KafkaHandle::Callbacks {
  explicit Callbacks(KafkaHandleSetup given) : setup(std::move(given)) {}

  KafkaHandleSetup setup;
  absl::Mutex mu;
  bool over ABSL_GUARDED_BY(mu) = false;   // the handle is gone: nothing is called any more
  bool ended ABSL_GUARDED_BY(mu) = false;  // librdkafka's threads are gone
};

namespace {

void RefuseToken(rd_kafka_t* client, absl::string_view why) {
  rd_kafka_oauthbearer_set_token_failure(client, std::string(why).c_str());
}

void GiveToken(rd_kafka_t* client, const OAuthToken& token) {
  std::vector<const char*> extensions;
  for (const auto& [key, value] : token.extensions) {
    extensions.push_back(key.c_str());
    extensions.push_back(value.c_str());
  }
  char reason[512] = "";
  const auto result = rd_kafka_oauthbearer_set_token(
      client, token.value.c_str(), absl::ToUnixMillis(token.expires), token.principal.c_str(),
      extensions.data(), extensions.size(), reason, sizeof(reason));
  if (result != RD_KAFKA_RESP_ERR_NO_ERROR) RefuseToken(client, reason);
}

// For the next time that it authenticates; connections stay as they are.
void GivePassword(rd_kafka_t* client, const std::vector<KafkaProperty>& properties) {
  std::string username;
  std::string password;
  for (const auto& [name, value] : properties) {
    if (name == "sasl.username") username = value;
    if (name == "sasl.password") password = value;
  }
  rd_kafka_error_t* const error =
      rd_kafka_sasl_set_credentials(client, username.c_str(), password.c_str());
  if (error != nullptr) rd_kafka_error_destroy(error);  // it has no SASL
}

}  // namespace

// librdkafka's C callbacks, on their way to the handle that owns the client.
struct KafkaCallbacks {
  static void OnError(rd_kafka_t*, int code, const char* reason, void* opaque) {
    const KafkaHandleSetup& setup = static_cast<KafkaHandle::Callbacks*>(opaque)->setup;
    if (!setup.on_error) return;
    const bool is_refused = code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
    const std::string caution = is_refused ? ScramCaution(setup.client.properties) : std::string();
    setup.on_error(code, caution.empty() ? reason : absl::StrFormat("%s: %s", caution, reason));
  }

  // Told with 0 when it is over.
  static void OnThrottle(rd_kafka_t*, const char* broker, int32_t, int time_ms, void* opaque) {
    const KafkaEvents& events = static_cast<KafkaHandle::Callbacks*>(opaque)->setup.client.events;
    if (time_ms > 0 && events.on_throttle) {
      events.on_throttle(broker, absl::Milliseconds(time_ms));
    }
  }

  static void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
    auto* callbacks = static_cast<KafkaHandle::Callbacks*>(rd_kafka_opaque(client));
    if (callbacks == nullptr) return;
    const absl::ReaderMutexLock lock(&callbacks->mu);
    if (callbacks->over) return;
    const KafkaHandleSetup& setup = callbacks->setup;
    if (setup.on_log_line) setup.on_log_line(facility, text);
    const KafkaClientOptions& options = setup.client;
    if (options.events.on_log) {
      options.events.on_log(level, options.client_id, absl::StrFormat("%s: %s", facility, text));
    }
  }

  // On librdkafka's background thread: at the beginning, and ahead of the token's end.
  static void OnTokenWanted(rd_kafka_t* client, const char*, void* opaque) {
    auto* callbacks = static_cast<KafkaHandle::Callbacks*>(opaque);
    absl::StatusOr<OAuthToken> token;
    {
      const absl::ReaderMutexLock lock(&callbacks->mu);
      if (callbacks->over) return;
      token = callbacks->setup.client.tokens->Current();
    }
    if (token.ok()) {
      GiveToken(client, *token);
    } else {
      RefuseToken(client, token.status().message());
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

absl::Status SetAll(rd_kafka_conf_t* conf, const KafkaHandleSetup& setup,
                    const std::vector<KafkaProperty>& properties) {
  std::vector<KafkaProperty> all = setup.defaults;
  all.emplace_back("bootstrap.servers", setup.client.bootstrap_servers);
  if (!setup.client.client_id.empty()) all.emplace_back("client.id", setup.client.client_id);
  // Connections that brokers close for idleness are no news.
  all.emplace_back("log.connection.close", "false");
  for (const KafkaProperty& property : properties) {
    const bool is_ours = IsTokenProperty(property.first);
    if (!is_ours && BelongsTo(property.first, setup.role)) all.push_back(property);
  }
  all.insert(all.end(), setup.settings.begin(), setup.settings.end());
  for (const KafkaProperty& property : all) {
    absl::Status status = Set(conf, property);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// librdkafka 2.0.2 has freed the interceptors of what it refuses, and would free them again.
void KeepForever(rd_kafka_conf_t* conf) {
  static absl::Mutex mu(absl::kConstInit);
  static auto* const kept = new std::vector<rd_kafka_conf_t*>;
  const absl::MutexLock lock(&mu);
  kept->push_back(conf);
}

}  // namespace

void KafkaQueueDeleter::operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }

void KafkaTopicDeleter::operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }

const std::vector<KnownKafkaProperty>& KnownKafkaProperties() {
  static const auto* const known = new std::vector<KnownKafkaProperty>(ReadKnownProperties());
  return *known;
}

absl::StatusOr<std::unique_ptr<KafkaHandle>> KafkaHandle::Make(KafkaHandleSetup setup) {
  std::unique_ptr<KafkaHandle> handle(new KafkaHandle(std::move(setup)));
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const KafkaHandleSetup& given = handle->callbacks_->setup;
  SecuritySource* const security = given.client.security;
  // Before the properties are asked for: those that change meanwhile make it outdated.
  if (security != nullptr) handle->certificate_edition_ = security->certificate_edition();
  const std::vector<KafkaProperty> properties =
      security != nullptr ? security->Current() : given.client.properties;
  absl::Status status = SetAll(conf, given, properties);
  if (!status.ok()) {
    rd_kafka_conf_destroy(conf);
    return status;
  }
  rd_kafka_conf_set_opaque(conf, handle->callbacks_.get());
  rd_kafka_conf_set_error_cb(conf, KafkaCallbacks::OnError);
  rd_kafka_conf_set_log_cb(conf, KafkaCallbacks::OnLog);
  rd_kafka_conf_set_throttle_cb(conf, KafkaCallbacks::OnThrottle);
  if (given.prepare) given.prepare(conf);
  if (given.client.tokens != nullptr) {
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, KafkaCallbacks::OnTokenWanted);
    rd_kafka_conf_enable_sasl_queue(conf, 1);
  }

  char reason[512] = "";
  const bool consumer = given.role == KafkaRole::kConsumer;
  if (consumer) BoundUnpacking(conf);
  handle->client_ =
      rd_kafka_new(consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
  if (handle->client_ == nullptr) {
    consumer ? KeepForever(conf) : rd_kafka_conf_destroy(conf);
    return absl::InvalidArgumentError(
        absl::StrFormat("kafka: librdkafka refuses these properties together: %s",
                        HideSecrets(reason, properties)));
  }
  handle->TakePasswords();
  status = handle->TakeTokens();
  if (!status.ok()) return status;
  return handle;
}

// A client that was refused a token asks again after 10 s only: it is given what comes meanwhile.
absl::Status KafkaHandle::TakeTokens() {
  TokenSource* const tokens = callbacks_->setup.client.tokens;
  if (tokens == nullptr) return absl::OkStatus();
  // Not all clients are polled all the time.
  rd_kafka_error_t* const error = rd_kafka_sasl_background_callbacks_enable(client_);
  if (error != nullptr) {
    const std::string reason = rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    return absl::InvalidArgumentError(absl::StrFormat("kafka.sasl.mechanisms: %s", reason));
  }
  token_listener_ = tokens->AddListener(
      [client = client_](const OAuthToken& token) { GiveToken(client, token); });
  return absl::OkStatus();
}

// Those that change before it listens are asked for once more.
void KafkaHandle::TakePasswords() {
  SecuritySource* const security = callbacks_->setup.client.security;
  if (security == nullptr) return;
  password_listener_ =
      security->AddListener([client = client_](const std::vector<KafkaProperty>& properties) {
        GivePassword(client, properties);
      });
  if (security->password_edition() != 0) GivePassword(client_, security->Current());
}

void KafkaHandle::LeaveSources() {
  const KafkaClientOptions& client = callbacks_->setup.client;
  if (token_listener_) client.tokens->RemoveListener(*token_listener_);
  if (password_listener_) client.security->RemoveListener(*password_listener_);
  token_listener_.reset();
  password_listener_.reset();
}

bool KafkaHandle::is_outdated() const {
  const SecuritySource* const security = callbacks_->setup.client.security;
  return security != nullptr && security->certificate_edition() != certificate_edition_;
}

KafkaHandle::KafkaHandle(KafkaHandleSetup setup)
    : callbacks_(std::make_shared<Callbacks>(std::move(setup))) {}

void* KafkaHandle::Owner(void* opaque) { return static_cast<Callbacks*>(opaque)->setup.owner; }

void KafkaHandle::Abandon() {
  // Its threads refer to both as long as they run.
  using Abandoned = std::vector<std::pair<std::shared_ptr<Callbacks>, rd_kafka_t*>>;
  static absl::Mutex mu(absl::kConstInit);
  static auto* const abandoned = new Abandoned;
  LeaveSources();
  {
    const absl::MutexLock lock(&mu);
    abandoned->emplace_back(callbacks_, client_);
  }
  const absl::MutexLock lock(&callbacks_->mu);
  callbacks_->over = true;
  client_ = nullptr;
}

KafkaHandle::~KafkaHandle() {
  if (client_ == nullptr) return;
  LeaveSources();
  std::thread ending([client = client_, callbacks = callbacks_] {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    const absl::MutexLock lock(&callbacks->mu);
    callbacks->ended = true;
  });
  bool ended = false;
  {
    const absl::MutexLock lock(&callbacks_->mu);
    ended = AwaitSteadily(&callbacks_->mu, absl::Condition(&callbacks_->ended), kEndTimeout);
    callbacks_->over = true;
  }
  if (ended) {
    ending.join();
  } else {
    ending.detach();
  }
}

}  // namespace turnout::connectors
