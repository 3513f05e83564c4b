#include "router/matcher.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/document.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Pattern Compiled(std::string_view text) {
  std::vector<Problem> problems;
  const std::optional<Node> node = ParseJson(text, &problems);
  std::optional<Pattern> pattern;
  if (node) pattern = CompilePattern(*node, PatternLimits(), &problems);
  EXPECT_TRUE(pattern) << text << ": " << problems.at(0).what;
  return *pattern;
}

Event Payload(std::string_view text) {
  Event event;
  event.value = text;
  event.topic = "in";
  return event;
}

std::string FieldText(const Matcher::Scratch& scratch, size_t i) {
  return scratch.Field(i).data() == nullptr ? "<none>" : std::string(scratch.Field(i));
}

TEST(Matcher, AnswersTheMatchingPatternsInOrder) {
  const Matcher matcher(
      {Compiled(R"({"a":[1]})"), Compiled(R"({"b":[1]})"), Compiled(R"({"a":[1,2]})")}, {});
  const auto scratch = matcher.NewScratch();
  ASSERT_TRUE(matcher.Match(Payload(R"({"a":1})"), scratch.get()).ok());
  EXPECT_THAT(scratch->matches(), ElementsAre(0u, 2u));
  ASSERT_TRUE(matcher.Match(Payload("{}"), scratch.get()).ok());
  EXPECT_THAT(scratch->matches(), IsEmpty());
}

TEST(Matcher, FieldsAnswerTheFirstScalar) {
  const Matcher matcher({}, {"s", "n", "t", "nothing", "null", "object", "list", "a.b",
                             "$kafka.key", "$kafka.topic", "$kafka.partition", "$kafka.headers.h",
                             "$kafka.x"});
  const auto scratch = matcher.NewScratch();
  Event event = Payload(
      R"({"s":"x\u00e9","n":1.50,"t":true,"null":null,"object":{"y":1},"list":[[],"p","q"],)"
      R"("a":[{"c":1},{"b":"z"}]})");
  event.partition = 12;
  const std::vector<Header> headers = {{"h", "1"}, {"h", "2"}};
  event.headers = headers;
  ASSERT_TRUE(matcher.Match(event, scratch.get()).ok());
  std::vector<std::string> texts;
  for (size_t i = 0; i < 13; ++i) texts.push_back(FieldText(*scratch, i));
  EXPECT_THAT(texts, ElementsAre("x\xC3\xA9", "1.50", "true", "<none>", "<none>", "<none>", "p",
                                 "z", "<none>", "in", "12", "1", "<none>"));
}

TEST(Matcher, KafkaPatternsNeverLookAtThePayload) {
  const Matcher matcher({Compiled(R"({"$kafka":{"topic":["in"]}})")}, {"$kafka.key"});
  const auto scratch = matcher.NewScratch();
  EXPECT_TRUE(matcher.Match(Payload("this is no JSON"), scratch.get()).ok());
  EXPECT_THAT(scratch->matches(), ElementsAre(0u));
}

TEST(Matcher, KafkaPatternsAreAnsweredBesideABadPayload) {
  const Matcher matcher({Compiled(R"({"a":[1]})"), Compiled(R"({"$kafka":{"topic":["in"]}})"),
                         Compiled(R"({"a":[{"exists":false}]})")},
                        {"a", "$kafka.topic"});
  const auto scratch = matcher.NewScratch();
  const absl::Status status = matcher.Match(Payload(R"({"a":1,)"), scratch.get());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(scratch->matches(), ElementsAre(1u));
  EXPECT_EQ(FieldText(*scratch, 0), "<none>");
  EXPECT_EQ(FieldText(*scratch, 1), "in");
}

// Work grows with the event, not with its square: ten thousand elements would take minutes.
TEST(Matcher, ScalarsAmongAnArraysElementsAgreeWithEachOfThem) {
  const Matcher matcher({Compiled(R"({"b":[{"all-of":[false,-1]}]})")}, {});
  const auto scratch = matcher.NewScratch();
  for (const char* event : {R"({"b":[[false],[-1],-1]})", R"({"b":[[-1],-1,[false]]})",
                            R"({"b":[-1,[-1],[false]]})", R"({"b":[[[-1],[false],-1],[-1]]})"}) {
    ASSERT_TRUE(matcher.Match(Payload(event), scratch.get()).ok());
    EXPECT_THAT(scratch->matches(), ElementsAre(0u)) << event;
  }
  for (const char* event : {R"({"b":[[false],[-1],2]})", R"({"b":[2,[-1],3,[false]]})"}) {
    ASSERT_TRUE(matcher.Match(Payload(event), scratch.get()).ok());
    EXPECT_THAT(scratch->matches(), IsEmpty()) << event;
  }
}

