"""Routers in real pods on a real Kafka: events flow, whatever is asked of the router meanwhile."""
import collections
import json
import sys
import time
from pathlib import Path

import events
import topics
from kube import wait_for
from router_yard import API, LOOK_S, NAME, READY_S, Scene, yard_of
from step_oracle import Phase, StepOracle

# Behind the platform's own, which has modules of like names.
sys.path.append(str(Path(__file__).resolve().parent.parent / "manager"))

from manager_process import Manager  # noqa: E402

BESIDE = "routers"  # run beside each other, and beside recovery_cases
KILLS = 3
EVENTS_MAX = 100_000  # a flow ends when its test does
RATE = 200
HELD_EVENTS = 3_000
REPLAY_RATE = 400  # events a second, so that there is time to kill it


def prepare(parts):
    yard_of(parts)


def _flow(scene):
    """Of events that are minutes old when they come, which speaks against no canary."""
    return scene.flow(events.stream(EVENTS_MAX, scene.seed, unreadable_every=1000), RATE)


def _end(scene, flow, teams):
    """The flow ends; all of it was routed once."""
    flow.end()
    scene.consumed()
    scene.check(teams)


def a_killed_router_resumes_with_nothing_lost_or_doubled(bench):
    scene = Scene(bench, "killed")
    teams = scene.teams()
    scene.open(teams)
    flow = _flow(scene)
    for number in range(KILLS):
        time.sleep(scene.chance.uniform(0.5, 1.5))
        scene.process().kill()
        scene.recovered(f"kill -9 {number + 1}: the process is begun anew, ready")
    _end(scene, flow, teams)


# --- rules ---

def rules_come_from_a_manager_that_takes_the_token_which_kubernetes_signs_for_a_pod(bench):
    """The config manager trusts the API server as an issuer, and its own account fetches the keys."""
    scene = Scene(bench, "managed")
    teams, cluster = scene.teams("fraud"), bench.cluster
    own = bench.directory / "manager-token"
    own.write_text(cluster.token(scene.space, "default"))
    issuer = {"issuer": "https://kubernetes.default.svc", "audience": "turnout", "kind": "router",
              "keys_url": f"{cluster.server}/openid/v1/jwks", "ca_file": str(cluster.ca),
              "token_file": str(own)}
    manager = Manager(bench.turnout, bench.directory / "manager", config=[f"issuers: {json.dumps([issuer])}"])
    bench.closes(manager)
    admin = manager.bearer("admin", ("*", "*", "admin"))
    manager.start()
    service = "/v1/services/managed"
    grant = {"principal": f"system:serviceaccount:{scene.space}:{NAME}", "role": "viewer"}
    for item, content in (("settings/service", {"grants": [grant]}), ("rules/fraud", teams[0])):
        put = admin.put(f"{service}/items/{item}", json.dumps(content))
        assert put.status in (200, 201), put.body
    scene.open(teams, has_routes=False, rulesFrom={
        "manager": {"url": f"http://127.0.0.1:{manager.port}", "service": "managed"}})
    flow = _flow(scene)
    pulses = wait_for(lambda: admin.get(f"{service}/rates").json.get("pods"),
                      "the router tells the manager how it is", READY_S, LOOK_S)
    assert [one["instance"] for one in pulses] == [f"{NAME}-0"], pulses
    _end(scene, flow, teams)
    refused = {"another audience": cluster.token(scene.space, NAME),
               "another account": cluster.token(scene.space, "default", audiences=["turnout"])}
    statuses = {why: manager.nobody(token).get(f"{service}/rules").status
                for why, token in refused.items()}
    assert statuses == {"another audience": 401, "another account": 403}, statuses


def _rules_of(team, name):
    return next(rule for rule in team["rules"] if rule["name"] == name)


