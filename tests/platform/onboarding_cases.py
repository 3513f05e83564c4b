"""Onboarding by one request: the config manager itself, with the account and the rights of
deploy/kubernetes, before a real API server with its policies, a real Kafka that looks at ACLs, and
`turnout controller`, which takes or refuses what was made."""
import base64
import functools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer

import binaries
import gitops_cases
import policy_cases
from kube import objects_in, wait_for
from kubelet import Kubelets
from manifests import NAMESPACE, ROOT, TREE, kustomize, pod_of, with_component
from processes import free_port

# Behind the platform's own, which has modules of like names.
sys.path += [str(Path(__file__).resolve().parent.parent / room) for room in ("broker", "manager")]

import kafka_protocol  # noqa: E402
import topics  # noqa: E402
from kafka import Kafka  # noqa: E402
from manager_process import Manager  # noqa: E402
from router_process import write_config  # noqa: E402

API = "turnout.dev/v1alpha1"
ONBOARD = "/v1/onboard"
SERVICE, SPACE = "orders", "turnout-orders"  # its routers' namespace
SOURCE, GROUP = "orders.events", "orders-group"
PASSWORD = "Planted-Secret-91c2e7"
TEAMS = ("fraud", "growth", "search", "risk", "ledger")
RATE, MEAN_BYTES, PERCENT, PER_PARTITION = 2_500, 400, 200, 1_000
SAMPLES = "without card.number"
CARD = "4929123412341234"
ROUTED_S = 60
EVENT_EVERY_S = 0.05


# --- what there is before anybody is onboarded -------------------------------------------------------

@functools.lru_cache(maxsize=None)
def kafka():
    """One for all of these tests, and what its users may do before anybody is onboarded."""
    broker = Kafka(sasl=True, users=dict.fromkeys(("platform", "router", *TEAMS), PASSWORD))
    broker.start()
    for operation in ("create", "describe", "alter", "describe_configs", "alter_configs"):
        broker.allow("platform", operation, "cluster", "kafka-cluster")
    for operation in ("describe", "delete"):
        broker.allow("platform", operation, "topic", "*")
    broker.allow("router", "read", "topic", SOURCE)
    broker.allow("router", "read", "group", f"{GROUP}-", "prefixed")
    for topic in (f"{SOURCE}.dead-letter", "base.all"):
        broker.allow("router", "write", "topic", topic)
    topics.create(broker.admin_bootstrap, SOURCE, 2)
    topics.create(broker.admin_bootstrap, [f"{SOURCE}.dead-letter", "base.all"], 1)
    return broker


def as_user(user):
    return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN", "sasl.username": user,
            "sasl.password": PASSWORD}


