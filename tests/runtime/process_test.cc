// A whole process on an embedded Kafka: slower than unit tests, faster than a broker.
#include "runtime/process.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "connectors/embedded_kafka.h"
#include "connectors/kafka_sink.h"
#include "connectors/plain_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/record_headers.h"
#include "state/http_client.h"
#include "tests/support/certificates.h"

namespace turnout::runtime {
namespace {

using connectors::EmbeddedKafka;
using connectors::NewTopic;
using connectors::TopicDescription;
using nlohmann::json;
using testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr char kOrders[] = R"(team: orders
destinations: ["orders.*"]
rules:
  - {name: large, match: {type: [order], amount: [{numeric: [">=", 50]}]}, to: orders.large}
)";
constexpr char kAds[] = R"(team: ads
destinations: ["ads.*"]
rules:
  - {name: clicks, match: {type: [order]}, to: ads.clicks}
)";

// Topics as an embedded Kafka has them, but for those that are hidden, or all when it is gone.
class SwitchAdmin : public connectors::TopicAdmin {
 public:
  explicit SwitchAdmin(connectors::TopicAdmin* kafka) : kafka_(kafka) {}

  void Hide(const std::string& topic) {
    const absl::MutexLock lock(&mu_);
    hidden_.insert(topic);
  }
  void Show(const std::string& topic) {
    const absl::MutexLock lock(&mu_);
    hidden_.erase(topic);
  }
  void TakeAway() {
    const absl::MutexLock lock(&mu_);
    kafka_ = nullptr;
  }

  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics,
                                                         bool may_write,
                                                         absl::Duration timeout) override {
    const absl::MutexLock lock(&mu_);
    if (kafka_ == nullptr) return absl::UnavailableError("gone");
    auto described = kafka_->Describe(topics, may_write, timeout);
    if (!described.ok()) return described;
    for (TopicDescription& topic : *described) {
      if (hidden_.count(topic.topic) > 0) topic.state = TopicDescription::State::kMissing;
    }
    return described;
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration timeout) override {
    const absl::MutexLock lock(&mu_);
    if (kafka_ == nullptr) return absl::UnavailableError("gone");
    auto topics = kafka_->List(timeout);
    if (!topics.ok()) return topics;
    topics->erase(std::remove_if(topics->begin(), topics->end(),
                                 [this](const auto& topic) { return hidden_.count(topic) > 0; }),
                  topics->end());
    return topics;
  }
  absl::Status Create(absl::Span<const NewTopic>, absl::Duration) override {
    return absl::PermissionDeniedError("nothing is created here");
  }

 private:
  absl::Mutex mu_;
  connectors::TopicAdmin* kafka_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> hidden_ ABSL_GUARDED_BY(mu_);
};

