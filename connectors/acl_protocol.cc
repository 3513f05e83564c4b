#include "connectors/acl_protocol.h"

#include "connectors/kafka_api.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr int8_t kAny = 1;
constexpr int8_t kAllow = 3;
constexpr std::string_view kAnyHost = "*";

AclAnswer ReadAnswer(WireReader& reader) {
  AclAnswer answer;
  answer.error_code = reader.Int16();
  answer.error_message = reader.NullableString();
  return answer;
}

void WriteAcl(const Acl& acl, WireWriter& writer) {
  writer.Int8(static_cast<int8_t>(acl.resource));
  writer.String(acl.name);
  writer.Int8(static_cast<int8_t>(acl.pattern));
  writer.String(acl.principal);
  writer.String(kAnyHost);
  writer.Int8(static_cast<int8_t>(acl.operation));
  writer.Int8(kAllow);
  writer.NoTags();
}

// What a filter asks for has the same bytes as what is created: its texts may be null, these
// aren't.
void WriteAcls(absl::Span<const Acl> acls, std::string* out) {
  WireWriter writer(out);
  writer.ArraySize(acls.size());
  for (const Acl& acl : acls) WriteAcl(acl, writer);
  writer.NoTags();
}

}  // namespace

void WriteDescribeAcls(std::string_view principal, std::string* out) {
  WireWriter writer(out);
  writer.Int8(kAny);          // resource type
  writer.NullableString({});  // resource name
  writer.Int8(kAny);          // pattern
  writer.NullableString(principal);
  writer.NullableString({});  // host
  writer.Int8(kAny);          // operation
  writer.Int8(kAllow);
  writer.NoTags();
}

absl::StatusOr<DescribeAclsAnswer> ReadDescribeAcls(std::string_view body) {
  WireReader reader(body);
  DescribeAclsAnswer answer;
  reader.Int32();  // throttle time
  static_cast<AclAnswer&>(answer) = ReadAnswer(reader);
  const size_t resources = reader.ArraySize(5);
  for (size_t i = 0; i < resources && reader.ok(); ++i) {
    Acl acl;
    acl.resource = static_cast<AclResource>(reader.Int8());
    acl.name = reader.String();
    acl.pattern = static_cast<AclPattern>(reader.Int8());
    const size_t count = reader.ArraySize(5);
    for (size_t j = 0; j < count && reader.ok(); ++j) {
      acl.principal = reader.String();
      const bool is_anywhere = reader.String() == kAnyHost;
      acl.operation = static_cast<AclOperation>(reader.Int8());
      const bool allows = reader.Int8() == kAllow;
      reader.SkipTags();
      if (is_anywhere && allows) answer.acls.push_back(acl);
    }
    reader.SkipTags();
  }
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kDescribeAcls);
  return answer;
}

void WriteCreateAcls(absl::Span<const Acl> acls, std::string* out) { WriteAcls(acls, out); }

absl::StatusOr<std::vector<AclAnswer>> ReadCreateAcls(std::string_view body) {
  WireReader reader(body);
  std::vector<AclAnswer> answers;
  reader.Int32();  // throttle time
  const size_t count = reader.ArraySize(4);
  for (size_t i = 0; i < count && reader.ok(); ++i) {
    answers.push_back(ReadAnswer(reader));
    reader.SkipTags();
  }
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kCreateAcls);
  return answers;
}

void WriteDeleteAcls(absl::Span<const Acl> acls, std::string* out) { WriteAcls(acls, out); }

absl::StatusOr<std::vector<AclAnswer>> ReadDeleteAcls(std::string_view body) {
  WireReader reader(body);
  std::vector<AclAnswer> answers;
  reader.Int32();  // throttle time
  const size_t filters = reader.ArraySize(5);
  for (size_t i = 0; i < filters && reader.ok(); ++i) {
    AclAnswer answer = ReadAnswer(reader);
    const size_t count = reader.ArraySize(11);
    for (size_t j = 0; j < count && reader.ok(); ++j) {
      const AclAnswer one = ReadAnswer(reader);
      reader.Int8();    // resource
      reader.String();  // its name
      reader.Int8();    // pattern
      reader.String();  // principal
      reader.String();  // host
      reader.Int8();    // operation
      reader.Int8();    // allows
      reader.SkipTags();
      if (answer.error_code == 0) answer = one;
    }
    reader.SkipTags();
    answers.push_back(answer);
  }
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kDeleteAcls);
  return answers;
}

}  // namespace turnout::connectors
