// Decide: what should be of one EventRouter, from what is.
//
// The controller's core, and a pure function: text in, text out. It looks at a router, the routes
// that name it, what of it is in the cluster and what its pods say, and answers with a plan: whole
// objects to apply, what to remove, the statuses to write. The process around it (controller_*)
// only observes and carries out; it may do so twice, or be killed halfway: the next observation
// leads to the same plan. Nothing is kept between calls but what stands in the cluster: the
// router's status, and annotations of its children.
//
// Observation, a JSON object:
//   now         RFC 3339, UTC
//   controller  {namespace, image, version, apis}: its own namespace; repository and tag that
//               routers run unless they say otherwise; the optional kinds that the server knows,
//               each "GROUP/VERSION/KIND" ("keda.sh/v1alpha1/ScaledObject")
//   router      the EventRouter, whole
//   others      EventRouters of any namespace with the same source.topic, this one among them
//   routes      EventRoutes that name it in spec.router, of all namespaces
//   children    live objects of its namespace with the label turnout.dev/router: NAME, whole; of
//               every kind in kChildKinds (child_kinds.h) that the server knows. Without pods and
//               claims
//   pods        [{pod, status, error}]: its pods; the body of /v1/status as an object (as a text it
//               is taken too), or null and why
//   claims      its PersistentVolumeClaims
//   random      0 to 1: spreads `againInSeconds`
//
// Plan, a JSON object:
//   apply         objects for server-side apply, whole but for what the server adds, by force, in
//                 this order. All in the router's namespace, owned by it. A PersistentVolumeClaim
//                 is one that is to grow: it has an owner already
//   remove        [{apiVersion, kind, namespace, name, uid, gracePeriodSeconds, propagation, why}]:
//                 children that are desired no more, jobs that are, pods of nodes that are lost.
//                 `uid` is a precondition; `gracePeriodSeconds` and `propagation` may be missing;
//                 what is not there any more is as good as removed
//   routerStatus  the router's whole status
//   routeStatuses [{namespace, name, status}], of all routes
//   finalizers    the router's whole list of finalizers, those of others among them. Write it
//   before
//                 anything is applied where it gets longer, else after all else
//   events        [{type, reason, note, regarding: {apiVersion, kind, namespace, name, uid}}]: only
//                 of what changed since the status in the observation
//   againInSeconds  look again after so long, even if nothing changes
//
// `apply` is empty, and `remove` too, when the router is on its way out and nothing holds it: the
// server's garbage collector does the rest.
//
// Errors: InvalidArgument where the observation itself is malformed: a fault of who observes. What
//   is wrong with a router or a route is in their statuses; children then stay as they are.
// Threads: pure function; tens of milliseconds where the rules of many teams are compiled.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace turnout::controller {

absl::StatusOr<std::string> Decide(std::string_view observation);

}  // namespace turnout::controller
