"""Writes an image as an OCI image layout: a directory of blobs named by their digests.

How: layers are tar files with sorted entries, numeric owners and one time for all, packed by gzip
without name or time; config and manifest are JSON with sorted keys. So equal content has an equal
digest, whoever writes it and when. Any tool takes it: `skopeo copy oci:DIRECTORY:TAG docker://...`.

Errors: OSError. Format: OCI image format 1.0.
"""
import gzip
import hashlib
import io
import json
import shutil
import tarfile
from datetime import datetime, timezone
from typing import NamedTuple

GZIP_LEVEL = 6
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Written(NamedTuple):
    digest: str  # of the manifest: what a pull by digest names
    packed_bytes: int  # what a registry keeps and a node fetches
    unpacked_bytes: int


def layer_tar(entries, time_s):
    """`entries` as root_files.Entry, in the order in which they are to be unpacked."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry in entries:
            member = tarfile.TarInfo(entry.path)
            member.mode, member.mtime = entry.mode, time_s
            member.uid = member.gid = entry.owner
            if entry.target is not None:
                member.type, member.linkname = tarfile.SYMTYPE, entry.target
            elif entry.content is None:
                member.type = tarfile.DIRTYPE
            else:
                member.size = len(entry.content)
            tar.addfile(member, None if entry.content is None else io.BytesIO(entry.content))
    return buffer.getvalue()


def sha256_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def json_bytes(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def instant(time_s):
    return datetime.fromtimestamp(time_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Layout:
    def __init__(self, directory):
        self._directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "blobs" / "sha256").mkdir(parents=True)

    def put(self, media_type, content):
        """The descriptor of a blob."""
        digest = sha256_of(content)
        (self._directory / "blobs" / digest.replace(":", "/")).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def end(self, manifest, tag):
        index = {"schemaVersion": 2, "manifests": [
            {**manifest, "annotations": {"org.opencontainers.image.ref.name": tag}}]}
        (self._directory / "index.json").write_bytes(json_bytes(index))
        (self._directory / "oci-layout").write_bytes(json_bytes({"imageLayoutVersion": "1.0.0"}))


def write(directory, layers, settings, architecture, tag, time_s):
    """Layers: name -> entries, lowest first. `settings` is the config's part for whoever runs it."""
    layout = Layout(directory)
    descriptors, unpacked, history = [], [], []
    for name, entries in layers.items():
        tar = layer_tar(entries, time_s)
        unpacked.append(tar)
        descriptors.append(layout.put(LAYER, gzip.compress(tar, GZIP_LEVEL, mtime=0)))
        history.append({"created": instant(time_s), "created_by": f"deploy/image/build: {name}"})
    config = layout.put(CONFIG, json_bytes({
        "created": instant(time_s), "architecture": architecture, "os": "linux",
        "config": settings, "history": history,
        "rootfs": {"type": "layers", "diff_ids": [sha256_of(tar) for tar in unpacked]}}))
    manifest = layout.put(MANIFEST, json_bytes({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": descriptors,
        "annotations": settings["Labels"]}))
    layout.end(manifest, tag)
    return Written(manifest["digest"], config["size"] + sum(layer["size"] for layer in descriptors),
                   sum(len(tar) for tar in unpacked))
