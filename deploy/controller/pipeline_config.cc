#include "deploy/controller/pipeline_config.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
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
  Merge(Typed(router), "", &config, &problems);
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
