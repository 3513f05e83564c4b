#include "runtime/troubles.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runtime/bulkhead.h"
#include "runtime/counted.h"
#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

constexpr char kReady[] = "turnout_ready";
constexpr char kRuleSetMetric[] = "turnout_rule_set_info";
constexpr char kEjection[] = "turnout_destination_ejection";
constexpr char kCertificateExpiry[] = "turnout_certificate_expiry_timestamp_seconds";
// Events that are so many times older than those that wait can explain.
constexpr double kUnexplained = 4;
// Nobody asks a registry while all schemas are at hand.
constexpr absl::Duration kTroubleIsNews = absl::Minutes(5);
// Of troubles of one kind so many are told; a number says how many more there are.
constexpr size_t kAlikeMax = 5;

// The first whose words a reason holds counts.
constexpr Cure kCures[] = {
    {"state gap",
     "Bring back a backup of the state or of its checkpoints that the source still reaches; or, "
     "for one restart, set `state.on_gap: go_on`: duplicates may pass then."},
    {"note lost",
     "Set the group's offset back to where a state is (`turnout state stats` says where); or, for "
     "one restart, set `state.on_gap: go_on`."},
    {"rules lost",
     "Bring back the `rules` directory of the checkpoint store; or, for one restart, set "
     "`state.on_gap: go_on`."},
    {"offsets lost",
     "Set the group's offsets back to what they were (`turnout state stats` says how far a state "
     "is); or remove the state, to begin anew."},
    {"state lost",
     "Bring back a backup of the state or of its checkpoints; or, for one restart, set "
     "`state.on_gap: go_on`."},
    {"state elsewhere", "Set `source.partitioned_by` back to what it was."},
    {"the rule set is not kept yet",
     "Bring `checkpoints.store` back: its error is in the log. Rules from before stay in force."},
    {"bringing back the state",
     "Nothing while it makes progress. If it stays, see whether the store of checkpoints and this "
     "disk answer; it is tried again all the time."},
    {"the state of partition",
     "Make room on the disk that `state_dir` is on; the batch goes on by itself."},
    {"wait for their committed offsets",
     "Wait for `limits.transaction_timeout`: a router that died left a transaction open. If it "
     "stays, find it with `turnout txn ls --hanging` and end it with `turnout txn abort`."},
    {"no rules yet from",
     "Nothing: it goes on by itself when they come. If it stays, look at `rules` and `rules_from` "
     "in the config, and at the endpoint or topic that they name."},
    {"no team's rules are in force",
     "Create or permit what the reasons of the teams name; it is looked at again by itself."},
    {"does not exist",
     "Create the topic; it is looked at again within `limits.destination_recheck`."},
    {"may not be read",
     "Allow this principal to read it; it is looked at again within `limits.destination_recheck`."},
    {"may not be written",
     "Allow this principal to write to it; it is looked at again within "
     "`limits.destination_recheck`."},
    {"grant this principal",
     "Grant what it says: runtime/README.md lists all that a router needs. It is tried again all "
     "the time, and goes on by itself."},
    {"too few brokers are up",
     "Bring brokers back until every partition, of the brokers' own topics too, has "
     "`min.insync.replicas` replicas again. It goes on by itself."},
    {"certificate verify failed",
     "See whether `ssl.ca.location` has the authority of the brokers' certificates, whether these "
     "are over or not valid yet, and whether this machine's clock is right. It is tried again all "
     "the time, and goes on by itself."},
    {"over their quota",
     "Raise this principal's quotas (`producer_byte_rate`, `consumer_byte_rate`, "
     "`request_percentage`) or spread the load; events wait in the source, and nothing is lost."},
    {"no broker answers",
     "Nothing if the brokers are down: it goes on by itself when they are back. Else look at "
     "`brokers` in the config and at the network between."},
    {"table",
     "Nothing while it loads: events wait in the source. If it stays, look at the table's topic."},
};

constexpr char kCureOfTheRest[] =
    "Nothing for a minute: it is tried again all the time, and nothing is lost meanwhile. If it "
    "stays, the log says more.";

constexpr char kCureOfSchema[] =
    "Nothing if it is gone at the next look. If it stays, see whether the schema registry answers "
    "and lets this client read; after `schema_registry.wait_max` events of that schema are dead "
    "letters, which `turnout dlq redrive` puts back once this is gone";

constexpr char kCureOfABroker[] =
    "Nothing if it was restarted: others do its work meanwhile, and it is tried all the time. Else "
    "look at this broker, and at the network between.";

