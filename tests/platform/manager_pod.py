"""The manager's pod, as manifests make it, by podman: its image, arguments, user and rights, and volumes with the
owners, modes and links that a kubelet gives them.

What the API server would hand out is given as objects. The pod is on the machine's own network, by an
address of its own. Errors: AssertionError with the end of its log. Threads: one's.
"""
import base64
import hashlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from image_cases import AS_A_POD, podman
from kube import wait_for
from manifests import NAMESPACE, key
from processes import die_with_parent
from volumes import PodVolumes

NAME = "turnout-manager-0"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ANSWER_S = 60
LOG_END = 3000


class Objects:
    """In place of an API server: what volumes ask for."""

    def __init__(self, objects):
        self._by_key = {key(item): item for item in objects}

    def put(self, item):
        self._by_key[key(item)] = item

    def find(self, version, kind, name, namespace):
        return self._by_key.get((version, kind, namespace, name))


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body

    @property
    def json(self):
        return json.loads(self.body)


class ManagerPod:
    def __init__(self, directory, pod, objects, address):
        """`objects`: an Objects. Its port has to be free at `address`."""
        directory.mkdir()
        pod["metadata"]["name"] = NAME
        self._pod, self.address, self._directory = pod["spec"], address, directory
        (self._what,) = self._pod["containers"]
        self.volumes = directory / "volumes"
        self._filled = PodVolumes(objects, pod, self.volumes, address, self._pod["securityContext"]["fsGroup"])
        self.log_file = directory / "log"
        self._account = directory / "account"
        self._account.mkdir()
        self._process, self._trusted = None, None

    @property
    def port(self):
        return self._what["ports"][0]["containerPort"]

    def start(self, trusted):
        """`trusted`: an SSL context for its certificate; of the cluster's own nothing is asked here."""
        self._trusted = trusted
        (self._account / "ca.crt").write_text("")
        (self._account / "token").write_text("none")
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen([str(word) for word in podman("run", "--rm", "--name", NAME,
                                                                           *self._options())],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             preexec_fn=die_with_parent)
        probe = self._what["readinessProbe"]["httpGet"]["path"]
        wait_for(lambda: self.call("GET", probe).status == 200, "the manager is ready")

    def _options(self):
        pod, own = self._pod["securityContext"], self._what["securityContext"]
        assert own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"], own
        assert own["capabilities"]["drop"] == ["ALL"] and pod["runAsNonRoot"], (pod, own)
        yield from (*AS_A_POD, "--pull", "never", "--user", f"{pod['runAsUser']}:{pod['runAsGroup']}",
                    "--group-add", pod["fsGroup"], "--entrypoint", self._what["command"][0])
        for one in self._what["env"]:
            assert one["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name", one
            yield from ("--env", f"{one['name']}={NAME}")
        for place, where, is_fixed in self._filled.mounts(self._pod["volumes"], self._what["volumeMounts"]):
            yield from ("-v", f"{place}:{where}:{'ro' if is_fixed else 'rw'}")
        yield from ("-v", f"{self._account}:{ACCOUNT}:ro", self._what["image"], *self._what["command"][1:],
                    *(one.replace("$(POD_NAME)", NAME) for one in self._what["args"]))

    def refresh(self):
        """What has changed of the objects is in its files."""
        self._filled.refresh(self._pod["volumes"])

    def mounted(self, volume, file):
        """The file itself, behind the links."""
        return Path(os.path.realpath(self.volumes / volume / file))

    def call(self, method, path, body=None, token=None):
        """As many seconds as it takes; status 0 while nobody listens."""
        assert self._process.poll() is None, self.log_end()
        asked = urllib.request.Request(f"https://{self.address}:{self.port}{path}", method=method,
                                       data=None if body is None else json.dumps(body).encode(),
                                       headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(asked, timeout=ANSWER_S, context=self._trusted) as answer:
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, refused.read())
        except (urllib.error.URLError, ConnectionError):
            return Answer(0, b"")

    def log_end(self):
        return self.log_file.read_text(errors="replace")[-LOG_END:]

    def kill(self):
        if self._process is None:
            return
        subprocess.run([str(word) for word in podman("rm", "-f", "-t", "0", "-i", NAME)],
                       stdin=subprocess.DEVNULL, capture_output=True)
        self._process.kill()
        self._process.wait()


def secret(name, files):
    """`files`: name to bytes or text."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
            "data": {file: base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()
                     for file, content in files.items()}}


def tokens(**people):
    """tokens.json: everybody an admin of all. `people`: name to token."""
    grants = [{"service": "*", "team": "*", "role": "admin"}]
    return json.dumps({"tokens": [{"name": name, "kind": "person", "grants": grants,
                                   "sha256": hashlib.sha256(token.encode()).hexdigest()}
                                  for name, token in people.items()]})
