// SecretReference: `${secret:NAME}` in a config value or a pipeline: where a secret's value is to
// stand once a router has it. `$${` is no reference, but the characters `${`.
//
// Errors: a reference that is not closed, or whose name can't be one, is found as it is written;
//   CheckItemName tells.
// Threads: pure functions. Lifetime: names view the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace turnout::manager {

struct SecretReference {
  std::string_view name;
  size_t begin = 0;  // of the whole reference, in bytes
  size_t end = 0;
  bool is_closed = true;
};

std::vector<SecretReference> FindSecretReferences(std::string_view text);

// The text with references to variables of the environment in the place of those to secrets, byte
// for byte as long: for readers that know of those alone.
std::string WithSecretsAsVariables(std::string_view text);

}  // namespace turnout::manager
