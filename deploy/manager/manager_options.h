// ManagerOptions: what `turnout manager` is told, by its config file and its options.
//
//   data: /var/lib/turnout-manager       # required; made where there is none
//   listen: 127.0.0.1:8470               # more than this machine: with `tls` only
//   tokens: /etc/turnout/tokens.json     # required; tokens.h
//   master_keys: /etc/turnout/keys       # without it there are no secrets; state/envelope.h
//   tls: { certificate: /etc/turnout/tls.crt, key: /etc/turnout/tls.key }
//   pipeline: /etc/turnout/pipeline.yaml # whose limits and tables rules are held to
//
// Errors: InvalidArgument with the place in the file, what is wrong and the cure.
// Threads: pure functions, but that they read the file.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace turnout::manager {

struct ManagerOptions {
  std::string data;
  std::string listen = "127.0.0.1:8470";
  std::string tokens;
  std::string master_keys;
  std::string certificate;
  std::string key;
  std::string pipeline;
};

// What `given` has that is not empty goes before the file's.
absl::StatusOr<ManagerOptions> LoadManagerOptions(const std::string& config_file,
                                                  const ManagerOptions& given);

}  // namespace turnout::manager
