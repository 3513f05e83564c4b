#include "router/value_table.h"

#include <map>
#include <random>
#include <set>
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

TEST(ValueTable, TheSameValueHasTheSameNumber) {
  ValueTable table;
  EXPECT_EQ(table.Find(0, ValueForm::kText, "x"), kNoValue);
  const ValueId text = table.Add(1, ValueForm::kText, "x");
  EXPECT_EQ(table.Add(1, ValueForm::kText, "x"), text);
  EXPECT_EQ(table.Find(1, ValueForm::kText, "x"), text);
  EXPECT_NE(table.Add(1, ValueForm::kFoldedText, "x"), text);
  EXPECT_NE(table.Add(2, ValueForm::kText, "x"), text);
  EXPECT_EQ(table.Find(3, ValueForm::kText, "x"), kNoValue);
  EXPECT_EQ(table.FieldOf(text), 1u);
}

TEST(ValueTable, AgreesWithAMapOverManyValuesOfEveryLength) {
  ValueTable table;
  std::map<std::tuple<FieldId, int, std::string>, ValueId> expected;
  std::mt19937 random(5);
  const auto value = [&] {
    std::string bytes(random() % 40, '\0');
    // Few of them differ, at any place.
    if (!bytes.empty()) bytes[random() % bytes.size()] = static_cast<char>(random() % 3);
    return std::make_tuple(static_cast<FieldId>(random() % 3), static_cast<int>(random() % 6),
                           bytes);
  };
  for (int i = 0; i < 5000; ++i) {
    const auto [field, form, bytes] = value();
    const auto known = expected.find({field, form, bytes});
    const ValueId found = table.Find(field, static_cast<ValueForm>(form), bytes);
    EXPECT_EQ(found, known == expected.end() ? kNoValue : known->second);
    expected[{field, form, bytes}] = table.Add(field, static_cast<ValueForm>(form), bytes);
  }
  EXPECT_EQ(table.size(), expected.size());
}

TEST(ValueTable, TheFirst64ValuesOfAFieldHaveABitOfTheirOwn) {
  ValueTable table;
  std::set<uint64_t> bits;
  for (int i = 0; i < 70; ++i) {
    const ValueId value = table.Add(0, ValueForm::kText, std::to_string(i));
    if (i < 64) {
      EXPECT_TRUE(bits.insert(table.bit(value)).second);
    } else {
      EXPECT_EQ(table.bit(value), 0u);
    }
  }
  EXPECT_NE(table.bit(table.Add(9, ValueForm::kText, "x")), 0u);
}

}  // namespace
}  // namespace turnout::router
