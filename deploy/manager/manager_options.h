// ManagerOptions: what `turnout manager` is told, by its config file and its options.
//
//   data: /var/lib/turnout-manager       # required; made where there is none
//   listen: 127.0.0.1:8470               # more than this machine: with `tls` only
//   tokens: /etc/turnout/tokens.json     # required; tokens.h
//   master_keys: /etc/turnout/keys       # without it there are no secrets; state/envelope.h
//   tls: { certificate: /etc/turnout/tls.crt, key: /etc/turnout/tls.key }
//   pipeline: /etc/turnout/pipeline.yaml # whose limits and tables rules are held to
//   issuers:                             # whose signed tokens are taken beside those of `tokens`
//     - issuer: https://id.example.com   # an identity provider; its keys are found by discovery
//       audience: turnout
//       name_claim: email                # else sub
//       groups_claim: groups             # which grants name as `group:NAME`
//       name_prefix: ""                  # before names and groups (issuers.h)
//     - issuer: https://kubernetes.default.svc   # service accounts; bound_to of secrets names them
//       audience: turnout
//       kind: router                     # else person
//       keys_url: https://kubernetes.default.svc/openid/v1/jwks
//       ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
//       token_file: /var/run/secrets/kubernetes.io/serviceaccount/token
//   grants:                              # of those whom issuers name, in whichever service
//     - { principal: group:platform, service: "*", team: "*", role: admin }
//
// Errors: InvalidArgument with the place in the file, what is wrong and the cure.
// Threads: pure functions, but that they read the file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/access.h"
#include "deploy/manager/issuers.h"

namespace turnout::manager {

struct ManagerOptions {
  std::string data;
  std::string listen = "127.0.0.1:8470";
  std::string tokens;
  std::string master_keys;
  std::string certificate;
  std::string key;
  std::string pipeline;
  std::vector<IssuerSettings> issuers;
  std::vector<Grant> grants;
};

// What `given` has that is not empty goes before the file's.
absl::StatusOr<ManagerOptions> LoadManagerOptions(const std::string& config_file,
                                                  const ManagerOptions& given);

}  // namespace turnout::manager
