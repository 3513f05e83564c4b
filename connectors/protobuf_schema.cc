#include "connectors/protobuf_schema.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "connectors/json_output.h"
#include "connectors/protobuf_check.h"
#include "connectors/protobuf_files.h"
#include "connectors/protobuf_types.h"
#include "connectors/protobuf_walk.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

namespace pb = google::protobuf;

// What an ordinary event is parsed into, without asking for memory.
constexpr size_t kFirstBlockBytes = 8192;

absl::Status Refuse(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("the Protobuf payload: %s", what));
}

// Those that a file's text names, in its order; entries of maps, which libprotobuf adds, don't
// count.
const pb::Descriptor* NestedMessage(const pb::Descriptor& message, int64_t index) {
  for (int i = 0; index >= 0 && i < message.nested_type_count(); ++i) {
    if (message.nested_type(i)->options().map_entry()) continue;
    if (index-- == 0) return message.nested_type(i);
  }
  return nullptr;
}

class ProtobufSchema final : public PayloadSchema {
 public:
  explicit ProtobufSchema(ProtobufFiles files) : types_(std::move(files)) {}

  absl::Status AppendJson(std::string_view payload, std::string* json) const override;

 private:
  // Reads the indexes; what is left of `rest` is the message.
  absl::StatusOr<const ProtobufType*> MessageType(std::string_view* rest) const;

  const ProtobufTypes types_;
};

absl::StatusOr<const ProtobufType*> ProtobufSchema::MessageType(std::string_view* rest) const {
  WireReader reader(*rest);
  const int64_t count = reader.SignedVarint();
  const int64_t first = count == 0 ? 0 : reader.SignedVarint();
  if (!reader.ok() || count < 0 || count > kSchemaDepthMax) {
    return Refuse("it does not begin with a list of message indexes");
  }
  const pb::FileDescriptor& file = *types_.schema();
  if (first < 0 || first >= file.message_type_count()) {
    return Refuse(absl::StrCat("it is of message ", first, ", and the schema has ",
                               file.message_type_count()));
  }
  const pb::Descriptor* message = file.message_type(static_cast<int>(first));
  for (int64_t i = 1; i < count; ++i) {
    const int64_t index = reader.SignedVarint();
    if (!reader.ok()) return Refuse("its list of message indexes is cut off");
    const pb::Descriptor* const nested = NestedMessage(*message, index);
    if (nested == nullptr) {
      return Refuse(absl::StrCat("it is of message ", index, " within `", message->full_name(),
                                 "`, which has none such"));
    }
    message = nested;
  }
  *rest = rest->substr(rest->size() - reader.left());
  return types_.Find(message);
}

absl::Status ProtobufSchema::AppendJson(std::string_view payload, std::string* json) const {
  if (payload.size() > kPayloadBytesMax) {
    return Refuse(
        absl::StrCat("it has ", payload.size(), " bytes; at most ", kPayloadBytesMax, " are read"));
  }
  std::string_view bytes = payload;
  const absl::StatusOr<const ProtobufType*> type = MessageType(&bytes);
  if (!type.ok()) return type.status();
  size_t tree_bytes = ProtobufTreeBytesAtMost(types_, bytes.size());
  if (tree_bytes > kProtobufTreeBytesMax) {
    tree_bytes = 0;
    const absl::Status status = CheckProtobufBytes(types_, **type, bytes, &tree_bytes);
    if (!status.ok()) return Refuse(std::string(status.message()));
  }
  alignas(std::max_align_t) char block[kFirstBlockBytes];
  pb::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = sizeof(block);
  pb::Arena arena(options);
  pb::Message* const message = (*type)->prototype->New(&arena);
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    size_t ignored = 0;
    const absl::Status status = CheckProtobufBytes(types_, **type, bytes, &ignored);
    return Refuse(status.ok() ? "it is malformed" : std::string(status.message()));
  }
  if (types_.has_required() && !message->IsInitialized()) {
    return Refuse(absl::StrCat("it lacks ", message->InitializationErrorString()));
  }
  JsonOutput out(json);
  if (absl::Status status = WriteProtobufJson(types_, *message, tree_bytes, &out); !status.ok()) {
    return status;
  }
  out.Keep();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const PayloadSchema>> CompileProtobufSchema(
    std::string_view text, absl::Span<const SchemaReference> references) {
  absl::StatusOr<ProtobufFiles> files = LinkProtobufFiles(text, references);
  if (!files.ok()) return files.status();
  return std::make_unique<const ProtobufSchema>(*std::move(files));
}

}  // namespace turnout::connectors
