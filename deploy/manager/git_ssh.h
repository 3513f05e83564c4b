// How git reaches a repository by ssh, and what to do where it doesn't.
//
// ssh gets no config but what stands in GitOptions. It asks nobody anything: a host whose key is
// not known is refused, and so is a private key with a passphrase.
//
// A key that is ssh's own user's is to be readable by nobody else, else ssh passes it over. One
// that is another's may be readable by the group: so Kubernetes mounts a Secret (root's, 0440, the
// group the pod's fsGroup).
//
// Threads: pure functions, but for CheckSshFiles, which looks at the files as they are now.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "deploy/manager/git_options.h"

namespace turnout::manager {

// ssh://, or user@host:path.
bool IsBySsh(const GitOptions& options);

// For GIT_SSH_COMMAND. The files' names have nothing that a shell or ssh reads otherwise
// (CheckGitOptions).
std::string SshCommand(const GitOptions& options);

// Unavailable: ssh would not take the key, or has no key of any host; with the file and the cure.
absl::Status CheckSshFiles(const GitOptions& options);

// Of what git and ssh said as they failed the line that says why, and the cure; empty: it is none
// of what is known here.
std::string WhySshFailed(const GitOptions& options, std::string_view said);

}  // namespace turnout::manager
