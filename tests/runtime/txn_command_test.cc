#include "runtime/txn_command.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using connectors::KnownTransaction;
using connectors::OpenInPartition;
using testing::HasSubstr;
using testing::SizeIs;

const RouterName kRouter = {.group = "turnout", .instance = "pod"};

const std::vector<KnownTransaction>& Known() {
  static const auto* const known = new std::vector<KnownTransaction>{
      {.id = "turnout-pod-0",
       .state = "Ongoing",
       .producer = 1,
       .epoch = 4,
       .timeout_ms = 15'000,
       .start_ms = 100'000,
       .partitions = {{"a", 0}, {"a", 1}, {"b", 0}, {"c", 7}}},
      {.id = "other", .state = "CompleteCommit", .producer = 2, .start_ms = 5'000},
  };
  return *known;
}

TEST(Hanging, IsWhatNoCoordinatorWillEnd) {
  const OpenInPartition well = {.of = {"a", 1}, .start_offset = 5, .producer = 1};
  const OpenInPartition not_in_it = {.of = {"a", 2}, .start_offset = 6, .producer = 1};
  const OpenInPartition is_over = {.of = {"a", 0}, .start_offset = 7, .producer = 2};
  const OpenInPartition unknown = {.of = {"a", 0}, .start_offset = 8, .producer = 3};
  const auto hanging = Hanging({well, not_in_it, is_over, unknown}, Known());
  ASSERT_THAT(hanging, SizeIs(3));
  EXPECT_EQ(hanging[0].start_offset, 6);
  EXPECT_EQ(hanging[1].start_offset, 7);
  EXPECT_EQ(hanging[2].start_offset, 8);
}

TEST(TransactionTable, MarksThePipelinesOwn) {
  const std::string table = TransactionTable(Known(), kRouter, 130'000);
  EXPECT_THAT(table, HasSubstr("* turnout-pod-0  Ongoing             30s       15s  "
                               "a/0 a/1 b/0 and 1 more"));
  EXPECT_THAT(table, HasSubstr("\n  other"));
}

// The mark of a transaction with this id.
char MarkOf(const std::string& id, const RouterName& router = kRouter) {
  const std::string table = TransactionTable({{.id = id, .state = "Ongoing"}}, router, 0);
  return table[table.find('\n') + 1];
}

TEST(TransactionTable, MarksWhatRoutersRedrivesAndReplaysOfTheGroupUse) {
  for (const char* const id :
       {"turnout-pod-0", "turnout-pod-r12", "turnout-pod-0.2", "turnout-pod.4-r0.6",
        "turnout-redrive", "turnout-redrive.3", "turnout-replay:shop/a-b", "turnout-my-pod-3-0",
        "turnout-my-pod-3-r1.2"}) {
    EXPECT_EQ(MarkOf(id, {.group = "turnout", .instance = "my-pod-3"}), '*') << id;
  }
  for (const char* const id :
       {"turnout", "turnout-", "turnout-0", "turnout--0", "turnout-pod-", "turnout-pod-r",
        "turnout-pod-x1", "turnout-redrive-", "turnout-redrives", "turnout-orders-redrive",
        "turnout-orders-replay:a", "turnout-orders-replay:a-0", "turnouts-pod-0",
        "other-turnout-pod-0", "turnout-pod-0.x"}) {
    EXPECT_EQ(MarkOf(id), ' ') << id;
  }
}

TEST(TransactionTable, AnIdThatMayBeOfAnotherGroupIsNotStarred) {
  for (const char* const id : {"turnout-orders-pod-0", "turnout-orders-pod-r0.2"}) {
    EXPECT_EQ(MarkOf(id), '?') << id;
    EXPECT_EQ(MarkOf(id, {.group = "turnout-orders", .instance = "x"}), '*') << id;
  }
  EXPECT_THAT(TransactionLines({{.id = "turnout-orders-pod-0", .state = "Ongoing"}}, kRouter, 0),
              HasSubstr(R"("ours":null)"));
}

TEST(TransactionTable, CountsOneAsOne) {
  EXPECT_THAT(TransactionTable({{.id = "a", .state = "Ongoing"}}, kRouter, 0),
              HasSubstr("\n1 transaction; "));
  EXPECT_THAT(TransactionTable(Known(), kRouter, 0), HasSubstr("\n2 transactions; "));
}

TEST(TransactionLines, AreJson) {
  EXPECT_THAT(TransactionLines(Known(), kRouter, 130'000),
              HasSubstr(R"({"id":"turnout-pod-0","ours":true,"state":"Ongoing","open_ms":30000,)"
                        R"("timeout_ms":15000,"producer":1,"epoch":4,)"
                        R"("partitions":["a/0","a/1","b/0","c/7"]})"));
  EXPECT_THAT(TransactionLines(Known(), kRouter, 130'000), HasSubstr(R"("open_ms":0)"));
}

}  // namespace
}  // namespace turnout::runtime
