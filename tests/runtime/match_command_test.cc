#include "runtime/match_command.h"

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/allocation_count.h"
#include "tests/support/temp_directory.h"
#include "tests/support/temp_stream.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using support::TempDirectory;
using support::TempStream;

struct Answer {
  int status = 0;
  std::string out;
  std::string err;
};

Answer MatchEvents(const std::string& rules, const std::string& events, std::string_view input) {
  const TempStream in(input);
  const TempStream out;
  const TempStream err;
  const int status = RunMatchEvents(rules, {}, events, {in.get(), out.get(), err.get()});
  return {status, out.text(), err.text()};
}

Answer MatchCases(const std::string& cases, std::string_view input) {
  const TempStream in(input);
  const TempStream out;
  const TempStream err;
  const int status = RunMatchCases(cases, {in.get(), out.get(), err.get()});
  return {status, out.text(), err.text()};
}

constexpr char kRules[] =
    "team: t\ndestinations: [x]\nrules:\n"
    "  - {name: b, match: {type: [a, b]}, to: x}\n"
    "  - {name: a, match: {type: [a]}, to: x}\n"
    "  - {name: c, match: {n: [{numeric: [\">\", 5]}]}, to: x}\n";

TEST(MatchCommand, HoldsTheRulesToTheLimitsItIsGiven) {
  const TempDirectory directory;
  const std::string rules = directory.Write("t.yaml", kRules);
  const TempStream in("{}\n");
  const TempStream out;
  const TempStream err;
  EXPECT_EQ(
      RunMatchEvents(rules, {.rules_per_team_max = 2}, "-", {in.get(), out.get(), err.get()}), 2);
  EXPECT_THAT(err.text(), StartsWith(rules + ":"));
  EXPECT_EQ(out.text(), "");
}

TEST(MatchCommand, AnswersEachEventWithItsSortedRules) {
  const TempDirectory directory;
  const std::string rules = directory.Write("t.yaml", kRules);
  const Answer answer = MatchEvents(rules, "-",
                                    "{\"type\": \"a\", \"n\": 6}\n"
                                    "{\"type\": \"b\"}\r\n"
                                    "{\"type\": \"c\"}");
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.out, "[\"t/a\", \"t/b\", \"t/c\"]\n[\"t/b\"]\n[]\n");
  EXPECT_EQ(answer.err, "");
}

TEST(MatchCommand, GoesOnAfterWhatIsNoEvent) {
  const TempDirectory directory;
  const std::string rules = directory.Write("t.yaml", kRules);
  const std::string events = directory.Write("events.ndjson",
                                             "not json\n\n   \n[1]\n42\n{\"type\": \"a\"\n"
                                             "{\"type\": \"\xff\"}\n{\"type\": \"b\"}\n");
  const Answer answer = MatchEvents(rules, events, "");
  EXPECT_EQ(answer.status, 0);
  std::vector<std::string> lines;
  for (size_t at = 0, end; (end = answer.out.find('\n', at)) != std::string::npos; at = end + 1) {
    lines.push_back(answer.out.substr(at, end - at));
  }
  ASSERT_EQ(lines.size(), 6U) << answer.out;
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(lines[i], StartsWith("{\"error\": \"")) << i;
    EXPECT_EQ(lines[i].back(), '}');
  }
  EXPECT_EQ(lines[5], "[\"t/b\"]");
}

TEST(MatchCommand, TakesEventsOfAnySize) {
  const TempDirectory directory;
  const std::string rules = directory.Write("t.yaml", kRules);
  const std::string event =
      "{\"filler\": \"" + std::string(10'000'000, 'x') + "\", \"type\": \"b\"}";
  EXPECT_EQ(MatchEvents(rules, "-", event + "\n" + event).out, "[\"t/b\"]\n[\"t/b\"]\n");
}

TEST(MatchCommand, RefusesRulesThatValidateRefuses) {
  const TempDirectory directory;
  const std::string rules = directory.Write("t.yaml", "team: t\n");
  const Answer answer = MatchEvents(rules, "-", "{}\n");
  EXPECT_EQ(answer.status, 2);
  EXPECT_EQ(answer.out, "");
  EXPECT_THAT(answer.err, StartsWith(rules + ":1:1: t: `destinations` is missing (add"));
  EXPECT_EQ(MatchEvents(directory.path() + "/none", "-", "").status, 2);
}

TEST(MatchCommand, SaysWhichFileCannotBeRead) {
  const TempDirectory directory;
  const std::string rules = directory.Write("t.yaml", kRules);
  const std::string missing = directory.path() + "/events";
  const Answer answer = MatchEvents(rules, missing, "");
  EXPECT_EQ(answer.status, 2);
  EXPECT_EQ(answer.err,
            "turnout match: " + missing + " cannot be read: No such file or directory\n");
  const Answer both = MatchEvents("-", "-", kRules);
  EXPECT_EQ(both.status, 2);
  EXPECT_EQ(both.err, "turnout match: standard input cannot be both the rules and the events\n");
}

