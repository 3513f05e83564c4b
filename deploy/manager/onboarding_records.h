// OnboardingRecords: what was made for which team, by whom and when, before it was made.
//
// One is an object of a CheckpointStore that is written only if there is none, so that it is never
// changed, and of two managers that share them one is told that it was second. They are numbered by
// team. That all of it was undone is a record too, and what comes before it counts no more.
//
// Errors: ResourceExhausted where a team has too many; DataLoss for one that can't be read, naming
//   it; Aborted: another manager was first, so look again; else those of CheckpointStore.
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/manager/onboarding_plan.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

inline constexpr int64_t kOnboardingRecordsMax = 1'000;  // of a team
inline constexpr size_t kOnboardingRecordBytesMax = 64u << 20;
inline constexpr size_t kOnboardedTeamsMax = 10'000;  // of a service, that are listed

struct OnboardingRecord {
  int64_t number = 0;
  std::string by;
  std::string why;
  int64_t at_ms = 0;  // Unix time
  bool is_undone = false;
  std::vector<OnboardingStep> steps;  // that it makes
};

// What there is of a team.
struct Onboarded {
  std::vector<OnboardingRecord> records;  // since it was undone last, the oldest first
  int64_t last = 0;                       // the number of the last record, of all there ever were

  StepsMade made() const;
};

class OnboardingRecords {
 public:
  // `objects` outlives it.
  explicit OnboardingRecords(state::CheckpointStore* objects) : objects_(objects) {}

  absl::StatusOr<Onboarded> Of(const std::string& service, const std::string& team) const;
  // As the record after `after`.
  absl::StatusOr<int64_t> Add(const std::string& service, const std::string& team, int64_t after,
                              OnboardingRecord record);
  // Teams that there are records of, sorted; those that were undone among them.
  absl::StatusOr<std::vector<std::string>> Teams(const std::string& service) const;

 private:
  state::CheckpointStore* const objects_;
};

}  // namespace turnout::manager
