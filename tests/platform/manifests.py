"""The manifests as kustomize and Helm render them.

Errors: RuntimeError with what the tool said. Threads: any.
"""
import os
from pathlib import Path

import yaml

import binaries
from kube import objects_in

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "deploy/kubernetes"
CHART = ROOT / "deploy/chart/turnout"
NAMESPACE = "turnout-system"


def kustomize(directory):
    return objects_in(binaries.run(binaries.clients() / "kubectl", "kustomize", directory))


def with_component(name, *resources, images=()):
    """That component of the tree over `resources` of it, else over `base`. `images`: as a kustomization has them."""
    directory = TREE / "overlays" / f"only-{name}-{os.getpid()}"
    directory.mkdir()
    try:
        (directory / "kustomization.yaml").write_text(yaml.safe_dump({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": [f"../../{one}" for one in resources or ("base",)],
            "components": [f"../../components/{name}"], "images": list(images)}))
        return kustomize(directory)
    finally:
        (directory / "kustomization.yaml").unlink(missing_ok=True)
        directory.rmdir()


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
