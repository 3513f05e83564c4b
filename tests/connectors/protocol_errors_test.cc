#include "connectors/protocol_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;

constexpr int kLastCode = 133;  // of Kafka 4

TEST(ProtocolErrors, EveryCodeOfKafka4HasANameOfItsOwn) {
  std::set<std::string> names;
  for (int code = -1; code <= kLastCode; ++code) {
    const ProtocolError& error = ProtocolErrorOf(code);
    EXPECT_EQ(error.code, code);
    EXPECT_TRUE(names.insert(error.name).second) << error.name;
    EXPECT_EQ(error.outcome == absl::StatusCode::kOk, code == 0);
  }
}

TEST(ProtocolErrors, ACodeHasItsOutcomeWhatToLookUpAndItsCure) {
  const struct {
    int code;
    absl::StatusCode outcome;
    LookUpAnew look_up;
    const char* words;
  } cases[] = {
      {6, absl::StatusCode::kUnavailable, LookUpAnew::kLeaders, "NOT_LEADER_OR_FOLLOWER"},
      {16, absl::StatusCode::kUnavailable, LookUpAnew::kCoordinator, "NOT_COORDINATOR"},
      {51, absl::StatusCode::kUnavailable, LookUpAnew::kNothing, "CONCURRENT_TRANSACTIONS"},
      {47, absl::StatusCode::kFailedPrecondition, LookUpAnew::kNothing, "same `instance`"},
      {90, absl::StatusCode::kFailedPrecondition, LookUpAnew::kNothing,
       "outlived limits.transaction_timeout"},
      {120, absl::StatusCode::kAborted, LookUpAnew::kNothing, "TRANSACTION_ABORTABLE"},
      {48, absl::StatusCode::kAborted, LookUpAnew::kNothing, "INVALID_TXN_STATE"},
      {29, absl::StatusCode::kInvalidArgument, LookUpAnew::kNothing, "grant this principal"},
      {9'999, absl::StatusCode::kInternal, LookUpAnew::kNothing, "error 9999"},
  };
  for (const auto& [code, outcome, look_up, words] : cases) {
    EXPECT_EQ(ProtocolErrorOf(code).look_up, look_up) << code;
    const absl::Status status = StatusOfProtocolCode(code, "doing this", "detail");
    EXPECT_EQ(status.code(), outcome) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
    EXPECT_THAT(std::string(status.message()), HasSubstr("doing this: "));
    EXPECT_THAT(std::string(status.message()), HasSubstr(": detail"));
  }
  EXPECT_TRUE(StatusOfProtocolCode(0, "doing this").ok());
}

}  // namespace
}  // namespace turnout::connectors
