"""`turnout controller` against a real API server: what it makes, mends, lets go, and who acts."""
import urllib.request

from kube import wait_for
from processes import free_port

API = "turnout.dev/v1alpha1"
SYSTEM = "turnout-system"
CHILD = ["list", "watch", "create", "patch", "delete"]
# As deploy/controller/README.md lists them.
RIGHTS = [
    ("turnout.dev", ["eventrouters"], ["get", "list", "watch", "patch"]),
    ("turnout.dev", ["eventroutes"], ["list", "watch"]),
    ("turnout.dev", ["eventrouters/status", "eventroutes/status"], ["patch"]),
    ("turnout.dev", ["eventrouters/finalizers"], ["update"]),
    ("", ["pods", "persistentvolumeclaims"], ["list", "watch", "patch", "delete"]),
    ("", ["configmaps", "services", "serviceaccounts"], CHILD),
    ("apps", ["statefulsets"], CHILD),
    ("batch", ["jobs"], CHILD),
    ("policy", ["poddisruptionbudgets"], CHILD),
    ("networking.k8s.io", ["networkpolicies", "ingresses"], CHILD),
    ("autoscaling", ["horizontalpodautoscalers"], CHILD),
    ("keda.sh", ["scaledobjects"], CHILD),
    ("monitoring.coreos.com", ["podmonitors", "prometheusrules"], CHILD),
    ("events.k8s.io", ["events"], ["create", "patch"]),
    ("coordination.k8s.io", ["leases"], ["get", "create", "update"]),
]


def may_control(bench):
    """An account with the controller's rights and no more; a file with its token."""
    kube, name = bench.kube, "controller-under-test"
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}})
    kube.apply({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": name, "namespace": SYSTEM}})
    kube.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": name},
                "rules": [{"apiGroups": [group], "resources": resources, "verbs": verbs}
                          for group, resources, verbs in RIGHTS]})
    kube.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                            "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": SYSTEM}]})
    token = bench.directory / "token"
    token.write_text(bench.cluster.token(SYSTEM, name))
    return token


def begin(bench, token, name="controller", *more):
    """A controller of this test's own lease, and where it answers."""
    listen = f"127.0.0.1:{free_port()}"
    process = bench.begin(name, bench.turnout, "controller", "--server", bench.cluster.server,
                          "--token-file", token, "--ca-file", bench.cluster.ca, "--namespace",
                          SYSTEM, "--lease", bench.name.replace("_", "-")[:60], "--listen", listen, *more)
    return process.wait_until(lambda: says(listen, "/readyz") == "ok\n"), listen


def says(listen, path):
    return urllib.request.urlopen(f"http://{listen}{path}", timeout=5).read().decode()


def is_leader(listen):
    return "turnout_controller_leader 1\n" in says(listen, "/metrics")


def router(namespace, **more):
    return {"apiVersion": API, "kind": "EventRouter",
            "metadata": {"name": "shop", "namespace": namespace},
            "spec": {"source": {"brokers": ["kafka:9092"], "topic": "events"}, "replicas": 1,
                     "teams": [{"name": "fraud", "namespace": namespace,
                                "destinations": ["fraud.*"]}],
                     "onDelete": {"lag": "Ignore"}, **more}}


def route(namespace):
    """Of the router's team; the namespace is that team's by its label."""
    return {"apiVersion": API, "kind": "EventRoute",
            "metadata": {"name": "fraud", "namespace": namespace},
            "spec": {"router": {"name": "shop", "namespace": namespace}, "team": "fraud",
                     "rules": [{"name": "all", "match": {"type": ["x"]}, "to": "fraud.all"}]}}


def stateful_set(bench, namespace):
    return bench.kube.find("apps/v1", "StatefulSet", "shop", namespace)


def controller_makes_what_a_router_asks_for_and_mends_it(bench):
    kube, space = bench.kube, bench.namespace("controller-makes")
    begin(bench, may_control(bench))
    kube.apply(router(space))
    made = wait_for(lambda: stateful_set(bench, space), "the StatefulSet is made")
    owner = made["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "EventRouter" and owner["name"] == "shop", owner
    wait_for(lambda: kube.get(API, "EventRouter", "shop", space).get("status"), "it has a status")
    kube.patch("apps/v1", "StatefulSet", "shop", {"spec": {"replicas": 5}}, space)
    wait_for(lambda: stateful_set(bench, space)["spec"]["replicas"] == 1, "drift is undone")
    kube.delete("apps/v1", "StatefulSet", "shop", space)
    wait_for(lambda: (stateful_set(bench, space) or made)["metadata"]["uid"] != made["metadata"]["uid"],
             "what was deleted is made again")


def controller_tells_a_route_of_its_verdict(bench):
    kube, space = bench.kube, bench.namespace("controller-routes", {"turnout.dev/team": "fraud"})
    begin(bench, may_control(bench))
    kube.apply(route(space))

    def verdict():
        status = kube.get(API, "EventRoute", "fraud", space).get("status", {})
        found = {one["type"]: one for one in status.get("conditions", [])}
        return found.get("Accepted", {}).get("reason"), found.get("Accepted", {}).get("status")
    wait_for(lambda: verdict() == ("RouterNotFound", "False"), "there is no router")
    kube.apply(router(space))
    wait_for(lambda: verdict()[1] == "True", "it is accepted")


def controller_lets_a_deleted_router_go(bench):
    kube, space = bench.kube, bench.namespace("controller-deletes")
    begin(bench, may_control(bench))
    kube.apply(router(space))
    wait_for(lambda: "turnout.dev/lag" in kube.get(API, "EventRouter", "shop", space)["metadata"]
             .get("finalizers", []), "it has its finalizer")
    kube.delete(API, "EventRouter", "shop", space)
    wait_for(lambda: kube.find(API, "EventRouter", "shop", space) is None, "it is gone")


def another_controller_takes_over_from_one_that_was_killed(bench):
    kube, space, token = bench.kube, bench.namespace("controller-leads"), may_control(bench)
    first, first_at = begin(bench, token, "first")
    wait_for(lambda: is_leader(first_at), "the first leads")
    _, second_at = begin(bench, token, "second")
    assert not is_leader(second_at)
    first.kill()
    kube.apply(router(space))
    wait_for(lambda: is_leader(second_at), "the second leads", 40)
    wait_for(lambda: stateful_set(bench, space), "it acts")


def a_controller_that_is_asked_to_end_lets_go_of_the_lease_at_once(bench):
    token = may_control(bench)
    first, first_at = begin(bench, token, "first")
    wait_for(lambda: is_leader(first_at), "the first leads")
    _, second_at = begin(bench, token, "second")
    assert first.stop() == 0
    wait_for(lambda: is_leader(second_at), "the second leads", 6)


def controller_goes_on_with_a_renewed_token(bench):
    kube, space, token = bench.kube, bench.namespace("controller-token"), may_control(bench)
    good = token.read_text()
    _, listen = begin(bench, token)
    wait_for(lambda: is_leader(listen), "it leads")
    token.write_text("no-token-of-anybody")
    wait_for(lambda: not is_leader(listen), "it can't renew", 20)
    token.write_text(good)
    kube.apply(router(space))
    wait_for(lambda: stateful_set(bench, space), "it acts again", 30)


TESTS = [
    controller_makes_what_a_router_asks_for_and_mends_it,
    controller_tells_a_route_of_its_verdict,
    controller_lets_a_deleted_router_go,
    another_controller_takes_over_from_one_that_was_killed,
    a_controller_that_is_asked_to_end_lets_go_of_the_lease_at_once,
    controller_goes_on_with_a_renewed_token,
]
