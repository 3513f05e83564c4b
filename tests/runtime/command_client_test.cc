#include "runtime/command_client.h"

#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

TEST(CommandClient, ATopicThatIsMissingIsToldWithTheSettingThatNamesIt) {
  EXPECT_EQ(
      NamingSetting(absl::NotFoundError("topic t doesn't exist"), "source.topic"),
      absl::InvalidArgumentError("topic t doesn't exist (create it, or correct source.topic)"));
  const absl::Status other = absl::UnavailableError("no broker answers");
  EXPECT_EQ(NamingSetting(other, "source.topic"), other);
  EXPECT_TRUE(NamingSetting(absl::OkStatus(), "source.topic").ok());
}

}  // namespace
}  // namespace turnout::runtime
