#include "runtime/replay_brokers.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "connectors/kafka_topic_admin.h"
#include "runtime/log.h"
#include "runtime/new_topic.h"
#include "runtime/preflight.h"

namespace turnout::runtime {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(5);
constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kAskAgainAfter = absl::Milliseconds(200);
constexpr absl::Duration kLookAtLiveEvery = absl::Milliseconds(500);
// Once live traffic has the rule elsewhere, a partition without an event is taken to have it after
// so long: every router looks for its rules much more often.
constexpr absl::Duration kIdlePatience = absl::Seconds(10);

}  // namespace

connectors::KafkaClientOptions ReplayBrokers::Client(const std::string& name) const {
  connectors::KafkaClientOptions client = client_.options;
  absl::StrAppend(&client.client_id, "-", names_->job, "-", name);
  client.events.on_log = [](int level, const std::string& id, const std::string& message) {
    constexpr int kWarning = 4;
    const auto log = level <= kWarning ? LogWarning : LogDebug;
    log("kafka_client", message, {{"client", id}});
  };
  return client;
}

absl::Status ReplayBrokers::Connect() {
  auto client = MakeCommandClient(*config_, "replay", stderr);
  if (!client.ok()) return client.status();
  client_ = *std::move(client);
  auto admin = connectors::MakeKafkaTopicAdmin(Client("admin"));
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  connectors::TopicRangeOptions range;
  range.client = Client("range");
  range.topic = config_->topic;
  auto reader = connectors::TopicRangeReader::Make(range);
  if (!reader.ok()) return reader.status();
  reader_ = *std::move(reader);
  auto offsets = connectors::GroupOffsets::Make(
      {.client = Client("offsets"), .group = names_->group, .topic = config_->topic});
  if (!offsets.ok()) return offsets.status();
  offsets_ = *std::move(offsets);
  // One of its transactions is always open.
  auto live = connectors::GroupOffsets::Make({.client = Client("live"),
                                              .group = config_->group,
                                              .topic = config_->topic,
                                              .waits_for_open_transactions = false});
  if (!live.ok()) return live.status();
  live_offsets_ = *std::move(live);
  return absl::OkStatus();
}

absl::Status ReplayBrokers::Patiently(absl::FunctionRef<absl::Status()> call) const {
  const absl::Time until = clock_->Now() + kPatience;
  while (true) {
    absl::Status status = call();
    if (!absl::IsUnavailable(status) || *stopping_ || clock_->Now() >= until) return status;
    clock_->Sleep(kAskAgainAfter);
  }
}

absl::Status ReplayBrokers::CheckTopics(const std::shared_ptr<const router::RuleSet>& rules) {
  PreflightOptions preflight;
  preflight.source_topic = config_->topic;
  preflight.dead_letter_topic = config_->dead_letter_topic;
  if (!rules->tables().empty()) preflight.parking_topic = config_->parking_topic;
  preflight.create = config_->create_topics.enabled;
  preflight.new_topic = NewTopicOf(config_->create_topics);
  preflight.settings = config_->time;
  absl::StatusOr<PreflightDecision> decision;
  absl::Status asked = Patiently([&] {
    decision = RunPreflight(preflight, rules->teams(), admin_.get(), clock_);
    return decision.status();
  });
  if (!asked.ok()) return asked;
  std::vector<std::string> problems = decision->waiting_for;
  for (const TeamAside& aside : decision->aside) {
    problems.push_back(
        absl::StrCat("destination ", aside.topic, ": ", aside.reason, " (", aside.cure, ")"));
  }
  if (!problems.empty()) return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
  batch_bytes_max_ = decision->batch_bytes_max;
  return FindSource();
}

absl::Status ReplayBrokers::FindSource() {
  return Patiently([&] {
    const auto described = admin_->Describe({config_->topic}, /*may_write=*/false, kAskTimeout);
    if (described.ok()) source_ = described->front();
    return described.status();
  });
}