std::string CureOf(std::string_view reason, std::string_view otherwise = kCureOfTheRest) {
  for (const Cure& cure : kCures) {
    if (reason.find(cure.words) != std::string_view::npos) return std::string(cure.cure);
  }
  return std::string(otherwise);
}

std::string CureOfEjection(const BulkheadStatus& destination) {
  if (destination.why == EjectionName(Ejection::kMissing)) {
    return "Create the topic. It is asked for again by itself, and what waits is sent in order";
  }
  if (destination.why == EjectionName(Ejection::kForbidden)) {
    return "Allow this principal to write to it and to describe it. It is asked for again by "
           "itself, and what waits is sent in order";
  }
  return "See whether all brokers answer, the topic's partitions have leaders, and no quota holds "
         "this client back. It is asked again by itself, and what waits is sent in order";
}

// "3 s", "4 min", "2 h": as a person would say it.
std::string Spoken(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 100) return absl::StrFormat("%.0f s", seconds);
  if (seconds < 100 * 60) return absl::StrFormat("%.0f min", seconds / 60);
  return absl::StrFormat("%.0f h", seconds / 3600);
}

std::string Sentence(std::string text) {
  if (!text.empty()) text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  if (!text.empty() && text.back() != '.') text.push_back('.');
  return text;
}

class Finder {
 public:
  explicit Finder(const PipelineView& view) : view_(view) {}

