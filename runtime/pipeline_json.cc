#include "runtime/pipeline_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/status_json.h"
#include "runtime/troubles.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

Json SecondsOrNull(absl::Duration duration) {
  return duration < absl::InfiniteDuration() ? Json(absl::ToDoubleSeconds(duration)) : Json();
}

Json CountOrNull(int32_t count) { return count > 0 ? Json(count) : Json(); }

Json MeanOrNull(absl::Duration sum, uint64_t count) {
  if (count == 0) return Json();
  return Json(absl::ToDoubleSeconds(sum) / static_cast<double>(count));
}

Json UnwellJson(const UnwellDestinations& unwell) {
  Json all = Json::array();
  for (const auto& [name, one] : unwell.by_name()) {
    all.push_back({{"destination", name},
                   {"state", one.state},
                   {"why", one.why},
                   {"reason", one.reason},
                   {"since", TimestampOrNull<Json>(one.since)},
                   {"waiting", one.waiting}});
  }
  return all;
}

Json WorkerJson(const WorkerView& worker) {
  Json partitions = Json::array();
  for (const PartitionStatus& partition : worker.status.partitions) {
    const bool known = partition.end_offset >= 0 && partition.next_offset >= 0;
    partitions.push_back(
        {{"partition", partition.partition},
         {"next_offset", OffsetOrNull<Json>(partition.next_offset)},
         {"end_offset", OffsetOrNull<Json>(partition.end_offset)},
         {"lag", known ? Json(std::max<int64_t>(0, partition.end_offset - partition.next_offset))
                       : Json()},
         {"last_event", TimestampOrNull<Json>(partition.last_event_time)},
         {"phase", PhaseName(partition.phase)},
         {"replay_offset", OffsetOrNull<Json>(partition.replay_offset)},
         {"replay_left_seconds", SecondsOrNull(partition.replay_left)},
         {"reason", partition.reason},
         {"restored", partition.restored}});
  }
  Json last_outcome;
  if (!worker.last_outcome.outcome.empty()) {
    last_outcome = {{"outcome", worker.last_outcome.outcome},
                    {"why", worker.last_outcome.why},
                    {"at", Timestamp(worker.last_outcome.at)}};
  }
  return {{"worker", worker.status.worker},
          {"topic", worker.status.topic},
          {"state", StateName(worker.status.state)},
          {"reason", worker.status.reason},
          {"rule_set", worker.status.rule_set_hash},
          {"transactions", worker.transactions},
          {"events", worker.events},
          {"last_commit", TimestampOrNull<Json>(worker.last_commit)},
          {"transaction_open_since", TimestampOrNull<Json>(worker.open_since)},
          {"last_trouble", std::move(last_outcome)},
          {"partitions", std::move(partitions)}};
}

Json TablesJson(const std::vector<TableStatus>& tables) {
  Json all = Json::array();
  for (const TableStatus& table : tables) {
    all.push_back({{"table", table.name},
                   {"topic", table.topic},
                   {"loaded", table.loaded},
                   {"refused", table.refused},
                   {"problem", table.problem},
                   {"entries", table.entries_estimate},
                   {"disk_bytes", table.disk_bytes},
                   {"lag", table.lag}});
  }
  return all;
}

// Null where none was asked for.
Json SchemasJson(const SchemaRegistryStatus& schemas) {
  if (!schemas.is_used) return {};
  return {{"known", schemas.known},
          {"awaited", schemas.awaited},
          {"unanswered", schemas.unanswered},
          {"trouble", schemas.trouble},
          {"since", Timestamp(schemas.since)}};
}

Json TokenJson(const TokenReport& token) {
  if (token.status.ok() && token.expires == absl::InfinitePast()) return {};
  return {{"expires", TimestampOrNull<Json>(token.expires)},
          {"trouble", std::string(token.status.message())}};
}

Json CertificatesJson(const SecurityReport& security) {
  Json all = Json::array();
  for (const connectors::CertificateLife& life : security.certificates) {
    all.push_back({{"property", life.property},
                   {"subject", life.subject},
                   {"ends", TimestampOrNull<Json>(life.ends)}});
  }
  return {{"certificates", std::move(all)}, {"trouble", std::string(security.status.message())}};
}

Json RolloutsJson(const std::vector<RuleRollout>& rollouts) {
  Json all = Json::array();
  for (const RuleRollout& rollout : rollouts) {
    all.push_back({{"rule", rollout.rule},
                   {"percent", rollout.percent},
                   {"mode", rollout.is_shadow ? "shadow" : "live"}});
  }
  return all;
}

Json TeamHashesJson(const std::vector<TeamRules>& in_force) {
  Json hashes = Json::object();
  for (const TeamRules& team : in_force) {
    hashes[team.team] = absl::StrFormat("%016x", team.content_hash);
  }
  return hashes;
}

Json RulesJson(const RulesStatus& rules, const LiveRulesStatus& live) {
  Json refused = Json::array();
  for (const RefusedRules& file : rules.refused) {
    refused.push_back({{"file", file.file}, {"problems", file.problems}});
  }
  return {{"hash", TextOrNull<Json>(rules.hash)},
          {"published", rules.hash.empty() ? Json() : Json(Timestamp(rules.published))},
          {"origin", live.origin.name},
          {"origin_problem", live.origin.problem},
          {"from_disk", live.is_from_disk},
          {"rolled_back_to", live.rollback.has_value() ? Json(live.rollback->to) : Json()},
          {"teams", TeamsJson<Json>(rules.teams)},
          {"team_hashes", TeamHashesJson(rules.teams)},
          {"rollouts", RolloutsJson(rules.rollouts)},
          {"standing_aside", AsideJson<Json>(rules.aside)},
          {"refused", std::move(refused)}};
}

