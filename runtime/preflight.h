// Preflight: which teams' rules may take effect, judged before they do by what the brokers say of
// the topics they need.
//
// DecidePreflight is a pure function over what was observed; RunPreflight observes, creates what
// may be created, and decides again. A team with a destination that is missing or may not be
// written stands aside whole, named with topic, reason and cure; nobody else is held up. A
// destination with a leaderless partition moves nobody aside: its team's events would pass by
// unrouted, while waiting or dead-lettering loses none.
//
// Errors: Unavailable - no broker answered: nothing is decided, ask again.
// Threads: pure functions; RunPreflight blocks on brokers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/topic_admin.h"
#include "router/rule_file.h"
#include "runtime/clock.h"

namespace turnout::runtime {

// What the re-key topic is created with. It has to outlive the longest stop, and to reach back to
// the checkpoints that replays begin at, as the source does: less than the least is warned of.
inline constexpr absl::Duration kRekeyRetention = absl::Hours(7 * 24);
inline constexpr absl::Duration kRekeyRetentionMin = absl::Hours(24);

// `partitions` 0: as many as the source has. -1 copies: the broker's default.
connectors::NewTopic NewRekeyTopic(const std::string& topic, int partitions, int source_partitions,
                                   int16_t replication_factor);

struct PreflightOptions {
  std::string source_topic;
  std::string dead_letter_topic;
  // Where matches of rules go whose steps have another key than the source is partitioned by. It is
  // created when the first such rule comes, with as many partitions as the source if 0.
  std::string rekey_topic;
  int rekey_partitions = 0;
  router::StateSettings settings;    // say which rules those are
  std::string parking_topic;         // empty: nothing is parked
  bool create = false;               // what is missing, but for the source
  connectors::NewTopic new_topic;    // as which; its name is not used
  int create_source_partitions = 0;  // 0: the source is never created
  absl::Duration describe_timeout = absl::Seconds(3);
  // How long a topic just created may take to be ready everywhere.
  absl::Duration creation_timeout = absl::Seconds(3);
};

// A team whose rules don't take effect, and what to do about it.
struct TeamAside {
  std::string team;
  std::string topic;  // the destination at fault
  std::string reason;
  std::string cure;
  // The topic is missing or forbidden for now: what it would take may be parked.
  bool can_wait = false;
  // Its rules from before the change that waits are still in force.
  bool previous_in_force = false;
};

struct PreflightDecision {
  std::vector<size_t> in_force;  // positions in `teams`
  std::vector<TeamAside> aside;  // in the order of `teams`; one entry a destination at fault
  std::vector<connectors::NewTopic> create;
  // Why no worker may start yet, in plain words: the source or the dead-letter topic is not there.
  std::vector<std::string> waiting_for;
  // The re-key topic is there: what older rules have sent there may still wait.
  bool has_rekey_topic = false;
  int32_t source_partitions = 0;  // 0: not known
  // It is there, and may lose what nobody has read yet: why, and what to do; empty: it is well.
  std::string rekey_caution;
  // Smallest known batch limit over all destinations and the dead-letter topic; 0: none is known.
  int64_t batch_bytes_max = 0;
};

using TopicDescriptions = absl::flat_hash_map<std::string, connectors::TopicDescription>;

// The topics that these teams' rules need to write: constant destinations, and the re-key topic
// where one re-keys; sorted, each once.
std::vector<std::string> TopicsOf(const PreflightOptions& options,
                                  absl::Span<const router::Team> teams);

// `observed` holds a description of every topic named; one that is absent counts as missing.
PreflightDecision DecidePreflight(const PreflightOptions& options,
                                  absl::Span<const router::Team> teams,
                                  const TopicDescriptions& observed);

absl::StatusOr<PreflightDecision> RunPreflight(const PreflightOptions& options,
                                               absl::Span<const router::Team> teams,
                                               connectors::TopicAdmin* admin, Clock* clock);

}  // namespace turnout::runtime
