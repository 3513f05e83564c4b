// The admin API by https: who may enter, certificates that rotate, handshakes that don't end.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/admin_server.h"
#include "state/http_client.h"
#include "tests/support/certificates.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using support::CertificatePaths;
using support::MakeCertificate;
using support::RawClient;
using testing::HasSubstr;

std::vector<AdminPage> Pages() {
  return {
      {.path = "/healthz",
       .answer = [] { return AdminAnswer{.body = "{}"}; },
       .access = AdminAccess::kAll},
      {.path = "/large", .answer = [] { return AdminAnswer{.body = std::string(8 << 20, 'x')}; }},
      {.path = "/v1/explain",
       .post = [](const std::string& body) { return AdminAnswer{.body = "got " + body}; },
       .access = AdminAccess::kShows}};
}

class AdminTls : public testing::Test {
 protected:
  void Start(AdminServerOptions options = {}) {
    options.listen = "0.0.0.0:0";
    options.certificate_file = ours_.certificate;
    options.key_file = ours_.key;
    auto started = AdminServer::Start(std::move(options), Pages());
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    port_ = server_->address().substr(server_->address().rfind(':'));
  }

  // Each by a connection of its own.
  absl::StatusOr<state::HttpResponse> Ask(const std::string& ca, state::HttpRequest request) const {
    state::HttpClient client({.ca_bundle = ca, .direct = true});
    request.url = absl::StrCat("https://127.0.0.1", port_, request.url);
    request.answer_bytes_max = 64 << 20;
    return client.Send(request);
  }
  bool Trusts(const std::string& ca) const {
    const auto answer = Ask(ca, {.url = "/healthz"});
    return answer.ok() && answer->status == 200;
  }
  bool TrustsSoon(const std::string& ca) const {
    const absl::Time give_up = absl::Now() + absl::Seconds(20);
    while (!Trusts(ca)) {
      if (absl::Now() > give_up) return false;
      absl::SleepFor(absl::Milliseconds(100));
    }
    return true;
  }

  const support::TempDirectory directory_;
  const CertificatePaths ours_ = MakeCertificate(directory_.path(), "ours");
  std::unique_ptr<AdminServer> server_;
  std::string port_;  // with a colon before it
};

TEST_F(AdminTls, WithItAndATokenEventsAreShownToWhoBearsIt) {
  Start({.token_file = directory_.Write("token", "s3cret-one")});
  EXPECT_EQ(server_->url(), "https://" + server_->address());
  const auto explain = [&](state::HttpHeaders headers) {
    return Ask(ours_.certificate,
               {.method = "POST", .url = "/v1/explain", .headers = headers, .body = "this"});
  };
  const auto without = explain({});
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->status, 401);
  const auto with = explain({{"Authorization", "Bearer s3cret-one"}});
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_EQ(with->status, 200);
  EXPECT_EQ(with->body, "got this");
  const auto large = Ask(ours_.certificate, {.url = "/large"});
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(large->body.size(), 8 << 20);
}

TEST_F(AdminTls, WithoutATokenItStillShowsNoEvents) {
  Start();
  const auto answer = Ask(ours_.certificate, {.method = "POST", .url = "/v1/explain"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 403);
  EXPECT_THAT(answer->body, HasSubstr("set admin.token_file\""));
}

TEST_F(AdminTls, RotatedCertificatesAreTakenWithoutARestart) {
  Start();
  EXPECT_TRUE(Trusts(ours_.certificate));
  const CertificatePaths next = MakeCertificate(directory_.path(), "next");
  EXPECT_FALSE(Trusts(next.certificate));
  const std::string old = directory_.path() + "/old.pem";
  std::filesystem::copy_file(ours_.certificate, old);
  // One file after the other: until both are there, the pair from before goes on.
  std::filesystem::rename(next.key, ours_.key);
  absl::SleepFor(absl::Milliseconds(1200));
  EXPECT_TRUE(Trusts(old));
  std::filesystem::copy_file(next.certificate, ours_.certificate,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(TrustsSoon(next.certificate));
  EXPECT_FALSE(Trusts(old));
  // What can't be used changes nothing.
  directory_.Write("ours.pem", "no certificate");
  absl::SleepFor(absl::Milliseconds(1200));
  EXPECT_TRUE(Trusts(next.certificate));
}

TEST_F(AdminTls, HandshakesThatDoNotEndHoldNobodyUpAndAreCutOff) {
  Start({.threads = 1, .request_timeout = absl::Seconds(2)});
  std::vector<std::unique_ptr<RawClient>> stuck;
  for (int i = 0; i < 100; ++i) {
    stuck.push_back(std::make_unique<RawClient>(server_->address()));
    if (i % 2 == 0) stuck.back()->Send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  }
  const absl::Time began = absl::Now();
  EXPECT_TRUE(Trusts(ours_.certificate));
  EXPECT_LT(absl::Now() - began, absl::Seconds(5));
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  for (const auto& client : stuck) {
    while (!client->IsClosed() && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(10));
    ASSERT_TRUE(client->IsClosed());
  }
}

TEST_F(AdminTls, PlainHttpAndOldVersionsAreRefused) {
  Start();
  EXPECT_EQ(support::Get(server_->address(), "/healthz").find("200"), std::string::npos);
  const auto shakes_hands = [&](const std::string& version) {
    return std::system(absl::StrCat("openssl s_client -connect 127.0.0.1", port_, " ", version,
                                    " -cipher ALL:@SECLEVEL=0 </dev/null >/dev/null 2>&1")
                           .c_str()) == 0;
  };
  EXPECT_TRUE(shakes_hands("-tls1_3"));
  EXPECT_TRUE(shakes_hands("-tls1_2"));
  EXPECT_FALSE(shakes_hands("-tls1_1"));
  EXPECT_FALSE(shakes_hands("-tls1"));
  EXPECT_TRUE(Trusts(ours_.certificate));
}

TEST_F(AdminTls, FilesThatCannotBeUsedAreRefusedAtTheStartByName) {
  const CertificatePaths other = MakeCertificate(directory_.path(), "other");
  const std::string nothing = directory_.Write("nothing.pem", "nothing");
  for (const auto& [certificate, key, named] : std::vector<std::array<std::string, 3>>{
           {ours_.certificate, other.key, "the key can't be used"},
           {nothing, other.key, "the certificate can't be used"},
           {directory_.path() + "/none.pem", other.key, "admin.tls.certificate_file"},
           {other.certificate, directory_.path() + "/none.key", "admin.tls.key_file"}}) {
    const auto started = AdminServer::Start(
        {.listen = "127.0.0.1:0", .certificate_file = certificate, .key_file = key}, Pages());
    EXPECT_EQ(started.status().code(), absl::StatusCode::kInvalidArgument) << named;
    EXPECT_THAT(std::string(started.status().message()), HasSubstr(named));
  }
}

}  // namespace
}  // namespace turnout::runtime
