#include "connectors/payload_schema.h"

#include "absl/strings/str_cat.h"
#include "connectors/avro_schema.h"
#include "connectors/json_output.h"
#include "connectors/protobuf_schema.h"

namespace turnout::connectors {
namespace {

// A payload that is JSON already; whether all of it is, its reader will see.
class JsonSchema final : public PayloadSchema {
 public:
  absl::Status AppendJson(std::string_view payload, std::string* json) const override {
    if (payload.size() > kDecodedBytesMax) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the payload has ", payload.size(), " bytes; at most ", kDecodedBytesMax, " are read"));
    }
    const size_t first = payload.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || payload[first] != '{') {
      return absl::InvalidArgumentError("the payload is JSON, but no object");
    }
    json->append(payload.substr(first));
    return absl::OkStatus();
  }
};

absl::Status CheckSizes(std::string_view text, absl::Span<const SchemaReference> references) {
  if (references.size() > kSchemaReferencesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the schema has ", references.size(),
                                                   " references; at most ", kSchemaReferencesMax,
                                                   " are read"));
  }
  size_t bytes = text.size();
  for (const SchemaReference& reference : references) bytes += reference.text.size();
  if (bytes > kSchemaBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the schema has ", bytes,
                                                   " bytes with its references; at most ",
                                                   kSchemaBytesMax, " are read"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const PayloadSchema>> CompileSchema(
    SchemaType type, std::string_view text, absl::Span<const SchemaReference> references) {
  if (absl::Status status = CheckSizes(text, references); !status.ok()) return status;
  switch (type) {
    case SchemaType::kAvro:
      return CompileAvroSchema(text, references);
    case SchemaType::kProtobuf:
      return CompileProtobufSchema(text, references);
    case SchemaType::kJson:
      return std::make_unique<const JsonSchema>();
  }
  return absl::InvalidArgumentError("a type of schema that is not known");
}

}  // namespace turnout::connectors
