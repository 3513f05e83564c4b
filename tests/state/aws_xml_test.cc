#include "state/aws_xml.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "tests/support/seeded_random.h"

namespace turnout::state {
namespace {

constexpr char kPage[] = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix>
<KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>
<NextContinuationToken>1ueG==</NextContinuationToken><EncodingType>url</EncodingType>
<Contents><Key>p/a%20b+c%2Bd&amp;e</Key><LastModified>2026-11-25T20:00:00.250Z</LastModified>
<ETag>&quot;0&quot;</ETag><Size>5368709121</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>p/z</Key><LastModified>2026-11-25T20:00:01Z</LastModified><Size>0</Size></Contents>
</ListBucketResult>)";

TEST(AwsXml, ReadsAPageOfAList) {
  const auto page = ParseListPage(kPage);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->next, "1ueG==");
  ASSERT_EQ(page->keys.size(), 2u);
  EXPECT_EQ(page->keys[0].key, "p/a b c+d&e");
  EXPECT_EQ(page->keys[0].bytes, 5368709121u);
  EXPECT_EQ(page->keys[0].modified_ms, 1795636800250);
  EXPECT_EQ(page->keys[1].key, "p/z");
}

TEST(AwsXml, TakesKeysAsTheyAreWhereTheyAreNotEncoded) {
  const std::string xml = absl::StrReplaceAll(kPage, {{"<EncodingType>url</EncodingType>", ""},
                                                      {"<IsTruncated>true", "<IsTruncated>false"}});
  const auto page = ParseListPage(xml);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->next, "");
  EXPECT_EQ(page->keys[0].key, "p/a%20b+c%2Bd&e");
}

TEST(AwsXml, RefusesPagesThatAreNotAsPublished) {
  const std::string many_contents = [] {
    std::string text;
    for (size_t i = 0; i <= kListPageKeysMax; ++i) {
      absl::StrAppend(&text, "<Contents><Key>p/", i,
                      "</Key><LastModified>2026-11-25T20:00:01Z</LastModified><Size>0</Size>"
                      "</Contents>");
    }
    return text;
  }();
  const std::pair<const char*, std::string> changes[] = {
      {"<IsTruncated>true</IsTruncated>", ""},
      {"<IsTruncated>true", "<IsTruncated>maybe"},
      {"<NextContinuationToken>1ueG==</NextContinuationToken>", ""},
      {"1ueG==", std::string(9000, 'x')},
      {"<Key>p/z</Key>", ""},
      {"<Key>p/z</Key>", "<Key></Key>"},
      {"<Key>p/z</Key>", "<Key>p/z</Key><Key>p/y</Key>"},
      {"p/z", std::string(kS3KeyBytesMax + 1, 'k')},
      {"p/z", "p/%z"},
      {"p/z", "p/%4"},
      {"<Size>0</Size>", ""},
      {"<Size>0", "<Size>-1"},
      {"<Size>0", "<Size> 1"},
      {"<Size>0", "<Size>18446744073709551616"},
      {"<Size>0", "<Size>1e3"},
      {"2026-11-25T20:00:01Z", "yesterday"},
      {"2026-11-25T20:00:01Z", "2026-13-25T20:00:01Z"},
      {"</ListBucketResult>", ""},
      {"</ListBucketResult>", many_contents + "</ListBucketResult>"},
      {"ListBucketResult", "ListAllMyBucketsResult"},
  };
  for (const auto& [from, to] : changes) {
    const std::string xml = absl::StrReplaceAll(kPage, {{from, to}});
    ASSERT_NE(xml, kPage) << from;
    EXPECT_EQ(ParseListPage(xml).status().code(), absl::StatusCode::kUnavailable) << from << to;
  }
}

TEST(AwsXml, ExpandsNoEntityThatADocumentDefines) {
  const std::string xml =
      absl::StrReplaceAll(kPage, {{"<ListBucketResult xmlns",
                                   "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">]><ListBucketResult "
                                   "xmlns"},
                                  {"p/z", "p/&a;"}});
  const auto page = ParseListPage(xml);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->keys[1].key, "p/&a;");
}