Answer MatchBench(const std::string& rules, const std::string& events, std::string_view input) {
  const TempStream in(input);
  const TempStream out;
  const TempStream err;
  const int status = RunMatchBench(rules, {}, events, {in.get(), out.get(), err.get()});
  return {status, out.text(), err.text()};
}

TEST(MatchCommand, BenchPrintsOneLineOfJsonWithWhatOnePassFound) {
  const TempDirectory directory;
  const std::string rules = directory.Write("t.yaml", kRules);
  const std::string events = directory.Write(
      "events.ndjson", "{\"type\": \"a\", \"n\": 6}\n\nno json\n{\"type\": \"b\"}\n{\"type\": 1}");
  const Answer answer = MatchBench(rules, events, "");
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.err, "");
  EXPECT_THAT(answer.out,
              StartsWith("{\"rules\": 3, \"events\": 4, \"matches\": 4, \"errors\": 1, "));
  EXPECT_EQ(answer.out.find('\n'), answer.out.size() - 1);
  const nlohmann::json figures = nlohmann::json::parse(answer.out);
  EXPECT_GT(figures.at("ns_per_event"), 0);
  EXPECT_NEAR(
      figures.at("events_per_s_core").get<double>() * figures.at("ns_per_event").get<double>(), 1e9,
      1e7);
  EXPECT_GE(figures.at("read_ms"), 0);
  EXPECT_GE(figures.at("build_ms"), 0);
  // Numbers, or null under a sanitizer.
  for (const char* figure : {"bytes_per_rule", "allocations_per_event"}) {
    EXPECT_TRUE(figures.at(figure).is_number() || figures.at(figure).is_null()) << figure;
  }
}

TEST(MatchCommand, BenchRefusesWhatItCannotMeasure) {
  const TempDirectory directory;
  const std::string rules = directory.Write("t.yaml", kRules);
  const Answer none = MatchBench(rules, "-", "\n  \n");
  EXPECT_EQ(none.status, 2);
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "turnout match: standard input holds no event\n");
  EXPECT_EQ(MatchBench(rules, directory.path() + "/none", "").status, 2);
  EXPECT_EQ(MatchBench(directory.path() + "/none", "-", "{}").status, 2);
  EXPECT_EQ(MatchBench("-", "-", "{}").status, 2);
}

TEST(AllocationCount, CountsWhatThisThreadTakesFromOperatorNew) {
  const std::optional<uint64_t> before = ThreadAllocations();
  if (!before.has_value()) GTEST_SKIP() << "a sanitizer counts for itself";
  const auto text = std::make_unique<std::string>(100, 'x');
  struct alignas(64) Line {
    char bytes[64];
  };
  const auto line = std::make_unique<Line>();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(line.get()) % 64, 0U);
  std::thread([] { const std::vector<int> other(100); }).join();
  // The text and its characters, the line, and what starting a thread takes from this one.
  EXPECT_GE(*ThreadAllocations() - *before, 3U);
  EXPECT_LE(*ThreadAllocations() - *before, 4U);
}

constexpr char kCases[] =
    "{\"id\": \"1\", \"rules\": {\"r\": \"{\\\"a\\\": [1]}\"}, \"event\": \"{\\\"a\\\": 1.0}\", "
    "\"expected\": [\"r\"]}\n"
    "\n"
    "{\"id\": \"2\", \"pattern\": \"{\\\"a\\\": 1}\", \"valid\": false}\n";

TEST(MatchCommand, CasesThatPassLeaveStatusZero) {
  const Answer answer = MatchCases("-", kCases);
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.out, "2 passed, 0 failed\n");
}

TEST(MatchCommand, CasesThatDifferAreNamedAndLeaveStatusOne) {
  const std::string differing =
      "{\"id\": \"third\", \"rules\": {\"r\": \"{\\\"a\\\": [1]}\"}, \"event\": \"{\\\"a\\\": "
      "2}\", \"expected\": [\"r\"]}\nno case\n";
  const Answer answer = MatchCases("-", kCases + differing);
  EXPECT_EQ(answer.status, 1);
  EXPECT_THAT(answer.out, StartsWith("third: "));
  EXPECT_THAT(answer.out, HasSubstr("\nline 5 is no case: "));
  EXPECT_THAT(answer.out, ::testing::EndsWith("\n2 passed, 2 failed\n"));
}

TEST(MatchCommand, CasesMayBeGzipped) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/cases.jsonl.gz";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, kCases, sizeof kCases - 1);
  gzclose(file);
  EXPECT_EQ(MatchCases(path, "").out, "2 passed, 0 failed\n");
}

TEST(MatchCommand, CasesThatCannotBeReadLeaveStatusTwo) {
  const Answer missing = MatchCases("/nonexistent/cases", "");
  EXPECT_EQ(missing.status, 2);
  EXPECT_EQ(missing.err,
            "turnout match: /nonexistent/cases cannot be read: No such file or directory\n");
  const Answer none = MatchCases("-", "\n");
  EXPECT_EQ(none.status, 2);
  EXPECT_EQ(none.err, "turnout match: standard input holds no case\n");
}

}  // namespace
}  // namespace turnout::runtime
