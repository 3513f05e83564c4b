#include "connectors/payload_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"

namespace turnout::connectors {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

// Cases of data/NAME, written by others' libraries (payload_cases.py).
std::vector<Json> CasesOf(const std::string& name) {
  std::ifstream file(std::string(TURNOUT_SOURCE_DIR) + "/tests/connectors/data/" + name);
  std::vector<Json> cases;
  for (std::string line; std::getline(file, line);) cases.push_back(Json::parse(line));
  return cases;
}

std::vector<SchemaReference> ReferencesOf(const Json& one) {
  std::vector<SchemaReference> references;
  for (const Json& reference : one["references"]) {
    references.push_back({reference[0].get<std::string>(), reference[1].get<std::string>()});
  }
  return references;
}

void ExpectAllDecode(SchemaType type, const std::string& file, size_t cases_min) {
  const std::vector<Json> cases = CasesOf(file);
  EXPECT_GE(cases.size(), cases_min);
  for (const Json& one : cases) {
    SCOPED_TRACE(one["name"].get<std::string>());
    const auto schema = CompileSchema(type, one["schema"].get<std::string>(), ReferencesOf(one));
    ASSERT_TRUE(schema.ok()) << schema.status();
    const std::string payload = absl::HexStringToBytes(one["payload"].get<std::string>());
    std::string json = "before";
    const absl::Status status = (*schema)->AppendJson(payload, &json);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(Json::parse(json.substr(6)), one["json"]) << json;
    // Cut off anywhere it is refused, or it is another payload; never more than its bytes are read.
    for (size_t size = 0; size < payload.size(); ++size) {
      const std::vector<char> part(payload.begin(), payload.begin() + static_cast<long>(size));
      std::string cut = "before";
      const absl::Status cut_off = (*schema)->AppendJson({part.data(), part.size()}, &cut);
      if (type == SchemaType::kAvro) {
        EXPECT_FALSE(cut_off.ok()) << size;
      }
      if (!cut_off.ok()) {
        EXPECT_EQ(cut, "before");
      }
    }
  }
}

TEST(PayloadSchema, AvroOfApachesLibraryDecodes) {
  ExpectAllDecode(SchemaType::kAvro, "avro_payloads.jsonl", 122);
}

TEST(PayloadSchema, ProtobufOfGooglesLibraryDecodesAsGooglesJsonSays) {
  ExpectAllDecode(SchemaType::kProtobuf, "protobuf_payloads.jsonl", 6);
}

TEST(PayloadSchema, JsonIsPassedOn) {
  const auto schema = CompileSchema(SchemaType::kJson, "{\"type\":\"object\"}", {});
  ASSERT_TRUE(schema.ok());
  std::string json = "x";
  ASSERT_TRUE((*schema)->AppendJson(" \n{\"a\":1} ", &json).ok());
  EXPECT_EQ(json, "x{\"a\":1} ");
  for (const char* text : {"", "  ", "1", "[{}]", "\"{}\""}) {
    EXPECT_THAT((*schema)->AppendJson(text, &json).message(), HasSubstr("no object")) << text;
  }
  EXPECT_FALSE((*schema)->AppendJson("{" + std::string(kDecodedBytesMax, ' '), &json).ok());
  EXPECT_EQ(json, "x{\"a\":1} ");
}

TEST(PayloadSchema, ASchemaIsAtMostAsLargeAsItSays) {
  const std::string blanks(kSchemaBytesMax - 5, ' ');
  EXPECT_TRUE(CompileSchema(SchemaType::kAvro, "\"int\"" + blanks, {}).ok());
  const SchemaReference reference = {"a", "1"};
  for (const SchemaType type : {SchemaType::kAvro, SchemaType::kProtobuf, SchemaType::kJson}) {
    const auto large = CompileSchema(type, "\"int\"" + blanks, {reference});
    EXPECT_THAT(large.status().message(), HasSubstr("1048577 bytes with its references"));
  }
  const std::vector<SchemaReference> many(kSchemaReferencesMax + 1, reference);
  EXPECT_THAT(CompileSchema(SchemaType::kAvro, "\"int\"", many).status().message(),
              HasSubstr("257 references; at most 256"));
}

}  // namespace
}  // namespace turnout::connectors