def a_changed_route_is_in_force_in_seconds_and_a_refused_one_keeps_the_last_good(bench):
    """As many rules as before: what counts is what they say."""
    scene = Scene(bench, "routes")
    before, after = scene.teams("fraud"), scene.teams("fraud")
    _rules_of(after[0], "payments")["match"] = {"type": ["order.placed"]}
    scene.open(before)
    pod = scene.pods()[f"{NAME}-0"]
    scene.produce(events.stream(HELD_EVENTS, scene.seed))
    scene.consumed()
    since = topics.ends(scene.bootstrap, scene.source)
    begun = time.monotonic()
    scene.route(after[0])
    scene.route_when("fraud", "InForce", "True")
    assert scene.took("a changed route is in force", begun) < READY_S
    scene.produce(events.stream(HELD_EVENTS, scene.seed + 1, first_id=HELD_EVENTS))
    bad = scene.teams("fraud")[0]
    _rules_of(bad, "payments")["to"] = "of-another-team"
    begun = time.monotonic()
    scene.route(bad)
    said = scene.route_when("fraud", "Accepted", "False")
    scene.took(f"a bad one is refused ({said})", begun)
    assert "of-another-team" in str(scene.route_status("fraud")["errors"]), scene.route_status("fraud")
    scene.produce(events.stream(HELD_EVENTS, scene.seed + 2, first_id=2 * HELD_EVENTS))
    scene.consumed()
    now = scene.pods()[f"{NAME}-0"]
    assert now["metadata"]["uid"] == pod["metadata"]["uid"]
    assert now["status"]["containerStatuses"][0]["restartCount"] == 0
    scene.check(before, StepOracle([Phase(before), Phase(after, since)], scene.dead_letters))


# --- another version ---

def _images(scene):
    return {name: pod["spec"]["containers"][0]["image"].rpartition(":")[2]
            for name, pod in scene.pods().items()}


def a_good_version_comes_to_one_pod_first_and_then_to_all(bench):
    scene = Scene(bench, "canary")
    teams = scene.teams()
    scene.open(teams, replicas=2)
    flow, begun = _flow(scene), time.monotonic()
    scene.change(version="2")
    seen = []

    def look():
        upgrade = scene.router_object()["status"].get("upgrade", {})
        seen.append((upgrade.get("phase"), _images(scene)))
        assert upgrade.get("phase") != "RolledBack", upgrade
        return upgrade.get("phase") == "Done"
    wait_for(look, "the upgrade is done", READY_S, LOOK_S)
    scene.took("a canary, its watch of 2 s, and the other pod", begun)
    first = [images for phase, images in seen if phase == "Canary"]
    assert first and all(images.get(f"{NAME}-0", "1") == "1" for images in first), first
    assert any(images.get(f"{NAME}-1") == "2" for images in first), first
    assert _images(scene) == {f"{NAME}-0": "2", f"{NAME}-1": "2"}, _images(scene)
    scene.ready(2)
    _end(scene, flow, teams)


# --- how many, and whether ---

def pods_come_and_go_as_replicas_and_the_scale_subresource_say(bench):
    scene = Scene(bench, "scale")
    teams = scene.teams()
    scene.open(teams)
    flow, begun = _flow(scene), time.monotonic()
    scene.change(replicas=2)
    scene.ready(2)
    scene.took("replicas: 2", begun)
    begun = time.monotonic()
    scene.kube.patch(API, "EventRouter", NAME, {"spec": {"replicas": 1}}, scene.space, part="scale")
    scene.ready(1)
    scene.took("scale to 1, as KEDA does", begun)
    path = scene.kube.path(API, "EventRouter", scene.space, NAME, "scale")
    scale = wait_for(lambda: (found := scene.kube.call("GET", path))["status"]["replicas"] == 1
                     and found, "the scale says 1")
    assert f"turnout.dev/router={NAME}" in scale["status"]["selector"], scale
    _end(scene, flow, teams)


def a_paused_router_goes_on_where_it_was_and_a_drained_one_has_routed_all_that_there_was(bench):
    scene = Scene(bench, "pause")
    teams = scene.teams()
    scene.open(teams)
    flow, begun = _flow(scene), time.monotonic()
    scene.change(paused=True)
    wait_for(lambda: not scene.pods(), "no pod runs", READY_S, LOOK_S)
    scene.when("Ready", "False", "Paused")
    scene.took("paused", begun)
    begun = time.monotonic()
    scene.change(paused=False)
    scene.ready(1)
    scene.took("no more paused", begun)
    held, begun = topics.ends(scene.bootstrap, scene.source), time.monotonic()
    scene.change(drain=True)
    scene.when("Drained", "True")
    wait_for(lambda: not scene.pods(), "no pod runs", READY_S, LOOK_S)
    scene.took("drained, while events still come", begun)
    done = topics.committed_offsets(scene.bootstrap, scene.group, scene.source)
    assert all(done[partition] >= end for partition, end in held.items()), (held, done)
    assert flow.is_flowing()
    scene.change(drain=False)
    scene.ready(1)
    _end(scene, flow, teams)


# --- a replay ---

def _job_pods(scene):
    return [pod["metadata"]["name"] for pod in scene.kube.list(
        "v1", "Pod", scene.space, f"turnout.dev/replay-of={NAME}")
        if pod["status"].get("phase") == "Running"]


