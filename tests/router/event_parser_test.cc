#include "router/event_parser.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One field asked for, and what the parser finds there, decoded.
class EventParserTest : public ::testing::Test {
 protected:
  absl::Status Parse(std::string_view text, const std::vector<std::string>& paths) {
    trie_ = FieldTrie();
    for (const std::string& path : paths) trie_.Add(path);
    // A block of exactly the text's size: the sanitizers see any read beyond it.
    bytes_ = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), bytes_.get());
    event_.Reset(trie_.field_count());
    size_ = text.size();
    return parser_.Parse({bytes_.get(), text.size()}, trie_, &event_);
  }

  std::vector<std::string> Found(FieldId field) {
    std::vector<std::string> texts;
    for (LeafIndex leaf = event_.found[field].first; leaf != kNoLeaf;
         leaf = event_.leaves[leaf].next) {
      texts.emplace_back(event_.Decoded(leaf, size_).text);
    }
    return texts;
  }

  FieldTrie trie_;
  EventParser parser_;
  GatheredEvent event_;
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
};

TEST_F(EventParserTest, OnlyAskedForFieldsAreGathered) {
  ASSERT_TRUE(Parse(R"({"a":{"b":"x","c":"y"},"b":1,"d":[1,{"e":2}]})", {"a.b", "d", "d.e"}).ok());
  EXPECT_THAT(Found(0), ElementsAre("x"));
  EXPECT_THAT(Found(1), ElementsAre("1"));
  EXPECT_THAT(Found(2), ElementsAre("2"));
  EXPECT_EQ(event_.leaves.size(), 3u);
}

TEST_F(EventParserTest, AnArrayOfScalarsUnderAnAskedForFieldIsGathered) {
  ASSERT_TRUE(Parse(R"({"d":["x",[1,[true]],null,{"y":2}]})", {"d"}).ok());
  EXPECT_EQ(Found(0).size(), 4u);
}

TEST_F(EventParserTest, KeysAreComparedDecodedAndSplitAtDots) {
  ASSERT_TRUE(
      Parse(R"({"\u0061.b":1,"a":{"b":2},"a.b":{"c":3},"a.":{"b":4},"ab":5})", {"a.b"}).ok());
  EXPECT_THAT(Found(0), ElementsAre("1", "2"));
  const std::string long_key(1000, 'k');
  ASSERT_TRUE(Parse("{\"\\u006b" + long_key.substr(1) + "\":7}", {long_key}).ok());
  EXPECT_THAT(Found(0), ElementsAre("7"));
}

TEST_F(EventParserTest, StringsAreDecodedOnlyWhenAskedForAndKeepTheirPlaces) {
  ASSERT_TRUE(
      Parse(R"({"a":"x\n\u00e9\ud83d\ude00","skip":"\t\"","b":"plain","c":"\\"})", {"a", "b", "c"})
          .ok());
  EXPECT_THAT(Found(2), ElementsAre("\\"));
  EXPECT_THAT(Found(0), ElementsAre("x\n\xC3\xA9\xF0\x9F\x98\x80"));
  EXPECT_THAT(Found(1), ElementsAre("plain"));
  EXPECT_THAT(Found(2), ElementsAre("\\"));
}

TEST_F(EventParserTest, AnEventBeforeLeavesNothingBehind) {
  ASSERT_TRUE(Parse(R"({"a":[{"b":"\u0041"},{"b":2}]})", {"a.b"}).ok());
  ASSERT_FALSE(Parse(R"({"a":[{"b":1},)", {"a.b"}).ok());
  ASSERT_TRUE(Parse(R"({"c":1})", {"a.b"}).ok());
  EXPECT_THAT(Found(0), IsEmpty());
  EXPECT_EQ(event_.scopes.size(), 1u);
}

TEST_F(EventParserTest, EveryPrefixOfAnEventIsRefused) {
  const std::string text = R"({"a":[1.5e-3,"x\"\u00e9",true,false,null,{"b":{}}],"c":-0})";
  ASSERT_TRUE(Parse(text, {"a", "c"}).ok());
  for (size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(Parse(text.substr(0, length), {"a", "c"}).ok()) << text.substr(0, length);
    EXPECT_FALSE(Parse(text.substr(0, length), {"z"}).ok()) << text.substr(0, length);
  }
}

TEST_F(EventParserTest, AnythingMayFollowTheEvent) {
  for (const char* tail : {" ", "x", "}", "{", "\"", "\"\x01", "\xff", "\\", "{\"a\":"}) {
    ASSERT_TRUE(Parse("{\"a\":1}" + std::string(tail), {"a"}).ok()) << tail;
    EXPECT_THAT(Found(0), ElementsAre("1"));
  }
}

TEST_F(EventParserTest, ErrorsNameTheByteAndWhatIsWrong) {
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"", "byte 0: the payload is empty"},
      {" \n", "byte 0: the payload is empty"},
      {" [1]", "byte 1: an event must be a JSON object"},
      {"{\"a\":1", "byte 6: expected `,` or `}`"},
      {"{\"a\":", "byte 5: the event ends before its closing brace"},
      {"{\"a\" 1}", "byte 5: expected `:`"},
      {"{\"a\":01}", "byte 5: malformed number"},
      {"{\"a\":12x}", "byte 7: unexpected text after a value"},
      {"{\"a\":[1 2]}", "byte 8: expected `,` or `]`"},
      {"{\"a\":1,}", "byte 7: expected a field name"},
      {"{\"a\":nul}", "byte 5: expected a JSON value"},
      {"{\"a\":\"b\\x\"}", "byte 7: unknown escape"},
      {"{\"a\":\"b\xff\"}", "byte 7: not UTF-8"},
      {"{\"a\":\"b\x01\"}", "byte 7: a raw control character"},
      {"{\"a\":\"b", "byte 5: a string is not closed"},
  };
  for (const auto& test : cases) {
    const absl::Status status = Parse(test.text, {"q"});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << test.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message)) << test.text;
  }
}

TEST_F(EventParserTest, AThousandLevelsAreReadAndOneMoreIsRefused) {
  for (const std::string path : {"a", "q"}) {
    const auto nested = [](size_t levels) {
      return "{\"a\":" + std::string(levels, '[') + std::string(levels, ']') + "}";
    };
    EXPECT_TRUE(Parse(nested(kEventDepthMax - 1), {path}).ok());
    const absl::Status status = Parse(nested(kEventDepthMax), {path});
    EXPECT_THAT(std::string(status.message()), HasSubstr("deeper than 1000"));
    EXPECT_FALSE(Parse("{\"a\":" + std::string(1000000, '['), {path}).ok());
  }
}

TEST_F(EventParserTest, TenMegabytesOfEscapesAreDecodedInOneGo) {
  std::string text = "{\"a\":[\"x\"";
  while (text.size() < 10u << 20) text += ",\"\\u00e9\\n\"";
  text += "]}";
  ASSERT_TRUE(Parse(text, {"a"}).ok());
  const std::vector<std::string> found = Found(0);
  EXPECT_GT(found.size(), 900000u);
  EXPECT_EQ(found.back(), "\xC3\xA9\n");
}

}  // namespace
}  // namespace turnout::router
