#include "runtime/process.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "connectors/chosen_sink.h"
#include "connectors/embedded_kafka.h"
#include "connectors/kafka_source.h"
#include "connectors/kafka_topic_admin.h"
#include "connectors/partition_reader.h"
#include "connectors/scram_caution.h"
#include "connectors/steady_clock.h"
#include "connectors/table_source.h"
#include "connectors/unpack_bound.h"
#include "runtime/admin_server.h"
#include "runtime/destination_probes.h"
#include "runtime/destinations.h"
#include "runtime/event_mask.h"
#include "runtime/event_sample.h"
#include "runtime/explain_page.h"
#include "runtime/keep_tokens.h"
#include "runtime/live_rules.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/new_topic.h"
#include "runtime/parking_topic.h"
#include "runtime/pipeline_json.h"
#include "runtime/pipeline_observer.h"
#include "runtime/process_clock.h"
#include "runtime/pulse_json.h"
#include "runtime/real_time.h"
#include "runtime/rollback_pages.h"
#include "runtime/router_pulse.h"
#include "runtime/rule_control.h"
#include "runtime/rule_feed.h"
#include "runtime/rule_history.h"
#include "runtime/rule_origins.h"
#include "runtime/rules_page.h"
#include "runtime/schema_registry.h"
#include "runtime/security_keeper.h"
#include "runtime/state_options.h"
#include "runtime/state_service.h"
#include "runtime/status_board.h"
#include "runtime/status_page.h"
#include "runtime/table_feed.h"
#include "runtime/task_visits.h"
#include "runtime/temporary_directory.h"
#include "runtime/token_keeper.h"
#include "runtime/traffic_json.h"
#include "runtime/worker.h"
#include "state/checkpoint_location.h"
#include "state/files.h"

namespace turnout::runtime {
namespace {

using connectors::Delivery;

// As in the table of fields.
constexpr char kStateDirDefault[] = "/var/lib/turnout";
// Between two looks for brokers and topics before the workers have started.
constexpr absl::Duration kLookBackoffMin = absl::Milliseconds(200);
constexpr absl::Duration kLookBackoffMax = absl::Seconds(5);
// How old what is told of rules may be, and how late a look at many files.
constexpr absl::Duration kRuleNewsEvery = absl::Seconds(1);
// Of the control thread's time, looks at files take one part in so many at most.
constexpr int kLookShare = 20;
// Of the brokers' patience with a transaction this part is for its events, the rest for its end.
constexpr int kTransactionShare = 3;
// Between two looks for destinations to ask about.
constexpr absl::Duration kProbesTurn = absl::Milliseconds(50);
constexpr absl::Duration kProbesTimeout = absl::Seconds(2);
// Events that somebody wants to see are read, and the schema of each is waited for, so long.
constexpr absl::Duration kSampleWithin = absl::Seconds(3);
constexpr absl::Duration kSampleSchemaWithin = absl::Milliseconds(200);
// What a worker gets for its end however late it hears of the stop.
constexpr absl::Duration kCloseTimeoutMin = absl::Milliseconds(500);

// No other replica has the directory that the state is in.
bool KeepsCheckpointsOnOwnDisk(const Config& config) {
  return absl::StartsWith(config.checkpoints.store, absl::StrCat(config.state_dir, "/"));
}

// An embedded Kafka has forgotten the offsets that the states of an earlier run belong to, and all
// their partitions would stand still.
absl::Status HoldsNoState(const std::string& state_dir) {
  for (const char* const part : {"/tasks", "/checkpoints"}) {
    if (!state::Exists(state_dir + part)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("state_dir ", state_dir,
                     " holds what rules remembered in an earlier run, and the embedded Kafka has "
                     "forgotten how far that was (remove its `tasks` and `checkpoints`, or leave "
                     "state_dir out: what rules remember then goes with the process)"));
  }
  return absl::OkStatus();
}

const char* DeliveryName(Delivery delivery) {
  return delivery == Delivery::kExactlyOnce ? "exactly_once" : "at_least_once";
}

}  // namespace

// A topic that is read by workers of its own.
struct Hop {
  bool is_rekeyed = false;
  std::string topic;
  std::string group;
  std::string id;  // in the names of clients
  std::unique_ptr<StateService> states;
};

struct Process::Impl {
  explicit Impl(ProcessOptions with) : options(std::move(with)), config(options.config) {}

