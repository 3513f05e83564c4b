#include "state/envelope.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace turnout::state {
namespace {

constexpr std::string_view kFormat = "turnout-sealed-1:";
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kBoxBytesMin = kNonceBytes + kTagBytes;
constexpr size_t kWrappedBytes = kMasterKeyBytes + kBoxBytesMin;  // a data key, wrapped
constexpr size_t kKeyIdBytesMax = 64;
constexpr std::string_view kByKms = "kms ";

// All that a string has room for, so that nothing of an earlier, longer text is left either.
void WipeString(std::string* text) {
  text->resize(text->capacity());
  OPENSSL_cleanse(text->data(), text->size());
  text->clear();
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string* text) { return reinterpret_cast<unsigned char*>(text->data()); }

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;  // its key is zeroed with it

absl::Status Failed() {
  return absl::InternalError("OpenSSL can't encrypt; see that it has AES-256-GCM and randomness");
}

// A box: nonce, cipher text and tag. `bound` is authenticated with it.
absl::StatusOr<std::string> MakeBox(std::string_view key, std::string_view plain,
                                    std::string_view bound) {
  std::string box(kNonceBytes + plain.size() + kTagBytes, '\0');
  unsigned char* const nonce = Bytes(&box);
  unsigned char* const sealed = nonce + kNonceBytes;
  unsigned char* const tag = sealed + plain.size();
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool done =
      cipher != nullptr && RAND_bytes(nonce, kNonceBytes) == 1 &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), nonce) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, Bytes(bound),
                        static_cast<int>(bound.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), sealed, &size, Bytes(plain),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), tag, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag) == 1;
  if (!done) return Failed();
  return box;
}

// Nullopt: it was not made with that key, or not bound to that, or is damaged.
std::optional<SecretText> OpenBox(std::string_view key, std::string_view box,
                                  std::string_view bound) {
  if (box.size() < kBoxBytesMin) return std::nullopt;
  const std::string_view sealed = box.substr(kNonceBytes, box.size() - kBoxBytesMin);
  std::string tag(box.substr(box.size() - kTagBytes));
  std::string plain(sealed.size(), '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  unsigned char none = 0;
  const bool done =
      cipher != nullptr &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(box)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, Bytes(bound),
                        static_cast<int>(bound.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), Bytes(&plain), &size, Bytes(sealed),
                        static_cast<int>(sealed.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, Bytes(&tag)) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), &none, &size) == 1;
  SecretText opened(std::move(plain));  // zeroed where it was not all of it
  if (!done) return std::nullopt;
  return opened;
}

bool IsKeyId(std::string_view id) {
  return !id.empty() && id.size() <= kKeyIdBytesMax &&
         std::all_of(id.begin(), id.end(), [](char byte) {
           return std::isalnum(static_cast<unsigned char>(byte)) || byte == '.' || byte == '_' ||
                  byte == '-';
         });
}

// Exactly as Base64Escape writes it: one text for each run of bytes.
bool DecodeBase64(std::string_view text, std::string* bytes) {
  if (!absl::Base64Unescape({text.data(), text.size()}, bytes)) return false;
  std::string again = absl::Base64Escape(*bytes);
  const bool is_same = again == text;
  WipeString(&again);
  return is_same;
}

absl::Status Damaged() {
  return absl::DataLossError(
      "the sealed text is damaged, or was moved from elsewhere; write the secret anew");
}

struct Sealed {
  std::string key_id;
  std::string wrapped;  // the data key's box, bound to format and key id
  std::string secret;   // the secret's box, bound to format and context
};

absl::StatusOr<Sealed> Parse(std::string_view text) {
  Sealed sealed{.key_id = SealedKeyId(text)};
  if (sealed.key_id.empty()) return Damaged();
  std::string boxes;
  if (!DecodeBase64(text.substr(kFormat.size() + sealed.key_id.size() + 1), &boxes) ||
      boxes.size() < kWrappedBytes + kBoxBytesMin) {
    return Damaged();
  }
  sealed.wrapped = boxes.substr(0, kWrappedBytes);
  sealed.secret = boxes.substr(kWrappedBytes);
  return sealed;
}

std::string Header(std::string_view key_id) { return absl::StrFormat("%s%s:", kFormat, key_id); }

std::string Bound(std::string_view context) { return absl::StrFormat("%s%s", kFormat, context); }

std::string Format(const Sealed& sealed) {
  return absl::StrCat(Header(sealed.key_id),
                      absl::Base64Escape(absl::StrCat(sealed.wrapped, sealed.secret)));
}

}  // namespace

SecretText::SecretText(std::string text) : text_(std::move(text)) { WipeString(&text); }
SecretText::~SecretText() { Wipe(); }
SecretText::SecretText(SecretText&& other) noexcept : text_(std::move(other.text_)) {
  other.Wipe();
}
SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this == &other) return *this;
  Wipe();
  text_ = std::move(other.text_);
  other.Wipe();
  return *this;
}

void SecretText::Wipe() { WipeString(&text_); }

Keyring::~Keyring() = default;
Keyring::Keyring(Keyring&&) noexcept = default;
Keyring& Keyring::operator=(Keyring&&) noexcept = default;

absl::StatusOr<Keyring> Keyring::Read(std::string_view text) {
  return Read(text, [](std::string_view id, std::string_view) -> absl::StatusOr<SecretText> {
    return absl::InvalidArgumentError(
        absl::StrFormat("the master key `%s` is encrypted, and nothing here opens it", id));
  });
}

