#include "deploy/kube/kube_path.h"

#include "absl/strings/ascii.h"

namespace turnout::kube {

std::string UrlEscaped(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      escaped += c;
    } else {
      escaped += '%';
      escaped += kDigits[byte >> 4];
      escaped += kDigits[byte & 15];
    }
  }
  return escaped;
}

std::string KubePath(const KubeResource& resource, std::string_view namespace_name,
                     std::string_view name) {
  const bool is_core = resource.api_version.find('/') == std::string::npos;
  std::string path = (is_core ? "/api/" : "/apis/") + resource.api_version;
  if (resource.is_namespaced && !namespace_name.empty()) {
    path += "/namespaces/" + UrlEscaped(namespace_name);
  }
  path += "/" + resource.plural;
  // A name that is a step of a path is none: it would name something else.
  if (!name.empty()) path += "/" + (name == "." || name == ".." ? "%2E" : UrlEscaped(name));
  return path;
}

}  // namespace turnout::kube
