#include "runtime/explain_command.h"

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "router/explainer.h"
#include "runtime/command_client.h"
#include "runtime/config_parts.h"
#include "runtime/event_lookup.h"
#include "runtime/exit_status.h"
#include "runtime/explain_json.h"
#include "runtime/explain_text.h"
#include "runtime/line_reader.h"
#include "runtime/load_config.h"
#include "runtime/log.h"
#include "runtime/real_time.h"
#include "runtime/record_headers.h"
#include "runtime/remote_rules.h"
#include "runtime/replay_rule.h"
#include "runtime/rule_archive.h"
#include "runtime/rule_document.h"
#include "runtime/rule_history.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_origins.h"
#include "runtime/schema_registry.h"
#include "state/checkpoint_location.h"
#include "state/stored_state.h"

namespace turnout::runtime {
namespace {

// Somebody waits at a terminal.
constexpr absl::Duration kReadWithin = absl::Seconds(15);

using Rules = std::shared_ptr<const router::RuleSet>;

class ExplainCommand {
 public:
  ExplainCommand(const ExplainCommandOptions& options, const CommandStreams& streams)
      : options_(options), streams_(streams) {}

  int Run();

 private:
  bool Load();
  bool LoadRemote();
  absl::StatusOr<RemoteRules> Take();
  bool Build(std::vector<router::Team> teams, const router::StateSettings& settings,
             const std::string& origin);
  bool OpenState();
  bool HasRule(const std::string& origin) const;
  int ExplainLines();
  int ExplainAt();
  int ExplainOutput();
  absl::StatusOr<const connectors::KafkaClientOptions*> Client();
  absl::StatusOr<ExplainedEvent> Find(const RecordPosition& position);
  Rules RulesOf(const ExplainedEvent& output, std::vector<std::string>* notes) const;
  Rules KeptRules(const std::string& hash, std::vector<std::string>* notes) const;
  int Explain(const Rules& rules, ExplainedEvent event, std::vector<std::string> notes);
  std::string StateNote() const;
  int Complain(std::string_view what, int status) const;
  void Write(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), streams_.out);
  }

  const ExplainCommandOptions& options_;
  const CommandStreams& streams_;
  std::optional<LoadedConfig> config_;       // none: there is no --config
  std::optional<CommandClient> client_;      // none: none was needed yet
  std::unique_ptr<SchemaRegistry> schemas_;  // null: values are JSON
  Rules rules_;
  std::unique_ptr<state::StoredState> state_;  // null: none is at hand
  // Of the rules that were explained last: a file has many events.
  std::unique_ptr<router::Explainer> explainer_;
};

int ExplainCommand::Complain(std::string_view what, int status) const {
  const std::string line =
      absl::StrCat("turnout explain: ", WithoutSecrets(std::string(what)), "\n");
  std::fwrite(line.data(), 1, line.size(), streams_.err);
  return status;
}

std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// False once somebody has been told why.
bool ExplainCommand::Load() {
  router::RuleLimits limits;
  // Where nobody says what the source is partitioned by, no step is asked elsewhere.
  router::StateSettings settings = {.partitioned_by = std::string(router::kOnePartition)};
  std::string path = options_.rules;
  if (!options_.config_path.empty()) {
    config_ = LoadConfig(options_.config_path, {.values = options_.overrides});
    if (config_)
      schemas_ = MakeSchemaRegistry(config_->config.has_schemas, config_->config.schemas);
    if (!config_) return false;
    limits = config_->config.limits.rules;
    if (path.empty() && IsRemote(config_->config)) return LoadRemote();
    settings = config_->config.time;
    if (path.empty()) path = config_->config.rules;
  }
  LoadedRules loaded = LoadRules({path}, limits, streams_.in);
  if (!loaded.refused.empty()) {
    const std::string problems = FormatRefused(loaded);
    std::fwrite(problems.data(), 1, problems.size(), streams_.err);
    return false;
  }
  return Build(std::move(loaded.teams), settings, path);
}

// These too: false once somebody has been told why.
bool ExplainCommand::LoadRemote() {
  absl::StatusOr<RemoteRules> rules = Take();
  if (!rules.ok()) {
    Complain(MessageOf(rules.status()), kExitRefused);
    return false;
  }
  for (const std::string& note : rules->notes) Complain(note, kExitOk);
  return Build(std::move(rules->teams), config_->config.time, PlainUrl(config_->config.rules));
}

