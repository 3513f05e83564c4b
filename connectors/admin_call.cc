#include "connectors/admin_call.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {

absl::StatusOr<Answer> AskBroker(ClusterClient& cluster, const FindBroker& find, Api api,
                                 const WriteBody& write, const char* needs, absl::Time deadline) {
  absl::Status why = absl::UnavailableError("no broker has answered in time");
  Ticket ticket;
  while (SteadyNow() < deadline) {
    if (ticket.connection == nullptr) {
      const absl::StatusOr<BrokerConnection*> broker = find();
      if (broker.ok() && (*broker)->versions().Version(api) < 0) {
        return absl::UnimplementedError(absl::StrFormat("broker %s does not know %s: %s",
                                                        (*broker)->name(), ApiName(api), needs));
      }
      if (broker.ok()) {
        RequestFrame frame = (*broker)->Begin(api);
        write(frame.own());
        ticket = {*broker, (*broker)->Send(api, std::move(frame), SteadyNow())};
      } else if (absl::IsUnimplemented(broker.status())) {
        // That it is too old for a sink is not what whoever asks wants to know.
        return absl::UnimplementedError(absl::StrFormat("a broker is too old: %s", needs));
      } else if (!absl::IsUnavailable(broker.status())) {
        return broker.status();
      } else {
        why = broker.status();
      }
    }
    cluster.Turn(std::min(deadline, SteadyNow() + kAdminLook));
    if (ticket.connection == nullptr) continue;
    if (std::optional<absl::StatusOr<Answer>> answer = ticket.connection->Take(ticket.request)) {
      if (answer->ok()) return *std::move(answer);
      why = answer->status();
      ticket = {};
    }
  }
  if (ticket.connection != nullptr) ticket.connection->Forget(ticket.request);
  return why;
}

}  // namespace turnout::connectors
