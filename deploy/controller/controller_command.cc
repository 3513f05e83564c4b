#include "deploy/controller/controller_command.h"

#include <signal.h>

#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "deploy/controller/controller_loop.h"
#include "deploy/controller/decide.h"
#include "runtime/admin_server.h"
#include "runtime/exit_status.h"
#include "runtime/log.h"
#include "runtime/stop_signals.h"

namespace turnout::controller {
namespace {

// For the calls at hand, the lease, and watches that notice within a second.
constexpr absl::Duration kStopTimeout = absl::Seconds(15);
constexpr absl::Duration kOnceTimeout = absl::Seconds(60);

std::vector<runtime::AdminPage> PagesOf(const ControllerLoop* loop) {
  using runtime::AdminAccess;
  using runtime::AdminAnswer;
  return {
      {.path = "/metrics",
       .answer =
           [loop] {
             return AdminAnswer{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                .body = loop->MetricsText()};
           },
       .access = AdminAccess::kAll},
      {.path = "/healthz",
       .answer = [] { return AdminAnswer{.content_type = "text/plain", .body = "ok\n"}; },
       .access = AdminAccess::kAll},
      {.path = "/readyz",
       .answer =
           [loop] {
             const bool is_ready = loop->is_ready();
             return AdminAnswer{.status = is_ready ? 200 : 503,
                                .content_type = "text/plain",
                                .body = is_ready ? "ok\n" : "not all kinds are listed yet\n"};
           },
       .access = AdminAccess::kAll},
  };
}

}  // namespace

int RunController(const ControllerOptions& given) {
  runtime::StopSignals::Block();
  const absl::StatusOr<ControllerOptions> options =
      CompleteOptions(given, kube::PodPlaceOfEnvironment());
  if (!options.ok()) return runtime::ExitStatus(options.status());
  ::signal(SIGPIPE, SIG_IGN);
  runtime::StartLog({});
  ControllerLoop loop(*options, Decide);
  loop.Start();
  absl::Notification stop;
  const runtime::StopSignals signals([&stop] { stop.Notify(); }, kStopTimeout);
  if (options->is_once) {
    const absl::Status done = loop.Once(kOnceTimeout, stop);
    loop.Stop();
    return done.ok() ? runtime::kExitOk : runtime::ExitStatus(done);
  }
  absl::StatusOr<std::unique_ptr<runtime::AdminServer>> server =
      runtime::AdminServer::Start({.listen = options->listen}, PagesOf(&loop));
  if (!server.ok()) {
    loop.Stop();
    return runtime::ExitStatus(server.status());
  }
  runtime::LogInfo("controller_started",
                   absl::StrFormat("the controller follows %s and answers at %s",
                                   options->kube.server, (*server)->url()),
                   {{"server", options->kube.server},
                    {"url", (*server)->url()},
                    {"identity", options->identity}});
  stop.WaitForNotification();
  server->reset();
  loop.Stop();
  runtime::LogInfo("controller_stopped", "nothing is at hand, and the lease is nobody's");
  return runtime::kExitOk;
}

}  // namespace turnout::controller
