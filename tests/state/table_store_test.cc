#include "state/table_store.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/damaged_files.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TableStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<TableStore> Open(const std::string& topic = "catalog") {
    auto opened = TableStore::Open(directory_.path() + "/table", topic, &resources_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  static std::string Find(const TableStore& store, std::string_view key) {
    std::string value;
    const absl::StatusOr<bool> found = store.Find(key, &value);
    if (!found.ok()) return found.status().ToString();
    return *found ? value : "(none)";
  }

  static TableChange Put(std::string_view key, std::string_view value) { return {key, value}; }

  support::TempDirectory directory_;
  StateResources resources_{{}};
};

TEST_F(TableStoreTest, AnEmptyTableHasNoKeyAndNoOffset) {
  const auto store = Open();
  EXPECT_EQ(Find(*store, "a"), "(none)");
  EXPECT_THAT(store->offsets(), IsEmpty());
  EXPECT_EQ(store->wiped_because(), "");
}

TEST_F(TableStoreTest, TheLastChangeOfAKeyStandsAndATombstoneDeletesIt) {
  const auto store = Open();
  const std::vector<TableChange> changes = {
      {"a", "1"}, {"b", "2"}, {"a", "3"}, {"b", std::nullopt}, {"", "no key at all"}, {"c", ""}};
  EXPECT_EQ(store->Apply(changes, {{0, 6}}).value_or(9), 0u);
  EXPECT_EQ(Find(*store, "a"), "3");
  EXPECT_EQ(Find(*store, "b"), "(none)");
  EXPECT_EQ(Find(*store, ""), "no key at all");
  EXPECT_EQ(Find(*store, "c"), "");
}

TEST_F(TableStoreTest, WhatWasClosedInOrderIsThereAgainWithItsOffsets) {
  const TableOffsets offsets = {{0, 5}, {1, 0}, {300, int64_t{1} << 40}};
  ASSERT_TRUE(Open()->Apply({Put("a", "1")}, offsets).ok());
  const auto store = Open();
  EXPECT_EQ(Find(*store, "a"), "1");
  EXPECT_EQ(store->offsets(), offsets);
  ASSERT_TRUE(store->Apply({}, {{1, 7}}).ok());
  EXPECT_EQ(store->offsets().at(1), 7);
  EXPECT_EQ(store->offsets().at(0), 5);
}

TEST_F(TableStoreTest, UntilWhenItIsCompleteIsKeptAndClearedWithTheRest) {
  EXPECT_EQ(Open()->complete_until_ms(), std::nullopt);
  ASSERT_TRUE(Open()->Apply({Put("a", "1")}, {{0, 1}}).ok());
  EXPECT_EQ(Open()->complete_until_ms(), std::nullopt) << "as a version wrote it that didn't say";
  ASSERT_TRUE(Open()->Apply({}, {}, 1'772'440'000'000).ok());
  const auto store = Open();
  EXPECT_EQ(store->complete_until_ms(), 1'772'440'000'000);
  ASSERT_TRUE(store->Apply({Put("b", "1")}, {{0, 2}}).ok());
  EXPECT_EQ(store->complete_until_ms(), 1'772'440'000'000);
  ASSERT_TRUE(store->Clear().ok());
  EXPECT_EQ(store->complete_until_ms(), std::nullopt);
}

TEST_F(TableStoreTest, AValueThatIsTooLargeIsNotKeptNorIsTheOneBefore) {
  const auto store = Open();
  ASSERT_TRUE(store->Apply({Put("a", "old")}, {}).ok());
  const std::string fits(kTableValueBytesMax, 'x');
  const std::string large(kTableValueBytesMax + 1, 'x');
  EXPECT_EQ(store->Apply(std::vector<TableChange>{{"a", large}, {"b", fits}}, {}).value_or(9), 1u);
  EXPECT_EQ(Find(*store, "a"), "(none)");
  EXPECT_EQ(Find(*store, "b"), fits);
}

TEST_F(TableStoreTest, AClearedTableIsEmptyAndCanBeFilledAgain) {
  const auto store = Open();
  ASSERT_TRUE(store->Apply({Put("a", "1")}, {{0, 5}}).ok());
  ASSERT_TRUE(store->Clear().ok());
  EXPECT_EQ(Find(*store, "a"), "(none)");
  EXPECT_THAT(store->offsets(), IsEmpty());
  ASSERT_TRUE(store->Apply({Put("b", "2")}, {{0, 1}}).ok());
  EXPECT_EQ(Find(*store, "b"), "2");
}

