#include "deploy/manager/manager_server.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "deploy/manager/api.h"
#include "deploy/manager/issuers.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/page_files.h"
#include "deploy/manager/rate_limit.h"
#include "deploy/manager/same_origin.h"
#include "deploy/manager/tokens.h"
#include "runtime/config_parts.h"
#include "runtime/http_front.h"
#include "runtime/log.h"
#include "runtime/process_clock.h"
#include "runtime/real_time.h"
#include "runtime/wrong_tokens.h"
#include "state/directory_checkpoint_store.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr size_t kBodyBytesMax = 32u << 20;
constexpr size_t kBodiesBytesMax = 128u << 20;
constexpr size_t kUnsentBytesMax = 512u << 20;
constexpr size_t kConnectionsMax = 2'048;
constexpr int kThreads = 16;
constexpr absl::Duration kRequestTimeout = absl::Seconds(10);
constexpr absl::Duration kConnectionTimeout = absl::Seconds(30);
constexpr absl::Duration kFinishTimeout = absl::Seconds(3);
// How long whoever waits for an answer waits for the store that managers share; and a backup.
constexpr absl::Duration kSharedPatience = absl::Seconds(5);
constexpr absl::Duration kBackupPatience = absl::Minutes(2);
// Calls of one person, and of all routers that share a token: each asks and reports at a change.
constexpr double kPersonsCallsPerSecond = 50;
constexpr double kPersonsCallsAtOnce = 500;
constexpr double kRoutersCallsPerSecond = 2'000;
constexpr double kRoutersCallsAtOnce = 10'000;

// What goes to the audit log as a refusal.
bool IsRefusal(int status) {
  return status == 401 || status == 403 || status == 409 || status == 412 || status == 422;
}

absl::Status ReadLimits(const std::string& pipeline, Parts* parts) {
  std::string problems;
  const auto limits = runtime::LoadRuleLimits(pipeline, &problems);
  const auto settings = runtime::LoadStateSettings(pipeline, &problems);
  if (!limits || !settings) return absl::InvalidArgumentError(problems);
  parts->limits = *limits;
  parts->state_settings = *settings;
  // As long as nobody says otherwise, all keys meet.
  if (!limits->partitioned_by) parts->state_settings.partitioned_by = router::kOnePartition;
  return absl::OkStatus();
}

}  // namespace

struct ManagerServer::Impl {
  absl::Status Open(const ManagerOptions& options);
  absl::Status OpenShared(const ManagerOptions& options);
  absl::Status OpenBackups(const ManagerOptions& options);
  void MakeSuccession(const ManagerOptions& options);
  void PublishRules(const std::string& service);
  absl::Status WarnOfSealed();
  absl::Status OpenJobs(const ManagerOptions& options);
  std::optional<std::string> Answer(const runtime::HttpRequest& request, const std::string& peer,
                                    uint64_t number);
  std::optional<HttpAnswer> AnswerOf(Call* call);
  // The answer to whoever may not call; nullopt: who it is stands in `call`.
  std::optional<HttpAnswer> Enter(Call* call);
  std::optional<HttpAnswer> MayCall(const Route& route, Call* call);
  HttpAnswer Metrics();
  std::string Counted(const HttpAnswer& answer);

  explicit Impl(const ManagerOptions& options) : issuers(options.issuers, options.grants, &clock) {
    parts.sign_in = std::make_unique<SignIn>(options.issuers, options.public_url, &issuers, &clock);
    parts.has_tls = !options.certificate.empty();
  }
  // NotFound: nobody does.
  absl::StatusOr<Principal> WhoBears(std::string_view token, absl::Time now);

  Parts parts;
  runtime::ProcessClock clock;
  std::unique_ptr<Tokens> tokens;  // null: those of issuers are taken alone
  Issuers issuers;
  runtime::WrongTokens wrong_tokens;
  RateLimit persons{kPersonsCallsPerSecond, kPersonsCallsAtOnce};
  RateLimit routers{kRoutersCallsPerSecond, kRoutersCallsAtOnce};
  absl::Mutex mu;
  std::map<int, int64_t> answers ABSL_GUARDED_BY(mu);  // by status
  std::string url;
  bool is_stopped = false;
  std::unique_ptr<runtime::HttpFront> front;  // goes first: its threads use the rest
};

