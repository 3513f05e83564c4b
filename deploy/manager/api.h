// Api: what the config manager answers, call by call: a table of routes, and what stands behind.
//
// A call comes here once it is known who makes it, and that it may be made at all by its route's
// `needs`; what is about a team's files is judged where the files are known (publish.h).
//
// Errors: as answers (http_answer.h).
// Threads: any; what the parts are is theirs to guard.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "deploy/manager/access.h"
#include "deploy/manager/audit_log.h"
#include "deploy/manager/backups.h"
#include "deploy/manager/change_log.h"
#include "deploy/manager/explain_desk.h"
#include "deploy/manager/git_sync.h"
#include "deploy/manager/http_answer.h"
#include "deploy/manager/item_store.h"
#include "deploy/manager/job_runner.h"
#include "deploy/manager/job_words.h"
#include "deploy/manager/jobs.h"
#include "deploy/manager/key_rotation.h"
#include "deploy/manager/master_keys.h"
#include "deploy/manager/onboarding_places.h"
#include "deploy/manager/onboarding_records.h"
#include "deploy/manager/proposals.h"
#include "deploy/manager/router_fleet.h"
#include "deploy/manager/router_pulses.h"
#include "deploy/manager/rule_places.h"
#include "deploy/manager/rules_feed.h"
#include "deploy/manager/sign_in.h"
#include "deploy/manager/succession.h"
#include "router/rule_file.h"
#include "router/state_settings.h"
#include "runtime/http_request.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

inline constexpr size_t kListMax = 1'000;  // of changes, versions, proposals in an answer
inline constexpr size_t kListDefault = 100;
inline constexpr size_t kSearchHitsMax = 10'000;
inline constexpr int kPublishingMax = 12;  // changes that are checked or wait for it

// What a manager is made of.
struct Parts {
  std::unique_ptr<state::CheckpointStore> shared;  // with other managers; null: with none
  std::unique_ptr<ChangeLog> change_log;           // null, or in `shared`
  std::unique_ptr<ItemStore> store;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<state::CheckpointStore> own_objects;  // where `data` is
  std::unique_ptr<Proposals> proposals;
  std::unique_ptr<Succession> succession;  // null, or by `shared`
  std::unique_ptr<Backups> backups;        // null: none are made
  std::unique_ptr<RulesFeed> feed;
  std::unique_ptr<SignIn> sign_in;
  bool has_tls = false;  // of what it listens with
  RouterFleet fleet;
  RouterPulses pulses;
  ExplainDesk explain;
  RulePlacesCache search_cache;
  std::unique_ptr<MasterKeys> keys;  // none: secrets can't be put or released
  std::unique_ptr<KeyRotation> rotation;
  std::unique_ptr<GitSync> git;  // none: no repository is followed
  router::RuleLimits limits;
  router::StateSettings state_settings;

  std::map<std::string, JobPlace> job_places;  // by service; others have no jobs
  std::unique_ptr<Jobs> jobs;                  // null: there is no place for any
  std::unique_ptr<JobRunner> runner;           // the same
  std::unique_ptr<OnboardingPlaces> onboarding_places;
  std::unique_ptr<OnboardingRecords> onboarding;
  absl::Mutex onboarding_mu;           // held by the one call that makes or undoes something
  std::string onboarding_clones;       // the directory of Git repositories that teams are put into
  std::atomic<bool> is_ending{false};  // what waits for others gives up

  std::function<void(uint64_t number, const HttpAnswer& answer)> give;  // one that was held

  absl::Mutex publishing_mu;  // held from the look at what there is until it is changed
  std::atomic<int> publishing{0};
};

struct Call {
  const runtime::HttpRequest* request = nullptr;
  std::string peer;
  uint64_t number = 0;  // by which a held answer is given
  Principal principal;
  bool is_by_session = false;  // by its cookie, not by a token
  ServiceSettings settings;    // of the service that is named, if any
  std::string action;
  // Of the path; empty: it has none.
  std::string service;
  std::string kind;
  std::string name;
  std::string id;  // {number}
  Query query;
};

// Nullopt: it is held.
using Handler = std::optional<HttpAnswer> (*)(Parts& parts, const Call& call);

enum class Needs {
  kNothing,  // no token
  kToken,
  kViewer,  // a role over any team of the service, by a person
  kEditor,
  kApprover,
  kAdmin,      // of the whole service
  kRules,      // viewer; routers too
  kRouter,     // a router alone, with the service's viewer role
  kPrincipal,  // anybody with the service's viewer role
};

struct Route {
  std::string_view method;
  std::string_view path;    // "/v1/services/{service}/items"
  std::string_view action;  // in the audit log, and the operation's id in openapi.yaml
  Needs needs = Needs::kToken;
  std::vector<std::string_view> query;  // names it may have
  Handler handler = nullptr;
  bool takes_any_query = false;  // names that aren't known are passed over
};

const std::vector<Route>& Routes();

// The route of a request, its path's parts put into `call`. Null: there is none; `allowed` are the
// methods that there are of this path, if any.
const Route* FindRoute(std::string_view method, std::string_view path, Call* call,
                       std::vector<std::string_view>* allowed);

