"""A node of the cluster whose kubelet this is: what is scheduled there runs in podman's containers.

Of a pod it takes what `turnout controller` writes: one container, its command, arguments and
environment, its security context, ConfigMaps (projected ones too), emptyDirs and claims with a
hostPath. A container that ends is followed by another one on the same volumes, as `restartPolicy:
Always` says; pods are ready when the readiness probe says so. Containers are on the machine's own
network, so the pod's address is one of 127.0.0.0/8, and `0.0.0.0` in what a ConfigMap says becomes it.

Errors: what went wrong in the thread is raised by `check`. Threads: one of its own.
"""
import datetime
import os
import subprocess
import threading
import urllib.error
import urllib.request

from kube import Refused
from processes import die_with_parent

HEARTBEAT_S = 2
LOOK_S = 0.2
TAINT = {"key": "turnout.dev/podman", "value": "true", "effect": "NoSchedule"}
TOLERATION = {"key": TAINT["key"], "operator": "Exists"}
EVERYWHERE = "0.0.0.0"
# Those that a container may have within this machine's own.
LIMITS = ("--ulimit", "nofile=10000:10000", "--ulimit", "nproc=4096:4096")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class PodmanNode:
    """`podman` makes a command line of podman's words."""

    def __init__(self, kube, name, address, podman, directory):
        self.address, self.name = address, name
        self._kube, self._podman, self._directory = kube, podman, directory
        self._pods, self._problem, self._stop = {}, None, threading.Event()
        directory.mkdir(parents=True)
        size = {"cpu": "4", "memory": "8Gi", "pods": "10"}
        kube.create({"apiVersion": "v1", "kind": "Node", "spec": {"taints": [TAINT]},
                     "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}})
        kube.patch("v1", "Node", name, {"status": {"allocatable": size, "capacity": size}},
                   part="status")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def container(self, pod):
        """The name of the one that runs now, or None."""
        runs = self._pods.get(pod)
        return runs.container if runs and runs.is_running() else None

    def restarts(self, pod):
        return self._pods[pod].restarts

    def log(self, pod):
        return self._pods[pod].log

    def check(self):
        if self._problem:
            raise self._problem

    def kill(self):
        """Ends all of it, as when the machine loses power."""
        self._stop.set()
        self._thread.join()
        for pod in self._pods.values():
            pod.kill()
        self._kube.delete("v1", "Node", self.name)

    def _run(self):
        beats = 0
        try:
            while not self._stop.wait(LOOK_S):
                if beats % (HEARTBEAT_S / LOOK_S) == 0:
                    self._kube.patch("v1", "Node", self.name, {"status": {"conditions": [{
                        "type": "Ready", "status": "True", "reason": "Podman", "message": "it runs",
                        "lastHeartbeatTime": now()}]}}, part="status")
                beats += 1
                self._look()
        except Exception as problem:  # told to whoever checks
            self._problem = problem

    def _look(self):
        bound = self._kube.call("GET", "/api/v1/pods", fieldSelector=f"spec.nodeName={self.name}")
        for pod in bound["items"]:
            name = pod["metadata"]["name"]
            if pod["metadata"].get("deletionTimestamp"):
                if name in self._pods:
                    self._pods.pop(name).kill()
                self._kube.delete("v1", "Pod", name, pod["metadata"]["namespace"], now=True)
                continue
            if name not in self._pods:
                self._pods[name] = RunningPod(self._kube, pod, self.address, self._podman,
                                              self._directory / name)
            self._pods[name].look()


class RunningPod:
    def __init__(self, kube, pod, address, podman, directory):
        self.restarts = -1
        self.container = None
        self.log = directory / "container.log"
        self._kube, self._address, self._podman = kube, address, podman
        self._name, self._space = pod["metadata"]["name"], pod["metadata"]["namespace"]
        self._spec, self._directory = pod["spec"], directory
        (self._what,) = self._spec["containers"]
        self._process, self._told, self._begun = None, None, now()
        directory.mkdir(parents=True)

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def look(self):
        for volume in self._spec["volumes"]:
            self._fill(volume)
        if not self.is_running():
            self._start()
        self._tell(self._is_ready())

    def kill(self):
        if self._process is not None:
            self._remove()
            self._process.kill()
            self._process.wait()

    def _remove(self):
        subprocess.run([str(word) for word in self._podman("rm", "-f", "-t", "0", "-i",
                                                           self.container)],
                       stdin=subprocess.DEVNULL, capture_output=True)

    def _start(self):
        if self._process is not None:
            self._remove()
        self.restarts += 1
        self.container = f"{self._name}-{self.restarts}"
        command = self._podman("run", "--rm", "--name", self.container, *self._options(),
                               self._what["image"], *self._what["command"][1:], *self._what["args"])
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent)

    def _options(self):
        pod, own = self._spec["securityContext"], self._what["securityContext"]
        assert pod["runAsNonRoot"] and own["runAsNonRoot"], (pod, own)
        yield from ("--network", "host", *LIMITS, "--entrypoint", self._what["command"][0])
        yield from ("--user", f"{pod['runAsUser']}:{pod['runAsGroup']}")
        if own["readOnlyRootFilesystem"]:
            yield from ("--read-only", "--read-only-tmpfs=false")
        for name in own["capabilities"]["drop"]:
            yield from ("--cap-drop", name.lower())
        if not own["allowPrivilegeEscalation"]:
            yield from ("--security-opt", "no-new-privileges")
        for one in self._what["env"]:
            assert one["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name", one
            yield from ("--env", f"{one['name']}={self._name}")
        for mount in self._what["volumeMounts"]:
            place = self._place(mount["name"]) / mount.get("subPath", "")
            yield from ("-v", f"{place}:{mount['mountPath']}:{'ro' if mount.get('readOnly') else 'rw'}")

    # --- volumes ---

    def _place(self, volume):
        return self._directory / "volumes" / volume

    def _fill(self, volume):
        place = self._place(volume["name"])
        if "configMap" in volume or "projected" in volume:
            sources = volume["projected"]["sources"] if "projected" in volume else [volume]
            place.mkdir(parents=True, exist_ok=True)
            wanted = {}
            for source in sources:
                said = source["configMap"]
                wanted.update(self._config_map(said["name"], said.get("optional", False)))
            for file, text in wanted.items():
                self._write(place / file, text)
            for file in place.iterdir():
                if file.name not in wanted:
                    file.unlink()
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            if "emptyDir" in volume:
                place.mkdir()
            else:
                place.symlink_to(self._disk(volume["persistentVolumeClaim"]["claimName"]))
            owner = self._spec["securityContext"]["fsGroup"]
            os.chown(place, owner, owner)

    def _config_map(self, name, optional):
        found = self._kube.find("v1", "ConfigMap", name, self._space)
        assert found or optional, f"no ConfigMap {name}"
        return {file: text.replace(EVERYWHERE, self._address)
                for file, text in (found or {}).get("data", {}).items()}

    @staticmethod
    def _write(file, text):
        if file.exists() and file.read_text() == text:
            return
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_text(text)
        fresh.rename(file)

    def _disk(self, claim):
        volume = self._kube.get("v1", "PersistentVolumeClaim", claim, self._space)["spec"]["volumeName"]
        return self._kube.get("v1", "PersistentVolume", volume)["spec"]["hostPath"]["path"]

    # --- what is told of it ---

    def _is_ready(self):
        probe = self._what["readinessProbe"]["httpGet"]
        ports = {port["name"]: port["containerPort"] for port in self._what["ports"]}
        try:
            with urllib.request.urlopen(f"http://{self._address}:{ports[probe['port']]}"
                                        f"{probe['path']}", timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def _tell(self, is_ready):
        if self._told == (is_ready, self.restarts):
            return
        truth = "True" if is_ready else "False"
        try:
            self._kube.patch("v1", "Pod", self._name, {"status": {
                "phase": "Running", "podIP": self._address, "podIPs": [{"ip": self._address}],
                "startTime": self._begun,
                "conditions": [{"type": kind, "status": truth, "lastTransitionTime": now()}
                               for kind in ("Ready", "ContainersReady")],
                "containerStatuses": [{
                    "name": self._what["name"], "image": self._what["image"], "imageID": "",
                    "ready": is_ready, "restartCount": self.restarts, "started": True,
                    "state": {"running": {"startedAt": now()}}}]}}, self._space, "status")
        except Refused as refused:
            if refused.code != 404:  # it was just deleted
                raise
        self._told = is_ready, self.restarts
