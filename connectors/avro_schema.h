// CompileAvroSchema: a PayloadSchema of an Avro schema's text.
//
// Internal to connectors/. The schema becomes a program (avro_program), and a payload is read once,
// front to back, by it: nothing is allocated but what the JSON takes.
//
// Errors: as CompileSchema's. A payload's message names the byte.
// Format: https://avro.apache.org/docs/1.11.1/specification/#binary-encoding
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/payload_schema.h"

namespace turnout::connectors {

absl::StatusOr<std::unique_ptr<const PayloadSchema>> CompileAvroSchema(
    std::string_view text, absl::Span<const SchemaReference> references);

}  // namespace turnout::connectors
