#include "runtime/rules_page.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/status_json.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

Json OriginJson(const RuleOriginStatus& origin) {
  return {{"kind", origin.kind},
          {"name", origin.name},
          {"reachable", origin.has_answered && origin.problem.empty()},
          {"problem", origin.problem},
          {"version", TextOrNull<Json>(origin.version)},
          {"last_change", TimestampOrNull<Json>(origin.last_change)}};
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

Json RollbackJson(const std::optional<RuleRollback>& rollback) {
  if (!rollback.has_value()) return {};
  return {{"to", rollback->to}, {"from", rollback->from}, {"at", Timestamp(rollback->at)}};
}

// The newest first.
Json VersionsJson(const std::vector<KeptVersion>& kept) {
  Json versions = Json::array();
  for (auto version = kept.rbegin(); version != kept.rend(); ++version) {
    versions.push_back({{"rule_set", version->rule_set},
                        {"published", Timestamp(version->published)},
                        {"origin_version", TextOrNull<Json>(version->origin_version)}});
  }
  return versions;
}

Json ReportsJson(const std::optional<RuleReportStatus>& reports) {
  if (!reports.has_value()) return {};
  return {{"to", reports->to},
          {"last_sent", TimestampOrNull<Json>(reports->last_sent)},
          {"problem", reports->problem},
          {"failures", reports->failures}};
}

Json PartitionsJson(const std::map<int, WorkerView>& workers) {
  Json partitions = Json::array();
  for (const auto& [index, worker] : workers) {
    for (const PartitionStatus& partition : worker.status.partitions) {
      partitions.push_back({{"topic", worker.status.topic},
                            {"partition", partition.partition},
                            {"rule_set", TextOrNull<Json>(partition.rule_set)},
                            {"from_offset", OffsetOrNull<Json>(partition.rule_set_from)},
                            {"next_offset", OffsetOrNull<Json>(partition.next_offset)}});
    }
  }
  return partitions;
}

}  // namespace

std::string RulesPageJson(const PipelineView& view) {
  const RulesStatus& rules = view.rules;
  const LiveRulesStatus& live = view.live_rules;
  return DumpJson<Json>(
      {{"rule_set", TextOrNull<Json>(rules.hash)},
       {"published", rules.hash.empty() ? Json() : Json(Timestamp(rules.published))},
       {"origin", OriginJson(live.origin)},
       {"from_disk", live.is_from_disk},
       {"disk_problem", live.disk_problem},
       {"rollback", RollbackJson(live.rollback)},
       {"teams", TeamsJson<Json>(rules.teams)},
       {"standing_aside", AsideJson<Json>(rules.aside)},
       {"refused", RefusedJson(live.refused)},
       {"versions", VersionsJson(live.versions)},
       {"reports", ReportsJson(live.reports)},
       {"partitions", PartitionsJson(view.workers)}},
      2);
}

std::string RuleReportJson(const std::string& instance, const std::string& group,
                           const RulesStatus& rules, const LiveRulesStatus& live) {
  const bool is_ok = !rules.hash.empty() && live.refused.empty() && rules.aside.empty() &&
                     !live.rollback.has_value();
  return DumpJson<Json>(
      {{"instance", instance},
       {"group", group},
       {"version", TextOrNull<Json>(live.origin.version)},
       {"ok", is_ok},
       {"rule_set", TextOrNull<Json>(rules.hash)},
       {"teams", TeamsJson<Json>(rules.teams)},
       {"standing_aside", AsideJson<Json>(rules.aside)},
       {"refused", RefusedJson(live.refused)},
       {"rolled_back_to", live.rollback.has_value() ? Json(live.rollback->to) : Json()}},
      -1);
}

}  // namespace turnout::runtime
