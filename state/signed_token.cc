#include "state/signed_token.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace turnout::state {
namespace {

using Json = nlohmann::json;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* value) const {
    Free(value);
  }
};
using PublicKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;
constexpr int kJsonDepthMax = 16;
constexpr double kSecondsMax = 253'402'300'799.0;  // the end of the year 9999

enum class KeyKind { kRsa, kP256, kP384 };

struct Algorithm {
  std::string_view name;
  KeyKind key;
  const EVP_MD* (*digest)();
  bool is_pss;
};
constexpr std::array<Algorithm, 6> kAlgorithms = {{
    {"RS256", KeyKind::kRsa, EVP_sha256, false},
    {"RS384", KeyKind::kRsa, EVP_sha384, false},
    {"RS512", KeyKind::kRsa, EVP_sha512, false},
    {"PS256", KeyKind::kRsa, EVP_sha256, true},
    {"ES256", KeyKind::kP256, EVP_sha256, false},
    {"ES384", KeyKind::kP384, EVP_sha384, false},
}};

absl::Status Refused(std::string_view why) {
  return absl::PermissionDeniedError(absl::StrFormat("the token is refused: %s", why));
}

// Nullopt: no JSON object, or one that is nested too deep.
std::optional<Json> ObjectOf(std::string_view text) {
  bool is_deep = false;
  const auto guard = [&is_deep](int depth, Json::parse_event_t, Json&) {
    is_deep = is_deep || depth > kJsonDepthMax;
    return !is_deep;
  };
  Json parsed = Json::parse(text, guard, false);
  if (is_deep || !parsed.is_object()) return std::nullopt;
  return parsed;
}

std::string TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// base64url without padding, and nothing else.
std::optional<std::string> Decoded(std::string_view text) {
  std::string bytes;
  if (text.empty() || text.find('=') != text.npos ||
      !absl::WebSafeBase64Unescape({text.data(), text.size()}, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::string> BytesOf(const Json& object, const char* name) {
  return Decoded(TextOf(object, name));
}

Number NumberOf(const std::string& bytes) {
  return Number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()), nullptr));
}

PublicKey KeyFrom(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  return PublicKey(key);
}

PublicKey RsaKey(const Json& json) {
  const std::optional<std::string> modulus = BytesOf(json, "n");
  const std::optional<std::string> exponent = BytesOf(json, "e");
  if (!modulus || !exponent || exponent->size() > 8) return nullptr;
  const Number n = NumberOf(*modulus);
  const Number e = NumberOf(*exponent);
  const int bits = BN_num_bits(n.get());
  if (bits < kRsaBitsMin || bits > kRsaBitsMax || !BN_is_odd(e.get()) || BN_is_one(e.get())) {
    return nullptr;
  }
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return KeyFrom("RSA", builder.get());
}

// A point that is not on the curve is no key: OpenSSL looks.
PublicKey CurveKey(const Json& json, const char* group, size_t coordinate_bytes) {
  const std::optional<std::string> x = BytesOf(json, "x");
  const std::optional<std::string> y = BytesOf(json, "y");
  if (!x || !y || x->size() != coordinate_bytes || y->size() != coordinate_bytes) return nullptr;
  const std::string point = "\x04" + *x + *y;
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return KeyFrom("EC", builder.get());
}

