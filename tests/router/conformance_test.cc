#include "router/conformance.h"

#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

constexpr size_t kDifferencesShown = 20;

// Runs every line of a plain or gzipped file; returns how many cases there were.
size_t RunFile(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  if (file == nullptr) return 0;
  size_t cases = 0;
  size_t differences = 0;
  std::string line;
  for (int c = gzgetc(file); c != -1; c = gzgetc(file)) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    ++cases;
    const absl::StatusOr<CaseOutcome> outcome = RunConformanceCase(line);
    const bool passed = outcome.ok() && outcome->passed();
    if (!passed && ++differences <= kDifferencesShown) {
      ADD_FAILURE() << path << ":" << cases << ": "
                    << (outcome.ok() ? outcome->id + ": " + outcome->difference
                                     : outcome.status().ToString())
                    << "\n"
                    << line.substr(0, 2000);
    }
    line.clear();
  }
  gzclose(file);
  EXPECT_EQ(differences, 0u) << path;
  return cases;
}

TEST(Conformance, OurOwnCasesPass) {
  const std::string data = std::string(TURNOUT_SOURCE_DIR) + "/tests/router/data";
  size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    if (entry.path().filename().string().rfind("cases_", 0) != 0) continue;
    cases += RunFile(entry.path().string());
  }
  EXPECT_GT(cases, 100u);
}

TEST(Conformance, TheSharedCasesPass) {
  const char* const named = std::getenv("TURNOUT_CONFORMANCE_CASES");
  const std::string path =
      named != nullptr ? named
                       : std::string(TURNOUT_SOURCE_DIR) + "/../shared/conformance/cases.jsonl.gz";
  if (named == nullptr && !std::filesystem::exists(path)) {
    GTEST_SKIP() << "NOT RUN: no shared conformance cases at " << path
                 << "; set TURNOUT_CONFORMANCE_CASES to run them";
  }
  const size_t cases = RunFile(path);
  EXPECT_GT(cases, 0u);
  std::printf("%zu shared conformance cases\n", cases);
}

// A case that says nothing testable must not count as passed.
TEST(Conformance, ACaseOfAnotherShapeIsNoCase) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"id": "a", "rules": ["{\"x\": [1]}"], "event": "{}", "expected": []})", "`rules`"},
      {R"({"id": "a", "rules": {"r": {"x": [1]}}, "event": "{}", "expected": []})", "rule `r`"},
      {R"({"id": "a", "rules": {"r": [7]}, "event": "{}", "expected": []})", "rule `r`"},
      {R"({"id": "a", "rules": {}, "event": {"x": 1}, "expected": []})", "`event`"},
      {R"({"id": "a", "rules": {}, "event": "{}", "expected": "r"})", "`expected`"},
      {R"({"id": "a", "rules": {}, "event": "{}", "expected": null})", "`expected`"},
      {R"({"id": "a", "rules": {}, "event": "{}", "expected": [1]})", "`expected`"},
      {R"({"id": "a", "pattern": {"x": [1]}, "valid": false})", "`pattern`"},
      {R"({"id": "a", "pattern": "{\"x\": 1}", "valid": "false"})", "`valid`"},
      {R"({"id": "a", "pattern": "{\"x\": 1}", "valid": null})", "`valid`"},
      {R"({"id": {}, "pattern": "{\"x\": 1}", "valid": false})", "`id`"},
  };
  for (const auto& [line, named] : cases) {
    const absl::StatusOr<CaseOutcome> outcome = RunConformanceCase(line);
    ASSERT_FALSE(outcome.ok()) << line;
    EXPECT_NE(outcome.status().message().find(named), absl::string_view::npos) << line << "\n"
                                                                               << outcome.status();
  }
}

}  // namespace
}  // namespace turnout::router
