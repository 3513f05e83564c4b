#include "connectors/protobuf_check.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_format.h"
#include "connectors/json_output.h"

namespace turnout::connectors {
namespace {

namespace pb = google::protobuf;

// A string object or an unknown field, its place in a list that grew by doubling, and what the
// arena notes of it: more than it takes, of any field that is not a message.
constexpr size_t kFieldBytes = 96;
// What a packed number of one byte may take, the list having grown by doubling.
constexpr size_t kPackedFactor = 16;
constexpr int kVarintBytesMax = 10;

enum WireType : uint32_t { kVarint, kFixed64, kSized, kBeginGroup, kEndGroup, kFixed32 };

class Check {
 public:
  Check(const ProtobufTypes& types, std::string_view bytes, size_t tree_bytes)
      : types_(types), bytes_(bytes), tree_bytes_(tree_bytes) {}

  bool Root(const ProtobufType& type) { return Message(&type, bytes_.size(), 0, 0); }

  size_t tree_bytes() const { return tree_bytes_; }
  absl::Status Refused() const {
    return absl::InvalidArgumentError(absl::StrFormat("byte %d of the message: %s", at_, failure_));
  }

 private:
  // Until `end`, or the end of `group` where that is not 0. A null type: all fields are unknown.
  bool Message(const ProtobufType* type, size_t end, uint32_t group, int depth);
  bool Field(const ProtobufType* type, uint32_t tag, size_t end, int depth);
  bool Sized(const pb::FieldDescriptor* field, size_t end, int depth);
  bool Varint(size_t end, uint64_t* value);
  bool Skip(size_t size, size_t end);
  bool Add(size_t bytes) {
    tree_bytes_ += bytes;
    return tree_bytes_ <= kProtobufTreeBytesMax || Fail("it takes more than 64 MiB once parsed");
  }
  bool Fail(std::string_view what) {
    failure_ = what;
    return false;
  }
  static const pb::FieldDescriptor* FieldOf(const ProtobufType* type, uint32_t number);

  const ProtobufTypes& types_;
  const std::string_view bytes_;
  size_t at_ = 0;
  size_t tree_bytes_;
  std::string_view failure_;
};

const pb::FieldDescriptor* Check::FieldOf(const ProtobufType* type, uint32_t number) {
  if (type == nullptr) return nullptr;
  const auto signed_number = static_cast<int>(number);
  const pb::FieldDescriptor* const field = type->descriptor->FindFieldByNumber(signed_number);
  if (field != nullptr || !type->has_extensions) return field;
  return type->descriptor->file()->pool()->FindExtensionByNumber(type->descriptor, signed_number);
}

bool Check::Varint(size_t end, uint64_t* value) {
  *value = 0;
  for (int i = 0; i < kVarintBytesMax; ++i) {
    if (at_ == end) return Fail("a number is cut off");
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return true;
  }
  return Fail("a number has more than 64 bits");
}

bool Check::Skip(size_t size, size_t end) {
  if (size > end - at_) return Fail("a value is cut off");
  at_ += size;
  return true;
}

bool Check::Message(const ProtobufType* type, size_t end, uint32_t group, int depth) {
  if (depth > kProtobufDepthMax) return Fail("messages nest deeper than 100");
  while (at_ < end) {
    uint64_t tag = 0;
    if (!Varint(end, &tag)) return false;
    if (tag > UINT32_MAX || tag >> 3 == 0) return Fail("a field has no such number");
    if ((tag & 7) == kEndGroup) {
      return (group != 0 && tag >> 3 == group) || Fail("a group ends that did not begin");
    }
    if (!Field(type, static_cast<uint32_t>(tag), end, depth)) return false;
  }
  return group == 0 || Fail("a group does not end");
}

bool Check::Field(const ProtobufType* type, uint32_t tag, size_t end, int depth) {
  const pb::FieldDescriptor* const field = FieldOf(type, tag >> 3);
  if (!Add(kFieldBytes)) return false;
  uint64_t ignored = 0;
  switch (tag & 7) {
    case kVarint:
      return Varint(end, &ignored);
    case kFixed64:
      return Skip(8, end);
    case kFixed32:
      return Skip(4, end);
    case kSized:
      return Sized(field, end, depth);
    case kBeginGroup: {
      const bool is_known = field != nullptr && field->type() == pb::FieldDescriptor::TYPE_GROUP;
      const ProtobufType* const group = is_known ? types_.Find(field->message_type()) : nullptr;
      if (group != nullptr && !Add(group->bytes)) return false;
      return Message(group, end, tag >> 3, depth + 1);
    }
    default:
      return Fail("a field is of no known wire type");
  }
}

bool Check::Sized(const pb::FieldDescriptor* field, size_t end, int depth) {
  uint64_t size = 0;
  if (!Varint(end, &size)) return false;
  if (size > end - at_) return Fail("a length is beyond the end");
  const bool is_message = field != nullptr && field->type() == pb::FieldDescriptor::TYPE_MESSAGE;
  if (is_message) {
    const ProtobufType* const type = types_.Find(field->message_type());
    if (type != nullptr && !Add(type->bytes)) return false;
    return Message(type, at_ + static_cast<size_t>(size), 0, depth + 1);
  }
  const bool is_packed = field != nullptr && field->is_packable();
  if (!Add(static_cast<size_t>(size) * (is_packed ? kPackedFactor : 1))) return false;
  // proto3's parser refuses these by itself, and does not say so.
  const bool is_text = field != nullptr && field->type() == pb::FieldDescriptor::TYPE_STRING;
  if (is_text && !IsUtf8(bytes_.substr(at_, static_cast<size_t>(size)))) {
    return Fail("a string is not UTF-8");
  }
  return Skip(static_cast<size_t>(size), end);
}

}  // namespace

absl::Status CheckProtobufBytes(const ProtobufTypes& types, const ProtobufType& type,
                                std::string_view bytes, size_t* tree_bytes) {
  Check check(types, bytes, *tree_bytes + type.bytes);
  if (!check.Root(type)) return check.Refused();
  *tree_bytes = check.tree_bytes();
  return absl::OkStatus();
}

size_t ProtobufTreeBytesAtMost(const ProtobufTypes& types, size_t bytes) {
  // A field takes two bytes at least, a packed number one.
  const size_t field_bytes = types.bytes_max() + kFieldBytes;
  return types.bytes_max() + bytes * std::max(field_bytes / 2 + 1, kPackedFactor);
}

}  // namespace turnout::connectors