absl::Status ManagerServer::Impl::Open(const ManagerOptions& options) {
  if (const absl::Status read = ReadLimits(options.pipeline, &parts); !read.ok()) return read;
  if (!options.tokens.empty()) {
    auto opened_tokens = Tokens::Open(options.tokens);
    if (!opened_tokens.ok()) return opened_tokens.status();
    tokens = *std::move(opened_tokens);
  }
  if (!options.master_keys.empty()) {
    auto keys = MasterKeys::Open(options.master_keys, {}, runtime::RealTimeAndChance());
    if (!keys.ok()) return keys.status();
    parts.keys = *std::move(keys);
  }
  if (const absl::Status made = state::MakeDirectory(options.data); !made.ok()) return made;
  auto audit = AuditLog::Open(options.data + "/audit.jsonl");
  if (!audit.ok()) return audit.status();
  parts.audit = *std::move(audit);
  if (const absl::Status shared = OpenShared(options); !shared.ok()) return shared;
  auto proposals =
      Proposals::Open(parts.shared != nullptr ? parts.shared.get() : parts.own_objects.get());
  if (!proposals.ok()) return proposals.status();
  parts.proposals = *std::move(proposals);
  parts.onboarding = std::make_unique<OnboardingRecords>(
      parts.shared != nullptr ? parts.shared.get() : parts.own_objects.get());
  parts.onboarding_clones = options.data + "/onboarding";
  parts.onboarding_places = std::make_unique<OnboardingPlaces>(options);
  auto store = ItemStore::Open(
      StoreDirectory(options.data), [] { return absl::ToUnixMillis(absl::Now()); },
      parts.change_log.get());
  if (!store.ok()) return store.status();
  parts.store = *std::move(store);
  parts.feed = std::make_unique<RulesFeed>(
      [this](uint64_t number, const HttpAnswer& answer) { front->Give(number, Counted(answer)); });
  const absl::StatusOr<std::vector<std::string>> services = parts.store->Services();
  if (!services.ok()) return services.status();
  for (const std::string& service : *services) PublishRules(service);
  parts.store->OnChange([this](const Change& change) {
    std::set<std::string> changed;
    for (const DoneEdit& edit : change.edits) {
      if (edit.id.kind == ItemKind::kRules) changed.insert(edit.id.service);
    }
    for (const std::string& service : changed) PublishRules(service);
    if (parts.git != nullptr) parts.git->Wake();
  });
  parts.give = [this](uint64_t number, const HttpAnswer& answer) {
    front->Give(number, Counted(answer));
  };
  if (!options.git.repository.empty()) {
    parts.git = std::make_unique<GitSync>(options.git, options.data + "/git", &parts);
  }
  if (parts.keys != nullptr) {
    parts.rotation = std::make_unique<KeyRotation>(
        parts.keys.get(), parts.store.get(), parts.proposals.get(),
        [this] { return parts.succession == nullptr || parts.succession->is_active(); });
  } else if (const absl::Status warned = WarnOfSealed(); !warned.ok()) {
    return warned;
  }
  if (absl::Status opened = OpenBackups(options); !opened.ok()) return opened;
  return OpenJobs(options);
}

// Without master keys all goes on but what needs a secret, which is better said before one is
// asked.
absl::Status ManagerServer::Impl::WarnOfSealed() {
  const absl::StatusOr<SealedCounts> counts = parts.store->SealedBy();
  if (!counts.ok()) return counts.status();
  int64_t sealed = 0;
  for (const auto& [key, count] : *counts) sealed += count;
  if (sealed > 0) {
    runtime::LogWarning(
        "no_master_keys",
        "there are secrets, and no master keys that they could be released with; set "
        "master_keys, or --master-keys, and start again",
        {{"versions", sealed}, {"key", counts->begin()->first}});
  }
  return absl::OkStatus();
}

