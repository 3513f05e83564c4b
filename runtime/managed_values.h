// ManagedValues: what `${secret:NAME}` and `${config:NAME}` of a config stand for, as a config
// manager has it (deploy/manager/README.md).
//
// A secret is released to the account that it is bound to, which the token is of; each release is
// on record there, so what was given is kept, in memory alone, and asked for anew every `recheck`.
// Where the manager is away then, what it gave last serves on. What a refusal was is kept for a
// while too.
//
// Errors: what is wrong with the name, the address, the token's file, or the manager's answer, with
//   the cure, and never a value. Unavailable: it doesn't answer, and nothing of it is kept.
// Threads: any; calls block.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/config.h"
#include "state/envelope.h"
#include "state/http_client.h"

namespace turnout::runtime {

inline constexpr absl::Duration kManagedRetry = absl::Seconds(5);  // after a failure
inline constexpr absl::Duration kManagedTimeout = absl::Seconds(10);
inline constexpr absl::Duration kManagedStartWait = absl::Seconds(60);
inline constexpr size_t kManagedBytesMax = 2u << 20;  // of an answer

class ManagedValues {
 public:
  explicit ManagedValues(Config::SecretsFrom from);

  // `kind` is `secret` or `config`.
  absl::StatusOr<std::string> Get(std::string_view kind, const std::string& name, absl::Time now);
  // As Get, but a manager that is away is waited for: kManagedStartWait, or until a signal that
  // ends the process. Standard error is told once.
  absl::StatusOr<std::string> GetAtStart(std::string_view kind, const std::string& name);

  const Config::SecretsFrom& from() const { return from_; }

 private:
  struct Kept {
    state::SecretText value;
    bool has_value = false;
    absl::Status problem;
    absl::Time ask_at = absl::InfinitePast();
  };
  absl::StatusOr<state::SecretText> Ask(std::string_view kind, const std::string& name);

  const Config::SecretsFrom from_;
  state::HttpClient http_;
  absl::Mutex mu_;  // held while the manager is asked: one question at a time
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mu_);
};

// As the process sees the world, with references answered by the config's `secrets_from`.
ConfigEnvironment EnvironmentOf(const Config& config);

// What https://HOST/v1/services/SERVICE/items/pipeline/NAME holds; a manager that is away is waited
// for as by GetAtStart. `from` has the token's file and authorities; its url becomes the service's.
absl::StatusOr<std::string> ReadManagedPipeline(const std::string& url, Config::SecretsFrom* from);

}  // namespace turnout::runtime
