#include "runtime/event_format.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = SchemaAnswer::Kind;

constexpr absl::Duration kLong = absl::Seconds(20);

// Of payloads that begin with an x.
class OneMember : public connectors::PayloadSchema {
 public:
  absl::Status AppendJson(std::string_view payload, std::string* json) const override {
    if (payload.substr(0, 1) != "x") return absl::InvalidArgumentError("byte 0 is no x");
    json->append("{\"x\":\"").append(payload).append("\"}");
    return absl::OkStatus();
  }
};

std::string ValueOf(uint32_t id, std::string_view payload) {
  std::string value(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(id >> shift & 0xff);
  return value.append(payload);
}

class EventFormatTest : public ::testing::Test {
 protected:
  EventFormatTest()
      : registry_(
            [this](uint32_t id, const std::atomic<bool>&) -> absl::StatusOr<FetchedSchema> {
              asked_.push_back(id);
              if (id == 404) return absl::NotFoundError("no schema 404");
              return FetchedSchema{.schema = std::make_shared<OneMember>(), .text_bytes = 9};
            },
            kLong),
        format_(&registry_) {}

  std::string Fault(std::string_view value) {
    const PayloadReading reading = format_.Read(value, kLong);
    EXPECT_EQ(reading.decoded.data(), nullptr);
    return reading.undecodable == nullptr ? "" : *reading.undecodable;
  }

  std::vector<uint32_t> asked_;
  SchemaRegistry registry_;
  EventFormat format_;
};

TEST_F(EventFormatTest, TheIdsFourBytesAreBigEndian) {
  const std::string value = ValueOf(0x01020304, "xy");
  const PayloadReading reading = format_.Read(value, kLong);
  EXPECT_EQ(reading.decoded, R"({"x":"xy"})");
  EXPECT_EQ(reading.undecodable, nullptr);
  EXPECT_EQ(reading.lacks, nullptr);
  EXPECT_THAT(asked_, ElementsAre(0x01020304));
  EXPECT_EQ(format_.Read(ValueOf(0x01020304, "xz")).decoded, R"({"x":"xz"})");
  EXPECT_THAT(asked_, ElementsAre(0x01020304));
}

TEST_F(EventFormatTest, WhatIsJsonStaysAsItIs) {
  for (const std::string_view value : {"{}", " \r\n\t{\"a\": 1}", "{ broken", "", "  "}) {
    const PayloadReading reading = format_.Read(value);
    EXPECT_EQ(reading.decoded.data(), nullptr) << value;
    EXPECT_EQ(reading.undecodable, nullptr) << value;
  }
  EXPECT_EQ(format_.Read({}).undecodable, nullptr);  // a tombstone
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(EventFormatTest, WhatIsNeitherCantBeRead) {
  for (const std::string_view value : {"abc", "[1]", "7", "\x01\x02", "\xff"}) {
    EXPECT_THAT(Fault(value), HasSubstr("neither a schema's")) << value;
  }
  for (size_t bytes = 1; bytes < 5; ++bytes) {
    EXPECT_THAT(Fault(ValueOf(7, "").substr(0, bytes)), HasSubstr("ends before the schema's id"));
  }
  EXPECT_THAT(Fault(ValueOf(7, "")), HasSubstr("by its schema, 7: byte 0 is no x"));
  EXPECT_THAT(Fault(ValueOf(404, "x")), HasSubstr("no schema 404"));
}

TEST_F(EventFormatTest, SaysWhatIsLackingWithoutWaiting) {
  const PayloadReading reading = format_.Read(ValueOf(7, "x"));
  ASSERT_NE(reading.lacks, nullptr);
  EXPECT_EQ(reading.lacks->kind, Kind::kAwaited);
  EXPECT_EQ(reading.schema_id, 7u);
  format_.SayNotAwaited();
  EXPECT_THAT(*reading.undecodable, HasSubstr("schema 7 is on its way; not waited for any longer"));
  while (format_.Read(ValueOf(7, "x")).lacks != nullptr) absl::SleepFor(absl::Milliseconds(1));

  ASSERT_NE(format_.Read(ValueOf(404, "x"), kLong).lacks, nullptr);
  const PayloadReading refused = format_.Read(ValueOf(404, "x"));
  EXPECT_EQ(refused.lacks->kind, Kind::kRefused);
  format_.SayNotAwaited();
  EXPECT_FALSE(absl::StrContains(*refused.undecodable, "waited"));
}

TEST_F(EventFormatTest, AsksAhead) {
  format_.AskFor("{}");
  format_.AskFor(ValueOf(7, "").substr(0, 4));
  format_.AskFor(ValueOf(8, "x"));
  EXPECT_EQ(registry_.Await(8, kLong).kind, Kind::kKnown);
  EXPECT_THAT(asked_, ElementsAre(8));
}

TEST(EventFormat, WithoutARegistryAllIsJson) {
  EventFormat format(nullptr);
  EXPECT_TRUE(format.is_json());
  EXPECT_EQ(format.Read(ValueOf(7, "x")).undecodable, nullptr);
}

}  // namespace
}  // namespace turnout::runtime
