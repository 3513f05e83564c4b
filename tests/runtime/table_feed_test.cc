#include "runtime/table_feed.h"

#include <functional>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/scripted_table.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RealClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
  void Sleep(absl::Duration duration) override { absl::SleepFor(duration); }
};

class TableFeedTest : public ::testing::Test {
 protected:
  std::unique_ptr<TableFeed> Start() {
    TableFeedOptions options;
    options.tables = {{"merchants", "catalog.merchants"}, {"users", "catalog.users"}};
    options.directory = directory_.path() + "/tables";
    options.bytes_max = bytes_max_;
    options.make_source = [this](const std::string& topic, const state::TableOffsets& offsets) {
      return std::make_unique<support::ScriptedTable>(&topics_[topic], offsets);
    };
    auto started = TableFeed::Start(options, &resources_, &clock_);
    EXPECT_TRUE(started.ok()) << started.status();
    return *std::move(started);
  }
  static bool Eventually(const std::function<bool()>& holds) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (!holds() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
    return holds();
  }
  static std::string Find(const router::TableLookup& lookup, size_t table, std::string_view key) {
    std::string value;
    const absl::StatusOr<bool> found = lookup.Find(table, key, &value);
    if (!found.ok()) return std::string(absl::StatusCodeToString(found.status().code()));
    return *found ? value : "(none)";
  }

  support::TempDirectory directory_;
  state::StateResources resources_{{}};
  uint64_t bytes_max_ = UINT64_MAX;
  std::map<std::string, support::ScriptedTopic> topics_;
  RealClock clock_;
};

TEST_F(TableFeedTest, TablesAreLoadedAndFoundByARuleSetsOwnNumbers) {
  topics_["catalog.merchants"].Put("m", "1");
  topics_["catalog.users"].Put("u", "2");
  const auto feed = Start();
  ASSERT_TRUE(Eventually([&] { return feed->WaitingFor().empty(); }));
  const std::vector<std::string> names = {"users", "elsewhere", "merchants"};
  const auto lookup = feed->LookupFor(names);
  EXPECT_EQ(Find(*lookup, 0, "u"), "2");
  EXPECT_EQ(Find(*lookup, 1, "u"), "UNAVAILABLE");
  EXPECT_EQ(Find(*lookup, 2, "m"), "1");
  EXPECT_EQ(Find(*lookup, 2, "u"), "(none)");
  topics_["catalog.users"].Put("u", "3");
  EXPECT_TRUE(Eventually([&] { return Find(*lookup, 0, "u") == "3"; }));
}

TEST_F(TableFeedTest, WhatIsNotLoadedIsSaidWithItsReason) {
  topics_["catalog.users"].Fail(absl::InvalidArgumentError("table topic catalog.users is gone"));
  topics_["catalog.merchants"].Put("m", "1");
  const auto feed = Start();
  const auto only_users = [&] {
    const std::vector<std::string> reasons = feed->WaitingFor();
    return reasons.size() == 1 && reasons[0].find("is gone") != std::string::npos;
  };
  ASSERT_TRUE(Eventually(only_users));
  EXPECT_THAT(feed->WaitingFor(), ElementsAre(HasSubstr("table users can't be loaded")));
  topics_["catalog.users"].Fail(absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return feed->WaitingFor().empty(); }));
  EXPECT_THAT(feed->WaitingFor(), IsEmpty());
}

TEST_F(TableFeedTest, NothingWaitsForATableThatIsRefused) {
  topics_["catalog.users"].Put("u", "1");
  topics_["catalog.merchants"].Put("m", "1");
  {
    const auto feed = Start();
    ASSERT_TRUE(Eventually([&] { return feed->WaitingFor().empty(); }));
  }
  bytes_max_ = 1;
  const auto feed = Start();
  EXPECT_TRUE(Eventually([&] { return feed->WaitingFor().empty(); }));
  for (const TableStatus& table : feed->Status()) {
    EXPECT_TRUE(table.refused) << table.name;
    EXPECT_FALSE(table.loaded) << table.name;
  }
}

TEST_F(TableFeedTest, ASecondProcessDoesNotTakeTheTables) {
  const auto feed = Start();
  TableFeedOptions options;
  options.tables = {{"users", "catalog.users"}};
  options.directory = directory_.path() + "/tables";
  const auto second = TableFeed::Start(options, &resources_, &clock_);
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

}  // namespace
}  // namespace turnout::runtime
