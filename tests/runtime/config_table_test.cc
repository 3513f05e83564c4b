#include "runtime/config_table.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

std::string Readme() {
  std::ifstream file(TURNOUT_SOURCE_DIR "/runtime/README.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ConfigTable, TheReadmeShowsTheTableInForce) {
  const std::string readme = Readme();
  const std::string mark = "<!-- config table -->\n";
  const size_t begin = readme.find(mark);
  ASSERT_NE(begin, std::string::npos) << "runtime/README.md lacks the first mark";
  const size_t end = readme.find(mark, begin + mark.size());
  ASSERT_NE(end, std::string::npos) << "runtime/README.md lacks the second mark";
  EXPECT_EQ(readme.substr(begin + mark.size(), end - begin - mark.size()), ConfigTableMarkdown())
      << "put this between the marks:\n"
      << ConfigTableMarkdown();
}

TEST(ConfigTable, EveryRowIsCompleteAndItsKeyIsItsOwn) {
  std::set<std::string_view> keys;
  for (const ConfigField& field : ConfigFields()) {
    EXPECT_TRUE(keys.insert(field.key).second) << field.key;
    EXPECT_FALSE(field.effect.empty()) << field.key;
    EXPECT_FALSE(field.cost.empty()) << field.key;
    EXPECT_FALSE(AllowedText(field).empty()) << field.key;
    EXPECT_NE(field.store, nullptr) << field.key;
    const bool is_text = field.type == FieldType::kText || field.type == FieldType::kPath;
    EXPECT_EQ(field.check != nullptr, is_text) << field.key;
    const int origins = (field.required ? 1 : 0) + (field.default_text.empty() ? 0 : 1) +
                        (field.derive == nullptr ? 0 : 1);
    EXPECT_EQ(origins, 1) << field.key << " is required, or has one default";
    EXPECT_EQ(field.derive == nullptr, field.default_shown.empty()) << field.key;
  }
}

TEST(ConfigTable, EveryDefaultIsAllowedAndWrittenAsItWouldBePrinted) {
  for (const ConfigField& field : ConfigFields()) {
    if (field.default_text.empty()) continue;
    std::string what;
    const auto value = ParseField(field, field.default_text, &what);
    ASSERT_TRUE(value.has_value()) << field.key << " " << what;
    const auto again = ParseField(field, FormatField(field, *value), &what);
    ASSERT_TRUE(again.has_value()) << field.key;
    EXPECT_EQ(again->number, value->number) << field.key;
    EXPECT_EQ(again->text, value->text) << field.key;
  }
}

TEST(ConfigTable, NoKeyIsTheBeginningOfAnother) {
  for (const ConfigField& a : ConfigFields()) {
    for (const ConfigField& b : ConfigFields()) {
      EXPECT_NE(std::string(a.key) + ".", std::string(b.key.substr(0, a.key.size() + 1)));
    }
  }
}

}  // namespace
}  // namespace turnout::runtime
