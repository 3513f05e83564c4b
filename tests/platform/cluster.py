"""A Kubernetes of this test run's own on 127.0.0.1: etcd, API server, controller manager, scheduler, and
kwok, which plays the kubelets of nodes that there are not.

All of it is real but the nodes: pods are scheduled, become ready and go, and nothing runs in them. Ports
are free ones, certificates are made for the run, data lie in its directory. Nodes are noticed as lost
NODE_GRACE_S after their last heartbeat, not 40 s, and pods leave them EVICTION_S later, not 5 min. Autoscalers look each
SCALING_S, not 15 s.

Errors: RuntimeError with the end of the log of what did not start. Lifetime: every process is ended by
`close`, or with the thread that started it. Threads: one's.
"""
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import yaml

sys.path.append(str(Path(__file__).resolve().parent.parent / "support"))

import binaries  # noqa: E402
from kube import Kube, Refused, objects_in, wait_for  # noqa: E402
from processes import die_with_parent, free_port  # noqa: E402

START_S = 90
STOP_S = 10
HEARTBEAT_S = 2
NODE_GRACE_S = 8
EVICTION_S = 2
SCALING_S = 1
ADMIN = ("admin", "system:masters")
CLIENTS = (ADMIN, ("system:kube-controller-manager",), ("system:kube-scheduler",))
# Debian's etcd (3.4.23) can't be asked how far a watch has come, so lists that are streamed wait for the
# next change in vain: clients are to list as they used to.
NO_STREAMED_LISTS = {"KUBE_FEATURE_WatchListClient": "false"}
MANAGED = "kwok.x-k8s.io/node"


class Process:
    """A program with a log."""

    def __init__(self, command, log, environment=None, cwd=None):
        self.log = Path(log)
        self._name = Path(str(command[0])).name
        with open(self.log, "ab") as out:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=cwd, env={**os.environ, **NO_STREAMED_LISTS, **(environment or {})}, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process.poll() is None

    def wait_until(self, ready):
        """Until `ready()`; an exception counts as "not yet"."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                if ready():
                    return self
            except (OSError, Refused):
                pass
            if not self.is_running() or time.monotonic() > deadline:
                self.kill()
                tail = self.log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{self._name} did not start:\n{tail}")
            time.sleep(0.05)

    def stop(self):
        """In good order if it can within STOP_S; its exit status."""
        if self.is_running():
            self._process.terminate()
            try:
                self._process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.wait()

    def kill(self):
        """By SIGKILL."""
        if self.is_running():
            self._process.kill()
        self._process.wait()

    def signal(self, number):
        self._process.send_signal(number)


class Pki:
    """An authority of the run's own, and what it signs."""

    def __init__(self, directory):
        self._directory = Path(directory)
        self._directory.mkdir(parents=True)
        self.ca, self._ca_key = self._directory / "ca.pem", self._directory / "ca.key"
        self._openssl("req", "-x509", *self._new_key(self._ca_key), "-days", "2", "-subj",
                      "/CN=tests", "-out", self.ca)
        self.accounts_key = self._directory / "accounts.key"
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                      self.accounts_key)

    def sign(self, name, organization=None, names=()):
        """Files of a certificate and its key; `names` as in subjectAltName."""
        stem = name.replace(":", "-")
        certificate, key = self._directory / f"{stem}.pem", self._directory / f"{stem}.key"
        more = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
        self._openssl("req", "-x509", *self._new_key(key), "-days", "2", "-CA", self.ca, "-CAkey",
                      self._ca_key, "-subj", (f"/O={organization}" if organization else "") +
                      f"/CN={name}", *more, "-out", certificate)
        return certificate, key

    @staticmethod
    def _new_key(key):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key)

    @staticmethod
    def _openssl(*words):
        binaries.run("openssl", *words)


