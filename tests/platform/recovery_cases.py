"""What breaks under a router, and how long until it routes again; the table of README.md in
deploy/controller has the times.

Each time is from the fault until as many pods are ready as there should be and the router says so.
Events flow meanwhile, and each of them is in its destinations once.
"""
import time

import manifests
import state_events
import state_setup
from kube import wait_for
from router_yard import IMAGE, LOOK_S, NAME, READY_S, Scene, yard_of
from step_oracle import Phase

BESIDE = "routers"  # run beside each other, and beside router_cases
EVENTS_MAX = 100_000
RATE = 200
PARTITIONS = 4
NODE_LOST_S = 200  # at most
# How much longer than the page says it may take, on a machine that does much else, and what is never too long.
TIMES_MAX, SHORT_S = 5, 30


def limit(row):
    """Seconds at most, by that row of the page's table."""
    page = (manifests.ROOT / "deploy/controller/README.md").read_text()
    (line,) = [one for one in page.splitlines() if one.startswith(f"| {row} |")]
    return max(SHORT_S, TIMES_MAX * int(line.split("|")[-2].split(",")[0].split(";")[0]))


def prepare(parts):
    yard_of(parts)


def _open(scene, teams, replicas=1, **spec):
    """A router whose rules remember; its checkpoints are in S3."""
    config = scene.usual_config(checkpoints={"s3": scene.yard.store.config["s3"]})
    config["source"].update({"time_field": state_setup.SETTINGS.time_field,
                             "lateness": f"{state_setup.SETTINGS.lateness}ms",
                             "ahead_max": f"{state_setup.SETTINGS.ahead_max}ms"})
    spec["source"] = {"brokers": [scene.kafka.bootstrap], "topic": scene.source,
                      "group": scene.group, "partitionedBy": "user"}
    spec["checkpoints"] = {"store": f"s3://checkpoints/{scene.prefix}", "every": "2s"}
    scene.open(teams, PARTITIONS, replicas, config=config, **spec)


def _teams(scene):
    """Two whose rules remember."""
    return scene.teams("fraud", "growth", directory=state_setup.RULES)


def _flow(scene):
    return scene.flow(state_events.stream(EVENTS_MAX, scene.seed), RATE)


def _checkpointed(scene):
    """Events have flowed for long enough that every partition has a checkpoint or two."""
    def look():
        found = scene.status_of(f"{NAME}-0").get("checkpoints", {})
        return found.get("published", 0) >= 2 * PARTITIONS
    wait_for(look, "checkpoints are published", READY_S, LOOK_S)


def _end(scene, flow, teams):
    flow.end()
    scene.consumed(90)
    state_setup.check(scene, [Phase(teams)], teams)


def a_pod_that_is_killed_and_deleted_by_force_comes_back(bench):
    scene = Scene(bench, "pod-killed")
    teams = _teams(scene)
    _open(scene, teams)
    flow = _flow(scene)
    _checkpointed(scene)
    pod = scene.pods()[f"{NAME}-0"]["metadata"]["uid"]
    scene.process().kill()
    scene.kube.delete("v1", "Pod", f"{NAME}-0", scene.space, now=True)
    assert scene.recovered("a pod killed and deleted by force", but=pod) < limit(
        "a pod is killed, and deleted by force")
    _end(scene, flow, teams)


def pods_of_a_lost_node_come_up_on_another_and_fence_what_still_runs_there(bench):
    yard = bench.shared("routers")
    nodes = yard.make_nodes(bench, "lost", 2)
    scene = Scene(bench, "node-lost", nodes)
    teams = _teams(scene)
    _open(scene, teams)
    flow = _flow(scene)
    _checkpointed(scene)
    pod = scene.pods()[f"{NAME}-0"]
    lost, ghost = nodes.of(scene.space, f"{NAME}-0"), scene.process()
    lost.silence()
    assert scene.recovered("a node lost", NODE_LOST_S, but=pod["metadata"]["uid"]) < NODE_LOST_S
    assert scene.pods()[f"{NAME}-0"]["spec"]["nodeName"] != pod["spec"]["nodeName"]
    assert ghost.is_running(), "the ghost is gone: nothing was to be fenced"
    wait_for(lambda: '"event":"fenced"' in ghost.log_file.read_text(), "the ghost is fenced", READY_S,
             LOOK_S)
    lost.find()
    wait_for(lambda: not ghost.is_running(), "the kubelet that is back ends the ghost",
             READY_S)
    scene.ready(1)
    _end(scene, flow, teams)


