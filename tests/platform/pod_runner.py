"""One pod of a Kubelet (kubelet.py), from its binding to its end, and what is said of it meanwhile.

Errors: none; what does not succeed is tried again while the pod lives. Threads: each pod is one; the
kubelet's tells it of changes.
"""
import contextlib
import datetime
import http.client
import shutil
import threading
import time
import uuid

from container import Container
from kube import Refused
from volumes import NotYet, PodVolumes, fields_of

POLL_S = 0.2
TICK_S = 0.05
RESYNC_S = 60  # how soon mounted ConfigMaps follow by themselves; at once where an annotation changes
CRASH_WAIT_S = (1, 8)  # before a restart: at first, at most. A kubelet's: 10 and 300
PULL_WAIT_S = (1, 8)
NEVER = ("Succeeded", "Failed")
PROBES = {"startup": "startupProbe", "live": "livenessProbe", "ready": "readinessProbe"}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class PodRunner(threading.Thread):
    """One pod, from its binding to its end, in a thread."""

    def __init__(self, kubelet, pod):
        super().__init__(daemon=True)
        self.pod = pod  # the kubelet keeps it new
        meta = pod["metadata"]
        self.namespace, self.name, self.uid = meta["namespace"], meta["name"], meta["uid"]
        self.container = None
        self._kubelet, self._kube = kubelet, kubelet.kube
        self._spec = pod["spec"]["containers"][0]
        self._directory = kubelet.directory / f"{self.namespace}-{self.name}-{self.uid[:8]}"
        self._vanished = threading.Event()
        self._address = kubelet.new_address()
        security = pod["spec"].get("securityContext", {})
        self._user = security.get("runAsUser", 0)
        self._volumes = PodVolumes(self._kube, pod, self._directory / "volumes",
                                   self._address, security.get("fsGroup", self._user))
        self._phase = "Pending"
        self._is_started = self._is_ready = False
        self._restarts = 0
        self._state = {"waiting": {"reason": "ContainerCreating"}}
        self._last_state = {}
        self._container_id = ""
        self._conditions = {}
        self._written = None

    def vanish(self):
        """Its object is gone, or its kubelet: no grace."""
        self._vanished.set()

    # --- its thread ---

    @property
    def _leaves(self):
        return "deletionTimestamp" in self.pod["metadata"] and not self._kubelet.is_silent

    @property
    def _must_end(self):
        return self._vanished.is_set() or self._leaves

    def run(self):
        if self.pod.get("status", {}).get("phase") in NEVER:
            self._wait_for_end()
        else:
            try:
                self._live()
            finally:
                self._end_process()
        self._say_goodbye()
        if self.container is not None and self.container.log_file.exists():
            with open(self._kubelet.directory / f"{self.namespace}-{self.name}.log", "ab") as log:
                log.write(self.container.log_file.read_bytes())
        shutil.rmtree(self._directory, ignore_errors=True)

    def _live(self):
        mounts = self._patiently(lambda: self._volumes.mounts(
            self.pod["spec"].get("volumes", []), self._spec.get("volumeMounts", [])))
        self.container = Container(self._directory, self._spec["name"])
        wait_s = CRASH_WAIT_S[0]
        while not self._must_end:
            program = self._pull()
            if program is None:
                return
            self._refresh()
            self.container.start(program, [*self._spec["command"], *self._spec.get("args", [])],
                                 self._environment(), mounts, self._user)
            self._phase, self._state = "Running", {"running": {"startedAt": now()}}
            self._container_id = f"process://{uuid.uuid4().hex}"
            begun = now()
            self._watch()
            code = self.container.exit_code()
            if code is None:  # the pod is to end
                return
            self._is_started = self._is_ready = False
            ended = {"terminated": self._terminated(code, begun)}
            if not self._restarts_after(code):
                self._phase = "Failed" if code else "Succeeded"
                self._state = ended
                self._write()
                self._wait_for_end()
                return
            self._last_state = ended
            self._state = {"waiting": {
                "reason": "CrashLoopBackOff",
                "message": f"back-off {wait_s}s restarting failed container={self._spec['name']} "
                           f"pod={self.name}_{self.namespace}({self.uid})"}}
            self._write()
            self._sleep(wait_s)
            wait_s = min(2 * wait_s, CRASH_WAIT_S[1])
            self._restarts += 1

    def _restarts_after(self, code):
        policy = self.pod["spec"].get("restartPolicy", "Always")
        return policy == "Always" or policy == "OnFailure" and code != 0

    def _patiently(self, what):
        """What `what()` returns once nothing that it needs is missing."""
        while not self._must_end:
            try:
                return what()
            except (NotYet, Refused, OSError):
                self._write()
                self._sleep(POLL_S)
        return []

    def _pull(self):
        """The image's program; None if the pod ends before it is there."""
        image, wait_s = self._spec["image"], PULL_WAIT_S[0]
        while not self._must_end:
            if image in self._kubelet.images:
                return self._kubelet.images[image]
            self._state = {"waiting": {"reason": "ErrImagePull", "message":
                                       f'failed to pull and unpack image "{image}": not found'}}
            self._write()
            self._sleep(wait_s)
            self._state = {"waiting": {"reason": "ImagePullBackOff", "message":
                                       f'Back-off pulling image "{image}": not found'}}
            self._write()
            self._sleep(wait_s)
            wait_s = min(2 * wait_s, PULL_WAIT_S[1])
        return None

    def _environment(self):
        found = {"PATH": "/usr/bin:/bin", "HOME": "/", **self._kubelet.environment}
        fields = {**fields_of(self.pod), "status.podIP": self._address}
        for entry in self._spec.get("env", []):
            source = entry.get("valueFrom", {}).get("fieldRef")
            found[entry["name"]] = fields[source["fieldPath"]] if source else entry.get("value", "")
        return found

    def _watch(self):
        """Until the process ends or the pod is to."""
        probes = {name: Probe(self._spec[key], self._address, self._spec)
                  for name, key in PROBES.items() if key in self._spec}
        self._is_started = "startup" not in probes
        self._is_ready = self._is_started and "ready" not in probes
        annotations, synced = self.pod["metadata"].get("annotations"), time.monotonic()
        while self.container.is_running() and not self._must_end:
            self._probe(probes)
            noted = self.pod["metadata"].get("annotations")
            if not self._kubelet.is_silent and (
                    noted != annotations or time.monotonic() > synced + RESYNC_S):
                self._refresh()
                annotations, synced = noted, time.monotonic()
            self._write()
            self._vanished.wait(TICK_S)

    def _refresh(self):
        """What the pod mounts is what the cluster has now; else it stays as it was."""
        if not self._kubelet.is_silent:
            with contextlib.suppress(NotYet, Refused, OSError):
                self._volumes.refresh(self.pod["spec"].get("volumes", []))

    def _probe(self, probes):
        if not self._is_started:
            self._is_started = probes["startup"].says() is True
            if self._is_started:
                self._is_ready = "ready" not in probes
            elif probes["startup"].says(ask=False) is False:
                self._kill_unwell()
            return
        if "live" in probes and probes["live"].says() is False:
            self._kill_unwell()
        if "ready" in probes:
            verdict = probes["ready"].says()
            self._is_ready = self._is_ready if verdict is None else verdict

    def _kill_unwell(self):
        self.container.stop(self.pod["spec"].get("terminationGracePeriodSeconds", 30),
                            self._vanished)

    def _terminated(self, code, begun):
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "startedAt": begun,
                 "finishedAt": now(), "containerID": self._container_id}
        if code > 128:
            ended["signal"] = code - 128
        if code != 0 and self._spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            ended["message"] = self.container.last_words()
        return ended

    def _end_process(self):
        if self.container is None or not self.container.is_running():
            return
        begun = self._state.get("running", {}).get("startedAt", now())
        if self._vanished.is_set():
            self.container.kill()
            return
        self._is_ready = False
        self._write()
        self.container.stop(self.pod["metadata"].get("deletionGracePeriodSeconds", 30),
                            self._vanished)
        code = self.container.exit_code()
        self._state = {"terminated": self._terminated(code, begun)}
        self._phase = "Failed" if code else "Succeeded"
        self._write()

    def _wait_for_end(self):
        while not self._must_end:
            self._write()
            self._vanished.wait(POLL_S)

    def _say_goodbye(self):
        """A pod that ended by a deletion is taken off the books, as only its kubelet does."""
        while not self._vanished.is_set():
            try:
                self._kube.call("DELETE", f"{self._path()}", {
                    "gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}})
                return
            except Refused as refused:
                if refused.code in (404, 409):
                    return
            except OSError:
                pass
            self._vanished.wait(POLL_S)

    def _sleep(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._must_end:
            self._write()
            self._vanished.wait(TICK_S)

    # --- its status ---

    def _path(self):
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    def _write(self):
        """The status, if it has changed and the kubelet is heard."""
        if self._kubelet.is_silent or self._vanished.is_set():
            return
        image = self._spec["image"]
        status = {
            "phase": self._phase, "hostIP": "127.0.0.1", "podIP": self._address,
            "podIPs": [{"ip": self._address}], "startTime": self._conditions.get("start") or now(),
            "conditions": self._all_conditions(),
            "containerStatuses": [{
                "name": self._spec["name"], "image": image, "ready": self._is_ready,
                "imageID": f"program://{image}" if self._container_id else "",
                "containerID": self._container_id, "started": self._is_started,
                "restartCount": self._restarts, "state": self._state, "lastState": self._last_state}]}
        self._conditions["start"] = status["startTime"]
        if status == self._written:
            return
        try:
            self._kube.call("PATCH", f"{self._path()}/status",
                            {"metadata": {"uid": self.uid}, "status": status},
                            "application/merge-patch+json")
            self._written = status
        except (Refused, OSError):
            pass  # the next tick does it

    def _all_conditions(self):
        is_over = self._phase in NEVER
        done = {"reason": "PodCompleted"} if self._phase == "Succeeded" else \
            {"reason": "ContainersNotReady",
             "message": f"containers with unready status: [{self._spec['name']}]"}
        is_ready = self._is_ready and not is_over
        wanted = {"PodReadyToStartContainers": (True, {}), "Initialized": (True, {}),
                  "ContainersReady": (is_ready, {} if is_ready else done),
                  "Ready": (is_ready, {} if is_ready else done)}
        others = [one for one in self.pod.get("status", {}).get("conditions", [])
                  if one["type"] not in wanted]
        mine = []
        for kind, (is_true, why) in wanted.items():
            before = self._conditions.get(kind)
            status = "True" if is_true else "False"
            if before is None or before["status"] != status:
                before = {"type": kind, "status": status, "lastTransitionTime": now()}
                self._conditions[kind] = before
            mine.append({**before, **why})
        return others + mine


class Probe:
    """One of a container's, asked when it is due."""

    def __init__(self, spec, address, container_spec):
        self._asked = spec["httpGet"]
        ports = {one.get("name"): one["containerPort"] for one in container_spec.get("ports", [])}
        port = self._asked["port"]
        self._host, self._port = address, ports.get(port, port)
        self._period = spec.get("periodSeconds", 10)
        self._timeout = spec.get("timeoutSeconds", 1)
        self._needed = {True: spec.get("successThreshold", 1), False: spec.get("failureThreshold", 3)}
        self._due = time.monotonic() + spec.get("initialDelaySeconds", 0)
        self._row = (None, 0)  # the last answer, and how often in a row

    def says(self, ask=True):
        """True or False once that was answered often enough in a row, else None."""
        if ask and time.monotonic() >= self._due:
            answer = self._ask()
            self._due = time.monotonic() + self._period
            self._row = (answer, self._row[1] + 1 if answer == self._row[0] else 1)
        answer, times = self._row
        return answer if answer is not None and times >= self._needed[answer] else None

    def _ask(self):
        link = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            link.request("GET", self._asked["path"])
            return 200 <= link.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()


