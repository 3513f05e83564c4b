#include "deploy/manager/sent_item.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace turnout::manager {
namespace {

constexpr size_t kBoundToMax = 100;  // accounts of a secret

// The same as there is where that is asked for, and its value is: then it is no change.
absl::StatusOr<ItemContent> Sealed(const Parts& parts, const ItemId& id, ItemContent content,
                                   bool may_stay) {
  if (parts.keys == nullptr) {
    return absl::FailedPreconditionError(
        "there is no master key to seal secrets with: start the manager with `master_keys`");
  }
  const std::shared_ptr<const state::Keyring> keys = parts.keys->Current();
  const std::string context = id.ToString();
  const state::SecretText plain(std::exchange(content.text, ""));
  const absl::StatusOr<std::optional<Item>> before = parts.store->Get(id);
  if (!before.ok()) return before.status();
  if (may_stay && before->has_value()) {
    const auto opened = keys->Open((*before)->content.text, context);
    if (opened.ok() && opened->view() == plain.view()) {
      content.text = (*before)->content.text;
      return content;
    }
  }
  absl::StatusOr<std::string> sealed = keys->Seal(plain.view(), context);
  if (!sealed.ok()) return sealed.status();
  content.text = *std::move(sealed);
  return content;
}

}  // namespace

absl::StatusOr<ItemId> PathItem(const Call& call) {
  return ReadItemId(absl::StrCat(call.service, "/", call.kind, "/", call.name));
}

absl::StatusOr<ItemId> NamedItem(const Call& call, const std::string& text) {
  const bool is_short = std::count(text.begin(), text.end(), '/') == 1;
  absl::StatusOr<ItemId> id = ReadItemId(is_short ? absl::StrCat(call.service, "/", text) : text);
  if (id.ok() && id->service != call.service) {
    return absl::InvalidArgumentError(
        absl::StrCat(id->ToString(), " is of another service than the path's"));
  }
  return id;
}

absl::StatusOr<ItemContent> SentContent(const Parts& parts, const Call& call, const ItemId& id,
                                        JsonReader* object) {
  ItemContent content{.text = object->Text("text"),
                      .type = object->Text("type", id.kind == ItemKind::kConfig ? "string" : ""),
                      .bound_to = object->Texts("bound_to", kBoundToMax)};
  if (!object->status().ok()) return object->status();
  std::sort(content.bound_to.begin(), content.bound_to.end());
  content.bound_to.erase(std::unique(content.bound_to.begin(), content.bound_to.end()),
                         content.bound_to.end());
  if (id.kind != ItemKind::kSecret) return content;
  object->Wipe("text");
  if (const absl::Status checked = CheckItemContent(id, content); !checked.ok()) return checked;
  // Nobody learns whether a guess is right but who may write it, which is on record.
  const bool may_stay =
      !QueryFlag(call, "dry_run") &&
      RightToChange(call.principal, call.settings, call.service, {id}) == ChangeRight::kDone;
  return Sealed(parts, id, std::move(content), may_stay);
}

HttpAnswer NotAsExpected(const absl::Status& status) {
  return absl::IsAborted(status) ? ErrorAnswer(412, MessageOf(status)) : ErrorAnswer(status);
}

absl::StatusOr<std::optional<int64_t>> ExpectedVersion(const Parts& parts, const Call& call,
                                                       const ItemId& id) {
  const auto wanted = call.request->Header("if-match");
  const auto unwanted = call.request->Header("if-none-match");
  if (unwanted.has_value() && (wanted.has_value() || *unwanted != "*")) {
    return absl::InvalidArgumentError(
        "what is changed takes an If-Match with the ETag, or an If-None-Match: *");
  }
  if (unwanted.has_value()) return std::optional<int64_t>(0);
  if (!wanted.has_value()) return std::optional<int64_t>();
  if (*wanted == "*") {
    const absl::StatusOr<std::optional<Item>> item = parts.store->Get(id);
    if (!item.ok()) return item.status();
    if (item->has_value()) return std::optional<int64_t>((*item)->version);
    return absl::AbortedError(
        absl::StrCat("there is no ", id.ToString(), ": leave out the If-Match: * to make it"));
  }
  int64_t version = 0;
  const std::string etag(*wanted);
  const bool is_quoted = etag.size() > 2 && etag.front() == '"' && etag.back() == '"';
  if (!is_quoted || !absl::SimpleAtoi(etag.substr(1, etag.size() - 2), &version) || version < 1) {
    return absl::InvalidArgumentError("the If-Match is no ETag of an item: \"12\", in quotes");
  }
  return std::optional<int64_t>(version);
}

}  // namespace turnout::manager
