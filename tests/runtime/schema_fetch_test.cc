#include "runtime/schema_fetch.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/admin_server.h"
#include "runtime/json_text.h"
#include "tests/support/certificates.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using support::FakeHttpServer;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using Reply = FakeHttpServer::Reply;
using Request = FakeHttpServer::Request;

constexpr char kAvro[] =
    R"({"type": "record", "name": "E", "fields": [{"name": "n", "type": "long"}]})";

std::string AnswerOf(const std::string& text, const std::string& more = "") {
  return absl::StrCat(R"({"schema": )", JsonString(text), more, "}");
}

std::string ReferenceTo(const std::string& name, const std::string& subject, int version) {
  return absl::StrFormat(R"({"name": "%s", "subject": "%s", "version": %d})", name, subject,
                         version);
}

// What the registry answers, which may change while it does.
class Replies {
 public:
  class Place {
   public:
    Place(Replies* replies, std::string target) : replies_(replies), target_(std::move(target)) {}
    void operator=(Reply reply) {
      const absl::MutexLock lock(&replies_->mu_);
      replies_->by_target_[target_] = std::move(reply);
    }

   private:
    Replies* const replies_;
    const std::string target_;
  };

  Place operator[](const std::string& target) { return {this, target}; }
  std::optional<Reply> Find(const std::string& target) {
    const absl::MutexLock lock(&mu_);
    const auto found = by_target_.find(target);
    return found == by_target_.end() ? std::nullopt : std::optional<Reply>(found->second);
  }

 private:
  absl::Mutex mu_;
  std::map<std::string, Reply> by_target_ ABSL_GUARDED_BY(mu_);
};

class SchemaFetchTest : public ::testing::Test {
 protected:
  SchemaFetchTest() {
    settings_.url = registry_.address();
    settings_.timeout = absl::Seconds(5);
  }

  Reply Answer(const Request& request) {
    if (const auto reply = replies_.Find(request.target)) return *reply;
    return {.status = 404, .body = R"({"error_code": 40403, "message": "Schema not found"})"};
  }
  absl::StatusOr<FetchedSchema> Fetch(uint32_t id = 7) {
    return SchemaFetch(settings_).Fetch(id, stop_);
  }
  // What it comes to, as far as that is a failure.
  std::string Failure(absl::StatusCode code, uint32_t id = 7) {
    const auto fetched = Fetch(id);
    EXPECT_EQ(fetched.status().code(), code) << fetched.status();
    return std::string(fetched.status().message());
  }
  std::string Write(const std::string& name, const std::string& text) {
    return directory_.Write(name, text);
  }

  Replies replies_;
  FakeHttpServer registry_{[this](const Request& request) { return Answer(request); }};
  support::TempDirectory directory_;
  SchemaRegistrySettings settings_;
  std::atomic<bool> stop_{false};
};

TEST_F(SchemaFetchTest, AsksByIdAndCompilesByTheTypeThatTheRegistryNames) {
  replies_["/schemas/ids/7"] = {.body = AnswerOf(kAvro)};
  replies_["/schemas/ids/8"] = {
      .body = AnswerOf(R"({"type": "object"})", R"(, "schemaType": "JSON", "references": [])")};
  const auto avro = Fetch(7);
  ASSERT_TRUE(avro.ok()) << avro.status();
  std::string json;
  ASSERT_TRUE(avro->schema->AppendJson("\x06", &json).ok());
  EXPECT_EQ(json, R"({"n":3})");
  EXPECT_EQ(avro->text_bytes, std::string(kAvro).size());

  const auto plain = Fetch(8);
  ASSERT_TRUE(plain.ok()) << plain.status();
  json.clear();
  ASSERT_TRUE(plain->schema->AppendJson(R"({"a": 1})", &json).ok());
  EXPECT_THAT(registry_.requests().front().headers,
              Contains(Pair("accept", HasSubstr("application/vnd.schemaregistry.v1+json"))));
  EXPECT_THAT(registry_.requests().front().headers,
              Not(Contains(Pair("authorization", ::testing::_))));
}

TEST_F(SchemaFetchTest, AUrlsPathIsAPartOfIt) {
  settings_.url = registry_.address() + "/apis/ccompat/v7/";
  replies_["/apis/ccompat/v7/schemas/ids/7"] = {.body = AnswerOf(kAvro)};
  EXPECT_TRUE(Fetch().ok());
}

