// RuleTestReport: how test cases went, for people and for CI.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "runtime/rule_test_run.h"

namespace turnout::runtime {

struct TestFileOutcome {
  std::string file;
  std::vector<CaseOutcome> cases;
  // Why its cases did not run, lines as `turnout validate` writes them; empty: they did.
  std::string refused;
};

struct TestCounts {
  size_t passed = 0;
  size_t failed = 0;
};
TestCounts CountCases(const std::vector<TestFileOutcome>& files);

// "file:line:column: case: event 2 (line 31): ..." a failure, a line a file, and a last line of the
// counts.
std::string TestReport(const std::vector<TestFileOutcome>& files);

// JUnit's XML: a suite a file, a case each; a file that was refused is a case with an error.
std::string JUnitReport(const std::vector<TestFileOutcome>& files);

}  // namespace turnout::runtime
