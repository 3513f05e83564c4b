#include "deploy/manager/git_options.h"

#include "deploy/manager/option_nodes.h"

namespace turnout::manager {

absl::Status ReadGitOptions(const std::string& file, const router::Node& node, GitOptions* git) {
  absl::Status read = CheckKind(file, node, router::Node::Kind::kObject, "an object");
  if (!read.ok()) return read;
  read = ReadTexts(file, node,
                   {{"repository", &git->repository},
                    {"branch", &git->branch},
                    {"path", &git->path},
                    {"service", &git->service},
                    {"author", &git->author},
                    {"user", &git->user},
                    {"token_file", &git->token_file},
                    {"ssh_key_file", &git->ssh_key_file},
                    {"known_hosts_file", &git->known_hosts_file},
                    {"ca_file", &git->ca_file}},
                   {"poll_seconds"});
  if (read.ok()) {
    read = ReadNumber(file, node, "poll_seconds", 1, kGitPollSecondsMax, &git->poll_seconds);
  }
  if (!read.ok()) return read;
  const absl::Status checked = CheckGitOptions(*git);
  return checked.ok() ? checked : OptionFault(file, node.at, std::string(checked.message()));
}

}  // namespace turnout::manager
