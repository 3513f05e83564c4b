#include "runtime/replay_job.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "connectors/chosen_sink.h"
#include "connectors/memberless_group.h"
#include "connectors/range_source.h"
#include "connectors/table_source.h"
#include "runtime/destinations.h"
#include "runtime/live_rule_sets.h"
#include "runtime/log.h"
#include "runtime/new_topic.h"
#include "runtime/process_clock.h"
#include "runtime/real_time.h"
#include "runtime/replay_brokers.h"
#include "runtime/replay_offsets.h"
#include "runtime/replay_rule.h"
#include "runtime/replay_worker.h"
#include "runtime/rule_feed.h"
#include "runtime/schema_registry.h"
#include "runtime/state_options.h"
#include "runtime/state_service.h"
#include "runtime/table_feed.h"
#include "runtime/topic_range.h"
#include "runtime/worker.h"
#include "state/checkpoint_location.h"
#include "state/files.h"

namespace turnout::runtime {
namespace {

constexpr size_t kJobBytesMax = 128;
constexpr absl::Duration kTablesLookEvery = absl::Milliseconds(200);

absl::Status CheckJob(const std::string& job) {
  const bool is_plain = std::all_of(job.begin(), job.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
  if (is_plain && !job.empty() && job.size() <= kJobBytesMax && job.front() != '.') {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("`", job, "` is no name of a job (1 to ", kJobBytesMax,
                   " of a-z, A-Z, 0-9, `.`, `_`, `-`, not beginning with a dot)"));
}

ReplayNames NamesOf(const Config& config, const ReplayOptions& options) {
  ReplayNames names;
  names.job = options.job.empty() ? options.rule : options.job;
  if (options.job.empty()) std::replace(names.job.begin(), names.job.end(), '/', '.');
  names.group = absl::StrCat(config.group, ".replay.", names.job);
  // With a colon, which no `instance` has; stable, so that a job that is started again fences its
  // own ghost at once.
  names.transactional_id = absl::StrCat(config.group, "-replay:", names.job);
  names.directory = absl::StrCat(config.state_dir, "/replay/", names.job);
  return names;
}

}  // namespace

struct ReplayJob::Impl {
  Impl(const Config& with, ReplayOptions asked)
      : config(with),
        options(std::move(asked)),
        names(NamesOf(config, options)),
        brokers(&config, &names, &clock, &stopping),
        live_rule_sets(config, options.rule),
        reach_in([this](const std::string& hash) { return live_rule_sets.ReachIn(hash); }) {}

  absl::StatusOr<ReplaySummary> Run();
  absl::Status ReadBounds();
  absl::Status FindRules();
  absl::Status OpenSink();
  absl::Status FindProgress();
  absl::Status Begin();
  absl::Status OpenStates();
  absl::Status LoadTables();
  absl::StatusOr<bool> Work();
  bool IsAtEnd(const connectors::RangeSource& source) const;
  absl::Status Finish();
  absl::Status CheckJoin();
  absl::StatusOr<ReplaySummary> Count();

  connectors::RangeSourceOptions SourceOptions() const;
  connectors::KafkaSinkOptions SinkOptions() const;
  StateServiceOptions StateOptions() const;
  WorkerOptions ForWorker() const;

  const Config& config;
  const ReplayOptions options;
  const ReplayNames names;
  RangeBound range_from;
  RangeBound range_to;
  ProcessClock clock;
  std::atomic<bool> stopping{false};

