#include "router/table_value.h"

#include <string>

#include "gtest/gtest.h"

namespace turnout::router {
namespace {

struct Case {
  std::string bytes;
  std::string json;  // empty: none
};

TEST(TableValueReader, JsonStaysAsItIsAndOtherTextBecomesAString) {
  TableValueReader reader;
  const Case cases[] = {
      {R"({"name": "Shop"})", R"({"name": "Shop"})"},
      {" [1, 2]\n", "[1, 2]"},
      {"42", "42"},
      {"-1.5e3", "-1.5e3"},
      {"true", "true"},
      {"null", "null"},
      {R"("text")", R"("text")"},
      {"plain words", R"("plain words")"},
      {"", R"("")"},
      {"  ", R"("  ")"},
      {"{", R"("{")"},
      {R"(say "hi")", R"("say \"hi\"")"},
      {"01", R"("01")"},
      // What would be more than one value, or reach out of its place.
      {"1,2", R"("1,2")"},
      {R"(1,"x":2)", R"("1,\"x\":2")"},
      {"1}", R"("1}")"},
      {"1} ", R"("1} ")"},
      {R"(1},{"v":2)", R"("1},{\"v\":2")"},
      {R"({"a":1},{"b":2})", R"("{\"a\":1},{\"b\":2}")"},
      {"1 2", R"("1 2")"},
      {"\xff\xfe", ""},
      {std::string("\"\xff\""), ""},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(reader.Read(one.bytes).value_or(""), one.json) << one.bytes;
  }
}

TEST(TableValueReader, JsonThatIsNestedTooDeeplyIsAString) {
  TableValueReader reader;
  const std::string deep = std::string(5'000, '[') + std::string(5'000, ']');
  EXPECT_EQ(reader.Read(deep).value_or(""), "\"" + deep + "\"");
}

}  // namespace
}  // namespace turnout::router
