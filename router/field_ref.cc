#include "absl/strings/str_cat.h"
#include "router/pattern_content.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kKafkaField = "$kafka";
constexpr std::string_view kHeadersPrefix = "headers.";
constexpr std::string_view kKafkaNames[] = {"headers", "key", "topic", "partition"};

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

bool IsInData(const FieldRef& field) {
  constexpr std::string_view kData = "data";
  return field.source == FieldRef::Source::kPayload && StartsWith(field.path, kData) &&
         (field.path.size() == kData.size() || field.path[kData.size()] == '.');
}

bool ParseFieldRef(std::string_view path, FieldRef* field, std::string* error, std::string* cure) {
  if (!StartsWith(path, kKafkaField) ||
      (path.size() > kKafkaField.size() && path[kKafkaField.size()] != '.')) {
    *field = {FieldRef::Source::kPayload, std::string(path)};
    return true;
  }
  const std::string_view rest =
      path.size() == kKafkaField.size() ? std::string_view() : path.substr(kKafkaField.size() + 1);
  if (rest == "key") {
    *field = {FieldRef::Source::kKey, ""};
  } else if (rest == "topic") {
    *field = {FieldRef::Source::kTopic, ""};
  } else if (rest == "partition") {
    *field = {FieldRef::Source::kPartition, ""};
  } else if (StartsWith(rest, kHeadersPrefix)) {
    *field = {FieldRef::Source::kHeader, std::string(rest.substr(kHeadersPrefix.size()))};
  } else {
    const bool bare_headers = rest == "headers";
    *error = rest.empty()   ? "`$kafka` is reserved for the Kafka record and holds no values itself"
             : bare_headers ? "`$kafka.headers` holds no values itself"
                            : absl::StrCat("`$kafka` has no field `", std::string(rest), "`");
    *cure = bare_headers || rest.empty()
                ? "write {\"$kafka\": {\"headers\": {\"name\": [...]}, \"key\": [...], \"topic\": "
                  "[...], \"partition\": [...]}}"
                : NearestNameCure(rest.substr(0, rest.find('.')), kKafkaNames);
    return false;
  }
  return true;
}

}  // namespace turnout::router