TEST_F(SchemaFetchTest, FollowsReferencesToTheirEnd) {
  replies_["/schemas/ids/7"] = {
      .body =
          AnswerOf(R"({"type": "record", "name": "E", "fields": [{"name": "a", "type": "x.A"}]})",
                   absl::StrCat(R"(, "references": [)", ReferenceTo("x.A", "sub/ject a", 2), "]"))};
  replies_["/subjects/sub%2Fject%20a/versions/2"] = {
      .body =
          AnswerOf(R"({"type": "record", "name": "x.A", "fields": [{"name": "b", "type": "x.B"}]})",
                   absl::StrCat(R"(, "id": 3, "references": [)", ReferenceTo("x.B", "b", 1), "]"))};
  replies_["/subjects/b/versions/1"] = {
      .body =
          AnswerOf(R"({"type": "enum", "name": "B", "namespace": "x", "symbols": ["P", "Q"]})")};
  const auto fetched = Fetch();
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  std::string json;
  ASSERT_TRUE(fetched->schema->AppendJson("\x02", &json).ok());
  EXPECT_EQ(json, R"({"a":{"b":"Q"}})");
}

TEST_F(SchemaFetchTest, ReferencesInACircleAreAskedForOnce) {
  for (const char* path : {"/schemas/ids/7", "/subjects/a/versions/1"}) {
    replies_[path] = {.body = AnswerOf(kAvro, absl::StrCat(R"(, "references": [)",
                                                           ReferenceTo("x.A", "a", 1), "]"))};
  }
  Fetch().IgnoreError();
  EXPECT_THAT(registry_.requests(), SizeIs(2));
}

TEST_F(SchemaFetchTest, ReferencesWithoutEndAreRefused) {
  std::string many;
  for (int i = 0; i < 300; ++i) {
    absl::StrAppend(&many, i == 0 ? "" : ",", ReferenceTo(absl::StrCat("x.A", i), "a", i));
    replies_[absl::StrCat("/subjects/a/versions/", i)] = {.body = AnswerOf("{}")};
  }
  replies_["/schemas/ids/7"] = {
      .body = AnswerOf(kAvro, absl::StrCat(R"(, "references": [)", many, "]"))};
  EXPECT_THAT(Failure(absl::StatusCode::kInvalidArgument), HasSubstr("refers to more than 256"));

  for (int i = 0; i < 100; ++i) {
    replies_[i == 0 ? "/schemas/ids/8" : absl::StrCat("/subjects/d/versions/", i)] = {
        .body = AnswerOf(
            kAvro, absl::StrCat(R"(, "references": [)", ReferenceTo("x.D", "d", i + 1), "]"))};
  }
  EXPECT_THAT(Failure(absl::StatusCode::kInvalidArgument, 8), HasSubstr("go deeper than 32"));
}

TEST_F(SchemaFetchTest, TheRegistrysOwn404IsItsLastWord) {
  EXPECT_THAT(Failure(absl::StatusCode::kNotFound),
              AllOf(HasSubstr("schema 7 of http://127.0.0.1"), HasSubstr("404: Schema not found")));
  replies_["/schemas/ids/7"] = {
      .body =
          AnswerOf(kAvro, absl::StrCat(R"(, "references": [)", ReferenceTo("x.A", "a", 1), "]"))};
  EXPECT_THAT(Failure(absl::StatusCode::kNotFound), HasSubstr("its reference a version 1"));
}

TEST_F(SchemaFetchTest, A404OfSomethingElseMayPass) {
  replies_["/schemas/ids/7"] = {.status = 404, .body = "<html>no such page</html>"};
  EXPECT_THAT(Failure(absl::StatusCode::kUnavailable),
              HasSubstr("see that schema_registry.url names a registry's API"));
}

TEST_F(SchemaFetchTest, WhatIsNoSchemaIsRefused) {
  replies_["/schemas/ids/7"] = {.body = AnswerOf("{")};
  EXPECT_THAT(Failure(absl::StatusCode::kInvalidArgument), HasSubstr("can't be compiled"));
  replies_["/schemas/ids/7"] = {.body = AnswerOf(kAvro, R"(, "schemaType": "THRIFT")")};
  EXPECT_THAT(Failure(absl::StatusCode::kInvalidArgument), HasSubstr("of the type `THRIFT`"));
  replies_["/schemas/ids/7"] = {.body = AnswerOf(kAvro, R"(, "schemaType": "PROTOBUF")")};
  EXPECT_THAT(Failure(absl::StatusCode::kInvalidArgument), HasSubstr("can't be compiled"));
}

