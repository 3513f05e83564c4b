#include "runtime/rollback_command.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/admin_server.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_directory.h"
#include "tests/support/temp_stream.h"

namespace turnout::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A router's admin API that says what it was asked.
class Router {
 public:
  Router(const std::string& in_force, const std::vector<std::string>& versions,
         AdminServerOptions options = {}) {
    std::string listed;
    for (const std::string& version : versions) {
      listed += absl::StrFormat(R"(%s{"rule_set": "%s"})", listed.empty() ? "" : ",", version);
    }
    const std::string page =
        absl::StrFormat(R"({"rule_set": "%s", "versions": [%s]})", in_force, listed);
    options.listen = "127.0.0.1:0";
    auto started = AdminServer::Start(
        std::move(options),
        {{.path = "/v1/rules", .answer = [page] { return AdminAnswer{.body = page}; }},
         {.path = "/v1/rules/rollback",
          .post = [this](const std::string& body) { return Take("rollback " + body); },
          .access = AdminAccess::kChanges},
         {.path = "/v1/rules/resume",
          .post = [this](const std::string& body) { return Take("resume " + body); },
          .access = AdminAccess::kChanges}});
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }

  const std::string& address() const { return server_->address(); }
  std::string url() const { return server_->url(); }
  std::vector<std::string> asked() const {
    absl::MutexLock lock(&mu_);
    return asked_;
  }

 private:
  AdminAnswer Take(const std::string& what) {
    absl::MutexLock lock(&mu_);
    asked_.push_back(what);
    return {.body = "{}"};
  }

  mutable absl::Mutex mu_;
  std::vector<std::string> asked_;
  std::unique_ptr<AdminServer> server_;
};

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome RunIt(const RollbackOptions& options) {
  const support::TempStream out;
  const support::TempStream err;
  const int status = RunRollback(options, out.get(), err.get());
  return {status, out.text(), err.text()};
}

TEST(RollbackCommand, AllRoutersGoBackToTheOneBefore) {
  Router a("c", {"c", "b", "a"});
  Router b("c", {"c", "b"});
  const Outcome done = RunIt({.admins = {a.address(), b.address()}});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(a.asked(), ElementsAre(R"(rollback {"to":"b"})"));
  EXPECT_THAT(b.asked(), ElementsAre(R"(rollback {"to":"b"})"));
  EXPECT_EQ(done.out, absl::StrFormat("%s: from c back to b\n%s: from c back to b\n", a.address(),
                                      b.address()));
}

TEST(RollbackCommand, NothingIsChangedWhereRoutersDisagreeOrAreSilent) {
  Router a("c", {"c", "b", "a"});
  Router b("c", {"c", "a"});
  const Outcome torn = RunIt({.admins = {a.address(), b.address()}});
  EXPECT_EQ(torn.status, 1);
  EXPECT_THAT(torn.err, HasSubstr("would go back to b"));
  EXPECT_THAT(torn.err, HasSubstr("--to HASH"));
  const Outcome silent = RunIt({.admins = {a.address(), "127.0.0.1:1"}});
  EXPECT_EQ(silent.status, 1);
  EXPECT_THAT(silent.err, HasSubstr("nothing is changed: 127.0.0.1:1"));
  Router fresh("a", {"a"});
  EXPECT_THAT(RunIt({.admins = {fresh.address()}}).err, HasSubstr("no rule set from before a"));
  EXPECT_THAT(a.asked(), IsEmpty());
  EXPECT_THAT(b.asked(), IsEmpty());
  EXPECT_EQ(RunIt({.admins = {a.address(), b.address()}, .to = "a"}).status, 0);
  EXPECT_THAT(b.asked(), ElementsAre(R"(rollback {"to":"a"})"));
}

TEST(RollbackCommand, ResumesWithTheTokenOfAFile) {
  const support::TempDirectory directory;
  const std::string file = directory.Write("token", "Planted-5a\n");
  Router a("c", {"c"}, {.token_file = file});
  const Outcome refused = RunIt({.admins = {a.address()}, .resumes = true});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("answers 401: this changes something"));
  const Outcome done = RunIt({.admins = {a.address()}, .resumes = true, .token_file = file});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(a.asked(), ElementsAre("resume "));
  EXPECT_EQ(RunIt({.admins = {a.address()}, .token_file = file + "x"}).status, 2);
  EXPECT_EQ(RunIt({.admins = {"nowhere"}}).status, 2);
}

TEST(RollbackCommand, TheTokenGoesByHttpsToWhoIsOfTheAuthorities) {
  const support::TempDirectory directory;
  const std::string token = directory.Write("token", "Planted-5a\n");
  const auto ours = support::MakeCertificate(directory.path(), "ours");
  const auto theirs = support::MakeCertificate(directory.path(), "theirs");
  Router a("c", {"c", "b"},
           {.token_file = token, .certificate_file = ours.certificate, .key_file = ours.key});
  const std::string port = a.address().substr(a.address().rfind(':'));
  const auto roll_back = [&](const std::string& admin, const std::string& ca) {
    return RunIt({.admins = {admin}, .token_file = token, .ca_file = ca});
  };
  EXPECT_EQ(roll_back("https://127.0.0.1" + port, theirs.certificate).status, 1);
  EXPECT_THAT(a.asked(), IsEmpty());
  const Outcome done = roll_back("https://127.0.0.1" + port, ours.certificate);
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(a.asked(), ElementsAre(R"(rollback {"to":"b"})"));
  // An address is asked, but the certificate has to be of the name.
  const auto elsewhere = support::MakeCertificate(directory.path(), "elsewhere", "elsewhere.test");
  Router b("c", {"c", "b"}, {.certificate_file = elsewhere.certificate, .key_file = elsewhere.key});
  const std::string b_port = b.address().substr(b.address().rfind(':'));
  EXPECT_EQ(roll_back("https://127.0.0.1" + b_port, elsewhere.certificate).status, 0);
  EXPECT_EQ(roll_back("https://localhost" + b_port, elsewhere.certificate).status, 1);
}

TEST(RollbackCommand, ATokenIsNotSentInTheClear) {
  const support::TempDirectory directory;
  const std::string token = directory.Write("token", "Planted-5a\n");
  const Outcome refused = RunIt({.admins = {"192.0.2.1:9464"}, .token_file = token});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("192.0.2.1:9464 would read the token"));
}

}  // namespace
}  // namespace turnout::runtime
