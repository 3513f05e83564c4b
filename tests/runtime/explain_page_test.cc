#include "runtime/explain_page.h"

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/memory_state.h"
#include "tests/support/rules_of.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

constexpr char kRules[] =
    "team: t\ndestinations: [out]\nrules:\n"
    "  - {name: once, match: {type: [a]}, steps: [{dedup: {key: id, for: 1h}}], to: out}\n"
    "  - {name: other, match: {type: [b]}, to: out}\n";

std::shared_ptr<const router::RuleSet> Rules() {
  return router::RuleSet::Build({support::TeamOf(kRules)}, {.partitioned_by = "id"});
}

class ExplainPageTest : public ::testing::Test {
 protected:
  ExplainPageTest()
      : page_({.source_topic = "in", .visit_within = absl::Seconds(20)}, &feed_, nullptr,
              &visits_) {}

  Json Ask(const std::string& body, int status = 200) {
    const AdminAnswer answer = page_.Answer(body);
    EXPECT_EQ(answer.status, status) << answer.body;
    return Json::parse(answer.body);
  }

  // While it lives, a worker has partition 3, whose steps have seen an event of `id` a.
  class Partition3 {
   public:
    explicit Partition3(TaskVisits* visits) {
      task_.partition = 3;
      task_.state = std::make_unique<support::MemoryState>(0);
      task_.steps = std::make_unique<router::TaskSteps>(task_.state.get());
      router::Router router(Rules());
      router.Route({.value = R"({"type": "a", "id": "a"})", .timestamp_ms = 60'000},
                   task_.steps.get());
      EXPECT_TRUE(task_.steps->Commit(1, "rules").ok());
      thread_ = std::thread([this, visits] {
        while (!stopping_) {
          visits->Serve([this](int32_t partition) { return partition == 3 ? &task_ : nullptr; });
          std::this_thread::yield();
        }
      });
    }
    ~Partition3() {
      stopping_ = true;
      thread_.join();
    }

   private:
    Task task_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
  };

  RuleFeed feed_;
  TaskVisits visits_;
  ExplainPage page_;
};

TEST_F(ExplainPageTest, AnEventIsExplainedWithWhatThePartitionsStepsRemember) {
  feed_.Publish(Rules());
  const Partition3 worker(&visits_);
  const std::string event = R"("value": {"type": "a", "id": "a"}, "timestamp": 90000)";
  const Json answer = Ask("{" + event + R"(, "partition": 3})");
  EXPECT_EQ(answer["state"], "asked");
  EXPECT_EQ(answer["rule_set"], Rules()->hash());
  const Json& step = answer["rules"][0]["steps"][0];
  EXPECT_EQ(step["verdict"], "stops");
  EXPECT_EQ(step["passed_at"], "1970-01-01T00:01:00.000Z");
  EXPECT_EQ(step["passes_again_at"], "1970-01-01T01:01:00.000Z");
  EXPECT_THAT(answer["outputs"], IsEmpty());
  EXPECT_EQ(answer["rules"][1]["failed"]["field"], "type");
  // Of another partition nothing is known here: as if nothing were remembered.
  const Json nowhere = Ask("{" + event + "}");
  EXPECT_EQ(nowhere["state"], "not_at_hand");
  EXPECT_EQ(nowhere["outputs"][0]["destination"], "out");
  EXPECT_THAT(std::string(nowhere["notes"][0]), HasSubstr("names no `partition`"));
}

TEST_F(ExplainPageTest, ABodyOfOneRuleIsAnsweredWithThatRuleAlone) {
  feed_.Publish(Rules());
  const Json answer = Ask(R"({"value": {"type": "b"}, "rule": "t/other"})");
  ASSERT_EQ(answer["rules"].size(), 1u);
  EXPECT_EQ(answer["rules"][0]["rule"], "t/other");
  EXPECT_EQ(answer["outputs"].size(), 1u);
}

TEST_F(ExplainPageTest, WhatIsWrongWithABodyIsTold) {
  EXPECT_THAT(std::string(Ask(R"({"value": {}})", 503)["error"]), HasSubstr("no rules"));
  feed_.Publish(Rules());
  const std::pair<const char*, const char*> cases[] = {
      {"", "not valid JSON at line 1"},
      {"[]", "JSON object with its `value`"},
      {R"({"value": {}, "vlue": 1})", "`vlue`: unknown field; did you mean `value`?"},
      {R"({"value": {}, "x": 1})", "topic, partition, offset, rule"},
      {R"({"value": {}, "rule": "t/none"})", "no rule t/none is in force"},
      {R"({"offset": 1})", "write it beside the `partition`"},
      {R"({"partition": 1, "offset": -1})", "whole numbers from 0 on"},
  };
  for (const auto& [body, what] : cases) {
    EXPECT_THAT(std::string(Ask(body, 400)["error"]), HasSubstr(what)) << body;
  }
}

TEST_F(ExplainPageTest, BrokersThatDoNotAnswerAreA503) {
  feed_.Publish(Rules());
  ExplainPage page({.source_topic = "in",
                    .client = {.bootstrap_servers = "127.0.0.1:1", .client_id = "explain"},
                    .read_within = absl::Milliseconds(200)},
                   &feed_, nullptr, &visits_);
  const AdminAnswer answer = page.Answer(R"({"partition": 0, "offset": 0})");
  EXPECT_EQ(answer.status, 503) << answer.body;
}

}  // namespace
}  // namespace turnout::runtime
