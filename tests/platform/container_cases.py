"""The whole of it with a container of the image: an EventRouter is applied, `turnout controller` makes
of it what it makes, podman runs the pod, events flow through a real Kafka, and the container is killed.
"""
import ipaddress
import random
import socket
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "broker"))

import controller_cases  # noqa: E402
import events  # noqa: E402
import image_cases  # noqa: E402
import topics  # noqa: E402
from kube import wait_for  # noqa: E402
from podman_node import TOLERATION, PodmanNode  # noqa: E402
from stage import SharedBroker, Stage  # noqa: E402

ADMIN_PORT = 9464
SEED = 11
RATE = 800
EVENTS_MAX = 60_000
KILL_AFTER_S = (0.0, 1.0)
# The dead container's place in the group is kept for it so long; its successor's comes after that.
CONFIG = {"source": {"session_timeout": "6s"}}
READY_S = 60
DISK_BYTES = "1Gi"
POD = "shop-0"


def own_address(port):
    """One of this machine's own, where nobody listens on this port."""
    while True:
        address = str(ipaddress.ip_address("127.64.0.0") + random.SystemRandom().randrange(1, 1 << 21))
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
                return address
            except OSError:
                continue


def disk(bench, name):
    """A PersistentVolume in a directory, of a class of that name."""
    path = bench.directory / name
    path.mkdir()
    bench.kube.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
                      "spec": {"capacity": {"storage": DISK_BYTES}, "accessModes": ["ReadWriteOnce"],
                               "persistentVolumeReclaimPolicy": "Retain", "storageClassName": name,
                               "hostPath": {"path": str(path)}}})


def router_of(stage, teams, space, node):
    return {"apiVersion": controller_cases.API, "kind": "EventRouter",
            "metadata": {"name": "shop", "namespace": space},
            "spec": {"source": {"brokers": [stage.kafka.bootstrap], "topic": stage.source,
                                "group": stage.group},
                     "config": CONFIG,
                     "state": {"size": DISK_BYTES, "storageClassName": node},
                     "nodeSelector": {"kubernetes.io/hostname": node}, "tolerations": [TOLERATION],
                     "teams": [{"name": team["team"], "namespace": f"{space}-{team['team']}",
                                "destinations": team["destinations"]} for team in teams],
                     "onDelete": {"lag": "Ignore"}}}


def route_of(team, space):
    return {"apiVersion": controller_cases.API, "kind": "EventRoute",
            "metadata": {"name": team["team"], "namespace": f"{space}-{team['team']}"},
            "spec": {"router": {"name": "shop", "namespace": space}, "team": team["team"],
                     "rules": team["rules"]}}


def is_ready(bench, space):
    status = bench.kube.get(controller_cases.API, "EventRouter", "shop", space).get("status", {})
    return {one["type"]: one["status"] for one in status.get("conditions", [])}.get("Ready") == "True"


def a_killed_container_of_an_event_router_comes_back_and_loses_and_doubles_nothing(bench):
    kube, node_name = bench.kube, "podman-0"
    space = bench.namespace("container", {"turnout.dev/service": "container"})
    shared = SharedBroker(bench.directory / "kafka")
    stage = Stage("container", bench.turnout, bench.directory / "stage", shared, SEED)
    stage.at_end(shared.close)
    bench.closes(Closing(stage.close))
    image = image_cases.pulled(bench.turnout)
    controller_cases.begin(bench, controller_cases.may_control(bench), "controller", "--image",
                           image.rpartition(":")[0])
    node = bench.closes(PodmanNode(kube, node_name, own_address(ADMIN_PORT), image_cases.podman,
                                   bench.directory / "node"))
    disk(bench, node_name)
    teams = stage.teams()
    stage.make_topics(teams)
    begun = time.monotonic()
    kube.apply(router_of(stage, teams, space, node_name))
    for team in teams:
        bench.namespace(f"{space}-{team['team']}", {"turnout.dev/team": team["team"]})
        kube.apply(route_of(team, space))
    # The controller asks the pod's own status: it says so once rules are in force and events flow.
    wait_for(lambda: node.check() or is_ready(bench, space), "the EventRouter is ready", READY_S)
    stage.say(f"ready {time.monotonic() - begun:.1f} s after it was applied")

    flow = stage.flow(events.stream(EVENTS_MAX, SEED, unreadable_every=1000), RATE)
    wait_for(lambda: sum(topics.committed_offsets(stage.bootstrap, stage.group, stage.source,
                                                  settled=False).values()) > RATE / 2, "events flow")
    time.sleep(stage.chance.uniform(*KILL_AFTER_S))
    begun = time.monotonic()
    image_cases.output_of(*image_cases.podman("kill", "-s", "KILL", node.container(POD)))
    wait_for(lambda: node.check() or pod_is_ready_again(bench, space), "the pod is ready again", READY_S)
    stage.say(f"ready {time.monotonic() - begun:.1f} s after it was killed")
    count = flow.end()
    assert count < EVENTS_MAX, "the events ran out"
    stage.consumed(READY_S, node.check)
    assert node.restarts(POD) == 1, f"it ended by itself, see {node.log(POD)}"
    stage.check(teams)


def pod_is_ready_again(bench, space):
    (status,) = bench.kube.get("v1", "Pod", POD, space)["status"]["containerStatuses"]
    return status["ready"] and status["restartCount"] == 1


class Closing:
    """What a bench closes, made of a function."""

    def __init__(self, close):
        self.kill = close


TESTS = [a_killed_container_of_an_event_router_comes_back_and_loses_and_doubles_nothing]