TEST(Matcher, LongArraysCostTheirLength) {
  std::string text = "{\"a\":[";
  for (int i = 0; i < 10000; ++i) text += R"({"x":1,"z":[1,2]},{"y":1},)";
  text += "{}],\"b\":[";
  for (int i = 0; i < 10000; ++i) text += R"({"p":1},{"q":1},)";
  text += "{}],\"c\":1}";
  const Matcher matcher({Compiled(R"({"a":{"x":[1],"y":[1]}})"),
                         Compiled(R"({"a":{"x":[1]},"b":{"p":[1],"q":[1]}})"),
                         Compiled(R"({"a":{"x":[1],"z":[2]},"b":{"p":[1]},"c":[2,1]})"),
                         Compiled(R"({"a":{"x":[1],"y":[{"exists":false}],"z":[3]}})"),
                         Compiled(R"({"a":{"x":[1],"y":[{"exists":false}],"z":[2]}})")},
                        {});
  const auto scratch = matcher.NewScratch();
  ASSERT_TRUE(matcher.Match(Payload(text), scratch.get()).ok());
  EXPECT_THAT(scratch->matches(), ElementsAre(2u, 4u));
}

// A field that may be absent makes the search look back at values chosen before it, here at ten
// thousand of each of three sibling arrays. Their product would take days.
TEST(Matcher, AbsentFieldsOfSiblingArraysCostTheirSum) {
  std::string text = "{";
  for (const char* array : {"a", "b", "c"}) {
    text += std::string(text.size() > 1 ? ",\"" : "\"") + array + "\":[";
    for (int i = 0; i < 10000; ++i) text += R"({"x":1,"y":2},7,)";
    text += R"({"z":1}])";
  }
  text += "}";
  const Matcher matcher(
      {Compiled(R"({"a":{"x":[1],"y":[{"exists":false}]},"b":{"x":[1],"y":[{"exists":false}]},)"
                R"("c":{"x":[1],"y":[{"exists":false}]}})"),
       Compiled(R"({"a":{"x":[1],"z":[{"exists":false}]},"b":{"x":[1],"z":[{"exists":false}]},)"
                R"("c":{"x":[1],"y":[{"exists":false}]}})"),
       Compiled(R"({"a":[7],"a.y":[{"exists":false}],"b":[7],"b.y":[{"exists":false}]})"),
       Compiled(R"({"a":{"x":[1],"z":[{"exists":false}]},"b":{"x":[1],"z":[{"exists":false}]},)"
                R"("c":{"x":[1],"z":[{"exists":false}]}})")},
      {});
  const auto scratch = matcher.NewScratch();
  ASSERT_TRUE(matcher.Match(Payload(text), scratch.get()).ok());
  EXPECT_THAT(scratch->matches(), ElementsAre(3u));
}

// Thirteen fields, each in an element of its own, over twelve arrays that repeat one key: whichever
// twelve are placed, the thirteenth has no array left, and only trying them all would show it.
TEST(Matcher, RepeatedArraysWithTooManyCombinationsAreRefused) {
  std::string elements;
  std::string pattern;
  for (int i = 0; i < 13; ++i) {
    const std::string separator = i == 0 ? "" : ",";
    elements += separator + "{\"k" + std::to_string(i) + "\":1}";
    pattern += separator + "\"k" + std::to_string(i) + "\":[1]";
  }
  std::string text = "{\"b\":1";
  for (int i = 0; i < 12; ++i) text += ",\"a\":[" + elements + "]";
  text += "}";
  const Matcher matcher({Compiled(R"({"b":[1]})"), Compiled("{\"a\":{" + pattern + "}}"),
                         Compiled(R"({"$kafka":{"topic":["in"]}})")},
                        {});
  const auto scratch = matcher.NewScratch();
  const absl::Status status = matcher.Match(Payload(text), scratch.get());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(scratch->matches(), ElementsAre(2u));
}

}  // namespace
}  // namespace turnout::router
