#include "router/regex.h"

#include <string>

#include "gtest/gtest.h"

namespace turnout::router {
namespace {

constexpr int64_t kBytesMax = 1 << 20;

struct Compiled {
  explicit Compiled(std::string_view expression, int64_t bytes_max = kBytesMax)
      : regex(Regex::Compile(expression, bytes_max, &fault, &error)) {}

  Regex::Fault fault = Regex::Fault::kNone;
  std::string error;
  std::shared_ptr<const Regex> regex;
};

TEST(Regex, IsSearchedForAnywhereInTheText) {
  EXPECT_TRUE(Compiled("b+").regex->Matches("abbbc"));
  EXPECT_FALSE(Compiled("^b+").regex->Matches("abbbc"));
  EXPECT_FALSE(Compiled("^b+$").regex->Matches("bbb\n"));
  EXPECT_TRUE(Compiled("").regex->Matches(""));
  EXPECT_TRUE(Compiled("(?i)ABC").regex->Matches("xabcx"));
  EXPECT_FALSE(Compiled("a.c").regex->Matches("a\nc"));
  EXPECT_TRUE(Compiled("(?s)a.c").regex->Matches("a\nc"));
  EXPECT_TRUE(Compiled("(a)(b)").regex->Matches("ab"));
  EXPECT_TRUE(Compiled("^\\d{4}$").regex->Matches("2026"));
}

TEST(Regex, CountsCharactersNotBytes) {
  EXPECT_TRUE(Compiled("^.$").regex->Matches("\xC3\xBC"));
  EXPECT_TRUE(Compiled("^.$").regex->Matches("\xF0\x9F\x98\x80"));
  EXPECT_TRUE(Compiled("^\\p{Greek}+$").regex->Matches("\xCE\xB1\xCE\xB2"));
}

TEST(Regex, TextsThatAreNoUtf8AreSearchedAllTheSame) {
  EXPECT_TRUE(Compiled("b$").regex->Matches(std::string("\xFF\0b", 3)));
  EXPECT_FALSE(
      Compiled("^.b$").regex->Matches("\xFF"
                                      "b"));
}

TEST(Regex, MistakesAreSaidInWords) {
  const Compiled open("a(b");
  EXPECT_EQ(open.regex, nullptr);
  EXPECT_EQ(open.fault, Regex::Fault::kSyntax);
  EXPECT_EQ(open.error, "missing ): a(b");
  for (const char* expression : {"*", "(?=a)", "\\1", "[z-a]", "a{1001}", "\xFF"}) {
    const Compiled wrong(expression);
    EXPECT_EQ(wrong.fault, Regex::Fault::kSyntax) << expression;
    EXPECT_FALSE(wrong.error.empty()) << expression;
  }
}

TEST(Regex, WhatNeedsMoreMemoryThanAllowedIsRefused) {
  for (const char* expression : {"\\pL{500}", "\\pL{2}", "x[a-c]{900}[d-f]{900}[g-i]{900}y"}) {
    const Compiled large(expression);
    EXPECT_EQ(large.regex, nullptr) << expression;
    EXPECT_EQ(large.fault, Regex::Fault::kTooLarge) << expression;
  }
  EXPECT_NE(Compiled("\\pL{2}", 8 << 20).regex, nullptr);
}

}  // namespace
}  // namespace turnout::router
