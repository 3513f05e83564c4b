#include "deploy/manager/manager_command.h"

#include <signal.h>
#include <sys/stat.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "deploy/manager/manager_server.h"
#include "runtime/exit_status.h"
#include "runtime/log.h"
#include "runtime/stop_signals.h"

namespace turnout::manager {
namespace {

constexpr absl::Duration kStopTimeout = absl::Seconds(5);

}  // namespace

int RunManager(const std::string& config_file, const ManagerOptions& given) {
  runtime::StopSignals::Block();
  const absl::StatusOr<ManagerOptions> options = LoadManagerOptions(config_file, given);
  if (!options.ok()) return runtime::ExitStatus(options.status());
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(077);  // what is kept is nobody else's to read
  runtime::StartLog({});
  absl::StatusOr<std::unique_ptr<ManagerServer>> server = ManagerServer::Start(*options);
  if (!server.ok()) return runtime::ExitStatus(server.status());
  absl::Notification stop;
  const runtime::StopSignals signals([&stop] { stop.Notify(); }, kStopTimeout);
  runtime::LogInfo("manager_started",
                   absl::StrCat("the config manager answers at ", (*server)->url()),
                   {{"url", (*server)->url()}});
  stop.WaitForNotification();
  (*server)->Stop();
  server->reset();
  runtime::LogInfo("manager_stopped", "every change that was acknowledged is on disk");
  return runtime::kExitOk;
}

}  // namespace turnout::manager
