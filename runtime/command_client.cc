#include "runtime/command_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/keep_tokens.h"
#include "runtime/log.h"

namespace turnout::runtime {

absl::StatusOr<CommandClient> MakeCommandClient(const Config& config, const std::string& command,
                                                std::FILE* err) {
  auto tokens = KeepTokens(config.brokers, config.kafka, [command, err](const TokenReport& report) {
    if (report.status.ok()) return;
    const absl::string_view why = report.status.message();
    std::fprintf(err, "turnout %s: %s\n", command.c_str(),
                 WithoutSecrets({why.data(), why.size()}).c_str());
  });
  if (!tokens.ok()) return tokens.status();
  CommandClient client;
  client.tokens = *std::move(tokens);
  client.options.bootstrap_servers = config.brokers;
  client.options.client_id = absl::StrCat("turnout-", config.instance, "-", command);
  client.options.properties = config.kafka;
  client.options.tokens = client.tokens.get();
  return client;
}

absl::Status NamingSetting(const absl::Status& status, const std::string& setting) {
  if (!absl::IsNotFound(status)) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), " (create it, or correct ", setting, ")"));
}

}  // namespace turnout::runtime
