#include "deploy/manager/audit_log.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr absl::Time kBegin = absl::UnixEpoch();

struct Kept {
  Kept() { Open(); }
  void Open() {
    log.reset();
    auto opened = AuditLog::Open(file);
    ASSERT_TRUE(opened.ok()) << opened.status();
    log = *std::move(opened);
  }
  std::vector<std::string> Find(const AuditQuery& query) const {
    auto lines = log->Find(query);
    EXPECT_TRUE(lines.ok()) << lines.status();
    return *std::move(lines);
  }

  const support::TempDirectory directory;
  const std::string file = absl::StrCat(directory.path(), "/audit.jsonl");
  std::unique_ptr<AuditLog> log;
};

TEST(AuditLog, ShowsTheNewestFirstOverARestart) {
  Kept kept;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(kept.log
                    ->Append({.by = "ann", .action = "put_item", .change = i + 1},
                             kBegin + absl::Seconds(i))
                    .ok());
  }
  kept.Open();
  EXPECT_THAT(kept.Find({.lines_max = 2}),
              ElementsAre(R"({"at":"1970-01-01T00:00:02.000Z","by":"ann","action":"put_item",)"
                          R"("change":3})",
                          HasSubstr(R"("change":2)")));
}

TEST(AuditLog, IsAskedByWhoWhatWhereAndWhen) {
  Kept kept;
  ASSERT_TRUE(kept.log
                  ->Append({.by = "ann",
                            .action = "a",
                            .service = "s",
                            .item = "s/config/x",
                            .outcome = "refused",
                            .status = 403},
                           kBegin)
                  .ok());
  ASSERT_TRUE(
      kept.log->Append({.by = "bob", .action = "b", .outcome = "done"}, kBegin + absl::Hours(1))
          .ok());
  for (const AuditQuery& query :
       {AuditQuery{.by = "ann"}, AuditQuery{.action = "a"}, AuditQuery{.service = "s"},
        AuditQuery{.item = "s/config/x"}, AuditQuery{.outcome = "refused"},
        AuditQuery{.until = kBegin + absl::Minutes(1)}}) {
    EXPECT_THAT(kept.Find(query), ElementsAre(HasSubstr("ann")));
  }
  EXPECT_THAT(kept.Find({.since = kBegin + absl::Minutes(1)}), ElementsAre(HasSubstr("bob")));
  EXPECT_THAT(kept.Find({.by = "ann", .outcome = "done"}), IsEmpty());
}

TEST(AuditLog, FindsAnItemAmongThoseThatAChangeIsOf) {
  Kept kept;
  ASSERT_TRUE(kept.log
                  ->Append({.action = "post_change",
                            .items = {"s/rules/a", "s/rules/b"},
                            .change = 7,
                            .proposal = 3},
                           kBegin)
                  .ok());
  EXPECT_THAT(
      kept.Find({.item = "s/rules/b"}),
      ElementsAre(HasSubstr(R"("items":["s/rules/a","s/rules/b"],"change":7,"proposal":3})")));
  EXPECT_THAT(kept.Find({.item = "s/rules/c"}), IsEmpty());
}

TEST(AuditLog, PassesOverALineThatACrashHasCutOff) {
  Kept kept;
  ASSERT_TRUE(kept.log->Append({.by = "ann"}, kBegin).ok());
  std::ofstream(kept.file, std::ios::app) << R"({"at":"1970-01-01T00:00:0)";
  kept.Open();
  ASSERT_TRUE(kept.log->Append({.by = "bob"}, kBegin).ok());
  EXPECT_THAT(kept.Find({}), ElementsAre(HasSubstr("bob"), HasSubstr("ann")));
}

TEST(AuditLog, KeepsLinesOfManyThreadsWhole) {
  Kept kept;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&kept] {
      for (int i = 0; i < 25; ++i) {
        EXPECT_TRUE(kept.log->Append({.by = "ann", .detail = std::string(500, 'x')}, kBegin).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(kept.Find({.by = "ann", .lines_max = 1'000}), SizeIs(100));
}

TEST(AuditLog, WritesNothingThatEndsALine) {
  Kept kept;
  ASSERT_TRUE(kept.log->Append({.by = "a\n{\"by\":\"root\"}", .detail = "\xff\n"}, kBegin).ok());
  EXPECT_THAT(kept.Find({}), SizeIs(1));
  EXPECT_THAT(kept.Find({.by = "root"}), IsEmpty());
}

}  // namespace
}  // namespace turnout::manager
