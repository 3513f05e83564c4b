#include "deploy/manager/unified_diff.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/choices.h"

namespace turnout::manager {
namespace {

using support::Choices;

constexpr uint64_t kSeeds = 1000;

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// What patch makes of `before`; checks on its way that context and removed lines are there.
std::string Patched(const std::string& before, const std::string& diff) {
  const std::vector<std::string> old_lines = LinesOf(before);
  std::string patched;
  size_t at = 0;
  bool added_last = false;
  for (const std::string& line : LinesOf(diff)) {
    const std::string content = line.substr(1);
    if (absl::StartsWith(line, "---") || absl::StartsWith(line, "+++")) continue;
    if (absl::StartsWith(line, "@@ -")) {
      const size_t number = std::strtoull(line.c_str() + 4, nullptr, 10);
      const size_t comma = line.find(',');
      const bool is_none = comma < line.find(" +") && line.compare(comma, 3, ",0 ") == 0;
      const size_t begin = is_none ? number : number - 1;
      while (at < begin) patched += old_lines.at(at++);
    } else if (line[0] == '\\') {
      if (added_last) patched.pop_back();
    } else if (line[0] == '+') {
      patched += content;
    } else {
      const std::string& old_line = old_lines.at(at++);
      EXPECT_EQ(old_line.back() == '\n' ? old_line : old_line + "\n", content);
      if (line[0] == ' ') patched += old_line.back() == '\n' ? old_line : content;
    }
    added_last = line[0] != '-';
  }
  while (at < old_lines.size()) patched += old_lines[at++];
  return patched;
}

size_t ChangedLines(const std::string& diff) {
  const std::vector<std::string> lines = LinesOf(diff);
  const auto changed = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line[0] == '-' || line[0] == '+';
  });
  return static_cast<size_t>(changed) - 2;
}

// The fewest, by the table of longest common subsequences.
size_t FewestChanges(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<size_t>> common(a.size() + 1, std::vector<size_t>(b.size() + 1, 0));
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      common[i][j] = a[i - 1] == b[j - 1] ? common[i - 1][j - 1] + 1
                                          : std::max(common[i - 1][j], common[i][j - 1]);
    }
  }
  return a.size() + b.size() - 2 * common[a.size()][b.size()];
}

TEST(UnifiedDiffTest, ItLooksAsPeopleKnowIt) {
  EXPECT_EQ(UnifiedDiff("x", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x", "1\n2\n3\n4\nfive\n6\n7\n8\n9"),
            "--- a/x\n+++ b/x\n@@ -2,8 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n-9\n+9\n"
            "\\ No newline at end of file\n");
  EXPECT_EQ(UnifiedDiff("", "", "x", "a\n"), "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(UnifiedDiff("x", "a\nb\n", "", ""),
            "--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n");
  EXPECT_EQ(UnifiedDiff("x", "a", "x", "a"), "");
}

TEST(UnifiedDiffTest, HunksThatAreFarApartAreApart) {
  std::string before;
  for (int i = 0; i < 40; ++i) absl::StrAppend(&before, i, "\n");
  std::string after = before;
  after.replace(after.find("\n3\n") + 1, 1, "x");
  after.replace(after.find("\n30\n") + 1, 2, "y");
  const std::string diff = UnifiedDiff("x", before, "x", after);
  EXPECT_NE(diff.find("@@ -1,7 +1,7 @@"), std::string::npos) << diff;
  EXPECT_NE(diff.find("@@ -28,7 +28,7 @@"), std::string::npos) << diff;
}

TEST(UnifiedDiffTest, ItLeadsFromOneTextToTheOtherByTheFewestLines) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Choices choices(seed);
    std::string texts[2];
    for (std::string& text : texts) {
      for (size_t left = choices.Below(30); left > 0; --left) {
        absl::StrAppend(&text, choices.Below(5), left == 1 && choices.OneIn(3) ? "" : "\n");
      }
    }
    const std::string diff = UnifiedDiff("x", texts[0], "x", texts[1]);
    if (texts[0] == texts[1]) {
      EXPECT_EQ(diff, "");
      continue;
    }
    ASSERT_EQ(Patched(texts[0], diff), texts[1]) << "seed " << seed << "\n" << diff;
    ASSERT_EQ(ChangedLines(diff), FewestChanges(LinesOf(texts[0]), LinesOf(texts[1]))) << diff;
  }
}

TEST(UnifiedDiffTest, TextsThatHaveLittleInCommonAreReplacedWhole) {
  std::string before = "same\n";
  std::string after = "same\n";
  for (size_t i = 0; i < kDiffLinesMax; ++i) {
    absl::StrAppend(&before, "a", i, "\nx\n");
    absl::StrAppend(&after, "b", i, "\nx\n");
  }
  const std::string diff = UnifiedDiff("x", before, "x", after);
  EXPECT_EQ(Patched(before, diff), after);
  EXPECT_EQ(ChangedLines(diff), 2 * (2 * kDiffLinesMax - 1));
}

TEST(UnifiedDiffTest, OfASecretOnlyWhomItIsForIsShown) {
  const ItemId id{"shop", ItemKind::kSecret, "kafka"};
  const ItemContent before{.text = "sealed-one", .bound_to = {"a"}};
  const ItemContent after{.text = "sealed-two", .bound_to = {"a", "b"}};
  EXPECT_EQ(ItemDiff(id, &before, &after),
            "--- a/shop/secrets/kafka.yaml\n+++ b/shop/secrets/kafka.yaml\n@@ -1 +1 @@\n-bound_to: "
            "[\"a\"]\n+bound_to: [\"a\", \"b\"]\nThe value of shop/secret/kafka differs.\n");
  EXPECT_EQ(ItemDiff(id, &before, nullptr),
            "--- a/shop/secrets/kafka.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-bound_to: [\"a\"]\n");
  EXPECT_EQ(ItemDiff(id, &before, &before), "");
}

TEST(UnifiedDiffTest, AnItemIsShownUnderItsPath) {
  const ItemId id{"shop", ItemKind::kRules, "fraud"};
  const ItemContent yaml{.text = "team: fraud\n"};
  const ItemContent json{.text = "{\"team\": \"fraud\"}\n"};
  EXPECT_EQ(ItemDiff(id, &yaml, &json),
            "--- a/shop/rules/fraud.yaml\n+++ b/shop/rules/fraud.json\n@@ -1 +1 @@\n-team: fraud\n"
            "+{\"team\": \"fraud\"}\n");
}

}  // namespace
}  // namespace turnout::manager