def install(bench):
    """The platform, with the component that lets the manager onboard."""
    policy_cases.install(bench)
    for item in with_component("onboarding"):
        if item["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            bench.kube.apply(item)


def route(team, space, router, router_space, topic):
    return {"apiVersion": API, "kind": "EventRoute", "metadata": {"name": router, "namespace": space},
            "spec": {"router": {"name": router, "namespace": router_space}, "team": team,
                     "rules": [{"name": "all", "match": {"type": [team]}, "to": topic}]}}


class InGoodOrder:
    """A process that is asked to end where others are killed: the next controller then has the lease."""

    def __init__(self, process):
        self.kill = process.stop


class World:
    """A service: its EventRouter with one team, `base`, that the platform itself put there, and a
    manager."""

    def __init__(self, bench, router, git=None, **spec):
        """`spec`: more of the EventRouter's. `git`: of the policy; then Flux applies, not the manager."""
        install(bench)
        self.bench, self.kube, self.router, self._git = bench, bench.kube, router, git
        self.group = f"{GROUP}-{router}"  # two routers of one topic and group are refused
        self.begin_controller()
        bench.namespace(SPACE, {"turnout.dev/service": SERVICE})
        bench.namespace(f"{SERVICE}-base", {"turnout.dev/team": "base"})
        self.kube.apply({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "turnout-router-teams-orders"},
            "spec": {"policyName": "turnout-router-teams", "validationActions": ["Deny"],
                     "paramRef": {"namespace": SPACE, "selector": {},
                                  "parameterNotFoundAction": "Allow"}}})
        self.event_router = {
            "apiVersion": API, "kind": "EventRouter", "metadata": {"name": router, "namespace": SPACE},
            "spec": {"source": {"brokers": [kafka().bootstrap], "topic": SOURCE, "group": self.group},
                     "onDelete": {"lag": "Ignore"}, **spec,
                     "teams": [{"name": "base", "namespace": f"{SERVICE}-base",
                                "destinations": ["base.*"]}]}}
        if git is None:
            self.kube.apply(self.event_router, manager="platform")
            self.begin_base()
        self.begin_manager()

    def begin_base(self):
        """The team that was there, once its router is."""
        mine = route("base", f"{SERVICE}-base", self.router, SPACE, "base.all")
        wait_for(lambda: self.kube.apply(mine), "the team that was there is let in")

    def begin_controller(self):
        bench = self.bench
        token = bench.directory / "controller-token"
        token.write_text(bench.cluster.token(NAMESPACE, "turnout-controller"))
        listen = f"127.0.0.1:{free_port()}"
        container = next(pod_of(one) for one in kustomize(TREE / "base")
                         if one["kind"] == "Deployment")["spec"]["containers"][0]
        arguments = [one.replace("0.0.0.0:9465", listen) for one in container["args"]]
        process = bench.begin("controller", bench.turnout, *container["command"][1:], *arguments, "--server",
                    bench.cluster.server, "--token-file", token, "--ca-file", bench.cluster.ca,
                    "--namespace", NAMESPACE)
        bench.closes(InGoodOrder(process))

    def begin_manager(self):
        bench = self.bench
        pipelines = {}
        for user in ("router", "platform"):
            pipelines[user] = bench.directory / f"{user}.yaml"
            write_config(pipelines[user], {
                "brokers": kafka().bootstrap, "source": {"topic": SOURCE, "group": self.group},
                "rules": "none", "rules_from": {"samples": SAMPLES}, "state_dir": "none",
                "kafka": as_user(user)})
        policy = {"kafka": str(pipelines["platform"]), "router": "User:router",
                  "per_partition_rate": PER_PARTITION, "quota_percent": PERCENT,
                  "rules": "kubernetes",
                  "kubernetes": {"router": self.router, "router_namespace": SPACE}}
        if self._git is not None:
            policy["git"] = self._git
        else:
            token = bench.directory / "manager-token"
            token.write_text(bench.cluster.token(NAMESPACE, "turnout-manager"))
            policy["kubernetes"].update(server=bench.cluster.server, token_file=str(token),
                                        ca_file=str(bench.cluster.ca))
        services = json.dumps({SERVICE: {"pipeline": str(pipelines["router"]), "onboarding": policy}})
        self.manager = Manager(bench.turnout, bench.directory / "manager", config=[f"services: {services}"])
        bench.closes(self.manager)
        self.admin = self.manager.bearer("admin", ("*", "*", "admin"))
        self.ann = self.manager.bearer("ann", *((SERVICE, team, "editor") for team in TEAMS))
        self.manager.start()

    def wait(self, what, said):
        """As wait_for; if it does not come, with what the router's status and pods say."""
        try:
            return wait_for(what, said, ROUTED_S)
        except AssertionError as late:
            pods = [(one["metadata"]["name"], one["status"]) for one in self.kube.list("v1", "Pod", SPACE)]
            raise AssertionError(f"{late}\n{self.routers().get('status')}\n{pods}") from None

    # --- what is there ---

    def routers(self):
        return self.kube.get(API, "EventRouter", self.router, SPACE)

    def teams(self):
        return {one["name"]: one for one in self.routers()["spec"]["teams"]}

    def route(self, team):
        return self.kube.find(API, "EventRoute", self.router, f"{SERVICE}-{team}")

    def dashboard(self, team):
        return self.kube.find("v1", "ConfigMap", f"turnout-{SERVICE}-{team}", f"{SERVICE}-{team}")

    def is_accepted(self, team):
        conditions = (self.route(team) or {}).get("status", {}).get("conditions", [])
        return any(one["type"] == "Accepted" and one["status"] == "True" for one in conditions)

    def of(self, team):
        """All that there is of a team, wherever: what a request changes shows here."""
        # The controller's status is no part of what was asked for.
        route = {name: value for name, value in (self.route(team) or {}).items() if name != "status"}
        for one in (route, dashboard := self.dashboard(team) or {}):
            if one:
                one["metadata"].pop("resourceVersion"), one["metadata"].pop("managedFields", None)
        return {"route": route, "dashboard": dashboard, "entry": self.teams().get(team),
                "namespace": bool(self.kube.find("v1", "Namespace", f"{SERVICE}-{team}")),
                **self.at_kafka(team)}

    @staticmethod
    def at_kafka(team):
        port = kafka().admin_port
        return {"topics": {name: count for name, count in topics.existing(
                    kafka().admin_bootstrap).items() if name.startswith(f"{team}.")},
                "acls": kafka_protocol.acls_of(port, team),
                "written": [one for one in kafka_protocol.acls_of(port, "router")
                            if one[2].startswith(f"{team}.")],
                "quota": kafka_protocol.user_quotas(port, team)}