  // In the order in which each needs the ones before it; destroyed in the opposite one.
  ReplayBrokers brokers;
  LiveRuleSets live_rule_sets;
  const std::function<std::optional<RuleReach>(const std::string&)> reach_in;
  std::shared_ptr<const router::RuleSet> rules;
  RuleFeed feed;
  std::unique_ptr<connectors::Sink> sink;
  JobProgress progress;  // when this run began
  std::unique_ptr<state::CheckpointStore> checkpoint_store;
  std::unique_ptr<state::StateResources> state_resources;
  std::unique_ptr<StateService> states;
  std::unique_ptr<TableFeed> tables;  // null: the rule asks none
  std::unique_ptr<SchemaRegistry> schemas = MakeSchemaRegistry(config.has_schemas, config.schemas);
  std::unique_ptr<ReplayObserver> observer;
};

absl::Status ReplayJob::Impl::ReadBounds() {
  for (const auto& [said, bound] :
       {std::pair(&options.from, &range_from), std::pair(&options.to, &range_to)}) {
    const absl::StatusOr<RangeBound> read = ParseRangeBound(*said, clock.TimeOfDay());
    if (!read.ok()) return read.status();
    *bound = *read;
  }
  return absl::OkStatus();
}

absl::Status ReplayJob::Impl::FindRules() {
  auto found = FindReplayRule(config, brokers.Client("rules"), options.rule, options.to_topic);
  if (!found.ok()) return found.status();
  rules = *std::move(found);
  return absl::OkStatus();
}

// Before anything is looked at: whoever ran this job before can commit nothing from here on.
absl::Status ReplayJob::Impl::OpenSink() {
  auto made = connectors::MakeChosenSink(SinkOptions(), config.sink,
                                         [](connectors::SinkKind, const std::string&) {});
  if (!made.ok()) return made.status();
  sink = *std::move(made);
  return brokers.Patiently([this] { return sink->Open(); });
}

absl::Status ReplayJob::Impl::FindProgress() {
  const auto committed = brokers.Committed();
  if (!committed.ok()) return committed.status();
  auto read = ReadJobProgress(names.job, *rules, *committed);
  if (!read.ok()) return read.status();
  progress = *std::move(read);
  return CheckAskedRange(names.job, range_from, range_to, progress);
}

// In a transaction, which is refused where another run of the job has begun meanwhile. With nothing
// in the range it does not begin: the name stays free for the range that was meant.
absl::Status ReplayJob::Impl::Begin() {
  const auto ranges = brokers.FindRange(range_from, range_to, reach_in);
  if (!ranges.ok()) return ranges.status();
  progress = {.ranges = *ranges, .left = SizeOf(*ranges)};
  if (progress.left == 0) return absl::OkStatus();
  // A state of an earlier job of that name, whose offsets are gone, is none of this one's.
  if (absl::Status removed = state::RemoveAll(names.directory); !removed.ok()) return removed;
  if (absl::Status begun = sink->Begin(); !begun.ok()) return begun;
  const std::vector<connectors::SourceOffset> first = FirstReplayOffsets(*rules, *ranges);
  const connectors::GroupMetadata group = connectors::MemberlessGroup(names.group);
  return brokers.Patiently([&] { return sink->Commit(first, group); });
}

StateServiceOptions ReplayJob::Impl::StateOptions() const {
  StateServiceOptions state = StateOptionsOf(config);
  state.directory = names.directory;
  state.topic = config.topic;
  state.group = names.group;
  state.only_rules = rules;
  state.on_trouble = [](const std::string& what) { LogWarning("state_trouble", what); };
  return state;
}

// Touches nothing: the first step with memory makes what it needs.
absl::Status ReplayJob::Impl::OpenStates() {
  auto store = state::MakeCheckpointStore(names.directory + "/checkpoints", config.checkpoints.s3,
                                          RealTimeAndChance());
  if (!store.ok()) return store.status();
  checkpoint_store = *std::move(store);
  state::StateLimits limits;
  limits.memory_bytes_max = static_cast<size_t>(config.state.memory_bytes_max);
  limits.memtable_bytes_max = limits.memory_bytes_max * 3 / 8;
  state_resources = std::make_unique<state::StateResources>(limits);
  states =
      std::make_unique<StateService>(StateOptions(), state_resources.get(), checkpoint_store.get());
  return absl::OkStatus();
}

// Copies of the job's own: those of a router that runs beside are in use.
absl::Status ReplayJob::Impl::LoadTables() {
  if (rules->tables().empty()) return absl::OkStatus();
  TableFeedOptions feed_options;
  for (const Config::Table& table : config.tables) {
    const auto& asked = rules->tables();
    if (std::find(asked.begin(), asked.end(), table.name) == asked.end()) continue;
    feed_options.tables.push_back({table.name, table.topic});
  }
  feed_options.directory = absl::StrCat(names.directory, "/tables");
  feed_options.bytes_max = static_cast<uint64_t>(config.limits.table_bytes_max);
  feed_options.make_source = [this](const std::string& topic, const state::TableOffsets& from) {
    connectors::KafkaTableOptions table;
    table.client = brokers.Client(absl::StrCat("table-", topic));
    table.admin = brokers.admin();
    table.topic = topic;
    table.offsets = from;
    return connectors::MakeKafkaTableSource(table);
  };
  auto started = TableFeed::Start(feed_options, state_resources.get(), &clock);
  if (!started.ok()) return started.status();
  tables = *std::move(started);
  std::string told;
  while (!stopping) {
    const std::string waits_for = absl::StrJoin(tables->WaitingFor(), "; ");
    if (waits_for.empty()) return absl::OkStatus();
    if (told.empty()) LogInfo("replay_waits", told = waits_for);
    clock.Sleep(kTablesLookEvery);
  }
  return absl::OkStatus();
}

connectors::RangeSourceOptions ReplayJob::Impl::SourceOptions() const {
  connectors::RangeSourceOptions source;
  source.client = brokers.Client("source");
  source.topic = config.topic;
  source.group = names.group;
  source.ranges = progress.ranges;
  source.events_per_second_max = options.events_per_second_max;
  source.poll_events_max = config.limits.batch_events_max;
  source.poll_bytes_max = config.limits.batch_bytes_max;
  return source;
}

connectors::KafkaSinkOptions ReplayJob::Impl::SinkOptions() const {
  connectors::KafkaSinkOptions wanted;
  wanted.client = brokers.Client("sink");
  wanted.delivery = connectors::Delivery::kExactlyOnce;  // whatever live traffic has
  wanted.source_topic = config.topic;
  wanted.transactional_id = names.transactional_id;
  wanted.transaction_timeout_ms =
      static_cast<int>(absl::ToInt64Milliseconds(config.limits.transaction_timeout));
  if (brokers.batch_bytes_max() > 0) wanted.batch_bytes_max = brokers.batch_bytes_max();
  return wanted;
}

WorkerOptions ReplayJob::Impl::ForWorker() const {
  WorkerOptions worker = ReplayWorkerOptions(config, names.job, tables != nullptr);
  worker.tables = tables.get();
  worker.stopping = &stopping;
  worker.schemas = schemas.get();
  worker.replays_wait_for_schemas = !config.state.go_on_after_gap;
  return worker;
}

bool ReplayJob::Impl::IsAtEnd(const connectors::RangeSource& source) const {
  return stopping || source.done() || !source.refusal().ok() || !observer->failure().ok();
}

// Whether the range was read to its end.
absl::StatusOr<bool> ReplayJob::Impl::Work() {
  auto source = connectors::RangeSource::Make(SourceOptions());
  if (!source.ok()) return source.status();
  DestinationOptions destination_options;
  destination_options.create = config.create_topics.enabled;
  destination_options.new_topic = NewTopicOf(config.create_topics);
  destination_options.recheck = config.limits.destination_recheck;
  Destinations destinations(std::move(destination_options), brokers.admin(), &clock);
  const std::unique_ptr<StateKeeper> keeper = states->KeeperFor(0);
  observer =
      std::make_unique<ReplayObserver>(names.job, progress.ranges, &clock, options.on_progress);
  feed.Publish(rules);
  Worker worker(ForWorker(), source->get(), sink.get(), keeper.get(), &destinations, &feed,
                observer.get(), &clock);
  while (!IsAtEnd(**source)) worker.Step();
  const bool is_done = (*source)->done();
  worker.Close(config.limits.shutdown_timeout);
  if (!observer->failure().ok()) return observer->failure();
  if (!(*source)->refusal().ok()) return (*source)->refusal();
  return is_done;
}

// Who asks for the job again is told that it is done, however long ago; the state is of no use.
absl::Status ReplayJob::Impl::Finish() {
  const auto committed = brokers.Committed();
  if (!committed.ok()) return committed.status();
  const absl::Status set = brokers.SetCommitted(LastReplayOffsets(progress.ranges, *committed));
  if (!set.ok()) return set;
  tables.reset();
  states.reset();
  return state::RemoveAll(names.directory);
}

absl::Status ReplayJob::Impl::CheckJoin() {
  if (range_to.kind != RangeBound::Kind::kLive) return absl::OkStatus();
  return brokers.CheckLiveJoin(progress.ranges, reach_in);
}

// What would be read; nobody's offsets, topics or transactions are touched.
absl::StatusOr<ReplaySummary> ReplayJob::Impl::Count() {
  if (absl::Status found = brokers.FindSource(); !found.ok()) return found;
  const auto ranges = brokers.FindRange(range_from, range_to, reach_in);
  if (!ranges.ok()) return ranges.status();
  return ReplaySummary{.job = names.job, .ranges = *ranges};
}

absl::StatusOr<ReplaySummary> ReplayJob::Impl::Run() {
  const absl::Time begun = clock.Now();
  if (absl::Status fine = CheckJob(names.job); !fine.ok()) return fine;
  if (absl::Status read = ReadBounds(); !read.ok()) return read;
  if (absl::Status made = brokers.Connect(); !made.ok()) return made;
  if (absl::Status found = FindRules(); !found.ok()) return found;
  if (options.dry_run) return Count();
  if (absl::Status fine = brokers.CheckTopics(rules); !fine.ok()) return fine;
  for (const auto& part : {&Impl::OpenSink, &Impl::FindProgress}) {
    if (absl::Status done = (this->*part)(); !done.ok()) return done;
  }
  const bool has_begun = !progress.ranges.empty();
  if (!has_begun) {
    if (absl::Status begins = Begin(); !begins.ok()) return begins;
  }
  ReplaySummary summary{.job = names.job, .ranges = progress.ranges};
  if (progress.left == 0) {
    summary.is_done = true;
    summary.was_done_before = has_begun;
    summary.was_empty = !has_begun;
    absl::Status joined = has_begun ? absl::OkStatus() : CheckJoin();
    if (!joined.ok()) return joined;
    return summary;
  }
  LogInfo(has_begun ? "replay_goes_on" : "replay_begins",
          absl::StrCat("job ", names.job, has_begun ? " goes on: " : " begins: ", progress.left,
                       " of ", SizeOf(progress.ranges), " offsets of ", config.topic, " are left"),
          {{"job", names.job},
           {"rule", options.rule},
           {"rule_set", rules->hash()},
           {"group", names.group},
           {"offsets_left", progress.left}});
  for (const auto& part : {&Impl::OpenStates, &Impl::LoadTables}) {
    if (absl::Status done = (this->*part)(); !done.ok()) return done;
  }
  const absl::StatusOr<bool> is_done = Work();
  if (!is_done.ok()) return is_done.status();
  summary.is_done = *is_done;
  summary.counts = observer->counts();
  summary.took = clock.Now() - begun;
  if (!summary.is_done) return summary;
  if (absl::Status finished = Finish(); !finished.ok()) return finished;
  if (absl::Status joined = CheckJoin(); !joined.ok()) return joined;
  return summary;
}

ReplayJob::ReplayJob(const Config& config, ReplayOptions options)
    : impl_(std::make_unique<Impl>(config, std::move(options))) {}

ReplayJob::~ReplayJob() = default;

absl::StatusOr<ReplaySummary> ReplayJob::Run() { return impl_->Run(); }

void ReplayJob::RequestStop() {
  if (impl_->stopping.exchange(true)) return;
  impl_->clock.Stop();
}

}  // namespace turnout::runtime
