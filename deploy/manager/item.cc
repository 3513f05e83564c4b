#include "deploy/manager/item.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "router/suggest.h"
#include "runtime/json_text.h"

namespace turnout::manager {
namespace {

constexpr std::array<std::string_view, 4> kValueTypes = {"string", "number", "boolean", "json"};

bool IsNameByte(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) || byte == '.' || byte == '_' ||
         byte == '-';
}

std::string Known(absl::Span<const std::string_view> names) {
  std::string known;
  for (const std::string_view name : names) {
    if (!known.empty()) known += ", ";
    known += name;
  }
  return known;
}

absl::Status CheckValue(const ItemId& id, const ItemContent& content) {
  if (std::find(kValueTypes.begin(), kValueTypes.end(), content.type) == kValueTypes.end()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: the type %s is none; give one of %s", id.ToString(), router::Quoted(content.type),
        Known({kValueTypes.data(), kValueTypes.size()})));
  }
  if (content.type == "string") return absl::OkStatus();
  const nlohmann::json value = nlohmann::json::parse(content.text, nullptr, false);
  const bool fits = content.type == "number"    ? value.is_number()
                    : content.type == "boolean" ? value.is_boolean()
                                                : !value.is_discarded();
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: the value is no %s; give one, or the type string", id.ToString(),
                      content.type == "json" ? "JSON" : content.type));
}

}  // namespace

std::string_view KindName(ItemKind kind) { return kItemKindNames[static_cast<size_t>(kind)]; }

absl::StatusOr<ItemKind> ReadItemKind(std::string_view name) {
  const auto* const found = std::find(kItemKindNames.begin(), kItemKindNames.end(), name);
  if (found != kItemKindNames.end()) {
    return static_cast<ItemKind>(found - kItemKindNames.begin());
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("the kind %s is none; give one of %s", router::Quoted(name),
                      Known({kItemKindNames.data(), kItemKindNames.size()})));
}

absl::Status CheckItemName(std::string_view what, std::string_view name) {
  const bool begins_well = !name.empty() && std::isalnum(static_cast<unsigned char>(name[0]));
  if (begins_well && name.size() <= kItemNameBytesMax &&
      std::all_of(name.begin(), name.end(), IsNameByte)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "the %s %s can't be one; give 1 to %d of a-z, A-Z, 0-9, `.`, `_` and `-`, a letter or digit "
      "first",
      what, router::Quoted(name.substr(0, 2 * kItemNameBytesMax)), kItemNameBytesMax));
}

std::string ItemId::ToString() const {
  return absl::StrFormat("%s/%s/%s", service, KindName(kind), name);
}

absl::StatusOr<ItemId> ReadItemId(std::string_view text) {
  const size_t first = text.find('/');
  const size_t second = first == text.npos ? text.npos : text.find('/', first + 1);
  if (second == text.npos) {
    return absl::InvalidArgumentError(absl::StrFormat("%s is no item; give SERVICE/KIND/NAME",
                                                      router::Quoted(text.substr(0, 400))));
  }
  absl::StatusOr<ItemKind> kind = ReadItemKind(text.substr(first + 1, second - first - 1));
  if (!kind.ok()) return kind.status();
  ItemId id{.service = std::string(text.substr(0, first)),
            .kind = *kind,
            .name = std::string(text.substr(second + 1))};
  if (absl::Status checked = CheckItemName("service", id.service); !checked.ok()) return checked;
  if (absl::Status checked = CheckItemName("name", id.name); !checked.ok()) return checked;
  return id;
}

absl::Status CheckItemContent(const ItemId& id, const ItemContent& content) {
  const size_t bytes_max = id.kind == ItemKind::kRules ? kItemTextBytesMax : kValueTextBytesMax;
  if (content.text.size() > bytes_max) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: %d bytes are too many; it may have %d",
                                                      id.ToString(), content.text.size(),
                                                      bytes_max));
  }
  if (!runtime::IsUtf8(content.text) || content.text.find('\0') != content.text.npos) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: the text is not UTF-8, or holds a NUL; send text", id.ToString()));
  }
  if (id.kind != ItemKind::kConfig && !content.type.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: only config values have a type; leave it out", id.ToString()));
  }
  if (id.kind != ItemKind::kSecret && !content.bound_to.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: only secrets are bound; leave `bound_to` out", id.ToString()));
  }
  return id.kind == ItemKind::kConfig ? CheckValue(id, content) : absl::OkStatus();
}

}  // namespace turnout::manager
