#include "connectors/scram_client.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace turnout::connectors {
namespace {

constexpr char kNoChannelBinding[] = "n,,";
constexpr int kIterationsMin = 4'096;       // RFC 7677
constexpr int kIterationsMax = 10'000'000;  // a broker shall not keep us busy for minutes

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Hmac(const EVP_MD* hash, std::string_view key, std::string_view text) {
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  HMAC(hash, key.data(), static_cast<int>(key.size()), Bytes(text), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &size);
  mac.resize(size);
  return mac;
}

std::string Digest(const EVP_MD* hash, std::string_view text) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, hash,
             nullptr);
  digest.resize(size);
  return digest;
}

std::string SaltedPassword(const EVP_MD* hash, std::string_view password, std::string_view salt,
                           int iterations) {
  std::string salted(static_cast<size_t>(EVP_MD_get_size(hash)), '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), Bytes(salt),
                    static_cast<int>(salt.size()), iterations, hash,
                    static_cast<int>(salted.size()),
                    reinterpret_cast<unsigned char*>(salted.data()));
  return salted;
}

// "r=...,s=...,i=..." by letter.
std::map<char, std::string> Attributes(std::string_view message) {
  std::map<char, std::string> attributes;
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(message.data(), message.size()), ',')) {
    if (part.size() >= 2 && part[1] == '=') attributes[part[0]] = std::string(part.substr(2));
  }
  return attributes;
}

absl::Status NoMessageOf(std::string_view mechanism) {
  return absl::UnavailableError(
      absl::StrFormat("the broker's answer is no message of %s", mechanism));
}

class ScramClient final : public SaslClient {
 public:
  ScramClient(const SaslCredentials& credentials, std::string nonce)
      : mechanism_(credentials.mechanism),
        hash_(mechanism_ == kScramSha256 ? EVP_sha256() : EVP_sha512()),
        password_(credentials.password),
        nonce_(std::move(nonce)),
        first_(absl::StrFormat(
            "n=%s,r=%s", absl::StrReplaceAll(credentials.username, {{"=", "=3D"}, {",", "=2C"}}),
            nonce_)) {}

  std::string_view mechanism() const override { return mechanism_; }
  absl::StatusOr<std::string> First() override { return kNoChannelBinding + first_; }

  absl::StatusOr<std::string> Next(std::string_view from_broker) override {
    if (server_signature_.empty()) return Prove(from_broker);
    return Verify(from_broker);
  }
  bool done() const override { return done_; }

 private:
  absl::StatusOr<std::string> Prove(std::string_view challenge) {
    std::map<char, std::string> attributes = Attributes(challenge);
    const std::string& nonce = attributes['r'];
    std::string salt;
    int iterations = 0;
    // A longer nonce that begins with ours, or somebody plays back what another client heard.
    if (nonce.size() <= nonce_.size() || nonce.compare(0, nonce_.size(), nonce_) != 0 ||
        !absl::Base64Unescape(attributes['s'], &salt) || salt.empty() ||
        !absl::SimpleAtoi(attributes['i'], &iterations)) {
      return NoMessageOf(mechanism_);
    }
    if (iterations < kIterationsMin || iterations > kIterationsMax) {
      return absl::UnavailableError(
          absl::StrFormat("the broker asks for %d iterations of %s; it has to be %d to %d",
                          iterations, mechanism_, kIterationsMin, kIterationsMax));
    }
    const std::string salted = SaltedPassword(hash_, password_, salt, iterations);
    const std::string last =
        absl::StrFormat("c=%s,r=%s", absl::Base64Escape(kNoChannelBinding), nonce);
    const std::string all = absl::StrFormat("%s,%s,%s", first_, std::string(challenge), last);
    std::string proof = Hmac(hash_, salted, "Client Key");
    const std::string signature = Hmac(hash_, Digest(hash_, proof), all);
    for (size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
    server_signature_ = Hmac(hash_, Hmac(hash_, salted, "Server Key"), all);
    return absl::StrFormat("%s,p=%s", last, absl::Base64Escape(proof));
  }

  absl::StatusOr<std::string> Verify(std::string_view answer) {
    std::map<char, std::string> attributes = Attributes(answer);
    std::string signature;
    if (!absl::Base64Unescape(attributes['v'], &signature)) return NoMessageOf(mechanism_);
    if (signature.size() != server_signature_.size() ||
        CRYPTO_memcmp(signature.data(), server_signature_.data(), signature.size()) != 0) {
      return absl::UnavailableError(absl::StrFormat(
          "the broker does not know this user's %s secret: it is not the one it says it is",
          mechanism_));
    }
    done_ = true;
    return std::string();
  }

  const std::string mechanism_;
  const EVP_MD* const hash_;
  const std::string password_;
  const std::string nonce_;
  const std::string first_;       // without what is said of channel binding
  std::string server_signature_;  // what the broker has to prove itself with
  bool done_ = false;
};

}  // namespace

std::unique_ptr<SaslClient> MakeScramClient(const SaslCredentials& credentials, std::string nonce) {
  return std::make_unique<ScramClient>(credentials, std::move(nonce));
}

}  // namespace turnout::connectors