def request(team, **more):
    return {"service": SERVICE, "team": team, "owner": f"{team}@example.com", "rate": RATE,
            "mean_bytes": MEAN_BYTES, "match": {"type": [team]}, "to": [f"{team}.all"],
            "why": f"{team} wants its events", **more}


NOTHING = {"route": {}, "dashboard": {}, "entry": None, "namespace": False, "topics": {}, "acls": [],
           "written": [], "quota": {}}


# --- the tests ---------------------------------------------------------------------------------------

def one_request_makes_all_that_a_team_needs_and_another_takes_it_back(bench):
    """By the manager's own account at the API server, and with policies in force."""
    world = World(bench, "onboards")
    ann, kube = world.ann, bench.kube
    base = world.of("base")
    growth = ann.post(ONBOARD, request("growth"))
    assert growth.status == 201, growth.body
    others = {"base": base, "growth": world.of("growth")}

    refuse_and_leave_nothing(world)
    planned = try_on_what_the_source_holds(ann)
    assert planned.json["outcome"] == "planned", planned.body
    assert world.of("fraud") == NOTHING, "a dry run made something"

    begun = time.monotonic()
    made = ann.post(ONBOARD, request("fraud"))
    answered = time.monotonic() - begun
    assert made.status == 201 and made.json["outcome"] == "made", made.body
    wait_for(lambda: world.is_accepted("fraud"), "the controller takes its route", ROUTED_S)
    print(f"    answered in {answered:.2f} s, its route accepted after {time.monotonic() - begun:.2f} s",
          flush=True)
    there = world.of("fraud")
    assert there["entry"] == {"name": "fraud", "namespace": "orders-fraud", "destinations": ["fraud.*"]}
    assert there["route"]["spec"] == {
        "router": {"name": world.router, "namespace": SPACE}, "team": "fraud",
        "owner": "fraud@example.com",
        "rules": [{"name": "all", "match": {"type": ["fraud"]}, "to": ["fraud.all"]}]}, there["route"]
    dashboard = json.loads(there["dashboard"]["data"]["turnout-orders-fraud.json"])
    assert dashboard["panels"] and "fraud" in dashboard["title"], dashboard["title"]
    assert there["topics"] == {"fraud.all": -(-RATE // PER_PARTITION)}
    assert there["acls"] == [("read", "group", "fraud.", "prefixed"), ("read", "topic", "fraud.all", "literal")]
    assert there["written"] == [("write", "topic", "fraud.all", "literal")]
    assert there["quota"] == {"consumer_byte_rate": RATE * MEAN_BYTES * PERCENT / 100}
    labels = kube.get("v1", "Namespace", "orders-fraud")["metadata"]["labels"]
    assert labels["turnout.dev/team"] == "fraud", labels
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted", labels

    run_what_the_answer_says(world, made)
    again = ann.post(ONBOARD, request("fraud"))
    assert again.status == 200 and again.json["outcome"] == "unchanged", again.body
    assert world.of("fraud") == there
    assert world.routers()["metadata"]["generation"] == 3, "growth, fraud, and no other change"
    for team, before in others.items():
        assert world.of(team) == before, team

    undone = ann.call("DELETE", f"{ONBOARD}/{SERVICE}/fraud")
    assert undone.status == 200 and undone.json["outcome"] == "undone", undone.body
    wait_for(lambda: world.of("fraud") == {**NOTHING, "namespace": True},
             "nothing is left but the namespace, which others may have put something in")
    for team, before in others.items():
        assert world.of(team) == before, team
    assert world.is_accepted("growth") and world.is_accepted("base")
    assert ann.post(ONBOARD, request("fraud")).json["outcome"] == "made", "and once more"
    wait_for(lambda: world.is_accepted("fraud"), "it is taken again")
    assert world.manager.stop() == 0
    log = world.manager.log_file.read_text()
    assert PASSWORD not in log and "forbidden" not in log.lower(), log[-2000:]


def refuse_and_leave_nothing(world):
    """By whoever it is that refuses: nothing is made before all have agreed."""
    ann, kube = world.ann, world.kube
    for wrong in ({"rate": 10_000_000}, {"to": ["growth.all"]}, {"match": {"type": [{"prefx": "a"}]}}):
        assert ann.post(ONBOARD, request("fraud", **wrong)).status in (400, 422), wrong
    # Somebody else's route of that name, a namespace of another team, one of no team.
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": "orders-search", "labels": {"turnout.dev/team": "somebody"}}})
    said = ann.post(ONBOARD, request("search"))
    assert said.status == 409 and "somebody" in said.json["error"], said.body
    kube.patch("v1", "Namespace", "orders-search", {"metadata": {"labels": {"turnout.dev/team": None}}})
    said = ann.post(ONBOARD, request("search"))
    assert said.status == 409 and "no team's" in said.json["error"], said.body
    assert world.of("search") == {**NOTHING, "namespace": True}
    assert world.of("fraud") == NOTHING
    assert ann.get(f"{ONBOARD}/{SERVICE}/fraud").json["records"] == []


def run_what_the_answer_says(world, made):
    """Each command as it is printed, with the rights of an editor of the team and no more, and each link."""
    bench, space = world.bench, f"{SERVICE}-fraud"
    bench.kube.apply({"apiVersion": "v1", "kind": "ServiceAccount",
                      "metadata": {"name": "editor", "namespace": space}})
    bench.kube.apply({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "editor", "namespace": space},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "turnout-team-editor"},
        "subjects": [{"kind": "ServiceAccount", "name": "editor", "namespace": space}]})
    kubeconfig, kcat = bench.directory / "editor.kubeconfig", bench.directory / "kcat.conf"
    kubeconfig.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "editor",
        "clusters": [{"name": "tests", "cluster": {"server": bench.cluster.server,
                                                   "certificate-authority": str(bench.cluster.ca)}}],
        "users": [{"name": "editor", "user": {"token": bench.cluster.token(space, "editor")}}],
        "contexts": [{"name": "editor", "context": {"cluster": "tests", "user": "editor"}}]}))
    kcat.write_text("".join(f"{name}={value}\n" for name, value in as_user("fraud").items()))
    kafka().allow("router", "read", "topic", f"{SOURCE}.dead-letter")
    editor = world.manager.bearer("editor", (SERVICE, "fraud", "editor"))
    token, said = world.manager.token_file(editor).read_text(), {}
    for one in made.json["commands"]:
        done = subprocess.run(["bash", "-c", one["command"]], text=True, capture_output=True, timeout=ROUTED_S, env={
            "PATH": f"{bench.cluster.kubectl.parent}:{os.environ['PATH']}", "KUBECONFIG": str(kubeconfig),
            "KCAT_CONFIG": str(kcat), "HOME": str(bench.directory), "TURNOUT_TOKEN": token})
        assert done.returncode == 0, f"{one}\n{done.stdout}{done.stderr}"
        said[one["title"]] = done.stdout
    assert set(said) == {"events of fraud.all", "conditions of its rules", "what these rules make of an event"}, said
    assert "Accepted" in said["conditions of its rules"], said
    explained = json.loads(said["what these rules make of an event"])["explanation"]
    assert [one["rule"] for one in explained["rules"]] == ["fraud/all"], explained
    assert [one["title"] for one in made.json["links"]] == ["dead letters"], made.json["links"]
    assert editor.get(f"/v1/services/{SERVICE}/dead-letters").status == 200


