#include "deploy/kube/event_recorder.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_kube.h"

namespace turnout::kube {
namespace {

using support::FakeKube;
using ::testing::HasSubstr;
using Request = FakeKube::Request;

bool IsNew(const Request& request) { return request.method == "POST"; }
bool IsRepeated(const Request& request) { return request.method == "PATCH"; }

class EventRecorderTest : public ::testing::Test {
 protected:
  RecordedEvent EventOf(const std::string& reason, const std::string& note = "n") {
    return {
        "Warning", reason, note, {"turnout.dev/v1alpha1", "EventRouter", "shop", "orders", "u1"}};
  }
  // The path of the only event there is a request for.
  std::string LastBody(const std::function<bool(const Request&)>& wanted) {
    std::string body;
    server_.Count([&](const Request& request) {
      if (wanted(request)) body = request.body;
      return false;
    });
    return body;
  }

  FakeKube server_{{{"events.k8s.io/v1", "Event", "events"}}};
  KubeClient client_{{.server = server_.address()}};
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  EventRecorder recorder_{&client_, "turnout.dev/controller", "pod-1", [this] { return now_; }};
};

TEST_F(EventRecorderTest, WritesWhatTheServerWantsToKnow) {
  ASSERT_TRUE(recorder_.Record(EventOf("LagHigh", "1000 events wait")).ok());
  const std::string body = LastBody(IsNew);
  for (const std::string part :
       {R"("reason":"LagHigh")", R"("note":"1000 events wait")", R"("action":"Reconcile")",
        R"("type":"Warning")", R"("eventTime":"2027-01-15T08:00:00.000000Z")",
        R"("reportingController":"turnout.dev/controller")", R"("reportingInstance":"pod-1")",
        R"("uid":"u1")"}) {
    EXPECT_THAT(body, HasSubstr(part));
  }
}

TEST_F(EventRecorderTest, RepeatedOnesAreCountedOnce) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(recorder_.Record(EventOf("LagHigh")).ok());
  EXPECT_EQ(server_.Count(IsNew), 1);
  EXPECT_EQ(server_.Count(IsRepeated), 0);
  now_ += kSeriesPeriod;
  ASSERT_TRUE(recorder_.Record(EventOf("LagHigh")).ok());
  EXPECT_EQ(server_.Count(IsRepeated), 1);
  EXPECT_THAT(LastBody(IsRepeated), HasSubstr(R"("count":51)"));
  ASSERT_TRUE(recorder_.Record(EventOf("Other")).ok());
  EXPECT_EQ(server_.Count(IsNew), 2);
}

TEST_F(EventRecorderTest, AfterQuietItIsANewOne) {
  ASSERT_TRUE(recorder_.Record(EventOf("LagHigh")).ok());
  now_ += kEventQuiet + absl::Seconds(1);
  ASSERT_TRUE(recorder_.Record(EventOf("LagHigh")).ok());
  EXPECT_EQ(server_.Count(IsNew), 2);
}

TEST_F(EventRecorderTest, LongNotesAreCutBetweenCharacters) {
  std::string note = "x";
  for (int i = 0; i < 2'000; ++i) note += "\xc3\xa9";
  ASSERT_TRUE(recorder_.Record(EventOf("LagHigh", note)).ok());
  const std::string body = LastBody(IsNew);
  EXPECT_LT(body.size(), 2 * kEventNoteBytesMax);
  EXPECT_THAT(body, Not(HasSubstr("\xef\xbf\xbd")));
}

TEST_F(EventRecorderTest, OneThatCouldNotBeWrittenIsWrittenTheNextTime) {
  server_.SetFault([](const Request&) { return FakeKube::Reply{.status = 500}; });
  EXPECT_EQ(recorder_.Record(EventOf("LagHigh")).code(), absl::StatusCode::kUnavailable);
  server_.SetFault(nullptr);
  ASSERT_TRUE(recorder_.Record(EventOf("LagHigh")).ok());
  EXPECT_THAT(server_.Count(IsNew), 2);
}

}  // namespace
}  // namespace turnout::kube
