// RemoteRules: the rules of a topic or an endpoint that a config names, as a command takes them,
// once: what a router that starts on this machine would take.
//
// That is what the origin has; a team whose file is refused as this disk has kept it (RuleHistory);
// what was gone back to, where that holds; and where the origin is away, all as it was kept.
//
// Errors: InvalidArgument - there is no rule file that is of use; Unavailable - the origin does not
//   answer within the time, and nothing of it is kept here.
// Threads: blocks, so not for a worker.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka_client.h"
#include "router/rule_file.h"
#include "runtime/config.h"
#include "runtime/rule_history.h"
#include "runtime/rule_origin.h"

namespace turnout::runtime {

struct RemoteRules {
  std::vector<router::Team> teams;  // sorted
  std::vector<std::string> notes;   // what of it is not as the origin has it
};

// `client` is how Kafka is reached; `cure` is what whoever asks may do where there are no rules:
// "name rule files with --rules PATH".
absl::StatusOr<RemoteRules> TakeRemoteRules(const Config& config,
                                            const connectors::KafkaClientOptions& client,
                                            absl::Duration within, const std::string& cure);

// `history` is opened, and nothing is kept in it.
absl::StatusOr<RemoteRules> TakeRemoteRules(RuleOrigin* origin, RuleHistory* history,
                                            const router::RuleLimits& limits, absl::Duration within,
                                            const std::string& cure);

}  // namespace turnout::runtime
