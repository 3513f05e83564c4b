// Destinations: what one worker knows of the topics it writes to: whether each may be written now
// and how large a record it takes.
//
// The constant destinations of a rule set are asked for together when it takes effect. A
// destination whose name comes from an event's field is asked for when it is first seen, which
// holds the worker for a round trip or two to a broker, so names that no topic has are told apart
// by a list of all topics that is asked for at most once a second: one team's events can't hold up
// the others by naming topics that don't exist. Creating topics is bounded in the same way.
//
// Where there are probes, what is known already is never waited for again: an unwell destination is
// asked about by another thread until it is well, as bulkhead.h says.
//
// Threads: one worker's own.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "connectors/sink.h"
#include "connectors/topic_admin.h"
#include "runtime/bulkhead.h"
#include "runtime/clock.h"
#include "runtime/destination_probes.h"

namespace turnout::runtime {

struct DestinationOptions {
  bool create = false;  // create what is missing, as `new_topic` says
  connectors::NewTopic new_topic;
  absl::Duration recheck = absl::Seconds(30);
  absl::Duration describe_timeout = absl::Seconds(2);
  int destinations_max = 100'000;  // remembered at most
  // How old the list of all topics may be.
  absl::Duration list_age_max = absl::Seconds(1);
  int creations_per_second_max = 50;
  BulkheadLimits bulkhead;
  DestinationProbes* probes = nullptr;  // borrowed; null: the worker asks by itself
};

struct Destination {
  bool available = false;
  bool compacted = false;        // takes no record without a key
  std::string reason;            // why not
  int64_t record_bytes_max = 0;  // key, value, headers and framing together
  int32_t partitions = 0;        // 0: not known
  bool is_expected = false;      // a rule names it outright, or it is or was there
  absl::Time checked;
  absl::Time told = absl::InfinitePast();  // that it is unavailable
  Bulkhead bulkhead;
};

class Destinations {
 public:
  Destinations(DestinationOptions options, connectors::TopicAdmin* admin, Clock* clock);

  // What is known of the topic. An answer that would keep a record of `record_bytes` from it is
  // asked for again once it is older than `recheck`: a topic may have been created, or its limit
  // raised. Unavailable (no broker answered): nothing is known; redo the transaction later.
  // Lifetime: until the next Find or MarkUnavailable.
  absl::StatusOr<const Destination*> Find(std::string_view topic, int64_t record_bytes);

  // Asks for all of these in one go, now and after each Forget; what can't be learnt then is learnt
  // by Find.
  void Prime(std::vector<std::string> topics);

  // A broker refused records for it; what Find answers until `recheck` has passed. A record that
  // was refused for what is in it says nothing of others. After a record that was too large Find
  // asks again first, unless it did within `recheck`: the limit may be lower now.
  void MarkUnavailable(const connectors::DestinationFailure& failure);

  // A transaction failed and nobody can say because of which destination: each is asked for again,
  // those that were primed in one go, the others by Find.
  void Forget();

  // Whether records may be sent there as far as is known; never asks. What is not known is from now
  // on asked about by the probes.
  bool IsOpen(std::string_view topic);

  // With probes: takes their answers, leaves what is due to be asked. A destination whose turn it
  // is to drain, and for which nothing `is_parked`, has rejoined.
  void Turn(absl::FunctionRef<bool(std::string_view)> is_parked);

  // Calls `tell` with each that was found unavailable since the last call by asking, the same one
  // at most once in `recheck`. What MarkUnavailable is told is known to the caller.
  void TellUnavailable(
      absl::FunctionRef<void(const std::string& topic, const std::string& reason)> tell);

  // Calls `tell` with each that is not healthy.
  void EachUnwell(
      absl::FunctionRef<void(const std::string& topic, const Bulkhead& bulkhead)> tell) const;

 private:
  absl::StatusOr<Destination> Ask(const std::string& topic);
  absl::StatusOr<bool> IsListed(const std::string& topic);
  absl::StatusOr<Destination> Create(const std::string& topic);
  Destination Learn(const connectors::TopicDescription& description) const;
  void Keep(const std::string& topic, Destination answer);
  void FoundUnavailable(const std::string& topic, Destination* destination);
  void Observe(const std::string& topic, Destination* destination, const Observation& observed);
  void TakeAnswer(const DestinationProbes::Answer& answer);

  void AskForPrimed();

  const DestinationOptions options_;
  connectors::TopicAdmin* const admin_;
  Clock* const clock_;
  absl::node_hash_map<std::string, Destination> known_;
  std::set<std::string, std::less<>> unwell_;  // of them, those that are not healthy
  std::vector<std::pair<std::string, std::string>> found_unavailable_;  // and why; not told yet
  std::vector<std::string> primed_;
  absl::flat_hash_set<std::string> expected_;  // ever primed
  absl::flat_hash_set<std::string> listed_;    // all topics, as of listed_at_
  absl::Time listed_at_ = absl::InfinitePast();
  absl::Time creations_since_ = absl::InfinitePast();  // where the second began
  int creations_ = 0;                                  // in it
};

}  // namespace turnout::runtime
