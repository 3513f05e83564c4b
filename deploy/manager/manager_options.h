// ManagerOptions: what `turnout manager` is told, by its config file and its options.
//
//   data: /var/lib/turnout-manager       # required; made where there is none
//   listen: 127.0.0.1:8470               # more than this machine: with `tls` only
//   tokens: /etc/turnout/tokens.json     # required; tokens.h
//   master_keys: /etc/turnout/keys       # or env:NAME; without it there are no secrets
//   tls: { certificate: /etc/turnout/tls.crt, key: /etc/turnout/tls.key }
//   pipeline: /etc/turnout/pipeline.yaml # whose limits and tables rules are held to, and whose
//                                        # checkpoints.s3 says how buckets are reached
//   shared: s3://acme/turnout-manager    # or a directory: with another manager (succession.h)
//   url: https://manager-0.manager:8470  # where others find this one; else where it listens
//   lease: { renew_seconds: 3, expire_seconds: 10 }
//   backups: { to: s3://acme/turnout-backups, every_minutes: 60, keep: 48 }   # or a directory
//   issuers:                             # whose signed tokens are taken beside those of `tokens`
//     - issuer: https://id.example.com   # an identity provider; its keys are found by discovery
//       audience: turnout
//       name_claim: email                # else sub
//       groups_claim: groups             # which grants name as `group:NAME`
//       name_prefix: ""                  # before names and groups (issuers.h)
//       client_id: turnout-page          # people sign in there from the page; without it nobody
//       client_secret_file: /etc/turnout/client-secret  # a public client has none
//       scopes: openid email groups      # else openid
//       title: Example's accounts        # what the page calls it; else the issuer's host
//     - issuer: https://kubernetes.default.svc   # service accounts; bound_to of secrets names them
//       audience: turnout
//       kind: router                     # else person
//       keys_url: https://kubernetes.default.svc/openid/v1/jwks
//       ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
//       token_file: /var/run/secrets/kubernetes.io/serviceaccount/token
//   public_url: https://turnout.example.com  # where browsers find the page; with `client_id`
//   services:                            # whose jobs, replays and redrives, run beside the manager
//     orders:
//       pipeline: /etc/turnout/orders.yaml  # by whose Kafka and secrets; job_runner.h
//       onboarding: { router: User:router } # what teams may have; onboarding_policy.h
//   grants:                              # of those whom issuers name, in whichever service
//     - { principal: group:platform, service: "*", team: "*", role: admin }
//   git:                                 # a branch that is followed and written to; README.md
//     repository: https://git.example.com/team/rules.git   # not together with `shared`
//     branch: main
//     token_file: /etc/turnout/git
//
// Errors: InvalidArgument with the place in the file, what is wrong and the cure.
// Threads: pure functions, but that they read the file.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "deploy/manager/access.h"
#include "deploy/manager/backups.h"
#include "deploy/manager/git_options.h"
#include "deploy/manager/issuers.h"
#include "deploy/manager/lease.h"
#include "deploy/manager/onboarding_policy.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

inline constexpr size_t kManagerConfigBytesMax = 1u << 20;

struct ManagerOptions {
  std::string config_file;  // that they are of; empty: none
  std::string config_text;  // as it was read
  std::string data;
  std::string listen = "127.0.0.1:8470";
  std::string tokens;
  std::string master_keys;
  std::string certificate;
  std::string key;
  std::string pipeline;
  std::string shared;  // empty: it is the only one
  std::string url;
  LeaseTimes lease;
  BackupSettings backups;
  std::string public_url;  // as OriginOf has it (sign_in.h); empty: nobody signs in
  std::vector<IssuerSettings> issuers;
  std::vector<Grant> grants;
  std::map<std::string, std::string> job_pipelines;    // by service
  std::map<std::string, OnboardingPolicy> onboarding;  // the same
  GitOptions git;
};

// Where below `data` the items are.
std::string StoreDirectory(const std::string& data);

// Copying: a backup, or restoring one. Reading again: what changes while it serves.
enum class OptionsUse { kServing, kCopying, kReadingAgain };

// What `given` has that is not empty goes before the file's. What is to be there is what `use`
// needs.
absl::StatusOr<ManagerOptions> LoadManagerOptions(const std::string& config_file,
                                                  const ManagerOptions& given,
                                                  OptionsUse use = OptionsUse::kServing);

// A directory, or an s3:// bucket as `pipeline` says. InvalidArgument names `key`. Less patience:
// whoever waits for an answer is sooner told that the store has none.
absl::StatusOr<std::unique_ptr<state::CheckpointStore>> OpenObjects(const ManagerOptions& options,
                                                                    const std::string& key,
                                                                    const std::string& location,
                                                                    absl::Duration patience);

}  // namespace turnout::manager
