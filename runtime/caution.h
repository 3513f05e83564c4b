// Caution: how a worker finds the event that ends its process, or makes the brokers refuse what
// comes of it, again and again: gives it up after a few tries, and goes on with all others.
//
// Nobody who dies can say of what. So before the first events of a partition are tried by an owner
// that knows nothing of it, the try is noted beside the committed offset; the first commit beyond
// them takes the note away. Who finds one knows that whoever tried before did not get as far, and
// tries less at a time, in transactions of their own, each noted before:
//
//   what came --(no commit)--> 64 events --(no commit)--> one event, `tries_max` times --> given up
//
// A transaction whose records the brokers refuse for what is in them is such a try too; what fails
// for any other reason is not counted, and the note is taken back. What is committed makes things
// easier again, by and by. The commit of a note is the proof that the brokers are well, too: while
// they are not, nothing is counted.
//
// Costs: one commit of offsets alone, per partition that comes. Once all have committed something,
// a worker asks no more than is_calm().
// Units: offsets are the next to read.
// Threads: a worker's own, but CarefulTurn.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "connectors/record.h"
#include "state/commit_note.h"

namespace turnout::runtime {

class Caution {
 public:
  // How many events are tried together once all that came were not committed.
  static constexpr int64_t kSomeEvents = 64;
  // How far the event may lie behind the committed offset.
  static constexpr int64_t kReach = 10'000;

  // 0: no event is ever given up, and nothing is noted.
  explicit Caution(int64_t tries_max) : tries_max_(tries_max) {}

  bool is_calm() const { return trials_.empty(); }

  // The partition comes; `note` lies beside its offset.
  void Assign(int32_t partition, int64_t offset, const state::CommitNote& note);
  void Release(int32_t partition) { trials_.erase(partition); }
  void Clear() { trials_.clear(); }

  // How many of these, from the first on, may go into the next transaction.
  size_t Admit(absl::Span<const connectors::Event> events) const;
  // Whether all of them may, as they are, while the one before ends: not beside a careful one.
  bool AdmitsAll(absl::Span<const connectors::Event> events) const;
  // Whether what is being tried is tried by itself, so that nothing may go on beside it.
  bool is_trying_with_care() const;
  // Their partitions whose notes don't say so yet.
  std::vector<int32_t> Unnoted(absl::Span<const connectors::Event> events) const;
  // Those whose notes speak of a try that doesn't count.
  std::vector<int32_t> NotedInVain() const;
  // What the note is to say; and that it does.
  std::optional<state::NotedTry> NoteOf(int32_t partition) const;
  void Noted(int32_t partition);

  // Whether the event's transaction is to be one of a few events, or of it alone.
  bool IsCareful(const connectors::Event& event) const;
  // Whether the next event is not to be tried any more, and what is known of why. After two tries
  // of that, also what was noted of it has to do without: its key, value and headers.
  bool GivesUp(int32_t partition) const;
  bool GivesUpBare(int32_t partition) const;
  std::string WhyGivenUp(int32_t partition) const;

  // The partition has committed up to `offset`.
  void Passed(int32_t partition, int64_t offset);
  // A transaction with its events from `first` up to `end` came to nothing, since the brokers don't
  // take what comes of one of them; or for another reason.
  void Blame(int32_t partition, int64_t first, int64_t end, std::string_view why);
  void Excuse(int32_t partition);
  // Nothing will come of what is noted: its worker ends in good order.
  void ExcuseAll();

 private:
  // The note says what it would, or no more than was so before the try.
  enum class Noting { kNotYet, kDone, kInVain };

  struct Trial {
    int64_t some_until = -1;   // up to this offset, kSomeEvents at a time
    int64_t alone_until = -1;  // and up to this one, one at a time
    int64_t at = -1;           // committed
    int64_t times = 0;         // that the event at hand was tried alone
    Noting noting = Noting::kNotYet;
    std::string why;

    bool is_alone() const { return at < alone_until; }
    bool is_careful() const { return is_alone() || at < some_until; }
  };

  const Trial* Find(int32_t partition) const;
  // Null where the event may be tried as any: also while it is a replay's, which tries nothing.
  const Trial* FindFor(const connectors::Event& event) const;

  const int64_t tries_max_;
  std::map<int32_t, Trial> trials_;  // of partitions that are not known to be well
};

// One worker of a process at a time is careful: what one tries must not be blamed for the crash
// that another brings about.
class CarefulTurn {
 public:
  // Whether it is this worker's turn from now on.
  bool Take(const void* worker) {
    const void* nobody = nullptr;
    return owner_.compare_exchange_strong(nobody, worker) || nobody == worker;
  }
  void Leave(const void* worker) { owner_.compare_exchange_strong(worker, nullptr); }

 private:
  std::atomic<const void*> owner_ = nullptr;
};

}  // namespace turnout::runtime