  std::vector<Trouble> Find() {
    FindStandstill();
    for (const auto& [index, worker] : view_.workers) FindOfWorker(index, worker);
    FindOfRules();
    FindOfTables();
    FindOfSchemas();
    FindOfDestinations();
    FindOfCheckpoints();
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Trouble& a, const Trouble& b) { return a.gravity < b.gravity; });
    return std::move(found_);
  }

 private:
  void Add(Gravity gravity, std::string what, std::string cure, std::string metric) {
    found_.push_back(
        {gravity, Sentence(std::move(what)), Sentence(std::move(cure)), std::move(metric)});
  }

  // What keeps all events waiting, whichever worker they are for.
  void FindStandstill() {
    if (view_.stopping) {
      Add(Gravity::kNotice, "this router is stopping: it commits what it has and leaves the group",
          "Nothing: others take its partitions over, or it does itself when it starts again",
          kReady);
    }
    for (const std::string& reason : view_.waiting_for) {
      if (reason == "starting") {
        Add(Gravity::kNotice, "it is starting", "Nothing for some seconds", kReady);
      } else {
        Add(Gravity::kStopped, absl::StrCat("no event is routed yet: ", reason), CureOf(reason),
            kReady);
      }
    }
    if (!view_.token.status.ok()) {
      const bool is_over = view_.time_of_day >= view_.token.expires;
      Add(is_over ? Gravity::kStopped : Gravity::kNotice, std::string(view_.token.status.message()),
          "Look at the identity provider and at this client's id and secret there, or at the "
          "AWS role; a secret's file is read again at each try",
          "turnout_token_expiry_timestamp_seconds");
    }
    FindOfSecurity();
    if (!view_.brokers.ok && view_.waiting_for.empty() && !view_.stopping) {
      Add(Gravity::kStopped, view_.brokers.reasons.front(), CureOf("no broker answers"),
          "turnout_brokers_reachable");
    }
    FindOfBrokers();
    for (const std::string& worker : view_.stuck) {
      Add(Gravity::kStopped, worker,
          "Restart this router: what it holds is taken over, and nothing is lost", kReady);
    }
  }

  // Also where none answers: what the connections died of is known of each alone.
  void FindOfBrokers() {
    for (const auto& [address, failed] : view_.failed_brokers) {
      if (view_.now - failed.at > kOutcomeIsNews) continue;
      Add(Gravity::kNotice,
          absl::StrFormat("broker %s does not answer as it should: %s, %s ago", address,
                          failed.what, Spoken(view_.now - failed.at)),
          CureOf(failed.what, kCureOfABroker), "turnout_brokers_reachable");
    }
  }

  void FindOfSecurity() {
    if (!view_.security.status.ok()) {
      Add(Gravity::kNotice, std::string(view_.security.status.message()),
          "Put the file right: it is read again every second", kCertificateExpiry);
    }
    for (const connectors::CertificateLife& life : view_.security.certificates) {
      const std::string ends = CertificateTrouble(life, view_.time_of_day);
      if (ends.empty()) continue;
      Add(view_.time_of_day < life.ends ? Gravity::kNotice : Gravity::kHarmed, ends,
          "Have whoever issues it put a fresh one where this one is", kCertificateExpiry);
    }
  }

  void FindOfWorker(int index, const WorkerView& worker) {
    const WorkerStatus& status = worker.status;
    const bool is_cut_off = !view_.brokers.ok;
    if (status.state == WorkerState::kWaiting && !status.reason.empty() && !is_cut_off) {
      Add(Gravity::kStopped, absl::StrCat("worker ", index, " waits: ", status.reason),
          CureOf(status.reason), "turnout_workers");
    }
    FindOfPartitions(worker);
    const absl::Duration open = view_.now - worker.open_since;
    if (worker.open_since != absl::InfinitePast() && open > kOpenTooLong) {
      Add(Gravity::kHarmed,
          absl::StrFormat("the transaction of worker %d is open for %s: readers of its "
                          "destinations wait",
                          index, Spoken(open)),
          "Look whether the brokers answer and how busy they are; it is aborted and redone by "
          "itself after `limits.transaction_timeout`",
          "turnout_transaction_open_seconds");
    }
    const LastOutcome& last = worker.last_outcome;
    if (last.outcome == "fenced" && view_.now - last.at < kOutcomeIsNews) {
      Add(Gravity::kNotice,
          absl::StrFormat("worker %d was fenced %s ago: another owner took its work over", index,
                          Spoken(view_.now - last.at)),
          "Nothing if it happened once. If it goes on, two routers have the same `instance`: give "
          "each its own",
          "turnout_transaction_outcomes_total");
    }
  }

  void FindOfPartitions(const WorkerView& worker) {
    const WorkerStatus& status = worker.status;
    size_t refused = 0;
    int64_t waiting = 0;
    absl::Time newest = absl::InfinitePast();
    size_t without_schema = 0;
    const PartitionStatus* behind = nullptr;
    int others = -1;
    for (const PartitionStatus& partition : status.partitions) {
      if (partition.phase == TaskPhase::kRefused && ++refused <= kAlikeMax) {
        Add(Gravity::kHarmed,
            absl::StrCat("partition ", partition.partition, " of ", status.topic,
                         " stands still: ", partition.reason),
            CureOf(partition.reason), "turnout_tasks{phase=\"refused\"}");
      }
      if (partition.phase == TaskPhase::kLive) newest = std::max(newest, partition.last_event_time);
      if (partition.phase == TaskPhase::kWaiting && ++without_schema <= kAlikeMax) {
        Add(Gravity::kHarmed,
            absl::StrCat("partition ", partition.partition, " of ", status.topic,
                         " waits: ", partition.reason),
            kCureOfSchema, "turnout_tasks{phase=\"waiting\"}");
      }
      if (!IsBehind(partition)) continue;
      waiting += partition.end_offset - partition.next_offset;
      ++others;
      if (behind == nullptr || partition.last_event_time < behind->last_event_time) {
        behind = &partition;
      }
    }
    if (newest - view_.time_of_day > kLagTooLong) {
      return TellOfClocks(
          absl::StrFormat("the latest events of topic %s are of a time that is %s ahead",
                          status.topic, Spoken(newest - view_.time_of_day)));
    }
    if (behind == nullptr) return;
    const absl::Duration age = view_.time_of_day - newest;
    if (age > kLagTooLong && TimeFor(waiting, worker) * kUnexplained < age) {
      return TellOfClocks(absl::StrFormat(
          "events of topic %s are %s old when they are routed, though only %s waiting",
          status.topic, Spoken(age), waiting == 1 ? "1 is" : absl::StrFormat("%d are", waiting)));
    }
    Add(Gravity::kNotice,
        absl::StrFormat("topic %s is %s behind: partition %d the most, by %d records%s",
                        status.topic, Spoken(view_.time_of_day - behind->last_event_time),
                        behind->partition, behind->end_offset - behind->next_offset,
                        others == 0 ? "" : absl::StrFormat(", %d more less", others)),
        "Nothing if it catches up. If it falls further behind, add `workers` up to the number of "
        "cores, then replicas up to the number of partitions",
        "turnout_partition_lag_seconds");
  }

  // In which this worker routes so many events, by what it has done so far.
  absl::Duration TimeFor(int64_t events, const WorkerView& worker) const {
    if (worker.events == 0) return absl::InfiniteDuration();
    return (view_.now - view_.started) *
           (static_cast<double>(events) / static_cast<double>(worker.events));
  }

  void TellOfClocks(std::string what) {
    Add(Gravity::kNotice, std::move(what),
        absl::StrCat(
            "Look at the clock of this machine, which shows ",
            absl::FormatTime(absl::RFC3339_sec, view_.time_of_day, absl::UTCTimeZone()),
            ", and at those of the events' producers. Nothing is lost or held up: what is told "
            "of lag and latency is wrong by as much. Where events are sent so late, nothing is "
            "wrong"),
        "turnout_partition_lag_seconds");
  }

  bool IsBehind(const PartitionStatus& partition) const {
    return partition.phase == TaskPhase::kLive && partition.end_offset > partition.next_offset &&
           partition.last_event_time > absl::UnixEpoch() &&
           view_.time_of_day - partition.last_event_time > kLagTooLong;
  }

  void FindOfRules() {
    // Before the first rules are in force these are reasons to wait, told already.
    for (const TeamAside& team : view_.rules.aside) {
      if (!view_.waiting_for.empty()) break;
      Add(Gravity::kHarmed,
          absl::StrCat("the ", team.previous_in_force ? "changed " : "", "rules of team ",
                       team.team, " stand aside: destination ", team.topic, " ", team.reason,
                       team.previous_in_force ? "; those from before stay in force" : ""),
          team.cure, "turnout_team_aside");
    }
    for (const RefusedRules& file : view_.rules.refused) {
      Add(Gravity::kHarmed,
          absl::StrCat("a rule file is refused: ",
                       file.problems.empty() ? file.file : absl::StrJoin(file.problems, "; ")),
          "Mend the file where it says, and have `turnout validate` look at it. The team's rules "
          "from before stay in force",
          "turnout_rule_file_refused");
    }
    FindOfRuleOrigin();
  }

  // Rules stay in force whatever happens to where they come from; changes don't arrive.
  void FindOfRuleOrigin() {
    const LiveRulesStatus& live = view_.live_rules;
    if (!live.origin.problem.empty() && view_.waiting_for.empty()) {
      Add(Gravity::kHarmed,
          absl::StrCat("rules do not change: ", live.origin.name,
                       " can't be asked: ", live.origin.problem,
                       live.is_from_disk ? "; those in force are the ones kept on disk" : ""),
          "Bring back what `rules` in the config names; it is asked again all the time",
          "turnout_rules_origin_reachable");
    }
    if (!live.disk_problem.empty()) {
      Add(Gravity::kNotice,
          absl::StrCat("the last good rules are not kept on disk: ", live.disk_problem),
          "Look at the disk that `state_dir` is on", kRuleSetMetric);
    }
    if (live.rollback.has_value()) {
      Add(Gravity::kNotice,
          absl::StrFormat("rules were rolled back %s ago, to %s; changes wait",
                          Spoken(view_.now - live.rollback->at), live.rollback->to),
          "`turnout rollback --resume` takes up what `rules` has, once it is mended",
          "turnout_rules_rolled_back");
    }
    if (live.reports.has_value() && !live.reports->problem.empty()) {
      Add(Gravity::kNotice,
          absl::StrCat("what became of the rules can't be told to ", live.reports->to, ": ",
                       live.reports->problem),
          "Look at `rules_from.report_to`; it is tried again",
          "turnout_rules_report_failures_total");
    }
  }

  void FindOfTables() {
    for (const TableStatus& table : view_.tables) {
      if (table.refused) {
        Add(Gravity::kHarmed,
            absl::StrCat("the table ", table.name, " is refused: ", table.problem,
                         "; matches that ask it are parked"),
            "Make its topic smaller, or raise `limits.table_bytes_max`, and restart",
            "turnout_table_refused");
      } else if (!table.loaded && view_.waiting_for.empty()) {
        Add(Gravity::kHarmed,
            absl::StrCat("the table ", table.name, " is being loaded: ", table.lag,
                         " records are left"),
            CureOf("table"), "turnout_table_loaded");
      }
    }
  }

  void FindOfUnwell() {
    size_t ejected = 0;
    for (const auto& [name, one] : view_.unwell.by_name()) {
      if (IsDraining(one)) {
        FindOfDraining(one);
      } else if (++ejected <= kAlikeMax) {
        Add(Gravity::kHarmed,
            absl::StrFormat("destination %s has been %s for %s: %s; %d outputs wait for it in the "
                            "parking topic",
                            name, one.why.empty() ? "unwell" : std::string(one.why),
                            Spoken(view_.now - one.since), one.reason, one.waiting),
            CureOfEjection(one), kEjection);
      }
    }
    if (ejected > kAlikeMax) {
      Add(Gravity::kHarmed,
          absl::StrFormat("%d destinations more take no records", ejected - kAlikeMax),
          "Their reasons are in the table of destinations", kEjection);
    }
    if (view_.parked_lost == 0) return;
    Add(Gravity::kHarmed,
        absl::StrFormat("%d outputs were lost in the parking topic: it had removed them before "
                        "their destinations were well again",
                        view_.parked_lost),
        "Route their events again (`turnout replay`), and let the topic keep records for longer "
        "than an outage lasts",
        "turnout_outputs_parked_lost_total");
  }

  void FindOfDraining(const BulkheadStatus& one) {
    if (one.why == kErrorOverLimit) {
      Add(Gravity::kNotice,
          absl::StrFormat("%d outputs for %s wait, since their team sends more than it may",
                          one.waiting, one.destination),
          "Nothing if it is a peak: they are sent as the limit allows. Else raise "
          "`limits.team_bytes_per_second_max`, or have the team's rules send less",
          "turnout_destination_outputs_waiting");
    } else if (!one.trouble.empty()) {
      Add(Gravity::kHarmed,
          absl::StrFormat(
              "%d outputs that were parked for %s can't be read from the parking topic: "
              "%s",
              one.waiting, one.destination, one.trouble),
          "Let this router's user read the parking topic, or see to its brokers", kEjection);
    } else {
      Add(Gravity::kNotice,
          absl::StrFormat("%d outputs that were parked for %s are being sent, before what is new",
                          one.waiting, one.destination),
          "Nothing: it rejoins by itself", kEjection);
    }
  }

  // What waits for them is told by partition.
  void FindOfSchemas() {
    const SchemaRegistryStatus& schemas = view_.schemas;
    if (schemas.unanswered > 0) {
      Add(Gravity::kHarmed,
          absl::StrCat(Counted(schemas.unanswered, "schema"),
                       " without an answer of the registry: their events are dead letters; the "
                       "last failure: ",
                       schemas.trouble.empty() ? "none, it answers again" : schemas.trouble),
          kCureOfSchema, "turnout_schemas{phase=\"unanswered\"}");
    } else if (!schemas.trouble.empty() && view_.now - schemas.since < kTroubleIsNews) {
      Add(Gravity::kNotice, schemas.trouble, kCureOfSchema, "turnout_schema_fetches_total");
    }
  }

  void FindOfDestinations() {
    FindOfUnwell();
    size_t found = 0;
    for (auto one = view_.unavailable.rbegin(); one != view_.unavailable.rend(); ++one) {
      if (view_.unwell.by_name().count(one->topic) != 0) continue;  // told already
      if (view_.now - one->at > kUnavailableIsNews || ++found > kAlikeMax) continue;
      Add(Gravity::kHarmed,
          absl::StrCat("destination ", one->topic, " takes no records: ", one->reason,
                       "; they go to the dead-letter topic"),
          CureOf(one->reason), "turnout_destination_unavailable_total");
    }
    if (view_.recent.dead_letters == 0) return;
    Add(Gravity::kNotice,
        absl::StrCat(Counted(view_.recent.dead_letters, "dead letter"),
                     " in the last minutes, the latest `", view_.dead_letter_error, "`"),
        absl::StrCat("`turnout dlq ls` says what was wrong, and whose it is, of all in ",
                     view_.facts.dead_letter_topic,
                     "; once it is mended, `turnout dlq redrive` "
                     "puts them back"),
        "turnout_dead_letters_total");
  }

  void FindOfCheckpoints() {
    const StateServiceStats& states = view_.states;
    if (states.overdue_tasks == 0) return;
    Add(Gravity::kNotice,
        absl::StrFormat(
            "%s changed, with no checkpoint for long, the newest of one is %s old: more "
            "is to be replayed if this disk is lost",
            Counted(states.overdue_tasks, "partition"), Spoken(states.oldest_checkpoint)),
        "See whether `checkpoints.store` can be written: its error is in the log",
        "turnout_checkpoint_overdue_tasks");
  }

  const PipelineView& view_;
  std::vector<Trouble> found_;
};

}  // namespace

std::vector<Trouble> FindTroubles(const PipelineView& view) { return Finder(view).Find(); }

std::string_view GravityName(Gravity gravity) {
  switch (gravity) {
    case Gravity::kStopped:
      return "stopped";
    case Gravity::kHarmed:
      return "harmed";
    case Gravity::kNotice:
      return "notice";
  }
  return "unknown";
}

absl::Span<const Cure> Cures() { return kCures; }

}  // namespace turnout::runtime
