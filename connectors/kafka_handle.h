// KafkaHandle: one librdkafka client with its settings, its callbacks and its end.
//
// Internal to connectors/. Settings go in three layers: defaults that a person may change, the
// person's properties, and what Turnout insists on. Properties of the other kind of client
// (a consumer's on a producer) are left out, since librdkafka warns of them.
//
// Errors: InvalidArgument names the property; values of secret properties are never repeated.
// Threads: callbacks of `on_error` run on the thread that polls the client; logs come on any.
// Tokens
//   are handed to the client on its own thread and on the token source's, passwords on the security
//   source's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka_client.h"

extern "C" {
struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_s;
}

namespace turnout::connectors {

enum class KafkaRole { kConsumer, kProducer };

inline constexpr absl::Duration kEndTimeout = absl::Milliseconds(500);

struct KafkaHandleSetup {
  KafkaRole role = KafkaRole::kConsumer;
  KafkaClientOptions client;
  std::vector<KafkaProperty> defaults;  // the person's properties go over these
  std::vector<KafkaProperty> settings;  // ... and these over the person's
  // Registers further callbacks; they find `owner` with KafkaHandle::Owner.
  std::function<void(rd_kafka_conf_s*)> prepare;
  void* owner = nullptr;
  std::function<void(int code, const std::string& reason)> on_error;
  // Sees each log line before it goes to the person: facility ("ADDPARTS") and text.
  std::function<void(const std::string& facility, const std::string& text)> on_log_line;
};

class KafkaHandle {
 public:
  static absl::StatusOr<std::unique_ptr<KafkaHandle>> Make(KafkaHandleSetup setup);
  // Doesn't leave the group and doesn't flush; both are the owner's to do before. Returns within
  // kEndTimeout: librdkafka may wait for a broker's answer (to a JoinGroup, say), which a thread of
  // its own then sees to. Nothing is called back afterwards.
  ~KafkaHandle();

  KafkaHandle(const KafkaHandle&) = delete;
  KafkaHandle& operator=(const KafkaHandle&) = delete;

  // Leaves the client to itself: it is never destroyed, its threads end with the process.
  void Abandon();

  rd_kafka_s* get() const { return client_; }
  // Whether certificates or keys have changed since it was made: it knows the old ones only.
  bool is_outdated() const;
  // The `owner` of the handle that a callback's opaque pointer stands for.
  static void* Owner(void* opaque);

 private:
  friend struct KafkaCallbacks;
  struct Callbacks;  // what librdkafka's threads refer to; lives as long as they do
  explicit KafkaHandle(KafkaHandleSetup setup);
  absl::Status TakeTokens();
  void TakePasswords();
  void LeaveSources();

  std::shared_ptr<Callbacks> callbacks_;
  rd_kafka_s* client_ = nullptr;
  std::optional<int> token_listener_;
  std::optional<int> password_listener_;
  uint64_t certificate_edition_ = 0;  // that it was made of
};

// Parts of a client, which end before it does.
struct KafkaQueueDeleter {
  void operator()(rd_kafka_queue_s* queue) const;
};
using KafkaQueue = std::unique_ptr<rd_kafka_queue_s, KafkaQueueDeleter>;

struct KafkaTopicDeleter {
  void operator()(rd_kafka_topic_s* topic) const;
};
using KafkaTopic = std::unique_ptr<rd_kafka_topic_s, KafkaTopicDeleter>;

// The names that librdkafka knows, and for which kind of client.
struct KnownKafkaProperty {
  std::string name;
  bool consumer = true;
  bool producer = true;
};
const std::vector<KnownKafkaProperty>& KnownKafkaProperties();

}  // namespace turnout::connectors