absl::StatusOr<Keyring> Keyring::Read(std::string_view text, OpenMasterKey open) {
  Keyring keyring;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line[0] == '#') continue;
    const size_t blank = line.find(' ');
    const std::string id(line.substr(0, blank));
    std::string_view rest = blank == line.npos ? std::string_view() : line.substr(blank + 1);
    SecretText key;
    if (IsKeyId(id) && rest.substr(0, kByKms.size()) == kByKms) {
      absl::StatusOr<SecretText> opened = open(id, rest.substr(kByKms.size()));
      if (!opened.ok()) return opened.status();
      key = *std::move(opened);
      if (key.view().size() != kMasterKeyBytes) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "the master key `%s`, decrypted, has %d bytes and is to have %d; have KMS encrypt "
            "the %d bytes themselves, not their base64",
            id, key.view().size(), kMasterKeyBytes, kMasterKeyBytes));
      }
    } else {
      std::string bytes;
      if (!DecodeBase64(rest, &bytes)) WipeString(&bytes);
      key = SecretText(std::move(bytes));
    }
    if (!IsKeyId(id) || key.view().size() != kMasterKeyBytes) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "line %d of the master keys is none; write `ID BASE64`, an id of 1 to %d of a-z, A-Z, "
          "0-9, `.`, `_`, `-` and %d bytes, as `openssl rand -base64 %d` makes them, or `ID kms "
          "BASE64` of what KMS encrypted",
          line_number, kKeyIdBytesMax, kMasterKeyBytes, kMasterKeyBytes));
    }
    if (!keyring.keys_.emplace(id, std::move(key)).second) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "line %d of the master keys names `%s` a second time; give each key an id of its own",
          line_number, id));
    }
    if (keyring.sealing_id_.empty()) keyring.sealing_id_ = id;
  }
  if (!keyring.keys_.empty()) return keyring;
  return absl::InvalidArgumentError(absl::StrFormat(
      "there is no master key; write a line `ID BASE64`, as `openssl rand -base64 %d` makes it",
      kMasterKeyBytes));
}

std::vector<std::string> Keyring::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, key] : keys_) ids.push_back(id);
  return ids;
}

std::string Keyring::ChangedSince(const Keyring& before) const {
  for (const auto& [id, key] : keys_) {
    const auto found = before.keys_.find(id);
    if (found != before.keys_.end() &&
        CRYPTO_memcmp(found->second.view().data(), key.view().data(), kMasterKeyBytes) != 0) {
      return id;
    }
  }
  return "";
}

absl::StatusOr<const SecretText*> Keyring::Find(const std::string& id) const {
  const auto found = keys_.find(id);
  if (found != keys_.end()) return &found->second;
  return absl::NotFoundError(absl::StrFormat(
      "there is no master key `%s`, which the secret is sealed with; add it to the keys", id));
}

absl::StatusOr<std::string> Keyring::Wrap(const SecretText& data_key) const {
  return MakeBox(keys_.find(sealing_id_)->second.view(), data_key.view(), Header(sealing_id_));
}

absl::StatusOr<std::string> Keyring::Seal(std::string_view plain, std::string_view context) const {
  if (plain.size() > kSecretBytesMax) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "a secret of %d bytes is too long; it may have %d", plain.size(), kSecretBytesMax));
  }
  std::string random(kMasterKeyBytes, '\0');
  const bool is_random = RAND_priv_bytes(Bytes(&random), kMasterKeyBytes) == 1;
  const SecretText data_key(std::move(random));
  if (!is_random) return Failed();
  absl::StatusOr<std::string> wrapped = Wrap(data_key);
  if (!wrapped.ok()) return wrapped.status();
  absl::StatusOr<std::string> secret = MakeBox(data_key.view(), plain, Bound(context));
  if (!secret.ok()) return secret.status();
  return Format({sealing_id_, *std::move(wrapped), *std::move(secret)});
}

absl::StatusOr<SecretText> Keyring::Open(std::string_view sealed, std::string_view context) const {
  const absl::StatusOr<Sealed> parsed = Parse(sealed);
  if (!parsed.ok()) return parsed.status();
  const absl::StatusOr<const SecretText*> key = Find(parsed->key_id);
  if (!key.ok()) return key.status();
  const std::optional<SecretText> data_key =
      OpenBox((*key)->view(), parsed->wrapped, Header(parsed->key_id));
  if (!data_key) return Damaged();
  std::optional<SecretText> secret = OpenBox(data_key->view(), parsed->secret, Bound(context));
  if (!secret) return Damaged();
  return *std::move(secret);
}

absl::StatusOr<std::string> Keyring::Rewrap(std::string_view sealed) const {
  absl::StatusOr<Sealed> parsed = Parse(sealed);
  if (!parsed.ok()) return parsed.status();
  if (parsed->key_id == sealing_id_) return std::string(sealed);
  const absl::StatusOr<const SecretText*> key = Find(parsed->key_id);
  if (!key.ok()) return key.status();
  const std::optional<SecretText> data_key =
      OpenBox((*key)->view(), parsed->wrapped, Header(parsed->key_id));
  if (!data_key) return Damaged();
  absl::StatusOr<std::string> wrapped = Wrap(*data_key);
  if (!wrapped.ok()) return wrapped.status();
  return Format({sealing_id_, *std::move(wrapped), std::move(parsed->secret)});
}

std::string SealedKeyId(std::string_view sealed) {
  if (sealed.substr(0, kFormat.size()) != kFormat) return "";
  sealed.remove_prefix(kFormat.size());
  const size_t end = sealed.find(':');
  const std::string_view id = sealed.substr(0, end);
  return end != sealed.npos && IsKeyId(id) ? std::string(id) : "";
}

std::string SealedPart(std::string_view sealed) {
  absl::StatusOr<Sealed> parsed = Parse(sealed);
  return parsed.ok() ? absl::Base64Escape(parsed->secret) : std::string(sealed);
}

}  // namespace turnout::state
