// OnboardingPlaces: what teams of each service may have, as the manager's config says it now.
//
// The file is looked at whenever somebody asks, so that a policy that was changed holds for the
// next request. One that can't be taken changes nothing: what held before holds on, and the log
// says why. Everything else in the file is read when the manager starts.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "deploy/manager/manager_options.h"
#include "deploy/manager/onboarding_policy.h"

namespace turnout::manager {

// What teams of a service may have, and by whose pipeline.
struct OnboardingPlace {
  OnboardingPolicy policy;
  std::string pipeline;
};

using PlacesOfServices = std::map<std::string, OnboardingPlace>;

class OnboardingPlaces {
 public:
  // As the manager began with them.
  explicit OnboardingPlaces(const ManagerOptions& options);

  std::shared_ptr<const PlacesOfServices> Now();

  // Why the file as it is now was not taken; OK if it was.
  absl::Status refused() const;

 private:
  const std::string file_;  // empty: there is none, and nothing changes
  mutable absl::Mutex mu_;
  std::string seen_ ABSL_GUARDED_BY(mu_);  // the file's text
  absl::Status refused_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const PlacesOfServices> places_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::manager
