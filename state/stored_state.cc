#include "state/stored_state.h"

#include <utility>

namespace turnout::state {

absl::StatusOr<std::unique_ptr<StoredState>> StoredState::Open(const std::string& directory) {
  absl::StatusOr<std::unique_ptr<StateReader>> reader = StateReader::Open(directory);
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<StoredState>(new StoredState(*std::move(reader)));
}

absl::StatusOr<bool> StoredState::Get(StepId step, std::string_view key, std::string* value) {
  bool found = false;
  const std::string behind = std::string(key) + '\0';
  const absl::Status read = Scan(step, key, behind, [&](std::string_view, std::string_view stored) {
    value->assign(stored);
    found = true;
    return false;
  });
  if (!read.ok()) return read;
  return found;
}

absl::Status StoredState::Scan(StepId step, std::string_view from, std::string_view to,
                               absl::FunctionRef<bool(std::string_view, std::string_view)> visit) {
  return reader_->ForEach(step, from, to, [&](const EntryKey& key, const EntryValue& value) {
    return !value.IsSeenAt(watermark_ms()) || visit(key.key, value.value);
  });
}

absl::Status StoredState::Retain(absl::Span<const StepId> /*steps*/) {
  return absl::FailedPreconditionError("a state that is read from outside takes no other rules");
}

absl::Status StoredState::Commit(int64_t /*applied_offset*/, std::string_view /*rule_set*/) {
  return absl::FailedPreconditionError("a state that is read from outside is never committed");
}

}  // namespace turnout::state
