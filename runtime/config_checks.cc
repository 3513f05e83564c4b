#include "runtime/config_checks.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "runtime/config_values.h"

namespace turnout::runtime {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// That it can be asked for, and holds no secret that would be shown. `cure` says where that goes.
std::string CheckUrl(std::string_view url, std::string_view cure) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.empty()) return "names no host";
  if (authority.find('@') != std::string_view::npos) {
    return absl::StrFormat("holds a user: %s", cure);
  }
  const bool is_plain = std::none_of(url.begin(), url.end(),
                                     [](char c) { return IsControl(c) || c == ' ' || c == '#'; });
  return is_plain ? "" : "holds a space, a control character or a `#`";
}

// "is empty" and the like, for names of Kafka's alphabet.
std::string CheckName(std::string_view text, size_t bytes_max) {
  if (text.empty()) return "is empty";
  if (text.size() > bytes_max) {
    return absl::StrFormat("has %d bytes, more than %d", text.size(), bytes_max);
  }
  if (!std::all_of(text.begin(), text.end(), IsNameCharacter)) {
    return "holds a character that is none of a-z, A-Z, 0-9, `.`, `_`, `-`";
  }
  return {};
}

// `[::1]:80`, `host:80`, `host`: host and port, the latter empty when there is none.
struct HostPort {
  std::string_view host;
  std::string_view port;
};

std::optional<HostPort> SplitHostPort(std::string_view text) {
  if (text.substr(0, 1) == "[") {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    return HostPort{text.substr(1, end - 1), rest.substr(rest.empty() ? 0 : 1)};
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return HostPort{text, {}};
  if (text.find(':', colon + 1) != std::string_view::npos) return std::nullopt;
  return HostPort{text.substr(0, colon), text.substr(colon + 1)};
}

bool IsPort(std::string_view text, int64_t min) {
  const std::optional<int64_t> port = ParseWholeNumber(text);
  return port && *port >= min && *port <= 65'535;
}

bool IsHost(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return IsNameCharacter(c) || c == ':' ||
           c == '%';  // an IPv6 address in brackets, with its zone
  });
}

std::string CheckBroker(std::string_view text) {
  const size_t scheme = text.find("://");  // librdkafka takes PLAINTEXT://host:port too
  if (scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  if (text.empty()) return "has an empty entry";
  const std::optional<HostPort> parts = SplitHostPort(text);
  if (!parts || !IsHost(parts->host)) return "has an entry that is no host:port";
  const bool without_port = parts->port.empty() && text.back() != ':';
  if (!without_port && !IsPort(parts->port, 1)) return "has an entry whose port is not 1 to 65535";
  return {};
}

}  // namespace

std::string CheckBrokers(std::string_view text) {
  if (text.empty()) return "is empty";
  while (true) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string wrong = CheckBroker(text.substr(0, comma));
    if (!wrong.empty()) return wrong;
    if (comma == text.size()) return {};
    text.remove_prefix(comma + 1);
  }
}

std::string CheckTableName(std::string_view text) {
  const bool is_right =
      !text.empty() && text.size() <= kTableNameBytesMax &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  return is_right ? "" : "is not a table's name";
}

std::string CheckTopic(std::string_view text) {
  if (text == "." || text == "..") return "is `.` or `..`, which Kafka refuses";
  return CheckName(text, kTopicNameBytesMax);
}

std::string CheckGroup(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kGroupBytesMax) {
    return absl::StrFormat("has %d bytes, more than %d", text.size(), kGroupBytesMax);
  }
  if (std::any_of(text.begin(), text.end(), IsControl)) return "holds a control character";
  return {};
}

std::string CheckInstance(std::string_view text) { return CheckName(text, kInstanceBytesMax); }

std::string CheckListen(std::string_view text) {
  const std::optional<HostPort> parts = SplitHostPort(text);
  if (!parts || !IsHost(parts->host)) return "is no host:port";
  if (!IsPort(parts->port, 0)) return "has no port from 0 to 65535";
  return {};
}