TEST_F(TableStoreTest, AnotherTopicsTableIsWiped) {
  ASSERT_TRUE(Open("catalog")->Apply({Put("a", "1")}, {{0, 5}}).ok());
  const auto store = Open("catalogue");
  EXPECT_EQ(Find(*store, "a"), "(none)");
  EXPECT_THAT(store->offsets(), IsEmpty());
  EXPECT_THAT(store->wiped_because(), HasSubstr("another topic's"));
}

TEST_F(TableStoreTest, ADamagedTableIsWiped) {
  const std::string path = directory_.path() + "/table";
  for (const bool truncate : {true, false}) {
    ASSERT_TRUE(Open()->Apply({Put("a", "1")}, {{0, 5}}).ok());
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      const std::string name = file.path().filename();
      if (truncate && name.rfind("MANIFEST", 0) == 0) std::ofstream(file.path()) << "no manifest";
      if (!truncate && name == "CURRENT") std::filesystem::remove(file.path());
    }
    const auto store = Open();
    EXPECT_EQ(Find(*store, "a"), "(none)");
    EXPECT_THAT(store->offsets(), IsEmpty());
    // Without CURRENT there is no store, and RocksDB begins one.
    if (truncate) {
      EXPECT_THAT(store->wiped_because(), HasSubstr(path));
    }
  }
}

TEST_F(TableStoreTest, ADamagedTableFileIsFoundByWhoReadsItAndClearedAway) {
  std::vector<std::string> keys;
  for (int i = 0; i < 2'000; ++i) keys.push_back(std::to_string(i));
  std::vector<TableChange> changes;
  for (const std::string& key : keys) changes.push_back(Put(key, "1"));
  ASSERT_TRUE(Open()->Apply(changes, {{0, 5}}).ok());
  ASSERT_EQ(support::DamageTableFiles(directory_.path() + "/table"), 1);

  const auto store = Open();
  EXPECT_EQ(store->wiped_because(), "") << "it opens: nobody has looked into the file";
  const auto is_lost = [&](const std::string& key) {
    std::string value;
    return absl::IsDataLoss(store->Find(key, &value).status());
  };
  EXPECT_GT(std::count_if(keys.begin(), keys.end(), is_lost), 0);
  ASSERT_TRUE(store->Clear().ok());
  EXPECT_EQ(std::count_if(keys.begin(), keys.end(), is_lost), 0);
  ASSERT_TRUE(store->Apply({Put("a", "2")}, {{0, 1}}).ok());
  EXPECT_EQ(Find(*store, "a"), "2");
}

TEST_F(TableStoreTest, TheDirectoryOfARunningProcessIsLeftAlone) {
  const auto store = Open();
  ASSERT_TRUE(store->Apply({Put("a", "1")}, {}).ok());
  const auto second = TableStore::Open(directory_.path() + "/table", "catalog", &resources_);
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_EQ(Find(*store, "a"), "1");
}

TEST_F(TableStoreTest, ManyThreadsReadWhileOneWrites) {
  const auto store = Open();
  ASSERT_TRUE(store->Apply({Put("k", "00000000")}, {}).ok());
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      std::string last = "00000000";
      while (!over) {
        const std::string now = Find(*store, "k");
        if (now.size() != 8 || now < last) ++wrong;
        last = now;
      }
    });
  }
  for (int i = 1; i < 2'000; ++i) {
    const std::string value = std::to_string(10'000'000 + i);
    ASSERT_TRUE(store->Apply({Put("k", value)}, {{0, i}}).ok());
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(TableStoreTest, ATableFarLargerThanTheMemoryStaysWithinIt) {
  StateResources small({.memory_bytes_max = size_t{8} << 20,
                        .memtable_bytes_max = size_t{2} << 20,
                        .task_memtable_bytes_max = size_t{1} << 20});
  auto opened = TableStore::Open(directory_.path() + "/large", "catalog", &small);
  ASSERT_TRUE(opened.ok()) << opened.status();
  size_t most = 0;
  std::string value(1'000, 'x');
  for (int i = 0; i < 200; ++i) {
    std::vector<std::string> keys;
    for (int j = 0; j < 100; ++j) keys.push_back(std::to_string(i * 100 + j));
    std::vector<TableChange> changes;
    for (const std::string& key : keys) changes.push_back({key, value});
    ASSERT_TRUE((*opened)->Apply(changes, {{0, i}}).ok());
    most = std::max(most, small.memory_bytes());
  }
  EXPECT_LE(most, size_t{8} << 20);
  EXPECT_EQ(Find(**opened, "12345"), value);
  EXPECT_GT((*opened)->stats().disk_bytes, 0u);
  EXPECT_GT((*opened)->stats().entries_estimate, 10'000u);
}

}  // namespace
}  // namespace turnout::state