absl::StatusOr<connectors::OffsetRanges> ReplayBrokers::FindRange(const RangeBound& from,
                                                                  const RangeBound& to,
                                                                  ReachInRuleSet reach_in) {
  const absl::Time now = clock_->Now();
  std::map<int32_t, int64_t> live_from;
  if (to.kind == RangeBound::Kind::kLive) {
    auto waited = WaitForLive(reach_in);
    if (!waited.ok()) return waited.status();
    live_from = *std::move(waited);
  }
  absl::StatusOr<connectors::OffsetRanges> found;
  const absl::Status asked = Patiently([&] {
    found = runtime::FindRange(from, to, live_from, source_, *reader_, now);
    return found.status();
  });
  if (!asked.ok()) return asked;
  return found;
}

absl::StatusOr<LiveJoin> ReplayBrokers::LookAtLive(ReachInRuleSet reach_in) {
  absl::StatusOr<LiveJoin> join;
  const absl::Status asked = Patiently([&]() -> absl::Status {
    auto bounds = reader_->Bounds(kAskTimeout);
    if (!bounds.ok()) return bounds.status();
    std::vector<int32_t> partitions;
    for (const auto& [partition, range] : *bounds) partitions.push_back(partition);
    const auto committed = live_offsets_->Read(partitions, kAskTimeout);
    if (!committed.ok()) return committed.status();
    // The ends anew, after the offsets: what is committed up to them has no event behind it.
    bounds = reader_->Bounds(kAskTimeout);
    if (!bounds.ok()) return bounds.status();
    join = FindLiveJoin(*committed, *bounds, reach_in);
    return join.status();
  });
  if (!asked.ok()) return asked;
  return join;
}

absl::StatusOr<std::map<int32_t, int64_t>> ReplayBrokers::WaitForLive(ReachInRuleSet reach_in) {
  std::map<int32_t, int64_t> from;
  absl::Time same_since = absl::InfinitePast();
  std::string told;
  while (!*stopping_) {
    absl::StatusOr<LiveJoin> join = LookAtLive(reach_in);
    if (!join.ok()) return join.status();
    const bool has_come = join->from.size() > join->idle.size() && join->waiting.empty();
    const absl::Time now = clock_->Now();
    if (std::exchange(from, join->from) != join->from || !has_come) same_since = now;
    const bool is_over = join->idle.empty() || now - same_since >= kIdlePatience;
    if (has_come && is_over) return from;
    const std::string waits_for =
        absl::StrCat("the rule to take effect live in partitions ",
                     absl::StrJoin(join->waiting.empty() ? join->idle : join->waiting, ", "));
    if (waits_for != told) LogInfo("replay_waits", told = waits_for);
    clock_->Sleep(kLookAtLiveEvery);
  }
  return absl::CancelledError("stopped while it waited for the rule to take effect live");
}

absl::Status ReplayBrokers::CheckLiveJoin(const connectors::OffsetRanges& ranges,
                                          ReachInRuleSet reach_in) {
  const absl::StatusOr<LiveJoin> join = LookAtLive(reach_in);
  if (absl::IsInvalidArgument(join.status())) return absl::OkStatus();  // it is forgotten by now
  if (!join.ok()) return join.status();
  for (const auto& [partition, range] : ranges) {
    const auto from = join->from.find(partition);
    if (from == join->from.end() || from->second <= range.end) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("all is sent up to offset ", range.end, " of partition ", partition,
                     ", but live traffic took over at ", from->second,
                     " only, when a router was late to take the rule up (replay --from ", partition,
                     ":", range.end, " --to ", partition, ":", from->second, " as another --job)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<connectors::SourceOffset>> ReplayBrokers::Committed() {
  absl::StatusOr<std::vector<connectors::SourceOffset>> committed;
  const absl::Status asked = Patiently([&]() -> absl::Status {
    const auto bounds = reader_->Bounds(kAskTimeout);
    if (!bounds.ok()) return bounds.status();
    std::vector<int32_t> partitions;
    for (const auto& [partition, range] : *bounds) partitions.push_back(partition);
    committed = offsets_->Read(partitions, kAskTimeout);
    return committed.status();
  });
  if (!asked.ok()) return asked;
  return committed;
}

absl::Status ReplayBrokers::SetCommitted(const std::vector<connectors::SourceOffset>& offsets) {
  return Patiently([&] { return offsets_->Set(offsets); });
}

}  // namespace turnout::runtime