absl::StatusOr<RemoteRules> ExplainCommand::Take() {
  const auto client = Client();
  if (!client.ok()) return client.status();
  return TakeRemoteRules(config_->config, **client, kReadWithin,
                         "name rule files with --rules PATH");
}

bool ExplainCommand::Build(std::vector<router::Team> teams, const router::StateSettings& settings,
                           const std::string& origin) {
  rules_ = router::RuleSet::Build(std::move(teams), settings);
  return OpenState() && HasRule(origin);
}

bool ExplainCommand::OpenState() {
  if (options_.state.empty()) return true;
  absl::StatusOr<std::unique_ptr<state::StoredState>> opened =
      state::StoredState::Open(options_.state);
  if (!opened.ok()) {
    Complain(absl::StrCat("--state: ", opened.status().message()), kExitRefused);
    return false;
  }
  state_ = *std::move(opened);
  return true;
}

bool ExplainCommand::HasRule(const std::string& origin) const {
  if (options_.rule.empty()) return true;
  for (const router::RuleInfo& rule : rules_->rules()) {
    if (rule.id == options_.rule) return true;
  }
  Complain(absl::StrCat("--rule ", options_.rule, ": there is no such rule in ", origin),
           kExitRefused);
  return false;
}

int ExplainCommand::Run() {
  if (!Load()) return kExitRefused;
  if (!options_.at.empty()) return ExplainAt();
  if (!options_.output.empty()) return ExplainOutput();
  return ExplainLines();
}

int ExplainCommand::Explain(const Rules& rules, ExplainedEvent event,
                            std::vector<std::string> notes) {
  if (explainer_ == nullptr || &explainer_->rules() != rules.get()) {
    explainer_ = std::make_unique<router::Explainer>(
        rules, nullptr, router::ExplainOptions{.only_rule = options_.rule});
  }
  ExplainFrame frame{.event = std::move(event), .notes = std::move(notes)};
  if (config_) frame.provenance_headers = config_->config.provenance_headers;
  frame.event.Decode(schemas_.get(), kReadWithin);
  std::vector<router::Header> headers;
  const router::Explanation explanation =
      explainer_->Explain(frame.event.View(&headers), state_.get());
  if (explanation.keeps_state) frame.notes.push_back(StateNote());
  if (!rules->tables().empty()) {
    frame.notes.push_back(
        "no tables are at hand: matches that are to be enriched are shown as parked");
  }
  Write(options_.json ? ExplanationJson(frame, explanation) + "\n"
                      : ExplanationText(frame, explanation));
  return kExitOk;
}

std::string ExplainCommand::StateNote() const {
  if (state_ == nullptr) {
    return "no state is at hand: steps say what they would if they remembered nothing (see "
           "--state, and POST /v1/explain of a running router)";
  }
  return absl::StrCat("steps say what they would if the event came next, after offset ",
                      state_->point().applied_offset - 1, ", which is as far as ", options_.state,
                      " has come");
}

