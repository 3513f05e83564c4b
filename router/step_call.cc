#include "router/step_call.h"

#include "absl/strings/str_cat.h"

namespace turnout::router {

absl::Status DamagedStep(StepKind kind, std::string_view what) {
  const std::string_view name = StepName(kind);
  return absl::DataLossError(
      absl::StrCat("step `", absl::string_view(name.data(), name.size()),
                   "`: a stored entry is damaged: ", absl::string_view(what.data(), what.size())));
}

}  // namespace turnout::router
