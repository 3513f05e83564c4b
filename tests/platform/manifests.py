"""The manifests as kustomize and Helm render them.

Errors: RuntimeError with what the tool said. Threads: any.
"""
from pathlib import Path

import binaries
from kube import objects_in

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "deploy/kubernetes"
CHART = ROOT / "deploy/chart/turnout"
NAMESPACE = "turnout-system"


def kustomize(directory):
    return objects_in(binaries.run(binaries.clients() / "kubectl", "kustomize", directory))


def helm(*words, namespace=NAMESPACE):
    """Its CRDs come first."""
    return objects_in(binaries.run(binaries.clients() / "helm", "template", "turnout", CHART, "-n",
                                   namespace, "--include-crds", *words))


def key(item):
    meta = item["metadata"]
    return item["apiVersion"], item["kind"], meta.get("namespace", ""), meta["name"]


def by_key(objects):
    named = {key(item): item for item in objects}
    assert len(named) == len(objects), "two objects of one name"
    return named


def pod_of(item):
    """The pod that a workload makes, or None."""
    if item["kind"] not in ("Deployment", "StatefulSet", "Job"):
        return None
    template = item["spec"]["template"]
    claims = [{"name": claim["metadata"]["name"], "emptyDir": {}}
              for claim in item["spec"].get("volumeClaimTemplates", [])]
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {**template["metadata"], "name": item["metadata"]["name"] + "-tried",
                         "namespace": item["metadata"]["namespace"]},
            "spec": {**template["spec"], "volumes": template["spec"].get("volumes", []) + claims}}