class Cluster:
    """`start` takes 10 s. `kube` may do everything."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.kube = None
        self._kubernetes, self._clients = binaries.kubernetes(), binaries.clients()
        self._controllers = binaries.controllers()
        self._processes = {}

    @property
    def server(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self):
        return self._pki.ca

    @property
    def kubectl(self):
        return self._clients / "kubectl"

    @property
    def helm(self):
        return self._clients / "helm"

    def start(self):
        self._pki = Pki(self.directory / "pki")
        users = {name: self._kubeconfig(name, *group) for name, *group in CLIENTS}
        self.kubeconfig = users["admin"]
        self._start_etcd()
        self.start_server()
        self._start_manager(users)
        self.begin("kwok", self._controllers / "kwok", "--kubeconfig", self.kubeconfig,
                   "--config", binaries.stages() / "stages.yaml",
                   "--manage-nodes-with-annotation-selector", f"{MANAGED}=fake",
                   "--node-lease-duration-seconds", 4 * HEARTBEAT_S, "--node-ip", "127.0.0.1")
        self._install_crds()
        # Without its account no pod is admitted.
        wait_for(lambda: self.kube.find("v1", "ServiceAccount", "default", "default"),
                 "the default service account is made", START_S)
        return self

    def beside(self, name):
        """Another API server, with an etcd that looks empty to it: no kinds of ours, nobody who acts on
        objects. Its process is "kube-apiserver", and whoever asks ends it."""
        other = Cluster.__new__(Cluster)
        other.__dict__.update(self.__dict__)
        other.directory, other.port, other._processes = self.directory / name, free_port(), {}
        other.directory.mkdir()
        config = yaml.safe_load(self.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = other.server
        other.kubeconfig = other.directory / "admin.kubeconfig"
        other.kubeconfig.write_text(yaml.safe_dump(config))
        user = config["users"][0]["user"]
        other.kube = Kube(other.port, other.ca, user["client-certificate"], user["client-key"])
        other.start_server("--etcd-prefix", f"/{name}")
        return other

    def begin(self, name, *command, **options):
        """A process that ends with the cluster at the latest."""
        process = Process(command, self.directory / f"{name}.log", **options)
        self._processes[name] = process
        return process

    def process(self, name):
        return self._processes[name]

    def close(self):
        for process in reversed(self._processes.values()):
            process.kill()

    def certificate(self, *names):
        """Files of one for a server of these names ("IP:127.0.0.1"), and of its key."""
        return self._pki.sign("a-server", names=names)

    # --- who calls ---

    def as_token(self, token):
        return Kube(self.port, self.ca, token=token)

    def token(self, namespace, account, seconds=3600, audiences=()):
        """A token of the service account, as a pod of it is given one; for the API server, or for
        these `audiences`."""
        path = self.kube.path("v1", "ServiceAccount", namespace, account, "token")
        return self.kube.call("POST", path, {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds, "audiences": list(audiences)}})["status"]["token"]

    def run_kubectl(self, *words):
        """What it printed."""
        return binaries.run(self.kubectl, "--kubeconfig", self.kubeconfig, *words)

    # --- nodes ---

    def add_node(self, name, labels=None, cpu="8", memory="32Gi", kwok=True):
        """A node that kwok plays, and where it is ready; without `kwok` nobody plays it."""
        status = {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
                  "capacity": {"cpu": cpu, "memory": memory, "pods": "110"}}
        self.kube.create({"apiVersion": "v1", "kind": "Node", "metadata": {
            "name": name, "annotations": {MANAGED: "fake"} if kwok else {},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                       "topology.kubernetes.io/zone": "a", **(labels or {})}}})
        self.kube.patch("v1", "Node", name, {"status": status}, part="status")
        if kwok:
            wait_for(lambda: self.node_is_ready(name), f"node {name} is ready")

    def node_is_ready(self, name):
        conditions = self.kube.get("v1", "Node", name).get("status", {}).get("conditions") or []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def lose_node(self, name):
        """Its heartbeats end, as if it had lost power: what runs on it goes on in the books. Kwok lets
        go of a node whose lease is somebody else's."""
        self._hand_lease_to(name, "nobody", 3600)

    def find_node(self, name):
        """The lost one is back."""
        self._hand_lease_to(name, None, 1)
        wait_for(lambda: self.node_is_ready(name), f"node {name} is ready")

    def _hand_lease_to(self, node, holder, seconds):
        self.kube.patch("coordination.k8s.io/v1", "Lease", node, {"spec": {
            "holderIdentity": holder, "leaseDurationSeconds": seconds}}, "kube-node-lease")

    # --- the parts ---

    def _kubeconfig(self, user, organization=None):
        certificate, key = self._pki.sign(user, organization)
        file = self.directory / f"{certificate.stem}.kubeconfig"
        file.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {"server": self.server,
                                                       "certificate-authority": str(self.ca)}}],
            "users": [{"name": user, "user": {"client-certificate": str(certificate),
                                              "client-key": str(key)}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}]}))
        if user == ADMIN[0]:
            self.kube = Kube(self.port, self.ca, certificate, key)
        return file

    def _start_etcd(self):
        port, peers = free_port(), free_port()
        self._etcd = f"http://127.0.0.1:{port}"
        self.begin("etcd", "etcd", "--data-dir", self.directory / "etcd", "--listen-client-urls",
                   self._etcd, "--advertise-client-urls", self._etcd, "--listen-peer-urls",
                   f"http://127.0.0.1:{peers}", "--initial-advertise-peer-urls",
                   f"http://127.0.0.1:{peers}", "--initial-cluster",
                   f"default=http://127.0.0.1:{peers}").wait_until(
                       lambda: urllib.request.urlopen(self._etcd + "/health", timeout=2))

    def start_server(self, *more):
        """The API server; again, after `process("kube-apiserver")` was ended."""
        certificate, key = self._pki.sign("kube-apiserver", names=(
            "IP:127.0.0.1", "DNS:kubernetes.default.svc", "DNS:localhost"))
        self._begin_server("kube-apiserver", self.kube, self.port, certificate, key, *more)

    def begin_another_server(self, *more):
        """A second API server over the same etcd, with options of its own: who may do everything on
        it, and its process, which the caller ends."""
        port = free_port()
        own = self._pki.sign("another-server", names=("IP:127.0.0.1",))
        kube = Kube(port, self.ca, *self._pki.sign("another-admin", "system:masters"))
        return kube, port, self._begin_server("another-server", kube, port, *own, *more)

    def _begin_server(self, name, kube, port, certificate, key, *more):
        return self.begin(
            name, self._kubernetes / "kube-apiserver", "--etcd-servers", self._etcd,
            "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1",
            "--endpoint-reconciler-type", "none", "--secure-port", port,
            "--feature-gates", "WatchList=false", "--service-cluster-ip-range", "10.96.0.0/16",
            "--tls-cert-file", certificate, "--tls-private-key-file", key,
            "--client-ca-file", self.ca, "--authorization-mode", "Node,RBAC",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", self._pki.accounts_key,
            "--service-account-signing-key-file", self._pki.accounts_key,
            "--default-not-ready-toleration-seconds", EVICTION_S,
            "--default-unreachable-toleration-seconds", EVICTION_S, *more).wait_until(
                lambda: kube.raw("GET", "/readyz", timeout=5)[0] == 200)

    def compact(self, version):
        """etcd forgets what was before it: a watch from there finds 410."""
        body = json.dumps({"revision": str(version), "physical": True}).encode()
        urllib.request.urlopen(self._etcd + "/v3/kv/compaction", body, timeout=10).read()

    def client_certificate(self, user, *groups):
        """Files of a certificate that says who somebody is, and of its key."""
        return self._pki.sign(user, *groups)

    def _start_manager(self, users):
        manager, scheduler = free_port(), free_port()
        # The breaker holds nodes for well until a watch of leases says how far it has come, as above.
        self.begin("kube-controller-manager", self._kubernetes / "kube-controller-manager",
                   "--kubeconfig", users["system:kube-controller-manager"],
                   "--bind-address", "127.0.0.1", "--secure-port", manager,
                   "--leader-elect=false", "--feature-gates",
                   "NodeControllerLeaseCircuitBreaker=false", "--use-service-account-credentials",
                   "--service-account-private-key-file", self._pki.accounts_key,
                   "--root-ca-file", self.ca, "--node-monitor-period", "1s",
                   "--node-monitor-grace-period", f"{NODE_GRACE_S}s",
                   "--horizontal-pod-autoscaler-sync-period", f"{SCALING_S}s")
        self.begin("kube-scheduler", self._kubernetes / "kube-scheduler",
                   "--kubeconfig", users["system:kube-scheduler"], "--bind-address", "127.0.0.1",
                   "--secure-port", scheduler, "--leader-elect=false")

    def _install_crds(self):
        """Ours, and those of others that are cached; they are served when this returns."""
        ours = Path(__file__).resolve().parents[2] / "deploy/kubernetes/crds"
        made = []
        for file in [*sorted(ours.glob("*.yaml")), *sorted(binaries.crds().glob("*.yaml"))]:
            for item in objects_in(file.read_text()):
                if item["kind"] == "CustomResourceDefinition":
                    made.append(self.kube.apply(item)["metadata"]["name"])

        def served():
            found = {one["metadata"]["name"]: one for one in
                     self.kube.list("apiextensions.k8s.io/v1", "CustomResourceDefinition")}
            return all(any(one["type"] == "Established" and one["status"] == "True"
                           for one in found[name].get("status", {}).get("conditions") or [])
                       for name in made)
        wait_for(served, "the CRDs are established", START_S)