// Read with all that is nested in it, each would take some seventy times its length.
TEST_F(SchemaFetchTest, WhatNestsWithoutEndIsRefusedSoon) {
  const std::string open(50'000, '['), close(50'000, ']');
  const absl::Time begun = absl::Now();
  for (const std::string& body :
       {open, absl::StrCat(open, close), absl::StrCat(R"({"schema": )", open, close, "}")}) {
    replies_["/schemas/ids/7"] = {.body = body};
    EXPECT_THAT(Failure(absl::StatusCode::kUnavailable), HasSubstr("is no schema"));
  }
  std::string types;
  for (int i = 0; i < 10'000; ++i) types += R"({"type":"array","items":)";
  for (const std::string& text : {open, absl::StrCat(open, close),
                                  absl::StrCat(types, "\"int\"", std::string(10'000, '}'))}) {
    replies_["/schemas/ids/7"] = {.body = AnswerOf(text)};
    EXPECT_THAT(Failure(absl::StatusCode::kInvalidArgument), HasSubstr("can't be compiled"));
  }
  EXPECT_LT(absl::Now() - begun, absl::Seconds(30));
}

TEST_F(SchemaFetchTest, WhatASchemaNestsBesideItsTypesIsNobodys) {
  const std::string nested = absl::StrCat(std::string(1'000, '['), std::string(1'000, ']'));
  replies_["/schemas/ids/7"] = {
      .body = AnswerOf(
          absl::StrCat(R"({"type": "record", "name": "E", "note": )", nested,
                       R"(, "fields": [{"name": "n", "type": "long", "default": )", nested, "}]}"),
          absl::StrCat(R"(, "metadata": )", nested))};
  const auto fetched = Fetch();
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  std::string json;
  ASSERT_TRUE(fetched->schema->AppendJson("\x06", &json).ok());
  EXPECT_EQ(json, R"({"n":3})");
}

TEST_F(SchemaFetchTest, GarbageMayPass) {
  for (const char* body :
       {"", "not JSON", "[]", "7", R"({"message": "hello"})", R"({"schema": 7})",
        R"({"schema": "{}", "schemaType": 1})", R"({"schema": "{}", "references": {}})",
        R"({"schema": "{}", "references": [7]})",
        R"({"schema": "{}", "references": [{"name": "a", "subject": "s"}]})",
        R"({"schema": "{}", "references": [{"name": "a", "subject": "s", "version": "1"}]})",
        R"({"schema": "{}", "references": [{"name": "a", "subject": "", "version": 1}]})"}) {
    replies_["/schemas/ids/7"] = {.body = body};
    EXPECT_THAT(Failure(absl::StatusCode::kUnavailable), HasSubstr("is no schema")) << body;
  }
}

TEST_F(SchemaFetchTest, AnAnswerWithoutEndIsRefusedSoon) {
  replies_["/schemas/ids/7"] = {.fault = FakeHttpServer::Fault::kEndless};
  EXPECT_THAT(Failure(absl::StatusCode::kInvalidArgument), HasSubstr("longer than 2097152 bytes"));
  replies_["/schemas/ids/7"] = {.body = AnswerOf(std::string(1'200'000, ' '))};
  EXPECT_THAT(Failure(absl::StatusCode::kInvalidArgument), HasSubstr("longer than 1048576 bytes"));
}

TEST_F(SchemaFetchTest, WhatIsSlowOrBrokenMayPass) {
  using Fault = FakeHttpServer::Fault;
  settings_.timeout = absl::Milliseconds(200);
  for (const Fault fault : {Fault::kCut, Fault::kReset, Fault::kResetInBody, Fault::kHang,
                            Fault::kHangInBody, Fault::kDrip}) {
    replies_["/schemas/ids/7"] = {.body = AnswerOf(kAvro), .fault = fault};
    const absl::Time begun = absl::Now();
    Failure(absl::StatusCode::kUnavailable);
    EXPECT_LT(absl::Now() - begun, absl::Seconds(3));
  }
  for (const int status : {500, 502, 503, 429, 302, 401, 403}) {
    replies_["/schemas/ids/7"] = {.status = status, .body = R"({"message": "later"})"};
    EXPECT_THAT(Failure(absl::StatusCode::kUnavailable),
                HasSubstr(absl::StrCat("it answers ", status, ": later")));
  }
  replies_["/schemas/ids/7"] = {.status = 500, .fault = Fault::kEndless};
  EXPECT_THAT(Failure(absl::StatusCode::kUnavailable), HasSubstr("it answers 500"));
}

TEST_F(SchemaFetchTest, ARedirectIsNotFollowed) {
  replies_["/schemas/ids/7"] = {.status = 301,
                                .headers = {{"Location", registry_.address() + "/schemas/ids/7"}}};
  EXPECT_THAT(Failure(absl::StatusCode::kUnavailable),
              HasSubstr("301 (nobody is followed: name the place itself)"));
  EXPECT_THAT(registry_.requests(), SizeIs(1));
}

TEST_F(SchemaFetchTest, ACertificateOfAnotherAuthorityMayPassOnceTheFileIsMended) {
  const auto right = support::MakeCertificate(directory_.path(), "right");
  const auto wrong = support::MakeCertificate(directory_.path(), "wrong");
  const auto server = AdminServer::Start(
      {.listen = "127.0.0.1:0", .certificate_file = right.certificate, .key_file = right.key},
      {{.path = "/schemas/ids/7", .answer = [] { return AdminAnswer{.body = AnswerOf(kAvro)}; }}});
  ASSERT_TRUE(server.ok()) << server.status();
  settings_.url = (*server)->url();
  settings_.ca_bundle = wrong.certificate;
  SchemaFetch fetch(settings_);
  const absl::Status refused = fetch.Fetch(7, stop_).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("schema 7 of https://127.0.0.1"),
                                       HasSubstr("certificate"), HasSubstr("ca_bundle")));
  std::filesystem::copy_file(right.certificate, wrong.certificate,
                             std::filesystem::copy_options::overwrite_existing);
  const auto fetched = fetch.Fetch(7, stop_);
  EXPECT_TRUE(fetched.ok()) << fetched.status();
}

// Each of many references in time, all of them not.
TEST_F(SchemaFetchTest, ReferencesThatDripAreGivenUp) {
  settings_.timeout = absl::Milliseconds(150);
  std::string references;
  for (int i = 0; i < 50; ++i) {
    absl::StrAppend(&references, i == 0 ? "" : ",", ReferenceTo(absl::StrCat("x.A", i), "s", i));
  }
  FakeHttpServer slow([&](const Request& request) -> Reply {
    absl::SleepFor(absl::Milliseconds(50));
    if (request.target != "/schemas/ids/7") return {.body = AnswerOf("{}")};
    return {.body = AnswerOf(kAvro, absl::StrCat(R"(, "references": [)", references, "]"))};
  });
  settings_.url = slow.address();
  const absl::Time begun = absl::Now();
  EXPECT_THAT(Failure(absl::StatusCode::kUnavailable), HasSubstr("schema 7"));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(2));
}

TEST_F(SchemaFetchTest, SaysWhoAsksFromFilesThatMayBeReplaced) {
  replies_["/schemas/ids/7"] = {.body = AnswerOf(kAvro)};
  settings_.username = "turnout";
  settings_.password_file = Write("password", "hunter2-first\n");
  SchemaFetch fetch(settings_);
  ASSERT_TRUE(fetch.Fetch(7, stop_).ok());
  Write("password", "hunter2-second\n");
  ASSERT_TRUE(fetch.Fetch(7, stop_).ok());
  const auto basic = [](const std::string& password) {
    return absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat("turnout:", password)));
  };
  ASSERT_THAT(registry_.requests(), SizeIs(2));
  EXPECT_EQ(registry_.requests()[0].headers.at("authorization"), basic("hunter2-first"));
  EXPECT_EQ(registry_.requests()[1].headers.at("authorization"), basic("hunter2-second"));

  settings_.username = settings_.password_file = "";
  settings_.token_file = Write("token", "a-bearer-token");
  ASSERT_TRUE(Fetch().ok());
  EXPECT_EQ(registry_.requests()[2].headers.at("authorization"), "Bearer a-bearer-token");
}

