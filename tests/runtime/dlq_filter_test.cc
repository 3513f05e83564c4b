#include "runtime/dlq_filter.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/redrive_job.h"

namespace turnout::runtime {
namespace {

using connectors::Header;
using testing::HasSubstr;
using testing::Not;

DeadLetter Letter(std::string_view kind, std::string_view rules, int64_t at_ms) {
  DeadLetter letter;
  letter.event.timestamp_ms = at_ms;
  letter.event.value = "{\"a\": \"line\n\"}";
  letter.kind = kind;
  letter.reason = "topic out.a is away";
  letter.rule_ids = rules;
  letter.source = "events/0/1";
  return letter;
}

TEST(DlqFilter, TakesWhatAllOfItTakes) {
  const DeadLetter letter = Letter("unroutable", "shop/a,shop/b", 1'000);
  const struct {
    DlqFilter filter;
    bool takes;
  } cases[] = {
      {{}, true},
      {{.rule = "shop"}, true},
      {{.rule = "sho"}, false},
      {{.rule = "shop/b"}, true},
      {{.rule = "shop/c"}, false},
      {{.kind = "unroutable"}, true},
      {{.kind = "poison"}, false},
      {{.reason = "is away"}, true},
      {{.reason = "was away"}, false},
      {{.since_ms = 1'000, .until_ms = 1'001}, true},
      {{.since_ms = 1'001}, false},
      {{.until_ms = 1'000}, false},
      {{.rule = "shop", .kind = "poison"}, false},
  };
  for (const auto& [filter, takes] : cases) {
    EXPECT_EQ(filter.Takes(letter), takes) << filter.rule << filter.kind << filter.reason;
  }
}

TEST(DlqFilter, MomentsAreTimesOrSoLongAgo) {
  const absl::Time now = absl::FromUnixSeconds(10'000);
  EXPECT_EQ(ParseMoment("1h", now), (10'000 - 3'600) * 1'000);
  EXPECT_EQ(ParseMoment("1970-01-01T00:00:05Z", now), 5'000);
  for (const char* text : {"", "yesterday", "5", "2026-11-26"}) {
    EXPECT_FALSE(ParseMoment(text, now)) << text;
  }
}

TEST(DlqCounts, AreByKindAndRulesWithTheMostFirst) {
  DlqCounts counts;
  counts.Add(Letter("poison", "", 3'000));
  for (const int64_t at_ms : {5'000, 2'000, 9'000}) {
    counts.Add(Letter("unroutable", "shop/a", at_ms));
  }
  EXPECT_EQ(counts.total(), 4u);
  EXPECT_EQ(counts.Lines(),
            R"({"kind":"unroutable","rules":"shop/a","team":"shop","count":3,"first_ms":2000,)"
            R"("last_ms":9000,"reason":"topic out.a is away"})"
            "\n"
            R"({"kind":"poison","rules":"-","team":"-","count":1,"first_ms":3000,"last_ms":3000,)"
            R"("reason":"topic out.a is away"})"
            "\n");
  EXPECT_THAT(counts.Table(), HasSubstr("1970-01-01T00:00:02Z  1970-01-01T00:00:09Z"));
}

TEST(DeadLetterText, IsCutShortAndStaysOnItsLines) {
  DeadLetter letter = Letter("unroutable", "shop/a", 1'000);
  EXPECT_THAT(DeadLetterText(letter, "dead"), Not(HasSubstr("line\n")));
  const std::string large(100'000, 'x');
  letter.event.value = large;
  EXPECT_LT(DeadLetterText(letter, "dead").size(), 2'000u);
  EXPECT_THAT(DeadLetterJson(letter, "dead"), HasSubstr(R"("value_bytes":100000)"));
  EXPECT_LT(DeadLetterJson(letter, "dead").size(), 70'000u);
}

TEST(WhyLeft, NamesWhatCanNotBePutBack) {
  DeadLetter letter = Letter("unroutable", "shop/a", 1'000);
  EXPECT_EQ(WhyLeft(letter, "events", false), "");
  EXPECT_THAT(WhyLeft(letter, "event", false), HasSubstr("source"));
  EXPECT_THAT(WhyLeft(letter, "events", true), HasSubstr("once its destination is well"));
  letter.kind = "missing_key";
  EXPECT_EQ(WhyLeft(letter, "events", true), "");
  letter.is_of_replay = true;
  EXPECT_THAT(WhyLeft(letter, "events", false), HasSubstr("replay"));
  letter.destination = "out.a";
  EXPECT_EQ(WhyLeft(letter, "events", false), "") << "its rule says whether it still sends there";
  letter.is_omitted = true;
  EXPECT_THAT(WhyLeft(letter, "events", false), HasSubstr("too large"));
}

}  // namespace
}  // namespace turnout::runtime
