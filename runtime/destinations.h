// Destinations: what one worker knows of the topics it writes to: whether each may be written now
// and how large a record it takes.
//
// The constant destinations of a rule set are asked for together when it takes effect. A
// destination whose name comes from an event's field is asked for when it is first seen, which
// holds the worker for a round trip or two to a broker, so names that no topic has are told apart
// by a list of all topics that is asked for at most once a second: one team's events can't hold up
// the others by naming topics that don't exist. Creating topics is bounded in the same way.
//
// Threads: one worker's own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/time/time.h"
#include "connectors/sink.h"
#include "connectors/topic_admin.h"
#include "runtime/clock.h"

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
};

struct Destination {
  bool available = false;
  bool compacted = false;        // takes no record without a key
  std::string reason;            // why not
  int64_t record_bytes_max = 0;  // key, value, headers and framing together
  absl::Time checked;
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

 private:
  absl::StatusOr<Destination> Ask(const std::string& topic);
  absl::StatusOr<bool> IsListed(const std::string& topic);
  absl::StatusOr<Destination> Create(const std::string& topic);
  Destination Learn(const connectors::TopicDescription& description) const;

  void AskForPrimed();

  const DestinationOptions options_;
  connectors::TopicAdmin* const admin_;
  Clock* const clock_;
  absl::node_hash_map<std::string, Destination> known_;
  std::vector<std::string> primed_;
  absl::flat_hash_set<std::string> listed_;  // all topics, as of listed_at_
  absl::Time listed_at_ = absl::InfinitePast();
  absl::Time creations_since_ = absl::InfinitePast();  // where the second began
  int creations_ = 0;                                  // in it
};

}  // namespace turnout::runtime
