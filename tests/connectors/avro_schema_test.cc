#include "connectors/avro_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;

std::string Hex(const std::string& digits) { return absl::HexStringToBytes(digits); }

// The JSON, or what is wrong.
std::string Decode(const std::string& schema, const std::string& payload,
                   const std::vector<SchemaReference>& references = {}) {
  const auto compiled = CompileAvroSchema(schema, references);
  if (!compiled.ok()) return std::string(compiled.status().message());
  std::string json;
  const absl::Status status = (*compiled)->AppendJson(payload, &json);
  if (status.ok()) return json;
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(json, "");
  return std::string(status.message());
}

// A record of one field `a`.
std::string RecordOf(const std::string& type) {
  return "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":" + type + "}]}";
}

std::string Logical(const std::string& type, const std::string& logical,
                    const std::string& more = "") {
  return RecordOf(
      absl::StrCat("{\"type\":\"", type, "\",\"logicalType\":\"", logical, "\"", more, "}"));
}

struct ValueCase {
  std::string type;
  std::string payload;  // hex
  std::string json;
};

TEST(AvroSchema, ValuesBecomeWhatTheTableSays) {
  const ValueCase cases[] = {
      {"\"null\"", "", "null"},
      {"\"boolean\"", "01", "true"},
      {"\"int\"", "01", "-1"},
      {"\"int\"", "ffffffff0f", "-2147483648"},
      {"\"long\"", "ffffffffffffffffff01", "-9223372036854775808"},
      {"\"long\"", "feffffffffffffffff01", "9223372036854775807"},
      {"\"float\"", "cdcccc3d", "0.1"},
      {"\"float\"", "0000c07f", "\"NaN\""},
      {"\"double\"", "9a9999999999b93f", "0.1"},
      {"\"double\"", "000000000000f0ff", "\"-Infinity\""},
      {"\"double\"", "0000000000000080", "-0"},
      {"\"bytes\"", "06ff0001", "\"/wAB\""},
      {"\"bytes\"", "02ff", "\"/w==\""},
      {"\"string\"", "0a61225c0a01", "\"a\\\"\\\\\\n\\u0001\""},
      {"\"string\"", "06e282ac", "\"\xe2\x82\xac\""},
      {"[\"null\",\"int\"]", "00", "null"},
      {"[\"null\",\"int\"]", "0202", "1"},
      {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}", "02", "\"B\""},
      {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}", "0001", "\"AAE=\""},
      {"{\"type\":\"array\",\"items\":\"int\"}", "00", "[]"},
      {"{\"type\":\"array\",\"items\":\"int\"}", "04020401020200", "[1,2,1]"},
      {"{\"type\":\"array\",\"items\":\"int\"}", "0304020400", "[1,2]"},
      {"{\"type\":\"map\",\"values\":\"int\"}", "040261020262040000", "at byte 8: the value ends"},
      {"{\"type\":\"map\",\"values\":\"int\"}", "0402610202620400", "{\"a\":1,\"b\":2}"},
      {"{\"type\":{\"type\":\"array\",\"items\":[\"int\"]}}", "0200020000", "at byte 4: the value"},
      {"{\"type\":{\"type\":\"array\",\"items\":[\"int\"]}}", "02000200", "[1]"},
  };
  for (const ValueCase& one : cases) {
    const std::string made = Decode(RecordOf(one.type), Hex(one.payload));
    const bool is_error = one.json.find("at byte") == 0;
    EXPECT_THAT(made, HasSubstr(is_error ? one.json : "{\"a\":" + one.json + "}")) << one.type;
  }
}

