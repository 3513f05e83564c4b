"""Kubelets that run the pods of their nodes as real processes: the testbed's nodes on which a router routes.

A Kubelet has a Node of its own, renews its lease, and runs the pods that are bound to it as a kubelet
does: volumes (volumes.py), environment, command (container.py), probes over HTTP, restarts after a
pause that grows, SIGTERM and SIGKILL at the end; what it observes it writes to the pod's status in a
kubelet's words. `silence` and `find` are a node that is lost and one that is back: its processes go on.

What is a stand-in: images are programs by name (`images`); all pods share the machine's network, each
with an address 127.x.y.z; pauses after crashes are shorter; limits of memory and processors are not
enforced; `environment` is what EKS' webhook puts into pods, for instance a role's credentials.

    nodes = Kubelets(bench, "real", 2, {"tests/turnout:1": bench.turnout})
    spec.update(nodes.placing)                      # of an EventRouter: its pods come here
    nodes.container("shop", "shop-0").pid, nodes.of("shop", "shop-0").silence()

Errors: binaries.NoGo where processes can't have mounts of their own. Lifetime: `kill` ends it with all its
processes. Threads: its own, one more a pod; calls may come from any.
"""
import contextlib
import datetime
import http.client
import itertools
import random
import threading
import time
from pathlib import Path

import container
from binaries import NoGo
from cluster import HEARTBEAT_S
from kube import Refused, wait_for
from pod_runner import PodRunner, now

POLL_S = 0.3
POOL = "tests.turnout.dev/pool"


class Kubelets:
    """So many nodes, on which only pods with `placing` run. They end with the test."""

    def __init__(self, bench, pool, count, images, environment=None):
        try:
            container.check()
        except container.NoMounts as problem:
            raise NoGo(str(problem)) from None
        self.images = images  # may be changed while they run
        self.placing = {"nodeSelector": {POOL: pool},
                        "tolerations": [{"key": POOL, "operator": "Exists"}]}
        self.all = [bench.closes(Kubelet(bench.cluster, f"{pool}-{number}", pool, images,
                                         bench.directory / f"{pool}-{number}", environment).start())
                    for number in range(count)]

    def of(self, namespace, pod):
        """The kubelet that runs this pod now; None if none does."""
        return next((one for one in self.all if one.find_pod(namespace, pod)), None)

    def container(self, namespace, pod):
        """Its process, once there is one."""
        def look():
            runs = self.of(namespace, pod)
            found = runs and runs.find_pod(namespace, pod).container
            return found if found and found.is_running() else None
        return wait_for(look, f"a process of {namespace}/{pod}")


class Kubelet:
    def __init__(self, cluster, name, pool, images, directory, environment=None):
        self.name, self.images = name, images
        self.kube, self.environment = cluster.kube, environment or {}
        self.directory = Path(directory)
        self._cluster, self._pool = cluster, pool
        self._pods = {}  # uid: PodRunner
        self._lock = threading.Lock()
        self._addresses = itertools.count(1)
        self._network = f"127.{random.randrange(2, 250)}.{random.randrange(256)}"
        self._is_over = threading.Event()
        self._silent = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def is_silent(self):
        return self._silent.is_set()

    def start(self):
        self._cluster.add_node(self.name, {POOL: self._pool, "topology.kubernetes.io/zone": self.name},
                               kwok=False)
        self.kube.patch("v1", "Node", self.name, {"spec": {"taints": [
            {"key": POOL, "value": self._pool, "effect": "NoSchedule"}]}})
        self._beat()
        self._thread.start()
        wait_for(lambda: self._cluster.node_is_ready(self.name), f"node {self.name} is ready")
        return self

    def silence(self):
        """As if its network were gone: nothing is heard of it, and its processes go on."""
        self._silent.set()

    def find(self):
        """The silent one is back."""
        self._silent.clear()

    def kill(self):
        """With all its processes, and its Node."""
        self._is_over.set()
        self._thread.join()
        for runner in self._runners():
            runner.vanish()
        for runner in self._runners():
            runner.join()
        with contextlib.suppress(Refused, OSError):
            self.kube.delete("v1", "Node", self.name)
            for pod in self._listed():
                self.kube.delete("v1", "Pod", pod["metadata"]["name"], pod["metadata"]["namespace"],
                                 now=True)

    def find_pod(self, namespace, name):
        """The PodRunner; None if it has none of this name."""
        return next((one for one in self._runners() if (one.namespace, one.name) == (namespace, name)
                     and one.is_alive()), None)

    def new_address(self):
        return f"{self._network}.{next(self._addresses)}"

    # --- its thread ---

    def _runners(self):
        with self._lock:
            return list(self._pods.values())

    def _listed(self):
        return self.kube.call("GET", "/api/v1/pods", fieldSelector=f"spec.nodeName={self.name}")["items"]

    def _run(self):
        beat = time.monotonic()
        while not self._is_over.wait(POLL_S):
            if self.is_silent:
                continue
            try:
                if time.monotonic() >= beat:
                    self._beat()
                    beat = time.monotonic() + HEARTBEAT_S
                self._sync(self._listed())
            except (Refused, OSError, http.client.HTTPException):
                pass  # the server may be away; the next look does it

    def _sync(self, listed):
        pods = {pod["metadata"]["uid"]: pod for pod in listed}
        for uid, pod in pods.items():
            if uid in self._pods:
                self._pods[uid].pod = pod
                continue
            runner = PodRunner(self, pod)
            with self._lock:
                self._pods[uid] = runner
            runner.start()
        for uid in [one for one in self._pods if one not in pods]:
            self._pods[uid].vanish()
            with self._lock:
                del self._pods[uid]

    def _beat(self):
        """A lease as kubelets keep it, and the first time a condition beside it."""
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.kube.apply({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                         "metadata": {"name": self.name, "namespace": "kube-node-lease"},
                         "spec": {"holderIdentity": self.name, "leaseDurationSeconds": 4 * HEARTBEAT_S,
                                  "renewTime": stamp}})
        if not self._cluster.node_is_ready(self.name):
            self.kube.patch("v1", "Node", self.name, {"status": {"conditions": [
                {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready",
                 "lastHeartbeatTime": now(), "lastTransitionTime": now()}]}}, part="status")