std::string CheckPath(std::string_view text) {
  if (text.empty()) return "is empty";
  if (std::any_of(text.begin(), text.end(), IsControl)) return "holds a control character";
  return {};
}

std::string CheckField(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos) {
    return "has an empty step: it is written as names with single dots between them";
  }
  if (std::any_of(text.begin(), text.end(), IsControl)) return "holds a control character";
  return {};
}

bool IsUrl(std::string_view text) {
  return text.substr(0, kHttp.size()) == kHttp || text.substr(0, kHttps.size()) == kHttps;
}

bool IsTopic(std::string_view text) { return text.substr(0, kTopicScheme.size()) == kTopicScheme; }

std::string CheckSamples(std::string_view text) {
  if (text == kSamplesOff || text == kSamplesUnmasked) return {};
  const std::vector<std::string> fields = MaskOf(text);
  if (fields.empty()) return "names no field: it is written as `without card.number, email`";
  if (fields.size() > kMaskFieldsMax) {
    return absl::StrFormat("names %d fields; %d are the most", fields.size(), kMaskFieldsMax);
  }
  for (const std::string& field : fields) {
    const std::string wrong = CheckField(field);
    if (!wrong.empty()) return absl::StrFormat("a field of it %s", wrong);
  }
  return {};
}

std::vector<std::string> MaskOf(std::string_view text) {
  if (text.substr(0, kSamplesWithout.size()) != kSamplesWithout) return {};
  text.remove_prefix(kSamplesWithout.size());
  std::vector<std::string> fields;
  for (absl::string_view field : absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    fields.emplace_back(absl::StripAsciiWhitespace(field));
  }
  return fields;
}

std::string CheckRules(std::string_view text) {
  if (IsTopic(text)) return CheckTopic(text.substr(kTopicScheme.size()));
  return IsUrl(text) ? CheckUrl(text, "a token goes in rules_from.token_file") : CheckPath(text);
}

std::string CheckRegistryUrl(std::string_view text) {
  if (text == "none") return {};
  if (!IsUrl(text)) return "begins neither with http:// nor with https://";
  if (text.find('?') != std::string_view::npos) return "holds a query, which has no place in it";
  return CheckUrl(text, "a name goes in schema_registry.username, its password in a file");
}

std::string CheckManagerUrl(std::string_view text) {
  if (text == "none") return {};
  if (!IsUrl(text)) return "begins neither with http:// nor with https://";
  if (text.find('?') != std::string_view::npos) return "holds a query, which has no place in it";
  if (text.back() == '/') return "ends with a `/`";
  return CheckUrl(text, "a token goes in secrets_from.token_file");
}

std::string CheckReportTo(std::string_view text) {
  if (text == "none") return {};
  return IsUrl(text) || IsTopic(text) ? CheckRules(text)
                                      : "is neither a URL nor topic:NAME nor `none`";
}

std::string CheckEndpoint(std::string_view text) {
  if (text == "aws") return {};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.substr(0, scheme.size()) != scheme) continue;
    if (text.size() == scheme.size()) return "names no host";
    return CheckPath(text);
  }
  return "begins neither with http:// nor with https://";
}

std::string CheckRestoreTime(std::string_view text) {
  absl::Time time;
  const absl::string_view whole(text.data(), text.size());
  if (text == "none" || absl::ParseTime(absl::RFC3339_full, whole, &time, nullptr)) return {};
  return "is no time such as 2026-11-27T13:45:00Z";
}

std::string CheckCheckpointStore(std::string_view text) {
  constexpr std::string_view kS3 = "s3://";
  if (text.substr(0, kS3.size()) == kS3) {
    const std::string_view bucket =
        text.substr(kS3.size(), text.find('/', kS3.size()) - kS3.size());
    return bucket.empty() ? "names no bucket" : std::string();
  }
  if (text.empty() || text.front() != '/') return "is neither an absolute path nor s3://bucket";
  return CheckPath(text);
}

}  // namespace turnout::runtime
