#include "state/signed_token.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/support/token_issuer.h"

namespace turnout::state {
namespace {

using support::KeySetOf;
using support::TokenIssuer;

// RFC 7515, appendices A.2 and A.3.
constexpr std::string_view kPublishedClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"
    "VlfQ";
constexpr std::string_view kPublishedRsaKey =
    R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmf)"
    R"(HQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wG)"
    R"(zjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZ)"
    R"(lxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54)"
    R"(h4FRWyuXpoQ"})";
constexpr std::string_view kPublishedRsaSignature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
constexpr std::string_view kPublishedCurveKey =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr std::string_view kPublishedCurveSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

class SignedTokenTest : public testing::Test {
 protected:
  static const TokenIssuer& issuer() {
    static const TokenIssuer* const kIssuer = new TokenIssuer();
    return *kIssuer;
  }
  static TokenKeys Keys(const std::vector<std::string>& keys) {
    absl::StatusOr<TokenKeys> read = TokenKeys::Read(KeySetOf(keys));
    EXPECT_TRUE(read.ok()) << read.status();
    return *std::move(read);
  }
};

constexpr std::string_view kClaims =
    R"({"iss": "https://id.example.com", "sub": "ada", "aud": ["turnout", "other"], "exp": 2000,
        "nbf": 1000, "groups": ["fraud", 3, "growth"], "email": "ada@example.com", "n": 1})";

TEST_F(SignedTokenTest, PublishedTokensHoldAgainstTheirPublishedKeys) {
  const std::string claims(kPublishedClaims);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {std::string(kPublishedRsaKey),
       "eyJhbGciOiJSUzI1NiJ9." + claims + "." + std::string(kPublishedRsaSignature)},
      {std::string(kPublishedCurveKey),
       "eyJhbGciOiJFUzI1NiJ9." + claims + "." + std::string(kPublishedCurveSignature)},
  };
  for (const auto& [key, token] : cases) {
    const absl::StatusOr<TokenClaims> said = Keys({key}).Verify(token);
    ASSERT_TRUE(said.ok()) << said.status();
    EXPECT_EQ(said->issuer, "joe");
    EXPECT_EQ(said->expires_s, 1300819380);
  }
}

TEST_F(SignedTokenTest, EachAlgorithmHoldsAndSaysWhatItSays) {
  const TokenKeys keys = Keys({issuer().RsaKey("r"), issuer().CurveKey("c")});
  const std::vector<std::string> tokens = {
      issuer().Rsa(R"({"alg":"RS256","kid":"r"})", kClaims),
      issuer().Rsa(R"({"alg":"RS256"})", kClaims),
      issuer().Rsa(R"({"alg":"PS256","kid":"r"})", kClaims, true),
      issuer().Curve(R"({"alg":"ES256","kid":"c"})", kClaims),
  };
  for (const std::string& token : tokens) {
    const absl::StatusOr<TokenClaims> said = keys.Verify(token);
    ASSERT_TRUE(said.ok()) << said.status();
    EXPECT_EQ(said->subject, "ada");
    EXPECT_EQ(said->audiences, (std::vector<std::string>{"turnout", "other"}));
    EXPECT_EQ(said->texts.at("groups"), (std::vector<std::string>{"fraud", "growth"}));
    EXPECT_EQ(said->texts.at("email"), std::vector<std::string>{"ada@example.com"});
    EXPECT_EQ(said->texts.count("n"), 0u);
  }
}

TEST_F(SignedTokenTest, NoByteOfATokenCanBeChanged) {
  const TokenKeys keys = Keys({issuer().CurveKey("c")});
  const std::string token = issuer().Curve(R"({"alg":"ES256","kid":"c"})", kClaims);
  ASSERT_TRUE(keys.Verify(token).ok());
  const TokenClaims as_signed = *keys.Verify(token);
  for (size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const absl::StatusOr<TokenClaims> said = keys.Verify(changed);
    // The last digit of base64 has bits that say nothing.
    if (said.ok()) {
      EXPECT_EQ(at, token.size() - 1);
      EXPECT_EQ(said->texts, as_signed.texts);
    }
  }
}

