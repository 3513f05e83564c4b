#include "deploy/kube/kube_object.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "deploy/kube/kube_status.h"

namespace turnout::kube {
namespace {

using nlohmann::json;

// Of what came and is no JSON, in messages.
constexpr size_t kQuotedBytesMax = 100;

std::string TextOf(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& MemberOf(const json& object, const char* name) {
  static const json* const nothing = new json();
  if (!object.is_object()) return *nothing;
  const auto found = object.find(name);
  return found == object.end() ? *nothing : *found;
}

absl::StatusOr<json> Parse(std::string_view text) {
  if (!IsShallow(text)) {
    return absl::DataLossError(absl::StrFormat(
        "the API server sent an object nested deeper than %d; it is not read", kJsonDepthMax));
  }
  json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) {
    return absl::DataLossError(absl::StrFormat("the API server sent what is no JSON object: %s",
                                               text.substr(0, kQuotedBytesMax)));
  }
  return parsed;
}

KubeObject ObjectOf(json parsed) {
  const auto found = parsed.find("metadata");
  // Who has written which field: most of an object's bytes, and nobody here asks.
  if (found != parsed.end() && found->is_object()) found->erase("managedFields");
  const json& metadata = MemberOf(parsed, "metadata");
  return {.namespace_name = TextOf(metadata, "namespace"),
          .name = TextOf(metadata, "name"),
          .uid = TextOf(metadata, "uid"),
          .resource_version = TextOf(metadata, "resourceVersion"),
          .json = parsed.dump()};
}

}  // namespace

bool IsShallow(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kJsonDepthMax) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

absl::StatusOr<KubeObject> ReadKubeObject(std::string_view text) {
  absl::StatusOr<json> parsed = Parse(text);
  if (!parsed.ok()) return parsed.status();
  return ObjectOf(*std::move(parsed));
}

absl::StatusOr<KubeList> ReadKubeList(std::string_view text) {
  absl::StatusOr<json> parsed = Parse(text);
  if (!parsed.ok()) return parsed.status();
  constexpr std::string_view kSuffix = "List";
  std::string kind = TextOf(*parsed, "kind");
  if (!kind.ends_with(kSuffix)) {
    return absl::DataLossError(
        absl::StrFormat("the API server sent a %s in place of a list", kind));
  }
  kind.resize(kind.size() - kSuffix.size());
  const std::string version = TextOf(*parsed, "apiVersion");
  const json& metadata = MemberOf(*parsed, "metadata");
  KubeList list;
  list.resource_version = TextOf(metadata, "resourceVersion");
  list.next = TextOf(metadata, "continue");
  const auto items = parsed->find("items");
  if (items == parsed->end() || !items->is_array()) return list;
  for (json& item : *items) {
    if (!item.is_object()) continue;
    if (!item.contains("kind")) item["kind"] = kind;
    if (!item.contains("apiVersion")) item["apiVersion"] = version;
    list.items.push_back(ObjectOf(std::move(item)));
  }
  return list;
}

std::string TextAt(std::string_view text, std::initializer_list<std::string_view> members) {
  if (!IsShallow(text)) return {};
  const json parsed = json::parse(text, nullptr, false);
  const json* at = &parsed;
  for (const std::string_view member : members) at = &MemberOf(*at, std::string(member).c_str());
  return at->is_string() ? at->get<std::string>() : std::string();
}

absl::StatusOr<KubeChange> ReadKubeChange(std::string_view line) {
  absl::StatusOr<json> parsed = Parse(line);
  if (!parsed.ok()) return parsed.status();
  const std::string type = TextOf(*parsed, "type");
  const json& object = MemberOf(*parsed, "object");
  if (type == "ERROR") {
    const json& code = MemberOf(object, "code");
    const int status = code.is_number_integer() ? code.get<int>() : 500;
    return KubeStatus("the watch", status, object.dump(), "");
  }
  KubeChange change;
  if (type == "ADDED") {
    change.type = KubeChange::Type::kAdded;
  } else if (type == "MODIFIED") {
    change.type = KubeChange::Type::kModified;
  } else if (type == "DELETED") {
    change.type = KubeChange::Type::kDeleted;
  } else if (type == "BOOKMARK") {
    change.type = KubeChange::Type::kBookmark;
  } else {
    return absl::DataLossError(absl::StrFormat("the API server sent a change of type `%s`",
                                               type.substr(0, kQuotedBytesMax)));
  }
  change.object = ObjectOf(object);
  return change;
}

}  // namespace turnout::kube
