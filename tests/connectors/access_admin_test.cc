// What is asked about ACLs, quotas and topics that go, byte by byte, and what becomes of the
// answers. That a real broker takes them is tests/broker's.

#include "connectors/access_admin.h"

#include <bit>
#include <memory>
#include <string>
#include <vector>

#include "connectors/protocol_errors.h"
#include "connectors/wire_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/connectors/fake_broker.h"

namespace turnout::connectors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr absl::Duration kWithin = absl::Seconds(10);
constexpr int16_t kClusterRefused = 31;
constexpr int16_t kNoAuthorizer = 54;

const Acl kReads = {.resource = AclResource::kTopic,
                    .name = "fraud.out",
                    .principal = "User:fraud",
                    .operation = AclOperation::kRead};

// Two on one topic: one that allows from anywhere, one that is for one host.
std::string DescribedAcls(int16_t code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.Int16(code);
  writer.NullableString(code == 0 ? std::string_view() : "no");
  writer.ArraySize(1);
  writer.Int8(2);
  writer.String("fraud.out");
  writer.Int8(3);
  writer.ArraySize(2);
  for (const char* host : {"*", "10.0.0.1"}) {
    writer.String("User:fraud");
    writer.String(host);
    writer.Int8(3);
    writer.Int8(3);
    writer.NoTags();
  }
  writer.NoTags();
  writer.NoTags();
  return out;
}

std::string CreatedAcls(int16_t code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.ArraySize(1);
  writer.Int16(code);
  writer.NullableString({});
  writer.NoTags();
  writer.NoTags();
  return out;
}

std::string DeletedAcls(int16_t code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.ArraySize(1);
  writer.Int16(0);
  writer.NullableString({});
  writer.ArraySize(1);
  writer.Int16(code);
  writer.NullableString({});
  writer.Int8(2);
  writer.String("fraud.out");
  writer.Int8(3);
  writer.String("User:fraud");
  writer.String("*");
  writer.Int8(3);
  writer.Int8(3);
  for (int tags = 0; tags < 3; ++tags) writer.NoTags();
  return out;
}

std::string DescribedQuotas() {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.Int16(0);
  writer.NullableString({});
  writer.ArraySize(1);
  writer.ArraySize(1);
  writer.String("user");
  writer.NullableString("fraud");
  writer.NoTags();
  writer.ArraySize(1);
  writer.String("consumer_byte_rate");
  writer.Int64(std::bit_cast<int64_t>(2048.5));
  writer.NoTags();
  writer.NoTags();
  writer.NoTags();
  return out;
}

std::string AlteredQuota(int16_t code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.ArraySize(1);
  writer.Int16(code);
  writer.NullableString({});
  writer.ArraySize(1);
  writer.String("user");
  writer.NullableString("fraud");
  for (int tags = 0; tags < 3; ++tags) writer.NoTags();
  return out;
}

std::string DeletedTopics(int16_t code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.ArraySize(1);
  writer.String("fraud.out");
  writer.Int16(code);
  writer.NullableString({});
  writer.NoTags();
  writer.NoTags();
  return out;
}

class AccessAdminTest : public testing::Test {
 protected:
  AccessAdminTest() {
    KafkaClientOptions client;
    client.bootstrap_servers = broker_.address();
    client.client_id = "admin";
    admin_ = AccessAdmin::Make(client).value();
  }

  FakeBroker broker_;
  std::unique_ptr<AccessAdmin> admin_;
};

TEST_F(AccessAdminTest, FindsAclsThatAllowFromAnywhere) {
  broker_.AnswerNext(Api::kDescribeAcls, DescribedAcls(0));
  const auto acls = admin_->AclsOf("User:fraud", kWithin);
  ASSERT_TRUE(acls.ok()) << acls.status();
  EXPECT_THAT(*acls, ElementsAre(kReads));
}

TEST_F(AccessAdminTest, TellsBrokersWithoutAnAuthorizerFromThoseThatRefuse) {
  broker_.AnswerNext(Api::kDescribeAcls, DescribedAcls(kNoAuthorizer));
  EXPECT_TRUE(absl::IsFailedPrecondition(admin_->AclsOf("User:fraud", kWithin).status()));
  broker_.AnswerNext(Api::kDescribeAcls, DescribedAcls(kClusterRefused));
  const absl::Status refused = admin_->AclsOf("User:fraud", kWithin).status();
  EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("Alter and Describe on the cluster"));
}

