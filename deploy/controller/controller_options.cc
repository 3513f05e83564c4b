#include "deploy/controller/controller_options.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/real_time.h"
#include "state/files.h"

namespace turnout::controller {
namespace {

constexpr size_t kHostBytesMax = 256;
constexpr size_t kFileBytesMax = size_t{1} << 20;

std::string Identity() {
  char host[kHostBytesMax] = "";
  if (::gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
  // Two processes of one host are not taken for each other, nor a process for its former life.
  return absl::StrFormat("%s_%016x", host, runtime::RealTimeAndChance().random());
}

// Each watch would say so later, again and again.
absl::Status CheckFile(std::string_view option, const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = state::ReadFile(path, kFileBytesMax);
  if (text.ok() && !text->empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "the file of %s can't be used (%s): name one that is there and that this user may read",
      option, text.ok() ? absl::StrFormat("%s is empty", path) : text.status().message()));
}

}  // namespace

absl::StatusOr<ControllerOptions> CompleteOptions(const ControllerOptions& given,
                                                  const kube::PodPlace& place) {
  ControllerOptions options = given;
  absl::StatusOr<kube::KubeOptions> kube = kube::CompleteKubeOptions(given.kube, place);
  if (!kube.ok()) return kube.status();
  options.kube = *std::move(kube);
  // A pod's files may come late, and are said by nobody.
  if (!given.kube.server.empty()) {
    const std::pair<const char*, const std::string*> files[] = {
        {"--token-file", &options.kube.token_file}, {"--ca-file", &options.kube.ca_file}};
    for (const auto& [option, path] : files) {
      const absl::Status read = CheckFile(option, *path);
      if (!read.ok()) return read;
    }
  }
  if (options.namespace_name.empty()) {
    absl::StatusOr<std::string> own = kube::PodNamespace(place);
    if (!own.ok() || own->empty()) {
      return absl::InvalidArgumentError(
          "this is no pod, so name the namespace of the controller's lease: --namespace NAME");
    }
    options.namespace_name = *std::move(own);
  }
  if (options.lease.empty()) {
    return absl::InvalidArgumentError("the lease has no name: --lease NAME");
  }
  const size_t slash = options.image.rfind('/');
  const size_t colon = options.image.rfind(':');
  const bool has_tag = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  if (options.image.empty() || has_tag || options.image.find('@') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "--image `%s` is no repository: leave the tag away, --version says it", options.image));
  }
  if (options.version.empty()) return absl::InvalidArgumentError("--version is empty: name a tag");
  if (options.identity.empty()) options.identity = Identity();
  return options;
}

}  // namespace turnout::controller
