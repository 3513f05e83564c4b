#include "deploy/manager/manager_options.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "deploy/manager/item.h"
#include "deploy/manager/option_nodes.h"
#include "deploy/manager/sign_in.h"
#include "router/document.h"
#include "router/suggest.h"
#include "runtime/config_parts.h"
#include "runtime/real_time.h"
#include "state/checkpoint_location.h"
#include "state/files.h"
#include "state/s3_options.h"

namespace turnout::manager {
namespace {

constexpr int64_t kLeaseSecondsMax = 3'600;
constexpr int64_t kBackupMinutesMax = 60 * 24 * 31;
constexpr int64_t kBackupsKeptMax = 10'000;

// What is said of signing in.
absl::Status CheckClient(const IssuerSettings& issuer) {
  const ClientSettings& client = issuer.client;
  const ClientSettings by_default;
  if (client.id.empty()) {
    const bool has_none =
        client.secret_file.empty() && client.title.empty() && client.scopes == by_default.scopes;
    return has_none ? absl::OkStatus()
                    : absl::InvalidArgumentError(
                          "`client_secret_file`, `scopes` and `title` are of signing in: give "
                          "the issuer's `client_id` as well");
  }
  if (issuer.kind == PrincipalKind::kRouter) {
    return absl::InvalidArgumentError("`client_id` is of people who sign in, not of a router");
  }
  const std::vector<std::string> scopes = absl::StrSplit(client.scopes, ' ');
  if (std::find(scopes.begin(), scopes.end(), "openid") == scopes.end()) {
    return absl::InvalidArgumentError("`scopes` is to have `openid`, between blanks");
  }
  return absl::OkStatus();
}

// Where browsers find the manager.
absl::Status CheckPublicUrl(const std::string& file, const router::Node& node,
                            ManagerOptions* options) {
  const bool is_wanted =
      std::any_of(options->issuers.begin(), options->issuers.end(),
                  [](const IssuerSettings& one) { return !one.client.id.empty(); });
  if (!is_wanted && options->public_url.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> origin = OriginOf(options->public_url);
  if (!origin.ok()) return OptionFault(file, node.at, std::string(origin.status().message()));
  options->public_url = *origin;
  return absl::OkStatus();
}

absl::Status ReadIssuer(const std::string& file, const router::Node& node,
                        std::vector<IssuerSettings>* issuers) {
  IssuerSettings settings;
  std::string kind = "person";
  IssuerOptions& issuer = settings.issuer;
  absl::Status read = ReadTexts(file, node,
                                {{"issuer", &issuer.demands.issuer},
                                 {"audience", &issuer.demands.audience},
                                 {"keys_url", &issuer.keys_url},
                                 {"ca_file", &issuer.ca_bundle},
                                 {"token_file", &issuer.token_file},
                                 {"kind", &kind},
                                 {"name_claim", &settings.name_claim},
                                 {"name_prefix", &settings.name_prefix},
                                 {"groups_claim", &settings.groups_claim},
                                 {"client_id", &settings.client.id},
                                 {"client_secret_file", &settings.client.secret_file},
                                 {"scopes", &settings.client.scopes},
                                 {"title", &settings.client.title}});
  if (!read.ok()) return read;
  if (issuer.demands.issuer.empty() || issuer.demands.audience.empty()) {
    return OptionFault(file, node.at, "an issuer is to have `issuer`, its URL, and `audience`");
  }
  if (kind != "person" && kind != "router") {
    return OptionFault(file, node.at, "an issuer's `kind` is to be person or router");
  }
  settings.kind = kind == "router" ? PrincipalKind::kRouter : PrincipalKind::kPerson;
  if (const absl::Status client = CheckClient(settings); !client.ok()) {
    return OptionFault(file, node.at, std::string(client.message()));
  }
  for (const IssuerSettings& other : *issuers) {
    if (other.issuer.demands.issuer == issuer.demands.issuer) {
      return OptionFault(file, node.at, "this issuer is there already: one has one audience");
    }
  }
  if (issuers->size() == kIssuersMax) {
    return OptionFault(file, node.at, absl::StrFormat("there may be %d issuers", kIssuersMax));
  }
  issuers->push_back(std::move(settings));
  return absl::OkStatus();
}

absl::Status ReadGrant(const std::string& file, const router::Node& node,
                       std::vector<Grant>* grants) {
  Grant grant{.service = std::string(kAll), .team = std::string(kAll)};
  std::string role;
  absl::Status read = ReadTexts(file, node,
                                {{"principal", &grant.principal},
                                 {"service", &grant.service},
                                 {"team", &grant.team},
                                 {"role", &role}});
  if (!read.ok()) return read;
  if (grant.principal.empty())
    return OptionFault(file, node.at, "a grant is to have a `principal`");
  const absl::StatusOr<Role> known = ReadRole(role);
  if (!known.ok()) return OptionFault(file, node.at, std::string(known.status().message()));
  if (grants->size() == kGrantsMax) {
    return OptionFault(file, node.at, absl::StrFormat("there may be %d grants", kGrantsMax));
  }
  grant.role = *known;
  grants->push_back(std::move(grant));
  return absl::OkStatus();
}

absl::Status ReadServices(const std::string& file, const router::Node* services,
                          ManagerOptions* options) {
  if (services == nullptr) return absl::OkStatus();
  absl::Status read = CheckKind(file, *services, router::Node::Kind::kObject, "an object");
  if (!read.ok()) return read;
  for (const router::Member& service : services->members) {
    std::string pipeline;
    if (const absl::Status named = CheckItemName("service", service.name); !named.ok()) {
      return OptionFault(file, service.at, std::string(named.message()));
    }
    read = CheckKind(file, service.value, router::Node::Kind::kObject, "an object");
    if (read.ok()) read = ReadTexts(file, service.value, {{"pipeline", &pipeline}}, {"onboarding"});
    if (!read.ok()) return read;
    if (!state::Exists(pipeline)) {
      return OptionFault(
          file, service.value.at,
          absl::StrFormat("a service's `pipeline` is to be the file of its pipeline's "
                          "config, and there is none at %s",
                          router::Quoted(pipeline)));
    }
    options->job_pipelines[service.name] = pipeline;
    const router::Node* const onboarding = service.value.Find("onboarding");
    if (onboarding == nullptr) continue;
    read = ReadOnboardingPolicy(file, *onboarding, &options->onboarding[service.name]);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

// Each of a list of objects.
template <typename Read>
absl::Status ReadList(const std::string& file, const router::Node* list, Read read) {
  if (list == nullptr) return absl::OkStatus();
  absl::Status status = CheckKind(file, *list, router::Node::Kind::kArray, "a list");
  for (const router::Node& one : list->items) {
    if (status.ok()) status = CheckKind(file, one, router::Node::Kind::kObject, "an object");
    if (status.ok()) status = read(one);
  }
  return status;
}

absl::Status ReadLease(const std::string& file, const router::Node& node, LeaseTimes* times) {
  absl::Status read = CheckKind(file, node, router::Node::Kind::kObject, "an object");
  int64_t renew_s = times->renew_ms / 1'000;
  int64_t expire_s = times->expire_ms / 1'000;
  if (read.ok()) read = ReadTexts(file, node, {}, {"renew_seconds", "expire_seconds"});
  if (read.ok()) read = ReadNumber(file, node, "renew_seconds", 1, kLeaseSecondsMax, &renew_s);
  if (read.ok()) read = ReadNumber(file, node, "expire_seconds", 1, kLeaseSecondsMax, &expire_s);
  if (!read.ok()) return read;
  if (expire_s <= 2 * renew_s) {
    return OptionFault(file, node.at,
                       "`expire_seconds` is to be more than two of `renew_seconds`, so that one "
                       "renewal may fail");
  }
  *times = {.renew_ms = renew_s * 1'000, .expire_ms = expire_s * 1'000};
  return absl::OkStatus();
}

absl::Status ReadBackups(const std::string& file, const router::Node& node,
                         BackupSettings* settings) {
  absl::Status read = CheckKind(file, node, router::Node::Kind::kObject, "an object");
  if (read.ok()) read = ReadTexts(file, node, {{"to", &settings->to}}, {"every_minutes", "keep"});
  if (read.ok() && settings->to.empty()) {
    read = OptionFault(file, node.at, "say where `to`: a directory, or s3://BUCKET/PREFIX");
  }
  if (read.ok()) {
    read = ReadNumber(file, node, "every_minutes", 1, kBackupMinutesMax, &settings->every_minutes);
  }
  if (read.ok()) read = ReadNumber(file, node, "keep", 1, kBackupsKeptMax, &settings->keep);
  return read;
}

absl::Status ReadConfig(const std::string& file, ManagerOptions* options) {
  const absl::StatusOr<std::string> text = state::ReadFile(file, kManagerConfigBytesMax);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  options->config_file = file;
  options->config_text = *text;
  std::vector<router::Problem> problems;
  const std::optional<router::Node> node = router::ParseYaml(*text, &problems);
  if (!node) {
    return OptionFault(file, problems[0].at, problems[0].what + " (" + problems[0].cure + ")");
  }
  if (node->kind != router::Node::Kind::kObject) {
    return OptionFault(file, node->at, "the config is to be an object of keys and values");
  }
  absl::Status read =
      ReadTexts(file, *node,
                {{"data", &options->data},
                 {"listen", &options->listen},
                 {"tokens", &options->tokens},
                 {"master_keys", &options->master_keys},
                 {"pipeline", &options->pipeline},
                 {"public_url", &options->public_url},
                 {"shared", &options->shared},
                 {"url", &options->url}},
                {"tls", "issuers", "grants", "lease", "backups", "services", "git"});
  if (!read.ok()) return read;
  if (const router::Node* const lease = node->Find("lease")) {
    read = ReadLease(file, *lease, &options->lease);
    if (!read.ok()) return read;
  }
  if (const router::Node* const backups = node->Find("backups")) {
    read = ReadBackups(file, *backups, &options->backups);
    if (!read.ok()) return read;
  }
  if (const router::Node* const tls = node->Find("tls")) {
    read = CheckKind(file, *tls, router::Node::Kind::kObject, "an object");
    if (!read.ok()) return read;
    read = ReadTexts(file, *tls, {{"certificate", &options->certificate}, {"key", &options->key}});
    if (!read.ok()) return read;
  }
  read = ReadServices(file, node->Find("services"), options);
  if (!read.ok()) return read;
  if (const router::Node* const git = node->Find("git")) {
    read = ReadGitOptions(file, *git, &options->git);
    if (!read.ok()) return read;
  }
  read = ReadList(file, node->Find("issuers"), [&](const router::Node& one) {
    return ReadIssuer(file, one, &options->issuers);
  });
  if (read.ok()) read = CheckPublicUrl(file, *node, options);
  if (!read.ok()) return read;
  return ReadList(file, node->Find("grants"),
                  [&](const router::Node& one) { return ReadGrant(file, one, &options->grants); });
}

}  // namespace

absl::StatusOr<ManagerOptions> LoadManagerOptions(const std::string& config_file,
                                                  const ManagerOptions& given, OptionsUse use) {
  ManagerOptions options;
  if (!config_file.empty()) {
    if (absl::Status read = ReadConfig(config_file, &options); !read.ok()) return read;
  }
  for (std::string ManagerOptions::*const one :
       {&ManagerOptions::data, &ManagerOptions::listen, &ManagerOptions::tokens,
        &ManagerOptions::master_keys, &ManagerOptions::shared, &ManagerOptions::url}) {
    if (!(given.*one).empty()) options.*one = given.*one;
  }
  if (use != OptionsUse::kServing) return options;
  if (options.data.empty()) {
    return absl::InvalidArgumentError(
        "say where the manager keeps its data: --data DIR, or `data`");
  }
  if (options.tokens.empty() && options.issuers.empty()) {
    return absl::InvalidArgumentError(
        "say who may come in: --tokens FILE, or `tokens` or `issuers`; deploy/manager/README.md "
        "shows them");
  }
  if (options.certificate.empty() != options.key.empty()) {
    return absl::InvalidArgumentError("`tls` takes `certificate` and `key` together");
  }
  if (!options.git.repository.empty() && !options.shared.empty()) {
    return absl::InvalidArgumentError(
        "`git` and `shared` are both there: one manager may follow a branch, managers that share "
        "can't yet; take one of them away");
  }
  return options;
}

std::string StoreDirectory(const std::string& data) { return data + "/items"; }

absl::StatusOr<std::unique_ptr<state::CheckpointStore>> OpenObjects(const ManagerOptions& options,
                                                                    const std::string& key,
                                                                    const std::string& location,
                                                                    absl::Duration patience) {
  std::string problems;
  std::optional<state::S3Options> s3 = runtime::LoadS3Options(options.pipeline, &problems);
  if (!s3) return absl::InvalidArgumentError(problems);
  s3->retry.deadline = patience;
  auto objects = state::MakeCheckpointStore(location, *std::move(s3), runtime::RealTimeAndChance());
  if (objects.ok()) return objects;
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: `%s` is to be a directory, or s3://BUCKET/PREFIX", key, location));
}

}  // namespace turnout::manager
