"""The controller's client before a real API server: a watch whose past is compacted away, and a client's
certificate in place of a token."""
import json
import select
import socket
import threading

from controller_cases import API, SYSTEM, is_leader, may_control, route, router, says, stateful_set
from kube import wait_for
from processes import free_port

PIECE_BYTES = 1 << 16
ROLE = "controller-under-test"  # that may_control makes


class Line:
    """Stands before a server; `freeze` keeps what comes, both ways, `cut` ends all connections, and those
    that come after it are passed on again."""

    def __init__(self, port):
        self._behind = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", free_port()))
        self.port = self._listening.getsockname()[1]
        self._passing, self._pairs, self._lock = threading.Event(), set(), threading.Lock()
        self._passing.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self):
        self._passing.clear()

    def cut(self):
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # its other end was there first
        self._passing.set()

    def kill(self):
        self._listening.close()
        self.cut()

    def _accept(self):
        while True:
            try:
                near, _ = self._listening.accept()
                self._passing.wait()
                pair = (near, socket.create_connection(self._behind))
            except OSError:
                return
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, near, far):
        try:
            while True:
                for one in select.select((near, far), (), ())[0]:
                    piece = one.recv(PIECE_BYTES)
                    self._passing.wait()
                    if not piece:
                        return
                    (far if one is near else near).sendall(piece)
        except (OSError, ValueError):
            pass
        finally:
            near.close()
            far.close()


def figure(listen, name):
    for line in says(listen, "/metrics").splitlines():
        if line.startswith(f"turnout_controller_{name} "):
            return float(line.split()[1])
    raise AssertionError(f"no {name}")


def begin(bench, server, *who):
    listen = f"127.0.0.1:{free_port()}"
    process = bench.begin("controller", bench.turnout, "controller", "--server", server, "--ca-file",
                          bench.cluster.ca, "--namespace", SYSTEM, "--lease",
                          bench.name.replace("_", "-")[:60], "--listen", listen, *who)
    process.wait_until(lambda: says(listen, "/readyz") == "ok\n")
    return listen


def version_of(kube, space):
    return kube.call("GET", kube.path("v1", "ConfigMap", space))["metadata"]["resourceVersion"]


def named(space, name):
    """A router of that name, with a group of its own."""
    item = router(space)
    item["metadata"]["name"] = item["spec"]["source"]["group"] = name
    return item


def a_watch_whose_past_is_compacted_lists_anew_and_misses_nothing(bench):
    cluster, kube = bench.cluster, bench.kube
    space = bench.namespace("compacted", {"turnout.dev/team": "fraud"})
    token = may_control(bench)
    # Without its cache of changes the server answers watches with what etcd still knows.
    direct, port, server = cluster.begin_another_server("--watch-cache=false")
    bench.closes(server)
    line = bench.closes(Line(port))
    listen = begin(bench, f"https://127.0.0.1:{line.port}", "--token-file", token)
    for name in ("shop", "gone"):
        kube.apply(named(space, name))
    kube.apply(route(space))
    wait_for(lambda: (stateful_set(bench, space) or {"spec": {}})["spec"].get("replicas"), "it has a pod")
    wait_for(lambda: kube.find("apps/v1", "StatefulSet", "gone", space), "the other one too")
    lists, before = figure(listen, "lists_total"), version_of(direct, space)
    line.freeze()
    # Of all kinds of change one: to a router, a router that goes, one that comes, a child that goes.
    kube.patch(API, "EventRouter", "shop", {"spec": {"replicas": 2}}, space)
    kube.delete("policy/v1", "PodDisruptionBudget", "shop", space)
    kube.patch(API, "EventRouter", "gone", {"metadata": {"finalizers": None}}, space)
    kube.delete(API, "EventRouter", "gone", space)
    kube.apply(named(space, "new"))
    cluster.compact(version_of(direct, space))
    # What the controller is about to be told.
    watch = direct.path("v1", "ConfigMap", space) + f"?watch=true&timeoutSeconds=5&resourceVersion={before}"
    code, said = direct.raw("GET", watch)
    assert code == 410 or json.loads(said.splitlines()[0])["object"]["code"] == 410, (code, said)
    line.cut()
    wait_for(lambda: figure(listen, "lists_total") > lists, "collections are listed anew")
    wait_for(lambda: stateful_set(bench, space)["spec"]["replicas"] == 2, "the change is seen")
    wait_for(lambda: kube.find("policy/v1", "PodDisruptionBudget", "shop", space), "the child is back")
    wait_for(lambda: kube.find("apps/v1", "StatefulSet", "new", space), "the new one is seen")
    wait_for(lambda: figure(listen, "routers") == len(kube.list(API, "EventRouter")), "one is gone")


def controller_acts_by_a_clients_certificate_and_by_no_other(bench):
    kube, space, user = bench.kube, bench.namespace("by-certificate"), "controller-by-certificate"
    may_control(bench)  # the role, for an account; here a user has it
    kube.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": user},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]})
    certificate, key = bench.cluster.client_certificate(user)
    listen = begin(bench, bench.cluster.server, "--certificate-file", certificate, "--key-file", key)
    kube.apply(router(space))
    made = wait_for(lambda: stateful_set(bench, space), "the StatefulSet is made")
    assert is_leader(listen)
    assert any(one["manager"] == "turnout-controller" for one in made["metadata"]["managedFields"])
    # Another's certificate is let in, and may do nothing.
    stranger = bench.cluster.client_certificate("stranger")
    done = bench.begin("stranger", bench.turnout, "controller", "--once", "--server",
                       bench.cluster.server, "--ca-file", bench.cluster.ca, "--namespace", SYSTEM,
                       "--lease", "strangers", "--certificate-file", stranger[0], "--key-file",
                       stranger[1])
    refused = json.dumps('User "stranger" cannot get resource "leases"').strip('"')  # as a log has it
    wait_for(lambda: refused in done.log.read_text(), "the server knows who it is")
    done.kill()


TESTS = [a_watch_whose_past_is_compacted_lists_anew_and_misses_nothing,
         controller_acts_by_a_clients_certificate_and_by_no_other]
