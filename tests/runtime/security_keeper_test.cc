#include "runtime/security_keeper.h"

#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"
#include "tests/support/test_certificates.h"

namespace turnout::runtime {
namespace {

using support::kFirstCertificate;
using support::kFirstKey;
using support::kSecondCertificate;
using support::kSecondKey;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kEvery = absl::Milliseconds(2);

// What a test sees of a keeper.
class Seen {
 public:
  SecurityKeeper::Report Report() {
    return [this](const SecurityReport& report) {
      const absl::MutexLock lock(&mu_);
      last_ = report;
      ++looks_;
      certificates_ += report.certificates_changed ? 1 : 0;
      passwords_ += report.passwords_changed ? 1 : 0;
    };
  }
  // Of a look that began after this was called.
  SecurityReport Next() {
    const absl::MutexLock lock(&mu_);
    const int wanted = looks_ + 2;
    const auto there = [this, wanted]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return looks_ >= wanted; };
    mu_.AwaitWithTimeout(absl::Condition(&there), kPatience);
    EXPECT_GE(looks_, wanted);
    return last_;
  }
  int certificates() {
    const absl::MutexLock lock(&mu_);
    return certificates_;
  }
  int passwords() {
    const absl::MutexLock lock(&mu_);
    return passwords_;
  }

 private:
  absl::Mutex mu_;
  SecurityReport last_ ABSL_GUARDED_BY(mu_);
  int looks_ ABSL_GUARDED_BY(mu_) = 0;
  int certificates_ ABSL_GUARDED_BY(mu_) = 0;
  int passwords_ ABSL_GUARDED_BY(mu_) = 0;
};

class SecurityKeeperTest : public ::testing::Test {
 protected:
  SecurityKeeperTest() {
    directory_.Write("password", "hunter2\n");
    directory_.Write("certificate.pem", kFirstCertificate);
    directory_.Write("key.pem", kFirstKey);
    config_.kafka = {{"security.protocol", "sasl_ssl"},
                     {"sasl.mechanism", "PLAIN"},
                     {"sasl.username", "me"},
                     {"sasl.password", "hunter2"},
                     {"ssl.certificate.location", directory_.path() + "/certificate.pem"},
                     {"ssl.key.location", directory_.path() + "/key.pem"}};
    config_.kafka_references = {{"sasl.password", "${file:password}", directory_.path()}};
  }

  std::string PasswordOf(const SecurityKeeper::Properties& properties) {
    for (const auto& [name, value] : properties) {
      if (name == "sasl.password") return value;
    }
    return {};
  }

  support::TempDirectory directory_;
  Config config_;
  Seen seen_;
};

TEST_F(SecurityKeeperTest, WhatStaysAsItIsChangesNothing) {
  SecurityKeeper keeper(config_.kafka, ReadingOf(config_), seen_.Report(), kEvery);
  const SecurityReport report = seen_.Next();
  EXPECT_TRUE(report.status.ok()) << report.status;
  ASSERT_EQ(report.certificates.size(), 1u);
  EXPECT_EQ(report.certificates[0].subject, "CN=first");
  EXPECT_EQ(seen_.certificates() + seen_.passwords(), 0);
  EXPECT_EQ(keeper.certificate_edition() + keeper.password_edition(), 0u);
}

TEST_F(SecurityKeeperTest, WhatWasEmptyFromTheBeginningMayBe) {
  config_.kafka.emplace_back("client.rack", "");
  config_.kafka_references.push_back({"client.rack", "${file:rack}", directory_.path()});
  directory_.Write("rack", "");
  SecurityKeeper keeper(config_.kafka, ReadingOf(config_), seen_.Report(), kEvery);
  EXPECT_TRUE(seen_.Next().status.ok());
}

TEST_F(SecurityKeeperTest, APasswordThatIsReplacedIsHandedOn) {
  SecurityKeeper keeper(config_.kafka, ReadingOf(config_), seen_.Report(), kEvery);
  absl::Mutex mu;
  std::string told;
  const int listener = keeper.AddListener([&](const SecurityKeeper::Properties& properties) {
    const absl::MutexLock lock(&mu);
    told = PasswordOf(properties);
  });
  directory_.Write("password", "correct horse\n");
  seen_.Next();
  EXPECT_EQ(seen_.passwords(), 1);
  EXPECT_EQ(keeper.password_edition(), 1u);
  EXPECT_EQ(keeper.certificate_edition(), 0u);
  EXPECT_EQ(PasswordOf(keeper.Current()), "correct horse");
  keeper.RemoveListener(listener);
  const absl::MutexLock lock(&mu);
  EXPECT_EQ(told, "correct horse");
}

TEST_F(SecurityKeeperTest, APasswordThatIsNotThereIsNamedAndTheOneBeforeServesOn) {
  SecurityKeeper keeper(config_.kafka, ReadingOf(config_), seen_.Report(), kEvery);
  directory_.Write("password", "");
  EXPECT_THAT(seen_.Next().status.ToString(),
              AllOf(HasSubstr("kafka.sasl.password"), HasSubstr("empty")));
  EXPECT_EQ(PasswordOf(keeper.Current()), "hunter2");
  directory_.Write("password", "hunter3");
  EXPECT_TRUE(seen_.Next().status.ok());
  EXPECT_EQ(PasswordOf(keeper.Current()), "hunter3");
  EXPECT_EQ(keeper.password_edition(), 1u);
}

TEST_F(SecurityKeeperTest, ACertificateIsHandedOnOnceItsKeyHasComeToo) {
  SecurityKeeper keeper(config_.kafka, ReadingOf(config_), seen_.Report(), kEvery);
  directory_.Write("certificate.pem", kSecondCertificate);
  EXPECT_THAT(seen_.Next().status.ToString(), HasSubstr("kafka.ssl.key.location can't be used"));
  EXPECT_EQ(keeper.certificate_edition(), 0u);
  directory_.Write("key.pem", kSecondKey);
  const SecurityReport report = seen_.Next();
  EXPECT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(report.certificates.at(0).subject, "CN=second");
  EXPECT_GE(keeper.certificate_edition(), 1u);  // more where it was read while it was written
  EXPECT_EQ(keeper.password_edition(), 0u);
}

TEST(CertificateTroubleTest, IsSaidAFifthOfItsLifeOrAWeekAheadAndWhenItIsOver) {
  const absl::Time begins = absl::FromUnixSeconds(1'795'600'000);
  const connectors::CertificateLife brief = {.property = "ssl.certificate.location",
                                             .subject = "CN=router",
                                             .begins = begins,
                                             .ends = begins + absl::Seconds(50)};
  EXPECT_THAT(CertificateTrouble(brief, begins + absl::Seconds(39)), IsEmpty());
  EXPECT_THAT(CertificateTrouble(brief, begins + absl::Seconds(41)),
              AllOf(HasSubstr("CN=router"), HasSubstr("kafka.ssl.certificate.location"),
                    HasSubstr(" ends at "), HasSubstr("without a restart")));
  EXPECT_THAT(CertificateTrouble(brief, begins + absl::Seconds(50)), HasSubstr(" has ended at "));
  connectors::CertificateLife of_a_year = brief;
  of_a_year.ends = begins + absl::Hours(24 * 365);
  EXPECT_THAT(CertificateTrouble(of_a_year, of_a_year.ends - absl::Hours(24 * 8)), IsEmpty());
  EXPECT_THAT(CertificateTrouble(of_a_year, of_a_year.ends - absl::Hours(24 * 6)),
              HasSubstr(" ends at "));
}

}  // namespace
}  // namespace turnout::runtime
