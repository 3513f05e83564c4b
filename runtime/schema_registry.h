// SchemaRegistry: a registry's schemas by id, at hand for any thread without waiting.
//
//   Find(7) --> asked for --(it answers)--------------------> known     an id never changes
//                 |    \---(no such schema, or no use)------> refused   for kRefusedFor
//                  \--(no answer within wait_max)-----------> unanswered, and asked on while wanted
//
// Four threads of its own ask, each for one id at a time, none for an id that another is asking
// for. A failure is tried again with pauses that grow to kPauseMax; the first requests of all ids
// together are kRequestsBurst, then kRequestsPerSecond. So a producer that makes ids up costs the
// registry no more than that.
//
// Limits: what is known takes kKnownMax schemas and kKnownBytesMax of text, of which the one that
//   was not asked for the longest goes; kWantedMax ids may be on their way, kRefusedMax be refused.
// Errors: none of its own. Why a schema is not there is in the answer, the log and the status.
// Threads: any. The destructor waits for requests to give up.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/payload_schema.h"
#include "runtime/schema_fetch.h"
#include "runtime/schema_registry_settings.h"
#include "runtime/schema_registry_status.h"

namespace turnout::runtime {

struct SchemaAnswer {
  enum class Kind {
    kKnown,
    kAwaited,     // on its way
    kUnanswered,  // for wait_max; it may still come
    kRefused,     // the registry's last word, for a while
  };
  Kind kind = Kind::kAwaited;
  std::shared_ptr<const connectors::PayloadSchema> schema;  // kKnown
  std::string why;                                          // all others; names the id
};

class SchemaRegistry {
 public:
  static constexpr int kThreads = 4;
  static constexpr absl::Duration kPauseMin = absl::Milliseconds(100);
  static constexpr absl::Duration kPauseMax = absl::Seconds(10);
  static constexpr absl::Duration kRefusedFor = absl::Seconds(30);
  static constexpr double kRequestsBurst = 100;
  static constexpr double kRequestsPerSecond = 50;
  static constexpr size_t kKnownMax = 1'000;
  static constexpr size_t kKnownBytesMax = size_t{64} << 20;
  static constexpr size_t kWantedMax = 1'000;
  static constexpr size_t kRefusedMax = 10'000;
  // What nobody has wanted for so long is not asked for any more.
  static constexpr absl::Duration kForgottenAfter = absl::Minutes(5);

  using Fetch =
      std::function<absl::StatusOr<FetchedSchema>(uint32_t id, const std::atomic<bool>& stop)>;

  explicit SchemaRegistry(const SchemaRegistrySettings& settings);
  SchemaRegistry(Fetch fetch, absl::Duration wait_max);
  ~SchemaRegistry();

  // Never waits; what is not there is asked for.
  SchemaAnswer Find(uint32_t id);
  // Waits while it is on its way, for `within` at most.
  SchemaAnswer Await(uint32_t id, absl::Duration within);

  absl::Duration wait_max() const { return wait_max_; }
  SchemaRegistryStatus status() const;

 private:
  struct Known {
    std::shared_ptr<const connectors::PayloadSchema> schema;
    size_t text_bytes = 0;
    absl::Time found;
  };
  struct Wanted {
    absl::Time since;   // first wanted
    absl::Time wanted;  // last
    absl::Time next_try;
    absl::Duration pause = kPauseMin;
    bool is_asked = false;  // a thread is at it
    std::string failure;    // of the last try
  };
  struct Refused {
    std::string why;
    absl::Time until;
  };

  void Run();
  std::optional<uint32_t> TakeNext(absl::Time* look_again) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Take(uint32_t id, absl::StatusOr<FetchedSchema> fetched);
  void Keep(uint32_t id, FetchedSchema fetched) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Refuse(uint32_t id, std::string why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MakeRoom(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SchemaAnswer Want(uint32_t id, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Fetch fetch_;
  const absl::Duration wait_max_;
  std::atomic<bool> stop_{false};

  mutable absl::Mutex mu_;
  bool has_work_ ABSL_GUARDED_BY(mu_) = false;  // for who asks, since one last looked
  uint64_t answers_ ABSL_GUARDED_BY(mu_) = 0;   // so far, for who awaits
  absl::flat_hash_map<uint32_t, Known> known_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint32_t, Wanted> wanted_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint32_t, Refused> refused_ ABSL_GUARDED_BY(mu_);
  size_t known_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  double requests_left_ ABSL_GUARDED_BY(mu_) = kRequestsBurst;
  absl::Time requests_counted_ ABSL_GUARDED_BY(mu_);
  SchemaRegistryStatus status_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

// As the config says; null: it has no format but JSON. Warns of what is seen on the way.
std::unique_ptr<SchemaRegistry> MakeSchemaRegistry(bool is_used,
                                                   const SchemaRegistrySettings& settings);

}  // namespace turnout::runtime
