// Counts what a payload allocates, by an operator new of its own: a binary of its own.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "connectors/payload_schema.h"

namespace {
thread_local long allocations = 0;
}  // namespace

// Kept out of line: inlined into their callers, malloc and free look mismatched to g++'s warnings.
[[gnu::noinline]] void* operator new(size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace turnout::connectors {
namespace {

using Json = nlohmann::json;

TEST(PayloadAllocation, AvroIntoAWarmStringAllocatesNothing) {
  std::ifstream file(std::string(TURNOUT_SOURCE_DIR) +
                     "/tests/connectors/data/avro_payloads.jsonl");
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    const Json one = Json::parse(line);
    std::vector<SchemaReference> references;
    for (const Json& reference : one["references"]) {
      references.push_back({reference[0].get<std::string>(), reference[1].get<std::string>()});
    }
    const auto schema =
        CompileSchema(SchemaType::kAvro, one["schema"].get<std::string>(), references);
    ASSERT_TRUE(schema.ok());
    const std::string payload = absl::HexStringToBytes(one["payload"].get<std::string>());
    std::string json;
    json.reserve(64 << 10);
    const long before = allocations;
    ASSERT_TRUE((*schema)->AppendJson(payload, &json).ok());
    EXPECT_EQ(allocations, before) << one["name"];
  }
  EXPECT_GE(cases, 100);
}

TEST(PayloadAllocation, ProtobufAllocatesByEventAndNotByField) {
  const auto schema =
      CompileSchema(SchemaType::kProtobuf,
                    "syntax = \"proto3\"; message M { int64 a = 1; M m = 2; bool b = 3;"
                    "repeated int32 c = 4; double d = 5; string e = 6; }",
                    {});
  ASSERT_TRUE(schema.ok());
  std::string message = "\x08\x05\x32\x03xyz\x22\x02\x01\x02";
  std::string json;
  json.reserve(64 << 10);
  for (int i = 0; i < 5; ++i) {
    message.insert(0, {'\x12', static_cast<char>(message.size())});
    json.clear();
    const long before = allocations;
    ASSERT_TRUE((*schema)->AppendJson(std::string(1, '\0') + message, &json).ok());
    EXPECT_LE(allocations, before + 2) << json;  // one is this test's
  }
}

}  // namespace
}  // namespace turnout::connectors
