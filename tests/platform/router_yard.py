"""What tests of routers in real pods share: a Kafka, a checkpoint store, nodes, a controller; and of each
test a router in a namespace of its own.

A Scene is a Stage of tests/broker, with its names, load, rules and judgement, whose routers are pods that
`turnout controller` asks for.

Errors: AssertionError where something does not come in time. Threads: a Scene is one thread's; the yard
is made by the thread that outlives all tests, since processes end with the thread that started them.
"""
import contextlib
import json
import time

import controller_cases
from kafka import Kafka
from kube import Refused, wait_for
from kubelet import Kubelets
from s3_store import S3Store
from stage import SESSION_TIMEOUT_S, Stage
from volumes import Disks

API = controller_cases.API
IMAGE = "tests/turnout"
SEED = 20261127
NAME = "shop"
ADMIN_PORT = 9464
READY_S = 120  # of a machine that does much else
LOOK_S = 0.3
# Ends at once, as a program does that its image was built wrong with.
BROKEN = "#!/bin/sh\necho 'libmissing.so: cannot open shared object file' >&2\nexit 127\n"


class Yard:
    """`parts` are the run's; the yard ends with them."""

    def __init__(self, parts, bench):
        self.bench = bench
        broken = bench.directory / "broken"
        broken.write_text(BROKEN)
        broken.chmod(0o755)
        self._images = {f"{IMAGE}:{version}": bench.turnout for version in ("1", "2")}
        self._images[f"{IMAGE}:broken"] = broken
        self.kafka = Kafka(bench.directory / "kafka", lives_briefly=True)
        bench.closes(_Closing(self.kafka))
        self.kafka.prepare()
        self.kafka.launch()
        self.store = S3Store(bench.directory / "s3")
        bench.closes(_Closing(self.store))
        self.nodes = self.make_nodes(bench, "routers", 1)
        self.disks = bench.closes(Disks(bench.cluster, bench.directory / "disks", "routers").start())
        controller_cases.begin(bench, controller_cases.may_control(bench), "controller",
                               "--image", IMAGE, "--version", "1")
        self.kafka.wait_until_ready()

    def make_nodes(self, bench, pool, count):
        return Kubelets(bench, pool, count, self._images, self.store.environment)

    def get(self, _version):
        """As a Stage asks for its broker."""
        return self.kafka


def ready_of(pods):
    """Those of the pods that are ready."""
    return {name: pod for name, pod in pods.items() if any(
        one["type"] == "Ready" and one["status"] == "True"
        for one in pod.get("status", {}).get("conditions", []))}


class _Closing:
    def __init__(self, thing):
        self.kill = thing.close


def yard_of(parts):
    return parts.shared("routers", lambda bench: Yard(parts, bench))


