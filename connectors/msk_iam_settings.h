// MskIamSettings: OAUTHBEARER at Amazon MSK, whose tokens are made of AWS credentials; read from
// Kafka's properties.
//
// `sasl.oauthbearer.method: aws_msk_iam` and `sasl.oauthbearer.aws.region` are Turnout's own:
// librdkafka is told of neither.
//
// Errors: InvalidArgument names the property and the cure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"

namespace turnout::connectors {

struct MskIamSettings {
  std::string region;   // empty: the environment says
  std::string ca_file;  // whom to trust at STS; empty: the system's
};

// Nullopt where the properties ask for no OAUTHBEARER, or for another method.
absl::StatusOr<std::optional<MskIamSettings>> MskIamSettingsOf(
    const std::vector<KafkaProperty>& properties, std::string_view bootstrap_servers);

// The region in the name of an MSK broker, the first of the list that has one
// (`b-1.c.abc.c2.kafka.eu-west-1.amazonaws.com:9098`); empty: none has.
std::string RegionOfBrokers(std::string_view bootstrap_servers);

}  // namespace turnout::connectors
