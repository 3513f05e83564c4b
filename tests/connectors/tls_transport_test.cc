#include "connectors/tls_transport.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace turnout::connectors
