// TextProperty: a property of librdkafka's that is taken as it is written, and where to.
//
// Who reads properties for himself (client_security, oidc_settings) has a table of these over a
// draft of his own.
//
// Internal to connectors/.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "connectors/kafka_client.h"

namespace turnout::connectors {

template <typename Draft>
struct TextProperty {
  const char* name;
  std::string* (*field)(Draft&);
};

// The row of this name; null: there is none.
template <typename Draft>
const TextProperty<Draft>* FindProperty(absl::Span<const TextProperty<Draft>> rows,
                                        std::string_view name) {
  for (const TextProperty<Draft>& row : rows) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

// InvalidArgument unless it is true or false, however written.
inline absl::Status ReadBool(const KafkaProperty& property, bool* to) {
  const auto& [name, value] = property;
  *to = absl::EqualsIgnoreCase(value, "true");
  if (*to || absl::EqualsIgnoreCase(value, "false")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("kafka.%s: true or false, not `%s`", name, value));
}

// Of a `security.protocol`, however written.
inline bool WantsSasl(const std::string& protocol) {
  return absl::StartsWithIgnoreCase(protocol, "sasl_");
}

}  // namespace turnout::connectors
