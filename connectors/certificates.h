// What a client's certificates say of themselves: until when they are good.
//
// Errors: InvalidArgument names the property that can't be used, and the cure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka_client.h"

namespace turnout::connectors {

struct CertificateLife {
  std::string property;  // "ssl.certificate.location"
  std::string subject;   // "CN=router"
  absl::Time begins;
  absl::Time ends;
};

// Of the client's own certificate and of the authority that it trusts, as far as the properties
// name them: of several in one file the one that ends first. A directory of authorities has none.
absl::StatusOr<std::vector<CertificateLife>> CertificateLives(
    const std::vector<KafkaProperty>& properties);

// OK where all that the properties say of TLS can be used together, a key with its certificate too,
// or where they ask for none. What only librdkafka can judge is passed over.
absl::Status CheckCertificates(const std::vector<KafkaProperty>& properties);

}  // namespace turnout::connectors
