"""Onboarding by one request: the config manager itself, with the account and the rights of
deploy/kubernetes, before a real API server with its policies, a real Kafka that looks at ACLs, and
`turnout controller`, which takes or refuses what was made."""
import functools
import json
import sys
import time
from pathlib import Path

import yaml

import policy_cases
from kube import wait_for
from manifests import NAMESPACE, TREE, kustomize, pod_of
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
TEAMS = ("fraud", "growth", "search")
RATE, MEAN_BYTES, PERCENT, PER_PARTITION = 2_500, 400, 200, 1_000
ROUTED_S = 60


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
    broker.allow("router", "read", "group", GROUP)
    for topic in (f"{SOURCE}.dead-letters", "base.all"):
        broker.allow("router", "write", "topic", topic)
    topics.create(broker.admin_bootstrap, SOURCE, 2)
    topics.create(broker.admin_bootstrap, [f"{SOURCE}.dead-letters", "base.all"], 1)
    return broker


def as_user(user):
    return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN", "sasl.username": user,
            "sasl.password": PASSWORD}


def install(bench):
    """The platform, with the component that lets the manager onboard."""
    policy_cases.install(bench)
    directory = TREE / "overlays" / "only-onboarding-here"
    directory.mkdir()
    try:
        (directory / "kustomization.yaml").write_text(yaml.safe_dump({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": ["../../base"], "components": ["../../components/onboarding"]}))
        for item in kustomize(directory):
            if item["kind"] in ("ClusterRole", "ClusterRoleBinding"):
                bench.kube.apply(item)
    finally:
        (directory / "kustomization.yaml").unlink(missing_ok=True)
        directory.rmdir()


def route(team, space, router, router_space, topic):
    return {"apiVersion": API, "kind": "EventRoute", "metadata": {"name": router, "namespace": space},
            "spec": {"router": {"name": router, "namespace": router_space}, "team": team,
                     "rules": [{"name": "all", "match": {"type": [team]}, "to": topic}]}}


class World:
    """A service: its EventRouter with one team, `base`, that the platform itself put there, and a
    manager."""

    def __init__(self, bench, router, **kubernetes):
        install(bench)
        self.bench, self.kube, self.router = bench, bench.kube, router
        self.begin_controller()
        bench.namespace(SPACE)
        bench.namespace(f"{SERVICE}-base", {"turnout.dev/team": "base"})
        self.kube.apply({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "turnout-router-teams-orders"},
            "spec": {"policyName": "turnout-router-teams", "validationActions": ["Deny"],
                     "paramRef": {"namespace": SPACE, "selector": {},
                                  "parameterNotFoundAction": "Allow"}}})
        self.kube.apply({
            "apiVersion": API, "kind": "EventRouter", "metadata": {"name": router, "namespace": SPACE},
            "spec": {"source": {"brokers": [kafka().bootstrap], "topic": SOURCE, "group": GROUP},
                     "onDelete": {"lag": "Ignore"},
                     "teams": [{"name": "base", "namespace": f"{SERVICE}-base",
                                "destinations": ["base.*"]}]}}, manager="platform")
        wait_for(lambda: self.kube.apply(route("base", f"{SERVICE}-base", router, SPACE, "base.all")),
                 "the team that was there is let in")
        self.begin_manager(kubernetes)

    def begin_controller(self):
        bench = self.bench
        token = bench.directory / "controller-token"
        token.write_text(bench.cluster.token(NAMESPACE, "turnout-controller"))
        listen = f"127.0.0.1:{free_port()}"
        container = next(pod_of(one) for one in kustomize(TREE / "base")
                         if one["kind"] == "Deployment")["spec"]["containers"][0]
        arguments = [one.replace("0.0.0.0:9465", listen) for one in container["args"]]
        bench.begin("controller", bench.turnout, *container["command"][1:], *arguments, "--server",
                    bench.cluster.server, "--token-file", token, "--ca-file", bench.cluster.ca,
                    "--namespace", NAMESPACE)

    def begin_manager(self, kubernetes):
        bench = self.bench
        pipelines = {}
        for user in ("router", "platform"):
            pipelines[user] = bench.directory / f"{user}.yaml"
            write_config(pipelines[user], {
                "brokers": kafka().bootstrap, "source": {"topic": SOURCE, "group": GROUP},
                "rules": "none", "state_dir": "none", "kafka": as_user(user)})
        token = bench.directory / "manager-token"
        token.write_text(bench.cluster.token(NAMESPACE, "turnout-manager"))
        policy = {"kafka": str(pipelines["platform"]), "router": "User:router",
                  "per_partition_rate": PER_PARTITION, "quota_percent": PERCENT,
                  "rules": "kubernetes",
                  "kubernetes": {"server": bench.cluster.server, "token_file": str(token),
                                 "ca_file": str(bench.cluster.ca), "router": self.router,
                                 "router_namespace": SPACE, **kubernetes}}
        services = json.dumps({SERVICE: {"pipeline": str(pipelines["router"]), "onboarding": policy}})
        self.manager = Manager(bench.turnout, bench.directory / "manager", config=[f"services: {services}"])
        bench.closes(self.manager)
        self.admin = self.manager.bearer("admin", ("*", "*", "admin"))
        self.ann = self.manager.bearer("ann", *((SERVICE, team, "editor") for team in TEAMS))
        self.manager.start()

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
    planned = ann.post(ONBOARD, {**request("fraud"), "dry_run": True})
    assert planned.status == 200 and planned.json["outcome"] == "planned", planned.body
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


TESTS = [
    one_request_makes_all_that_a_team_needs_and_another_takes_it_back,
]
