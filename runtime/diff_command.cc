#include "runtime/diff_command.h"

#include <cstdio>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "connectors/kafka_topic_admin.h"
#include "connectors/topic_range_reader.h"
#include "runtime/command_client.h"
#include "runtime/config.h"
#include "runtime/diff_report.h"
#include "runtime/exit_status.h"
#include "runtime/line_reader.h"
#include "runtime/load_config.h"
#include "runtime/log.h"
#include "runtime/rule_diff.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_trial.h"
#include "runtime/schema_registry.h"
#include "runtime/temporary_directory.h"
#include "runtime/topic_range.h"
#include "state/state_resources.h"

namespace turnout::runtime {
namespace {

constexpr int kExitDiffers = 1;

constexpr absl::Duration kAskTimeout = absl::Seconds(10);
constexpr absl::Duration kPollWait = absl::Milliseconds(100);
// Without any event in a range that has some, brokers are away.
constexpr absl::Duration kPatience = absl::Seconds(30);

// False: no more of them are wanted.
using OnEvent = absl::FunctionRef<absl::StatusOr<bool>(std::string_view position,
                                                       const connectors::Event& event)>;

absl::StatusOr<std::shared_ptr<const router::RuleSet>> BuildRules(const std::string& path,
                                                                  const Config& config) {
  LoadedRules loaded = LoadRules({path}, config.limits.rules);
  if (!loaded.refused.empty()) return absl::InvalidArgumentError(FormatRefused(loaded));
  return router::RuleSet::Build(std::move(loaded.teams), config.time);
}

// Lines have no time of their own: each is a millisecond after the one before.
absl::Status ReadFile(const std::string& path, OnEvent on_event) {
  auto lines = LineReader::Open(path, LineReader::Format::kMaybeGzip, stdin);
  if (!lines.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " cannot be read: ", lines.status().message()));
  }
  connectors::Event event;
  int64_t number = 0;
  for (std::string_view line; (*lines)->Next(&line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    event.offset = number - 1;
    event.timestamp_ms = number;
    event.value = line;
    const auto goes_on = on_event(absl::StrCat(path, ":", number), event);
    if (!goes_on.ok()) return goes_on.status();
    if (!*goes_on) return absl::OkStatus();
  }
  return (*lines)->status();
}

// The part of the source that is asked for; of its tail, without an end.
absl::StatusOr<connectors::OffsetRanges> AskedRange(const Config& config,
                                                    const DiffOptions& options,
                                                    const connectors::KafkaClientOptions& client,
                                                    connectors::TopicRangeReader& reader) {
  const absl::Time now = absl::Now();
  const bool is_tail = options.since.empty();
  const auto from = ParseRangeBound(is_tail ? "now" : options.since, now);
  if (!from.ok()) return from.status();
  const auto to = ParseRangeBound(options.until.empty() ? "now" : options.until, now);
  if (!to.ok()) return to.status();
  auto admin = connectors::MakeKafkaTopicAdmin(client);
  if (!admin.ok()) return admin.status();
  const auto described = (*admin)->Describe({config.topic}, /*may_write=*/false, kAskTimeout);
  if (!described.ok()) return described.status();
  auto ranges = FindRange(*from, *to, {}, described->front(), reader, now);
  if (!ranges.ok()) return NamingSetting(ranges.status(), "source.topic");
  if (!is_tail) return ranges;
  for (auto& [partition, range] : *ranges) range.end = std::numeric_limits<int64_t>::max();
  return ranges;
}

absl::Status ReadSource(const Config& config, const DiffOptions& options, OnEvent on_event) {
  connectors::TopicRangeOptions range;
  const auto client = MakeCommandClient(config, "diff", stderr);
  if (!client.ok()) return client.status();
  range.client = client->options;
  range.topic = config.topic;
  auto reader = connectors::TopicRangeReader::Make(range);
  if (!reader.ok()) return reader.status();
  const auto ranges = AskedRange(config, options, range.client, **reader);
  if (!ranges.ok()) return ranges.status();
  if (absl::Status started = (*reader)->Start(*ranges); !started.ok()) return started;
  const absl::Time until = options.tail ? absl::Now() + *options.tail : absl::InfiniteFuture();
  absl::Time last_event = absl::Now();
  while (!(*reader)->done() && absl::Now() < until) {
    const auto events = (*reader)->Poll(kPollWait);
    if (!events.ok()) return events.status();
    if (!events->empty()) last_event = absl::Now();
    for (const connectors::Event& event : *events) {
      const auto goes_on =
          on_event(absl::StrCat(config.topic, "/", event.partition, "/", event.offset), event);
      if (!goes_on.ok()) return goes_on.status();
      if (!*goes_on) return absl::OkStatus();
    }
    if (!options.since.empty() && absl::Now() - last_event > kPatience) {
      return absl::UnavailableError(absl::StrCat("no event of ", config.topic, " has come for ",
                                                 absl::FormatDuration(kPatience)));
    }
  }
  return absl::OkStatus();
}

struct Compared {
  RuleDiff diff;
  DiffFacts facts;
};

absl::StatusOr<Compared> Compare(const Config& config, const DiffOptions& options) {
  auto old_rules = BuildRules(options.from, config);
  if (!old_rules.ok()) return old_rules.status();
  auto new_rules = BuildRules(options.to, config);
  if (!new_rules.ok()) return new_rules.status();
  Compared compared = {RuleDiff(options.samples_max),
                       {.old_hash = (*old_rules)->hash(),
                        .new_hash = (*new_rules)->hash(),
                        .keeps_state = (*old_rules)->keeps_state() || (*new_rules)->keeps_state()}};
  TemporaryDirectory directory;
  if (directory.path().empty()) {
    return absl::UnavailableError("no directory can be made below TMPDIR (see that it is there)");
  }
  state::StateResources resources{state::StateLimits()};
  const auto schemas = MakeSchemaRegistry(config.has_schemas, config.schemas);
  RuleTrial old_trial(*std::move(old_rules), directory.path() + "/old", &resources, schemas.get());
  RuleTrial new_trial(*std::move(new_rules), directory.path() + "/new", &resources, schemas.get());
  std::vector<TrialOutput> old_outputs;
  std::vector<TrialOutput> new_outputs;
  const auto compare = [&](std::string_view position,
                           const connectors::Event& event) -> absl::StatusOr<bool> {
    for (const auto& [trial, outputs] :
         {std::pair(&old_trial, &old_outputs), std::pair(&new_trial, &new_outputs)}) {
      absl::Status applied = trial->Apply(event, config.topic, outputs);
      if (!applied.ok()) return applied;
    }
    compared.facts.unreadable_events += old_trial.is_unreadable() || new_trial.is_unreadable();
    compared.diff.Add(position, new_trial.payload(), old_outputs, new_outputs);
    const uint64_t events = compared.diff.events();
    return options.events_max == 0 || events < static_cast<uint64_t>(options.events_max);
  };
  const absl::Status read = options.events_path.empty() ? ReadSource(config, options, compare)
                                                        : ReadFile(options.events_path, compare);
  if (!read.ok()) return read;
  return compared;
}

}  // namespace

int RunDiff(const DiffOptions& options) {
  Config config;
  if (!options.config_path.empty()) {
    std::optional<LoadedConfig> loaded =
        LoadConfig(options.config_path, {.values = options.overrides});
    if (!loaded) return kExitRefused;
    config = std::move(loaded->config);
  }
  const absl::StatusOr<Compared> compared = Compare(config, options);
  if (!compared.ok()) {
    const absl::string_view why = compared.status().message();
    std::fprintf(stderr, "turnout diff: %s\n", WithoutSecrets({why.data(), why.size()}).c_str());
    return kExitRefused;
  }
  const std::string text = options.json ? DiffJson(compared->diff, compared->facts)
                                        : DiffTable(compared->diff, compared->facts);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (compared->diff.events() == 0) {
    std::fputs("turnout diff: no event was compared, so whether they differ is not known\n",
               stderr);
    return kExitRefused;
  }
  return compared->diff.differs() ? kExitDiffers : kExitOk;
}

}  // namespace turnout::runtime
