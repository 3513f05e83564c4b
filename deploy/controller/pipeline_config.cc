#include "deploy/controller/pipeline_config.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "deploy/manager/pipeline_check.h"
#include "runtime/config.h"
#include "runtime/rule_loader.h"
#include "state/sha256.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFileName = "pipeline.yaml";

std::string File(std::string_view directory, std::string_view name) {
  return absl::StrFormat("%s/%s", directory, name);
}

std::string FileReference(std::string_view directory, std::string_view name) {
  return absl::StrFormat("${file:%s/%s}", directory, name);
}

// What the typed fields say. Kafka's properties have dots in their names and are no path.
Json TypedSource(const RouterSpec& router) {
  Json source = {{"topic", router.topic}, {"format", router.format}};
  if (!router.group.empty()) source["group"] = router.group;
  if (!router.partitioned_by.empty()) source["partitioned_by"] = router.partitioned_by;
  return source;
}

Json TypedKafka(const RouterSpec::Kafka& kafka) {
  Json properties = Json::object();
  if (!kafka.security_protocol.empty() && kafka.security_protocol != "PLAINTEXT") {
    properties["security.protocol"] = kafka.security_protocol;
  }
  if (kafka.sasl_mechanism == "AWS_MSK_IAM") {
    properties["sasl.mechanisms"] = "OAUTHBEARER";
    properties["sasl.oauthbearer.method"] = "aws_msk_iam";
  } else if (!kafka.sasl_mechanism.empty()) {
    properties["sasl.mechanisms"] = kafka.sasl_mechanism;
    properties["sasl.username"] = FileReference(kKafkaDirectory, "username");
    properties["sasl.password"] = FileReference(kKafkaDirectory, "password");
  }
  if (!kafka.ca_secret.empty()) {
    properties["ssl.ca.location"] = File(kKafkaCaDirectory, "ca.crt");
  }
  if (!kafka.client_certificate_secret.empty()) {
    properties["ssl.certificate.location"] = File(kKafkaClientDirectory, "tls.crt");
    properties["ssl.key.location"] = File(kKafkaClientDirectory, "tls.key");
  }
  return properties;
}

void SetRules(const RouterSpec& router, Json* typed) {
  if (router.HasRoutes()) {
    (*typed)["rules"] = kRulesDirectory;
    return;
  }
  const RouterSpec::Manager& manager = router.manager;
  const std::string service = absl::StrFormat("%s/v1/services/%s", manager.url, manager.service);
  (*typed)["rules"] = service + "/rules";
  Json from = {{"token_file", File(kManagerDirectory, "token")},
               {"report_to", service + "/reports"}};
  if (!manager.ca_secret.empty()) from["ca_bundle"] = File(kManagerCaDirectory, "ca.crt");
  (*typed)["rules_from"] = std::move(from);
}

Json Typed(const RouterSpec& router) {
  Json typed = {{"brokers", absl::StrJoin(router.brokers, ",")},
                {"source", TypedSource(router)},
                {"delivery", router.delivery},
                {"instance", "${env:TURNOUT_INSTANCE}"},
                {"listen", absl::StrFormat("0.0.0.0:%d", kAdminPort)},
                {"state_dir", kStateDirectory}};
  SetRules(router, &typed);
  if (!router.dead_letter_topic.empty()) typed["dead_letter_topic"] = router.dead_letter_topic;
  const RouterSpec::Checkpoints& checkpoints = router.checkpoints;
  if (!checkpoints.store.empty()) typed["checkpoints"]["store"] = checkpoints.store;
  if (!checkpoints.every.empty()) typed["checkpoints"]["interval"] = checkpoints.every;
  if (!checkpoints.region.empty()) typed["checkpoints"]["s3"]["region"] = checkpoints.region;
  if (router.restore.is_asked) {
    typed["state"]["restore"] = {
        {"time", router.restore.time_text},
        {"rules", router.restore.with_current_rules ? "current" : "in_force"}};
  }
  const Json kafka = TypedKafka(router.kafka);
  if (!kafka.empty()) typed["kafka"] = kafka;
  return typed;
}

// A key of the config that a field of the EventRouter is for.
struct OwnedKey {
  std::string_view key;  // a JSON pointer
  std::string_view field;
  bool is_fixed = false;  // in an EventRouter that is there
};