bool WaitUntil(const std::function<bool()>& done) {
  const absl::Time give_up = absl::Now() + kPatience;
  while (!done()) {
    if (absl::Now() > give_up) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "turnout-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directory(directory_ / "rules");
    config_.topic = "events";
    config_.group = "router";
    config_.instance = "test";
    config_.dead_letter_topic = "events.dead-letter";
    config_.rules = (directory_ / "rules").string();
    config_.listen = "127.0.0.1:0";
    config_.state_dir = (directory_ / "state").string();
    config_.checkpoints.store = (directory_ / "checkpoints").string();
    config_.limits.destination_recheck = absl::Milliseconds(100);
  }
  ~ProcessTest() override { std::filesystem::remove_all(directory_); }

  void WriteRules(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / "rules" / name) << text;
  }

  // An embedded Kafka apart from the process, with these topics.
  void StartKafka(const std::vector<std::string>& topics) {
    auto kafka = EmbeddedKafka::Start(1);
    ASSERT_TRUE(kafka.ok()) << kafka.status();
    kafka_ = *std::move(kafka);
    std::vector<NewTopic> created;
    for (const std::string& topic : topics) created.push_back({.topic = topic, .partitions = 2});
    ASSERT_TRUE(kafka_->Create(created, absl::Seconds(5)).ok());
    admin_ = std::make_unique<SwitchAdmin>(kafka_.get());
    config_.brokers = kafka_->bootstrap_servers();
  }

  // The process on that Kafka, or on its own.
  std::unique_ptr<Process> StartProcess() {
    auto process = std::make_unique<Process>(ProcessOptions{
        .config = config_, .embedded = kafka_ == nullptr, .topic_admin = admin_.get()});
    const absl::Status started = process->Start();
    EXPECT_TRUE(started.ok()) << started;
    return process;
  }

  static void Send(const Process& process, const std::vector<std::string>& values) {
    connectors::KafkaSinkOptions options;
    options.client.bootstrap_servers = process.bootstrap_servers();
    options.delivery = connectors::Delivery::kAtLeastOnce;
    auto sink = connectors::MakeKafkaSink(options);
    ASSERT_TRUE(sink.ok()) << sink.status();
    ASSERT_TRUE(WaitUntil([&] { return (*sink)->Open().ok(); }));
    ASSERT_TRUE((*sink)->Begin().ok());
    for (const std::string& value : values) {
      const absl::Status sent = (*sink)->Produce({.topic = "events",
                                                  .timestamp_ms = absl::ToUnixMillis(absl::Now()),
                                                  .key = "k",
                                                  .value = value});
      ASSERT_TRUE(sent.ok()) << sent;
    }
    ASSERT_TRUE(WaitUntil([&] { return (*sink)->Commit({}, {}).ok(); }));
    (*sink)->Close(absl::Seconds(1));
  }

  // Values by topic, read until `topic` has `count` of them.
  static std::map<std::string, std::vector<connectors::ReadRecord>> Read(const Process& process,
                                                                         const std::string& topic,
                                                                         size_t count) {
    std::map<std::string, std::vector<connectors::ReadRecord>> read;
    auto reader = connectors::PlainReader::Start(process.bootstrap_servers(), {"events"});
    EXPECT_TRUE(reader.ok()) << reader.status();
    EXPECT_TRUE(WaitUntil([&] {
      for (connectors::ReadRecord& record : (*reader)->Poll(absl::Milliseconds(50))) {
        read[record.topic].push_back(std::move(record));
      }
      return read[topic].size() >= count;
    })) << topic
        << " has " << read[topic].size();
    return read;
  }

  // So many teams are in force, and the worker has taken their rule set over.
  static bool Follows(const Process& process, size_t teams) {
    const json status = json::parse(process.StatusJson());
    return status["rules"]["teams"].size() == teams &&
           status["workers"][0]["rule_set"] == status["rules"]["hash"];
  }

  static bool HasLine(const Process& process, const std::string& line) {
    return process.MetricsText().find(absl::StrCat("\n", line, "\n")) != std::string::npos;
  }

  static void StopsWithin(Process& process, absl::Duration limit) {
    const absl::Time began = absl::Now();
    process.RequestStop();
    const absl::Status ended = process.Wait();
    EXPECT_TRUE(ended.ok()) << ended;
    EXPECT_LT(absl::Now() - began, limit);
  }

  std::filesystem::path directory_;
  Config config_;
  std::unique_ptr<EmbeddedKafka> kafka_;
  std::unique_ptr<SwitchAdmin> admin_;
};

std::string HeaderOf(const connectors::ReadRecord& record, std::string_view name) {
  for (const auto& [header, value] : record.headers) {
    if (header == name) return value;
  }
  return "(none)";
}

TEST_F(ProcessTest, EventsFlowToTheirDestinationsAndAreAccountedFor) {
  WriteRules("orders.yaml", kOrders);
  config_.workers = 2;
  const auto process = StartProcess();
  ASSERT_TRUE(WaitUntil([&] { return process->IsReady(); })) << process->StatusJson();
  std::vector<std::string> values;
  for (int i = 0; i < 100; ++i) {
    values.push_back(absl::StrCat("{\"type\": \"order\", \"amount\": ", i, "}"));
  }
  values.push_back("{\"type\": ");  // not JSON
  Send(*process, values);

  const auto read = Read(*process, "orders.large", 50);
  EXPECT_EQ(read.at("orders.large").size(), 50u);
  EXPECT_EQ(HeaderOf(read.at("orders.large").front(), kRulesHeader), "orders/large");
  ASSERT_TRUE(WaitUntil([&] { return HasLine(*process, "turnout_events_consumed_total 101"); }));
  EXPECT_TRUE(HasLine(*process, "turnout_events_dead_lettered_total 1"));
  EXPECT_TRUE(HasLine(*process, "turnout_ready 1"));
  EXPECT_TRUE(
      HasLine(*process, "turnout_rule_outputs_routed_total{rule=\"large\",team=\"orders\"} 50"));
  EXPECT_TRUE(HasLine(*process, "turnout_event_latency_seconds_count 101"));

  const auto dead = Read(*process, config_.dead_letter_topic, 1).at(config_.dead_letter_topic);
  EXPECT_EQ(dead.front().value, "{\"type\": ");
  EXPECT_EQ(HeaderOf(dead.front(), kErrorHeader), kErrorUnreadable);

  const json status = json::parse(process->StatusJson());
  EXPECT_TRUE(status["ready"]);
  // The embedded Kafka is too old for the default.
  EXPECT_EQ(status["sink"]["kind"], "librdkafka");
  EXPECT_THAT(status["sink"]["why"].get<std::string>(), HasSubstr("too old for the batch sink"));
  EXPECT_EQ(status["rules"]["teams"], json::parse(R"([{"team": "orders", "rules": 1}])"));
  EXPECT_EQ(status["source_partitions"], 4);
  EXPECT_EQ(status["workers"].size(), 2u);
  int64_t consumed = 0;
  for (const json& worker : status["workers"]) consumed += worker["events"].get<int64_t>();
  EXPECT_EQ(consumed, 101);
  StopsWithin(*process, absl::Seconds(5));
  EXPECT_FALSE(process->IsReady());
}

