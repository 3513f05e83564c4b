#include "runtime/source_sample.h"

#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "connectors/embedded_kafka.h"
#include "connectors/kafka_sink.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/event_sample.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kWithin = absl::Seconds(20);
constexpr int kPartitions = 20;
constexpr char kCard[] = "4929123412341234";

// An event in each of kPartitions, and their newest in the last.
class SourceSampleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kafka_ = connectors::EmbeddedKafka::Start(1).value();
    const connectors::NewTopic topic = {.topic = "in.events", .partitions = kPartitions};
    ASSERT_TRUE(kafka_->Create({topic}, kWithin).ok());
    connectors::KafkaSinkOptions options;
    options.client.bootstrap_servers = kafka_->bootstrap_servers();
    options.delivery = connectors::Delivery::kAtLeastOnce;
    sink_ = connectors::MakeKafkaSink(options).value();
    ASSERT_TRUE(sink_->Open().ok());
    Produce(0, kPartitions);
  }

  // An event to each of these partitions.
  void Produce(int first, int end) {
    ASSERT_TRUE(sink_->Begin().ok());
    for (int partition = first; partition < end; ++partition) {
      const std::string value =
          absl::StrCat(R"({"n": )", partition, R"(, "card": {"number": ")", kCard, R"("}})");
      ASSERT_TRUE(sink_
                      ->Produce({.topic = "in.events",
                                 .timestamp_ms = 1'700'000'000'000 + partition,
                                 .key = kCard,
                                 .value = value,
                                 .partition = partition})
                      .ok());
    }
    ASSERT_TRUE(sink_->Commit({}, {}).ok());
  }

  std::string Pipeline(const std::string& name, const std::string& brokers,
                       const std::string& samples) const {
    return directory_.Write(
        name,
        absl::StrCat("brokers: ", brokers, "\nsource: {topic: in.events, group: in.group}\n",
                     "rules: none\nstate_dir: none\nrules_from: {samples: '", samples, "'}\n"));
  }
  // Of a pipeline whose brokers are others than those that are reached.
  absl::StatusOr<SourceSample> Read(const std::string& samples, size_t events) const {
    return ReadSourceSample(Pipeline("pipeline.yaml", "127.0.0.1:1", samples),
                            Pipeline("access.yaml", kafka_->bootstrap_servers(), "off"), events,
                            kWithin);
  }

  // Those from which events are shown.
  std::set<int> Partitions() const {
    const auto sample = Read("unmasked", 2 * kPartitions);
    EXPECT_TRUE(sample.ok()) << sample.status();
    std::set<int> seen;
    if (!sample.ok()) return seen;
    for (const auto& event : nlohmann::json::parse(sample->json)) {
      seen.insert(event["partition"].get<int>());
    }
    return seen;
  }

  support::TempDirectory directory_;
  std::unique_ptr<connectors::EmbeddedKafka> kafka_;
  std::unique_ptr<connectors::Sink> sink_;
};

TEST_F(SourceSampleTest, IsWhatThePipelineLetsBeShownAndMaskedAsItSays) {
  const auto sample = Read("without $kafka.key, card.number", 3);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_TRUE(sample->is_allowed);
  EXPECT_EQ(sample->events, 3);
  EXPECT_THAT(sample->json, HasSubstr(R"(\"number\":\"***\")"));
  EXPECT_THAT(sample->json, HasSubstr(R"("key":"***")"));
  EXPECT_THAT(sample->json, Not(HasSubstr(kCard)));
}

TEST_F(SourceSampleTest, ShowsNothingWhereThePipelineIsSilent) {
  const auto sample = Read("off", 3);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_FALSE(sample->is_allowed);
  EXPECT_EQ(sample->events, 0);
  EXPECT_EQ(sample->json, "[]");
}

TEST_F(SourceSampleTest, LooksAtPartitionsFromAllOverTheTopic) {
  const std::set<int> seen = Partitions();
  ASSERT_EQ(seen.size(), kSamplePartitionsMax);
  int before = -1;
  for (const int partition : seen) {
    EXPECT_LE(partition - before, 3) << "none is looked at for a long way";
    before = partition;
  }
  EXPECT_GE(before, kPartitions - 3);
}

TEST_F(SourceSampleTest, LooksAtOtherPartitionsAsEventsCome) {
  std::set<int> seen = Partitions();
  for (int more = 0; more < 2; ++more) {
    Produce(0, 1);
    seen.merge(Partitions());
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(kPartitions));
}

TEST_F(SourceSampleTest, SaysWhichConfigCanNotBeTakenAndThatNoBrokerAnswers) {
  const std::string pipeline = Pipeline("pipeline.yaml", "127.0.0.1:1", "unmasked");
  const auto nowhere = ReadSourceSample(pipeline, pipeline, 3, absl::Milliseconds(200));
  EXPECT_TRUE(absl::IsUnavailable(nowhere.status())) << nowhere.status();
  const std::string broken = directory_.Write("broken.yaml", "brokers: [");
  for (const auto& [source, access] : {std::pair(broken, pipeline), std::pair(pipeline, broken)}) {
    const auto refused = ReadSourceSample(source, access, 3, kWithin);
    EXPECT_TRUE(absl::IsInvalidArgument(refused.status())) << refused.status();
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("broken.yaml"));
  }
}

}  // namespace
}  // namespace turnout::runtime