// A signature of ECDSA as JWS writes it, two numbers of fixed length, in OpenSSL's way; empty: it
// is none.
std::string DerOf(std::string_view raw, size_t coordinate_bytes) {
  if (raw.size() != 2 * coordinate_bytes) return {};
  const Signature signature(ECDSA_SIG_new());
  Number r = NumberOf(std::string(raw.substr(0, coordinate_bytes)));
  Number s = NumberOf(std::string(raw.substr(coordinate_bytes)));
  if (ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();  // the signature has them now
  (void)s.release();
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::vector<std::string> TextsOf(const Json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  std::vector<std::string> texts;
  if (!value.is_array()) return texts;
  for (const Json& one : value) {
    if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

// Nullopt: there is something, and it is no time.
std::optional<int64_t> TimeOf(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return 0;
  if (!found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  if (!(seconds >= 0 && seconds <= kSecondsMax)) return std::nullopt;
  return static_cast<int64_t>(std::floor(seconds));
}

absl::StatusOr<TokenClaims> ClaimsOf(const Json& json) {
  const std::optional<int64_t> expires = TimeOf(json, "exp");
  const std::optional<int64_t> not_before = TimeOf(json, "nbf");
  if (!expires || !not_before) return Refused("its exp or nbf is no time");
  TokenClaims claims{.issuer = TextOf(json, "iss"),
                     .subject = TextOf(json, "sub"),
                     .expires_s = *expires,
                     .not_before_s = *not_before};
  if (const auto audience = json.find("aud"); audience != json.end()) {
    claims.audiences = TextsOf(*audience);
  }
  for (const auto& [name, value] : json.items()) {
    std::vector<std::string> texts = TextsOf(value);
    if (name != "iss" && name != "sub" && name != "aud" && !texts.empty()) {
      claims.texts[name] = std::move(texts);
    }
  }
  return claims;
}

}  // namespace

struct TokenKeys::Key {
  std::string id;         // empty: it has none
  std::string algorithm;  // that it is for; empty: any of its kind
  KeyKind kind = KeyKind::kRsa;
  PublicKey key;

  // Null: it is of no use here.
  static std::unique_ptr<const Key> Of(const Json& json);
  bool Holds(const Algorithm& algorithm, std::string_view signed_text,
             const std::string& signature) const;
};

std::unique_ptr<const TokenKeys::Key> TokenKeys::Key::Of(const Json& json) {
  if (!json.is_object() || TextOf(json, "use") == "enc") return nullptr;
  auto key = std::make_unique<Key>();
  key->id = TextOf(json, "kid");
  key->algorithm = TextOf(json, "alg");
  const std::string type = TextOf(json, "kty");
  const std::string curve = TextOf(json, "crv");
  if (type == "RSA") {
    key->key = RsaKey(json);
  } else if (type == "EC" && curve == "P-256") {
    key->kind = KeyKind::kP256;
    key->key = CurveKey(json, "P-256", 32);
  } else if (type == "EC" && curve == "P-384") {
    key->kind = KeyKind::kP384;
    key->key = CurveKey(json, "P-384", 48);
  }
  if (!key->key) return nullptr;
  return key;
}

bool TokenKeys::Key::Holds(const Algorithm& of, std::string_view signed_text,
                           const std::string& signature) const {
  const std::string der =
      of.key == KeyKind::kRsa ? signature : DerOf(signature, of.key == KeyKind::kP256 ? 32 : 48);
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;  // the context's
  if (der.empty() ||
      EVP_DigestVerifyInit(context.get(), &settings, of.digest(), nullptr, key.get()) != 1) {
    return false;
  }
  if (of.is_pss && (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(der.data()),
                          der.size(), reinterpret_cast<const unsigned char*>(signed_text.data()),
                          signed_text.size()) == 1;
}

TokenKeys::TokenKeys() = default;
TokenKeys::~TokenKeys() = default;
TokenKeys::TokenKeys(TokenKeys&&) noexcept = default;
TokenKeys& TokenKeys::operator=(TokenKeys&&) noexcept = default;

size_t TokenKeys::size() const { return keys_.size(); }

absl::StatusOr<TokenKeys> TokenKeys::Read(std::string_view json) {
  if (json.size() > kTokenKeySetBytesMax) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "a key set of %d bytes is too large; %d are taken", json.size(), kTokenKeySetBytesMax));
  }
  const std::optional<Json> set = ObjectOf(json);
  const Json* const listed = set && set->contains("keys") ? &set->at("keys") : nullptr;
  if (listed == nullptr || !listed->is_array() || listed->size() > kTokenKeysMax) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "that is no key set: a JSON object with `keys`, a list of at most %d, is", kTokenKeysMax));
  }
  TokenKeys keys;
  for (const Json& one : *listed) {
    std::unique_ptr<const Key> key = Key::Of(one);
    if (key) keys.keys_.push_back(std::move(key));
  }
  return keys;
}

absl::StatusOr<TokenClaims> TokenKeys::Verify(std::string_view token) const {
  if (token.size() > kTokenBytesMax) return Refused("it is too large");
  const size_t first = token.find('.');
  const size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos) return Refused("it is no signed JSON Web Token");
  const std::optional<std::string> head = Decoded(token.substr(0, first));
  const std::optional<std::string> body = Decoded(token.substr(first + 1, second - first - 1));
  const std::optional<std::string> signature = Decoded(token.substr(second + 1));
  if (!head || !body || !signature) return Refused("it is no signed JSON Web Token");
  const std::optional<Json> header = ObjectOf(*head);
  if (!header) return Refused("its header is no JSON object");
  if (header->contains("crit")) return Refused("its `crit` asks for what is not known here");

  const std::string name = TextOf(*header, "alg");
  const auto* const algorithm =
      std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                   [&name](const Algorithm& known) { return known.name == name; });
  if (algorithm == kAlgorithms.end()) return Refused("its algorithm is not taken");
  const std::string id = TextOf(*header, "kid");
  const std::string_view signed_text = token.substr(0, second);
  bool was_tried = false;
  for (const std::unique_ptr<const Key>& key : keys_) {
    const bool may_be = key->kind == algorithm->key && (id.empty() || key->id == id) &&
                        (key->algorithm.empty() || key->algorithm == name);
    if (!may_be) continue;
    was_tried = true;
    if (!key->Holds(*algorithm, signed_text, *signature)) continue;
    const std::optional<Json> claims = ObjectOf(*body);
    if (!claims) return Refused("what it says is no JSON object");
    return ClaimsOf(*claims);
  }
  if (was_tried) return Refused("its signature does not hold");
  return absl::NotFoundError("the token is refused: its issuer has no such key");
}

absl::Status CheckClaims(const TokenClaims& claims, const TokenDemands& demands, int64_t now_s) {
  if (claims.issuer != demands.issuer) return Refused("it is of another issuer");
  const auto& audiences = claims.audiences;
  if (std::find(audiences.begin(), audiences.end(), demands.audience) == audiences.end()) {
    return Refused("it is for another audience");
  }
  if (claims.subject.empty()) return Refused("it is of nobody: it has no `sub`");
  if (claims.expires_s <= 0) return Refused("it never ends: it has no `exp`");
  if (claims.expires_s + demands.leeway_s <= now_s) return Refused("it has ended");
  if (claims.not_before_s - demands.leeway_s > now_s) return Refused("it is not valid yet");
  return absl::OkStatus();
}

}  // namespace turnout::state
