// Any bytes as an Avro payload, of one of a few schemas: JSON that a parser takes, or refused with
// nothing written. The first byte says which schema.
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "connectors/payload_schema.h"
#include "tests/fuzz/payload_check.h"

namespace {

using turnout::connectors::CompileSchema;
using turnout::connectors::PayloadSchema;
using turnout::connectors::SchemaType;

constexpr std::string_view kSchemas[] = {
    R"({"type":"record","name":"order","fields":[
      {"name":"type","type":{"type":"enum","name":"kind","symbols":["CREATED","PAID"]}},
      {"name":"id","type":"long"},{"name":"count","type":"int"},{"name":"paid","type":"boolean"},
      {"name":"ratio","type":"float"},{"name":"total","type":"double"},
      {"name":"none","type":"null"},
      {"name":"raw","type":"bytes"},{"name":"mac","type":{"type":"fixed","name":"mac","size":6}},
      {"name":"region","type":["null","string"]},
      {"name":"tags","type":{"type":"array","items":"string"}},
      {"name":"labels","type":{"type":"map","values":["null","long","string"]}}]})",
    R"({"type":"record","name":"tree","fields":[{"name":"name","type":"string"},
      {"name":"left","type":["null","tree"]},
      {"name":"children","type":{"type":"array","items":"tree"}},
      {"name":"by_name","type":{"type":"map","values":"tree"}}]})",
    R"({"type":"record","name":"times","fields":[
      {"name":"a","type":{"type":"int","logicalType":"date"}},
      {"name":"b","type":{"type":"int","logicalType":"time-millis"}},
      {"name":"c","type":{"type":"long","logicalType":"time-micros"}},
      {"name":"d","type":{"type":"long","logicalType":"timestamp-millis"}},
      {"name":"e","type":{"type":"long","logicalType":"timestamp-micros"}},
      {"name":"f","type":{"type":"long","logicalType":"timestamp-nanos"}},
      {"name":"g","type":{"type":"long","logicalType":"local-timestamp-micros"}},
      {"name":"h","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":9}},
      {"name":"i","type":{"type":"fixed","name":"dec","size":9,"logicalType":"decimal",
                          "precision":20,"scale":20}},
      {"name":"j","type":{"type":"fixed","name":"id","size":16,"logicalType":"uuid"}}]})",
    R"({"type":"map","values":{"type":"array","items":{"type":"array","items":"null"}}})",
    R"(["null","string",{"type":"record","name":"empty","fields":[]},
      {"type":"record","name":"many","fields":[
        {"name":"a","type":{"type":"array","items":"empty"}}]}])",
};

std::vector<std::unique_ptr<const PayloadSchema>> Compile() {
  std::vector<std::unique_ptr<const PayloadSchema>> schemas;
  for (const std::string_view text : kSchemas) {
    schemas.push_back(*CompileSchema(SchemaType::kAvro, text, {}));
  }
  return schemas;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const schemas = new auto(Compile());
  if (size == 0) return 0;
  const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  turnout::fuzz::CheckPayload(*(*schemas)[data[0] % schemas->size()], payload);
  return 0;
}
