#include "deploy/manager/change_request.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/suggest.h"
#include "runtime/json_text.h"

namespace turnout::manager {
namespace {

absl::Status CheckText(std::string_view what, std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %d bytes are too many; it may have %d", what, text.size(), bytes_max));
  }
  if (!runtime::IsUtf8(text)) {
    return absl::InvalidArgumentError(absl::StrFormat("%s is not UTF-8; send text", what));
  }
  return absl::OkStatus();
}

absl::Status CheckPerson(std::string_view what, std::string_view name) {
  if (name.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat("%s is empty; say who it is", what));
  }
  return CheckText(what, name, kPersonBytesMax);
}

absl::Status CheckEdit(const Edit& edit) {
  if (absl::Status checked = CheckItemName("service", edit.id.service); !checked.ok()) {
    return checked;
  }
  if (absl::Status checked = CheckItemName("name", edit.id.name); !checked.ok()) return checked;
  if (!edit.content) return absl::OkStatus();
  for (const std::string& account : edit.content->bound_to) {
    if (absl::Status checked = CheckPerson("bound_to", account); !checked.ok()) return checked;
  }
  return CheckItemContent(edit.id, *edit.content);
}

void Arrange(ChangeRequest* request) {
  std::stable_sort(request->edits.begin(), request->edits.end(),
                   [](const Edit& a, const Edit& b) { return a.id < b.id; });
  for (Edit& edit : request->edits) {
    if (!edit.content) continue;
    std::vector<std::string>& accounts = edit.content->bound_to;
    std::sort(accounts.begin(), accounts.end());
    accounts.erase(std::unique(accounts.begin(), accounts.end()), accounts.end());
  }
}

}  // namespace

absl::Status CheckRequest(ChangeRequest* request) {
  if (request->edits.size() > kEditsPerChangeMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%d items in one change are too many; it may have %d",
                        request->edits.size(), kEditsPerChangeMax));
  }
  if (absl::Status checked = CheckPerson("by", request->by); !checked.ok()) return checked;
  if (absl::Status checked = CheckText("why", request->why, kWhyBytesMax); !checked.ok()) {
    return checked;
  }
  for (const std::string& person : request->approved_by) {
    if (absl::Status checked = CheckPerson("approved_by", person); !checked.ok()) return checked;
  }
  Arrange(request);
  const ItemId* last = nullptr;
  size_t bytes = 0;
  for (const Edit& edit : request->edits) {
    if (absl::Status checked = CheckEdit(edit); !checked.ok()) return checked;
    if (last != nullptr && *last == edit.id) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s is there twice; give each item once", edit.id.ToString()));
    }
    last = &edit.id;
    bytes += edit.content ? edit.content->text.size() : 0;
  }
  if (bytes > kChangeBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the change has %d bytes of texts, and may have %d; make two of it", bytes,
                        kChangeBytesMax));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DoneEdit>> PlanEdits(ChangeRequest request, FindItem find,
                                                std::vector<Conflict>* conflicts) {
  std::vector<DoneEdit> planned;
  std::vector<Conflict> found;
  for (Edit& edit : request.edits) {
    absl::StatusOr<std::optional<Item>> item = find(edit.id);
    if (!item.ok()) return item.status();
    const bool is_there = item->has_value();
    // What is as it is to be was perhaps this very request: that its answer was lost is no
    // conflict.
    if (is_there ? edit.content == (*item)->content : !edit.content.has_value()) continue;
    const int64_t version = is_there ? (*item)->version : 0;
    if (edit.expected && *edit.expected != version) {
      found.push_back(
          {.item = is_there ? **std::move(item) : Item{.id = edit.id}, .expected = *edit.expected});
      continue;
    }
    planned.push_back(
        {.id = std::move(edit.id), .content = std::move(edit.content), .before = version});
  }
  if (found.empty()) return planned;
  absl::Status status = ConflictStatus(found);
  if (conflicts != nullptr) *conflicts = std::move(found);
  return status;
}

absl::Status ConflictStatus(const std::vector<Conflict>& conflicts) {
  const Conflict& first = conflicts.front();
  std::string text = absl::StrFormat("%s is of version %d, not %d", first.item.id.ToString(),
                                     first.item.version, first.expected);
  if (conflicts.size() > 1) {
    text += absl::StrFormat(", and %d items more are not as expected", conflicts.size() - 1);
  }
  return absl::AbortedError(text + "; look at what is there now and send the change again");
}

}  // namespace turnout::manager
