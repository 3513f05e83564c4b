#include "connectors/msk_iam_settings.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "connectors/oidc_settings.h"
#include "connectors/text_properties.h"

namespace turnout::connectors {
namespace {

// Properties as they come.
struct Draft {
  std::string protocol;
  std::string mechanism;
  std::string method;
  std::string misplaced;  // one that belongs to another method
  bool unsecured_token = false;
  MskIamSettings settings;
};

constexpr TextProperty<Draft> kTexts[] = {
    {"security.protocol", [](Draft& draft) { return &draft.protocol; }},
    {"sasl.mechanism", [](Draft& draft) { return &draft.mechanism; }},
    {"sasl.mechanisms", [](Draft& draft) { return &draft.mechanism; }},
    {kTokenMethod, [](Draft& draft) { return &draft.method; }},
    {kAwsRegion, [](Draft& draft) { return &draft.settings.region; }},
    {"https.ca.location", [](Draft& draft) { return &draft.settings.ca_file; }},
};

absl::Status ReadOne(const KafkaProperty& property, Draft& draft) {
  const auto& [name, value] = property;
  if (const auto* const row = FindProperty(absl::MakeConstSpan(kTexts), name)) {
    *row->field(draft) = value;
  } else if (name == "enable.sasl.oauthbearer.unsecure.jwt") {
    return ReadBool(property, &draft.unsecured_token);
  } else if (absl::StartsWith(name, "sasl.oauthbearer.") && name != "sasl.oauthbearer.config") {
    draft.misplaced = name;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<MskIamSettings>> MskIamSettingsOf(
    const std::vector<KafkaProperty>& properties, std::string_view bootstrap_servers) {
  Draft draft;
  for (const KafkaProperty& property : properties) {
    absl::Status read = ReadOne(property, draft);
    if (!read.ok()) return read;
  }
  const bool is_asked_for = WantsSasl(draft.protocol) && draft.mechanism == "OAUTHBEARER" &&
                            draft.method == kMskIamMethod;
  if (!is_asked_for) return std::nullopt;
  if (draft.unsecured_token) {
    return absl::InvalidArgumentError(
        absl::StrFormat("kafka.%s: %s and enable.sasl.oauthbearer.unsecure.jwt exclude each other",
                        kTokenMethod, kMskIamMethod));
  }
  if (!draft.misplaced.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("kafka.%s: belongs to the method oidc; with %s tokens are made of AWS "
                        "credentials alone; take it out",
                        draft.misplaced, kMskIamMethod));
  }
  if (draft.settings.region.empty()) draft.settings.region = RegionOfBrokers(bootstrap_servers);
  if (draft.settings.ca_file == kSystemsCa) draft.settings.ca_file.clear();
  return draft.settings;
}

std::string RegionOfBrokers(std::string_view bootstrap_servers) {
  const absl::string_view all(bootstrap_servers.data(), bootstrap_servers.size());
  for (absl::string_view broker : absl::StrSplit(all, ',')) {
    const size_t scheme = broker.find("://");
    if (scheme != absl::string_view::npos) broker.remove_prefix(scheme + 3);
    const std::string host =
        absl::AsciiStrToLower(absl::StripAsciiWhitespace(broker.substr(0, broker.rfind(':'))));
    const std::vector<std::string> labels = absl::StrSplit(host, '.');
    for (size_t i = 2; i < labels.size(); ++i) {
      if (labels[i] != "amazonaws") continue;
      const std::string& service = labels[i - 2];
      if (service == "kafka" || service == "kafka-serverless") return labels[i - 1];
    }
  }
  return {};
}

}  // namespace turnout::connectors