TEST_F(SignedTokenTest, ATokenThatOnlyLooksSignedIsRefused) {
  const TokenKeys keys = Keys({issuer().RsaKey("r", R"(,"alg":"RS256")"), issuer().CurveKey("c")});
  const std::string body = support::Base64Url(kClaims);
  const std::vector<std::string> tokens = {
      "",
      "a",
      "a.b",
      "..",
      support::Base64Url(R"({"alg":"none"})") + "." + body + ".",
      support::Base64Url(R"({"alg":"none"})") + "." + body + ".AAAA",
      support::Base64Url(R"({"alg":"HS256","kid":"r"})") + "." + body + ".AAAA",
      issuer().Rsa(R"({"alg":"RS256","kid":"r","crit":["exp"]})", kClaims),
      issuer().Rsa(R"({"alg":"PS256","kid":"r"})", kClaims, true),  // the key is for RS256 alone
      issuer().Rsa(R"({"alg":"RS256","kid":"c"})", kClaims),
      issuer().Curve(R"({"alg":"ES256","kid":"r"})", kClaims),
      issuer().Rsa(R"({"alg":"RS256","kid":"r"})", R"("no object")"),
      issuer().Rsa(R"({"alg":"RS256","kid":"r"})", R"({"exp": "soon"})"),
      issuer().Rsa(R"({"alg":"RS256","kid":"r"})", R"({"exp": 1e300})"),
      issuer().Rsa(R"({"alg":"RS256","kid":"r"})", kClaims) + "=",
      issuer().Rsa(R"({"alg":"RS256","kid":"r"})", kClaims) + ".x",
      std::string(kTokenBytesMax + 1, 'a'),
  };
  for (const std::string& token : tokens) {
    const absl::Status refused = keys.Verify(token).status();
    EXPECT_FALSE(refused.ok()) << token;
    EXPECT_EQ(refused.message().find(body), std::string::npos) << refused;
  }
}

TEST_F(SignedTokenTest, AKeyThatIsNotInTheSetIsToldFromASignatureThatDoesNotHold) {
  const TokenKeys keys = Keys({issuer().RsaKey("old")});
  EXPECT_TRUE(absl::IsNotFound(
      keys.Verify(issuer().Rsa(R"({"alg":"RS256","kid":"new"})", kClaims)).status()));
  const TokenIssuer another;
  EXPECT_TRUE(absl::IsPermissionDenied(
      keys.Verify(another.Rsa(R"({"alg":"RS256","kid":"old"})", kClaims)).status()));
}

TEST_F(SignedTokenTest, KeysOfNoUseArePassedOver) {
  const TokenKeys keys = Keys({
      R"({"kty":"oct","k":"AAAA"})",
      R"({"kty":"RSA","e":"AQAB","n":"AQAB"})",  // 17 bits
      R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})",
      absl::StrFormat(R"({"kty":"EC","crv":"P-256","x":"%s","y":"%s"})",
                      support::Base64Url(std::string(32, 'x')),
                      support::Base64Url(std::string(32, 'y'))),  // not on it
      R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})",
      issuer().RsaKey("e", R"(,"use":"enc")"),
      "3",
      issuer().CurveKey("c"),
  });
  EXPECT_EQ(keys.size(), 1u);
}

TEST_F(SignedTokenTest, WhatIsNoKeySetIsRefused) {
  const std::vector<std::string> texts = {
      "",
      "[]",
      "{}",
      R"({"keys": {}})",
      R"({"keys": [)",
      std::string(1000, '['),
      std::string(kTokenKeySetBytesMax + 1, ' '),
      KeySetOf(std::vector<std::string>(kTokenKeysMax + 1, "1"))};
  for (const std::string& text : texts) {
    EXPECT_TRUE(absl::IsInvalidArgument(TokenKeys::Read(text).status())) << text.substr(0, 40);
  }
}

TEST_F(SignedTokenTest, ClaimsHoldForTheirIssuerAudienceAndTime) {
  const TokenClaims good{.issuer = "i",
                         .subject = "s",
                         .audiences = {"x", "a"},
                         .expires_s = 2000,
                         .not_before_s = 1000};
  const TokenDemands demands{.issuer = "i", .audience = "a", .leeway_s = 60};
  EXPECT_TRUE(CheckClaims(good, demands, 1500).ok());
  EXPECT_TRUE(CheckClaims(good, demands, 940).ok());
  EXPECT_TRUE(CheckClaims(good, demands, 2059).ok());
  const auto with = [&good](auto change) {
    TokenClaims claims = good;
    change(claims);
    return claims;
  };
  const std::vector<std::pair<absl::Status, std::string>> cases = {
      {CheckClaims(good, demands, 939), "not valid yet"},
      {CheckClaims(good, demands, 2060), "has ended"},
      {CheckClaims(with([](TokenClaims& c) { c.issuer = "j"; }), demands, 1500), "issuer"},
      {CheckClaims(with([](TokenClaims& c) { c.audiences = {"x"}; }), demands, 1500), "audience"},
      {CheckClaims(with([](TokenClaims& c) { c.subject = ""; }), demands, 1500), "nobody"},
      {CheckClaims(with([](TokenClaims& c) { c.expires_s = 0; }), demands, 1500), "never ends"},
  };
  for (const auto& [status, words] : cases) {
    EXPECT_TRUE(absl::IsPermissionDenied(status));
    EXPECT_NE(status.message().find(words), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace turnout::state
