#include "deploy/manager/onboarding_sample.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "connectors/embedded_kafka.h"
#include "connectors/kafka_sink.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr char kNobody[] = "127.0.0.1:1";

class OnboardingSampleTest : public ::testing::Test {
 protected:
  // A service whose pipeline says so of its events; `access` has the brokers that answer, if any.
  OnboardingPlace Place(const std::string& samples, const std::string& brokers) const {
    const auto write = [&](const std::string& name, const std::string& at,
                           const std::string& shown) {
      return directory_.Write(
          name,
          absl::StrCat("brokers: ", at, "\nsource: {topic: in.events, group: in.group}\n",
                       "rules: none\nstate_dir: none\nrules_from: {samples: '", shown, "'}\n"));
    };
    OnboardingPlace place{.pipeline = write("pipeline.yaml", kNobody, samples)};
    place.policy.kafka = write("access.yaml", brokers, "off");
    return place;
  }

  Json Sample(const OnboardingPlace& place) {
    answer_ = SampleFor(&pulses_, "orders", place);
    return Json::parse(answer_.json);
  }

  support::TempDirectory directory_;
  RouterPulses pulses_;
  SampleAnswer answer_;
};

TEST_F(OnboardingSampleTest, NotAllowedNamesTheFileToSayInWhatMayBeShown) {
  const Json said = Sample(Place("off", kNobody));
  EXPECT_EQ(said["state"], "not_allowed");
  EXPECT_THAT(said["note"].get<std::string>(), HasSubstr("rules_from.samples"));
  EXPECT_THAT(said["note"].get<std::string>(), HasSubstr("pipeline.yaml"));
  EXPECT_EQ(said["events"], Json::array());
  EXPECT_EQ(answer_.events, 0);
}

TEST_F(OnboardingSampleTest, UnreadableSaysWhyWhereNoBrokerAnswers) {
  const Json said = Sample(Place("without $kafka.key", kNobody));
  EXPECT_EQ(said["state"], "unreadable");
  EXPECT_NE(said["note"], "");
  EXPECT_EQ(said["events"], Json::array());
  EXPECT_EQ(answer_.events, 0);
}

TEST_F(OnboardingSampleTest, HereHasTheSourcesEventsMasked) {
  const auto kafka = connectors::EmbeddedKafka::Start(1).value();
  const connectors::NewTopic topic = {.topic = "in.events"};
  ASSERT_TRUE(kafka->Create({topic}, absl::Seconds(20)).ok());
  connectors::KafkaSinkOptions options;
  options.client.bootstrap_servers = kafka->bootstrap_servers();
  options.delivery = connectors::Delivery::kAtLeastOnce;
  auto sink = connectors::MakeKafkaSink(options).value();
  ASSERT_TRUE(sink->Open().ok());
  ASSERT_TRUE(sink->Begin().ok());
  ASSERT_TRUE(sink->Produce({.topic = "in.events",
                             .timestamp_ms = 5,
                             .key = "planted-key",
                             .value = R"({"type": "order", "card": "planted-card"})"})
                  .ok());
  ASSERT_TRUE(sink->Commit({}, {}).ok());

  const Json said = Sample(Place("without $kafka.key, card", kafka->bootstrap_servers()));
  ASSERT_EQ(said["state"], "here") << said;
  ASSERT_EQ(said["events"].size(), 1) << said;
  EXPECT_EQ(answer_.events, 1);
  EXPECT_EQ(Json::parse(said["events"][0]["value"].get<std::string>()),
            (Json{{"type", "order"}, {"card", "***"}}));
  EXPECT_THAT(answer_.json, Not(HasSubstr("planted")));
}

}  // namespace
}  // namespace turnout::manager
