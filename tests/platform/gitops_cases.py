"""Flux's real kustomize-controller before the cluster, with commits as Flux's source-controller would hand
them over: `git archive` over HTTP, and the GitRepository's status saying where."""
import functools
import hashlib
import http.server
import shutil
import threading
import time

import yaml

import binaries
import policy_cases
from kube import objects_in, wait_for
from manifests import ROOT, TREE
from processes import free_port

API = "turnout.dev/v1alpha1"
FLUX = "kustomize.toolkit.fluxcd.io/v1"
SOURCE = "source.toolkit.fluxcd.io/v1"
OVERLAY = "deploy/kubernetes/overlays/test"
INTERVAL = "3s"
SEEN_S = 60


class Server(http.server.ThreadingHTTPServer):
    """A directory's files. `kill` as a process has it."""

    def __init__(self, directory):
        handler = functools.partial(QuietHandler, directory=directory)
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def kill(self):
        self.shutdown()
        self.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Repository:
    """A Git repository, whose commits a GitRepository object is told of."""

    def __init__(self, bench, namespace, name):
        self._kube, self._namespace, self._name = bench.kube, namespace, name
        self.tree = bench.directory / name
        self._archives = bench.directory / f"{name}-archives"
        self._archives.mkdir()
        self._server = bench.closes(Server(self._archives))
        self.tree.mkdir()
        self._git("init", "-q", "-b", "main")

    def push(self, remote):
        self._git("push", "-q", remote, "HEAD:main")

    def log(self):
        """Of each commit its name, its author and its subject, the newest first."""
        return [line.split("\t") for line in self._git("log", "--format=%H%x09%an%x09%s").splitlines()]

    def _git(self, *words):
        return binaries.run("git", "-c", "user.name=tests", "-c", "user.email=tests@example.com",
                            *words, cwd=self.tree)

    def write(self, path, item):
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(item))

    def commit(self, message):
        """Commits all there is; its revision, which is the newest now."""
        self._git("add", "-A")
        self._git("commit", "-q", "-m", message)
        return self._publish()

    def revert(self):
        """Undoes the newest commit by another one."""
        self._git("revert", "--no-edit", "HEAD")
        return self._publish()

    def take(self, remote):
        """What somebody has pushed there, on top of what was pushed there from here."""
        self._git("pull", "-q", "--ff-only", remote, "main")
        return self._publish()

    def _publish(self):
        commit = self._git("rev-parse", "HEAD").strip()
        archive = self._archives / f"{commit}.tar.gz"
        self._git("archive", "--format=tar.gz", "-o", archive, "HEAD")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        revision = f"main@sha1:{commit}"
        self._kube.patch(SOURCE, "GitRepository", self._name, {"status": {
            "artifact": {
                "path": archive.name, "revision": revision, "lastUpdateTime": now,
                "url": f"http://127.0.0.1:{self._server.server_port}/{archive.name}",
                "digest": f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",
                "size": archive.stat().st_size},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded",
                            "message": "stored", "lastTransitionTime": now}]}},
            self._namespace, "status")
        return revision


def example(file, kind):
    """The object of that kind in a file of deploy/flux."""
    return next(one for one in objects_in((ROOT / "deploy/flux" / file).read_text())
                if one["kind"] == kind)


def begin_flux(bench):
    process = bench.begin(
        "kustomize-controller", binaries.controllers() / "kustomize-controller",
        "--metrics-addr", "127.0.0.1:0", "--health-addr", f"127.0.0.1:{free_port()}",
        "--requeue-dependency", "1s", environment={"KUBECONFIG": str(bench.cluster.kubeconfig),
                                                   "RUNTIME_NAMESPACE": "flux-system"})
    return process


def settled(kube, namespace, name, status, revision):
    """The message of the Kustomization once it says so of that revision."""
    def says():
        found = kube.get(FLUX, "Kustomization", name, namespace).get("status", {})
        seen = found.get("lastAppliedRevision" if status == "True" else "lastAttemptedRevision")
        return seen == revision and next(
            (one["message"] for one in found.get("conditions", [])
             if one["type"] == "Ready" and one["status"] == status), None)
    return wait_for(says, f"{name} is Ready={status} at {revision}", SEEN_S)


def router(replicas=1, topic="events"):
    return {"apiVersion": API, "kind": "EventRouter",
            "metadata": {"name": "gitops", "namespace": "turnout-gitops"},
            "spec": {"source": {"brokers": ["kafka:9092"], "topic": topic}, "replicas": replicas}}


