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
  const std::string table = TransactionTable(Known(), "turnout", 130'000);
  EXPECT_THAT(table, HasSubstr("* turnout-pod-0  Ongoing             30s       15s  "
                               "a/0 a/1 b/0 and 1 more"));
  EXPECT_THAT(table, HasSubstr("\n  other"));
  EXPECT_THAT(TransactionTable(Known(), "turn", 0), testing::Not(HasSubstr("* turnout")));
}

TEST(TransactionLines, AreJson) {
  EXPECT_THAT(TransactionLines(Known(), "turnout", 130'000),
              HasSubstr(R"({"id":"turnout-pod-0","ours":true,"state":"Ongoing","open_ms":30000,)"
                        R"("timeout_ms":15000,"producer":1,"epoch":4,)"
                        R"("partitions":["a/0","a/1","b/0","c/7"]})"));
  EXPECT_THAT(TransactionLines(Known(), "turnout", 130'000), HasSubstr(R"("open_ms":0)"));
}

}  // namespace
}  // namespace turnout::runtime