class Scene(Stage):
    """A test's own namespace, with one router."""

    def __init__(self, bench, prefix, nodes=None):
        self.yard = bench.shared("routers")
        super().__init__(bench.name, bench.turnout, bench.directory, self.yard, SEED)
        self.prefix = prefix
        self.kube, self.nodes = bench.kube, nodes or self.yard.nodes
        self.space = bench.namespace(f"routers-{prefix}", {"turnout.dev/service": prefix})
        self._bench = bench
        bench.closes(_Closing(self))

    def close(self):
        """Its router goes too, so that no later test's controller has to do with it."""
        with contextlib.suppress(Refused):
            self.kube.delete(API, "EventRouter", NAME, self.space)
        super().close()

    def say(self, text):
        print(f"    {self.prefix}: {text}", flush=True)

    def took(self, what, begun):
        """Says how long it took since `begun`, by time.monotonic."""
        seconds = time.monotonic() - begun
        self.say(f"{what}: {seconds:.1f} s")
        return seconds

    def recovered(self, what, timeout_s=READY_S, but=None, begun=None):
        """The seconds until a pod other than that of the uid `but`, or one that was not ready before,
        is ready again."""
        begun = begun or time.monotonic()
        if but:
            wait_for(lambda: [pod for pod in self.pods().values() if pod["metadata"]["uid"] != but],
                     "another pod is made", timeout_s, LOOK_S)
        else:
            wait_for(lambda: not ready_of(self.pods()), "it is seen to be gone", timeout_s, LOOK_S)
        self.ready(self.router_object()["spec"]["replicas"], timeout_s)
        return self.took(what, begun)

    # --- what is asked for ---

    def open(self, teams, source_partitions=4, replicas=1, has_routes=True, **spec):
        """Topics, the router and the teams' routes, unless its rules come from elsewhere; returns when
        its pods are ready."""
        begun = time.monotonic()
        self.make_topics(teams, source_partitions)
        for team in teams if has_routes else ():
            self._bench.namespace(self.space_of(team["team"]), {"turnout.dev/team": team["team"]})
        self.kube.apply({"apiVersion": API, "kind": "EventRouter",
                         "metadata": {"name": NAME, "namespace": self.space},
                         "spec": {**self.usual_spec(teams if has_routes else (), replicas), **spec}})
        for team in teams if has_routes else ():
            self.route(team)
        self.ready(replicas)
        # Pods begin with the first route that is accepted; the others' come to them as they run.
        names = {team["team"] for team in teams}
        wait_for(lambda: all(names <= self.teams_of(pod) for pod in self.pods()),
                 "all teams' rules are in force", READY_S, LOOK_S)
        self.took(f"from nothing to {replicas} ready", begun)

    def space_of(self, team):
        """The namespace of the team, where its route is."""
        return f"{self.space}-{team}"

    def usual_spec(self, teams, replicas):
        return {"source": {"brokers": [self.kafka.bootstrap], "topic": self.source,
                           "group": self.group},
                "replicas": replicas, "deadLetterTopic": self.dead_letters,
                "resources": {"requests": {"cpu": "10m", "memory": "10Mi"}},
                "teams": [{"name": team["team"], "namespace": self.space_of(team["team"]),
                           "destinations": team["destinations"]} for team in teams],
                "upgrade": {"strategy": "Canary", "watchSeconds": 2, "maxLagSeconds": 60},
                "onDelete": {"lag": "Ignore"},
                "config": self.usual_config(), **self.nodes.placing}

    @staticmethod
    def usual_config(**more):
        return {"source": {"session_timeout": f"{SESSION_TIMEOUT_S}s"},
                "limits": {"transaction_timeout": "10s", "destination_recheck": "1s"}, **more}

    def route(self, team):
        self.kube.apply({"apiVersion": API, "kind": "EventRoute",
                         "metadata": {"name": team["team"], "namespace": self.space_of(team["team"])},
                         "spec": {"router": {"name": NAME, "namespace": self.space},
                                  "team": team["team"], "owner": team["owner"],
                                  "rules": team["rules"]}})

    def change(self, **spec):
        self.kube.patch(API, "EventRouter", NAME, {"spec": spec}, self.space)

    # --- what there is ---

    def router_object(self):
        return self.kube.find(API, "EventRouter", NAME, self.space)

    def condition(self, kind, of=None):
        """{} while it is not of what was asked for last."""
        found = of or self.router_object() or {"metadata": {}}
        conditions = found.get("status", {}).get("conditions") or []
        return next((one for one in conditions if one["type"] == kind and
                     one["observedGeneration"] == found["metadata"]["generation"]), {})

    def when(self, kind, status, reason=None, timeout_s=READY_S):
        """The condition's message once it is so."""
        def look():
            found = self.condition(kind)
            return found if found.get("status") == status and (
                reason is None or found["reason"] == reason) else None
        try:
            return wait_for(look, f"{kind} is {status}, {reason}", timeout_s, LOOK_S)["message"]
        except AssertionError as late:
            raise AssertionError(f"{late}; {self.condition(kind)}") from None

    def route_status(self, team):
        return self.kube.get(API, "EventRoute", team, self.space_of(team)).get("status", {})

    def route_when(self, team, kind, status):
        """The message of the route's condition once it is so."""
        def look():
            found = self.condition(kind, self.kube.get(API, "EventRoute", team, self.space_of(team)))
            return found if found.get("status") == status else None
        return wait_for(look, f"{kind} of {team}'s route is {status}", READY_S, LOOK_S)["message"]

    def pods(self):
        """By name, those that are not on their way out."""
        found = self.kube.list("v1", "Pod", self.space, f"turnout.dev/router={NAME}")
        return {pod["metadata"]["name"]: pod for pod in found
                if "deletionTimestamp" not in pod["metadata"]}

    def ready(self, count, timeout_s=READY_S):
        """Returns when so many pods are ready, there are no others, and the router says so."""
        def look():
            pods = self.pods()
            return len(ready_of(pods)) == len(pods) == count
        try:
            wait_for(look, f"{count} pods are ready in {self.space}", timeout_s, LOOK_S)
        except AssertionError as late:
            said = [pod.get("status", {}) for pod in self.pods().values()]
            raise AssertionError(f"{late}; pods: {said}; {self.condition('Ready')}") from None
        self.when("Ready", "True", "AllPodsReady", timeout_s)

    def teams_of(self, pod):
        """Whose rules are in force there."""
        return set(self.status_of(pod).get("rules", {}).get("team_hashes", {}))

    def status_of(self, pod):
        """What a pod says itself; {} while it says nothing."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            address = self.pods()[pod]["status"]["podIP"]
            return json.loads(controller_cases.says(f"{address}:{ADMIN_PORT}", "/v1/status"))
        return {}

    def process(self, ordinal=0):
        return self.nodes.container(self.space, f"{NAME}-{ordinal}")
