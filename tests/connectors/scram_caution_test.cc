#include "connectors/scram_caution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnout::connectors {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<KafkaProperty> With(const std::string& protocol, const std::string& mechanism) {
  return {{"security.protocol", protocol}, {"sasl.mechanism", mechanism}};
}

TEST(ScramCautionTest, AnOldLibraryIsNamedWithMechanismAndCure) {
  for (const char* const mechanism : {"SCRAM-SHA-256", "SCRAM-SHA-512"}) {
    EXPECT_THAT(ScramCaution(With("sasl_ssl", mechanism), 0x020002ff),
                AllOf(HasSubstr("librdkafka 2.0.2 can't do"), HasSubstr(mechanism),
                      HasSubstr("librdkafka#4895"), HasSubstr("2.6.1 or newer")));
  }
  EXPECT_THAT(
      ScramCaution({{"security.protocol", "SASL_PLAINTEXT"}, {"sasl.mechanisms", "SCRAM-SHA-256"}},
                   kScramMended - 0x100),
      HasSubstr("librdkafka 2.6.0"));
}

TEST(ScramCautionTest, NothingIsSaidOfANewerLibraryOrOfOtherMechanisms) {
  EXPECT_THAT(ScramCaution(With("SASL_SSL", "SCRAM-SHA-256"), kScramMended), IsEmpty());
  EXPECT_THAT(ScramCaution(With("SASL_SSL", "PLAIN"), 0x020002ff), IsEmpty());
  EXPECT_THAT(ScramCaution(With("SSL", "SCRAM-SHA-256"), 0x020002ff), IsEmpty());
  EXPECT_THAT(ScramCaution({}, 0x020002ff), IsEmpty());
}

}  // namespace
}  // namespace turnout::connectors
