#include "connectors/json_output.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "connectors/instant_text.h"

namespace turnout::connectors {
namespace {

using namespace std::string_view_literals;

TEST(JsonOutput, TextsAreEscapedAndHeldToUtf8) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {""sv, "\"\""sv},
      {"a/b"sv, "\"a/b\""sv},
      {"\"\\\b\f\n\r\t"sv, "\"\\\"\\\\\\b\\f\\n\\r\\t\""sv},
      {"\0\x1f\x7f"sv, "\"\\u0000\\u001f\x7f\""sv},
      {"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf"sv,
       "\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf\""sv},
      {"\xee\x80\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"sv,
       "\"\xee\x80\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\""sv},
  };
  for (const auto& [text, json] : cases) {
    std::string out;
    EXPECT_TRUE(AppendJsonText(text, &out)) << json;
    EXPECT_EQ(out, json);
  }
  for (const std::string_view text :
       {"\x80"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xc2"sv, "\xc2 "sv, "\xe0\x9f\xbf"sv,
        "\xed\xa0\x80"sv, "\xe2\x82"sv, "\xe2\x82 "sv, "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv,
        "\xf5\x80\x80\x80"sv, "\xf0\x90\x80"sv, "\xff"sv}) {
    std::string out;
    EXPECT_FALSE(AppendJsonText(text, &out)) << testing::PrintToString(text);
  }
}

TEST(JsonOutput, EveryCharacterReadsBackWhereverItStands) {
  for (int c = 0; c < 0x80; ++c) {
    for (size_t at = 0; at < 19; ++at) {
      std::string text(19, '~');
      text[at] = static_cast<char>(c);
      std::string out;
      EXPECT_TRUE(AppendJsonText(text, &out));
      EXPECT_EQ(nlohmann::json::parse(out), text) << c << " at " << at;
      text[at] = static_cast<char>(c + 0x80);
      EXPECT_FALSE(AppendJsonText(text, &out)) << c << " at " << at;
    }
  }
}

TEST(JsonOutput, NumbersReadBackAsTheyWere) {
  const double doubles[] = {0.1, 1e22, 5e-324, 1.7976931348623157e308, -123456789.125, 1.0};
  for (const double value : doubles) {
    std::string out;
    JsonOutput json(&out);
    json.Double(value);
    json.Keep();
    EXPECT_EQ(std::strtod(out.c_str(), nullptr), value) << out;
  }
  std::string out;
  {
    JsonOutput json(&out);
    json.Float(0.1f);
    json.Raw(' ');
    json.Float(std::numeric_limits<float>::infinity());
    json.Raw(' ');
    json.Double(std::nan(""));
    json.Raw(' ');
    json.Signed(std::numeric_limits<int64_t>::min());
    json.Raw(' ');
    json.Unsigned(std::numeric_limits<uint64_t>::max());
    json.Keep();
  }
  EXPECT_EQ(out, "0.1 \"Infinity\" \"NaN\" -9223372036854775808 18446744073709551615");
}

TEST(JsonOutput, BytesBecomeBase64) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"", "\"\""},
                                                                 {"f", "\"Zg==\""},
                                                                 {"fo", "\"Zm8=\""},
                                                                 {"foo", "\"Zm9v\""},
                                                                 {"foob", "\"Zm9vYg==\""}};
  for (const auto& [bytes, text] : cases) {
    std::string out;
    JsonOutput json(&out);
    json.Base64(bytes);
    json.Keep();
    EXPECT_EQ(out, text);
  }
}

TEST(JsonOutput, WhatIsNotKeptIsTakenBack) {
  std::string out = "x";
  {
    JsonOutput json(&out);
    json.Raw("{");
    EXPECT_TRUE(json.is_object());
  }
  EXPECT_EQ(out, "x");
  JsonOutput json(&out);
  EXPECT_FALSE(json.is_object());
  json.Raw(std::string(kDecodedBytesMax, ' '));
  EXPECT_TRUE(json.within_limit());
  json.Raw(' ');
  EXPECT_FALSE(json.within_limit());
}

TEST(InstantText, ReachesFromTheYear1To9999) {
  InstantText text;
  EXPECT_EQ(SecondText(-62'135'596'800, 0, "Z", &text), "0001-01-01T00:00:00Z");
  EXPECT_EQ(SecondText(253'402'300'799, 999'999'999, "Z", &text), "9999-12-31T23:59:59.999999999Z");
  EXPECT_EQ(SecondText(951'782'400, 120'000'000, "", &text), "2000-02-29T00:00:00.120");
  EXPECT_EQ(SecondText(-62'135'596'801, 0, "Z", &text), "");
  EXPECT_EQ(SecondText(253'402'300'800, 0, "Z", &text), "");
  EXPECT_EQ(DayText(-719'162, &text), "0001-01-01");
  EXPECT_EQ(DayText(2'932'896, &text), "9999-12-31");
  EXPECT_EQ(DayText(-719'163, &text), "");
  EXPECT_EQ(DayText(2'932'897, &text), "");
  EXPECT_EQ(TimeOfDayText(86'399, 1'000, &text), "23:59:59.000001");
  EXPECT_EQ(TimeOfDayText(86'400, 0, &text), "");
}

}  // namespace
}  // namespace turnout::connectors
