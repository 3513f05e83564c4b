#include "deploy/manager/change_log.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "state/sealed_text.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kChanges = "changes/";
constexpr size_t kDigits = 12;

std::string ObjectName(int64_t number) {
  return absl::StrFormat("%s%0*d", kChanges, static_cast<int>(kDigits), number);
}

absl::Status Damaged(int64_t number, absl::string_view why) {
  return absl::DataLossError(absl::StrFormat(
      "the log's object %s: %s; restore it from a version that the store keeps, or a backup",
      ObjectName(number), why));
}

}  // namespace

absl::StatusOr<bool> ChangeLog::Append(const Change& change) {
  return objects_->PutIfAbsent(ObjectName(change.number), state::SealText(ToJson(change) + "\n"));
}

absl::StatusOr<std::optional<Change>> ChangeLog::Find(int64_t number) {
  const absl::StatusOr<std::string> sealed = objects_->Read(ObjectName(number), kLoggedBytesMax);
  if (absl::IsNotFound(sealed.status())) return std::nullopt;
  if (!sealed.ok()) return sealed.status();
  const absl::StatusOr<std::string_view> text = state::OpenSealed(*sealed);
  if (!text.ok()) return Damaged(number, text.status().message());
  absl::StatusOr<Change> change = ReadChange(*text);
  if (!change.ok()) return Damaged(number, change.status().message());
  if (change->number != number) return Damaged(number, "it is another change's");
  return *std::move(change);
}

absl::StatusOr<int64_t> ChangeLog::Newest() {
  const absl::StatusOr<std::vector<state::StoredObject>> objects = objects_->List(kChanges);
  if (!objects.ok()) return objects.status();
  int64_t newest = 0;
  for (const state::StoredObject& object : *objects) {
    int64_t number = 0;
    const std::string digits = object.name.substr(kChanges.size());
    // Others are unfinished ones.
    if (digits.size() == kDigits && absl::SimpleAtoi(digits, &number)) {
      newest = std::max(newest, number);
    }
  }
  return newest;
}

}  // namespace turnout::manager