def try_on_what_the_source_holds(ann):
    """A dry run: routers of EventRoutes report to no manager, so it reads the newest events itself, as
    soon as its own user may."""
    producer = Producer({"bootstrap.servers": kafka().admin_bootstrap, "log_level": 0})
    for number in range(9):
        producer.produce(SOURCE, json.dumps({"type": ("tried", "other", "others")[number % 3], "n": number,
                                             "card": {"number": CARD}}).encode())
    producer.flush(10)
    wish = request("fraud", match={"type": ["tried"]}, dry_run=True)  # which no other test routes
    said = ann.post(ONBOARD, wish).json["samples"]
    assert said["state"] == "unreadable" and said["events"] == 0, said
    assert SOURCE in said["note"] and "Read" in said["note"], said
    kafka().allow("platform", "read", "topic", SOURCE)
    planned = ann.post(ONBOARD, wish)
    assert planned.status == 200, planned.body
    said = planned.json["samples"]
    assert said["state"] == "here" and said["events"] >= 9 and said["matched"] == 3, said
    assert said["rules"] == [{"rule": "fraud/all", "matched": 3}], said
    shown = [json.loads(one["value"]) for one in said["examples"]]
    assert sorted(one["n"] for one in shown) == [0, 3, 6], shown
    assert all(one["card"] == {"number": "***"} for one in shown), shown
    assert CARD not in planned.body.decode()
    return planned