TEST_F(SchemaFetchTest, WrongCredentialsNameTheFileAndNeverTheSecret) {
  settings_.username = "turnout";
  settings_.password_file = Write("password", "hunter2-echoed");
  const std::string encoded = absl::Base64Escape("turnout:hunter2-echoed");
  // It says what it was told, in both forms.
  replies_["/schemas/ids/7"] = {
      .status = 401,
      .body = absl::StrCat(R"({"message": "no: hunter2-echoed, Basic )", encoded, R"("})")};
  const std::string failure = Failure(absl::StatusCode::kUnavailable);
  EXPECT_THAT(failure, AllOf(HasSubstr("it knows turnout by the password in"),
                             HasSubstr(settings_.password_file), Not(HasSubstr("hunter2")),
                             Not(HasSubstr(encoded))));

  settings_.password_file = directory_.path() + "/missing";
  EXPECT_THAT(Failure(absl::StatusCode::kUnavailable), HasSubstr("missing"));
  settings_.password_file = Write("empty", "\n");
  EXPECT_THAT(Failure(absl::StatusCode::kUnavailable), HasSubstr("is empty"));
}

TEST_F(SchemaFetchTest, NobodyThereMayPass) {
  {
    const FakeHttpServer gone([](const Request&) { return Reply{}; });
    settings_.url = gone.address();
  }
  EXPECT_THAT(Failure(absl::StatusCode::kUnavailable), HasSubstr("schema 7 of"));
}

}  // namespace
}  // namespace turnout::runtime
