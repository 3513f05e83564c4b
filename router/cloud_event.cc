#include "router/cloud_event.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "router/bytes.h"
#include "router/json_string.h"

namespace turnout::router {
namespace {

constexpr std::string_view kAttributePrefix = "ce_";
constexpr std::string_view kVersionHeader = "ce_specversion";
constexpr std::string_view kTypeHeader = "ce_datacontenttype";  // some clients write both
constexpr std::string_view kOwnTypes = "application/cloudevents";
constexpr std::string_view kJsonSubtype = "json";
constexpr std::string_view kJsonSuffix = "+json";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return Lower(a) == b; });
}

bool HasPrefix(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

// Its parameters left aside: `application/json; charset=utf-8`.
bool IsJson(std::string_view media_type) {
  media_type = media_type.substr(0, media_type.find(';'));
  while (!media_type.empty() && (media_type.back() == ' ' || media_type.back() == '\t')) {
    media_type.remove_suffix(1);
  }
  const size_t slash = media_type.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view subtype = media_type.substr(slash + 1);
  if (EqualsIgnoringCase(subtype, kJsonSubtype)) return true;
  return subtype.size() > kJsonSuffix.size() &&
         EqualsIgnoringCase(subtype.substr(subtype.size() - kJsonSuffix.size()), kJsonSuffix);
}

bool IsUtf8(std::string_view text) {
  return IsAscii(text) || FindBadUtf8(text) == std::string_view::npos;
}

}  // namespace

CloudEvent ReadCloudEvent(const Event& event) {
  bool has_version = false;
  std::string_view type;
  std::string_view written_twice;
  for (const auto& [name, value] : event.headers) {
    if (name == kVersionHeader) {
      has_version = true;
    } else if (name == kContentTypeHeader) {
      if (type.data() == nullptr) type = value;
    } else if (name == kTypeHeader && written_twice.data() == nullptr) {
      written_twice = value;
    }
  }
  if (EqualsIgnoringCase(type.substr(0, kOwnTypes.size()), kOwnTypes)) {
    return {.mode = CloudEvent::Mode::kStructured, .content_type = type};
  }
  if (!has_version) return {};
  if (type.data() == nullptr) type = written_twice;
  CloudEvent binary = {.mode = CloudEvent::Mode::kBinary, .content_type = type};
  if (!event.value.empty()) {
    // What came in another format is read as JSON, or can't be read.
    const bool is_decoded = event.decoded.data() != nullptr || event.undecodable != nullptr;
    const bool is_json = is_decoded || type.data() == nullptr || IsJson(type);
    binary.data = is_json ? CloudEvent::Data::kJson : CloudEvent::Data::kOther;
  }
  return binary;
}

std::string_view AttributeOf(std::string_view header) {
  if (!HasPrefix(header, kAttributePrefix)) return {};
  const std::string_view name = header.substr(kAttributePrefix.size());
  if (name == kDataField || name == kContentTypeAttribute || !IsName(name)) return {};
  return name;
}

std::string AttributeHeader(std::string_view field) {
  if (field == kContentTypeAttribute) return std::string(kContentTypeHeader);
  if (field == kDataField || !IsName(field)) return {};
  return absl::StrCat(std::string(kAttributePrefix), std::string(field));
}

std::string_view DataName(CloudEvent::Data data) {
  switch (data) {
    case CloudEvent::Data::kNone:
      return "none";
    case CloudEvent::Data::kJson:
      return "json";
    case CloudEvent::Data::kOther:
      return "not json";
  }
  return "";
}

// All of them are looked at, asked for or not: whether an event can be read is a matter of the
// event, not of the rules.
absl::Status CheckAttributes(const Event& event, const CloudEvent& cloud_event) {
  std::string_view bad;
  ForEachAttribute(event, cloud_event, [&](std::string_view name, std::string_view value) {
    if (bad.empty() && !IsUtf8(value)) bad = name;
  });
  if (bad.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the CloudEvent's header `", AttributeHeader(bad),
                                                 "` is not UTF-8, as attributes have to be"));
}

bool IsOfCloudEvent(std::string_view header) {
  return header == kContentTypeHeader || HasPrefix(header, kAttributePrefix);
}

}  // namespace turnout::router
