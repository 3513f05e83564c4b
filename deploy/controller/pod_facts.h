// PodFacts: what is known of a router's pods, from the API server and from the pods themselves.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace turnout::controller {

// Of pods' templates and of pods: which template they were made of.
inline constexpr std::string_view kRevisionAnnotation = "turnout.dev/revision";
inline constexpr std::string_view kContainer = "turnout";

// A pod that should be gone for so long has no kubelet any more.
inline constexpr absl::Duration kLostAfter = absl::Seconds(30);

struct PartitionFacts {
  std::string topic;
  int64_t partition = 0;
  int64_t next_offset = -1;  // -1: not known
  int64_t end_offset = -1;
  absl::Time last_event = absl::InfinitePast();
  std::string phase, reason;          // "live", ...; why it is not
  std::vector<std::string> restored;  // wishes to restore that are done
};

// "PARTITION"; of another topic than the source "TOPIC/PARTITION".
std::string PartitionKey(const PartitionFacts& partition, std::string_view source);

// Of the last minutes.
struct WorkFacts {
  int64_t events = 0, dead_letters = 0;
  int64_t parked = 0;  // outputs
  int64_t transactions = 0, failed_transactions = 0;
};

struct EjectedFacts {
  std::string destination, state, why;
  int64_t waiting = 0;
};

struct PodFault {
  std::string reason;  // CamelCase; empty: none
  std::string message;
  bool is_final = false;  // waiting longer won't help
};

struct PodFacts {
  std::string name, pod_namespace, uid, node;
  int ordinal = -1;
  std::string revision, config_map;
  bool is_ready = false;
  absl::Time ready_since = absl::InfinitePast();
  bool is_leaving = false;
  bool is_lost = false;  // its node does not end it
  PodFault fault;

  // Of /v1/status; empty unless `answers`.
  bool answers = false;
  std::string error;  // why it does not
  std::string version, source;
  int64_t source_partitions = 0;       // as the brokers told it; 0: not known
  int64_t source_workers = 0;          // its consumers of the source; 0: not known
  std::vector<std::string> waits_for;  // why it is not ready
  std::vector<std::string> stopped;    // troubles for which events wait, with what to do
  std::vector<std::string> harmed;
  std::vector<PartitionFacts> partitions;
  std::string rule_set;
  std::map<std::string, int64_t> teams;            // in force, and their rules
  std::map<std::string, std::string> team_hashes;  // of what their rules say
  std::map<std::string, std::string> aside;        // teams that stand aside, and why
  std::vector<EjectedFacts> ejected;
  std::optional<WorkFacts> work;  // nothing: its version does not tell
  std::string checkpoint_store;
  bool has_checkpoints = false;
  double oldest_checkpoint_seconds = 0;
};

// Of an observation's `pods`, sorted by ordinal.
std::vector<PodFacts> ReadPods(std::string_view pods, absl::Time now);

struct LagFacts {
  int64_t events = 0;
  std::optional<int64_t> seconds;  // where every event that waits has a time
  int partitions = 0;
  // Every one of `pods` answers and knows its partitions' ends. That they have all partitions of
  // the source is for who knows how many there are.
  bool is_known = false;
};

// Of pods that are not on their way out.
LagFacts LagOf(const std::vector<PodFacts>& pods, absl::Time now);
LagFacts LagOf(const PodFacts& pod, absl::Time now);

}  // namespace turnout::controller