// Whatever a server sends, the answer is a page that keeps to its limits, or a refusal.
TEST(AwsXml, SurvivesAnswersThatAreCutAndGarbled) {
  const std::string sound = kPage;
  support::SeededRandom chance(5);
  size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string xml = sound.substr(0, static_cast<size_t>(chance.Between(0, sound.size())));
    for (int64_t changes = chance.Below(6); changes > 0 && !xml.empty(); --changes) {
      const size_t at = static_cast<size_t>(chance.Below(static_cast<int64_t>(xml.size())));
      const size_t length = static_cast<size_t>(chance.Below(40));
      switch (chance.Below(4)) {
        case 0:
          xml[at] = static_cast<char>(chance.Next());
          break;
        case 1:
          xml.erase(at, length);
          break;
        case 2:
          xml.insert(at, xml.substr(at, length));
          break;
        default:
          xml.insert(at, "<![CDATA[");
          break;
      }
    }
    if (chance.OneIn(2)) xml += "</ListBucketResult>";
    const auto page = ParseListPage(xml);
    refused += page.ok() ? 0 : 1;
    if (page.ok()) {
      ASSERT_LE(page->keys.size(), kListPageKeysMax);
      for (const ListedKey& key : page->keys) {
        ASSERT_FALSE(key.key.empty());
        ASSERT_LE(key.key.size(), kS3KeyBytesMax);
      }
    }
    ParseUploadId(xml).IgnoreError();
    ParseAssumedRole(xml).IgnoreError();
    ASSERT_LE(ParseAwsError(xml).message.size(), 400u);
  }
  EXPECT_GT(refused, 10000u);
}

TEST(AwsXml, ReadsManyLevelsWithoutAStackOfTheirDepth) {
  std::string xml;
  for (int i = 0; i < 200000; ++i) xml += "<a>";
  EXPECT_FALSE(ParseListPage(xml).ok());
  for (int i = 0; i < 200000; ++i) xml += "</a>";
  EXPECT_FALSE(ParseListPage(xml).ok());
}

TEST(AwsXml, ReadsErrorsOfBothServices) {
  const AwsError s3 = ParseAwsError(
      "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>It "
      "is\ngone.</Message></Error>");
  EXPECT_EQ(s3.code, "NoSuchKey");
  EXPECT_EQ(s3.message, "It is\\ngone.");
  const AwsError sts = ParseAwsError(
      "<ErrorResponse "
      "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
      "<Code>ExpiredTokenException</Code><Message>old</Message></Error></ErrorResponse>");
  EXPECT_EQ(sts.code, "ExpiredTokenException");
  EXPECT_EQ(ParseAwsError("<html><body>502</body></html>").code, "");
  EXPECT_EQ(ParseAwsError("").code, "");
  EXPECT_EQ(ParseAwsError("<Error><Code>\x1b[2J</Code></Error>").code, "\\x1b[2J");
}

TEST(AwsXml, ReadsAnUploadIdAndARole) {
  EXPECT_EQ(
      ParseUploadId("<InitiateMultipartUploadResult><Bucket>b</Bucket><UploadId>x.y</UploadId>"
                    "</InitiateMultipartUploadResult>")
          .value(),
      "x.y");
  EXPECT_FALSE(ParseUploadId("<InitiateMultipartUploadResult/>").ok());

  const std::string role =
      "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
      "<SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>"
      "<Expiration>2026-11-25T21:00:00Z</Expiration><AccessKeyId>a</AccessKeyId></Credentials>"
      "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
  const auto assumed = ParseAssumedRole(role);
  ASSERT_TRUE(assumed.ok()) << assumed.status();
  EXPECT_EQ(assumed->access_key_id, "a");
  EXPECT_EQ(assumed->secret_access_key, "s");
  EXPECT_EQ(assumed->session_token, "t");
  EXPECT_EQ(absl::ToUnixSeconds(assumed->expires), 1795640400);
  EXPECT_FALSE(ParseAssumedRole(absl::StrReplaceAll(role, {{">s<", "><"}})).ok());
  EXPECT_FALSE(ParseAssumedRole(absl::StrReplaceAll(role, {{"2026-", ""}})).ok());
}

}  // namespace
}  // namespace turnout::state
