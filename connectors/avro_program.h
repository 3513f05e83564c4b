// AvroProgram: an Avro schema as a flat list of nodes, ready to read payloads by.
//
// Internal to connectors/. A node says how its bytes are read and what they become; records,
// arrays, maps and unions name their parts by index, so a type that holds itself is a cycle of
// indexes and nothing is ever expanded. Names, namespaces and references are resolved here, once.
// Logical types that the specification calls invalid are left out, so that the type below them
// stands.
//
// Errors: InvalidArgument, naming the type or field.
// Format: https://avro.apache.org/docs/1.11.1/specification/#schema-declaration
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/payload_schema.h"

namespace turnout::connectors {

// Digits of a decimal; and of one value, the bytes that hold as many.
inline constexpr int kDecimalDigitsMax = 308;
inline constexpr size_t kDecimalBytesMax = 128;

struct AvroNode {
  enum class Kind : uint8_t {
    kUndefined,  // named by somebody, and still being read
    kNull,
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kRecord,  // parts: its fields, each with `"name":`
    kEnum,    // parts: its symbols, each as a JSON text
    kArray,   // parts: one
    kMap,     // parts: one
    kUnion,   // parts: its branches
    kFixed,
  };
  enum class Logical : uint8_t {
    kNone,
    kDecimal,
    kUuid,  // of a fixed; that of a string is a string
    kDate,
    kTimeMillis,
    kTimeMicros,
    kTimestampMillis,
    kTimestampMicros,
    kTimestampNanos,
    kLocalTimestampMillis,
    kLocalTimestampMicros,
    kLocalTimestampNanos,
  };

  Kind kind = Kind::kUndefined;
  Logical logical = Logical::kNone;
  int scale = 0;            // of a decimal: digits behind the point
  uint32_t size = 0;        // of a fixed, in bytes
  uint32_t first_part = 0;  // in AvroProgram::parts
  uint32_t parts = 0;
};

struct AvroProgram {
  struct Part {
    uint32_t node = 0;
    std::string text;
  };

  std::vector<AvroNode> nodes;
  std::vector<Part> parts;
  uint32_t root = 0;
};

absl::StatusOr<AvroProgram> CompileAvroProgram(std::string_view text,
                                               absl::Span<const SchemaReference> references);

}  // namespace turnout::connectors
