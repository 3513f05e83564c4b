// How clients prove who they are to a broker that wants to know, and go on doing so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "connectors/batch_sink.h"
#include "connectors/kafka_topic_admin.h"
#include "tests/connectors/fake_broker.h"
#include "tests/connectors/scripted_security.h"
#include "tests/connectors/scripted_tokens.h"

namespace turnout::connectors {
namespace {

using namespace std::string_view_literals;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kSession = absl::Milliseconds(300);
constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr std::string_view kFirstMessage = "n,,\1auth=Bearer first\1cluster=lkc-1\1\1"sv;
constexpr std::string_view kSecondMessage = "n,,\1auth=Bearer second\1cluster=lkc-1\1\1"sv;

class AuthenticationTest : public ::testing::Test {
 protected:
  AuthenticationTest() { broker.AddTopic("out", 1); }

  std::unique_ptr<Sink> MakeSink(const std::string& mechanism) {
    KafkaSinkOptions options;
    options.client.bootstrap_servers = broker.address();
    options.client.properties = {{"security.protocol", "sasl_plaintext"},
                                 {"sasl.mechanism", mechanism},
                                 {"sasl.username", "me"},
                                 {"sasl.password", "hunter2"}};
    if (mechanism == "OAUTHBEARER") options.client.tokens = &tokens;
    options.client.security = security;
    options.transactional_id = "tx";
    options.source_topic = "source";
    options.call_timeout_ms = 100;
    auto made = MakeBatchSink(options);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  template <typename Call>
  static absl::Status AtLast(Call call) {
    absl::Status status;
    const absl::Time deadline = absl::Now() + kPatience;
    do {
      status = call();
    } while (absl::IsUnavailable(status) && absl::Now() < deadline);
    return status;
  }

  // Begins, produces one record and commits.
  static absl::Status Transact(Sink& sink) {
    absl::Status status = sink.Begin();
    OutputRecord record;
    record.topic = "out";
    record.value = "value";
    if (status.ok()) status = sink.Produce(record);
    if (!status.ok()) return status;
    return AtLast([&] { return sink.Commit({}, {}); });
  }

  FakeBroker broker;
  ScriptedTokens tokens;
  SecuritySource* security = nullptr;
};

class RenewedAuthenticationTest : public AuthenticationTest,
                                  public ::testing::WithParamInterface<const char*> {};

TEST_P(RenewedAuthenticationTest, ASessionThatEndsIsRenewedOnItsConnection) {
  tokens.Set("first");
  broker.WantSasl(GetParam(), kSession);
  const auto sink = MakeSink(GetParam());
  ASSERT_TRUE(AtLast([&] { return sink->Open(); }).ok());
  const int connections = broker.connections();
  int transactions = 0;
  const absl::Time deadline = absl::Now() + kPatience;
  while (broker.proofs().size() < static_cast<size_t>(connections) + 2) {
    ASSERT_LT(absl::Now(), deadline);
    const absl::Status committed = Transact(*sink);
    ASSERT_TRUE(committed.ok()) << committed;
    ++transactions;
  }
  EXPECT_EQ(broker.connections(), connections);
  EXPECT_EQ(broker.committed_records("out"), transactions);
}

INSTANTIATE_TEST_SUITE_P(Mechanisms, RenewedAuthenticationTest,
                         ::testing::Values("PLAIN", "OAUTHBEARER"));

TEST_F(AuthenticationTest, EachAuthenticationShowsTheTokenOfThatTime) {
  tokens.Set("first");
  broker.WantSasl("OAUTHBEARER", kSession);
  const auto sink = MakeSink("OAUTHBEARER");
  ASSERT_TRUE(AtLast([&] { return sink->Open(); }).ok());
  EXPECT_THAT(broker.proofs(), Each(kFirstMessage));
  tokens.Set("second");
  const absl::Time deadline = absl::Now() + kPatience;
  while (broker.proofs().back() == kFirstMessage && absl::Now() < deadline) {
    ASSERT_TRUE(Transact(*sink).ok());
  }
  EXPECT_EQ(broker.proofs().back(), kSecondMessage);
}

TEST_F(AuthenticationTest, WithoutATokenTheReasonIsSaidUntilThereIsOne) {
  broker.WantSasl("OAUTHBEARER");
  const auto sink = MakeSink("OAUTHBEARER");
  absl::Status opened;
  const absl::Time deadline = absl::Now() + kPatience;
  do {
    opened = sink->Open();
    ASSERT_TRUE(absl::IsUnavailable(opened)) << opened;
  } while (opened.message().find("provider") == absl::string_view::npos && absl::Now() < deadline);
  EXPECT_THAT(std::string(opened.message()),
              AllOf(HasSubstr(broker.address()), HasSubstr("the provider is away")));
  tokens.Set("first");
  EXPECT_TRUE(AtLast([&] { return sink->Open(); }).ok());
}

TEST_F(AuthenticationTest, ARefusedTokenIsAnsweredWithWhatTheBrokerLacks) {
  broker.WantSasl("OAUTHBEARER");
  broker.RefuseProofs(R"({"status":"invalid_token","scope":"kafka"})");
  tokens.Set("first");
  const auto sink = MakeSink("OAUTHBEARER");
  absl::Status opened;
  const absl::Time deadline = absl::Now() + kPatience;
  do {
    opened = sink->Open();
  } while (opened.message().find("SASL") == absl::string_view::npos && absl::Now() < deadline);
  EXPECT_THAT(std::string(opened.message()),
              AllOf(HasSubstr("SASL_AUTHENTICATION_FAILED"), HasSubstr("invalid_token"),
                    HasSubstr("check the sasl.* properties")));
  EXPECT_THAT(std::string(opened.message()), Not(HasSubstr("first")));
  EXPECT_EQ(broker.proofs()[0], kFirstMessage);
  EXPECT_EQ(broker.proofs()[1], "\1");
}

TEST_F(AuthenticationTest, APasswordThatHasChangedIsShownAtTheNextAuthentication) {
  ScriptedSecurity changing({{"security.protocol", "sasl_plaintext"},
                             {"sasl.mechanism", "PLAIN"},
                             {"sasl.username", "me"},
                             {"sasl.password", "hunter2"}});
  security = &changing;
  broker.WantSasl("PLAIN", kSession);
  const auto sink = MakeSink("PLAIN");
  ASSERT_TRUE(AtLast([&] { return sink->Open(); }).ok());
  ASSERT_TRUE(Transact(*sink).ok());
  EXPECT_THAT(broker.proofs(), Each("\0me\0hunter2"sv));
  const int connections = broker.connections();
  changing.SetPassword("hunter3");
  const absl::Time deadline = absl::Now() + kPatience;
  while (broker.proofs().back() != "\0me\0hunter3"sv && absl::Now() < deadline) {
    ASSERT_TRUE(Transact(*sink).ok());
  }
  EXPECT_EQ(broker.proofs().back(), "\0me\0hunter3"sv);
  EXPECT_EQ(broker.connections(), connections) << "no connection is given up for it";
}

TEST_F(AuthenticationTest, FreshCertificatesMakeConnectionsAnewBetweenRequests) {
  ScriptedSecurity changing({});
  security = &changing;
  const auto sink = MakeSink("PLAIN");
  ASSERT_TRUE(AtLast([&] { return sink->Open(); }).ok());
  ASSERT_TRUE(Transact(*sink).ok());
  for (int i = 0; i < 3; ++i) {
    const int connections = broker.connections();
    ASSERT_TRUE(Transact(*sink).ok());
    EXPECT_EQ(broker.connections(), connections);
    changing.ChangeCertificates();
    ASSERT_TRUE(Transact(*sink).ok());
    EXPECT_GT(broker.connections(), connections);
  }
}

TEST_F(AuthenticationTest, LibrdkafkasClientsListenForPasswordsUntilTheyEnd) {
  ScriptedSecurity changing({{"security.protocol", "sasl_plaintext"},
                             {"sasl.mechanism", "PLAIN"},
                             {"sasl.username", "me"},
                             {"sasl.password", "hunter2"}});
  KafkaClientOptions options;
  options.bootstrap_servers = broker.address();
  options.security = &changing;
  {
    const auto admin = MakeKafkaTopicAdmin(options);
    ASSERT_TRUE(admin.ok()) << admin.status();
    const size_t listeners = changing.listeners();
    EXPECT_GT(listeners, 0u);
    changing.SetPassword("hunter3");
    changing.ChangeCertificates();
    (*admin)->List(absl::Milliseconds(1)).IgnoreError();
    EXPECT_EQ(changing.listeners(), listeners) << "those of before are gone";
  }
  EXPECT_EQ(changing.listeners(), 0u);
}

TEST_F(AuthenticationTest, LibrdkafkasClientsAreHandedEachTokenUntilTheyEnd) {
  KafkaClientOptions options;
  options.bootstrap_servers = broker.address();
  options.properties = {{"security.protocol", "sasl_plaintext"},
                        {"sasl.mechanism", "OAUTHBEARER"},
                        {"sasl.oauthbearer.method", "oidc"},
                        {"sasl.oauthbearer.client.id", "turnout"}};
  options.tokens = &tokens;
  {
    const auto admin = MakeKafkaTopicAdmin(options);
    ASSERT_TRUE(admin.ok()) << admin.status();
    EXPECT_GT(tokens.listeners(), 0u);
    tokens.Set("first");
    tokens.Set("second");
  }
  EXPECT_EQ(tokens.listeners(), 0u);
}

}  // namespace
}  // namespace turnout::connectors
