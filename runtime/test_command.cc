#include "runtime/test_command.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "runtime/exit_status.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_test_file.h"
#include "runtime/rule_test_report.h"
#include "runtime/rule_test_run.h"

namespace turnout::runtime {
namespace {

namespace fs = std::filesystem;
using router::Problem;

constexpr std::string_view kRuleSuffixes[] = {".yaml", ".yml", ".json", ".jsonl"};
constexpr std::string_view kTestSuffixes[] = {".test.yaml", ".test.yml", ".test.json"};

std::vector<std::string> Existing(const std::string& stem,
                                  absl::Span<const std::string_view> suffixes) {
  std::vector<std::string> files;
  for (const std::string_view suffix : suffixes) {
    std::string file = stem + std::string(suffix);
    std::error_code ignored;
    if (fs::exists(file, ignored)) files.push_back(std::move(file));
  }
  return files;
}

std::string FormatProblems(const std::string& file, const std::vector<Problem>& problems) {
  return FormatRefused(std::vector<RefusedFile>{{file, problems}});
}

// Test files of a directory, or the one beside a rule file, or this one.
std::vector<std::string> TestFilesOf(const std::string& path) {
  std::error_code error;
  std::vector<std::string> files;
  if (!fs::is_directory(path, error)) {
    if (IsRuleTestName(path)) return {path};
    return Existing(path.substr(0, path.rfind('.')), kTestSuffixes);
  }
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (name[0] != '.' && IsRuleTestName(name)) files.push_back(at->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The rules that a test file is about; none after problems, each with its file.
std::vector<router::Team> RulesBeside(const std::string& test_file,
                                      const router::RuleLimits& limits, std::string* refused) {
  const std::string stem = RuleTestStem(test_file);
  const std::vector<std::string> files = Existing(stem, kRuleSuffixes);
  if (files.size() != 1) {
    const std::string what =
        files.empty() ? absl::StrFormat("there is no rule file %s.yaml beside it", stem)
                      : absl::StrFormat("there are two rule files, %s and %s", files[0], files[1]);
    *refused +=
        FormatProblems(test_file, {{.what = what,
                                    .cure = "name the tests after the one rule file that they are "
                                            "about, and put them beside it"}});
    return {};
  }
  LoadedRules rules = LoadRules(files, limits);
  *refused += FormatRefused(rules);
  return std::move(rules.teams);
}

std::string RunCases(const std::vector<TestCase>& tests, RuleTestRun* run,
                     std::vector<CaseOutcome>* outcomes) {
  for (const TestCase& test : tests) {
    absl::StatusOr<CaseOutcome> outcome = run->Run(test);
    if (!outcome.ok()) {
      return absl::StrCat(
          "the state that the cases need can't be kept: ", outcome.status().message(), "\n");
    }
    outcomes->push_back(*std::move(outcome));
  }
  return "";
}

TestFileOutcome RunFile(const std::string& file, const TestOptions& options) {
  TestFileOutcome outcome = {.file = file};
  std::vector<Problem> problems;
  std::optional<std::vector<TestCase>> tests;
  if (const auto text = ReadRuleText(file, options.limits, &problems)) {
    tests = ReadRuleTests(file, *text, options.limits, &problems);
  }
  const std::vector<router::Team> teams = RulesBeside(file, options.limits, &outcome.refused);
  if (!tests || !outcome.refused.empty()) {
    outcome.refused += FormatProblems(file, problems);
    return outcome;
  }
  RuleTestRun run(teams, options.settings);
  CheckTables(*tests, run.rules(), &problems);
  outcome.refused = FormatProblems(file, problems);
  if (outcome.refused.empty()) outcome.refused = RunCases(*tests, &run, &outcome.cases);
  return outcome;
}

bool WriteFile(const std::string& path, std::string_view text) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && written;
}

}  // namespace

int RunTests(const TestOptions& options, std::FILE* out, std::FILE* err) {
  std::vector<TestFileOutcome> files;
  bool is_refused = false;
  for (const std::string& path : options.paths) {
    const std::vector<std::string> found = TestFilesOf(path);
    for (const std::string& file : found) files.push_back(RunFile(file, options));
    if (!found.empty()) continue;
    is_refused = true;
    std::fputs(FormatProblems(path, {{.what = "there are no test cases in it, or beside it",
                                      .cure = "put them beside their rules: checkout.test.yaml "
                                              "beside checkout.yaml"}})
                   .c_str(),
               err);
  }
  for (const TestFileOutcome& file : files) {
    is_refused = is_refused || !file.refused.empty();
    std::fputs(file.refused.c_str(), err);
  }
  std::fputs(TestReport(files).c_str(), out);
  if (!options.junit.empty() && !WriteFile(options.junit, JUnitReport(files))) {
    std::fprintf(err, "turnout test: %s can't be written\n", options.junit.c_str());
    return kExitRefused;
  }
  if (is_refused) return kExitRefused;
  return CountCases(files).failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace turnout::runtime