absl::Status ManagerServer::Impl::OpenJobs(const ManagerOptions& options) {
  if (options.job_pipelines.empty()) return absl::OkStatus();
  for (const auto& [service, pipeline] : options.job_pipelines) {
    parts.job_places[service] = {.program = "/proc/self/exe",
                                 .pipeline = pipeline,
                                 .state_dir = absl::StrCat(options.data, "/job_states/", service)};
  }
  auto jobs = Jobs::Open(options.data + "/jobs", absl::Now());
  if (!jobs.ok()) return jobs.status();
  parts.jobs = *std::move(jobs);
  parts.runner = std::make_unique<JobRunner>(
      parts.jobs.get(), [this](const Job& job) { return WordsOfJob(parts, job); },
      [this](const Job& job, bool begins) { AuditJob(parts, job, begins); });
  return absl::OkStatus();
}

absl::Status ManagerServer::Impl::OpenShared(const ManagerOptions& options) {
  parts.own_objects = std::make_unique<state::DirectoryCheckpointStore>(options.data);
  if (options.shared.empty()) return absl::OkStatus();
  auto shared = OpenObjects(options, "shared", options.shared, kSharedPatience);
  if (!shared.ok()) return shared.status();
  parts.shared = *std::move(shared);
  parts.change_log = std::make_unique<ChangeLog>(parts.shared.get());
  return absl::OkStatus();
}

absl::Status ManagerServer::Impl::OpenBackups(const ManagerOptions& options) {
  if (options.backups.to.empty()) return absl::OkStatus();
  auto to = OpenObjects(options, "backups", options.backups.to, kBackupPatience);
  if (!to.ok()) return to.status();
  parts.backups = std::make_unique<Backups>(
      parts.store.get(), *std::move(to), options.backups,
      [this] { return parts.succession == nullptr || parts.succession->is_active(); });
  return absl::OkStatus();
}

void ManagerServer::Impl::MakeSuccession(const ManagerOptions& options) {
  if (parts.shared == nullptr) return;
  parts.succession = std::make_unique<Succession>(
      parts.shared.get(), parts.store.get(), options.url.empty() ? url : options.url, options.lease,
      Succession::Events{.catch_up = [this] { return parts.proposals->Refresh(); },
                         .stood_down =
                             [this] {
                               const std::optional<HttpAnswer> standby = StandbyAnswer(parts);
                               if (standby) parts.feed->LetGo(*standby);
                             }},
      [this] { return absl::ToUnixMillis(clock.Now()); });
}

void ManagerServer::Impl::PublishRules(const std::string& service) {
  const absl::StatusOr<std::vector<Item>> rules = parts.store->List(service, ItemKind::kRules);
  if (rules.ok()) {
    parts.feed->Publish(service, *rules);
  } else {
    runtime::LogError("rules_unreadable", MessageOf(rules.status()), {{"service", service}});
  }
}

std::string ManagerServer::Impl::Counted(const HttpAnswer& answer) {
  {
    const absl::MutexLock lock(&mu);
    ++answers[answer.status];
  }
  return BytesOf(answer);
}

std::optional<std::string> ManagerServer::Impl::Answer(const runtime::HttpRequest& request,
                                                       const std::string& peer, uint64_t number) {
  Call call{.request = &request, .peer = peer, .number = number};
  const std::optional<HttpAnswer> answer = AnswerOf(&call);
  if (!answer.has_value()) return std::nullopt;
  if (IsRefusal(answer->status)) {
    JsonReader said(answer->body, "the answer");
    Audit(parts, call,
          {.outcome = "refused", .status = answer->status, .detail = said.Text("error", "")});
  }
  return Counted(*answer);
}

