#include "runtime/pipeline_metrics.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "runtime/pipeline_view.h"
#include "runtime/process_facts.h"
#include "runtime/unwell_destinations.h"

namespace turnout::runtime {
namespace {

void CollectWorkers(const PipelineFigures& figures, MetricFamilies* to) {
  MetricFamily by_state = {"turnout_workers", "Workers by state.", MetricKind::kGauge};
  MetricFamily records = {"turnout_partition_lag_records", "Source records not yet committed.",
                          MetricKind::kGauge};
  MetricFamily seconds = {"turnout_partition_lag_seconds",
                          "Age of the last committed event while records wait, else 0.",
                          MetricKind::kGauge};
  std::map<std::string, int> worker_states = {
      {"starting", 0}, {"running", 0}, {"waiting", 0}, {"stopped", 0}};
  const absl::Time now = figures.now;
  for (const auto& [index, worker] : figures.workers) {
    ++worker_states[std::string(StateName(worker.state))];
    for (const PartitionStatus& partition : worker.partitions) {
      if (partition.end_offset < 0) continue;
      // With nothing committed yet the whole log may be ahead: the most it can be.
      const int64_t lag =
          std::max<int64_t>(0, partition.end_offset - std::max<int64_t>(0, partition.next_offset));
      const MetricLabels label = {{"topic", worker.topic},
                                  {"partition", std::to_string(partition.partition)}};
      records.Add(static_cast<double>(lag), label);
      if (lag == 0) {
        seconds.Add(0, label);
      } else if (partition.last_event_time > absl::UnixEpoch()) {
        seconds.Add(
            std::max(0.0, absl::ToDoubleSeconds(figures.time_of_day - partition.last_event_time)),
            label);
      }
    }
  }
  for (const auto& [state, count] : worker_states) by_state.Add(count, {{"state", state}});
  absl::Duration open_for;
  for (const auto& [index, since] : figures.open_since) {
    if (since != absl::InfinitePast()) open_for = std::max(open_for, now - since);
  }
  AddMetric("turnout_transaction_open_seconds", "Age of the oldest open transaction; 0: none is.",
            MetricKind::kGauge, absl::ToDoubleSeconds(open_for), to);
  for (MetricFamily* family : {&by_state, &records, &seconds}) {
    AddUnlessEmpty(std::move(*family), to);
  }
}

// Those beyond the limit as one.
void CollectUnwell(const PipelineFigures& figures, MetricFamilies* to) {
  UnwellDestinations unwell;
  int64_t lost = 0;
  for (const auto& [index, worker] : figures.workers) {
    unwell.Add(worker.bulkheads);
    lost += worker.parked_lost;
  }
  int64_t waiting = 0;
  std::map<std::string, int64_t> waiting_by_name;
  std::map<std::array<std::string, 3>, int> ejections;  // by name, state, why
  for (const auto& [destination, told] : unwell.by_name()) {
    const bool has_room = waiting_by_name.size() < static_cast<size_t>(figures.destinations_max);
    const std::string name(has_room ? destination : kOtherSeries);
    waiting += told.waiting;
    waiting_by_name[name] += told.waiting;
    ++ejections[{name, std::string(told.state), std::string(told.why)}];
  }
  const auto add = [to](const char* name, const char* help, MetricKind kind, size_t value) {
    AddMetric(name, help, kind, static_cast<double>(value), to);
  };
  add("turnout_destinations_unwell", "Destinations that a worker parks outputs for, or drains.",
      MetricKind::kGauge, unwell.by_name().size());
  add("turnout_outputs_waiting", "Records in the parking topic that wait for their destination.",
      MetricKind::kGauge, static_cast<size_t>(waiting));
  add("turnout_outputs_parked_lost_total",
      "Records that the parking topic had lost when they were to be sent on.", MetricKind::kCounter,
      static_cast<size_t>(lost));
  MetricFamily states = {"turnout_destination_ejection",
                         "1 for each destination that is not healthy, with its state and why.",
                         MetricKind::kGauge};
  for (const auto& [labels, count] : ejections) {
    const auto& [name, state, why] = labels;
    states.Add(count, {{"destination", name}, {"state", state}, {"why", why}});
  }
  AddUnlessEmpty(std::move(states), to);
  MetricFamily outputs = {"turnout_destination_outputs_waiting",
                          "Records in the parking topic that wait for the destination.",
                          MetricKind::kGauge};
  for (const auto& [name, count] : waiting_by_name) {
    outputs.Add(static_cast<double>(count), {{"destination", name}});
  }
  AddUnlessEmpty(std::move(outputs), to);
}

void CollectTables(const PipelineFigures& figures, MetricFamilies* to) {
  if (figures.tables.empty()) return;
  const auto add = [&](const char* name, const char* help, MetricKind kind,
                       double (*value)(const TableStatus&)) {
    MetricFamily family = {name, help, kind};
    for (const TableStatus& table : figures.tables) {
      family.Add(value(table), {{"table", table.name}});
    }
    to->push_back(std::move(family));
  };
  add("turnout_table_loaded", "1 while rules can be enriched from the table, else 0.",
      MetricKind::kGauge, [](const TableStatus& t) { return t.loaded ? 1.0 : 0.0; });
  add("turnout_table_refused", "1 for a table that takes more disk than it may, else 0.",
      MetricKind::kGauge, [](const TableStatus& t) { return t.refused ? 1.0 : 0.0; });
  add("turnout_table_entries", "Keys of the table, roughly.", MetricKind::kGauge,
      [](const TableStatus& t) { return static_cast<double>(t.entries_estimate); });
  add("turnout_table_disk_bytes", "Files of the table.", MetricKind::kGauge,
      [](const TableStatus& t) { return static_cast<double>(t.disk_bytes); });
  add("turnout_table_lag_records", "Offsets of its topic not yet applied.", MetricKind::kGauge,
      [](const TableStatus& t) { return static_cast<double>(t.lag); });
  add("turnout_table_last_change_timestamp_seconds", "When a record was last applied; 0: never.",
      MetricKind::kGauge, [](const TableStatus& t) {
        return t.last_change == absl::InfinitePast()
                   ? 0.0
                   : absl::ToDoubleSeconds(t.last_change - absl::UnixEpoch());
      });
  add("turnout_table_records_total", "Records of its topic applied.", MetricKind::kCounter,
      [](const TableStatus& t) { return static_cast<double>(t.records); });
  add("turnout_table_read_anew_total", "Times it was emptied and read again.", MetricKind::kCounter,
      [](const TableStatus& t) { return static_cast<double>(t.anew); });
  add("turnout_table_records_skipped_total", "Of them, those that are no table's.",
      MetricKind::kCounter, [](const TableStatus& t) { return static_cast<double>(t.skipped); });
}

void CollectSchemas(const PipelineFigures& figures, MetricFamilies* to) {
  const SchemaRegistryStatus& schemas = figures.schemas;
  MetricFamily by_phase = {
      "turnout_schemas",
      "Ids of schemas by what is known of them: at hand, on their way, without "
      "an answer for `schema_registry.wait_max`.",
      MetricKind::kGauge};
  by_phase.Add(static_cast<double>(schemas.known), {{"phase", "known"}});
  by_phase.Add(static_cast<double>(schemas.awaited), {{"phase", "awaited"}});
  by_phase.Add(static_cast<double>(schemas.unanswered), {{"phase", "unanswered"}});
  to->push_back(std::move(by_phase));
  MetricFamily fetches = {"turnout_schema_fetches_total",
                          "Schemas asked for at the registry, by what came of it.",
                          MetricKind::kCounter};
  fetches.Add(static_cast<double>(schemas.fetched), {{"outcome", "fetched"}});
  fetches.Add(static_cast<double>(schemas.refused), {{"outcome", "refused"}});
  fetches.Add(static_cast<double>(schemas.failed), {{"outcome", "failed"}});
  to->push_back(std::move(fetches));
}

void CollectStates(const PipelineFigures& figures, MetricFamilies* to) {
  const StateServiceStats& states = figures.states;
  const auto add = [to](const char* name, const char* help, MetricKind kind, double value) {
    AddMetric(name, help, kind, value, to);
  };
  std::map<std::string, int> phases = {
      {"recovering", 0}, {"refused", 0}, {"replaying", 0}, {"live", 0}, {"waiting", 0}};
  int64_t records_left = 0;
  absl::Duration restore_left = states.restore_left;
  for (const auto& [index, worker] : figures.workers) {
    for (const PartitionStatus& partition : worker.partitions) {
      ++phases[std::string(PhaseName(partition.phase))];
      if (partition.phase != TaskPhase::kReplaying) continue;
      records_left += std::max<int64_t>(0, partition.next_offset - partition.replay_offset);
      if (partition.replay_left == absl::InfiniteDuration()) continue;
      restore_left = std::max(restore_left, partition.replay_left);
    }
  }
  MetricFamily tasks = {"turnout_tasks", "Partitions by phase.", MetricKind::kGauge};
  for (const auto& [phase, count] : phases) tasks.Add(count, {{"phase", phase}});
  to->push_back(std::move(tasks));
  add("turnout_state_tasks", "Partitions that keep state.", MetricKind::kGauge,
      static_cast<double>(states.tasks));
  add("turnout_state_disk_bytes", "Files of their states.", MetricKind::kGauge,
      static_cast<double>(states.disk_bytes));
  add("turnout_state_entries", "Entries of their states, roughly.", MetricKind::kGauge,
      static_cast<double>(states.entries_estimate));
  add("turnout_state_memory_bytes", "Cache and memtables of their states.", MetricKind::kGauge,
      static_cast<double>(figures.state_memory_bytes));
  add("turnout_state_stores_removed_total", "Stores of partitions that moved away, removed here.",
      MetricKind::kCounter, static_cast<double>(states.unused_stores_removed));
  add("turnout_restored_partitions_total", "Partitions that were restored by state.restore.time.",
      MetricKind::kCounter, static_cast<double>(figures.restored));
  add("turnout_checkpoints_published_total", "Checkpoints published.", MetricKind::kCounter,
      static_cast<double>(states.checkpoints));
  add("turnout_checkpoint_sent_bytes_total", "Bytes sent for them.", MetricKind::kCounter,
      static_cast<double>(states.checkpoint_bytes));
  add("turnout_checkpoint_failures_total", "Checkpoints that could not be taken.",
      MetricKind::kCounter, static_cast<double>(states.checkpoint_failures));
  add("turnout_checkpoint_oldest_age_seconds",
      "Age of the newest checkpoint of the partition where it is oldest.", MetricKind::kGauge,
      absl::ToDoubleSeconds(states.oldest_checkpoint));
  add("turnout_checkpoint_overdue_tasks",
      "Partitions that changed and have had no checkpoint for five intervals.", MetricKind::kGauge,
      static_cast<double>(states.overdue_tasks));
  add("turnout_checkpoint_size_bytes", "The newest checkpoints of the partitions that are here.",
      MetricKind::kGauge, static_cast<double>(states.newest_checkpoint_bytes));
  MetricFamily duration = {"turnout_checkpoint_duration_seconds",
                           "Taking a checkpoint and sending it.", MetricKind::kHistogram};
  duration.AddHistogram(states.checkpoint_durations, kCheckpointBoundsSeconds,
                        absl::ToDoubleSeconds(states.checkpoint_duration_sum));
  to->push_back(std::move(duration));
  add("turnout_restore_bytes_left", "Of the checkpoints that are being brought back.",
      MetricKind::kGauge, static_cast<double>(states.restore_bytes_left));
  add("turnout_restore_records_left", "Records that are yet to be replayed.", MetricKind::kGauge,
      static_cast<double>(records_left));
  add("turnout_restore_left_seconds",
      "How long the restores under way take yet, as far as they can tell; 0: there is none.",
      MetricKind::kGauge, absl::ToDoubleSeconds(restore_left));
}

void CollectProcess(MetricFamilies* to) {
  const ProcessFacts facts = ReadProcessFacts();
  const auto add = [to](const char* name, const char* help, MetricKind kind, double value) {
    AddMetric(name, help, kind, value, to);
  };
  const auto count = [](int64_t value) { return static_cast<double>(value); };
  add("process_cpu_seconds_total", "CPU time of this process, user and system.",
      MetricKind::kCounter, facts.cpu_seconds);
  add("process_start_time_seconds", "When this process started.", MetricKind::kGauge,
      facts.start_time_seconds);
  add("process_resident_memory_bytes", "Memory in RAM.", MetricKind::kGauge,
      count(facts.resident_bytes));
  add("process_virtual_memory_bytes", "Address space.", MetricKind::kGauge,
      count(facts.virtual_bytes));
  add("process_threads", "Threads.", MetricKind::kGauge, count(facts.threads));
  add("process_open_fds", "Open file descriptors.", MetricKind::kGauge, count(facts.open_fds));
  add("process_max_fds", "File descriptors allowed; 0 without a limit.", MetricKind::kGauge,
      count(facts.fds_max));
}

}  // namespace

void CollectPipeline(const PipelineFigures& figures, MetricFamilies* to) {
  CollectWorkers(figures, to);
  CollectUnwell(figures, to);
  CollectStates(figures, to);
  CollectTables(figures, to);
  CollectSchemas(figures, to);
  CollectProcess(to);
}

}  // namespace turnout::runtime
