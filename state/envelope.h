// Envelope: a secret sealed under a data key of its own, which is wrapped by a master key.
//
// AES-256-GCM twice, with random nonces; what the secret belongs to (`context`) is authenticated
// with it, so that a sealed text moved to another place doesn't open. Rotation of the master key
// wraps data keys anew and touches no secret. Keys and plain texts are zeroed after use
// (SecretText).
//
// Format: "turnout-sealed-1:" KEY_ID ":" then base64 of wrapped key, nonce, cipher text and tag.
// Errors: NotFound for a master key that there is none of, by its id; DataLoss for a text that is
//   damaged or of another context; InvalidArgument for a secret that is too long. None shows what
//   was or is to be sealed.
// Threads: Keyring is immutable.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace turnout::state {

// A text that is zeroed when it goes, wherever it was moved.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text);
  ~SecretText();
  SecretText(SecretText&& other) noexcept;
  SecretText& operator=(SecretText&& other) noexcept;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;

  std::string_view view() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  void Wipe();
  std::string text_;
};

inline constexpr size_t kMasterKeyBytes = 32;
inline constexpr size_t kSecretBytesMax = 64u << 10;  // of what is sealed

// Opens a master key that is itself encrypted: its id, and its cipher text as base64 (kms.h).
using OpenMasterKey =
    absl::FunctionRef<absl::StatusOr<SecretText>(std::string_view id, std::string_view ciphertext)>;

// Master keys by id: the one that seals, and older ones that open what they sealed.
class Keyring {
 public:
  // A text of lines `ID BASE64`, 32 bytes each, or `ID kms BASE64`, which `open` opens; the first
  // one seals. Lines that begin with # are passed over. InvalidArgument, naming the line; what
  // `open` answers.
  static absl::StatusOr<Keyring> Read(std::string_view text, OpenMasterKey open);
  static absl::StatusOr<Keyring> Read(std::string_view text);  // of none that are encrypted
  ~Keyring();
  Keyring(Keyring&&) noexcept;
  Keyring& operator=(Keyring&&) noexcept;

  const std::string& sealing_id() const { return sealing_id_; }
  std::vector<std::string> ids() const;
  bool Has(std::string_view id) const { return keys_.find(id) != keys_.end(); }
  // An id that both have with other bytes; empty: there is none.
  std::string ChangedSince(const Keyring& before) const;

  absl::StatusOr<std::string> Seal(std::string_view plain, std::string_view context) const;
  absl::StatusOr<SecretText> Open(std::string_view sealed, std::string_view context) const;
  // The same secret, its data key wrapped by the key that seals now; as it is if it is already.
  absl::StatusOr<std::string> Rewrap(std::string_view sealed) const;

 private:
  Keyring() = default;
  absl::StatusOr<const SecretText*> Find(const std::string& id) const;
  // By the key that seals.
  absl::StatusOr<std::string> Wrap(const SecretText& data_key) const;

  std::map<std::string, SecretText, std::less<>> keys_;
  std::string sealing_id_;
};

// The master key that `sealed` needs; empty: it is no sealed text.
std::string SealedKeyId(std::string_view sealed);
// What Rewrap leaves as it is, encrypted: the same of two texts that hold one secret sealed once.
// Any other text as it is.
std::string SealedPart(std::string_view sealed);

}  // namespace turnout::state