TEST(AvroSchema, LogicalTypesBecomeTextsAndExactNumbers) {
  const std::string decimal = ",\"precision\":20,\"scale\":2";
  const ValueCase cases[] = {
      {Logical("int", "date"), "00", "\"1970-01-01\""},
      {Logical("int", "date"), "01", "\"1969-12-31\""},
      {Logical("int", "date"), "ffffffff0f", "-2147483648"},
      {Logical("int", "time-millis"), "02", "\"00:00:00.001\""},
      {Logical("long", "time-micros"), "02", "\"00:00:00.000001\""},
      {Logical("long", "time-micros"), "01", "-1"},
      {Logical("long", "timestamp-millis"), "00", "\"1970-01-01T00:00:00Z\""},
      {Logical("long", "timestamp-millis"), "01", "\"1969-12-31T23:59:59.999Z\""},
      {Logical("long", "timestamp-micros"), "02", "\"1970-01-01T00:00:00.000001Z\""},
      {Logical("long", "timestamp-nanos"), "02", "\"1970-01-01T00:00:00.000000001Z\""},
      {Logical("long", "local-timestamp-millis"), "00", "\"1970-01-01T00:00:00\""},
      {Logical("long", "timestamp-millis"), "feffffffffffffffff01", "9223372036854775807"},
      {Logical("string", "uuid"), "0261", "\"a\""},
      {Logical("string", "of-nobody"), "0261", "\"a\""},
      {Logical("string", "date"), "0261", "\"a\""},
      {Logical("bytes", "decimal", decimal), "00", "0.00"},
      {Logical("bytes", "decimal", decimal), "0205", "0.05"},
      {Logical("bytes", "decimal", decimal), "02fb", "-0.05"},
      {Logical("bytes", "decimal", decimal), "0280", "-1.28"},
      {Logical("bytes", "decimal", decimal), "0400ff", "2.55"},
      {Logical("bytes", "decimal", decimal), "0cff0000000000", "-10995116277.76"},
      {Logical("bytes", "decimal", decimal), "10ffffffffffffffff", "-0.01"},
      {Logical("bytes", "decimal", decimal), "0a003b9aca00", "10000000.00"},
      {Logical("bytes", "decimal", decimal), "0ac4653600ff", "-2559999997.45"},
      {Logical("bytes", "decimal", ",\"precision\":4"), "04cfc7", "-12345"},
      {Logical("bytes", "decimal", ",\"precision\":1,\"scale\":2"), "0205", "\"BQ==\""},
      {Logical("bytes", "decimal"), "0205", "\"BQ==\""},
      {Logical("fixed", "decimal", ",\"name\":\"f\",\"size\":2,\"precision\":4,\"scale\":1"),
       "fff6", "-1.0"},
      {Logical("fixed", "decimal", ",\"name\":\"f\",\"size\":1,\"precision\":4"), "05", "\"BQ==\""},
      {Logical("fixed", "uuid", ",\"name\":\"f\",\"size\":16"), "00112233445566778899aabbccddeeff",
       "\"00112233-4455-6677-8899-aabbccddeeff\""},
  };
  for (const ValueCase& one : cases) {
    EXPECT_EQ(Decode(one.type, Hex(one.payload)), "{\"a\":" + one.json + "}") << one.type;
  }
}

TEST(AvroSchema, APayloadThatLiesIsRefusedWithItsByte) {
  const std::string ints = RecordOf("{\"type\":\"array\",\"items\":\"int\"}");
  const std::string nulls = RecordOf("{\"type\":\"array\",\"items\":\"null\"}");
  const std::string text = RecordOf("\"string\"");
  const std::string kind = RecordOf("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}");
  const std::string huge = "feffffffffffffffff01";   // 2^63 - 1
  const std::string least = "ffffffffffffffffff01";  // -2^63
  const ValueCase cases[] = {
      {RecordOf("\"long\""), "ffffffffffffffffff02", "byte 0: a number has more than 64 bits"},
      {RecordOf("\"long\""), "ffffffffffffffffffff01", "byte 0: a number has more than 64 bits"},
      {RecordOf("\"int\""), "8080808010", "byte 0: an int has more than 32 bits"},
      {RecordOf("\"int\""), "", "byte 0: a number is cut off"},
      {RecordOf("\"double\""), "00", "byte 0: a value is cut off"},
      {RecordOf("\"boolean\""), "02", "byte 0: a boolean is neither 0 nor 1"},
      {RecordOf("\"int\""), "0000", "byte 1: the value ends before the payload does"},
      {RecordOf("[\"null\",\"int\"]"), "04", "byte 0: a union has no such branch"},
      {RecordOf("[\"null\",\"int\"]"), "01", "byte 0: a union has no such branch"},
      {kind, "02", "byte 0: an enum has no such symbol"},
      {text, huge, "byte 0: a length is beyond the payload's end"},
      {text, "01", "byte 0: a length is negative"},
      {text, "04c328", "byte 0: a string is not UTF-8"},
      {text, "06eda080", "byte 0: a string is not UTF-8"},
      {text, "04c080", "byte 0: a string is not UTF-8"},
      {text, "08f4908080", "byte 0: a string is not UTF-8"},
      {text, "04e282", "byte 0: a string is not UTF-8"},
      {ints, huge, "byte 10: a number is cut off"},
      {ints, "03060200", "byte 1: a block's size is beyond the payload's end"},
      {ints, "0302020400", "a block is not of the size that it says"},
      {ints, least + "00", "byte 11: a number is cut off"},
      {nulls, huge + "00", "byte 10: more than 10000 items take no byte"},
      {nulls, least + "0000", "byte 11: more than 10000 items take no byte"},
  };
  for (const ValueCase& one : cases) {
    EXPECT_THAT(Decode(one.type, Hex(one.payload)), HasSubstr(one.json)) << one.type;
  }
}

