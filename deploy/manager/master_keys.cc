#include "deploy/manager/master_keys.h"

#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/log.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr char kVariable[] = "env:";
constexpr absl::Duration kAgainAfter = absl::Seconds(10);

// What the variable says, overwritten where the process keeps it and others could read it.
state::SecretText TakeVariable(const std::string& name) {
  char* const value = std::getenv(name.c_str());
  if (value == nullptr) return {};
  state::SecretText text{std::string(value)};
  for (volatile char* byte = value; *byte != '\0'; ++byte) *byte = '\0';
  ::unsetenv(name.c_str());
  return text;
}

// Of new keys in place of those from before.
absl::Status CheckReplacement(const state::Keyring& keys, const state::Keyring& before,
                              const SealedCounts& sealed) {
  if (const std::string id = keys.ChangedSince(before); !id.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "`%s` is another key than before; give a new key a new id, and leave the old one below it",
        id));
  }
  for (const auto& [id, count] : sealed) {
    if (count == 0 || keys.Has(id) || !before.Has(id)) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "the key `%s` is gone, and still seals %d versions of secrets; put it back below the new "
        "one until GET /v1/master-keys says that it seals none",
        id, count));
  }
  return absl::OkStatus();
}

}  // namespace

MasterKeys::MasterKeys(std::string where, state::KmsOptions kms, state::TimeAndChance time)
    : where_(std::move(where)),
      variable_(absl::StartsWith(where_, kVariable) ? where_.substr(std::strlen(kVariable)) : ""),
      time_(std::move(time)),
      kms_(std::move(kms), time_) {}

absl::StatusOr<state::SecretText> MasterKeys::ReadText() const {
  if (!variable_.empty()) {
    state::SecretText text = TakeVariable(variable_);
    if (!text.empty()) return text;
    return absl::InvalidArgumentError("the variable is not set: set it, or name a file");
  }
  absl::StatusOr<std::string> text = state::ReadFile(where_, kMasterKeysBytesMax);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  return state::SecretText(*std::move(text));
}

absl::Status MasterKeys::Named(const absl::Status& status) const {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(where_, ": ", status.message()));
}

absl::StatusOr<state::Keyring> MasterKeys::Read() {
  const absl::StatusOr<state::SecretText> text = ReadText();
  if (!text.ok()) return Named(text.status());
  absl::StatusOr<state::Keyring> keys = state::Keyring::Read(
      text->view(),
      [this](std::string_view id, std::string_view sealed) { return kms_.Decrypt(id, sealed); });
  if (keys.ok()) return keys;
  return Named(keys.status());
}

absl::StatusOr<std::unique_ptr<MasterKeys>> MasterKeys::Open(std::string where,
                                                             state::KmsOptions kms,
                                                             state::TimeAndChance time) {
  std::unique_ptr<MasterKeys> all(
      new MasterKeys(std::move(where), std::move(kms), std::move(time)));
  std::error_code ignored;
  if (all->variable_.empty()) {
    all->written_ = std::filesystem::last_write_time(all->where_, ignored);
  }
  absl::StatusOr<state::Keyring> keys = all->Read();
  if (!keys.ok()) return keys.status();
  const absl::MutexLock lock(&all->mu_);
  all->keys_ = std::make_shared<const state::Keyring>(*std::move(keys));
  return all;
}

std::shared_ptr<const state::Keyring> MasterKeys::Current() const {
  const absl::MutexLock lock(&mu_);
  return keys_;
}

std::string MasterKeys::trouble() const {
  const absl::MutexLock lock(&mu_);
  return trouble_;
}

void MasterKeys::Look(const SealedCounts& sealed) {
  if (!variable_.empty()) return;
  std::error_code error;
  const auto written = std::filesystem::last_write_time(where_, error);
  const bool is_again = again_at_ && time_.now() >= *again_at_;
  if (!is_again && (error || written == written_)) return;
  written_ = written;
  again_at_.reset();
  absl::StatusOr<state::Keyring> keys = Read();
  absl::Status status = keys.status();
  if (status.ok()) status = Named(CheckReplacement(*keys, *Current(), sealed));
  if (absl::IsUnavailable(status) || absl::IsFailedPrecondition(status)) {
    again_at_ = time_.now() + kAgainAfter;
  }
  const absl::MutexLock lock(&mu_);
  const std::string trouble(status.message());
  if (!status.ok()) {
    if (trouble != trouble_) {
      runtime::LogWarning("master_keys_refused",
                          absl::StrCat("the master keys from before stay: ", trouble));
    }
    trouble_ = trouble;
    return;
  }
  trouble_.clear();
  keys_ = std::make_shared<const state::Keyring>(*std::move(keys));
  runtime::LogInfo("master_keys_read", "the master keys were read anew",
                   {{"sealing", keys_->sealing_id()}});
}

}  // namespace turnout::manager
