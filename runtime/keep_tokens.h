// KeepTokens: a TokenKeeper of the method that Kafka's properties name.
//
// Errors: InvalidArgument names the property and the cure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "runtime/token_keeper.h"
#include "state/aws_credentials.h"

namespace turnout::runtime {

// Null where the properties ask for no tokens. Clients borrow it.
absl::StatusOr<std::unique_ptr<TokenKeeper>> KeepTokens(
    const std::string& brokers, const std::vector<connectors::KafkaProperty>& properties,
    TokenKeeper::Report report,
    const state::Environment& environment = state::ProcessEnvironment());

}  // namespace turnout::runtime