constexpr auto kOwnedKeys = std::to_array<OwnedKey>({
    {"/brokers", "spec.source.brokers"},
    {"/source/topic", "spec.source.topic", true},
    {"/source/group", "spec.source.group", true},
    {"/source/partitioned_by", "spec.source.partitionedBy", true},
    {"/source/format", "spec.source.format"},
    {"/delivery", "spec.delivery"},
    {"/dead_letter_topic", "spec.deadLetterTopic"},
    {"/checkpoints/store", "spec.checkpoints.store"},
    {"/checkpoints/interval", "spec.checkpoints.every"},
    {"/checkpoints/s3/region", "spec.checkpoints.region"},
    {"/state/restore", "spec.restoreFrom"},
    {"/rules", "spec.rulesFrom"},
    {"/rules_from/token_file", "spec.rulesFrom.manager.tokenSecret"},
    {"/rules_from/report_to", "spec.rulesFrom.manager"},
    {"/rules_from/ca_bundle", "spec.rulesFrom.manager.caSecret"},
});

std::string OwnedText(const OwnedKey& owned, const Json* said) {
  const std::string key = absl::StrReplaceAll(std::string(owned.key.substr(1)), {{"/", "."}});
  if (said != nullptr) {
    return absl::StrFormat(
        "spec.config: %s is what %s is for, and that says %s; take it out of spec.config", key,
        owned.field, said->dump());
  }
  if (!owned.is_fixed) {
    return absl::StrFormat(
        "spec.config: %s is what %s is for; write it there, and take it out of spec.config", key,
        owned.field);
  }
  return absl::StrFormat(
      "spec.config: %s is what %s is for, which can't be changed; take it out of spec.config, or "
      "where pods run with it already delete the EventRouter and make it anew with that field",
      key, owned.field);
}

// Also of a field that is not given: what may not be changed there could be changed here. The same
// value twice is no problem. Takes what is refused out of `config`.
void RefuseOwned(const Json& typed, Json* config, std::vector<std::string>* problems) {
  for (const OwnedKey& owned : kOwnedKeys) {
    const Json::json_pointer at{std::string(owned.key)};
    if (!config->contains(at)) continue;
    const Json* const said = typed.contains(at) ? &typed[at] : nullptr;
    if (said != nullptr && *said == (*config)[at]) continue;
    problems->push_back(OwnedText(owned, said));
    (*config)[at.parent_pointer()].erase(at.back());
  }
}

// Puts `typed` into `config`; what both say differently is a problem.
void Merge(const Json& typed, const std::string& path, Json* config,
           std::vector<std::string>* problems) {
  for (const auto& [key, value] : typed.items()) {
    const std::string place = path.empty() ? key : path + "." + key;
    const auto found = config->find(key);
    if (found == config->end()) {
      (*config)[key] = value;
    } else if (value.is_object() && found->is_object()) {
      Merge(value, place, &*found, problems);
    } else if (*found != value) {
      problems->push_back(
          absl::StrFormat("spec.config: %s is said by the EventRouter's own fields (%s); take it "
                          "out of spec.config",
                          place, value.dump()));
    }
  }
}

}  // namespace

std::string ShortHash(std::string_view text) { return state::Sha256(text).substr(0, kHashLetters); }

PipelineConfig MakePipelineConfig(const RouterSpec& router) {
  std::vector<std::string> problems;
  Json config = Json::object();
  if (!router.config.empty()) {
    config = Json::parse(router.config, nullptr, false);
    if (!config.is_object()) {
      problems.push_back("spec.config: is no object; write the config's keys below it");
      config = Json::object();
    }
  }
  const Json typed = Typed(router);
  RefuseOwned(typed, &config, &problems);
  Merge(typed, "", &config, &problems);
  PipelineConfig out =
      ReadPipelineConfig(config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  out.problems.insert(out.problems.begin(), problems.begin(), problems.end());
  return out;
}

PipelineConfig ReadPipelineConfig(std::string_view text) {
  PipelineConfig out = {.text = std::string(text), .hash = ShortHash(text)};
  std::vector<router::Problem> found;
  manager::CheckPipeline(text, &found);
  for (const router::Problem& problem : found) {
    // Lines are of a text that nobody wrote.
    const std::string subject = problem.subject.empty() ? "" : problem.subject + ": ";
    out.problems.push_back(absl::StrFormat("%s%s (%s)", subject, problem.what, problem.cure));
  }
  std::vector<router::Problem> ignored;
  const runtime::ConfigEnvironment environment = manager::StandIns();
  const auto limits = runtime::ReadConfigLimits(kFileName, text, environment, &ignored);
  if (limits) {
    out.rule_limits = limits->rules;
    out.shutdown_timeout = limits->shutdown_timeout;
  } else if (out.problems.empty()) {
    out.problems.push_back("limits: can't be read; give them as values, without references");
  }
  return out;
}

}  // namespace turnout::controller
