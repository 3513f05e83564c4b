// PlanRecovery: where a task's state is taken from, for every start: crash, move, rescale, upgrade,
// lost disk.
//
// A pure function over what was observed. It takes the newest base (local store, checkpoint, or
// empty where the state began) that is not ahead of the committed offset C, and has what lies
// between replayed muted, with the rule sets that the commit note names. Where that cannot be done
// it refuses by name, or, if the policy says so, goes on with what there is and says what is lost.
//
// What it never does: take a base ahead of C, or one that the history up to C did not go through
// (CommitNote::WentThrough), or begin empty anywhere but where the state began without an alert.
//
// Where a wish to restore is not done yet, local states and checkpoints that were taken after its
// time are no bases: the state is rebuilt from an older one, and the plan says that the wish is
// done once what follows is committed. Its rules replace those of the note where it says so.
//
// Where no note lies beside C (somebody has set the offset) no history is known: a state that is at
// C exactly will do, and rules that keep no state need none.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/commit_note.h"
#include "state/restore_wish.h"

namespace turnout::state {

enum class LocalStore { kAbsent, kDamaged, kSound };

// What to do where the state cannot be had in full.
enum class GapPolicy { kRefuse, kGoOn };

struct CheckpointFact {
  int64_t sequence = 0;
  bool sound = true;
  int64_t applied_offset = 0;  // of a sound one
  int64_t start_offset = -1;   // of a sound one; the same as applied: it has seen nothing
  std::string timeline;        // of a sound one
  int64_t created_at_ms = 0;   // of a sound one
};

struct RecoveryFacts {
  LocalStore local = LocalStore::kAbsent;
  int64_t local_start_offset = 0;  // of a sound one
  int64_t local_offset = 0;        // of a sound one: applied
  std::string local_timeline;      // of a sound one
  std::vector<CheckpointFact> checkpoints;
  std::optional<int64_t> committed_offset;
  std::optional<CommitNote> note;           // none if there is none beside C, or none of ours
  int64_t log_start_offset = 0;             // the first one that the source still has
  int64_t first_offset = 0;                 // where a group that has committed nothing begins
  std::vector<std::string> rule_sets_lost;  // of those in the note: nobody has them any more
  GapPolicy policy = GapPolicy::kRefuse;
  bool rules_keep_state = true;        // those that are in force where this is asked
  std::optional<RestoreWish> restore;  // what is wished; the note says whether it is done
  std::string rules_now;  // their hash, for a wish to restore with them; empty: there are none
  // RecoverState's: a state that came from the checkpoint of this sequence turned out to be damaged
  // in use. This one and those after it are taken only where there is nothing else, and the next
  // time not even there.
  int64_t distrusted_from = std::numeric_limits<int64_t>::max();
  bool is_distrust_final = false;
};

enum class RecoveryBase { kLocal, kCheckpoint, kEmpty };

// Names of refusals.
inline constexpr std::string_view kStateGap = "state gap";    // the source begins after the base
inline constexpr std::string_view kRulesLost = "rules lost";  // nobody knows what was in force
inline constexpr std::string_view kOffsetsLost = "offsets lost";  // state, but nothing committed
inline constexpr std::string_view kNoteLost =
    "note lost";  // committed, but not what to replay with
inline constexpr std::string_view kStateLost = "state lost";  // damaged or ahead, and no other base
// RecoverTask's: it is there, but rules would look for some of it in another place.
inline constexpr std::string_view kStateElsewhere = "state elsewhere";

struct RecoveryPlan {
  RecoveryBase base = RecoveryBase::kEmpty;
  int64_t checkpoint = 0;  // its sequence, of kCheckpoint
  // Replayed muted: from here up to, without, there. Live from `replay_to` on. A state that begins
  // empty begins at `replay_from`.
  int64_t replay_from = 0;
  int64_t replay_to = 0;
  // In force in that range, oldest first; the first one is at `replay_from` already.
  std::vector<RuleSetSince> rule_sets;
  // Not empty: the id of the wish that is done with this; the next note is to say so. If there is a
  // state, it goes on in a timeline that leaves the others at the base (CommitNote::GoBackTo).
  std::string restored;
  bool has_current_rules = false;  // the wish's: `rule_sets` replace the note's from the base on
  // Empty: go. Else the name, and all above means nothing.
  std::string_view refusal;
  // What was wrong, a sentence each; for people. Those of a refusal say what to do.
  std::vector<std::string> alerts;
};

RecoveryPlan PlanRecovery(const RecoveryFacts& facts);

// The wish that is not done yet; null: there is none.
const RestoreWish* OpenWish(const RecoveryFacts& facts);

}  // namespace turnout::state
