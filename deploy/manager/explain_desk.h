// ExplainDesk: what would become of an event by a service's published rules, or by those with a
// draft in place of one team's, and why: with the compiler and the explainer that routers run.
//
// A service's rules are compiled once a version, and kept for the few services that were asked of
// last. A question is {"event": RECORD, "team", "text", "alone"}: the record as runtime/
// explained_event.h has it, `text` a draft of the team's file, `alone` that team's rules and no
// others. What rules remember, tables and schemas are the routers': the answer's notes say so.
//
// Limits: kExplainBodyBytesMax of a question, kExplainEventBytesMax of its event; kExplainingMax
//   questions at once, Unavailable beyond; records that matches lead to are left out where together
//   they could be more than kExplainedBytesMax.
// Errors: InvalidArgument for a question that is none.
// Threads: any.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "deploy/manager/item.h"
#include "deploy/manager/publish_check.h"
#include "router/rule_file.h"
#include "router/rule_set.h"
#include "router/state_settings.h"

namespace turnout::manager {

inline constexpr size_t kExplainBodyBytesMax = 2u << 20;
inline constexpr size_t kExplainEventBytesMax = 64u << 10;
inline constexpr size_t kExplainedBytesMax = 16u << 20;
inline constexpr size_t kExplainUnmatchedMax = 200;  // rules that don't match and are told of
inline constexpr size_t kExplainSetsMax = 4;         // compiled services that are kept
inline constexpr int kExplainingMax = 4;

struct ExplainAnswer {
  std::string explanation;            // JSON, runtime/explain_json.h; empty: there are problems
  std::vector<ItemProblem> problems;  // of the draft
};

class ExplainDesk {
 public:
  using ListRules = absl::FunctionRef<absl::StatusOr<std::vector<Item>>()>;

  // `version` names the service's rules as they are now; `list` is asked for them if need be.
  absl::StatusOr<ExplainAnswer> Explain(std::string_view body, const std::string& service,
                                        const std::string& version, ListRules list,
                                        const router::RuleLimits& limits,
                                        const router::StateSettings& settings);

 private:
  absl::StatusOr<ExplainAnswer> Answer(std::string_view body, const std::string& service,
                                       const std::string& version, ListRules list,
                                       const router::RuleLimits& limits,
                                       const router::StateSettings& settings);
  struct Kept {
    std::string service;
    std::string version;
    std::shared_ptr<const router::RuleSet> rules;
  };
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> RulesOf(
      const std::string& service, const std::string& version, ListRules list,
      const router::RuleLimits& limits, const router::StateSettings& settings);

  std::atomic<int> explaining_{0};
  absl::Mutex mu_;
  std::deque<Kept> kept_ ABSL_GUARDED_BY(mu_);  // what was asked of last is in front
};

}  // namespace turnout::manager
