// TokenIssuer: keys of an identity provider's, and tokens that it signs.
//
// Threads: immutable.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace turnout::support {

std::string Base64Url(std::string_view bytes);

// A JWK set of these keys.
std::string KeySetOf(const std::vector<std::string>& keys);

class TokenIssuer {
 public:
  TokenIssuer();
  ~TokenIssuer();

  // A JWK each; `more` goes in as it is: `,"use":"sig"`.
  std::string RsaKey(std::string_view id, std::string_view more = "") const;
  std::string CurveKey(std::string_view id) const;

  // Tokens of this header and these claims, signed by SHA-256 with RSA (PKCS 1, or PSS), with
  // P-256.
  std::string Rsa(std::string_view header, std::string_view claims, bool pss = false) const;
  std::string Curve(std::string_view header, std::string_view claims) const;

 private:
  struct Keys;
  std::unique_ptr<const Keys> keys_;
};

}  // namespace turnout::support
