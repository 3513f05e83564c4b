#include "connectors/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"
#include "tests/support/test_certificates.h"

namespace turnout::connectors {
namespace {

using support::kFirstCertificate;
using support::kFirstKey;
using support::kSecondCertificate;
using support::kSecondKey;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CertificatesTest : public ::testing::Test {
 protected:
  std::vector<KafkaProperty> Mutual(const std::string& certificate, const std::string& key) {
    return {{"security.protocol", "ssl"},
            {"ssl.certificate.location", directory_.Write("certificate.pem", certificate)},
            {"ssl.key.location", directory_.Write("key.pem", key)},
            {"ssl.ca.location", directory_.Write("ca.pem", kSecondCertificate)}};
  }

  support::TempDirectory directory_;
};

TEST_F(CertificatesTest, SaysWhatEndsWhen) {
  const auto lives = CertificateLives(Mutual(kFirstCertificate, kFirstKey));
  ASSERT_TRUE(lives.ok()) << lives.status();
  ASSERT_THAT(*lives, SizeIs(2));
  EXPECT_EQ((*lives)[0].property, "ssl.certificate.location");
  EXPECT_EQ((*lives)[0].subject, "CN=first");
  EXPECT_EQ((*lives)[0].begins, absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone()));
  EXPECT_EQ((*lives)[0].ends, absl::FromCivil(absl::CivilDay(2120, 1, 1), absl::UTCTimeZone()));
  EXPECT_EQ((*lives)[1].property, "ssl.ca.location");
  EXPECT_EQ((*lives)[1].subject, "CN=second");
}

TEST_F(CertificatesTest, OfSeveralTheOneThatEndsFirstCounts) {
  const auto lives =
      CertificateLives(Mutual(std::string(kFirstCertificate) + kSecondCertificate, kFirstKey));
  ASSERT_TRUE(lives.ok()) << lives.status();
  EXPECT_EQ(lives->at(0).subject, "CN=second");
}

TEST_F(CertificatesTest, TextInPlaceOfFilesIsReadTheSame) {
  const auto lives = CertificateLives({{"security.protocol", "SASL_SSL"},
                                       {"ssl.certificate.pem", kFirstCertificate},
                                       {"ssl.key.pem", kFirstKey},
                                       {"ssl.ca.pem", kSecondCertificate}});
  ASSERT_TRUE(lives.ok()) << lives.status();
  ASSERT_THAT(*lives, SizeIs(2));
  EXPECT_EQ((*lives)[1].property, "ssl.ca.pem");
}

TEST_F(CertificatesTest, WhatIsNotEncryptedOrNotOursHasNone) {
  for (const std::vector<KafkaProperty>& properties :
       {std::vector<KafkaProperty>{},
        {{"security.protocol", "plaintext"}, {"ssl.ca.location", "/nowhere"}},
        {{"security.protocol", "ssl"}},
        {{"security.protocol", "ssl"}, {"ssl.ca.location", "probe"}},
        {{"security.protocol", "ssl"}, {"ssl.ca.location", directory_.path()}},
        {{"security.protocol", "ssl"}, {"ssl.keystore.location", "librdkafka-alone.p12"}}}) {
    const auto lives = CertificateLives(properties);
    ASSERT_TRUE(lives.ok()) << lives.status();
    EXPECT_THAT(*lives, IsEmpty());
  }
}

TEST_F(CertificatesTest, WhatCantBeUsedTogetherIsNamed) {
  EXPECT_TRUE(CheckCertificates(Mutual(kFirstCertificate, kFirstKey)).ok());
  EXPECT_THAT(CheckCertificates(Mutual(kFirstCertificate, kSecondKey)).ToString(),
              HasSubstr("kafka.ssl.key.location can't be used"));
  EXPECT_THAT(CheckCertificates(Mutual("half a certif", kFirstKey)).ToString(),
              HasSubstr("kafka.ssl.certificate.location can't be used"));
  EXPECT_THAT(CertificateLives(Mutual("half a certif", kFirstKey)).status().ToString(),
              HasSubstr("certificate.pem holds no certificate in PEM"));
  EXPECT_TRUE(CheckCertificates({{"security.protocol", "plaintext"}}).ok());
}

}  // namespace
}  // namespace turnout::connectors
