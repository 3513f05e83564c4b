// OnboardingWork: looks at what there is for a team, makes steps, and undoes them: at Kafka with an
// administrator's rights, and at the Kubernetes API where rules go there.
//
// Rules that go to the manager itself are changed by whoever publishes (onboard_api.cc), files of a
// repository by OnboardingGit.
//
// Errors: those of runtime/topic_provisioning.h and deploy/kube/kube_status.h. Each step may be
//   made, and undone, again.
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/kube/kube_client.h"
#include "deploy/manager/onboarding_plan.h"
#include "deploy/manager/onboarding_policy.h"
#include "runtime/topic_provisioning.h"

namespace turnout::manager {

class OnboardingWork {
 public:
  // `pipeline` is the service's. Talks to nobody yet.
  static absl::StatusOr<std::unique_ptr<OnboardingWork>> Open(const OnboardingPolicy& policy,
                                                              const std::string& pipeline);

  // The routers' group, which their transactional ids begin with.
  const std::string& group() const { return group_; }
  // HOST:PORT,...: those that are asked.
  const std::string& brokers() const { return kafka_->brokers(); }

  // InvalidArgument for a team whose topics or groups the pipeline's own would be among.
  absl::Status CheckTeam(const std::string& team) const;

  // All but the manager's own rules. `objects` are steps that may be there.
  absl::StatusOr<OnboardingFacts> Look(const std::string& service, const std::string& team,
                                       const std::vector<std::string>& topics,
                                       const std::vector<OnboardingStep>& objects);

  absl::Status Make(const OnboardingStep& step);
  absl::Status Undo(const OnboardingStep& step);

  absl::StatusOr<std::map<std::string, int64_t>> RecordsOf(const std::vector<std::string>& topics) {
    return kafka_->RecordsOf(topics);
  }

 private:
  explicit OnboardingWork(const OnboardingPolicy& policy) : policy_(policy) {}
  absl::Status Apply(const OnboardingStep& step);

  const OnboardingPolicy policy_;
  std::string group_;
  std::vector<std::string> own_names_;  // of the pipeline
  std::unique_ptr<runtime::TopicProvisioning> kafka_;
  std::unique_ptr<kube::KubeClient> kubernetes_;  // null: rules don't go there
};

}  // namespace turnout::manager
