// LiveRules: the rules of a process while it runs. It takes what their origin has to the shelf and
// to RuleControl, keeps what was in force on this disk, starts from that while the origin is away,
// and goes back to one of those when somebody asks.
//
//      RuleOrigin --> RuleShelf --> RuleControl --> RuleFeed --> workers
//                        ^  teams                      |
//                        +------- RuleHistory <--------+ what was published
//
// What was gone back to stays until the origin has another version or somebody resumes, over a
// restart too. The first answer of an origin that is asked over the network is waited for, until it
// is known to be away, or for kPatience.
//
// Errors: Start answers InvalidArgument where nothing can ever come of it without a person.
// Threads: Start, Look and Settle on the control thread; RollBack, Resume and status on any: the
//   control thread does what they ask.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/clock.h"
#include "runtime/live_rules_status.h"
#include "runtime/metrics.h"
#include "runtime/rule_control.h"
#include "runtime/rule_feed.h"
#include "runtime/rule_history.h"
#include "runtime/rule_origin.h"
#include "runtime/rule_reporter.h"
#include "runtime/rule_shelf.h"
#include "runtime/status_board.h"

namespace turnout::runtime {

struct LiveRulesOptions {
  std::string history_directory;
  std::string instance;
  std::string group;
  router::RuleLimits limits;
  bool is_remote = false;  // the origin answers in its own time
};

struct LiveRulesParts {
  RuleOrigin* origin = nullptr;
  RuleControl* control = nullptr;
  const RuleFeed* feed = nullptr;
  StatusBoard* board = nullptr;
  Metrics* metrics = nullptr;
  RuleReporter* reporter = nullptr;  // null: nobody wants to know
  Clock* clock = nullptr;
  std::function<void()> wake;  // the control thread
};

class LiveRules {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(10);
  // For the control thread to do what was asked.
  static constexpr absl::Duration kAnswerWait = absl::Seconds(4);

  // All that is in `parts` is borrowed.
  LiveRules(LiveRulesOptions options, LiveRulesParts parts);

  absl::Status Start();

  // True when there is something for RuleControl::Look to judge.
  bool Look();
  // After RuleControl::Look: keeps and tells what came of it.
  void Settle();
  // False: nothing is known yet, neither from the origin nor from the disk.
  bool has_rules() const { return has_rules_; }

  // To the rule set of this hash, or, empty, to the one in force before; answers its hash.
  // NotFound: it is not kept here. Unavailable: ask again.
  absl::StatusOr<std::string> RollBack(const std::string& to);
  // Back to what the origin has. FailedPrecondition: nothing was gone back from.
  absl::Status Resume();

 private:
  struct Request {
    bool resumes = false;
    std::string to;
    std::optional<absl::StatusOr<std::string>> answer;
  };

  void OpenHistory();
  bool HoldKept();
  bool TakeFromOrigin();
  void TakeFromDisk();
  void TellWaiting(const RuleOriginStatus& origin);
  bool DoWhatWasAsked();
  absl::StatusOr<std::string> DoRollBack(const std::string& to);
  absl::Status DoResume();
  void EndRollback(const std::string& why);
  absl::StatusOr<std::string> Ask(Request request);
  void KeepWhatIsInForce();
  void DiskFailed(const absl::Status& why);
  LiveRulesStatus Tell();
  void Report(const LiveRulesStatus& status);

  const LiveRulesOptions options_;
  const LiveRulesParts parts_;
  RuleShelf shelf_;
  RuleHistory history_;
  absl::Time started_;
  bool has_rules_ = false;
  bool is_from_disk_ = false;
  std::string disk_problem_;  // as last told
  uint64_t kept_feed_version_ = 0;
  std::string reported_;

  absl::Mutex mu_;
  std::shared_ptr<Request> request_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::runtime
