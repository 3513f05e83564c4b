#include "connectors/protobuf_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "connectors/protobuf_files.h"

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;

std::string Hex(const std::string& digits) { return absl::HexStringToBytes(digits); }

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

// A field of bytes.
std::string Sized(int number, const std::string& bytes) {
  return absl::StrCat(Varint(static_cast<uint64_t>(number) << 3 | 2), Varint(bytes.size()), bytes);
}

// The JSON, or what is wrong. `payload` is without indexes: the file's first message.
std::string Decode(const std::string& schema, const std::string& payload,
                   const std::vector<SchemaReference>& references = {},
                   const std::string& indexes = std::string(1, 0)) {
  const auto compiled = CompileProtobufSchema(schema, references);
  if (!compiled.ok()) {
    EXPECT_EQ(compiled.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(compiled.status().message());
  }
  std::string json;
  const absl::Status status = (*compiled)->AppendJson(indexes + payload, &json);
  if (status.ok()) return json;
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(json, "");
  return std::string(status.message());
}

std::string Proto3(const std::string& text) { return "syntax = \"proto3\";\n" + text; }
std::string Message(const std::string& fields) { return Proto3("message M {" + fields + "}"); }

// Of google/protobuf/FILE.proto's NAME, as field `a`.
std::string Known(const std::string& file, const std::string& name) {
  return Proto3("import \"google/protobuf/" + file + ".proto\"; message M { google.protobuf." +
                name + " a = 1; }");
}

struct ValueCase {
  std::string schema;
  std::string payload;  // hex
  std::string json;
};

TEST(ProtobufSchema, AFieldWithoutPresenceIsThereOthersOnlyWhenSet) {
  const std::string all =
      "int32 a = 1; optional int32 b = 2; repeated int32 c = 3; map<string, int32> d = 4;"
      "oneof e { string f = 5; bool g = 6; } M h = 7; string i = 8; K k = 9; enum K { Z = 0; }";
  const ValueCase cases[] = {
      {Message(all), "", "{\"a\":0,\"c\":[],\"d\":{},\"i\":\"\",\"k\":\"Z\"}"},
      {Message(all), "1000", "{\"a\":0,\"b\":0,\"c\":[],\"d\":{},\"i\":\"\",\"k\":\"Z\"}"},
      {Message(all), "2a00", "{\"a\":0,\"c\":[],\"d\":{},\"f\":\"\",\"i\":\"\",\"k\":\"Z\"}"},
      {"message M { optional int32 a = 1 [default = 5]; repeated int32 b = 2; }", "", "{\"b\":[]}"},
  };
  for (const ValueCase& one : cases) EXPECT_EQ(Decode(one.schema, Hex(one.payload)), one.json);
}

TEST(ProtobufSchema, BytesAreReadAsProtobufSays) {
  const ValueCase cases[] = {
      // The last one of a scalar; messages that come in parts are merged; packed or not.
      {Message("int32 a = 1;"), "08010802", "{\"a\":2}"},
      {Message("int64 a = 1;"), "08ffffffffffffffffff01", "{\"a\":-1}"},
      {Message("optional M m = 1; int32 a = 2; int32 b = 3;"), "0a0210010a021802",
       "{\"m\":{\"a\":1,\"b\":2},\"a\":0,\"b\":0}"},
      {Message("repeated int32 a = 1;"), "080108020a020304", "{\"a\":[1,2,3,4]}"},
      {Message("oneof o { int32 a = 1; int32 b = 2; }"), "08011002", "{\"b\":2}"},
      // Of a map, what comes last for a key; entries without key or value.
      {Message("map<int32, int32> a = 1;"), "0a04080110020a04080110030a00",
       "{\"a\":{\"1\":3,\"0\":0}}"},
      {Message("map<string, M> a = 1;"), "0a00", "{\"a\":{\"\":{\"a\":{}}}}"},
      // Unknown fields, and enums without a name.
      {Message("int32 a = 1;"), "1001180108021a01ff", "{\"a\":2}"},
      {Message("K a = 1; enum K { Z = 0; }"), "0807", "{\"a\":7}"},
      {Message("float a = 1; double b = 2;"), "0d0000c07f11000000000000f0ff",
       "{\"a\":\"NaN\",\"b\":\"-Infinity\"}"},
      {"message M { extensions 5 to 9; } extend M { optional int32 e = 5; optional M f = 6; }",
       "28013200", "{\"[e]\":1,\"[f]\":{}}"},
  };
  for (const ValueCase& one : cases) {
    EXPECT_EQ(Decode(one.schema, Hex(one.payload)), one.json) << one.schema;
  }
}

TEST(ProtobufSchema, GooglesTypesHaveTheFormsOfProtobufsJson) {
  const ValueCase cases[] = {
      {Known("timestamp", "Timestamp"), "0a00", "\"1970-01-01T00:00:00Z\""},
      {Known("timestamp", "Timestamp"), "0a0408011001", "\"1970-01-01T00:00:01.000000001Z\""},
      {Known("timestamp", "Timestamp"), "0a0b08ffffffffffffffffff01", "\"1969-12-31T23:59:59Z\""},
      {Known("duration", "Duration"), "0a00", "\"0s\""},
      {Known("duration", "Duration"), "0a0b10c0c1a5a6fdffffffff01", "\"-0.725s\""},
      {Known("wrappers", "BoolValue"), "0a020801", "true"},
      {Known("wrappers", "BytesValue"), "0a030a01ff", "\"/w==\""},
      {Known("wrappers", "UInt64Value"), "0a0b08ffffffffffffffffff01", "18446744073709551615"},
      {Known("wrappers", "FloatValue"), "0a050dcdcccc3d", "0.1"},
      {Known("struct", "Value"), "0a00", "null"},
      {Known("struct", "Value"), "0a020800", "null"},
      {Known("struct", "Value"), "0a021a00", "\"\""},
      {Known("struct", "ListValue"), "0a060a0220010a00", "[true,null]"},
      {Known("struct", "Struct"), "0a090a070a017812022001", "{\"x\":true}"},
      {Known("empty", "Empty"), "0a00", "{}"},
      {Known("any", "Any"), "0a00", "{}"},
      {Known("any", "Any"), "0a070a02782f1201ff", "{\"@type\":\"x/\",\"value\":\"/w==\"}"},
      {Known("field_mask", "FieldMask"), "0a080a03615f620a0163", "\"aB,c\""},
  };
  for (const ValueCase& one : cases) {
    EXPECT_EQ(Decode(one.schema, Hex(one.payload)), "{\"a\":" + one.json + "}") << one.schema;
  }
}

TEST(ProtobufSchema, AnAnyIsReadWhereItsTypeIsKnown) {
  const std::string schema = Proto3(
      "package p; import \"google/protobuf/any.proto\";"
      "import \"google/protobuf/duration.proto\";"
      "message M { google.protobuf.Any a = 1; int32 b = 2; }");
  const auto any = [](const std::string& type, const std::string& bytes) {
    return Sized(1, Sized(1, "type.googleapis.com/" + type) + Sized(2, bytes));
  };
  EXPECT_EQ(Decode(schema, any("p.M", Hex("1005"))),
            "{\"a\":{\"@type\":\"type.googleapis.com/p.M\",\"b\":5},\"b\":0}");
  EXPECT_EQ(Decode(schema, any("google.protobuf.Duration", Hex("0801"))),
            "{\"a\":{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"1s\"},"
            "\"b\":0}");
  EXPECT_THAT(Decode(schema, any("p.M", Hex("10"))),
              HasSubstr("`a`: byte 1 of the message: a number"));
  std::string nested = any("p.M", "");
  for (int i = 0; i < 40; ++i) nested = any("p.M", nested);
  EXPECT_THAT(Decode(schema, nested), HasSubstr("{\"@type\":"));
  for (int i = 0; i < 600; ++i) nested = any("p.M", nested);
  EXPECT_THAT(Decode(schema, nested), HasSubstr("nest deeper than 500"));
}

TEST(ProtobufSchema, AMessageIsChosenByItsIndexes) {
  const std::string schema = Proto3(
      "message A { map<string, string> m = 1; message X { int32 x = 1; }"
      "message Y { int32 y = 1; message Z { int32 z = 1; } } } message B { int32 b = 1; }");
  const std::pair<std::string, std::string> cases[] = {
      {"00", "{\"m\":{}}"},
      {"0200", "{\"m\":{}}"},
      {"0202", "{\"b\":0}"},
      {"040000", "{\"x\":0}"},
      {"040002", "{\"y\":0}"},
      {"06000200", "{\"z\":0}"},
      {"0204", "is of message 2"},
      {"0201", "is of message -1"},
      {"040004", "has none such"},
      {"040001", "has none such"},
      {"01", "does not begin with"},
      {"feffffffffffffffff01", "begin"},
      {"04ffffffffffffffffff01", "is of message -9223372036854775808"},
      {"0400ffffffffffffffffff01", "has none such"},
      {"0600", "is cut off"},
      {"ca01", "does not begin"},
  };
  for (const auto& [indexes, expected] : cases) {
    EXPECT_THAT(Decode(schema, "", {}, Hex(indexes)), HasSubstr(expected)) << indexes;
  }
  EXPECT_THAT(Decode(schema, "", {}, ""), HasSubstr("does not begin with a list"));
  EXPECT_THAT(Decode(Proto3("enum K { Z = 0; }"), ""),
              HasSubstr("message 0, and the schema has 0"));
  EXPECT_THAT(Decode(Proto3("import \"google/protobuf/wrappers.proto\"; message M {}"), ""),
              HasSubstr("{}"));
}

TEST(ProtobufSchema, APayloadThatLiesIsRefusedWithItsPlace) {
  const std::string number = Message("int32 a = 1;");
  const std::string text = Message("string a = 1; M m = 2;");
  const ValueCase cases[] = {
      {number, "08", "byte 1 of the message: a number is cut off"},
      {number, "08ffffffffffffffffffff01", "a number has more than 64 bits"},
      {number, "0dff", "byte 1 of the message: a value is cut off"},
      {number, "00", "a field has no such number"},
      {number, "0f", "a field is of no known wire type"},
      {number, "0c", "a group ends that did not begin"},
      {number, "0b", "a group does not end"},
      {number, "0b14", "a group ends that did not begin"},
      {text, "0affffffff7f", "a length is beyond the end"},
      {text, "0affffffffffffffffff01", "a length is beyond the end"},
      {text, "0a02c328", "a string is not UTF-8"},
      {"message M { optional string a = 1; optional M m = 2; }", "12040a02c328",
       "`m.a`: a string is not UTF-8"},
      {"message M { required int32 a = 1; }", "", "it lacks a"},
      {Known("timestamp", "Timestamp"), "0a0608ffffffffffff7f", "cut off"},
      {Known("timestamp", "Timestamp"), "0a0708ffffffffff7f", "years 1 to 9999"},
      {Known("timestamp", "Timestamp"), "0a0b10ffffffffffffffffff01", "not within a second"},
      {Known("duration", "Duration"), "0a0d080110ffffffffffffffffff01", "of two signs"},
  };
  for (const ValueCase& one : cases) {
    EXPECT_THAT(Decode(one.schema, Hex(one.payload)), HasSubstr(one.json)) << one.payload;
  }
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested = Sized(2, nested);
  EXPECT_THAT(Decode(text, nested), HasSubstr("messages nest deeper than 100"));
  EXPECT_THAT(Decode(number, std::string(100'000, 0x0b)), HasSubstr("deeper than 100"));
  EXPECT_THAT(Decode(number, std::string(kPayloadBytesMax, 0)), HasSubstr("at most 16777216"));
}

TEST(ProtobufSchema, WhatExpandsEndsAtALimit) {
  // 4 KB an empty message of two bytes.
  std::string fields = "repeated M m = 1;";
  for (int i = 2; i < 500; ++i) fields += absl::StrCat("int64 a", i, " = ", i, ";");
  std::string payload;
  for (int i = 0; i < 200'000; ++i) payload += Hex("0a00");
  EXPECT_THAT(Decode(Message(fields), payload), HasSubstr("it takes more than 64 MiB once parsed"));
  // One byte of these is a name in the JSON.
  std::string small;
  for (int i = 0; i < 300; ++i) small += Hex("0a00");
  const std::string name(1'000, 'n');
  std::string named = "repeated M m = 1;";
  for (int i = 2; i < 200; ++i) named += absl::StrCat("bool ", name, i, " = ", i, ";");
  EXPECT_THAT(Decode(Message(named), small), HasSubstr("more JSON than is read"));
  // Packed, a byte a number; as many as there are.
  EXPECT_THAT(Decode(Message("repeated int64 a = 1;"), Sized(1, std::string(3'000'000, 1))),
              HasSubstr("{\"a\":[1,1,1,"));
  EXPECT_THAT(Decode(Message("repeated int64 a = 1;"), Sized(1, std::string(9'000'000, 1))),
              HasSubstr("64 MiB"));
}

TEST(ProtobufSchema, ImportsAreReferencesAndGooglesOwnFiles) {
  const std::vector<SchemaReference> references = {
      {"c.proto", Proto3("message C { int32 c = 1; }")},
      {"b.proto", Proto3("import public \"c.proto\"; message B { C c = 1; }")}};
  EXPECT_EQ(Decode(Proto3("import \"b.proto\"; message A { B b = 1; C c = 2; }"),
                   Sized(1, Sized(1, "")), references),
            "{\"b\":{\"c\":{\"c\":0}}}");
  EXPECT_THAT(Decode(Proto3("import \"gone.proto\"; message A { Gone g = 1; }"), ""),
              HasSubstr("\"Gone\" is not defined. (imports without a reference: gone.proto)"));
  // What only options need may be missing.
  EXPECT_EQ(Decode(Proto3("import \"validate.proto\"; message A { option (x.y) = { z: 1 };"
                          "int32 a = 1 [(validate.rules).int32.gt = 0, deprecated = true]; }"),
                   ""),
            "{\"a\":0}");
  EXPECT_THAT(Decode(Proto3("import \"b.proto\"; message A {}"), "",
                     {{"b.proto", Proto3("import \"c.proto\";")},
                      {"c.proto", Proto3("import \"b.proto\";")}}),
              HasSubstr("`b.proto` imports itself"));
  // A type that is only called like one of Google's.
  EXPECT_EQ(Decode(Proto3("package google.protobuf; message Timestamp { string text = 1; }"), ""),
            "{\"text\":\"\"}");
  EXPECT_EQ(
      Decode(Known("timestamp", "Timestamp"), Hex("0a00"),
             {{"google/protobuf/timestamp.proto",
               Proto3("package google.protobuf; message Timestamp { string seconds = 1; }")}}),
      "{\"a\":\"1970-01-01T00:00:00Z\"}");
}

// `count` of `text`.
std::string Times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(ProtobufSchema, ASchemaThatIsNoneIsRefused) {
  std::string chain;
  for (int i = 0; i < kProtobufMessagesMax + 1; ++i) {
    chain += absl::StrCat("message A", i, "{A", i + 1, " a=1;}");
  }
  std::string ranges;
  for (int i = 0; i < 5'000; ++i) ranges += absl::StrCat("reserved ", 2 * i + 1, ";");
  std::string fields;
  for (int i = 1; i < 5'000; ++i) fields += absl::StrCat("int32 a", i, " = ", i, ";");
  std::string imports = "syntax = \"proto3\";";
  for (int i = 0; i < 300; ++i) imports += absl::StrCat("import \"", i, ".proto\";");
  const std::pair<std::string, std::string> cases[] = {
      {"message", "(the schema):1:8: Expected message name."},
      {"\xff\xff", "(the schema):1:1: "},
      {Proto3("message M { int32 a = 1; int32 a = 2; }"), "\"a\" is already defined"},
      {Proto3("message M { Gone a = 1; }"), "\"Gone\" is not defined"},
      {Times(100'000, "message A{"), "nests deeper than 100"},
      {"option a = " + Times(100'000, "{a:"), "nests deeper than 100"},
      {Times(100'000, "message A{)"), "nests deeper than 100"},
      {Proto3(chain), "has more than 4000 messages"},
      {Proto3("message M {" + ranges + "}"), "`M` has too many ranges"},
      {Proto3("enum M { Z = 0;" + ranges + "}"), "`M` has too many ranges"},
      {"message M { option message_set_wire_format = true; extensions 4 to max; }", "message set"},
      {"import \"(the schema)\";", "imports itself"},
      {"package a" + Times(100'000, ".a") + ";", "its package has 200001 characters; at most 1000"},
      {Proto3("message " + std::string(200'000, 'M') + "{" + fields + "}"),
       "its names take more than 67108864 bytes"},
      {imports, "imports more than 256 files"},
  };
  for (const auto& [schema, message] : cases) {
    EXPECT_THAT(Decode(schema, ""), HasSubstr(message)) << schema.substr(0, 100);
  }
}

TEST(ProtobufSchema, MessagesThatHoldEachOtherLinkAsManyAsMayBe) {
  std::string ring;
  for (int i = 0; i < kProtobufMessagesMax; ++i) {
    ring += absl::StrCat("message A", i, "{A", (i + 1) % kProtobufMessagesMax, " a=1;}");
  }
  EXPECT_EQ(Decode(Proto3(ring), Hex("0a00")), "{\"a\":{}}");
}

TEST(ProtobufSchema, ThreadsShareOne) {
  const auto schema = CompileProtobufSchema(Message("map<string, M> a = 1; int32 b = 2;"), {});
  ASSERT_TRUE(schema.ok());
  const std::string payload = std::string(1, 0) + Sized(1, Sized(1, "k") + Sized(2, Hex("1007")));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1'000; ++n) {
        std::string json;
        ASSERT_TRUE((*schema)->AppendJson(payload, &json).ok());
        ASSERT_EQ(json, "{\"a\":{\"k\":{\"a\":{},\"b\":7}},\"b\":0}");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace turnout::connectors
