#include "connectors/protobuf_types.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace turnout::connectors {
namespace {

namespace pb = google::protobuf;
using Form = ProtobufType::Form;

struct KnownType {
  std::string_view name;
  std::string_view file;
  Form form;
};
constexpr std::string_view kWrappers = "google/protobuf/wrappers.proto";
constexpr KnownType kKnownTypes[] = {
    {"google.protobuf.Any", "google/protobuf/any.proto", Form::kAny},
    {"google.protobuf.BoolValue", kWrappers, Form::kWrapper},
    {"google.protobuf.BytesValue", kWrappers, Form::kWrapper},
    {"google.protobuf.DoubleValue", kWrappers, Form::kWrapper},
    {"google.protobuf.Duration", "google/protobuf/duration.proto", Form::kDuration},
    {"google.protobuf.FieldMask", "google/protobuf/field_mask.proto", Form::kFieldMask},
    {"google.protobuf.FloatValue", kWrappers, Form::kWrapper},
    {"google.protobuf.Int32Value", kWrappers, Form::kWrapper},
    {"google.protobuf.Int64Value", kWrappers, Form::kWrapper},
    {"google.protobuf.ListValue", "google/protobuf/struct.proto", Form::kListValue},
    {"google.protobuf.StringValue", kWrappers, Form::kWrapper},
    {"google.protobuf.Struct", "google/protobuf/struct.proto", Form::kStruct},
    {"google.protobuf.Timestamp", "google/protobuf/timestamp.proto", Form::kTimestamp},
    {"google.protobuf.UInt32Value", kWrappers, Form::kWrapper},
    {"google.protobuf.UInt64Value", kWrappers, Form::kWrapper},
    {"google.protobuf.Value", "google/protobuf/struct.proto", Form::kValue},
};

Form FormOf(const pb::Descriptor& descriptor) {
  for (const KnownType& known : kKnownTypes) {
    if (descriptor.full_name() == known.name && descriptor.file()->name() == known.file) {
      return known.form;
    }
  }
  return Form::kFields;
}

}  // namespace

ProtobufTypes::ProtobufTypes(ProtobufFiles files)
    : files_(std::move(files)),
      factory_(std::make_unique<pb::DynamicMessageFactory>(files_.pool.get())) {
  AddFile(files_.schema);
  for (const auto& [descriptor, type] : types_) AddFields(type.get());
}

ProtobufTypes::~ProtobufTypes() = default;

const ProtobufType* ProtobufTypes::Find(const pb::Descriptor* descriptor) const {
  const auto found = types_.find(descriptor);
  return found == types_.end() ? nullptr : found->second.get();
}

const ProtobufType* ProtobufTypes::FindByName(const std::string& full_name) const {
  return Find(files_.pool->FindMessageTypeByName(full_name));
}

void ProtobufTypes::AddFile(const pb::FileDescriptor* file) {
  std::vector<const pb::FileDescriptor*> files = {file};
  absl::flat_hash_map<const pb::FileDescriptor*, bool> seen = {{file, true}};
  while (!files.empty()) {
    const pb::FileDescriptor* const next = files.back();
    files.pop_back();
    for (int i = 0; i < next->message_type_count(); ++i) Add(next->message_type(i));
    for (int i = 0; i < next->dependency_count(); ++i) {
      if (seen.try_emplace(next->dependency(i), true).second) files.push_back(next->dependency(i));
    }
  }
}

void ProtobufTypes::Add(const pb::Descriptor* descriptor) {
  auto type = std::make_unique<ProtobufType>();
  type->descriptor = descriptor;
  type->prototype = factory_->GetPrototype(descriptor);
  type->form = FormOf(*descriptor);
  type->bytes = type->prototype->SpaceUsedLong();
  type->has_extensions = descriptor->extension_range_count() > 0;
  bytes_max_ = std::max(bytes_max_, type->bytes);
  types_.emplace(descriptor, std::move(type));
  for (int i = 0; i < descriptor->nested_type_count(); ++i) Add(descriptor->nested_type(i));
}

void ProtobufTypes::AddFields(ProtobufType* type) {
  for (int i = 0; i < type->descriptor->field_count(); ++i) {
    const pb::FieldDescriptor* const field = type->descriptor->field(i);
    const bool is_message = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    // A name in a .proto file needs no escapes.
    type->fields.push_back({.field = field,
                            .type = is_message ? Find(field->message_type()) : nullptr,
                            .key = absl::StrCat("\"", field->name(), "\":"),
                            .has_presence = field->has_presence()});
    has_required_ |= field->is_required();
  }
}

}  // namespace turnout::connectors
