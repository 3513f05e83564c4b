// CommitNote: what is written beside a committed source offset, in the offset's metadata.
//
// It names the rule set that produced everything up to that offset, so that whoever takes the
// partition over can say what was in force, and recovery can replay with the rules of the time.
//
// Format: `turnout/1 [state=<offset>] [checkpoint=<sequence>] rules=<hash>@<offset>[,...]`, ASCII,
// at most 4,096 bytes (the broker's limit): where the state began, empty, if one is kept; the last
// checkpoint that its owner knew of; each rule set with the offset from which it is in force,
// oldest first. Unknown words after the first are passed over, so that later versions can add some.
// Errors: InvalidArgument for a note that isn't ours or is damaged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace turnout::state {

// The broker's default limit (`offset.metadata.max.bytes`).
inline constexpr size_t kCommitNoteBytesMax = 4096;

struct RuleSetSince {
  std::string hash;
  int64_t offset = 0;  // first source offset it was applied to

  bool operator==(const RuleSetSince&) const = default;
};

struct CommitNote {
  std::vector<RuleSetSince> rule_sets;
  std::optional<int64_t> state_start;
  std::optional<int64_t> checkpoint;

  // Appends `hash` unless it is in force already. Forgets the oldest when the note would not fit.
  void Use(std::string_view hash, int64_t from_offset);

  // Names the checkpoint, and forgets the rule sets that were no longer in force at its applied
  // offset: nobody will replay what came before.
  void Checkpointed(int64_t sequence, int64_t applied_offset);
};

std::string EncodeCommitNote(const CommitNote& note);
absl::StatusOr<CommitNote> DecodeCommitNote(std::string_view text);

}  // namespace turnout::state
