#include "deploy/manager/git_ssh.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace turnout::manager {
namespace {

constexpr int kConnectSeconds = 15;  // then the host is away, and whoever asked is told so
constexpr mode_t kOthers = 077;

absl::Status Unreadable(std::string_view option, const std::string& file, int error) {
  return absl::UnavailableError(absl::StrFormat(
      "git.%s: %s can't be read: %s (in Kubernetes: a Secret with this file, mounted with "
      "defaultMode 0440 in a pod with an fsGroup)",
      option, file, std::generic_category().message(error)));
}

absl::Status CheckKey(const std::string& file) {
  struct stat found;
  if (::stat(file.c_str(), &found) != 0 || ::access(file.c_str(), R_OK) != 0) {
    return Unreadable("ssh_key_file", file, errno);
  }
  if (found.st_uid == ::geteuid() && (found.st_mode & kOthers) != 0) {
    return absl::UnavailableError(absl::StrFormat(
        "git.ssh_key_file: %s is this user's own with mode %04o, which ssh refuses: make it 0400 "
        "(or root's and 0440, as Kubernetes mounts a Secret)",
        file, found.st_mode & 07777));
  }
  return absl::OkStatus();
}

std::string Named(std::string_view option, const std::string& file) {
  return absl::StrFormat("git.%s (%s)", option, file.empty() ? "which is not set" : file);
}

struct Failure {
  const char* said;
  const char* cure;  // KNOWN_HOSTS and KEY stand for both files
};

// The first that is found is the one: ssh and git add more general ones behind it.
constexpr Failure kFailures[] = {
    {"No user exists for uid",
     "run the manager as a user of /etc/passwd: of the image it is 65532"},
    {"ssh: not found", "install ssh, or take the image VERSION-debian, which has it"},
    {"has changed and you have requested strict checking",
     "somebody else answers there, or the host has a new key. Hold what `ssh-keyscan` says of it "
     "against what its owner publishes; if they agree, put that line into KNOWN_HOSTS"},
    {"host key is known for",
     "hold what `ssh-keyscan` says of it against what its owner publishes; if they agree, put that "
     "line into KNOWN_HOSTS"},
    {"Host key verification failed", "put the host's line into KNOWN_HOSTS"},
    {"Load key", "KEY is to be a private key"},
    {"Permission denied (",
     "the host does not take the key: have it know the public half as one that may write; KEY is "
     "to have no passphrase"},
    {"Could not resolve hostname", "see the repository's address, and the pod's name server"},
    {"connect to host",
     "see the repository's address and port, and that a NetworkPolicy lets the manager out there"},
};

}  // namespace

bool IsBySsh(const GitOptions& options) {
  const std::string& url = options.repository;
  return url.rfind("ssh://", 0) == 0 || (url.find("://") == url.npos && !url.empty());
}

std::string SshCommand(const GitOptions& options) {
  std::string ssh =
      absl::StrCat("ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=",
                   kConnectSeconds);
  if (!options.ssh_key_file.empty()) {
    absl::StrAppend(&ssh, " -o IdentitiesOnly=yes -i '", options.ssh_key_file, "'");
  }
  if (!options.known_hosts_file.empty()) {
    absl::StrAppend(&ssh, " -o UserKnownHostsFile='", options.known_hosts_file, "'");
  }
  return ssh;
}

absl::Status CheckSshFiles(const GitOptions& options) {
  if (!options.ssh_key_file.empty()) {
    const absl::Status key = CheckKey(options.ssh_key_file);
    if (!key.ok()) return key;
  }
  const std::string& known = options.known_hosts_file;
  if (!known.empty() && ::access(known.c_str(), R_OK) != 0) {
    return Unreadable("known_hosts_file", known, errno);
  }
  return absl::OkStatus();
}

std::string WhySshFailed(const GitOptions& options, std::string_view said) {
  const std::vector<std::string> lines =
      absl::StrSplit(absl::string_view(said.data(), said.size()), '\n', absl::SkipWhitespace());
  for (const Failure& failure : kFailures) {
    for (const std::string& line : lines) {
      if (line.find(failure.said) == line.npos) continue;
      return absl::StrReplaceAll(
          absl::StrCat(line, ": ", failure.cure),
          {{"KNOWN_HOSTS", Named("known_hosts_file", options.known_hosts_file)},
           {"KEY", Named("ssh_key_file", options.ssh_key_file)}});
    }
  }
  return "";
}

}  // namespace turnout::manager