std::optional<HttpAnswer> ManagerServer::Impl::AnswerOf(Call* call) {
  std::vector<std::string_view> allowed;
  const runtime::HttpRequest& request = *call->request;
  const Route* const route = FindRoute(request.method, request.path, call, &allowed);
  if (route == nullptr && allowed.empty()) {
    if (std::optional<HttpAnswer> page = PageAnswer(request)) return page;
    return ErrorAnswer(404, "there is no such path: /openapi.yaml lists them");
  }
  if (route == nullptr) {
    HttpAnswer answer = ErrorAnswer(405, "this path takes other methods: see Allow");
    answer.headers.emplace_back(
        "Allow", absl::StrJoin(allowed, ", ", [](std::string* out, auto m) { out->append(m); }));
    return answer;
  }
  call->action = std::string(route->action);
  absl::StatusOr<Query> query = ReadQuery(request.query, route->query, route->takes_any_query);
  if (route->needs != Needs::kNothing) {
    if (std::optional<HttpAnswer> refusal = Enter(call)) return refusal;
    if (std::optional<HttpAnswer> standby = StandbyAnswer(parts)) return standby;
    if (std::optional<HttpAnswer> refusal = MayCall(*route, call)) return refusal;
  }
  if (!query.ok()) return ErrorAnswer(query.status());
  if (const absl::Status flags = CheckFlags(*query); !flags.ok()) return ErrorAnswer(flags);
  call->query = *std::move(query);
  if (route->handler == nullptr) return Metrics();
  std::optional<HttpAnswer> answer = route->handler(parts, *call);
  if (route->needs == Needs::kNothing || !answer.has_value()) return answer;
  // If it was paused meanwhile, another one may have taken over: what it has found is no longer
  // true, and what it has done the other one may not know of. If it is done, it is done once.
  if (std::optional<HttpAnswer> standby = StandbyAnswer(parts)) return standby;
  return answer;
}

absl::StatusOr<Principal> ManagerServer::Impl::WhoBears(std::string_view token, absl::Time now) {
  if (tokens != nullptr) {
    std::optional<Principal> known = tokens->WhoBears(token, now);
    if (known) return *std::move(known);
  }
  return issuers.WhoBears(token);
}

std::optional<HttpAnswer> ManagerServer::Impl::Enter(Call* call) {
  const absl::Time now = absl::Now();
  const auto too_many = [](std::string_view what) {
    HttpAnswer answer = ErrorAnswer(429, what);
    answer.headers.emplace_back("Retry-After", "1");
    return answer;
  };
  const std::string borne(call->request->Header("authorization").value_or(""));
  const bool bears_one = absl::StartsWithIgnoreCase(borne, {kBearer.data(), kBearer.size()});
  // A token counts before a cookie: who sends one means it.
  const std::optional<Session> session =
      bears_one ? std::nullopt : parts.sign_in->SessionOf(*call->request);
  call->is_by_session = session.has_value();
  absl::StatusOr<Principal> principal =
      bears_one ? WhoBears(std::string_view(borne).substr(kBearer.size()), now)
      : session ? absl::StatusOr<Principal>(session->principal)
      : parts.sign_in->HasCookie(*call->request)
          ? absl::PermissionDeniedError("the session has ended: sign in again")
          : absl::NotFoundError("there is none");
  if (absl::IsUnavailable(principal.status())) {  // whoever it is, it isn't their fault
    return ErrorAnswer(503, MessageOf(principal.status()));
  }
  // Those who bear a right one may share an address with who doesn't, as behind a proxy.
  if (!principal.ok() && !wrong_tokens.MayTry(call->peer, now)) {
    return too_many("too many wrong tokens came from this address: try again in a second");
  }
  if (!principal.ok()) {
    wrong_tokens.Add(call->peer, now);
    HttpAnswer answer =
        ErrorAnswer(401, absl::IsPermissionDenied(principal.status())
                             ? MessageOf(principal.status())
                             : "send a token that is known as Authorization: Bearer");
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    return answer;
  }
  call->principal = *std::move(principal);
  const bool is_router = call->principal.kind == PrincipalKind::kRouter;
  if (!(is_router ? routers : persons).Take(call->principal.name, now)) {
    return too_many("these are too many calls a second: ask again in one");
  }
  if (!session) return std::nullopt;
  const std::string why = WhyNotOurs(*call->request, parts.sign_in->origin(), session->csrf);
  if (!why.empty()) return ErrorAnswer(403, why);
  return std::nullopt;
}