Json CheckpointsJson(const PipelineView& view) {
  const StateServiceStats& states = view.states;
  return {{"store", view.facts.checkpoint_store},
          {"on_own_disk", view.facts.checkpoints_on_own_disk},
          {"tasks", states.tasks},
          {"published", states.checkpoints},
          {"failures", states.checkpoint_failures},
          {"oldest_age_seconds", absl::ToDoubleSeconds(states.oldest_checkpoint)},
          {"size_bytes", states.newest_checkpoint_bytes},
          {"state_bytes", states.disk_bytes},
          {"duration_mean_seconds", MeanOrNull(states.checkpoint_duration_sum, states.checkpoints)},
          {"restore_bytes_left", states.restore_bytes_left},
          {"restore_left_seconds", absl::ToDoubleSeconds(states.restore_left)}};
}

Json RecentJson(const RecentWork& recent) {
  return {{"events", recent.events},
          {"dead_letters", recent.dead_letters},
          {"parked", recent.parked},
          {"transactions", recent.transactions},
          {"failed_transactions", recent.failed_transactions}};
}

// Null where nothing is wished. Of the partitions that are here.
Json RestoreJson(const PipelineView& view) {
  if (!view.facts.restore) return {};
  const std::string id = view.facts.restore->id();
  int partitions = 0;
  int done = 0;
  for (const auto& [index, worker] : view.workers) {
    for (const PartitionStatus& one : worker.status.partitions) {
      ++partitions;
      done += std::count(one.restored.begin(), one.restored.end(), id);
    }
  }
  return {{"id", id},
          {"time", Timestamp(absl::FromUnixMillis(view.facts.restore->time_ms))},
          {"rules", view.facts.restore->with_current_rules ? "current" : "in_force"},
          {"done", done},
          {"partitions", partitions}};
}

Json TroublesJson(const std::vector<Trouble>& troubles) {
  Json all = Json::array();
  for (const Trouble& trouble : troubles) {
    all.push_back({{"gravity", GravityName(trouble.gravity)},
                   {"what", trouble.what},
                   {"do", trouble.cure},
                   {"metric", trouble.metric}});
  }
  return all;
}

}  // namespace

std::string_view StateName(WorkerState state) {
  switch (state) {
    case WorkerState::kStarting:
      return "starting";
    case WorkerState::kRunning:
      return "running";
    case WorkerState::kWaiting:
      return "waiting";
    case WorkerState::kStopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view OutcomeName(TransactionOutcome outcome) {
  switch (outcome) {
    case TransactionOutcome::kRetried:
      return "retried";
    case TransactionOutcome::kAborted:
      return "aborted";
    case TransactionOutcome::kFenced:
      return "fenced";
    case TransactionOutcome::kFatal:
      return "fatal";
  }
  return "unknown";
}

std::string_view PhaseName(TaskPhase phase) {
  switch (phase) {
    case TaskPhase::kRecovering:
      return "recovering";
    case TaskPhase::kRefused:
      return "refused";
    case TaskPhase::kReplaying:
      return "replaying";
    case TaskPhase::kWaiting:
      return "waiting";
    case TaskPhase::kLive:
      return "live";
  }
  return "unknown";
}

std::string StatusJson(const PipelineView& view) {
  const PipelineFacts& facts = view.facts;
  Json workers = Json::array();
  for (const auto& [index, worker] : view.workers) workers.push_back(WorkerJson(worker));
  Json unavailable = Json::array();
  for (const UnavailableDestination& destination : view.unavailable) {
    unavailable.push_back({{"destination", destination.topic},
                           {"reason", destination.reason},
                           {"at", Timestamp(destination.at)}});
  }
  Json status = {{"version", facts.version},
                 {"librdkafka", facts.kafka_library_version},
                 {"instance", facts.instance},
                 {"started", Timestamp(view.started)},
                 {"uptime_seconds", absl::ToInt64Seconds(view.now - view.started)},
                 {"now", Timestamp(view.time_of_day)},
                 {"ready", view.ready.ok},
                 {"reasons", view.ready.reasons},
                 {"troubles", TroublesJson(FindTroubles(view))},
                 {"brokers",
                  {{"addresses", facts.brokers},
                   {"reachable", view.brokers.ok},
                   {"reasons", view.brokers.reasons}}},
                 {"group", facts.group},
                 {"source", facts.source_topic},
                 {"source_partitions", CountOrNull(view.source_partitions)},
                 {"dead_letter_topic", facts.dead_letter_topic},
                 {"delivery", facts.delivery},
                 {"sink", {{"kind", view.sink.kind}, {"why", view.sink.why}}},
                 {"token", TokenJson(view.token)},
                 {"security", CertificatesJson(view.security)},
                 {"checkpoints", CheckpointsJson(view)},
                 {"restore", RestoreJson(view)},
                 {"rules", RulesJson(view.rules, view.live_rules)},
                 {"tables", TablesJson(view.tables)},
                 {"schemas", SchemasJson(view.schemas)},
                 {"destinations_unavailable", std::move(unavailable)},
                 {"destinations_unwell", UnwellJson(view.unwell)},
                 {"parked_lost", view.parked_lost},
                 {"recent", RecentJson(view.recent)},
                 {"workers", std::move(workers)}};
  return DumpJson(std::move(status), 2);
}

std::string HealthJson(const Health& health) {
  Json json = {{"ok", health.ok}};
  if (!health.ok) json["reasons"] = health.reasons;
  return DumpJson(std::move(json), -1);
}

}  // namespace turnout::runtime
