// CommandClient: how a command reaches Kafka: as the config says, under a name of its own, with a
// token of the identity provider at hand where the config asks for one.
//
// Errors: those of KeepTokens. A token that can't be had later is said to `err`.
// Lifetime: clients made with `options` borrow `tokens`.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "runtime/config.h"
#include "runtime/token_keeper.h"

namespace turnout::runtime {

struct CommandClient {
  std::unique_ptr<TokenKeeper> tokens;  // null: none are needed
  connectors::KafkaClientOptions options;
};

absl::StatusOr<CommandClient> MakeCommandClient(const Config& config, const std::string& command,
                                                std::FILE* err);

// `status` of asking for a topic that `setting` names: InvalidArgument, with what to do, where it
// doesn't exist.
absl::Status NamingSetting(const absl::Status& status, const std::string& setting);

}  // namespace turnout::runtime