TEST_F(ProcessTest, WorkersStartOnceTablesAreLoadedAndWhatTheyLackIsParked) {
  WriteRules("orders.yaml", R"(team: orders
destinations: ["orders.*"]
rules:
  - name: known
    match: {type: [order]}
    enrich: [{table: users, key: user, into: user, missing: park}]
    to: orders.known
)");
  config_.tables = {{"users", "catalog.users"}};
  config_.parking_topic = "events.parking";
  config_.state_dir = (directory_ / "state").string();
  const auto process = StartProcess();
  ASSERT_TRUE(WaitUntil([&] { return process->IsReady(); })) << process->StatusJson();
  EXPECT_TRUE(HasLine(*process, "turnout_table_loaded{table=\"users\"} 1"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "state/tables/users"));
  Send(*process, {R"({"type": "order", "user": "u-1"})"});
  const auto read = Read(*process, "events.parking", 1);
  EXPECT_EQ(HeaderOf(read.at("events.parking").front(), kErrorHeader), kErrorMissingKey);
  EXPECT_EQ(read.count("orders.known"), 0u);
}

TEST_F(ProcessTest, ATeamWithAMissingDestinationStandsAsideAndComesBack) {
  WriteRules("orders.yaml", kOrders);
  WriteRules("ads.yaml", kAds);
  StartKafka({"events", config_.dead_letter_topic, "orders.large", "ads.clicks"});
  admin_->Hide("ads.clicks");
  config_.delivery = connectors::Delivery::kAtLeastOnce;  // nothing can be parked
  const auto process = StartProcess();
  ASSERT_TRUE(WaitUntil([&] { return process->IsReady(); })) << process->StatusJson();
  const json before = json::parse(process->StatusJson())["rules"];
  ASSERT_EQ(before["standing_aside"].size(), 1u);
  EXPECT_EQ(before["standing_aside"][0]["team"], "ads");
  EXPECT_EQ(before["standing_aside"][0]["destination"], "ads.clicks");
  EXPECT_THAT(before["standing_aside"][0]["cure"].get<std::string>(), HasSubstr("create"));
  EXPECT_TRUE(HasLine(*process, "turnout_team_aside{team=\"ads\"} 1"));
  Send(*process, {R"({"type": "order", "amount": 70})"});
  EXPECT_EQ(Read(*process, "orders.large", 1).count("ads.clicks"), 0u);

  admin_->Show("ads.clicks");
  ASSERT_TRUE(WaitUntil(
      [&] { return json::parse(process->StatusJson())["rules"]["standing_aside"].empty(); }));
  EXPECT_FALSE(HasLine(*process, "turnout_team_aside{team=\"ads\"} 1"));
  ASSERT_TRUE(WaitUntil([&] {
    const json status = json::parse(process->StatusJson());
    return status["workers"][0]["rule_set"] == status["rules"]["hash"];
  }));
  Send(*process, {R"({"type": "order", "amount": 1})"});
  EXPECT_EQ(Read(*process, "ads.clicks", 1).at("ads.clicks").size(), 1u);
  StopsWithin(*process, absl::Seconds(5));
}