def the_state_of_a_lost_disk_comes_back_from_the_checkpoints(bench):
    scene = Scene(bench, "disk-lost")
    teams = _teams(scene)
    _open(scene, teams, state={"size": "1Gi", "storageClassName": scene.yard.disks.storage_class})
    flow = _flow(scene)
    _checkpointed(scene)
    pod = scene.pods()[f"{NAME}-0"]["metadata"]["uid"]
    scene.yard.disks.lose(scene.space, f"state-{NAME}-0")
    assert scene.recovered("a disk lost", but=pod) < limit("a disk is lost, and its claim with it")
    replayed = [(int(begin), int(end)) for _, begin, end in
                state_setup.REPLAYING.findall(scene.process().log_file.read_text())]
    scene.say(f"{sum(end - begin for begin, end in replayed)} events replayed behind checkpoints")
    assert replayed and all(begin > 0 for begin, _ in replayed), f"from the first event on: {replayed}"
    claim = scene.kube.get("v1", "PersistentVolumeClaim", f"state-{NAME}-0", scene.space)
    assert claim["status"]["phase"] == "Bound", claim["status"]
    _end(scene, flow, teams)


def a_version_that_cannot_start_is_gone_back_from(bench):
    """One whose image is not there, then one whose program ends at once."""
    scene = Scene(bench, "bad-image")
    teams = _teams(scene)
    _open(scene, teams, replicas=2)
    flow = _flow(scene)
    for version, row, words in (
            ("missing", "a version's image is not there", [f"{IMAGE}:missing can't be had", "Set spec.image"]),
            ("broken", "a version ends as soon as it starts",
             ["turnout ended", "status 127", "libmissing.so"])):
        kept = scene.pods()[f"{NAME}-0"]["metadata"]["uid"]
        begun = time.monotonic()
        scene.change(version=version)
        said = scene.when("UpgradeRolledBack", "True")
        assert all(word in said for word in words), said
        scene.ready(2)
        assert scene.took(f"version {version} gone back from, all pods ready", begun) < limit(row)
        assert scene.pods()[f"{NAME}-0"]["metadata"]["uid"] == kept, "another pod was touched"
    _end(scene, flow, teams)


def a_bad_config_is_refused_while_pods_run_on(bench):
    scene = Scene(bench, "bad-config")
    teams = _teams(scene)
    _open(scene, teams)
    flow = _flow(scene)
    process, begun = scene.process(), time.monotonic()
    pid = process.pid
    scene.change(config={"limits": {"transaction_timeout": "soon"}})
    said = scene.when("ConfigAccepted", "False")
    scene.took(f"a bad config is refused ({said})", begun)
    assert "limits.transaction_timeout" in said and "Pods run on as they were" in said, said
    scene.when("Ready", "True")
    assert process.pid == pid and process.is_running()
    pod, begun = scene.pods()[f"{NAME}-0"]["metadata"]["uid"], time.monotonic()
    scene.change(config={"limits": {"transaction_timeout": "12s"}})
    scene.when("ConfigAccepted", "True")
    assert scene.recovered("a good config instead", but=pod, begun=begun) < limit(
        "a good config after a bad one")
    wait_for(lambda: scene.router_object()["status"]["upgrade"]["phase"] == "Done", "it is kept", READY_S,
             LOOK_S)
    _end(scene, flow, teams)


TESTS = [
    pods_of_a_lost_node_come_up_on_another_and_fence_what_still_runs_there,
    a_version_that_cannot_start_is_gone_back_from,
    the_state_of_a_lost_disk_comes_back_from_the_checkpoints,
    a_pod_that_is_killed_and_deleted_by_force_comes_back,
    a_bad_config_is_refused_while_pods_run_on,
]
