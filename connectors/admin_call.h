// AskBroker: one request of an administrator's, until a broker has answered it or time is up.
//
// Internal to connectors/. Whoever is to be asked may not be known yet, or may go away meanwhile:
// it is looked for, and asked, again. So a request has to be one that may come twice.
//
// Errors: Unavailable - no answer in time, with why. Unimplemented - the broker doesn't know the
//   request, or is older than `needs` says; else what `find` says.
// Threads: the cluster client's.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/cluster_client.h"

namespace turnout::connectors {

using FindBroker = std::function<absl::StatusOr<BrokerConnection*>()>;
using WriteBody = std::function<void(std::string* out)>;

// How long one waits between two looks at what has come.
inline constexpr absl::Duration kAdminLook = absl::Milliseconds(20);

// `needs`, such as "this needs Kafka 3.0 or newer", is said of a broker that is too old.
absl::StatusOr<Answer> AskBroker(ClusterClient& cluster, const FindBroker& find, Api api,
                                 const WriteBody& write, const char* needs, absl::Time deadline);

}  // namespace turnout::connectors