TEST_F(ProcessTest, WhileNoTeamCouldTakeEffectNothingIsConsumed) {
  WriteRules("ads.yaml", kAds);
  StartKafka({"events", config_.dead_letter_topic, "ads.clicks"});
  admin_->Hide("ads.clicks");
  const auto process = StartProcess();
  ASSERT_TRUE(WaitUntil([&] {
    return process->StatusJson().find("no team's rules are in force") != std::string::npos;
  }));
  Send(*process, {R"({"type": "order"})"});
  EXPECT_FALSE(process->IsReady());
  admin_->Show("ads.clicks");
  EXPECT_EQ(Read(*process, "ads.clicks", 1).at("ads.clicks").size(), 1u);
}

TEST_F(ProcessTest, ItWaitsForTheSourceTopicAndSaysSo) {
  WriteRules("ads.yaml", kAds);
  StartKafka({"events", config_.dead_letter_topic, "ads.clicks"});
  admin_->Hide("events");
  const auto process = StartProcess();
  ASSERT_TRUE(WaitUntil([&] {
    return process->StatusJson().find("source topic events does not exist") != std::string::npos;
  }));
  EXPECT_FALSE(process->IsReady());
  admin_->Show("events");
  EXPECT_TRUE(WaitUntil([&] { return process->IsReady(); }));
}

TEST_F(ProcessTest, ItStopsInTimeThoughTheBrokersAreGone) {
  WriteRules("ads.yaml", kAds);
  StartKafka({"events", config_.dead_letter_topic, "ads.clicks"});
  const auto process = StartProcess();
  ASSERT_TRUE(WaitUntil([&] { return process->IsReady(); }));
  Send(*process, {R"({"type": "order"})"});
  ASSERT_TRUE(WaitUntil([&] { return HasLine(*process, "turnout_events_consumed_total 1"); }));
  admin_->TakeAway();
  kafka_.reset();
  EXPECT_TRUE(WaitUntil([&] { return !process->IsReady(); }));
  StopsWithin(*process, absl::Seconds(5));
}

TEST_F(ProcessTest, ItStopsInTimeThoughNoBrokerEverAnswered) {
  WriteRules("ads.yaml", kAds);
  config_.brokers = "127.0.0.1:1";
  Process process({.config = config_});
  ASSERT_TRUE(process.Start().ok());
  EXPECT_TRUE(WaitUntil([&] {
    return process.StatusJson().find("no broker answers") != std::string::npos;
  })) << process.StatusJson();
  StopsWithin(process, absl::Seconds(5));
}

TEST_F(ProcessTest, OneTeamsBadFileIsShownAndTheOthersRun) {
  WriteRules("orders.yaml", kOrders);
  WriteRules("bad.yaml",
             "team: bad\ndestinations: [t]\nrules: [{name: x, match: {a: [{prefx: y}]}, to: t}]\n");
  const auto process = StartProcess();
  EXPECT_TRUE(WaitUntil([&] { return process->IsReady(); }));
  const json rules = json::parse(process->StatusJson())["rules"];
  ASSERT_EQ(rules["refused"].size(), 1u);
  EXPECT_THAT(rules["refused"][0]["problems"][0].get<std::string>(), HasSubstr("bad.yaml:3:"));
  EXPECT_EQ(rules["teams"].size(), 1u);
}

TEST_F(ProcessTest, RuleFilesThatComeChangeAndGoTakeEffectWithoutARestart) {
  WriteRules("orders.yaml", kOrders);
  config_.limits.rules_recheck = absl::Milliseconds(20);
  const auto process = StartProcess();
  ASSERT_TRUE(WaitUntil([&] { return process->IsReady(); })) << process->StatusJson();
  const std::string order = R"({"type": "order", "amount": 70})";
  Send(*process, {order});
  EXPECT_EQ(Read(*process, "orders.large", 1).count("ads.clicks"), 0u);

  WriteRules("ads.yaml", kAds);
  ASSERT_TRUE(WaitUntil([&] { return Follows(*process, 2); })) << process->StatusJson();
  Send(*process, {order});
  EXPECT_EQ(Read(*process, "ads.clicks", 1).at("ads.clicks").size(), 1u);

  WriteRules("ads.yaml", "team: ads\n");
  ASSERT_TRUE(WaitUntil(
      [&] { return json::parse(process->StatusJson())["rules"]["refused"].size() == 1; }));
  EXPECT_TRUE(Follows(*process, 2));
  Send(*process, {order});
  EXPECT_EQ(Read(*process, "ads.clicks", 2).at("ads.clicks").size(), 2u);

  std::filesystem::remove(directory_ / "rules" / "ads.yaml");
  ASSERT_TRUE(WaitUntil([&] { return Follows(*process, 1); })) << process->StatusJson();
  Send(*process, {order});
  EXPECT_EQ(Read(*process, "orders.large", 4).at("orders.large").size(), 4u);
  EXPECT_EQ(Read(*process, "ads.clicks", 2).at("ads.clicks").size(), 2u);
  StopsWithin(*process, absl::Seconds(5));
}

