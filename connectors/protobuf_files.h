// ProtobufFiles: a .proto file and all that it imports, read and linked.
//
// Internal to connectors/, a door of libprotobuf. The texts are looked at before libprotobuf sees
// them, since its parser and linker have no bounds of their own: how deep braces nest, how many
// messages there are, how many ranges are compared with each other. Options are left out, but
// what decides how a file is read: those of others (validation rules, tags, HTTP routes) need
// files that a registry's references seldom have, and nothing here asks for them. For the same
// reason an import that is not given is taken for an empty file; only a type that is missing then
// is an error.
//
// Errors: InvalidArgument, with file, line and column where the text is no .proto file.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/payload_schema.h"

namespace google::protobuf {
class DescriptorPool;
class FileDescriptor;
}  // namespace google::protobuf

namespace turnout::connectors {

// Messages of all files together. libprotobuf links them by recursion, one message a step.
inline constexpr int kProtobufMessagesMax = 4'000;

struct ProtobufFiles {
  ProtobufFiles();
  ProtobufFiles(ProtobufFiles&&) noexcept;
  ~ProtobufFiles();

  // All files, with those of google/protobuf that they import.
  std::unique_ptr<google::protobuf::DescriptorPool> pool;
  const google::protobuf::FileDescriptor* schema = nullptr;  // of the text itself
};

absl::StatusOr<ProtobufFiles> LinkProtobufFiles(std::string_view text,
                                                absl::Span<const SchemaReference> references);

}  // namespace turnout::connectors
