#include "connectors/protobuf_walk.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "connectors/instant_text.h"
#include "connectors/protobuf_check.h"

namespace turnout::connectors {
namespace {

namespace pb = google::protobuf;
using CppType = pb::FieldDescriptor::CppType;
using Form = ProtobufType::Form;

constexpr int64_t kDurationSecondsMax = 315'576'000'000;
constexpr int kNanosecondsMax = 999'999'999;
constexpr int kSingular = -1;  // instead of the index of a repeated field's element

// Messages name them.
static_assert(kPayloadDepthMax == 500 && kDecodedBytesMax == size_t{16} << 20);

// Each function returns false after Fail.
class Walk {
 public:
  Walk(const ProtobufTypes& types, size_t tree_bytes, JsonOutput* out)
      : types_(types), out_(*out), tree_bytes_(tree_bytes) {}

  bool Message(const pb::Message& message, const ProtobufType& type, int depth);
  bool Within() { return out_.within_limit() || Fail("it is of more JSON than is read (16 MiB)"); }

  absl::Status Refused() const {
    return absl::InvalidArgumentError(
        path_.empty() ? absl::StrCat("the Protobuf payload: ", failure_)
                      : absl::StrCat("the Protobuf payload's `", path_, "`: ", failure_));
  }

 private:
  // The members of an object, without its braces; `is_first`: nothing stands before them.
  bool Fields(const pb::Message& message, const ProtobufType& type, bool is_first, int depth);
  bool Extensions(const pb::Message& message, bool is_first, int depth);
  bool Field(const pb::Message& message, const ProtobufField& field, int depth);
  bool Elements(const pb::Message& message, const ProtobufField& field, int depth);
  bool Map(const pb::Message& message, const ProtobufField& field, int depth);
  bool Key(const pb::Message& entry, const pb::FieldDescriptor* field, std::string* key);
  bool Scalar(const pb::Message& message, const ProtobufField& field, int index, int depth);
  bool Text(const pb::Message& message, const pb::FieldDescriptor* field, int index);
  void Enum(const pb::FieldDescriptor* field, int number);

  bool Any(const pb::Message& message, const ProtobufType& type, int depth);
  bool AnyMembers(const ProtobufType& inner, std::string_view bytes, int depth);
  bool Timestamp(const pb::Message& message, const ProtobufType& type);
  bool Duration(const pb::Message& message, const ProtobufType& type);
  bool FieldMask(const pb::Message& message, const ProtobufType& type);
  bool Value(const pb::Message& message, const ProtobufType& type, int depth);

  bool Fail(std::string_view what) {
    failure_ = what;
    return false;
  }
  // Adds where it was, from the inside out.
  bool FailedIn(std::string_view name) {
    path_ = path_.empty() ? std::string(name) : absl::StrFormat("%s.%s", name, path_);
    return false;
  }

