// MasterKeys: the keys that secrets are sealed by, from a file or a variable, as they are now.
//
// Text of lines as state/envelope.h says; a line `ID kms BASE64` is decrypted by AWS KMS, once when
// it is read. A file that has changed is read anew, and taken unless it is bad: a bad one leaves
// the keys from before, and so does one without a key that still seals something, or with another
// key of the same id. `env:NAME` is a variable of the process, which is overwritten once it is
// read.
//
// Errors: Open: InvalidArgument naming file or variable, and the line or key; those of state/kms.h.
// Threads: any; Look: one.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/manager/item_store.h"
#include "state/envelope.h"
#include "state/kms.h"

namespace turnout::manager {

inline constexpr size_t kMasterKeysBytesMax = 64u << 10;

class MasterKeys {
 public:
  static absl::StatusOr<std::unique_ptr<MasterKeys>> Open(std::string where, state::KmsOptions kms,
                                                          state::TimeAndChance time);

  std::shared_ptr<const state::Keyring> Current() const;

  // Takes a file that has changed; `sealed`: what is sealed by which key as far as is known. What
  // may be better another time is looked at again after a while.
  void Look(const SealedCounts& sealed);

  // Why the file as it is now is not taken; empty: it is.
  std::string trouble() const;

 private:
  MasterKeys(std::string where, state::KmsOptions kms, state::TimeAndChance time);
  absl::StatusOr<state::Keyring> Read();
  absl::StatusOr<state::SecretText> ReadText() const;
  absl::Status Named(const absl::Status& status) const;

  const std::string where_;
  const std::string variable_;  // empty: it is a file
  const state::TimeAndChance time_;
  state::Kms kms_;
  std::filesystem::file_time_type written_;  // of the file that was looked at last
  std::optional<absl::Time> again_at_;
  mutable absl::Mutex mu_;
  std::shared_ptr<const state::Keyring> keys_ ABSL_GUARDED_BY(mu_);
  std::string trouble_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::manager
