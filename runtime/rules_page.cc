#include "runtime/rules_page.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/status_json.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

Json TimestampOrNull(absl::Time time) {
  return time > absl::UnixEpoch() && time < absl::InfiniteFuture() ? Json(Timestamp(time)) : Json();
}

Json OffsetOrNull(int64_t offset) { return offset >= 0 ? Json(offset) : Json(); }

// Bytes that are not UTF-8 (a topic or a broker's words can hold anything) are replaced.
std::string DumpJson(const Json& json, int indent) {
  return PublicJson(json.dump(-1, ' ', false, Json::error_handler_t::replace), indent);
}

Json OriginJson(const RuleOriginStatus& origin) {
  return {{"kind", origin.kind},
          {"name", origin.name},
          {"reachable", origin.has_answered && origin.problem.empty()},
          {"problem", origin.problem},
          {"version", origin.version.empty() ? Json() : Json(origin.version)},
          {"last_change", TimestampOrNull(origin.last_change)}};
}

Json RefusedJson(const std::vector<RefusedFile>& refused) {
  Json files = Json::array();
  for (const RefusedFile& file : refused) {
    Json problems = Json::array();
    for (const router::Problem& problem : file.problems) {
      problems.push_back({{"line", std::max(problem.at.line, 1)},
                          {"column", std::max(problem.at.column, 1)},
                          {"rule", problem.subject},
                          {"reason", problem.what},
                          {"cure", problem.cure}});
    }
    files.push_back({{"file", file.file}, {"problems", std::move(problems)}});
  }
  return files;
}

Json AsideJson(const std::vector<TeamAside>& aside) {
  Json teams = Json::array();
  for (const TeamAside& team : aside) {
    teams.push_back({{"team", team.team},
                     {"destination", team.topic},
                     {"reason", team.reason},
                     {"cure", team.cure},
                     {"previous_in_force", team.previous_in_force}});
  }
  return teams;
}

Json TeamsJson(const std::vector<TeamRules>& in_force) {
  Json teams = Json::array();
  for (const TeamRules& team : in_force) {
    teams.push_back({{"team", team.team}, {"rules", team.rules}});
  }
  return teams;
}

Json RollbackJson(const std::optional<RuleRollback>& rollback) {
  if (!rollback.has_value()) return {};
  return {{"to", rollback->to}, {"from", rollback->from}, {"at", Timestamp(rollback->at)}};
}

// The newest first.
Json VersionsJson(const std::vector<KeptVersion>& kept) {
  Json versions = Json::array();
  for (auto version = kept.rbegin(); version != kept.rend(); ++version) {
    versions.push_back(
        {{"rule_set", version->rule_set},
         {"published", Timestamp(version->published)},
         {"origin_version",
          version->origin_version.empty() ? Json() : Json(version->origin_version)}});
  }
  return versions;
}

Json ReportsJson(const std::optional<RuleReportStatus>& reports) {
  if (!reports.has_value()) return {};
  return {{"to", reports->to},
          {"last_sent", TimestampOrNull(reports->last_sent)},
          {"problem", reports->problem},
          {"failures", reports->failures}};
}

Json PartitionsJson(const std::vector<WorkerStatus>& workers) {
  Json partitions = Json::array();
  for (const WorkerStatus& worker : workers) {
    for (const PartitionStatus& partition : worker.partitions) {
      partitions.push_back(
          {{"topic", worker.topic},
           {"partition", partition.partition},
           {"rule_set", partition.rule_set.empty() ? Json() : Json(partition.rule_set)},
           {"from_offset", OffsetOrNull(partition.rule_set_from)},
           {"next_offset", OffsetOrNull(partition.next_offset)}});
    }
  }
  return partitions;
}

}  // namespace

std::string RulesPageJson(const RulesStatus& rules, const LiveRulesStatus& live,
                          const std::vector<WorkerStatus>& workers) {
  const bool is_in_force = !rules.hash.empty();
  return DumpJson({{"rule_set", is_in_force ? Json(rules.hash) : Json()},
                   {"published", is_in_force ? Json(Timestamp(rules.published)) : Json()},
                   {"origin", OriginJson(live.origin)},
                   {"from_disk", live.is_from_disk},
                   {"disk_problem", live.disk_problem},
                   {"rollback", RollbackJson(live.rollback)},
                   {"teams", TeamsJson(rules.teams)},
                   {"standing_aside", AsideJson(rules.aside)},
                   {"refused", RefusedJson(live.refused)},
                   {"versions", VersionsJson(live.versions)},
                   {"reports", ReportsJson(live.reports)},
                   {"partitions", PartitionsJson(workers)}},
                  2);
}

std::string RuleReportJson(const std::string& instance, const std::string& group,
                           const RulesStatus& rules, const LiveRulesStatus& live) {
  const bool is_ok = !rules.hash.empty() && live.refused.empty() && rules.aside.empty() &&
                     !live.rollback.has_value();
  return DumpJson(
      {{"instance", instance},
       {"group", group},
       {"version", live.origin.version.empty() ? Json() : Json(live.origin.version)},
       {"ok", is_ok},
       {"rule_set", rules.hash.empty() ? Json() : Json(rules.hash)},
       {"teams", TeamsJson(rules.teams)},
       {"standing_aside", AsideJson(rules.aside)},
       {"refused", RefusedJson(live.refused)},
       {"rolled_back_to", live.rollback.has_value() ? Json(live.rollback->to) : Json()}},
      -1);
}

}  // namespace turnout::runtime