  const ProtobufTypes& types_;
  JsonOutput& out_;
  size_t tree_bytes_;
  std::string scratch_;
  std::string failure_;
  std::string path_;
};

bool Walk::Message(const pb::Message& message, const ProtobufType& type, int depth) {
  if (depth >= kPayloadDepthMax) return Fail("objects and arrays nest deeper than 500");
  if (!Within()) return false;
  switch (type.form) {
    case Form::kFields:
      out_.Raw('{');
      if (!Fields(message, type, true, depth + 1)) return false;
      out_.Raw('}');
      return true;
    case Form::kAny:
      return Any(message, type, depth);
    case Form::kDuration:
      return Duration(message, type);
    case Form::kFieldMask:
      return FieldMask(message, type);
    case Form::kListValue:
      return Elements(message, type.fields[0], depth + 1);
    case Form::kStruct:
      return Map(message, type.fields[0], depth + 1);
    case Form::kTimestamp:
      return Timestamp(message, type);
    case Form::kValue:
      return Value(message, type, depth);
    case Form::kWrapper:
      return Scalar(message, type.fields[0], kSingular, depth);
  }
  return Fail("a type of no known form");
}

bool Walk::Fields(const pb::Message& message, const ProtobufType& type, bool is_first, int depth) {
  const pb::Reflection* const reflection = message.GetReflection();
  for (const ProtobufField& field : type.fields) {
    if (field.has_presence && !reflection->HasField(message, field.field)) continue;
    if (!is_first) out_.Raw(',');
    is_first = false;
    out_.Raw(field.key);
    if (!Field(message, field, depth)) return FailedIn(field.field->name());
  }
  return !type.has_extensions || Extensions(message, is_first, depth);
}

bool Walk::Extensions(const pb::Message& message, bool is_first, int depth) {
  std::vector<const pb::FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  for (const pb::FieldDescriptor* const field : set) {
    if (!field->is_extension()) continue;
    const bool is_message = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    const ProtobufField extension = {
        .field = field, .type = is_message ? types_.Find(field->message_type()) : nullptr};
    if (!is_first) out_.Raw(',');
    is_first = false;
    out_.Raw(absl::StrCat("\"[", field->full_name(), "]\":"));
    if (!Field(message, extension, depth)) return FailedIn(field->full_name());
  }
  return true;
}

bool Walk::Field(const pb::Message& message, const ProtobufField& field, int depth) {
  if (field.field->is_map()) return Map(message, field, depth);
  if (field.field->is_repeated()) return Elements(message, field, depth);
  return Scalar(message, field, kSingular, depth);
}

bool Walk::Elements(const pb::Message& message, const ProtobufField& field, int depth) {
  out_.Raw('[');
  const int size = message.GetReflection()->FieldSize(message, field.field);
  for (int i = 0; i < size; ++i) {
    if (i > 0) out_.Raw(',');
    if (!Scalar(message, field, i, depth + 1)) return false;
  }
  out_.Raw(']');
  return true;
}

// A key that comes twice has what comes last. Entries stand as they came.
bool Walk::Map(const pb::Message& message, const ProtobufField& field, int depth) {
  const pb::Reflection* const reflection = message.GetReflection();
  const ProtobufField& key = field.type->fields[0];
  const ProtobufField& value = field.type->fields[1];
  const int size = reflection->FieldSize(message, field.field);
  std::vector<std::string> keys(static_cast<size_t>(size));
  absl::flat_hash_map<std::string_view, int> last;
  for (int i = 0; i < size; ++i) {
    std::string& text = keys[static_cast<size_t>(i)];
    if (!Key(reflection->GetRepeatedMessage(message, field.field, i), key.field, &text))
      return false;
    last[text] = i;
  }
  out_.Raw('{');
  bool is_first = true;
  for (int i = 0; i < size; ++i) {
    const std::string& text = keys[static_cast<size_t>(i)];
    if (last[text] != i) continue;
    if (!is_first) out_.Raw(',');
    is_first = false;
    out_.Raw(text);
    out_.Raw(':');
    const pb::Message& entry = reflection->GetRepeatedMessage(message, field.field, i);
    if (!Scalar(entry, value, kSingular, depth + 1)) return FailedIn(text);
  }
  out_.Raw('}');
  return true;
}

bool Walk::Key(const pb::Message& entry, const pb::FieldDescriptor* field, std::string* key) {
  const pb::Reflection* const reflection = entry.GetReflection();
  switch (field->cpp_type()) {
    case CppType::CPPTYPE_STRING:
      return AppendJsonText(reflection->GetStringReference(entry, field, &scratch_), key) ||
             Fail("a key is not UTF-8");
    case CppType::CPPTYPE_BOOL:
      *key = reflection->GetBool(entry, field) ? "\"true\"" : "\"false\"";
      return true;
    case CppType::CPPTYPE_INT32:
      absl::StrAppend(key, "\"", reflection->GetInt32(entry, field), "\"");
      return true;
    case CppType::CPPTYPE_INT64:
      absl::StrAppend(key, "\"", reflection->GetInt64(entry, field), "\"");
      return true;
    case CppType::CPPTYPE_UINT32:
      absl::StrAppend(key, "\"", reflection->GetUInt32(entry, field), "\"");
      return true;
    case CppType::CPPTYPE_UINT64:
      absl::StrAppend(key, "\"", reflection->GetUInt64(entry, field), "\"");
      return true;
    default:
      return Fail("a key of a type that no key has");
  }
}

// A field's value that is no list: the field's own, or an element of it.
bool Walk::Scalar(const pb::Message& message, const ProtobufField& field, int index, int depth) {
  if (!Within()) return false;
  const pb::Reflection* const reflection = message.GetReflection();
  const auto get = [&](auto single, auto element) {
    return index == kSingular ? (reflection->*single)(message, field.field)
                              : (reflection->*element)(message, field.field, index);
  };
  using R = pb::Reflection;
  switch (field.field->cpp_type()) {
    case CppType::CPPTYPE_INT32:
      out_.Signed(get(&R::GetInt32, &R::GetRepeatedInt32));
      return true;
    case CppType::CPPTYPE_INT64:
      out_.Signed(get(&R::GetInt64, &R::GetRepeatedInt64));
      return true;
    case CppType::CPPTYPE_UINT32:
      out_.Unsigned(get(&R::GetUInt32, &R::GetRepeatedUInt32));
      return true;
    case CppType::CPPTYPE_UINT64:
      out_.Unsigned(get(&R::GetUInt64, &R::GetRepeatedUInt64));
      return true;
    case CppType::CPPTYPE_DOUBLE:
      out_.Double(get(&R::GetDouble, &R::GetRepeatedDouble));
      return true;
    case CppType::CPPTYPE_FLOAT:
      out_.Float(get(&R::GetFloat, &R::GetRepeatedFloat));
      return true;
    case CppType::CPPTYPE_BOOL:
      out_.Bool(get(&R::GetBool, &R::GetRepeatedBool));
      return true;
    case CppType::CPPTYPE_ENUM:
      Enum(field.field, get(&R::GetEnumValue, &R::GetRepeatedEnumValue));
      return true;
    case CppType::CPPTYPE_STRING:
      return Text(message, field.field, index);
    case CppType::CPPTYPE_MESSAGE:
      if (field.type == nullptr) return Fail("a message of no known type");
      return Message(index == kSingular
                         ? reflection->GetMessage(message, field.field)
                         : reflection->GetRepeatedMessage(message, field.field, index),
                     *field.type, depth);
  }
  return Fail("a field of no known type");
}

bool Walk::Text(const pb::Message& message, const pb::FieldDescriptor* field, int index) {
  const pb::Reflection* const reflection = message.GetReflection();
  const std::string& text =
      index == kSingular ? reflection->GetStringReference(message, field, &scratch_)
                         : reflection->GetRepeatedStringReference(message, field, index, &scratch_);
  if (field->type() != pb::FieldDescriptor::TYPE_BYTES) {
    return out_.String(text) || Fail("a string is not UTF-8");
  }
  out_.Base64(text);
  return true;
}

// A number that the schema has no name for is written as it is.
void Walk::Enum(const pb::FieldDescriptor* field, int number) {
  const pb::EnumDescriptor* const type = field->enum_type();
  if (type->full_name() == "google.protobuf.NullValue" &&
      type->file()->name() == "google/protobuf/struct.proto") {
    return out_.Raw("null");
  }
  const pb::EnumValueDescriptor* const value = type->FindValueByNumber(number);
  if (value == nullptr) return out_.Signed(number);
  out_.Raw('"');
  out_.Raw(value->name());
  out_.Raw('"');
}

bool Walk::Any(const pb::Message& message, const ProtobufType& type, int depth) {
  const pb::Reflection* const reflection = message.GetReflection();
  std::string url_scratch;
  const std::string& url =
      reflection->GetStringReference(message, type.fields[0].field, &url_scratch);
  std::string bytes_scratch;
  const std::string& bytes =
      reflection->GetStringReference(message, type.fields[1].field, &bytes_scratch);
  out_.Raw('{');
  if (!url.empty() || !bytes.empty()) {
    out_.Raw("\"@type\":");
    if (!out_.String(url)) return Fail("its type's URL is not UTF-8");
    const ProtobufType* const inner = types_.FindByName(url.substr(url.rfind('/') + 1));
    if (inner == nullptr) {
      out_.Raw(",\"value\":");
      out_.Base64(bytes);
    } else if (!AnyMembers(*inner, bytes, depth + 1)) {
      return false;
    }
  }
  out_.Raw('}');
  return true;
}

bool Walk::AnyMembers(const ProtobufType& inner, std::string_view bytes, int depth) {
  if (depth >= kPayloadDepthMax) return Fail("objects and arrays nest deeper than 500");
  const absl::Status status = CheckProtobufBytes(types_, inner, bytes, &tree_bytes_);
  if (!status.ok()) return Fail(std::string(status.message()));
  pb::Arena arena;
  pb::Message* const message = inner.prototype->New(&arena);
  const bool is_parsed =
      message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (!is_parsed) return Fail("is not of the type that it says");
  if (inner.form == Form::kFields) return Fields(*message, inner, false, depth);
  out_.Raw(",\"value\":");
  return Message(*message, inner, depth);
}

bool Walk::Timestamp(const pb::Message& message, const ProtobufType& type) {
  const pb::Reflection* const reflection = message.GetReflection();
  const int64_t seconds = reflection->GetInt64(message, type.fields[0].field);
  const int nanoseconds = reflection->GetInt32(message, type.fields[1].field);
  if (nanoseconds < 0 || nanoseconds > kNanosecondsMax) {
    return Fail("a timestamp's nanoseconds are not within a second");
  }
  InstantText text;
  const std::string_view instant = SecondText(seconds, nanoseconds, "Z", &text);
  if (instant.empty()) return Fail("a timestamp is not within the years 1 to 9999");
  return out_.String(instant);
}

bool Walk::Duration(const pb::Message& message, const ProtobufType& type) {
  const pb::Reflection* const reflection = message.GetReflection();
  const int64_t seconds = reflection->GetInt64(message, type.fields[0].field);
  const int nanoseconds = reflection->GetInt32(message, type.fields[1].field);
  const bool within = seconds >= -kDurationSecondsMax && seconds <= kDurationSecondsMax &&
                      nanoseconds >= -kNanosecondsMax && nanoseconds <= kNanosecondsMax;
  const bool one_sign = (seconds <= 0 || nanoseconds >= 0) && (seconds >= 0 || nanoseconds <= 0);
  if (!within || !one_sign) return Fail("a duration is beyond 10,000 years, or of two signs");
  const bool negative = seconds < 0 || nanoseconds < 0;
  InstantText fraction;
  const char* const end = PutFraction(negative ? -nanoseconds : nanoseconds, fraction.bytes);
  out_.Raw(negative ? "\"-" : "\"");
  out_.Signed(negative ? -seconds : seconds);
  out_.Raw(std::string_view(fraction.bytes, static_cast<size_t>(end - fraction.bytes)));
  out_.Raw("s\"");
  return true;
}

// One text: the paths, in lower camel case, with commas between them.
bool Walk::FieldMask(const pb::Message& message, const ProtobufType& type) {
  const pb::Reflection* const reflection = message.GetReflection();
  const pb::FieldDescriptor* const paths = type.fields[0].field;
  std::string text;
  for (int i = 0; i < reflection->FieldSize(message, paths); ++i) {
    if (i > 0) text.push_back(',');
    bool is_upper = false;
    for (const char c : reflection->GetRepeatedStringReference(message, paths, i, &scratch_)) {
      if (c != '_')
        text.push_back(is_upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c);
      is_upper = c == '_';
    }
  }
  return out_.String(text) || Fail("a path is not UTF-8");
}

bool Walk::Value(const pb::Message& message, const ProtobufType& type, int depth) {
  const pb::FieldDescriptor* const set =
      message.GetReflection()->GetOneofFieldDescriptor(message, type.descriptor->oneof_decl(0));
  for (const ProtobufField& field : type.fields) {
    if (field.field == set) return Scalar(message, field, kSingular, depth);
  }
  out_.Raw("null");  // none is set
  return true;
}

}  // namespace

absl::Status WriteProtobufJson(const ProtobufTypes& types, const pb::Message& message,
                               size_t tree_bytes, JsonOutput* out) {
  Walk walk(types, tree_bytes, out);
  const ProtobufType& type = *types.Find(message.GetDescriptor());
  if (!walk.Message(message, type, 0) || !walk.Within()) return walk.Refused();
  return absl::OkStatus();
}

}  // namespace turnout::connectors
