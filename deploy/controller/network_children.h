// NetworkChildren: how a router's pods are found, and whom they may talk to.
//
// Objects are JSON texts.
// Threads: pure functions.
#pragma once

#include <string>

#include "deploy/controller/router_spec.h"

namespace turnout::controller {

// Without an address of its own: gives pods their names in DNS.
std::string MakePodService(const RouterSpec& router);

// The status page's, for the Ingress.
std::string MakeStatusService(const RouterSpec& router);
std::string MakeIngress(const RouterSpec& router);

// Out: brokers, registry, store, config manager, DNS. In: Prometheus, the controller, and the
// ingress controller where there is an Ingress; probes of the own node are always let in. Places
// that spec.network does not give may be anywhere, on the ports that the spec names: a policy can't
// hold names.
std::string MakeNetworkPolicy(const RouterSpec& router, const ControllerFacts& controller);

}  // namespace turnout::controller
