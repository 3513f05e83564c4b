#include "tests/support/token_issuer.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace turnout::support {
namespace {

using OwnKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string BytesOf(const BIGNUM* number, int bytes) {
  std::string text(static_cast<size_t>(bytes), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), bytes);
  return text;
}

std::string Sign(EVP_PKEY* key, const std::string& text, bool pss) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* settings = nullptr;
  EVP_DigestSignInit(context, &settings, EVP_sha256(), nullptr, key);
  if (pss) {
    EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST);
  }
  size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSign(context, nullptr, &size, bytes, text.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                 text.size());
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return signature;
}

}  // namespace

struct TokenIssuer::Keys {
  OwnKey rsa{EVP_RSA_gen(2048), EVP_PKEY_free};
  OwnKey curve{EVP_EC_gen("P-256"), EVP_PKEY_free};
};

std::string Base64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape({bytes.data(), bytes.size()});
}

std::string KeySetOf(const std::vector<std::string>& keys) {
  std::string json = R"({"keys": [)";
  for (const std::string& key : keys) json += (json.back() == '[' ? "" : ", ") + key;
  return json + "]}";
}

TokenIssuer::TokenIssuer() : keys_(std::make_unique<Keys>()) {}
TokenIssuer::~TokenIssuer() = default;

std::string TokenIssuer::RsaKey(std::string_view id, std::string_view more) const {
  BIGNUM* n = nullptr;
  EVP_PKEY_get_bn_param(keys_->rsa.get(), "n", &n);
  std::string modulus = BytesOf(n, BN_num_bytes(n));
  BN_free(n);
  return absl::StrFormat(R"({"kty":"RSA","kid":"%s","e":"AQAB","n":"%s"%s})", id,
                         Base64Url(modulus), more);
}

std::string TokenIssuer::CurveKey(std::string_view id) const {
  BIGNUM* x = nullptr;
  BIGNUM* y = nullptr;
  EVP_PKEY_get_bn_param(keys_->curve.get(), "qx", &x);
  EVP_PKEY_get_bn_param(keys_->curve.get(), "qy", &y);
  std::string json = absl::StrFormat(R"({"kty":"EC","crv":"P-256","kid":"%s","x":"%s","y":"%s"})",
                                     id, Base64Url(BytesOf(x, 32)), Base64Url(BytesOf(y, 32)));
  BN_free(x);
  BN_free(y);
  return json;
}

std::string TokenIssuer::Rsa(std::string_view header, std::string_view claims, bool pss) const {
  const std::string signed_text = Base64Url(header) + "." + Base64Url(claims);
  return signed_text + "." + Base64Url(Sign(keys_->rsa.get(), signed_text, pss));
}

std::string TokenIssuer::Curve(std::string_view header, std::string_view claims) const {
  const std::string signed_text = Base64Url(header) + "." + Base64Url(claims);
  const std::string der = Sign(keys_->curve.get(), signed_text, false);
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  const std::string raw =
      BytesOf(ECDSA_SIG_get0_r(signature), 32) + BytesOf(ECDSA_SIG_get0_s(signature), 32);
  ECDSA_SIG_free(signature);
  return signed_text + "." + Base64Url(raw);
}

}  // namespace turnout::support