int ExplainCommand::ExplainLines() {
  auto lines = LineReader::Open(options_.events, LineReader::Format::kPlain, streams_.in);
  if (!lines.ok()) return Complain(MessageOf(lines.status()), kExitFailed);
  (*lines)->set_before_read([this] { std::fflush(streams_.out); });
  const std::string topic = config_ ? config_->config.topic : "";
  int number = 0;
  for (std::string_view line; (*lines)->Next(&line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    absl::StatusOr<ExplainedEvent> event =
        options_.records ? EventOfJson(line, topic) : EventOfPayload(line, topic);
    if (!event.ok()) {
      return Complain(absl::StrCat("line ", number, ": ", event.status().message()), kExitRefused);
    }
    if (!options_.json && number > 1) Write("\n");
    Explain(rules_, *std::move(event), {});
  }
  if ((*lines)->status().ok()) return kExitOk;
  return Complain(MessageOf((*lines)->status()), kExitFailed);
}

absl::StatusOr<const connectors::KafkaClientOptions*> ExplainCommand::Client() {
  if (!client_) {
    auto made = MakeCommandClient(config_->config, "explain", streams_.err);
    if (!made.ok()) return made.status();
    client_ = *std::move(made);
    client_->options.client_id = "turnout-explain";
  }
  return &client_->options;
}

absl::StatusOr<ExplainedEvent> ExplainCommand::Find(const RecordPosition& position) {
  const auto client = Client();
  if (!client.ok()) return client.status();
  return FindRecord(**client, position, kReadWithin);
}

int ExplainCommand::ExplainAt() {
  const auto position = ParsePosition(options_.at, ':', config_->config.topic);
  if (!position || position->topic != config_->config.topic) {
    return Complain(absl::StrCat("--at ", options_.at, ": write PARTITION:OFFSET of the source"),
                    kExitRefused);
  }
  absl::StatusOr<ExplainedEvent> event = Find(*position);
  if (!event.ok()) return Complain(MessageOf(event.status()), kExitFailed);
  return Explain(rules_, *std::move(event), {});
}

// An output's provenance leads to its event and names its rule set.
int ExplainCommand::ExplainOutput() {
  const auto position = ParsePosition(options_.output, ':');
  if (!position) {
    return Complain(absl::StrCat("--output ", options_.output, ": write TOPIC:PARTITION:OFFSET"),
                    kExitRefused);
  }
  const absl::StatusOr<ExplainedEvent> output = Find(*position);
  if (!output.ok()) return Complain(MessageOf(output.status()), kExitFailed);
  const auto source = ParsePosition(output->Header(kSourceHeader).value_or(""), '/');
  if (!source) {
    return Complain(absl::StrCat(output->Position(), " has no header ", std::string(kSourceHeader),
                                 " that says of which event it is (see provenance_headers)"),
                    kExitFailed);
  }
  absl::StatusOr<ExplainedEvent> event = Find(*source);
  if (!event.ok()) return Complain(MessageOf(event.status()), kExitFailed);
  std::vector<std::string> notes = {absl::StrCat(output->Position(), " is of this event, by ",
                                                 output->Header(kRulesHeader).value_or("no rule"),
                                                 " of rule set ",
                                                 output->Header(kRuleSetHeader).value_or("?"))};
  if (const auto error = output->Header(kErrorHeader)) {
    notes.push_back(absl::StrCat("it is a dead letter: ", *error, ": ",
                                 output->Header(kReasonHeader).value_or("")));
  }
  const Rules rules = RulesOf(*output, &notes);
  return Explain(rules, *std::move(event), std::move(notes));
}

// Those that sent it, as far as they are known.
Rules ExplainCommand::RulesOf(const ExplainedEvent& output, std::vector<std::string>* notes) const {
  const std::string hash = output.Header(kRuleSetHeader).value_or("");
  const auto job = output.Header(kReplayHeader);
  if (!job) return KeptRules(hash, notes);
  notes->push_back(absl::StrCat("it was sent by the replay job ", *job));
  if (Rules replayed = ReplayRuleOf(output, *rules_)) return replayed;
  notes->push_back(
      "the rule that was replayed is not at hand: what follows is what the rules at hand say");
  return rules_;
}

// The rule set of that hash, if it is at hand or kept, here or in the checkpoint store; else the
// one at hand, and a note that it differs.
Rules ExplainCommand::KeptRules(const std::string& hash, std::vector<std::string>* notes) const {
  if (hash == rules_->hash()) return rules_;
  const Config& config = config_->config;
  RuleHistory history(RuleHistoryDirectory(config.state_dir, config.group, config.instance),
                      /*origin=*/"");
  if (absl::StatusOr<Rules> in_force = history.Find(hash); in_force.ok()) {
    notes->push_back(absl::StrCat("rule set ", hash, " is explained as this machine has kept it"));
    return *std::move(in_force);
  }
  const auto store = state::MakeCheckpointStore(config.checkpoints.store, config.checkpoints.s3,
                                                RealTimeAndChance());
  absl::StatusOr<Rules> kept = absl::NotFoundError("");
  if (store.ok()) kept = RuleArchive(store->get(), config.group).Find(hash);
  if (!kept.ok() || (*kept)->rules().empty()) {
    notes->push_back(absl::StrCat("the rules at hand are another set, ", rules_->hash(),
                                  ": what follows is what they say"));
    return rules_;
  }
  notes->push_back(absl::StrCat("rule set ", hash,
                                " is explained as the checkpoint store keeps "
                                "it: of teams whose rules remember, and no others"));
  return *kept;
}

}  // namespace

int RunExplain(const ExplainCommandOptions& options, const CommandStreams& streams) {
  return ExplainCommand(options, streams).Run();
}

}  // namespace turnout::runtime