TEST_F(ProcessTest, RuleFilesAreLookedAtWhenAskedTo) {
  WriteRules("orders.yaml", kOrders);
  config_.limits.rules_recheck = absl::ZeroDuration();
  const auto process = StartProcess();
  ASSERT_TRUE(WaitUntil([&] { return process->IsReady(); })) << process->StatusJson();
  WriteRules("ads.yaml", kAds);
  process->RequestReload();
  EXPECT_TRUE(WaitUntil([&] { return Follows(*process, 2); })) << process->StatusJson();
  StopsWithin(*process, absl::Seconds(5));
}

TEST_F(ProcessTest, WithoutAnyGoodRuleFileItIsRefusedWithAllProblems) {
  Process without({.config = config_, .embedded = true});
  EXPECT_THAT(std::string(without.Start().message()), HasSubstr("no rule file"));
  WriteRules("a.yaml", "team: a\ndestinations: [t]\nrules: 7\n");
  WriteRules("b.yaml", "team: b\ndestinations: [t]\nrules: 8\n");
  Process process({.config = config_, .embedded = true});
  const absl::Status started = process.Start();
  EXPECT_EQ(started.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(started.message()),
              testing::AllOf(HasSubstr("a.yaml:3:"), HasSubstr("b.yaml:3:")));
}

TEST_F(ProcessTest, AStateThatOutlivedItsEmbeddedKafkaIsRefusedWithTheCure) {
  WriteRules("orders.yaml", kOrders);
  config_.state_dir = (directory_ / "state").string();
  for (const char* const part : {"tasks", "checkpoints"}) {
    std::filesystem::remove_all(directory_ / "state");
    std::filesystem::create_directories(directory_ / "state" / part);
    Process process({.config = config_, .embedded = true});
    const absl::Status started = process.Start();
    EXPECT_EQ(started.code(), absl::StatusCode::kInvalidArgument) << part;
    EXPECT_THAT(std::string(started.message()), HasSubstr("remove its `tasks` and `checkpoints`"));
  }
}

TEST_F(ProcessTest, AListenAddressThatIsTakenIsRefused) {
  WriteRules("orders.yaml", kOrders);
  const auto first = StartProcess();
  config_.listen = first->address();
  Process second({.config = config_, .embedded = true});
  const absl::Status started = second.Start();
  EXPECT_EQ(started.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(started.message()), HasSubstr(first->address()));
}

// What wants a token is refused where it listens to more than this machine, until it is https too.
TEST_F(ProcessTest, WithACertificateItsAdminApiIsHttpsAndShowsEventsToWhoBearsTheToken) {
  WriteRules("orders.yaml", kOrders);
  const auto files = support::MakeCertificate(directory_.string(), "ours");
  std::ofstream(directory_ / "token") << "Planted-5a";
  config_.listen = "0.0.0.0:0";
  config_.admin_token_file = (directory_ / "token").string();
  const auto asks = [&](const Process& process, const std::string& scheme, bool bears_token) {
    const std::string port = process.address().substr(process.address().rfind(':'));
    state::HttpClient client({.ca_bundle = files.certificate, .direct = true});
    state::HttpRequest request{.method = "POST", .url = scheme + "127.0.0.1" + port};
    request.url += "/v1/explain";
    request.body = R"({"value": {"type": "order"}})";
    if (bears_token) request.headers = {{"Authorization", "Bearer Planted-5a"}};
    const auto answer = client.Send(request);
    return answer.ok() ? answer->status : 0;
  };
  {
    const auto process = StartProcess();
    EXPECT_EQ(asks(*process, "http://", true), 403);
    StopsWithin(*process, absl::Seconds(5));
  }
  config_.admin_certificate_file = files.certificate;
  config_.admin_key_file = files.key;
  const auto process = StartProcess();
  EXPECT_EQ(asks(*process, "http://", true), 0);
  EXPECT_EQ(asks(*process, "https://", false), 401);
  EXPECT_TRUE(WaitUntil([&] { return asks(*process, "https://", true) == 200; }));
  StopsWithin(*process, absl::Seconds(5));
}

}  // namespace
}  // namespace turnout::runtime