class Flow:
    """Events of each of these teams, until `kill`; how many of a team were acknowledged."""

    def __init__(self, *teams):
        self._producer = Producer({"bootstrap.servers": kafka().admin_bootstrap, "log_level": 0,
                                   "enable.idempotence": True})
        self._teams, self.sent = teams, dict.fromkeys(teams, 0)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        number = 0
        while not self._is_over.wait(EVENT_EVERY_S):
            number += 1
            for team in self._teams:
                self._producer.produce(SOURCE, json.dumps({"type": team, "n": number}).encode())
                self.sent[team] += 1
            self._producer.poll(0)
        self._producer.flush(30)

    def kill(self):
        self._is_over.set()
        self._thread.join()


class Reader:
    """What a team's topic gets, and when: (number, seconds of time.monotonic)."""

    def __init__(self, topic, door, **properties):
        self._consumer = Consumer({
            "bootstrap.servers": door, "auto.offset.reset": "earliest", "log_level": 0,
            "isolation.level": "read_committed", "topic.metadata.refresh.interval.ms": 500, **properties})
        self._consumer.subscribe([topic])
        self.seen = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._is_over.is_set():
            message = self._consumer.poll(0.2)
            if message is not None and message.error() is None:
                self.seen.append((json.loads(message.value())["n"], time.monotonic()))
        self._consumer.close()

    def kill(self):
        self._is_over.set()
        self._thread.join()