TEST_F(AccessAdminTest, CreatesAndDeletesAclsAndSaysWhichWasRefused) {
  broker_.AnswerNext(Api::kCreateAcls, CreatedAcls(0));
  EXPECT_TRUE(admin_->CreateAcls({kReads}, kWithin).ok());
  broker_.AnswerNext(Api::kCreateAcls, CreatedAcls(kClusterRefused));
  const absl::Status refused = admin_->CreateAcls({kReads}, kWithin);
  EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("User:fraud on fraud.out"));
  broker_.AnswerNext(Api::kDeleteAcls, DeletedAcls(0));
  EXPECT_TRUE(admin_->DeleteAcls({kReads}, kWithin).ok());
  broker_.AnswerNext(Api::kDeleteAcls, DeletedAcls(kClusterRefused));
  EXPECT_TRUE(absl::IsPermissionDenied(admin_->DeleteAcls({kReads}, kWithin)));
}

TEST_F(AccessAdminTest, KnowsAndSetsQuotasOfAUser) {
  broker_.AnswerNext(Api::kDescribeClientQuotas, DescribedQuotas());
  const auto quotas = admin_->QuotasOf("fraud", kWithin);
  ASSERT_TRUE(quotas.ok()) << quotas.status();
  EXPECT_THAT(*quotas, ElementsAre(Pair("consumer_byte_rate", 2048.5)));
  broker_.AnswerNext(Api::kAlterClientQuotas, AlteredQuota(0));
  EXPECT_TRUE(admin_->SetQuota("fraud", "consumer_byte_rate", 1.0, kWithin).ok());
  broker_.AnswerNext(Api::kAlterClientQuotas, AlteredQuota(kClusterRefused));
  EXPECT_TRUE(absl::IsPermissionDenied(
      admin_->SetQuota("fraud", "consumer_byte_rate", std::nullopt, kWithin)));
}

TEST_F(AccessAdminTest, ATopicThatIsGoneAlreadyIsDeleted) {
  broker_.AnswerNext(Api::kDeleteTopics, DeletedTopics(kCodeUnknownTopicOrPartition));
  EXPECT_TRUE(admin_->DeleteTopics({"fraud.out"}, kWithin).ok());
  broker_.AnswerNext(Api::kDeleteTopics, DeletedTopics(kCodeTopicAuthorizationFailed));
  EXPECT_TRUE(absl::IsPermissionDenied(admin_->DeleteTopics({"fraud.out"}, kWithin)));
}

TEST_F(AccessAdminTest, AsksNobodyWhereNothingIsToBeDone) {
  broker_.SetAway(true);
  EXPECT_TRUE(admin_->CreateAcls({}, kWithin).ok());
  EXPECT_TRUE(admin_->DeleteAcls({}, kWithin).ok());
  EXPECT_TRUE(admin_->DeleteTopics({}, kWithin).ok());
  EXPECT_TRUE(absl::IsUnavailable(admin_->AclsOf("User:a", absl::Milliseconds(100)).status()));
}

TEST(AccessProtocol, RequestsAreAsKafkaReadsThem) {
  std::string out;
  WriteDescribeAcls("U:a", &out);
  EXPECT_EQ(out, std::string("\x01\x00\x01\x04U:a\x00\x01\x03\x00", 11));
  out.clear();
  WriteCreateAcls({{.name = "t", .principal = "U:a"}}, &out);
  EXPECT_EQ(out, std::string("\x02\x02\x02t\x03\x04U:a\x02*\x03\x03\x00\x00", 15));
  out.clear();
  WriteDescribeUserQuotas("ab", &out);
  EXPECT_EQ(out, std::string("\x02\x05user\x00\x03"
                             "ab\x00\x01\x00",
                             13));
  out.clear();
  WriteAlterUserQuota("a", "q", 1.0, &out);
  EXPECT_EQ(out, std::string("\x02\x02\x05user\x02"
                             "a\x00\x02\x02q\x3f\xf0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
                             26));
  out.clear();
  const std::vector<std::string> topics = {"t"};
  WriteDeleteTopics(topics, 256, &out);
  EXPECT_EQ(out, std::string("\x02\x02t\x00\x00\x01\x00\x00", 8));
}

TEST(AccessProtocol, AnswersThatAreCutShortAreRefused) {
  const auto refuses = [](const std::string& whole, const auto& read) {
    EXPECT_TRUE(read(std::string_view(whole)).ok());
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(read(std::string_view(whole).substr(0, size)).ok()) << size;
    }
  };
  refuses(DescribedAcls(0), ReadDescribeAcls);
  refuses(CreatedAcls(0), ReadCreateAcls);
  refuses(DeletedAcls(0), ReadDeleteAcls);
  refuses(DescribedQuotas(), ReadDescribeUserQuotas);
  refuses(AlteredQuota(0), ReadAlterUserQuota);
  refuses(DeletedTopics(0), ReadDeleteTopics);
}

}  // namespace
}  // namespace turnout::connectors
