#include "deploy/manager/router_pulses.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::manager {
namespace {

using testing::HasSubstr;
using testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

std::string Pulse(const std::string& pod, int64_t uptime_ms, int64_t matched,
                  const std::string& more = "") {
  return absl::StrCat(R"({"instance": ")", pod, R"(", "started_ms": 1, "uptime_ms": )", uptime_ms,
                      R"(, "version": "v1", "ready": true, "samples": true, "lag": 7, "events": )",
                      matched, R"(, "rules": [{"rule": "fraud/a", "matched": )", matched,
                      R"(, "sent": )", matched, R"(, "errors": 2}])", more, "}");
}

class RouterPulsesTest : public testing::Test {
 protected:
  void Take(const std::string& pulse, absl::Time at = kNow) {
    const absl::StatusOr<size_t> taken = pulses_.Take("orders", pulse, at);
    ASSERT_TRUE(taken.ok()) << taken.status();
    wanted_ = *taken;
  }
  std::string RatesAt(absl::Time at) { return pulses_.RatesJson("orders", at); }

  RouterPulses pulses_;
  size_t wanted_ = 0;
};

TEST_F(RouterPulsesTest, SumsWhatEachRuleDoesASecondOverPods) {
  Take(Pulse("a", 1'000, 100));
  EXPECT_THAT(RatesAt(kNow), HasSubstr(R"("events_per_s":null)"));
  Take(Pulse("b", 1'000, 0));
  Take(Pulse("a", 6'000, 150), kNow + absl::Seconds(5));
  Take(Pulse("b", 6'000, 20), kNow + absl::Seconds(5));
  const std::string rates = RatesAt(kNow + absl::Seconds(5));
  EXPECT_THAT(rates, HasSubstr(R"("rule":"fraud/a","matched_per_s":14.000,"sent_per_s":14.000)"));
  EXPECT_THAT(rates, HasSubstr(R"("matched":170,"errors":4)"));
  EXPECT_THAT(rates, HasSubstr(R"("lag":7)"));
}

TEST_F(RouterPulsesTest, KnowsNoRateOfAPodThatStartedAnew) {
  Take(Pulse("a", 60'000, 100'000));
  Take(Pulse("a", 1'000, 5), kNow + absl::Seconds(5));
  EXPECT_THAT(RatesAt(kNow + absl::Seconds(5)), HasSubstr(R"("matched_per_s":0.000)"));
  EXPECT_THAT(RatesAt(kNow + absl::Seconds(5)), HasSubstr(R"("events_per_s":null)"));
}

TEST_F(RouterPulsesTest, ShowsAPodThatTellsNoMoreAsSilentAndThenForgetsIt) {
  Take(Pulse("a", 1'000, 0));
  Take(Pulse("a", 6'000, 50), kNow);
  const absl::Time later = kNow + kPulseSilentAfter + absl::Seconds(1);
  EXPECT_THAT(RatesAt(later), HasSubstr(R"("state":"silent")"));
  EXPECT_THAT(RatesAt(later), Not(HasSubstr("fraud/a")));
  const absl::Time last = kNow + kPulseForgottenAfter + absl::Seconds(1);
  Take(Pulse("b", 1'000, 0), last);
  EXPECT_THAT(RatesAt(last), Not(HasSubstr(R"("instance":"a")")));
}

TEST_F(RouterPulsesTest, ForgetsThePodThatWasHeardOfLongestAgoOfTooMany) {
  for (size_t i = 0; i <= kPulsePodsMax; ++i) {
    Take(Pulse(absl::StrCat("pod-", i), 1'000, 0), kNow + absl::Milliseconds(i));
  }
  EXPECT_THAT(RatesAt(kNow), Not(HasSubstr(R"("pod-0")")));
  EXPECT_THAT(RatesAt(kNow), HasSubstr(absl::StrCat("\"pod-", kPulsePodsMax, "\"")));
}

TEST_F(RouterPulsesTest, KeepsNoMoreBytesThanItMay) {
  const std::string filler = std::string(kPulseBytesMax / 2, ' ');
  const size_t fit = kPulsesBytesMax / (kPulseBytesMax / 2);
  for (size_t i = 0; i < fit + 5; ++i) {
    Take(Pulse(absl::StrCat("pod-", i), 1'000, 0, filler), kNow + absl::Milliseconds(i));
  }
  EXPECT_THAT(RatesAt(kNow), Not(HasSubstr(R"("pod-3")")));
  EXPECT_THAT(RatesAt(kNow), HasSubstr(absl::StrCat("\"pod-", fit + 4, "\"")));
}

TEST_F(RouterPulsesTest, AsksForEventsOnceSomebodyWantsThemAndKeepsThemForAWhile) {
  EXPECT_THAT(pulses_.Sample("orders", false, kNow).json, HasSubstr("no_router"));
  Take(Pulse("a", 1'000, 0, R"(, "sample": [{"value": "unasked"}])"));
  EXPECT_EQ(wanted_, 0u);
  const SampleAnswer asked = pulses_.Sample("orders", false, kNow);
  EXPECT_TRUE(asked.is_asked);
  EXPECT_EQ(asked.events, 0u) << "what nobody asked for is not kept";
  EXPECT_FALSE(pulses_.Sample("orders", false, kNow).is_asked) << "it is already";
  Take(Pulse("a", 6'000, 0));
  EXPECT_EQ(wanted_, kSampleEventsMax);
  Take(Pulse("a", 6'001, 0,
             R"(, "sample": [{"partition": 3, "offset": 9, "timestamp": 5, "value": "{}",
                              "headers": [{"name": "h", "value": "v"}]}])"));
  EXPECT_EQ(wanted_, 0u);
  const SampleAnswer here = pulses_.Sample("orders", false, kNow);
  EXPECT_EQ(here.events, 1u);
  EXPECT_THAT(here.json, HasSubstr(R"("offset":9,"timestamp":5,"value":"{}")"));
  EXPECT_TRUE(pulses_.Sample("orders", true, kNow).is_asked);
  const absl::Time over = kNow + kSampleKeptFor + kSampleWantedFor + absl::Seconds(1);
  Take(Pulse("a", 9'000, 0), over);
  EXPECT_EQ(wanted_, 0u);
  EXPECT_EQ(pulses_.Sample("orders", false, over).events, 0u);
}

TEST_F(RouterPulsesTest, AsksNobodyWhoShowsNone) {
  Take(R"({"instance": "a", "samples": false})");
  EXPECT_THAT(pulses_.Sample("orders", false, kNow).json, HasSubstr("not_allowed"));
  Take(R"({"instance": "a", "samples": false})");
  EXPECT_EQ(wanted_, 0u);
}

TEST_F(RouterPulsesTest, RefusesWhatIsNoPulse) {
  for (const std::string& pulse :
       {std::string(), std::string("[]"), std::string(R"({"instance": ""})"),
        std::string(R"({"instance": 7})"), std::string(R"({"instance": "a", "lag": -2})"),
        std::string(R"({"instance": "a", "rules": [{"rule": 1}]})"),
        std::string(R"({"instance": "a", "rules": [{"rule": "r", "matched": -1}]})"),
        std::string(R"({"instance": "a", "sample": [{"value": 1}]})"),
        absl::StrCat(R"({"instance": ")", std::string(1'000, 'a'), "\"}"),
        absl::StrCat(R"({"instance": "a", "sample": [{"value": ")",
                     std::string(kSampleTextBytesMax + 1, 'a'), "\"}]}"),
        std::string(kPulseBytesMax + 1, ' ')}) {
    EXPECT_EQ(pulses_.Take("orders", pulse, kNow).status().code(),
              absl::StatusCode::kInvalidArgument)
        << pulse.substr(0, 80);
  }
  EXPECT_THAT(RatesAt(kNow), HasSubstr(R"("pods":[])"));
}

}  // namespace
}  // namespace turnout::manager