def from_the_request_to_the_first_routed_event_is_less_than_a_minute(bench):
    """With a router's pod as a real process, and another team's events on their way all the while."""
    nodes = Kubelets(bench, "onboarding", 1, {"tests/onboarding:1": bench.turnout})
    bench.namespace(SPACE, {"turnout.dev/service": SERVICE})
    bench.kube.apply({"apiVersion": "v1", "kind": "Secret",
                      "metadata": {"name": "kafka", "namespace": SPACE},
                      "data": {name: base64.b64encode(text.encode()).decode() for name, text in
                               (("username", "router"), ("password", PASSWORD))}})
    kafka().allow("router", "write", "transactional_id", f"{GROUP}-", "prefixed")
    kafka().allow("router", "describe", "topic", f"{GROUP}-routes.rekey")
    world = World(bench, "routes", image="tests/onboarding", version="1", **nodes.placing, kafka={
        "securityProtocol": "SASL_PLAINTEXT", "saslMechanism": "PLAIN", "credentialsSecret": "kafka"})
    flow = bench.closes(Flow("base", "risk"))
    base = bench.closes(Reader("base.all", kafka().admin_bootstrap, **{"group.id": "base.tests"}))
    world.wait(lambda: base.seen, "the team that was there has its events")
    pod = nodes.container(SPACE, "routes-0").pid

    begun = time.monotonic()
    made = world.ann.post(ONBOARD, request("risk"))
    answered = time.monotonic() - begun
    assert made.status == 201, made.body
    risk = bench.closes(Reader("risk.all", kafka().bootstrap, **as_user("risk"),
                                **{"group.id": "risk.tests"}))
    world.wait(lambda: risk.seen, "the new team has its first event")
    took = risk.seen[0][1] - begun
    print(f"    answered in {answered:.1f} s, the first event read by the team after {took:.1f} s", flush=True)
    assert took < ROUTED_S, took
    risk.kill()  # a client that may not see its group any more never ends its membership

    undone = world.admin.call("DELETE", f"{ONBOARD}/{SERVICE}/risk?records=delete")
    assert undone.status == 200, undone.body
    flow.kill()
    world.wait(lambda: len(base.seen) >= flow.sent["base"], "all of the other team's events are there")
    numbers = [number for number, _ in base.seen]
    assert sorted(numbers) == list(range(1, flow.sent["base"] + 1)), "lost or doubled"
    late = max(later - sooner for (_, sooner), (_, later) in zip(base.seen, base.seen[1:]))
    print(f"    the other team's {len(numbers)} events once each, {late:.2f} s between two of them at most",
          flush=True)
    assert nodes.container(SPACE, "routes-0").pid == pod, "the router was started anew"