// `levels` records that hold two of the next each, the last one nothing: no byte, 2^levels objects.
std::string Doubling(int levels) {
  std::string type = "{\"type\":\"record\",\"name\":\"r0\",\"fields\":[]}";
  for (int i = 1; i <= levels; ++i) {
    type = absl::StrCat("{\"type\":\"record\",\"name\":\"r", i, "\",\"fields\":[{\"name\":\"a\",",
                        "\"type\":", type, "},{\"name\":\"b\",\"type\":\"r", i - 1, "\"}]}");
  }
  return type;
}

TEST(AvroSchema, WhatExpandsEndsAtALimit) {
  EXPECT_THAT(Decode(Doubling(60), ""), HasSubstr("more JSON than is read"));
  EXPECT_THAT(Decode(Doubling(3), ""), HasSubstr("{\"a\":{\"a\":{\"a\":{},\"b\":{}},"));
  EXPECT_THAT(
      Decode("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"r\"}]}",
             ""),
      HasSubstr("deeper than 500"));
  const std::string list = RecordOf("[\"null\",\"r\"]");
  EXPECT_THAT(Decode(list, std::string(kPayloadDepthMax - 1, 2) + std::string(1, 0)),
              HasSubstr("{\"a\":null}}"));
  EXPECT_THAT(Decode(list, std::string(kPayloadDepthMax, 2) + std::string(1, 0)),
              HasSubstr("byte 500: objects and arrays nest deeper than 500"));
  EXPECT_THAT(Decode(list, std::string(1'000'000, 2)), HasSubstr("deeper than 500"));
  // A name of 64 KiB for each byte.
  const std::string named =
      absl::StrCat("{\"type\":\"record\",\"name\":\"s\",\"fields\":[{\"name\":\"",
                   std::string(65'536, 'n'), "\",\"type\":\"boolean\"}]}");
  EXPECT_THAT(Decode(RecordOf("{\"type\":\"array\",\"items\":" + named + "}"),
                     Hex("a01f") + std::string(2000, 1) + std::string(1, 0)),
              HasSubstr("more JSON than is read"));
  EXPECT_THAT(Decode("\"bytes\"", std::string(kPayloadBytesMax + 1, 0)), HasSubstr("at most"));
  EXPECT_THAT(
      Decode(Logical("bytes", "decimal", ",\"precision\":4"), Hex("8202") + std::string(129, 1)),
      HasSubstr("a decimal has more than 128 bytes"));
}

TEST(AvroSchema, OnlyAnObjectIsAnEvent) {
  EXPECT_THAT(Decode("\"string\"", Hex("0261")), HasSubstr("no record and no map"));
  EXPECT_THAT(Decode("{\"type\":\"array\",\"items\":\"int\"}", Hex("00")), HasSubstr("no object"));
  EXPECT_EQ(Decode("{\"type\":\"map\",\"values\":\"int\"}", Hex("00")), "{}");
  EXPECT_EQ(Decode("[\"null\"," + RecordOf("\"int\"") + "]", Hex("0202")), "{\"a\":1}");
  EXPECT_THAT(Decode("[\"null\"," + RecordOf("\"int\"") + "]", Hex("00")), HasSubstr("no object"));
}

TEST(AvroSchema, NamesAreFoundInTheirNamespaces) {
  const std::string fields =
      ",\"fields\":[{\"name\":\"a\",\"type\":\"x.e\"},"
      "{\"name\":\"b\",\"type\":\"e\"}]}";
  const std::string kind = "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}";
  const std::string kind_of_y =
      "{\"type\":\"enum\",\"name\":\"e\",\"namespace\":\"y\",\"symbols\":[\"B\"]}";
  EXPECT_EQ(Decode("{\"type\":\"record\",\"name\":\"y.r\"" + fields, Hex("0000"),
                   {{"y.e", kind_of_y},
                    {"x.e",
                     "{\"type\":\"enum\",\"name\":\"x.e\",\"symbols\":"
                     "[\"A\"]}"}}),
            "{\"a\":\"A\",\"b\":\"B\"}");
  // A reference that is called otherwise than what it defines.
  EXPECT_EQ(Decode(RecordOf("\"e\""), Hex("00"), {{"other", "\"int\""}, {"subject-3", kind}}),
            "{\"a\":\"A\"}");
  EXPECT_THAT(Decode(RecordOf("\"missing\""), ""),
              HasSubstr("names `missing`, which neither it nor a reference defines"));
}

TEST(AvroSchema, ReferencesThatReferToEachOtherAreRead) {
  const auto record = [](const std::string& name, const std::string& other) {
    return "{\"type\":\"record\",\"name\":\"" + name +
           "\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"" + other + "\"]}]}";
  };
  EXPECT_EQ(
      Decode(record("r", "s"), Hex("020200"), {{"s", record("s", "t")}, {"t", record("t", "s")}}),
      "{\"a\":{\"a\":{\"a\":null}}}");
  EXPECT_THAT(Decode(record("r", "s"), "", {{"s", "{\"type\":"}}),
              HasSubstr("is not JSON at byte 9 (reference `s`)"));
  EXPECT_THAT(Decode(record("r", "s"), "", {{"s", "\"s\""}}), HasSubstr("names `s`"));
}

TEST(AvroSchema, ASchemaThatIsNoneIsRefused) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "[";
  std::string arrays;
  for (int i = 0; i < 120; ++i) arrays += "{\"type\":\"array\",\"items\":";
  arrays += "\"int\"" + std::string(120, '}');
  const std::pair<std::string, std::string> cases[] = {
      {"", "is not JSON at byte 1"},
      {"{", "is not JSON at byte 2"},
      {deep, "is not JSON at byte 200001"},
      {deep + std::string(200'000, ']'), "has a union right in a union"},
      {arrays, "nests deeper than 100 types"},
      {"1", "has a type that is neither a name, nor a list, nor an object"},
      {"{}", "has an object without `type`"},
      {"{\"type\":1}", "has a type that is neither"},
      {"{\"type\":\"array\"}", "has `array` without `items`"},
      {"{\"type\":\"map\"}", "has `map` without `values`"},
      {"{\"type\":\"record\"}", "has a nameless record"},
      {"{\"type\":\"record\",\"name\":\"r\"}", "`r` without a list of `fields`"},
      {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[1]}", "without `name` or `type`"},
      {"{\"type\":\"enum\",\"name\":\"e\"}", "has an enum `e` without a list of `symbols`"},
      {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[1]}", "has no text in enum `e`"},
      {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "has a fixed `f` without a `size`"},
      {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":99999999999}", "without a `size` of 0 to"},
      {"{\"type\":\"fixed\",\"name\":\"int\",\"size\":1}", "defines `int` a second time"},
      {"[\"int\"," + RecordOf("\"int\"") + "," + RecordOf("\"int\"") + "]",
       "defines `r` a second time"},
      {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":1000000,\"scale\":1000000}",
       "has a decimal of 1000000 digits"},
      {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
       "{\"name\":\"a\",\"type\":\"int\"}]}",
       "has `a` twice in `r`"},
      {"\"\xff\"", "is not JSON"},
      {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":1,\"namespace\":\"" + std::string(1'000, 'n') +
           "\"}",
       "has a name of 1002 bytes; at most 1000 are read"},
      {"1e999999", "holds a number that is out of range"},
  };
  for (const auto& [schema, message] : cases) {
    const auto compiled = CompileAvroSchema(schema, {});
    EXPECT_EQ(compiled.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(compiled.status().message(), HasSubstr(message)) << schema.substr(0, 200);
  }
}

}  // namespace
}  // namespace turnout::connectors
