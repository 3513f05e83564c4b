"""What pods mount, as directories: ConfigMaps, Secrets, projections of them, empty ones, claims; and the
disks that claims are bound to.

Files of ConfigMaps and Secrets are written as a kubelet writes them: a directory of their own, to which
the link `..data` is swung at once, and links through it by their names. They are root's, of the pod's fsGroup.

Errors: NotYet while something that a pod names is missing. Threads: one at a time for a pod.
"""
import base64
import os
import shutil
import threading
import time
from pathlib import Path

from kube import Refused

POLL_S = 0.5
FILE_MODE = 0o644
GROUP_READS = 0o440  # what an fsGroup adds to files that are mounted for reading
PROVISIONER = "tests.turnout.dev/disks"
GIBIBYTE_LIMIT = "100Gi"  # no claim here asks for more


class NotYet(Exception):
    """What a pod waits for, as a kubelet says it."""


def fields_of(pod):
    """What a fieldRef may name."""
    meta = pod["metadata"]
    return {"metadata.name": meta["name"], "metadata.namespace": meta["namespace"],
            "metadata.uid": meta["uid"], "spec.nodeName": pod["spec"]["nodeName"]}


class PodVolumes:
    """`address` takes the place of 0.0.0.0 in what ConfigMaps say: pods share the machine's network, and
    each listens on its own loopback address, where a pod network would give it one."""

    def __init__(self, kube, pod, directory, address, group):
        self._kube, self._pod = kube, pod
        self._namespace = pod["metadata"]["namespace"]
        self._directory, self._address, self._group = Path(directory), address, group
        self._written, self._tokens = {}, {}
        self._turn = 0

    def mounts(self, volumes, wanted):
        """(what, where, is_read_only) of a container's volumeMounts."""
        places = {one["name"]: self._place(one) for one in volumes}
        found = []
        for mount in wanted:
            what = places[mount["name"]]
            if mount.get("subPath"):
                what = Path(os.path.realpath(what / mount["subPath"]))
                if not what.exists():
                    raise NotYet(f"{mount['name']} has no {mount['subPath']}")
            found.append((what, mount["mountPath"], mount.get("readOnly", False)))
        return found

    def refresh(self, volumes):
        """What has changed in the cluster since is in the files."""
        for volume in volumes:
            if any(kind in volume for kind in ("configMap", "secret", "projected")):
                self._place(volume)

    def _place(self, volume):
        target = self._directory / volume["name"]
        if "persistentVolumeClaim" in volume:
            return self._disk(volume["persistentVolumeClaim"]["claimName"])
        if not target.is_dir():
            target.mkdir(parents=True)
            if "emptyDir" in volume:
                self._hand_over(target)
        if "emptyDir" in volume:
            return target
        self._write(target, volume)
        return target

    def _hand_over(self, directory):
        os.chown(directory, -1, self._group)
        directory.chmod(0o2775)

    def _disk(self, name):
        claim = self._kube.find("v1", "PersistentVolumeClaim", name, self._namespace)
        if not claim or claim.get("status", {}).get("phase") != "Bound":
            raise NotYet(f"the claim {name} is not bound")
        disk = self._kube.get("v1", "PersistentVolume", claim["spec"]["volumeName"])
        place = Path(disk["spec"]["hostPath"]["path"])
        if not place.is_dir():
            raise NotYet(f"the disk of {name} is gone")
        self._hand_over(place)
        return place

    def _write(self, target, volume):
        """All files of the volume at once, if any is other than before."""
        mode = FILE_MODE
        if "projected" in volume:
            files = {}
            for source in volume["projected"]["sources"]:
                files.update(self._files(source))
        else:
            files = self._files(volume)
            mode = (volume.get("configMap") or volume.get("secret")).get("defaultMode", FILE_MODE)
        if self._written.get(volume["name"]) == files:
            return
        self._turn += 1
        fresh = target / f"..{time.strftime('%Y_%m_%d_%H_%M_%S')}.{self._turn:09}"
        fresh.mkdir()
        for name, data in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_bytes(data)
            (fresh / name).chmod(mode | GROUP_READS)
            os.chown(fresh / name, -1, self._group)
        before = os.readlink(target / "..data") if (target / "..data").is_symlink() else None
        (target / "..data_tmp").symlink_to(fresh.name)
        (target / "..data_tmp").rename(target / "..data")
        shown = {name.split("/")[0] for name in files}
        for name in shown:
            if not (target / name).is_symlink():
                (target / name).symlink_to(f"..data/{name}")
        for link in target.iterdir():
            if not link.name.startswith("..") and link.name not in shown:
                link.unlink()
        if before:
            shutil.rmtree(target / before)
        self._written[volume["name"]] = files

    def _files(self, source):
        """Name to bytes of one ConfigMap, Secret, token, or field of the pod."""
        if "serviceAccountToken" in source:
            return {source["serviceAccountToken"]["path"]: self._token(source["serviceAccountToken"])}
        if "downwardAPI" in source:
            return {item["path"]: fields_of(self._pod)[item["fieldRef"]["fieldPath"]].encode()
                    for item in source["downwardAPI"]["items"]}
        is_secret = "secret" in source
        asked = source["secret" if is_secret else "configMap"]
        name = asked.get("secretName") or asked.get("name")
        found = self._kube.find("v1", "Secret" if is_secret else "ConfigMap", name, self._namespace)
        if found is None:
            if asked.get("optional"):
                return {}
            kind = "secret" if is_secret else "configmap"
            raise NotYet(f'MountVolume.SetUp failed: {kind} "{name}" not found')
        if is_secret:
            data = {key: base64.b64decode(value) for key, value in found.get("data", {}).items()}
        else:
            data = {key: value.replace("0.0.0.0", self._address).encode()
                    for key, value in found.get("data", {}).items()}
            data.update({key: base64.b64decode(value)
                         for key, value in found.get("binaryData", {}).items()})
        if asked.get("items"):
            return {item["path"]: data[item["key"]] for item in asked["items"]}
        return data

    def _token(self, source):
        """Of an hour, which no test here lasts; once for each pod."""
        audience = source.get("audience")
        if audience in self._tokens:
            return self._tokens[audience]
        path = self._kube.path("v1", "ServiceAccount", self._namespace,
                               self._pod["spec"]["serviceAccountName"], "token")
        who = {"apiVersion": "v1", "kind": "Pod", "name": self._pod["metadata"]["name"],
               "uid": self._pod["metadata"]["uid"]}
        spec = {"expirationSeconds": 3600, "boundObjectRef": who}
        if audience:
            spec["audiences"] = [audience]
        self._tokens[audience] = self._kube.call("POST", path, {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": spec})["status"]["token"].encode()
        return self._tokens[audience]


class Disks:
    """Binds the claims of a StorageClass of its own to directories, and removes those that are let go."""

    def __init__(self, cluster, directory, storage_class):
        self.storage_class = storage_class
        self._kube, self._directory = cluster.kube, Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._kube.apply({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
                          "metadata": {"name": self.storage_class}, "provisioner": PROVISIONER,
                          "reclaimPolicy": "Retain", "allowVolumeExpansion": True,
                          "volumeBindingMode": "Immediate"})
        self._thread.start()
        return self

    def kill(self):
        self._stop.set()
        self._thread.join()

    def lose(self, namespace, claim):
        """The disk is no more, as one that its cloud has lost: its claim is left without."""
        name = self._kube.get("v1", "PersistentVolumeClaim", claim, namespace)["spec"]["volumeName"]
        lost = self._directory / f"lost-{name}"
        (self._directory / name).rename(lost)
        shutil.rmtree(lost, ignore_errors=True)  # who has it still may write while it goes
        self._remove(name)

    def _remove(self, name):
        self._kube.delete("v1", "PersistentVolume", name)
        # In this order: who protects disks that are in use would put its finalizer back.
        if self._kube.find("v1", "PersistentVolume", name):
            self._kube.patch("v1", "PersistentVolume", name, {"metadata": {"finalizers": None}})

    def _run(self):
        while not self._stop.wait(POLL_S):
            try:
                self._look()
            except (Refused, OSError):
                pass  # the next look does it

    def _look(self):
        for claim in self._kube.list("v1", "PersistentVolumeClaim"):
            if (claim["spec"].get("storageClassName") == self.storage_class
                    and not claim["spec"].get("volumeName")
                    and "deletionTimestamp" not in claim["metadata"]):
                self._make(claim)
        for disk in self._kube.list("v1", "PersistentVolume"):
            if (disk["spec"].get("storageClassName") == self.storage_class
                    and disk.get("status", {}).get("phase") == "Released"):
                shutil.rmtree(self._directory / disk["metadata"]["name"], ignore_errors=True)
                self._remove(disk["metadata"]["name"])

    def _make(self, claim):
        name = f"disk-{claim['metadata']['uid']}"
        place = self._directory / name
        place.mkdir(exist_ok=True)
        self._kube.apply({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {"storageClassName": self.storage_class, "capacity": {"storage": GIBIBYTE_LIMIT},
                     "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
                     "hostPath": {"path": str(place)},
                     "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                                  "name": claim["metadata"]["name"],
                                  "namespace": claim["metadata"]["namespace"],
                                  "uid": claim["metadata"]["uid"]}}})