def by_a_commit_that_flux_applies_and_back_by_another(bench):
    """The manager writes to a repository and never asks the API server; two commits, each seen through."""
    bare = bench.directory / "services.git"
    binaries.run("git", "init", "-q", "--bare", "-b", "main", bare)
    remote = f"file://{bare}"
    world = World(bench, "commits", git={"repository": remote, "path": "onboarded"})
    repository = begin_platform(bench, world, remote)
    world.begin_base()

    planned = world.ann.post(ONBOARD, {**request("ledger"), "dry_run": True})
    assert planned.json["git"]["commit"] == "" and len(planned.json["git"]["files"]) == 4, planned.body
    begun = time.monotonic()
    made = world.ann.post(ONBOARD, request("ledger"))
    assert made.status == 201, made.body
    git = made.json["git"]
    revision = repository.take(remote)
    assert revision.endswith(git["commit"]) and git["branch"] == "main", git
    assert repository.log()[0] == [git["commit"], "ann", "Onboard ledger of orders"], repository.log()
    assert all((repository.tree / file).is_file() for file in git["files"]), git
    assert not world.route("ledger"), "nothing is applied but by Flux"
    again = world.ann.post(ONBOARD, request("ledger"))
    assert again.json["outcome"] == "unchanged" and again.json["git"] == git, again.body
    assert len(repository.log()) == 2 and repository.take(remote) == revision, "a second commit"

    router, = kustomize(repository.tree / "services/orders")
    assert [one["name"] for one in router["spec"]["teams"]] == ["base", "ledger"], router
    kinds = {one["kind"] for one in kustomize(repository.tree / "onboarded/orders/teams")}
    assert kinds == {"Namespace", "EventRoute", "ConfigMap"}, kinds
    gitops_cases.settled(bench.kube, "flux-system", "orders-teams", "True", revision)
    wait_for(lambda: world.is_accepted("ledger"), "the controller takes its route", ROUTED_S)
    print(f"    its route is accepted {time.monotonic() - begun:.1f} s after the request", flush=True)
    assert world.teams()["ledger"]["destinations"] == ["ledger.*"] and world.dashboard("ledger")
    assert world.is_accepted("base")

    back = world.ann.call("DELETE", f"{ONBOARD}/{SERVICE}/ledger")
    assert back.status == 202 and back.json["outcome"] == "committed", back.body
    gone = repository.take(remote)
    assert gone.endswith(back.json["git"]["commit"]) and repository.log()[0][2] == "Take back ledger of orders"
    assert not any((repository.tree / file).exists() for file in git["files"]), git
    assert world.at_kafka("ledger")["topics"], "routers still write there"
    gitops_cases.settled(bench.kube, "flux-system", "orders-teams", "True", gone)
    wait_for(lambda: not world.route("ledger") and not world.dashboard("ledger"), "they are pruned")
    undone = world.ann.call("DELETE", f"{ONBOARD}/{SERVICE}/ledger")
    assert undone.status == 200 and undone.json["outcome"] == "undone", undone.body
    wait_for(lambda: world.of("ledger") == {**NOTHING, "namespace": True}, "nothing else is left")
    assert world.is_accepted("base") and list(world.teams()) == ["base"]
    for name in ("orders", "orders-teams"):
        bench.kube.patch(gitops_cases.FLUX, "Kustomization", name, {"spec": {"suspend": True}}, "flux-system")


def begin_platform(bench, world, remote):
    """The repository as the platform begins it, and Flux, as deploy/flux/onboarding.yaml has it."""
    bench.namespace("flux-system")
    for item in objects_in((ROOT / "deploy/flux/onboarding.yaml").read_text()):
        if item["kind"] == "Kustomization":
            item["spec"].update(interval="3s", retryInterval="1s", timeout="30s")
        bench.kube.apply(item)
    repository = gitops_cases.Repository(bench, "flux-system", "services")
    kinds = {"router": ("kustomize.config.k8s.io/v1alpha1", "Component"),
             "teams": ("kustomize.config.k8s.io/v1beta1", "Kustomization")}
    for part, (version, kind) in kinds.items():
        repository.write(f"onboarded/orders/{part}/kustomization.yaml", {
            "apiVersion": version, "kind": kind, "metadata": {"name": "onboarded-teams"}})
    repository.write("services/orders/router.yaml", world.event_router)
    repository.write("services/orders/kustomization.yaml", {
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": ["router.yaml"], "components": ["../../onboarded/orders/router"]})
    first = repository.commit("the service")
    repository.push(remote)
    gitops_cases.begin_flux(bench)
    gitops_cases.settled(bench.kube, "flux-system", "orders", "True", first)
    return repository


TESTS = [
    one_request_makes_all_that_a_team_needs_and_another_takes_it_back,
    from_the_request_to_the_first_routed_event_is_less_than_a_minute,
    by_a_commit_that_flux_applies_and_back_by_another,
]
