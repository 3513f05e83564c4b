#include "runtime/remote_rules.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "connectors/kafka_topic_admin.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_origins.h"
#include "runtime/rule_shelf.h"
#include "runtime/status_json.h"

namespace turnout::runtime {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(20);

// What was in force here last. What is damaged is the router's to tell.
bool HoldKept(const router::RuleLimits& limits, RuleHistory* history, RuleShelf* shelf) {
  if (!history->Open().ok() || history->versions().empty()) return false;
  std::vector<RefusedFile> refused;
  auto teams = history->Teams(history->last_in_force(), limits, &refused);
  if (!teams.ok()) return false;
  const std::optional<RuleRollback>& rollback = history->rollback();
  shelf->Hold(*std::move(teams), rollback.has_value() ? rollback->files : "");
  return true;
}

// Nullopt once the origin is known to be away, where there is something in its place; else after
// the deadline.
std::optional<RuleFiles> Await(RuleOrigin* origin, bool is_held, absl::Time deadline) {
  while (true) {
    if (std::optional<RuleFiles> files = origin->Take(absl::Now())) return files;
    const bool is_away = is_held && !origin->status().problem.empty();
    if (is_away || absl::Now() >= deadline) return std::nullopt;
    absl::SleepFor(kLook);
  }
}

absl::StatusOr<RemoteRules> OfOrigin(const RuleShelf& shelf, const RuleHistory& history) {
  const std::string refused = FormatRefused(shelf.refused());
  if (shelf.teams().empty()) {
    return absl::InvalidArgumentError(absl::StripTrailingAsciiWhitespace(refused));
  }
  RemoteRules rules = {.teams = shelf.teams()};
  if (!refused.empty()) {
    rules.notes.push_back(
        absl::StrCat("of refused rule files, what this machine has kept of their teams counts: ",
                     std::string(absl::StripTrailingAsciiWhitespace(refused))));
  }
  if (shelf.is_held() && history.rollback().has_value()) {
    rules.notes.push_back(
        absl::StrCat("the rules are those that were gone back to, ", history.rollback()->to));
  }
  return rules;
}

absl::StatusOr<RemoteRules> OfDisk(const RuleShelf& shelf, const RuleHistory& history,
                                   const RuleOriginStatus& origin, const std::string& cure) {
  const std::string why = origin.problem.empty() ? "it does not answer" : origin.problem;
  if (!shelf.is_held()) {
    return absl::UnavailableError(
        absl::StrFormat("no rules from %s: %s (and this machine has kept none of them; %s)",
                        PlainOriginName(origin), why, cure));
  }
  return RemoteRules{.teams = shelf.teams(),
                     .notes = {absl::StrFormat(
                         "the rules are those that this machine has kept, %s of %s, not those of "
                         "%s: %s",
                         history.last_in_force(), Timestamp(history.versions().back().published),
                         PlainOriginName(origin), why)}};
}

}  // namespace

absl::StatusOr<RemoteRules> TakeRemoteRules(RuleOrigin* origin, RuleHistory* history,
                                            const router::RuleLimits& limits, absl::Duration within,
                                            const std::string& cure) {
  RuleShelf shelf(limits);
  const bool is_held = HoldKept(limits, history, &shelf);
  std::optional<RuleFiles> files = Await(origin, is_held, absl::Now() + within);
  if (!files.has_value()) return OfDisk(shelf, *history, origin->status(), cure);
  shelf.Take(*std::move(files));
  return OfOrigin(shelf, *history);
}

absl::StatusOr<RemoteRules> TakeRemoteRules(const Config& config,
                                            const connectors::KafkaClientOptions& client,
                                            absl::Duration within, const std::string& cure) {
  auto admin = connectors::MakeKafkaTopicAdmin(client);
  if (!admin.ok()) return admin.status();
  const std::unique_ptr<RuleOrigin> origin =
      MakeRuleOrigin(config, {.admin = admin->get(),
                              .client = [&client](const std::string&) { return client; },
                              .wake = [] {}});
  RuleHistory history(RuleHistoryDirectory(config.state_dir, config.group, config.instance),
                      OriginName(origin->status()));
  return TakeRemoteRules(origin.get(), &history, config.limits.rules, within, cure);
}

}  // namespace turnout::runtime
