// ReplayRule: the one rule that a replay is of, as a rule set of its own.
//
// Errors: InvalidArgument - there is no such rule, or it can't be replayed: says why and what to
//   do. Unavailable - the rules come from a topic or an endpoint that does not answer, and this
//   disk has kept none.
// Threads: any; blocks.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "router/rule_set.h"
#include "runtime/config.h"
#include "runtime/explained_event.h"

namespace turnout::runtime {

// `rule` is "team/name" among the config's rules; `to_topic`, unless it is empty, is where it sends
// instead. `client` is how Kafka is reached.
absl::StatusOr<std::shared_ptr<const router::RuleSet>> FindReplayRule(
    const Config& config, const connectors::KafkaClientOptions& client, const std::string& rule,
    const std::string& to_topic);

// The rule by which a replay sent this output or dead letter, as a rule set of its own; null where
// `at_hand` has another rule of that name by now, or none.
std::shared_ptr<const router::RuleSet> ReplayRuleOf(const ExplainedEvent& output,
                                                    const router::RuleSet& at_hand);

}  // namespace turnout::runtime
