#include "deploy/manager/onboarding_places.h"

#include <utility>

#include "runtime/log.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

std::shared_ptr<const PlacesOfServices> PlacesOf(const ManagerOptions& options) {
  auto places = std::make_shared<PlacesOfServices>();
  for (const auto& [service, policy] : options.onboarding) {
    (*places)[service] = {policy, options.job_pipelines.at(service)};
  }
  return places;
}

}  // namespace

OnboardingPlaces::OnboardingPlaces(const ManagerOptions& options)
    : file_(options.config_file), seen_(options.config_text), places_(PlacesOf(options)) {}

absl::Status OnboardingPlaces::refused() const {
  const absl::MutexLock lock(&mu_);
  return refused_;
}

std::shared_ptr<const PlacesOfServices> OnboardingPlaces::Now() {
  const absl::MutexLock lock(&mu_);
  if (file_.empty()) return places_;
  const absl::StatusOr<std::string> text = state::ReadFile(file_, kManagerConfigBytesMax);
  if (text.ok() && *text == seen_) {
    refused_ = absl::OkStatus();
    return places_;
  }
  absl::StatusOr<ManagerOptions> options = LoadManagerOptions(file_, {}, OptionsUse::kReadingAgain);
  const absl::Status before = std::exchange(refused_, options.status());
  if (!options.ok()) {
    if (before != refused_) {
      runtime::LogWarning("onboarding_refused",
                          "the config can't be taken, and what teams may have stays as it was",
                          {{"why", std::string(refused_.message())}});
    }
    return places_;
  }
  seen_ = std::move(options->config_text);
  places_ = PlacesOf(*options);
  runtime::LogInfo("onboarding_taken", "what teams may have is as the config says now");
  return places_;
}

}  // namespace turnout::manager
