#include "runtime/exit_status.h"

#include <cstdio>

#include "runtime/log.h"

namespace turnout::runtime {

int ExitStatus(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  const absl::string_view why = status.message();
  std::fprintf(stderr, "%s\n", WithoutSecrets({why.data(), why.size()}).c_str());
  return absl::IsInvalidArgument(status) ? kExitRefused : kExitFailed;
}

}  // namespace turnout::runtime
