#include "connectors/tls_transport.h"

#include <gtest/gtest.h>

#include <string>

namespace turnout::connectors {
namespace {

TEST(TlsContext, TrustsWhatItIsTold) {
  TlsSettings settings;
  for (const char* const system : {"", "probe"}) {
    settings.ca_location = system;
    const auto context = TlsContext::Make(settings);
    EXPECT_TRUE(context.ok()) << system << context.status();
  }
  settings.ca_location = "/nowhere/ca.pem";
  EXPECT_TRUE(absl::IsInvalidArgument(TlsContext::Make(settings).status()));
}

// A broker's name comes from another broker: it may be anything.
TEST(TlsContext, AHostThatNoCertificateCanBeOfIsNoHost) {
  constexpr int kNoSocket = -1;
  const std::string nul_inside("broker\0.example.com", 19);
  TlsSettings settings;
  const auto careful = TlsContext::Make(settings);
  settings.verify_host = false;
  const auto careless = TlsContext::Make(settings);
  ASSERT_TRUE(careful.ok() && careless.ok());
  for (const std::string& host : {std::string(), nul_inside}) {
    const auto refused = (*careful)->MakeTransport(kNoSocket, host);
    EXPECT_TRUE(absl::IsUnavailable(refused.status())) << host;
    EXPECT_TRUE((*careless)->MakeTransport(kNoSocket, host).ok());
  }
  for (const char* const host : {"broker.example.com", "127.0.0.1", "::1"}) {
    const auto made = (*careful)->MakeTransport(kNoSocket, host);
    EXPECT_TRUE(made.ok()) << host << made.status();
  }
}

}  // namespace
}  // namespace turnout::connectors