std::optional<HttpAnswer> ManagerServer::Impl::MayCall(const Route& route, Call* call) {
  if (route.needs == Needs::kToken) return std::nullopt;
  if (const absl::Status name = CheckItemName("service", call->service); !name.ok()) {
    return ErrorAnswer(name);
  }
  absl::StatusOr<ServiceSettings> settings = SettingsOf(parts, call->service);
  if (!settings.ok()) return ErrorAnswer(settings.status());
  call->settings = *std::move(settings);
  const bool is_person = call->principal.kind == PrincipalKind::kPerson;
  Role role = Role::kViewer;
  bool is_kind = is_person;
  switch (route.needs) {
    case Needs::kEditor:
      role = Role::kEditor;
      break;
    case Needs::kApprover:
      role = Role::kApprover;
      break;
    case Needs::kRules:
    case Needs::kPrincipal:
      is_kind = true;
      break;
    case Needs::kRouter:
      is_kind = !is_person;
      break;
    default:
      break;
  }
  if (is_kind && HasRoleAnywhere(call->principal, call->settings, call->service, role)) {
    return std::nullopt;
  }
  return ErrorAnswer(
      403, absl::StrFormat("%s may not do this in %s: it is for %s with the role %s",
                           call->principal.name, call->service,
                           route.needs == Needs::kRouter ? "routers" : "those", RoleName(role)));
}

HttpAnswer ManagerServer::Impl::Metrics() {
  std::string text =
      "# HELP turnout_manager_answers_total Answers by status.\n"
      "# TYPE turnout_manager_answers_total counter\n";
  {
    const absl::MutexLock lock(&mu);
    for (const auto& [status, count] : answers) {
      absl::StrAppend(&text, "turnout_manager_answers_total{status=\"", status, "\"} ", count,
                      "\n");
    }
  }
  absl::StrAppend(&text,
                  "# HELP turnout_manager_waiting Routers whose question is held.\n"
                  "# TYPE turnout_manager_waiting gauge\nturnout_manager_waiting ",
                  parts.feed->waiting(),
                  "\n# HELP turnout_manager_changes Changes there have been.\n"
                  "# TYPE turnout_manager_changes counter\nturnout_manager_changes ",
                  parts.store->newest(), "\n");
  if (parts.succession != nullptr) {
    absl::StrAppend(&text,
                    "# HELP turnout_manager_active Whether this one is, of those that share.\n"
                    "# TYPE turnout_manager_active gauge\nturnout_manager_active ",
                    parts.succession->is_active() ? 1 : 0,
                    "\n# HELP turnout_manager_takeovers_total How often it has become so.\n"
                    "# TYPE turnout_manager_takeovers_total counter\n"
                    "turnout_manager_takeovers_total ",
                    parts.succession->takeovers(), "\n");
  }
  if (parts.backups != nullptr) parts.backups->AppendMetrics(absl::Now(), &text);
  if (parts.rotation != nullptr) {
    text +=
        "# HELP turnout_manager_sealed_secrets Versions of secrets that a master key seals.\n"
        "# TYPE turnout_manager_sealed_secrets gauge\n";
    for (const auto& [id, count] : parts.rotation->counted()) {
      absl::StrAppend(&text, "turnout_manager_sealed_secrets{key=\"", id, "\"} ", count, "\n");
    }
    absl::StrAppend(&text,
                    "# HELP turnout_manager_master_keys_refused Whether the file is not taken.\n"
                    "# TYPE turnout_manager_master_keys_refused gauge\n"
                    "turnout_manager_master_keys_refused ",
                    parts.keys->trouble().empty() ? 0 : 1, "\n");
  }
  if (parts.git != nullptr) {
    const GitStatus git = parts.git->status();
    absl::StrAppend(&text,
                    "# HELP turnout_manager_git_following Whether the repository and the store "
                    "hold the same.\n"
                    "# TYPE turnout_manager_git_following gauge\nturnout_manager_git_following ",
                    git.state == GitState::kFollowing ? 1 : 0,
                    "\n# HELP turnout_manager_git_refused Whether what was pushed is refused, or "
                    "conflicts.\n"
                    "# TYPE turnout_manager_git_refused gauge\nturnout_manager_git_refused ",
                    git.state == GitState::kRefused || git.state == GitState::kConflict ? 1 : 0,
                    "\n# HELP turnout_manager_git_pending Changes that are not pushed yet.\n"
                    "# TYPE turnout_manager_git_pending gauge\nturnout_manager_git_pending ",
                    git.pending, "\n");
  }
  return {.body = text, .content_type = "text/plain; version=0.0.4"};
}

