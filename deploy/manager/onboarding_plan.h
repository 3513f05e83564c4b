// OnboardingPlan: what is to be made for a team, and what of it is there already: a pure function
// of the request, the platform's policy, what exists and what was made before.
//
// Steps are in the order in which they are made: topics, ACLs, a quota, then what makes events
// flow. They are undone the other way round. A step is known by its kind and name; what an earlier
// record has made is the onboarding's own, and may be changed and undone by it; what was there
// before stays as it is. So the same request again finds everything there, and one that was cut
// short finds the rest to make.
//
// Format: JSON (ToJson), in records and answers.
// Errors: DataLoss from ReadSteps for a text that is none.
// Threads: ordinary values, pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/onboarding_policy.h"
#include "deploy/manager/onboarding_request.h"
#include "runtime/topic_provisioning.h"

namespace turnout::manager {

enum class StepKind { kTopic, kAcl, kQuota, kRules, kObject, kFile };

enum class StepState {
  kThere,    // nothing is to be done
  kMake,     // to be made, or changed
  kOther,    // there is another one that is not ours: it stays, and the team may use it
  kBlocked,  // the same, and nothing can be done before somebody sees to it
};

struct OnboardingStep {
  StepKind kind = StepKind::kTopic;
  std::string name;
  StepState state = StepState::kMake;
  std::string note;
  bool stays = false;  // others rely on it too: it is not undone with this team

  // By its kind.
  runtime::ProvisionedTopic topic;
  runtime::Acl acl;
  int64_t bytes_per_second = 0;
  std::string text;           // a rule file, an object of Kubernetes, or a file of a repository
  std::string path;           // the object's
  std::string field_manager;  // who applies it

  std::string id() const;  // its kind and name
};

std::string_view KindName(StepKind kind);
std::string_view StateName(StepState state);

// As it was when somebody looked.
struct OnboardingFacts {
  std::map<std::string, int32_t> topics;  // partitions of those that exist
  std::vector<runtime::Acl> acls;
  std::optional<double> quota;
  std::optional<std::string> rules;            // the team's rule file at the manager
  std::map<std::string, std::string> objects;  // of Kubernetes, by path
  std::map<std::string, std::string> files;    // of the repository
};

// What earlier records have made, by id; of several the newest.
using StepsMade = std::map<std::string, OnboardingStep>;

// Objects of Kubernetes, and files, are others' to think out (onboarding_objects.h,
// onboarding_files.h): `objects` are steps whose state is still to be found.
std::vector<OnboardingStep> PlanOnboarding(const OnboardingRequest& request,
                                           const OnboardingPolicy& policy,
                                           const std::vector<std::string>& topics,
                                           const std::string& router_group,
                                           std::vector<OnboardingStep> objects,
                                           const OnboardingFacts& facts, const StepsMade& made);

// Partitions for that many events a second.
int32_t PartitionsFor(int64_t rate, const OnboardingPolicy& policy);

std::string ToJson(const OnboardingStep& step);  // with all that it takes to make and undo it
std::string ShownJson(const OnboardingStep& step);
absl::StatusOr<std::vector<OnboardingStep>> ReadSteps(std::string_view json_array);

}  // namespace turnout::manager