def a_replay_that_is_killed_sends_each_event_once(bench):
    scene = Scene(bench, "replay")
    teams, backfill = scene.teams("fraud"), f"{scene.prefix}.fraud.backfill"
    scene.open(teams)
    topics.create(scene.bootstrap, backfill, 3)
    scene.produce(events.stream(HELD_EVENTS, scene.seed))
    scene.consumed()
    begun = time.monotonic()
    scene.change(replay={"rule": "fraud/payments", "from": "earliest", "to": "now",
                         "toTopic": backfill, "rate": f"{REPLAY_RATE}/s", "job": "again"})
    pod, = wait_for(lambda: _job_pods(scene), "the job runs", READY_S, LOOK_S)
    process = scene.nodes.container(scene.space, pod)
    wait_for(lambda: sum(topics.ends(scene.bootstrap, backfill).values()), "it sends", READY_S, LOOK_S)
    process.kill()
    scene.when("Replayed", "True", timeout_s=READY_S)
    scene.took("a replay that was killed once", begun)
    sent, live = [collections.Counter((one.key, one.value) for one in
                                      topics.read(scene.bootstrap, name)[name])
                  for name in (backfill, f"{scene.prefix}.fraud.payments")]
    assert sent == live and sent, (sum(sent.values()), sum(live.values()))
    scene.check(teams)


# --- the end ---

def _waiting(scene):
    """Events, as its pods say."""
    return sum(partition["lag"] or 0 for pod in scene.pods()
               for worker in scene.status_of(pod).get("workers", ())
               for partition in worker["partitions"])


def a_deleted_router_stays_while_events_wait_and_goes_when_they_are_routed(bench):
    scene = Scene(bench, "delete")
    teams = scene.teams()
    scene.open(teams, onDelete={"lag": "Refuse"})
    scene.change(paused=True)
    wait_for(lambda: not scene.pods(), "no pod runs", READY_S, LOOK_S)
    scene.produce(events.stream(HELD_EVENTS, scene.seed))
    scene.kube.delete(API, "EventRouter", NAME, scene.space)
    said = scene.when("Deletable", "False")
    assert "spec.onDelete.lag" in said, said
    begun = time.monotonic()
    scene.change(onDelete={"lag": "Drain"}, paused=False)
    wait_for(lambda: scene.router_object() is None, "it is gone", READY_S, LOOK_S)
    scene.took("drained and gone", begun)
    assert topics.lag(scene.bootstrap, scene.group, scene.source) == 0
    wait_for(lambda: not scene.pods(), "its pods are gone", READY_S, LOOK_S)
    scene.check(teams)


def a_deleted_router_whose_pods_run_stays_until_the_last_event_is_routed(bench):
    """That event's transaction is still open, so nobody may read it, however well the pods are."""
    scene = Scene(bench, "refuse")
    teams = scene.teams()
    scene.open(teams, onDelete={"lag": "Refuse"})
    scene.produce(events.stream(HELD_EVENTS, scene.seed))
    scene.consumed()
    (last,) = events.stream(1, scene.seed, first_id=HELD_EVENTS)
    producer = topics.open_transaction(scene.bootstrap, f"{scene.prefix}-open", scene.source,
                                       last["value"])
    wait_for(lambda: _waiting(scene) == 1, "the pod says that an event waits", READY_S, LOOK_S)
    scene.kube.delete(API, "EventRouter", NAME, scene.space)
    said = scene.when("Deletable", "False", "LagLeft")
    assert said.startswith(f"1 events of the topic {scene.source} wait"), said
    scene.ready(1)
    begun = time.monotonic()
    producer.commit_transaction(30)
    wait_for(lambda: scene.router_object() is None, "it is gone", READY_S, LOOK_S)
    scene.took("gone, once the last event was routed", begun)
    wait_for(lambda: not scene.pods(), "its pods are gone", READY_S, LOOK_S)
    scene.check(teams)


TESTS = [
    a_replay_that_is_killed_sends_each_event_once,
    a_killed_router_resumes_with_nothing_lost_or_doubled,
    a_changed_route_is_in_force_in_seconds_and_a_refused_one_keeps_the_last_good,
    rules_come_from_a_manager_that_takes_the_token_which_kubernetes_signs_for_a_pod,
    a_good_version_comes_to_one_pod_first_and_then_to_all,
    pods_come_and_go_as_replicas_and_the_scale_subresource_say,
    a_paused_router_goes_on_where_it_was_and_a_drained_one_has_routed_all_that_there_was,
    a_deleted_router_stays_while_events_wait_and_goes_when_they_are_routed,
    a_deleted_router_whose_pods_run_stays_until_the_last_event_is_routed,
]
