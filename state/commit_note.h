// CommitNote: what is written beside a committed source offset, in the offset's metadata.
//
// It names the rule set that produced everything up to that offset, so that whoever takes the
// partition over can say what was in force, and recovery can replay with the rules of the time.
//
// It names timelines too. Each time that a task's state is recovered, what is committed from there
// on is another timeline: a name drawn by chance, kept in the state and in its checkpoints. The
// note has those that led to its offset, each with where it began, as PostgreSQL's timeline history
// has. So a state that was there before somebody set the offset back, or that an owner who was
// overtaken went on with, is never taken for one of this history, however far it has come.
//
// Of a replay it names the range of offsets that is replayed, too: whoever goes on with it needs to
// know where it ends. And it names what of the partition's outputs is parked: see parking_ledger.h.
//
// It names the wishes to restore that are done (restore_wish.h), so that none is done twice,
// whoever takes the partition over.
//
// And it says that a try is about to begin, where an owner begins who can't know how the one before
// ended (runtime/caution.h), and which events were given up, so that who rebuilds the state passes
// them over too.
//
// Format: `turnout/1 [replay=<from>-<to>] [state=<offset>] [timelines=<id>@<offset>[,...]]
// [checkpoint=<sequence>@<offset>] [restored=<wish>[,...]] [trying=<events>x<times>]
// [given_up=<offset>[,...]] [parked=<ledger>] rules=<hash>@<offset>[,...]` in one line, ASCII, at
// most 4,096 bytes (the broker's limit): where the state began, empty, if one is kept; its
// timelines, and the rule sets with the offset from which they are in force, oldest first; the last
// checkpoint that its owner knew of, with what it has applied; what is parked. Unknown words after
// the first are passed over, so that later versions can add some; earlier ones wrote no timelines
// and `checkpoint=<sequence>`. Where no state is kept nobody replays, and the newest
// kRuleSetsStatelessMax are enough: such a note is some 600 bytes at most, and what is parked.
// Errors: InvalidArgument for a note that isn't ours or is damaged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "state/parking_ledger.h"

namespace turnout::state {

// The broker's default limit (`offset.metadata.max.bytes`).
inline constexpr size_t kCommitNoteBytesMax = 4096;

// No more timelines than these are noted.
inline constexpr size_t kTimelinesMax = 16;

// Of a partition without state no more rule sets than these are noted.
inline constexpr size_t kRuleSetsStatelessMax = 16;

// No more events that were given up than these, the newest.
inline constexpr size_t kGivenUpMax = 16;

// So many of each are noted even where no checkpoint needs them any more: a restore may go back as
// far. Some 450 bytes, where so many there were.
inline constexpr size_t kTimelinesKept = 6;
inline constexpr size_t kRuleSetsKept = 8;

// No more wishes than these are noted, the last ones.
inline constexpr size_t kRestoredMax = 4;

struct RuleSetSince {
  std::string hash;
  int64_t offset = 0;  // first source offset it was applied to

  bool operator==(const RuleSetSince&) const = default;
};

// Source offsets that a rule set was applied to.
struct RuleSetSpan {
  int64_t from = 0;
  std::optional<int64_t> to;  // the first that it was not applied to; nullopt: it is in force

  bool operator==(const RuleSetSpan&) const = default;
};

struct TimelineSince {
  std::string id;      // empty: from a version that had none
  int64_t offset = 0;  // where it left the one before it

  bool operator==(const TimelineSince&) const = default;
};

// Source offsets that a replay is of.
struct ReplayRange {
  int64_t from = 0;
  int64_t to = 0;  // the first that is no part of it

  bool operator==(const ReplayRange&) const = default;
};

struct NotedCheckpoint {
  int64_t sequence = 0;
  int64_t applied_offset = -1;  // -1: not said

  bool operator==(const NotedCheckpoint&) const = default;
};

// What is tried from the offset on: who finds it there knows that it came to no good end.
struct NotedTry {
  int64_t events = 0;  // in a transaction of their own; 0: as many as there were, with others
  int64_t times = 1;

  bool operator==(const NotedTry&) const = default;
};

// What a state was rebuilt from, by a wish.
struct RestoreBase {
  std::string timeline;
  int64_t start_offset = 0;
  int64_t applied_offset = 0;
  int64_t checkpoint = 0;  // its sequence; 0: empty, where the state began
};

struct CommitNote {
  std::vector<RuleSetSince> rule_sets;
  std::optional<ReplayRange> replay;  // nullopt: of live traffic
  std::optional<int64_t> state_start;
  std::vector<TimelineSince> timelines;
  std::optional<NotedCheckpoint> checkpoint;
  std::vector<std::string> restored;  // wishes that are done, by id, in their order
  std::optional<NotedTry> trying;
  std::vector<int64_t> given_up;  // in their order
  ParkingLedger parked;

  // Appends `hash` unless it is in force already. Forgets the oldest when the note would not fit,
  // or names more than a partition without state has use for.
  void Use(std::string_view hash, int64_t from_offset);

  // Where the rule set was in force for the last time. Nullopt where the note does not name it: it
  // has not been applied to any event before the committed offset, or so long ago that it is
  // forgotten. A rule set takes effect in a partition with the next event there.
  std::optional<RuleSetSpan> InForce(std::string_view hash) const;

  // Appends the timeline unless it is the last one already, and makes room for it like Use.
  void GoOnIn(const TimelineSince& timeline);

  // The event of this offset, later than all before, is passed over by whoever replays. Forgets the
  // oldest beyond kGivenUpMax.
  void GiveUp(int64_t offset);
  bool HasGivenUp(int64_t offset) const;

  // The wish is done, or there was nothing to do.
  void Fulfil(std::string_view wish);
  bool HasFulfilled(std::string_view wish) const;

  // What came after the base is no part of the history any more: it goes on from there in `drawn`.
  // Where `rules` are named, they are what the state is of from the base on.
  void GoBackTo(const RestoreBase& base, std::string_view drawn, std::string_view rules);

  // Whether the history went through a state at this offset of this timeline. True of any where
  // the note names no timelines.
  bool WentThrough(std::string_view timeline, int64_t applied_offset) const;

  // Names the checkpoint, and forgets what no recovery will replay: what was no longer in force at
  // the applied offset of the checkpoint before it, so that the newest may be damaged. Where there
  // are many rule sets, its own offset counts. Some stay for restores: kTimelinesKept,
  // kRuleSetsKept.
  void Checkpointed(int64_t sequence, int64_t applied_offset);

 private:
  void MakeItFit();
};

std::string EncodeCommitNote(const CommitNote& note);
absl::StatusOr<CommitNote> DecodeCommitNote(std::string_view text);

}  // namespace turnout::state
