#include "deploy/kube/kube_options.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "runtime/http_request.h"
#include "state/files.h"

namespace turnout::kube {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr size_t kNamespaceBytesMax = 253;

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status Check(const KubeOptions& options) {
  const std::string_view server = options.server;
  const bool is_https = server.starts_with(kHttps);
  const bool is_http = server.starts_with(kHttp);
  if (!is_https && !is_http) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "`%s` is no Kubernetes API server's address: write https://HOST:PORT", server));
  }
  const std::string_view rest = server.substr(is_https ? kHttps.size() : kHttp.size());
  if (rest.empty() || rest.find_first_of("/?#@ ") != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "`%s` has more, or less, than a host and a port: write https://HOST:PORT", server));
  }
  if (is_http && !runtime::IsLoopbackHost(rest)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "nothing is asked: whoever is on the way to %s would read the token (write https://)",
        server));
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError(
        "a client's certificate needs its key, and the key its certificate: name both files");
  }
  return absl::OkStatus();
}

}  // namespace

PodPlace PodPlaceOfEnvironment() {
  return {.host = Variable("KUBERNETES_SERVICE_HOST"), .port = Variable("KUBERNETES_SERVICE_PORT")};
}

absl::StatusOr<KubeOptions> CompleteKubeOptions(const KubeOptions& given, const PodPlace& place) {
  KubeOptions options = given;
  if (options.server.empty()) {
    if (place.host.empty() || place.port.empty()) {
      return absl::InvalidArgumentError(
          "this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set): name "
          "the API server, --server https://HOST:PORT");
    }
    const bool is_v6 = place.host.find(':') != std::string::npos;
    options.server = is_v6 ? absl::StrFormat("https://[%s]:%s", place.host, place.port)
                           : absl::StrFormat("https://%s:%s", place.host, place.port);
    if (options.token_file.empty()) options.token_file = place.directory + "/token";
    if (options.ca_file.empty()) options.ca_file = place.directory + "/ca.crt";
  }
  while (options.server.ends_with('/')) options.server.pop_back();
  const absl::Status checked = Check(options);
  if (!checked.ok()) return checked;
  return options;
}

absl::StatusOr<std::string> PodNamespace(const PodPlace& place) {
  const absl::StatusOr<std::string> text =
      state::ReadFile(place.directory + "/namespace", kNamespaceBytesMax);
  if (!text.ok()) return text.status();
  return std::string(absl::StripAsciiWhitespace(*text));
}

}  // namespace turnout::kube
