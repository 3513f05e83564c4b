// ProtobufTypes: what is asked of each message type for each payload, looked up once a schema.
//
// Internal to connectors/, a door of libprotobuf. For every message of the linked files: an empty
// one to make others from, the bytes that one takes in memory, its fields with their names as JSON,
// and whether it is one of Google's types that JSON has a form of its own for. Those are known by
// the file that they come from, not by their name alone: a schema may call anything
// `google.protobuf.Any`.
//
// Threads: never changes once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "connectors/protobuf_files.h"

namespace google::protobuf {
class Descriptor;
class DynamicMessageFactory;
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace turnout::connectors {

struct ProtobufType;

struct ProtobufField {
  const google::protobuf::FieldDescriptor* field = nullptr;
  const ProtobufType* type = nullptr;  // of a message
  std::string key;                     // `"name":`
  // Whether it may be absent. Without presence it has its default value, which is shown.
  bool has_presence = false;
};

struct ProtobufType {
  enum class Form : uint8_t {
    kFields,
    kAny,
    kDuration,
    kFieldMask,
    kListValue,
    kStruct,
    kTimestamp,
    kValue,
    kWrapper,
  };

  const google::protobuf::Descriptor* descriptor = nullptr;
  const google::protobuf::Message* prototype = nullptr;
  Form form = Form::kFields;
  size_t bytes = 0;                   // of an empty one in memory
  std::vector<ProtobufField> fields;  // as they stand in the file
  bool has_extensions = false;
};

class ProtobufTypes {
 public:
  explicit ProtobufTypes(ProtobufFiles files);
  ~ProtobufTypes();

  const google::protobuf::FileDescriptor* schema() const { return files_.schema; }
  // Null: no message of these files.
  const ProtobufType* Find(const google::protobuf::Descriptor* descriptor) const;
  const ProtobufType* FindByName(const std::string& full_name) const;

  // Of the largest type.
  size_t bytes_max() const { return bytes_max_; }
  // Whether some type has fields that must be there (proto2).
  bool has_required() const { return has_required_; }

 private:
  void AddFile(const google::protobuf::FileDescriptor* file);
  void Add(const google::protobuf::Descriptor* descriptor);
  void AddFields(ProtobufType* type);

  const ProtobufFiles files_;
  std::unique_ptr<google::protobuf::DynamicMessageFactory> factory_;  // before its pool goes
  absl::flat_hash_map<const google::protobuf::Descriptor*, std::unique_ptr<ProtobufType>> types_;
  size_t bytes_max_ = 0;
  bool has_required_ = false;
};

}  // namespace turnout::connectors