def flux_applies_prunes_undoes_drift_refuses_and_recovers(bench):
    kube = bench.kube
    bench.namespace("flux-system")
    wanted = example("platform.yaml", "Kustomization")
    wanted["spec"].update(path=f"./{OVERLAY}", interval=INTERVAL, retryInterval="1s", timeout="30s")
    # No volume is ever provided here, so the manager's pod waits.
    wanted["spec"]["healthChecks"] = [one for one in wanted["spec"]["healthChecks"]
                                      if one["kind"] == "Deployment"]
    assert wanted["spec"]["healthChecks"] and wanted["spec"]["prune"], wanted
    kube.apply(example("platform.yaml", "GitRepository"))
    repository = Repository(bench, "flux-system", "turnout")
    for part in ("base", "crds"):
        shutil.copytree(TREE / part, repository.tree / "deploy/kubernetes" / part)
    repository.write(f"{OVERLAY}/namespace.yaml", {
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "turnout-gitops"}})
    repository.write(f"{OVERLAY}/router.yaml", router())
    repository.write(f"{OVERLAY}/settings.yaml", {
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"any": "thing"},
        "metadata": {"name": "settings", "namespace": "turnout-gitops"}})
    tree = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": ["../../base", "namespace.yaml", "router.yaml", "settings.yaml"]}
    repository.write(f"{OVERLAY}/kustomization.yaml", tree)
    first = repository.commit("the platform and a router")
    begin_flux(bench)
    kube.apply(wanted)
    settled(kube, "flux-system", "turnout", "True", first)
    assert kube.get("apps/v1", "Deployment", "turnout-controller",
                    "turnout-system")["status"]["readyReplicas"] == 2
    there = kube.get(API, "EventRouter", "gitops", "turnout-gitops")
    assert there["spec"]["replicas"] == 1, there

    # What is no more in Git goes.
    tree["resources"].remove("settings.yaml")
    (repository.tree / OVERLAY / "settings.yaml").unlink()
    repository.write(f"{OVERLAY}/kustomization.yaml", tree)
    repository.write(f"{OVERLAY}/router.yaml", router(replicas=2))
    second = repository.commit("two pods, and no settings")
    settled(kube, "flux-system", "turnout", "True", second)
    wait_for(lambda: not kube.find("v1", "ConfigMap", "settings", "turnout-gitops"), "it is pruned")
    assert kube.get(API, "EventRouter", "gitops", "turnout-gitops")["spec"]["replicas"] == 2

    # What somebody does by hand is undone.
    kube.delete("networking.k8s.io/v1", "NetworkPolicy", "default-deny", "turnout-system")
    kube.patch(API, "EventRouter", "gitops", {"spec": {"replicas": 7}}, "turnout-gitops")
    wait_for(lambda: kube.find("networking.k8s.io/v1", "NetworkPolicy", "default-deny",
                               "turnout-system"), "the network policy is back", SEEN_S)
    wait_for(lambda: kube.get(API, "EventRouter", "gitops", "turnout-gitops")["spec"]["replicas"] == 2,
             "the router has two pods again", SEEN_S)

    # A commit that is refused says why, and what runs is as it was.
    repository.write(f"{OVERLAY}/router.yaml", router(replicas=2, topic="other"))
    bad = repository.commit("another topic")
    message = settled(kube, "flux-system", "turnout", "False", bad)
    assert "source.topic can't be changed" in message, message
    there = kube.get(API, "EventRouter", "gitops", "turnout-gitops")
    assert there["spec"]["source"]["topic"] == "events", there
    reverted = repository.revert()
    settled(kube, "flux-system", "turnout", "True", reverted)
    kube.patch(FLUX, "Kustomization", "turnout", {"spec": {"suspend": True}}, "flux-system")


def flux_applies_a_teams_repository_with_the_teams_rights_alone(bench):
    policy_cases.install(bench)
    kube = bench.kube
    for item in objects_in((ROOT / "deploy/flux/team.yaml").read_text()):
        if item["kind"] == "Kustomization":
            item["spec"].update(interval=INTERVAL, retryInterval="1s", timeout="20s")
        kube.apply(item)
    repository = Repository(bench, "team-fraud", "rules")
    repository.write("route.yaml", policy_cases.route("fraud", "team-fraud", "fraud"))
    first = repository.commit("our rules")
    begin_flux(bench)
    settled(kube, "team-fraud", "rules", "True", first)
    assert kube.get(API, "EventRoute", "fraud", "team-fraud")["spec"]["team"] == "fraud"
    for item, why in ((policy_cases.route("theirs", "team-fraud", "growth", "elsewhere"), "is of growth"),
                      ({"apiVersion": "v1", "kind": "ConfigMap", "data": {},
                        "metadata": {"name": "any", "namespace": "team-fraud"}}, "forbidden")):
        repository.write("more.yaml", item)
        message = settled(kube, "team-fraud", "rules", "False", repository.commit("more"))
        assert why in message, message
        repository.revert()
    assert kube.get(API, "EventRoute", "fraud", "team-fraud")["spec"]["team"] == "fraud"
    kube.patch(FLUX, "Kustomization", "rules", {"spec": {"suspend": True}}, "team-fraud")


TESTS = [
    flux_applies_prunes_undoes_drift_refuses_and_recovers,
    flux_applies_a_teams_repository_with_the_teams_rights_alone,
]
