// Dispatcher: turns what the router answered for one event into records of the open transaction:
// outputs with their provenance, dead letters with their reason. Counts as it goes.
//
// Bad events and outputs that a destination can't take become dead letters here, and what an unwell
// one would take is parked; nothing else in the process decides that. A dead letter is the event as
// it came (key, value, headers, timestamp) with headers that say where it stood and what was wrong.
// Where the dead-letter topic itself can't hold the value, the value is left out and its size and
// position are named, so that nothing is lost silently.
//
// Errors: those of Sink::Produce and Destinations::Find; Unavailable names the dead-letter topic,
//   or the re-key topic, where it can't be written. The transaction must then be redone.
// Threads: one worker's own. Allocates nothing an event once warm.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/record.h"
#include "connectors/sink.h"
#include "router/router.h"
#include "runtime/batch_counter.h"
#include "runtime/destinations.h"
#include "runtime/event_routing.h"
#include "runtime/parked_record.h"
#include "runtime/parking.h"
#include "runtime/team_budgets.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

struct DispatcherOptions {
  std::string source_topic;
  std::string dead_letter_topic;
  std::string rekey_topic;      // empty: no match may go there
  std::string ingestion_topic;  // where events come from first, if `source_topic` is rekey_topic
  std::string parking_topic;    // empty: no rule can be enriched
  std::string replay_job;       // whose outputs they are; empty: live traffic's
  bool provenance_headers = true;
};

class Dispatcher {
 public:
  // `parking` may be null: outputs of unwell destinations become dead letters. So may `budgets`,
  // which go with it: teams have no limits.
  Dispatcher(DispatcherOptions options, connectors::Sink* sink, Destinations* destinations,
             Parking* parking = nullptr, TeamBudgets* budgets = nullptr);

  // From the next event on, answers are those of a router over `rules`.
  void UseRules(const std::shared_ptr<const router::RuleSet>& rules);

  // Forgets the counts: a transaction begins (anew).
  void Reset() { counter_.Reset(); }

  // `source` is the event's position, topic/partition/offset; empty: where it was read.
  absl::Status Dispatch(const connectors::Event& event, std::string_view source,
                        const router::Routes& routes);

  struct Surrender {
    std::string why;
    absl::Time now;
    bool bare = false;  // nothing of the event but its position: all else may be to blame
  };
  // An event that is not tried any more.
  absl::Status GiveUp(const RoutedEvent& routed, const Surrender& surrender);

  // A record of the re-key topic that is no re-keyed event.
  absl::Status DispatchForeign(const connectors::Event& event);

  // Sends what was parked, or makes it a dead letter where its destination can't take this one.
  absl::Status Deliver(const ParkedRecord& parked);
  // Makes it a dead letter, of this time: its own may be what it is refused for.
  absl::Status GiveUpParked(const ParkedRecord& parked, std::string_view why, absl::Time now);

  const BatchCounts& counts() const { return counter_.counts(); }
  // Hands them out, and begins anew. Lifetime of their topics: until UseRules.
  void TakeCounts(BatchCounts* counts) { counter_.Take(counts); }

 private:
  // A record that could not go where it should, and why.
  struct Undeliverable {
    std::string_view kind;
    std::string_view reason;
    bool park = false;  // in the parking topic rather than the dead-letter topic
    bool without_value = false;
    std::string_view destination;  // null data(): none
    std::string_view rule_ids;     // null data(): none
    std::string_view rule_set;     // null data(): the one in force
    absl::Span<const router::RuleIndex> rules;
    absl::Span<const state::StepId> steps;  // of the rules, those that come next
    bool is_record = false;                 // the event is what a rule made
  };

  // A topic as far as it is known, and what a record takes there.
  struct Room {
    const Destination* topic = nullptr;
    int64_t bytes = 0;

    bool fits() const { return bytes <= topic->record_bytes_max; }
  };

  // Lifetime: until the next call.
  // What was parked, as an event of its own headers and time.
  absl::Status DeadLetterParked(const ParkedRecord& parked, std::string_view kind,
                                std::string_view reason, const connectors::Event& event);
  absl::StatusOr<Room> RoomFor(const connectors::OutputRecord& record);
  // The same in a topic of the pipeline's own, `kind` of topic, which has to be there.
  absl::StatusOr<Room> OwnRoomFor(const connectors::OutputRecord& record, std::string_view kind);
  // Says in `reason_` that the record, `what`, does not fit.
  void SetTooLarge(std::string_view what, const Room& room);
  absl::Status SendWindow(const connectors::Event& event, const router::Output& output);
  void Begin(const connectors::Event& event, std::string_view source);
  absl::Status SendRekeyed(const connectors::Event& event, const router::Rekeyed& rekeyed);
  absl::Status SendOutput(const connectors::Event& event, const router::Output& output);
  // The event's headers, as far as they hold of the output.
  void TakeHeaders(const connectors::Event& event, const router::Output& output);
  bool IsOverLimit(const router::Output& output);
  absl::StatusOr<bool> Park(const connectors::OutputRecord& record, const Undeliverable& why);
  absl::Status DeadLetter(const connectors::Event& event, const Undeliverable& why);
  void AddOmitted(const connectors::Event& event, connectors::OutputRecord* record);
  void AddReason(const Undeliverable& why);
  void AddProvenance(std::string_view rule_ids, std::string_view rule_set);

  const DispatcherOptions options_;
  connectors::Sink* const sink_;
  Destinations* const destinations_;
  Parking* const parking_;
  TeamBudgets* const budgets_;
  std::shared_ptr<const router::RuleSet> rules_;

  BatchCounter counter_;

  // Working memory of one event.
  std::vector<connectors::Header> headers_;
  std::vector<connectors::Header> why_;
  std::string source_;  // "topic/partition/offset"
  std::string reason_;
  std::string omitted_;
  std::string rekeyed_;  // value of its header
  std::string steps_;
};

}  // namespace turnout::runtime
