#include "state/change_table.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/seeded_random.h"

namespace turnout::state {
namespace {

using Model = std::map<std::string, std::string>;

void Replace(ChangeTable& table, std::string_view key, std::string_view value) {
  const ChangeTable::Place place = table.Replace(ChangeTable::Hash(key), key, value.size());
  std::copy(value.begin(), value.end(), place.value);
}

std::string Find(const ChangeTable& table, std::string_view key) {
  const ChangeTable::Change* change = table.Find(ChangeTable::Hash(key), key);
  if (change == nullptr) return "none";
  return change->is_deletion() ? "deleted" : std::string(change->value());
}

Model InOrder(const ChangeTable& table) {
  Model model;
  std::string before;
  for (const ChangeTable::Change* change : table.Sorted()) {
    EXPECT_TRUE(model.empty() || before < change->key());
    before = change->key();
    model[before] = change->value();
  }
  return model;
}

TEST(ChangeTable, HasTheLatestChangeOfAKey) {
  ChangeTable table;
  EXPECT_EQ(Find(table, "a"), "none");
  EXPECT_TRUE(table.Sorted().empty());
  Replace(table, "a", "1");
  Replace(table, "a", "longer than what was there before");
  Replace(table, "", "empty key");
  EXPECT_EQ(Find(table, "a"), "longer than what was there before");
  Replace(table, "a", "2");
  EXPECT_EQ(Find(table, "a"), "2");
  Replace(table, "a", "");
  EXPECT_EQ(Find(table, "a"), "deleted");
  EXPECT_EQ(Find(table, ""), "empty key");
  EXPECT_EQ(table.size(), 2u);
}

TEST(ChangeTable, GrowsByNoMoreThanItSays) {
  support::SeededRandom random(5);
  ChangeTable table;
  for (int round = 0; round < 200; ++round) {
    ChangeTable more;
    for (int64_t i = random.Between(0, 400); i > 0; --i) {
      Replace(more, absl::StrCat(random.Below(20'000)), std::string(random.Below(900), 'x'));
    }
    const size_t before = table.allocated_bytes();
    const size_t growth = table.GrowthMax(more.size(), more.used_bytes());
    table.Reserve(more.size());
    more.ForEach([&](uint64_t, const ChangeTable::Change& change) {
      Replace(table, change.key(), change.value());
    });
    ASSERT_LE(table.allocated_bytes(), before + growth) << round;
  }
}

TEST(ChangeTable, TakesNoMoreMemoryOnceWarm) {
  ChangeTable table;
  size_t warm = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 5000; ++i) Replace(table, absl::StrCat("key-", i), std::string(100, 'x'));
    if (round == 2) warm = table.allocated_bytes();
    if (round > 2) {
      ASSERT_EQ(table.allocated_bytes(), warm) << round;
    }
    table.Clear();
    ASSERT_TRUE(table.empty());
    ASSERT_EQ(table.used_bytes(), 0u);
  }
  // And gives most of it back once it needs little.
  for (int round = 0; round < 3; ++round) {
    Replace(table, "a", "1");
    table.Clear();
  }
  EXPECT_LT(table.allocated_bytes(), warm / 8);
}

TEST(ChangeTable, IsAMapThatSorts) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    support::SeededRandom random(seed);
    // Keys that begin alike, are one another's beginnings, and hold any byte.
    const std::string begin(random.Below(12), random.OneIn(2) ? '\xff' : '\0');
    const auto key = [&] {
      std::string text = begin;
      for (int64_t i = random.Between(0, 3); i > 0; --i) {
        text.push_back(static_cast<char>(random.Below(256)));
      }
      return text + (random.OneIn(3) ? std::string(random.Below(20), '\0') : "");
    };
    ChangeTable table;
    Model model;
    for (int step = 0; step < 4000; ++step) {
      const std::string one = key();
      const std::string value(random.OneIn(5) ? 0 : random.Below(40), 'v');
      Replace(table, one, value);
      model[one] = value;
      const std::string other = key();
      const auto found = model.find(other);
      const std::string expected = found == model.end()    ? "none"
                                   : found->second.empty() ? "deleted"
                                                           : found->second;
      ASSERT_EQ(Find(table, other), expected) << seed;
      if (random.OneIn(700)) {
        const char last = static_cast<char>(random.Below(256));
        const auto is_erased = [&](std::string_view text) {
          return !text.empty() && text.back() < last;
        };
        table.EraseIf([&](const ChangeTable::Change& change) { return is_erased(change.key()); });
        std::erase_if(model, [&](const auto& entry) { return is_erased(entry.first); });
      }
      if (random.OneIn(1500)) {
        table.Clear();
        model.clear();
      }
    }
    ASSERT_EQ(table.size(), model.size()) << seed;
    ASSERT_EQ(InOrder(table), model) << seed;
  }
}

}  // namespace
}  // namespace turnout::state
