// ManagerServer: the config manager at work: its store, its logs, and the HTTP API before them.
//
// A request: route -> who bears its token -> how many calls that one has left -> whether the route
// is for such -> the handler (api.h) -> what was refused goes to the audit log -> answer.
//
// Addresses with too many missing or wrong tokens are kept waiting (runtime/wrong_tokens.h). Those
// 429s are counted, not logged one by one: the refusals that led there are in the audit log.
//
// Errors: Start: InvalidArgument for what a person has to mend; those of the store.
// Threads: its own; Stop and the destructor on one.
// Lifetime: Stop answers the routers that wait, and lets calls at hand end.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "deploy/manager/manager_options.h"

namespace turnout::manager {

class ManagerServer {
 public:
  static absl::StatusOr<std::unique_ptr<ManagerServer>> Start(const ManagerOptions& options);
  ~ManagerServer();

  std::string url() const;
  void Stop();

 private:
  struct Impl;
  explicit ManagerServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::manager