  absl::Status Start();
  absl::Status StartSecurity();
  absl::Status StartSchemas();
  absl::Status StartKafka();
  absl::Status StartStates();
  absl::Status StartTables();
  void MakeExplainPage();
  absl::Status StartRules();
  absl::Status StartAdminServer();
  absl::Status StartPulse();
  absl::StatusOr<std::string> SampleEvents(size_t events);
  std::vector<AdminPage> Pages();
  void Control();
  absl::Duration BetweenRules(absl::Duration look_took) const;
  absl::Duration LookAtTopics();
  void WakeControl();
  void WaitForWork(absl::Duration at_most);
  void StartWorkers();
  absl::Status LookAtParkingTopic();
  void Probe();
  const Hop& HopOf(int worker) const;
  StateServiceOptions StateOptions(const Hop& hop) const;
  void RunWorker(int index);
  // Runs one worker until the process stops or its settings are out of date.
  absl::Status RunWorkerOnce(int index);
  void Fail(const absl::Status& why);
  void RequestStop();
  absl::Duration CloseTimeout() const;

  bool CreatesTopics() const { return config.create_topics.enabled || options.embedded; }
  PipelineFacts Facts() const;
  PreflightOptions Preflight() const;
  connectors::KafkaClientOptions ClientOptions(const std::string& name);
  connectors::KafkaSourceOptions SourceOptions(int index);
  connectors::KafkaSinkOptions SinkOptions(int index, int64_t batch_bytes_max);
  void TellSink(connectors::SinkKind kind, const std::string& why);
  Health Ready() const;
  AdminAnswer HealthAnswer(const Health& health) const;
  StateServiceStats StateStats() const;
  std::string MetricsText() const;
  PipelineView View() const;
  std::string StatusText() const;

  const ProcessOptions options;
  const Config& config;
  ProcessClock clock;
  std::atomic<bool> stopping{false};
  CarefulTurn careful_turn;
  std::atomic<int64_t> stop_requested_ns{0};

  absl::Mutex mu;
  absl::Status failure ABSL_GUARDED_BY(mu);
  bool has_work ABSL_GUARDED_BY(mu) = false;  // a stop, a reload, or a look at rules that came

  // Of an embedded Kafka, which forgets with the process: so does the state, unless somebody said
  // where it is.
  std::optional<TemporaryDirectory> embedded_state;
  std::string state_dir;

