// CompileProtobufSchema: a PayloadSchema of a .proto file's text, proto2 or proto3.
//
// Internal to connectors/, and with protobuf_walk the door of libprotobuf, which reads the text and
// the payload. The google/protobuf/*.proto files are there without being given.
//
// Errors: as CompileSchema's. A schema's message names file, line and column.
// Format: message indexes: a zigzag varint of how many, then each; the one byte 0 says the first
//   message of the file. Behind them the message.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/payload_schema.h"

namespace turnout::connectors {

absl::StatusOr<std::unique_ptr<const PayloadSchema>> CompileProtobufSchema(
    std::string_view text, absl::Span<const SchemaReference> references);

}  // namespace turnout::connectors
