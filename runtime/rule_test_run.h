// RuleTestRun: runs a test case: its events, one after the other, through a router over a state of
// its own, as a source of one partition would bring them. Matches that are re-keyed go on at once,
// in a state behind the hop.
//
// Errors: those of the state's store. What the rules do otherwise than is expected is no error, but
//   a failure, in sentences.
// Threads: one. Lifetime: `resources` and `tables` of cases are borrowed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "router/document.h"
#include "router/rule_set.h"
#include "router/state_settings.h"
#include "runtime/rule_test_file.h"
#include "runtime/temporary_directory.h"
#include "state/state_resources.h"

namespace turnout::runtime {

struct TestFailure {
  router::Position at;  // of what is expected, or of the event
  std::string text;     // lines without an end
};

struct CaseOutcome {
  std::string name;
  router::Position at;
  std::vector<TestFailure> failures;

  bool passed() const { return failures.empty(); }
};

class RuleTestRun {
 public:
  // Of the rules of one file.
  RuleTestRun(const std::vector<router::Team>& teams, const router::StateSettings& settings);

  absl::StatusOr<CaseOutcome> Run(const TestCase& test);

  const router::RuleSet& rules() const { return *as_written_; }

 private:
  const std::shared_ptr<const router::RuleSet> as_written_;
  const std::shared_ptr<const router::RuleSet> in_full_;  // without their rollouts
  state::StateResources resources_;
  TemporaryDirectory directory_;
};

// Tables that a case gives and no rule asks are misspelt: a problem each, under the case.
void CheckTables(const std::vector<TestCase>& tests, const router::RuleSet& rules,
                 std::vector<router::Problem>* problems);

}  // namespace turnout::runtime
