#include "connectors/scram_caution.h"

#include <librdkafka/rdkafka.h>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "connectors/text_properties.h"

namespace turnout::connectors {

std::string ScramCaution(const std::vector<KafkaProperty>& properties, int library_version) {
  if (library_version >= kScramMended) return {};
  std::string protocol;
  std::string mechanism;
  for (const auto& [name, value] : properties) {
    if (name == "security.protocol") protocol = value;
    if (name == "sasl.mechanism" || name == "sasl.mechanisms") mechanism = value;
  }
  if (!WantsSasl(protocol) || !absl::StartsWith(mechanism, "SCRAM-")) return {};
  return absl::StrFormat(
      "librdkafka %d.%d.%d can't do %s with Kafka 4: such brokers say that the password is wrong, "
      "also where it is right (confluentinc/librdkafka#4895); load librdkafka 2.6.1 or newer in "
      "its place: see SCRAM in runtime/README.md",
      library_version >> 24, library_version >> 16 & 0xff, library_version >> 8 & 0xff, mechanism);
}

std::string ScramCaution(const std::vector<KafkaProperty>& properties) {
  return ScramCaution(properties, rd_kafka_version());
}

}  // namespace turnout::connectors