// Nullopt where this manager may answer; else what a standby says: 503, naming the active one.
std::optional<HttpAnswer> StandbyAnswer(const Parts& parts);

// Appends to the audit log; false, said in the log, if that failed.
bool Audit(Parts& parts, const Call& call, AuditEntry entry);

// A number of the query's, or the default. InvalidArgument beyond 0 to `max`.
absl::StatusOr<int64_t> QueryNumber(const Call& call, std::string_view name, int64_t by_default,
                                    int64_t max);
bool QueryFlag(const Call& call, std::string_view name);  // `?name`, `?name=1`, `?name=true`
// InvalidArgument for a flag that is neither that nor 0 or false: what was to be a dry run is none.
absl::Status CheckFlags(const Query& query);

// The service's settings as they are; those by default where there are none.
absl::StatusOr<ServiceSettings> SettingsOf(const Parts& parts, const std::string& service);

// --- the handlers, by file ---
// service_api.cc
std::optional<HttpAnswer> GetHealth(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetReady(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetOpenApi(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetWhoAmI(Parts& parts, const Call& call);
std::optional<HttpAnswer> ListServices(Parts& parts, const Call& call);
std::optional<HttpAnswer> QueryAudit(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetMasterKeys(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetGit(Parts& parts, const Call& call);
// session_api.cc
std::optional<HttpAnswer> GetSession(Parts& parts, const Call& call);
std::optional<HttpAnswer> BeginSignIn(Parts& parts, const Call& call);
std::optional<HttpAnswer> SignInCallback(Parts& parts, const Call& call);
std::optional<HttpAnswer> SignOut(Parts& parts, const Call& call);
// item_api.cc
std::optional<HttpAnswer> ListItems(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetItem(Parts& parts, const Call& call);
std::optional<HttpAnswer> PutItem(Parts& parts, const Call& call);
std::optional<HttpAnswer> DeleteItem(Parts& parts, const Call& call);
std::optional<HttpAnswer> ReleaseSecret(Parts& parts, const Call& call);
// rollout_api.cc
std::optional<HttpAnswer> RollOut(Parts& parts, const Call& call);
// history_api.cc
std::optional<HttpAnswer> ListVersions(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetVersion(Parts& parts, const Call& call);
std::optional<HttpAnswer> DiffVersions(Parts& parts, const Call& call);
std::optional<HttpAnswer> RestoreVersion(Parts& parts, const Call& call);
std::optional<HttpAnswer> ListChanges(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetChange(Parts& parts, const Call& call);
std::optional<HttpAnswer> RevertChange(Parts& parts, const Call& call);
// change_api.cc
std::optional<HttpAnswer> PostChange(Parts& parts, const Call& call);
std::optional<HttpAnswer> PostSearch(Parts& parts, const Call& call);
std::optional<HttpAnswer> PostReplace(Parts& parts, const Call& call);
// proposal_api.cc
std::optional<HttpAnswer> ListProposals(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetProposal(Parts& parts, const Call& call);
std::optional<HttpAnswer> ApproveProposal(Parts& parts, const Call& call);
std::optional<HttpAnswer> RejectProposal(Parts& parts, const Call& call);
// router_api.cc
std::optional<HttpAnswer> GetRules(Parts& parts, const Call& call);
std::optional<HttpAnswer> PostReport(Parts& parts, const Call& call);
std::optional<HttpAnswer> ListRouters(Parts& parts, const Call& call);
// pulse_api.cc
std::optional<HttpAnswer> PostPulse(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetRates(Parts& parts, const Call& call);
std::optional<HttpAnswer> PostSample(Parts& parts, const Call& call);
// explain_api.cc
std::optional<HttpAnswer> PostExplain(Parts& parts, const Call& call);
// job_api.cc
std::vector<std::string> WordsOfJob(const Parts& parts, const Job& job);
void AuditJob(Parts& parts, const Job& job, bool begins);  // that it begins, or is over
// Whether the answer comes of what the command says; else why not. `answer` is called once.
std::optional<HttpAnswer> AskKafka(Parts& parts, const Call& call, std::vector<std::string> words,
                                   std::function<HttpAnswer(const QuestionResult& result)> answer);
std::optional<HttpAnswer> PostJob(Parts& parts, const Call& call);
std::optional<HttpAnswer> ListJobs(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetJob(Parts& parts, const Call& call);
std::optional<HttpAnswer> ApproveJob(Parts& parts, const Call& call);
std::optional<HttpAnswer> CancelJob(Parts& parts, const Call& call);
std::optional<HttpAnswer> ResumeJob(Parts& parts, const Call& call);
// onboard_api.cc
std::optional<HttpAnswer> PostOnboard(Parts& parts, const Call& call);
std::optional<HttpAnswer> ListOnboarded(Parts& parts, const Call& call);
std::optional<HttpAnswer> GetOnboarded(Parts& parts, const Call& call);
std::optional<HttpAnswer> DeleteOnboarded(Parts& parts, const Call& call);
// dead_letter_api.cc
std::optional<HttpAnswer> ListDeadLetters(Parts& parts, const Call& call);

}  // namespace turnout::manager
