// Against the vectors that AWS publishes: its SigV4 test suite, and the examples of S3's manual.
#include "state/sigv4.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "state/sha256.h"

namespace turnout::state {
namespace {

constexpr char kEmptySha256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Vector {
  const char* name;
  SigV4Request request;
  const char* signature;
};

std::string SignatureOf(const Vector& vector, const SigV4Scope& scope, const char* key,
                        const char* secret) {
  const std::string header = Authorization(vector.request, scope, key, secret);
  const size_t at = header.find("Signature=");
  return at == std::string::npos ? header : header.substr(at + 10);
}

TEST(SigV4, SignsTheTestSuiteAsAwsDoes) {
  const SigV4Scope scope{.time = absl::FromUnixSeconds(1440938160),  // 20150830T123600Z
                         .region = "us-east-1",
                         .service = "service"};
  const std::vector<std::pair<std::string, std::string>> usual = {
      {"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}};
  const std::vector<Vector> vectors = {
      {"get-vanilla",
       {"GET", "/", {}, usual, kEmptySha256},
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-vanilla-query-order-key-case",
       {"GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}, usual, kEmptySha256},
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-unreserved",
       {"GET",
        "/",
        {{"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
          "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}},
        usual,
        kEmptySha256},
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"post-vanilla",
       {"POST", "/", {}, usual, kEmptySha256},
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-header-key-sort",
       {"POST",
        "/",
        {},
        {{"Host", "example.amazonaws.com"},
         {"My-Header1", "value1"},
         {"X-Amz-Date", "20150830T123600Z"}},
        kEmptySha256},
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
  };
  for (const Vector& vector : vectors) {
    EXPECT_EQ(SignatureOf(vector, scope, "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
              vector.signature)
        << vector.name;
  }
}

TEST(SigV4, SignsTheExamplesOfTheS3ManualAsItDoes) {
  const SigV4Scope scope{.time = absl::FromUnixSeconds(1369353600),  // 20130524T000000Z
                         .region = "us-east-1",
                         .service = "s3"};
  const std::string text_sha256 = Sha256("Welcome to Amazon S3.");
  const std::vector<Vector> vectors = {
      {"GetObject",
       {"GET",
        "/test.txt",
        {},
        {{"Host", "examplebucket.s3.amazonaws.com"},
         {"Range", "bytes=0-9"},
         {"x-amz-content-sha256", kEmptySha256},
         {"x-amz-date", "20130524T000000Z"}},
        kEmptySha256},
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"PutObject",
       {"PUT",
        "/test%24file.text",
        {},
        {{"Host", "examplebucket.s3.amazonaws.com"},
         {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
         {"x-amz-content-sha256", text_sha256},
         {"x-amz-date", "20130524T000000Z"},
         {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
        text_sha256},
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"GetBucketLifecycle",
       {"GET",
        "/",
        {{"lifecycle", ""}},
        {{"Host", "examplebucket.s3.amazonaws.com"},
         {"x-amz-content-sha256", kEmptySha256},
         {"x-amz-date", "20130524T000000Z"}},
        kEmptySha256},
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"ListObjects",
       {"GET",
        "/",
        {{"max-keys", "2"}, {"prefix", "J"}},
        {{"Host", "examplebucket.s3.amazonaws.com"},
         {"x-amz-content-sha256", kEmptySha256},
         {"x-amz-date", "20130524T000000Z"}},
        kEmptySha256},
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  for (const Vector& vector : vectors) {
    EXPECT_EQ(SignatureOf(vector, scope, "AKIAIOSFODNN7EXAMPLE",
                          "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
              vector.signature)
        << vector.name;
  }
}

TEST(SigV4, PutsEveryPartOfTheRequestInItsPlace) {
  const SigV4Request request = {"GET",
                                "/test.txt",
                                {},
                                {{"Host", "examplebucket.s3.amazonaws.com"},
                                 {"Range", "  bytes=0-9 "},
                                 {"x-amz-content-sha256", kEmptySha256},
                                 {"x-amz-date", "20130524T000000Z"}},
                                kEmptySha256};
  EXPECT_EQ(CanonicalRequest(request),
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
            "x-amz-content-sha256:" +
                std::string(kEmptySha256) +
                "\nx-amz-date:20130524T000000Z\n\n"
                "host;range;x-amz-content-sha256;x-amz-date\n" +
                kEmptySha256);
  const SigV4Scope scope{absl::FromUnixSeconds(1369353600), "us-east-1", "s3"};
  EXPECT_EQ(StringToSign(scope, CanonicalRequest(request)),
            "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
  EXPECT_TRUE(absl::StartsWith(
      Authorization(request, scope, "AKIAIOSFODNN7EXAMPLE", "x"),
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="));
}

struct PresignedVector {
  const char* name;
  SigV4Request request;
  SigV4Scope scope;
  SigV4Keys keys;
  absl::Duration life;
  const char* signature;
};

TEST(SigV4, PresignsAsTheS3ManualAndTheTestSuiteDo) {
  const SigV4Scope suite{absl::FromUnixSeconds(1440938160), "us-east-1", "service"};
  const SigV4Keys keys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
  SigV4Keys with_token = keys;
  with_token.session_token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
  const std::vector<std::pair<std::string, std::string>> host = {{"Host", "example.amazonaws.com"}};
  const std::vector<PresignedVector> vectors = {
      {"GetObject of the manual",
       {"GET", "/test.txt", {}, {{"host", "examplebucket.s3.amazonaws.com"}}, "UNSIGNED-PAYLOAD"},
       {absl::FromUnixSeconds(1369353600), "us-east-1", "s3"},
       {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""},
       absl::Hours(24),
       "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
      {"get-vanilla-query-order-key-case",
       {"GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}, host, kEmptySha256},
       suite,
       keys,
       absl::Hours(1),
       "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5"},
      {"get-vanilla-with-session-token",
       {"GET", "/", {}, host, kEmptySha256},
       suite,
       with_token,
       absl::Hours(1),
       "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c"},
  };
  for (const PresignedVector& vector : vectors) {
    const std::string query =
        PresignedQuery(vector.request, vector.scope, vector.keys, vector.life);
    EXPECT_TRUE(absl::EndsWith(query, std::string("&X-Amz-Signature=") + vector.signature))
        << vector.name << ": " << query;
  }
}

TEST(SigV4, EncodesAllButTheUnreserved) {
  EXPECT_EQ(UriEncode("a/b c+d=e&f~g-h_i.j", true), "a/b%20c%2Bd%3De%26f~g-h_i.j");
  EXPECT_EQ(UriEncode("a/b", false), "a%2Fb");
  EXPECT_EQ(UriEncode("\xc3\xa9\xff", true), "%C3%A9%FF");
}

}  // namespace
}  // namespace turnout::state