  // In the order in which each needs the ones before it; destroyed in the opposite one.
  std::unique_ptr<connectors::EmbeddedKafka> embedded;
  std::string bootstrap_servers;
  std::unique_ptr<StatusBoard> board;
  std::unique_ptr<Metrics> metrics;
  std::unique_ptr<PipelineObserver> observer;
  std::unique_ptr<TokenKeeper> tokens;  // null: no token is needed
  std::unique_ptr<SecurityKeeper> security;
  std::unique_ptr<SchemaRegistry> schemas;  // null: values are JSON
  RuleFeed feed;
  TaskVisits visits;  // of who wants to look at tasks of the ingestion topic
  std::unique_ptr<connectors::TopicAdmin> own_admin;
  connectors::TopicAdmin* admin = nullptr;
  std::unique_ptr<state::CheckpointStore> checkpoint_store;
  std::unique_ptr<state::StateResources> state_resources;
  std::unique_ptr<TableFeed> tables;  // null: the config has none
  Hop source_hop;                     // the ingestion topic
  Hop rekey_hop;                      // what was re-keyed
  std::unique_ptr<RuleControl> rules;
  std::unique_ptr<ExplainPage> explain;
  std::unique_ptr<RuleOrigin> rule_origin;
  std::unique_ptr<RuleReporter> rule_reporter;  // null: nobody wants to know
  std::unique_ptr<LiveRules> live_rules;
  std::unique_ptr<RouterPulse> pulse;  // null: nobody takes it
  std::unique_ptr<AdminServer> server;
  // What workers want to know of unwell destinations, by their numbers.
  std::vector<std::unique_ptr<DestinationProbes>> probes;
  bool parks = false;  // exactly once: outputs of unwell destinations may wait
  bool has_looked_at_parking_topic = false;  // the control thread's
  std::thread prober;
  std::thread control;
  std::vector<std::thread> workers;  // the control thread's, until it has ended
  absl::Time topics_look_at = absl::InfinitePast();
};

PipelineFacts Process::Impl::Facts() const {
  PipelineFacts facts;
  facts.version = TURNOUT_VERSION;
  facts.kafka_library_version = connectors::KafkaLibraryVersion();
  facts.instance = config.instance;
  facts.group = config.group;
  facts.source_topic = config.topic;
  facts.dead_letter_topic = config.dead_letter_topic;
  facts.delivery = DeliveryName(config.delivery);
  facts.brokers = bootstrap_servers;
  facts.checkpoint_store = config.checkpoints.store;
  facts.restore = config.state.restore;
  facts.checkpoints_on_own_disk = KeepsCheckpointsOnOwnDisk(config);
  facts.workers = facts.rekey_workers = config.workers;
  return facts;
}

PreflightOptions Process::Impl::Preflight() const {
  PreflightOptions preflight;
  preflight.source_topic = config.topic;
  preflight.dead_letter_topic = config.dead_letter_topic;
  if (!config.tables.empty()) preflight.parking_topic = config.parking_topic;
  preflight.create = CreatesTopics();
  preflight.new_topic = NewTopicOf(config.create_topics);
  preflight.create_source_partitions = options.embedded ? options.embedded_source_partitions : 0;
  preflight.rekey_topic = config.rekey_topic;
  preflight.rekey_partitions = config.rekey_partitions;
  preflight.settings = config.time;
  return preflight;
}

connectors::KafkaClientOptions Process::Impl::ClientOptions(const std::string& name) {
  connectors::KafkaClientOptions client;
  client.bootstrap_servers = bootstrap_servers;
  client.client_id = absl::StrCat("turnout-", config.instance, "-", name);
  client.properties = config.kafka;
  client.tokens = tokens.get();
  client.security = security.get();
  client.events.on_brokers = [this, id = client.client_id](bool reachable,
                                                           const std::string& reason) {
    observer->OnBrokers(id, reachable, reason);
  };
  client.events.on_throttle = [this, id = client.client_id](const std::string& broker,
                                                            absl::Duration time) {
    observer->OnThrottle(id, broker, time);
  };
  client.events.on_log = [this](int level, const std::string& id, const std::string& message) {
    observer->OnClientLog(level, id, message);
  };
  return client;
}

connectors::KafkaSourceOptions Process::Impl::SourceOptions(int index) {
  connectors::KafkaSourceOptions source;
  const Hop& hop = HopOf(index);
  source.client = ClientOptions(absl::StrCat(hop.id, index % config.workers, "-source"));
  source.topic = hop.topic;
  source.group_id = hop.group;
  // Nothing of what was re-keyed may be skipped.
  source.start_at_earliest = hop.is_rekeyed || config.start_at_earliest;
  source.session_timeout_ms = config.session_timeout_ms;
  source.poll_events_max = config.limits.batch_events_max;
  source.poll_bytes_max = config.limits.batch_bytes_max;
  return source;
}

connectors::KafkaSinkOptions Process::Impl::SinkOptions(int index, int64_t batch_bytes_max) {
  connectors::KafkaSinkOptions sink;
  const Hop& hop = HopOf(index);
  const std::string id = absl::StrCat(hop.id, index % config.workers);
  sink.client = ClientOptions(absl::StrCat(id, "-sink"));
  sink.delivery = config.delivery;
  sink.source_topic = hop.topic;
  // Stable over restarts, so that a restarted router fences its own ghost at once.
  sink.transactional_id = absl::StrCat(config.group, "-", config.instance, "-", id);
  sink.transaction_timeout_ms =
      static_cast<int>(absl::ToInt64Milliseconds(config.limits.transaction_timeout));
  if (batch_bytes_max > 0) sink.batch_bytes_max = batch_bytes_max;
  sink.destination_patience_ms =
      static_cast<int>(absl::ToInt64Milliseconds(config.limits.destination_patience));
  return sink;
}

void Process::Impl::TellSink(connectors::SinkKind kind, const std::string& why) {
  const char* const name = kind == connectors::SinkKind::kBatch ? "batch" : "librdkafka";
  if (!board->SetSink({.kind = name, .why = why})) return;
  LogInfo("sink", absl::StrCat("records are produced by the ", name, " sink: ", why),
          {{"sink", name}});
}

absl::Status Process::Impl::Start() {
  connectors::SetUnpackedBytesMax(config.limits.unpacked_bytes_max);
  bootstrap_servers = config.brokers;
  if (options.embedded) {
    auto kafka = connectors::EmbeddedKafka::Start(/*brokers=*/1);
    if (!kafka.ok()) return kafka.status();
    embedded = *std::move(kafka);
    bootstrap_servers = embedded->bootstrap_servers();
  }
  board = std::make_unique<StatusBoard>(Facts(), &clock);
  MetricsOptions exported;
  exported.version = TURNOUT_VERSION;
  exported.kafka_library_version = connectors::KafkaLibraryVersion();
  exported.delivery = DeliveryName(config.delivery);
  metrics = std::make_unique<Metrics>(std::move(exported), &clock);
  observer = std::make_unique<PipelineObserver>(board.get(), metrics.get(), &clock);

  for (const auto& part :
       {&Impl::StartSecurity, &Impl::StartSchemas, &Impl::StartKafka, &Impl::StartStates,
        &Impl::StartTables, &Impl::StartRules, &Impl::StartAdminServer, &Impl::StartPulse}) {
    const absl::Status started = (this->*part)();
    if (!started.ok()) return started;
  }
  LogInfo("starting",
          absl::StrCat("turnout ", TURNOUT_VERSION, " starts; see ", server->url(), "/"),
          {{"version", TURNOUT_VERSION},
           {"address", server->address()},
           {"brokers", bootstrap_servers},
           {"source", config.topic},
           {"group", config.group},
           {"instance", config.instance},
           {"workers", config.workers},
           {"delivery", DeliveryName(config.delivery)}});
  parks = config.delivery == Delivery::kExactlyOnce;
  for (int i = 0; i < 2 * config.workers; ++i) {
    probes.push_back(std::make_unique<DestinationProbes>(
        CreatesTopics() ? std::optional(NewTopicOf(config.create_topics)) : std::nullopt));
  }
  if (parks) prober = std::thread([this] { Probe(); });
  control = std::thread([this] { Control(); });
  return absl::OkStatus();
}

// Before all clients, which borrow it.
absl::Status Process::Impl::StartSecurity() {
  auto kept = KeepTokens(bootstrap_servers, config.kafka,
                         [this](const TokenReport& report) { observer->OnToken(report); });
  if (!kept.ok()) return kept.status();
  tokens = *std::move(kept);
  security = std::make_unique<SecurityKeeper>(
      config.kafka, ReadingOf(config),
      [this](const SecurityReport& report) { observer->OnSecurity(report); });
  return absl::OkStatus();
}

absl::Status Process::Impl::StartSchemas() {
  schemas = MakeSchemaRegistry(config.has_schemas, config.schemas);
  return absl::OkStatus();
}

absl::Status Process::Impl::StartKafka() {
  const std::string caution = connectors::ScramCaution(config.kafka);
  if (!caution.empty()) LogWarning("scram", caution);
  if (!connectors::UnpackingIsBounded()) {
    LogWarning(
        "unpack_bound",
        absl::StrCat("librdkafka ", connectors::KafkaLibraryVersion(),
                     " has its codecs inside, so that limits.unpacked_bytes_max does not hold "
                     "for it: have the source's topic keep batches unpacked "
                     "(compression.type=uncompressed), or give this router memory for the "
                     "largest"));
  }
  if (options.topic_admin != nullptr) {
    admin = options.topic_admin;
  } else if (embedded != nullptr) {
    admin = embedded.get();
  } else {
    connectors::KafkaClientOptions client = ClientOptions("admin");
    client.events.on_brokers = nullptr;  // it rests for long and would not notice their return
    auto made = connectors::MakeKafkaTopicAdmin(client);
    if (!made.ok()) return made.status();
    own_admin = *std::move(made);
    admin = own_admin.get();
  }
  return absl::OkStatus();
}

// Touches nothing: the first rule with memory makes what it needs.
absl::Status Process::Impl::StartStates() {
  state_dir = config.state_dir;
  std::string checkpoints = config.checkpoints.store;
  if (options.embedded && (state_dir.empty() || state_dir == kStateDirDefault)) {
    state_dir = embedded_state.emplace().path();
    if (state_dir.empty()) {
      return absl::UnavailableError("no directory can be made below TMPDIR (see that it is there)");
    }
    checkpoints = state_dir + "/checkpoints";
  } else if (options.embedded) {
    if (absl::Status empty = HoldsNoState(state_dir); !empty.ok()) return empty;
  }
  auto store = state::MakeCheckpointStore(checkpoints, config.checkpoints.s3, RealTimeAndChance());
  if (!store.ok()) return store.status();
  checkpoint_store = *std::move(store);
  state::StateLimits limits;
  limits.memory_bytes_max = static_cast<size_t>(config.state.memory_bytes_max);
  limits.memtable_bytes_max = limits.memory_bytes_max * 3 / 8;
  state_resources = std::make_unique<state::StateResources>(limits);
  source_hop.topic = config.topic;
  source_hop.group = config.group;
  rekey_hop.is_rekeyed = true;
  rekey_hop.topic = config.rekey_topic;
  rekey_hop.group = config.rekey_topic;
  rekey_hop.id = "r";  // of no instance's name and number
  for (Hop* const hop : {&source_hop, &rekey_hop}) {
    hop->states = std::make_unique<StateService>(StateOptions(*hop), state_resources.get(),
                                                 checkpoint_store.get());
  }
  return absl::OkStatus();
}

StateServiceOptions Process::Impl::StateOptions(const Hop& hop) const {
  StateServiceOptions state = StateOptionsOf(config);
  state.restore = config.state.restore;
  state.directory = state_dir;
  state.topic = hop.topic;
  state.group = config.group;
  if (KeepsCheckpointsOnOwnDisk(config) && !options.embedded && !hop.is_rekeyed) {
    state.caution = absl::StrCat(
        "checkpoints are kept on this replica's own disk, in ", config.checkpoints.store,
        ": they are lost with it, and a partition that moves to another replica has its state made "
        "anew from all that the source still has (set checkpoints.store to s3://BUCKET/PREFIX, or "
        "to a directory that all replicas share)");
  }
  state.on_trouble = [](const std::string& what) { LogWarning("state_trouble", what); };
  state.on_notice = [](const std::string& what) { LogInfo("state_notice", what); };
  return state;
}

absl::Status Process::Impl::StartTables() {
  if (config.tables.empty()) return absl::OkStatus();
  TableFeedOptions feed_options;
  for (const Config::Table& table : config.tables) {
    feed_options.tables.push_back({table.name, table.topic});
  }
  feed_options.directory = absl::StrCat(state_dir, "/tables");
  feed_options.bytes_max = static_cast<uint64_t>(config.limits.table_bytes_max);
  feed_options.make_source = [this](const std::string& topic, const state::TableOffsets& offsets) {
    connectors::KafkaTableOptions table;
    table.client = ClientOptions(absl::StrCat("table-", topic));
    table.client.events.on_brokers = nullptr;  // the sources tell
    table.admin = admin;
    table.topic = topic;
    table.offsets = offsets;
    return connectors::MakeKafkaTableSource(table);
  };
  auto started = TableFeed::Start(feed_options, state_resources.get(), &clock);
  if (!started.ok()) return started.status();
  tables = *std::move(started);
  return absl::OkStatus();
}

// Workers start once all tables are loaded. One that is read anew later is said here too.
Health Process::Impl::Ready() const {
  Health health = board->Ready();
  if (tables == nullptr) return health;
  for (std::string& reason : tables->WaitingFor()) {
    health.ok = false;
    health.reasons.push_back(std::move(reason));
  }
  return health;
}

absl::Status Process::Impl::StartRules() {
  rules = std::make_unique<RuleControl>(
      Preflight(), config.time, RuleControlParts{admin, &clock, &feed, board.get(), metrics.get()});
  const RuleOriginParts parts = {
      .admin = admin,
      .client = [this](const std::string& name) { return ClientOptions(name); },
      .wake = [this] { WakeControl(); }};
  rule_origin = MakeRuleOrigin(config, parts);
  rule_reporter = MakeRuleReporter(config, parts);
  live_rules = std::make_unique<LiveRules>(
      LiveRulesOptions{
          .history_directory = RuleHistoryDirectory(state_dir, config.group, config.instance),
          .instance = config.instance,
          .group = config.group,
          .limits = config.limits.rules,
          .is_remote = IsRemote(config)},
      LiveRulesParts{.origin = rule_origin.get(),
                     .control = rules.get(),
                     .feed = &feed,
                     .board = board.get(),
                     .metrics = metrics.get(),
                     .reporter = rule_reporter.get(),
                     .clock = &clock,
                     .wake = [this] { WakeControl(); }});
  return live_rules->Start();
}

AdminAnswer Process::Impl::HealthAnswer(const Health& health) const {
  return {health.ok ? 200 : 503, "application/json", HealthJson(health)};
}

StateServiceStats Process::Impl::StateStats() const {
  StateServiceStats states = source_hop.states->Stats();
  states += rekey_hop.states->Stats();
  return states;
}

PipelineView Process::Impl::View() const {
  board->SetStates(StateStats());
  if (tables != nullptr) board->SetTables(tables->Status());
  if (schemas != nullptr) board->SetSchemas(schemas->status());
  return board->View();
}

std::string Process::Impl::StatusText() const { return runtime::StatusJson(View()); }

std::string Process::Impl::MetricsText() const {
  metrics->OnStates(StateStats(), state_resources->memory_bytes());
  if (tables != nullptr) metrics->OnTables(tables->Status());
  if (schemas != nullptr) metrics->OnSchemas(schemas->status());
  metrics->OnReady(Ready().ok);
  return metrics->Text();
}

void Process::Impl::MakeExplainPage() {
  ExplainPageOptions page;
  page.source_topic = config.topic;
  page.client = ClientOptions("explain");
  page.client.events = {};  // its answers tell
  page.provenance_headers = config.provenance_headers;
  page.schemas = schemas.get();
  explain = std::make_unique<ExplainPage>(std::move(page), &feed, tables.get(), &visits);
}

absl::Status Process::Impl::StartAdminServer() {
  MakeExplainPage();
  AdminServerOptions listen;
  listen.listen = config.listen;
  listen.token_file = config.admin_token_file;
  listen.certificate_file = config.admin_certificate_file;
  listen.key_file = config.admin_key_file;
  auto started = AdminServer::Start(std::move(listen), Pages());
  if (!started.ok()) return started.status();
  server = *std::move(started);
  return absl::OkStatus();
}

absl::Status Process::Impl::StartPulse() {
  if (PulseUrl(config).empty()) return absl::OkStatus();
  RouterPulseParts parts;
  parts.pulse = [this](std::string_view sample) {
    return PulseJson(View(), metrics->traffic(),
                     {.is_ready = Ready().ok,
                      .shows_samples = config.rules_from.shows_samples,
                      .sample = sample});
  };
  parts.send = MakePulseSend(config);
  if (config.rules_from.shows_samples) {
    parts.sample = [this](size_t events) { return SampleEvents(events); };
  }
  pulse = std::make_unique<RouterPulse>(std::move(parts));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Process::Impl::SampleEvents(size_t events) {
  connectors::KafkaClientOptions client = ClientOptions("sample");
  client.events = {};  // its answers tell
  auto sample = ReadSample(client, config.topic, events, kSampleWithin);
  if (!sample.ok()) return sample.status();
  for (ExplainedEvent& event : *sample) event.Decode(schemas.get(), kSampleSchemaWithin);
  return SampleJson(*sample, EventMask(config.rules_from.sample_mask));
}

std::vector<AdminPage> Process::Impl::Pages() {
  std::vector<AdminPage> pages = {
      {.path = "/metrics",
       .answer =
           [this] {
             return AdminAnswer{200, "text/plain; version=0.0.4", MetricsText()};
           },
       .access = AdminAccess::kAll},
      {.path = "/healthz",
       .answer = [this] { return HealthAnswer(board->Alive()); },
       .access = AdminAccess::kAll},
      {.path = "/readyz",
       .answer = [this] { return HealthAnswer(Ready()); },
       .access = AdminAccess::kAll},
      {"/v1/status", [this] { return AdminAnswer{.body = StatusText()}; }},
      {"/v1/traffic",
       [this] { return AdminAnswer{.body = TrafficJson(metrics->traffic(), clock.TimeOfDay())}; }},
      {"/v1/rules", [this] { return AdminAnswer{.body = RulesPageJson(board->View())}; }},
      {.path = "/v1/rules/rollback",
       .post = [this](const std::string& body) { return RollBackAnswer(*live_rules, body); },
       .access = AdminAccess::kChanges},
      {.path = "/v1/rules/resume",
       .post = [this](const std::string&) { return ResumeAnswer(*live_rules); },
       .access = AdminAccess::kChanges},
      {.path = "/v1/explain",
       .post = [this](const std::string& body) { return explain->Answer(body); },
       .access = AdminAccess::kShows}};
  for (const PageFile& file : StatusPage()) {
    pages.push_back(
        {file.path, [file] {
           return AdminAnswer{200, std::string(file.content_type), std::string(file.body)};
         }});
  }
  return pages;
}

// The control thread: brokers, topics and rules first, then the workers, then rules that change and
// whoever stands aside.
void Process::Impl::Control() {
  absl::Duration backoff = kLookBackoffMin;
  absl::Time look_at = absl::InfinitePast();
  while (!stopping) {
    const absl::Time begun = clock.Now();
    if (live_rules->Look()) look_at = absl::InfinitePast();
    const absl::Duration took = clock.Now() - begun;
    if (live_rules->has_rules() && clock.Now() >= look_at) {
      absl::Status looked = LookAtParkingTopic();
      looked = looked.ok() ? rules->Look() : rules->NoAnswer(looked);
      if (looked.ok()) observer->OnBrokers("admin", true, "");
      const bool has_tables = tables == nullptr || tables->WaitingFor().empty();
      if (rules->ready() && has_tables && workers.empty()) {
        LookAtParkingTopic().IgnoreError();
        StartWorkers();
      }
      if (rules->rekeys() && workers.size() == static_cast<size_t>(config.workers)) StartWorkers();
      if (rules->ready() && !has_tables && workers.empty()) {
        look_at = clock.Now() + kLookBackoffMin;
      } else if (rules->ready() && !rules->teams_stand_aside()) {
        look_at = absl::InfiniteFuture();
      } else {
        look_at = clock.Now() + (rules->ready() ? config.limits.destination_recheck : backoff);
        backoff = std::min(backoff * 2, kLookBackoffMax);
      }
    }
    live_rules->Settle();
    feed.Reclaim();
    const absl::Duration until_look =
        live_rules->has_rules() ? look_at - clock.Now() : kRuleNewsEvery;
    WaitForWork(std::min({until_look, LookAtTopics(), BetweenRules(took)}));
  }
  // Their threads may be waiting for others: they end while the workers do.
  pulse.reset();
  rule_reporter.reset();
  rule_origin.reset();
}

// Until rules are looked at again. An origin that is asked over the network wakes us; files are
// looked at in a twentieth of the time at most.
absl::Duration Process::Impl::BetweenRules(absl::Duration look_took) const {
  const absl::Duration recheck = config.limits.rules_recheck;
  if (IsRemote(config)) return kRuleNewsEvery;
  if (recheck == absl::ZeroDuration()) return absl::InfiniteDuration();
  return std::max(recheck, std::min(look_took * (kLookShare - 1), kRuleNewsEvery));
}

// Where no rule needs the re-key topic, there may come to be one for what is put back; and the
// source may get more partitions. Answers how long to wait until the next look.
absl::Duration Process::Impl::LookAtTopics() {
  if (workers.size() != static_cast<size_t>(config.workers)) return absl::InfiniteDuration();
  if (clock.Now() >= topics_look_at) {
    rules->LookAtTopics();
    if (rules->rekeys()) StartWorkers();
    topics_look_at = clock.Now() + config.limits.destination_recheck;
  }
  return topics_look_at - clock.Now();
}

// Once. Workers, and teams whose destinations are ill, do without it where it can't be had.
absl::Status Process::Impl::LookAtParkingTopic() {
  if (!parks || has_looked_at_parking_topic) return absl::OkStatus();
  const absl::StatusOr<std::string> obstacle = EnsureParkingTopic(
      config.parking_topic, config.topic, NewTopicOf(config.create_topics), admin);
  if (absl::IsNotFound(obstacle.status())) return absl::OkStatus();
  if (!obstacle.ok()) return obstacle.status();
  has_looked_at_parking_topic = true;
  if (obstacle->empty()) {
    rules->UseParking();
  } else {
    LogWarning("parking_topic", *obstacle, {{"topic", config.parking_topic}});
  }
  return absl::OkStatus();
}

// Asks the brokers what workers want to know, so that they need not wait for it.
void Process::Impl::Probe() {
  while (!stopping) {
    for (const auto& one : probes) one->Work(admin, kProbesTimeout);
    clock.Sleep(kProbesTurn);
  }
}

// Those of the source, then those of what was re-keyed.
void Process::Impl::StartWorkers() {
  const int begun = static_cast<int>(workers.size());
  for (int i = begun; i < begun + config.workers; ++i) {
    workers.emplace_back([this, i] { RunWorker(i); });
  }
}

const Hop& Process::Impl::HopOf(int worker) const {
  return worker < config.workers ? source_hop : rekey_hop;
}

void Process::Impl::WaitForWork(absl::Duration at_most) {
  absl::MutexLock lock(&mu);
  connectors::AwaitSteadily(&mu, absl::Condition(&has_work), at_most);
  has_work = stopping;
}

void Process::Impl::RunWorker(int index) {
  while (!stopping) {
    const absl::Status ended = RunWorkerOnce(index);
    if (!ended.ok()) Fail(ended);
  }
  board->OnEnd(index);
}

absl::Status Process::Impl::RunWorkerOnce(int index) {
  const Hop& hop = HopOf(index);
  const int64_t batch_bytes_max = rules->batch_bytes_max();
  auto source = connectors::MakeKafkaSource(SourceOptions(index));
  if (!source.ok()) return source.status();
  auto sink = connectors::MakeChosenSink(
      SinkOptions(index, batch_bytes_max), config.sink,
      [this](connectors::SinkKind kind, const std::string& why) { TellSink(kind, why); });
  if (!sink.ok()) return sink.status();

  DestinationOptions destination_options;
  destination_options.create = CreatesTopics();
  destination_options.new_topic = NewTopicOf(config.create_topics);
  destination_options.recheck = config.limits.destination_recheck;
  destination_options.bulkhead.probe_after_max = config.limits.destination_recheck;
  std::unique_ptr<connectors::PartitionReader> parked;
  if (parks) {
    destination_options.probes = probes[static_cast<size_t>(index)].get();
    connectors::KafkaClientOptions client =
        ClientOptions(absl::StrCat(hop.id, index % config.workers, "-parked"));
    client.events.on_brokers = nullptr;  // it rests for long; the sources tell
    parked = connectors::MakeKafkaPartitionReader(client, config.parking_topic);
  }
  Destinations destinations(std::move(destination_options), admin, &clock);

  WorkerOptions worker_options;
  worker_options.index = index;
  worker_options.delivery = config.delivery;
  worker_options.source_topic = hop.topic;
  worker_options.is_rekeyed = hop.is_rekeyed;
  worker_options.rekey_topic = config.rekey_topic;
  worker_options.ingestion_topic = config.topic;
  worker_options.dead_letter_topic = config.dead_letter_topic;
  if (tables != nullptr || parks) worker_options.parking_topic = config.parking_topic;
  worker_options.group = hop.group;
  worker_options.parked = parked.get();
  worker_options.team_bytes_per_second_max =
      config.limits.team_bytes_per_second_max / config.workers;
  worker_options.tables = tables.get();
  worker_options.provenance_headers = config.provenance_headers;
  worker_options.transaction_time_max = config.limits.transaction_timeout / kTransactionShare;
  if (!hop.is_rekeyed) worker_options.visits = &visits;
  worker_options.event_tries_max = config.limits.event_tries_max;
  worker_options.careful_turn = &careful_turn;
  worker_options.stopping = &stopping;
  worker_options.schemas = schemas.get();
  worker_options.replays_wait_for_schemas = !config.state.go_on_after_gap;
  const std::unique_ptr<StateKeeper> keeper = hop.states->KeeperFor(index);
  Worker worker(std::move(worker_options), source->get(), sink->get(), keeper.get(), &destinations,
                &feed, observer.get(), &clock);
  // A team that came back may have a destination that takes smaller batches than the sink was told.
  while (!stopping && rules->batch_bytes_max() == batch_bytes_max) {
    worker.Step();
    board->OnTurn(index);
  }
  worker.Close(CloseTimeout());
  return absl::OkStatus();
}

// What is left of the time that a stop may take.
absl::Duration Process::Impl::CloseTimeout() const {
  const int64_t requested_ns = stop_requested_ns;
  if (requested_ns == 0) return config.limits.shutdown_timeout;
  const absl::Time deadline = absl::FromUnixNanos(requested_ns) + config.limits.shutdown_timeout;
  return std::max(deadline - connectors::SteadyNow(), kCloseTimeoutMin);
}

void Process::Impl::Fail(const absl::Status& why) {
  LogError("failed", absl::StrCat("this process can't go on: ", why.message()));
  {
    absl::MutexLock lock(&mu);
    failure.Update(why);
  }
  RequestStop();
}

void Process::Impl::RequestStop() {
  if (stopping.exchange(true)) return;
  stop_requested_ns = absl::ToUnixNanos(connectors::SteadyNow());
  if (board != nullptr) board->SetStopping();
  LogInfo("stopping", "finishing the batch, committing, leaving the group");
  clock.Stop();
  WakeControl();
}

void Process::Impl::WakeControl() {
  absl::MutexLock lock(&mu);
  has_work = true;
}

Process::Process(ProcessOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Process::~Process() {
  if (!impl_->control.joinable()) return;
  RequestStop();
  Wait().IgnoreError();
}

absl::Status Process::Start() { return impl_->Start(); }

absl::Status Process::Wait() {
  // It ends at once when all is to stop; the control thread may have to be cut short.
  if (impl_->prober.joinable()) impl_->prober.join();
  if (impl_->control.joinable()) impl_->control.join();
  // The control thread has ended: nobody adds workers any more.
  for (std::thread& worker : impl_->workers) {
    if (worker.joinable()) worker.join();
  }
  absl::MutexLock lock(&impl_->mu);
  return impl_->failure;
}

void Process::RequestReload() { impl_->WakeControl(); }

void Process::RequestStop() { impl_->RequestStop(); }

std::string Process::address() const { return impl_->server->address(); }

std::string Process::bootstrap_servers() const { return impl_->bootstrap_servers; }

bool Process::IsReady() const { return impl_->Ready().ok; }

std::string Process::MetricsText() const { return impl_->MetricsText(); }

std::string Process::StatusJson() const { return impl_->StatusText(); }

}  // namespace turnout::runtime
