// Decodes the cases that tests/connectors/payload_cases.py writes, a line each:
//   differential_payloads avro|protobuf < CASES
// One line for each: the JSON, or `!` and what is wrong.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "connectors/payload_schema.h"

namespace {

using namespace turnout::connectors;
using Json = nlohmann::json;

std::string Decoded(SchemaType type, const Json& one) {
  std::vector<SchemaReference> references;
  for (const Json& reference : one["references"]) {
    references.push_back({reference[0].get<std::string>(), reference[1].get<std::string>()});
  }
  const auto schema = CompileSchema(type, one["schema"].get<std::string>(), references);
  if (!schema.ok()) return "!" + std::string(schema.status().message());
  std::string json;
  const absl::Status status =
      (*schema)->AppendJson(absl::HexStringToBytes(one["payload"].get<std::string>()), &json);
  return status.ok() ? json : "!" + std::string(status.message());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view format = argc == 2 ? argv[1] : "";
  if (format != "avro" && format != "protobuf") {
    std::fprintf(stderr, "usage: differential_payloads avro|protobuf < CASES\n");
    return 2;
  }
  const SchemaType type = format == "avro" ? SchemaType::kAvro : SchemaType::kProtobuf;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << Decoded(type, Json::parse(line)) << '\n';
  }
  return 0;
}