absl::StatusOr<std::unique_ptr<ManagerServer>> ManagerServer::Start(const ManagerOptions& options) {
  absl::StatusOr<runtime::ListenSocket> listener = runtime::Listen(options.listen);
  if (!listener.ok()) return listener.status();
  const bool has_tls = !options.certificate.empty();
  if (!listener->is_loopback && !has_tls) {
    return absl::InvalidArgumentError(absl::StrCat(
        "listen: ", options.listen,
        " is more than this machine: set `tls`, so that nobody on the way reads the tokens"));
  }
  auto impl = std::make_unique<Impl>(options);
  if (const absl::Status opened = impl->Open(options); !opened.ok()) return opened;
  runtime::HttpFrontOptions front{.threads = kThreads,
                                  .request_timeout = kRequestTimeout,
                                  .connection_timeout = kConnectionTimeout,
                                  .body_bytes_max = kBodyBytesMax,
                                  .connections_max = kConnectionsMax,
                                  .unsent_bytes_max = kUnsentBytesMax,
                                  .bodies_bytes_max = kBodiesBytesMax};
  if (has_tls) {
    auto files = runtime::CertificateFiles::Open(options.certificate, options.key);
    if (!files.ok()) return files.status();
    front.certificates = *std::move(files);
  }
  impl->url = absl::StrCat(has_tls ? "https://" : "http://", listener->address);
  impl->MakeSuccession(options);
  Impl* const answers = impl.get();
  impl->front = std::make_unique<runtime::HttpFront>(
      std::move(front), *std::move(listener),
      [answers](const runtime::HttpRequest& request, const std::string& peer, uint64_t number) {
        return answers->Answer(request, peer, number);
      },
      [answers](const runtime::HttpFault& fault) {
        return answers->Counted(ErrorAnswer(fault.status, fault.what));
      });
  if (impl->parts.succession != nullptr) impl->parts.succession->Start();
  if (impl->parts.backups != nullptr) impl->parts.backups->Start();
  if (impl->parts.rotation != nullptr) impl->parts.rotation->Start();
  if (impl->parts.git != nullptr) impl->parts.git->Start();
  return std::unique_ptr<ManagerServer>(new ManagerServer(std::move(impl)));
}

ManagerServer::ManagerServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ManagerServer::~ManagerServer() { Stop(); }

std::string ManagerServer::url() const { return impl_->url; }

void ManagerServer::Stop() {
  if (std::exchange(impl_->is_stopped, true)) return;
  impl_->parts.is_ending = true;
  impl_->parts.feed->End();
  if (impl_->parts.runner != nullptr) impl_->parts.runner->End();
  impl_->front->Finish(kFinishTimeout);
  if (impl_->parts.rotation != nullptr) impl_->parts.rotation->Stop();
  if (impl_->parts.git != nullptr) impl_->parts.git->Stop();
  // Another one takes over at once.
  if (impl_->parts.succession != nullptr) impl_->parts.succession->Stop();
  if (impl_->parts.backups != nullptr) impl_->parts.backups->Stop();
}

}  // namespace turnout::manager
