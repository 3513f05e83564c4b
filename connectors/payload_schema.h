// PayloadSchema: one schema of a registry, compiled; turns what was written by it into JSON.
//
// CompileSchema reads the schema's text, and the texts that it refers to, once; AppendJson then
// makes of each payload one JSON object, over which patterns hold as over an event that came as
// JSON. Which value comes out as what is in the README ("What a payload becomes"). Nothing here
// knows of a registry, of ids or of the network.
//
// Errors: InvalidArgument, for a schema and for a payload: what is wrong with it and, for a
// payload,
//   at which byte where that can be told. Texts and payloads are taken for hostile: what they cost
//   ends at the limits below.
// Threads: a PayloadSchema never changes; any number of threads may use one at once.
// Lifetime: it borrows nothing of what it was compiled from.
// Format: what stands behind Confluent's magic byte and four bytes of id. For Protobuf that begins
//   with the message's indexes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace turnout::connectors {

enum class SchemaType { kAvro, kProtobuf, kJson };

// Another schema that the text refers to. `name` is an Avro type's full name, or what a .proto file
// is imported as. All that is referred to is given, also by references themselves, in any order.
struct SchemaReference {
  std::string name;
  std::string text;
};

// Of a schema: its text and its references' together; how many of those; how deep its types nest.
inline constexpr size_t kSchemaBytesMax = size_t{1} << 20;
inline constexpr size_t kSchemaReferencesMax = 256;
inline constexpr int kSchemaDepthMax = 100;

// Of one payload: its size, the JSON that it may become, how deep objects and arrays may nest there
// (Protobuf's messages: 100, as its own libraries have it).
inline constexpr size_t kPayloadBytesMax = size_t{16} << 20;
inline constexpr size_t kDecodedBytesMax = size_t{16} << 20;
inline constexpr int kPayloadDepthMax = 500;

class PayloadSchema {
 public:
  virtual ~PayloadSchema() = default;

  // Appends the payload as one JSON object. InvalidArgument: it was not written by this schema, is
  // beyond a limit, or is no object (a schema may be of a lone string); `json` is then as it was.
  virtual absl::Status AppendJson(std::string_view payload, std::string* json) const = 0;
};

// InvalidArgument: the text is no schema of this type, refers to what is not given, or is beyond a
// limit; says where.
absl::StatusOr<std::unique_ptr<const PayloadSchema>> CompileSchema(
    SchemaType type, std::string_view text, absl::Span<const SchemaReference> references);

}  // namespace turnout::connectors
