// What an administrator asks about ACLs: DescribeAcls, CreateAcls and DeleteAcls (version 2 each,
// Kafka 2.0 on; the first flexible one).
//
// Internal to connectors/, but for Acl itself.
// Errors: Unavailable when an answer can't be read. What a broker refuses is in error codes.
// Lifetime: answers own what they hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace turnout::connectors {

// The numbers are the protocol's.
enum class AclResource : int8_t { kTopic = 2, kGroup = 3, kCluster = 4, kTransactionalId = 5 };
enum class AclPattern : int8_t { kLiteral = 3, kPrefixed = 4 };
enum class AclOperation : int8_t { kAll = 2, kRead = 3, kWrite = 4, kDescribe = 8 };

// One that allows something, from any host.
struct Acl {
  AclResource resource = AclResource::kTopic;
  std::string name;
  AclPattern pattern = AclPattern::kLiteral;
  std::string principal;  // "User:fraud"
  AclOperation operation = AclOperation::kRead;

  bool operator==(const Acl&) const = default;
};

struct AclAnswer {
  int16_t error_code = 0;
  std::string error_message;
};

// Those that allow this principal something, whatever it is.
void WriteDescribeAcls(std::string_view principal, std::string* out);
struct DescribeAclsAnswer : AclAnswer {
  std::vector<Acl> acls;  // those that Acl can say: none that denies, or is for one host alone
};
absl::StatusOr<DescribeAclsAnswer> ReadDescribeAcls(std::string_view body);

void WriteCreateAcls(absl::Span<const Acl> acls, std::string* out);
// One answer for each, in that order.
absl::StatusOr<std::vector<AclAnswer>> ReadCreateAcls(std::string_view body);

// Exactly these. One that is not there is no error.
void WriteDeleteAcls(absl::Span<const Acl> acls, std::string* out);
absl::StatusOr<std::vector<AclAnswer>> ReadDeleteAcls(std::string_view body);

}  // namespace turnout::connectors
