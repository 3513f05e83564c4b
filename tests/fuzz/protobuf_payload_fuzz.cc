// Any bytes as a Protobuf payload, indexes and message, of one of a few schemas: JSON that a parser
// takes, or refused with nothing written. The first byte says which schema.
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
    R"(syntax = "proto3";
    enum Kind { UNKNOWN = 0; PAID = 1; }
    message Order {
      message Line { string sku = 1; int32 count = 2; }
      string id = 1; int32 a = 2; int64 b = 3; uint64 c = 4; fixed32 d = 5; sfixed64 e = 6;
      sint32 f = 7; float g = 8; double h = 9; bool i = 10; bytes j = 11; Kind k = 12;
      optional int32 l = 13; oneof m { string n = 14; Line o = 15; } repeated int64 p = 16;
      repeated string q = 17; repeated Line r = 18; map<string, Line> s = 19;
      map<bool, double> t = 20; Order u = 21; map<int64, Order> v = 22;
    }
    message Other { Order order = 1; })",
    R"(syntax = "proto3";
    import "google/protobuf/any.proto"; import "google/protobuf/duration.proto";
    import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
    import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
    message Known {
      google.protobuf.Any a = 1; google.protobuf.Duration b = 2; google.protobuf.FieldMask c = 3;
      google.protobuf.Struct d = 4; google.protobuf.Value e = 5; google.protobuf.ListValue f = 6;
      google.protobuf.Timestamp g = 7; google.protobuf.BytesValue h = 8; Known i = 9;
      repeated google.protobuf.Any j = 10; google.protobuf.NullValue k = 11;
    })",
    R"(syntax = "proto2";
    message Old {
      required int32 must = 1; optional string text = 2 [default = "x"]; repeated int32 packed = 3;
      optional group Part = 4 { optional Old old = 1; repeated group Inner = 2 { } }
      extensions 100 to 200;
    }
    extend Old { optional Old more = 100; repeated string texts = 101; })",
};

std::vector<std::unique_ptr<const PayloadSchema>> Compile() {
  std::vector<std::unique_ptr<const PayloadSchema>> schemas;
  for (const std::string_view text : kSchemas) {
    schemas.push_back(*CompileSchema(SchemaType::kProtobuf, text, {}));
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
