#include "runtime/event_mask.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

struct Case {
  std::vector<std::string> fields;
  std::string json;
  std::string shown;
};

TEST(EventMask, WritesStarsForWhatMayNotBeSeen) {
  const Case cases[] = {
      {{}, R"({ "a" : 1.10, "b":[true,null] })", R"({"a":1.10,"b":[true,null]})"},
      {{"a"}, R"({"a":{"b":1},"c":2})", R"({"a":"***","c":2})"},
      {{"card.number"},
       R"({"card":{"number":"4111","kind":"x"}})",
       R"({"card":{"number":"***","kind":"x"}})"},
      {{"a.b"}, R"({"a":[{"b":1},[{"b":2}]],"b":3})", R"({"a":[{"b":"***"},[{"b":"***"}]],"b":3})"},
      {{"a"}, R"({"a":1,"a":2})", R"({"a":"***","a":"***"})"},
      {{"EMail"}, R"({"eMAIL":"x","E":"email"})", R"({"eMAIL":"***","E":"email"})"},
      {{"a"}, R"({"\u0061":1})", R"({"a":"***"})"},
      {{"a.b"}, R"({"a.b":1,"a":{"b":2}})", R"({"a.b":"***","a":{"b":"***"}})"},
      {{"a.b.c"}, R"({"a.b":{"c":1}})", R"({"a.b":{"c":"***"}})"},
      {{"ab"}, R"([{"ab":1,"a":{"b":1}}])", R"([{"ab":"***","a":{"b":1}}])"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(EventMask(one.fields).Payload(one.json), one.shown) << one.json;
  }
}

TEST(EventMask, ShowsNothingThatItCanNotRead) {
  for (const char* const text : {"", "{", "secret", "{\"a\":1} secret"}) {
    EXPECT_EQ(EventMask({"a"}).Payload(text), std::nullopt) << text;
  }
  EXPECT_EQ(EventMask({"a"}).Payload(std::string(5'000, '[')), std::nullopt);
}

TEST(EventMask, CoversTheRecordsKeyAndHeaders) {
  const EventMask some({"$kafka.key", "$kafka.headers.Token"});
  EXPECT_EQ(some.Key("k"), "***");
  EXPECT_EQ(some.Header("token", "t"), "***");
  EXPECT_EQ(some.Header("other", "o"), "o");
  EXPECT_EQ(EventMask({"$kafka.headers"}).Header("other", "o"), "***");
  EXPECT_EQ(EventMask({"key"}).Key("k"), "k");
}

}  // namespace
}  // namespace turnout::runtime
