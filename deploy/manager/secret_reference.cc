#include "deploy/manager/secret_reference.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kOpening = "${secret:";
constexpr std::string_view kVariable = "${env:";

}  // namespace

std::vector<SecretReference> FindSecretReferences(std::string_view text) {
  std::vector<SecretReference> found;
  for (size_t at = text.find('$'); at != text.npos; at = text.find('$', at)) {
    if (text.substr(at, 3) == "$${") {
      at += 3;
      continue;
    }
    if (text.substr(at, kOpening.size()) != kOpening) {
      ++at;
      continue;
    }
    const size_t name = at + kOpening.size();
    const size_t close = text.find_first_of("}\n", name);
    const bool is_closed = close != text.npos && text[close] == '}';
    const size_t name_end = close == text.npos ? text.size() : close;
    found.push_back({.name = text.substr(name, name_end - name),
                     .begin = at,
                     .end = name_end + (is_closed ? 1 : 0),
                     .is_closed = is_closed});
    at = found.back().end;
  }
  return found;
}

std::string WithSecretsAsVariables(std::string_view text) {
  std::string replaced(text);
  for (const SecretReference& reference : FindSecretReferences(text)) {
    if (!reference.is_closed) continue;
    const size_t name = reference.begin + kVariable.size();
    replaced.replace(reference.begin, kVariable.size(), kVariable);
    replaced.replace(name, reference.end - 1 - name, reference.end - 1 - name, 'S');
  }
  return replaced;
}

}  // namespace turnout::manager
