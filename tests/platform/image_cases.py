"""The image (deploy/image): built, looked into, run as Kubernetes would run it, pushed and pulled.

podman keeps what it pulls in a directory of this process's, which goes with it. Needs the packages of
the group `platform`, and spdx-tools, which pip fetches once.
"""
import atexit
import contextlib
import functools
import gzip
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "broker")]

import confluent_kafka  # noqa: E402
import maven  # noqa: E402
from processes import die_with_parent, free_port  # noqa: E402
from python_packages import python_with  # noqa: E402
from router_process import RouterProcess  # noqa: E402

USER = 65532
PACKED_BYTES_MAX = 40_000_000
LIBRDKAFKA_MIN = (2, 6, 1)  # the first that does SCRAM against Kafka 4
EVENTS = 200
RULES = """team: shop
destinations: [shop.*]
rules:
  - {name: orders, match: {type: [order]}, to: shop.orders}
  - {name: of-a-customer, match: {type: [order]}, steps: [{dedup: {key: customer, for: 1h}}],
     to: shop.customers}
"""
# As a pod of ours is run (deploy/controller): nobody, who may write nowhere and has no privilege. The
# limits are those that a container may have within this machine's own.
AS_A_POD = ("--read-only", "--read-only-tmpfs=false", "--cap-drop", "all",
            "--security-opt", "no-new-privileges", "--network", "host",
            "--ulimit", "nofile=10000:10000", "--ulimit", "nproc=4096:4096")


def output_of(*command, **environment):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout


class Image:
    """As deploy/image/build made and described it."""

    def __init__(self, turnout, out, **environment):
        said = output_of(ROOT / "deploy/image/build", "--turnout", turnout, "--out", out, **environment)
        facts = dict(line.split(None, 1) for line in said.splitlines())
        self.tag, self.digest = facts["tag"], facts["digest"]
        self.layout = out / "oci"
        self.bill_file = out / "turnout.spdx.json"
        self.bill = json.loads(self.bill_file.read_text())
        self.manifest = self._json(self.digest)
        self.config = self._json(self.manifest["config"]["digest"])

    def blob(self, digest):
        return (self.layout / "blobs" / digest.replace(":", "/")).read_bytes()

    def _json(self, digest):
        return json.loads(self.blob(digest))

    @functools.cached_property
    def members(self):
        """Path -> (tarfile's member, content), all layers together."""
        found = {}
        for layer in self.manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.blob(layer["digest"])))) as tar:
                for member in tar:
                    file = tar.extractfile(member) if member.isfile() else None
                    found[member.name] = member, file.read() if file else None
        return found

    @property
    def files(self):
        return {name: content for name, (_, content) in self.members.items() if content is not None}


@functools.lru_cache(maxsize=None)
def scratch():
    # Podman takes the path for an image's name, in which mkdtemp's underscores may be refused.
    directory = Path(tempfile.gettempdir()) / f"turnout-image-tests-{secrets.token_hex(8)}"
    directory.mkdir(mode=0o700)
    atexit.register(clear, directory)
    return directory


def clear(directory):
    """Ends what podman runs from there, and takes down what it has mounted."""
    if (directory / "storage").exists():
        subprocess.run([str(word) for word in podman("rm", "--all", "-f", "-t", "0")],
                       stdin=subprocess.DEVNULL, capture_output=True)
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in reversed([place for place in mounted if place.startswith(f"{directory}/")]):
        subprocess.run(["umount", "-l", place], capture_output=True)
    shutil.rmtree(directory, ignore_errors=True)


@functools.lru_cache(maxsize=None)
def image_of(turnout):
    """Built once for all tests."""
    return Image(turnout, scratch() / "built")


def podman(*words):
    """A command line, with a storage of our own and nothing that asks for a running system."""
    return ["podman", "--root", scratch() / "storage", "--runroot", scratch() / "run",
            "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
            *map(str, words)]


@functools.lru_cache(maxsize=None)
def pulled(turnout):
    """The name by which podman runs it."""
    image = image_of(turnout)
    identity = output_of(*podman("pull", "-q", f"oci:{image.layout}:{image.tag}")).strip()
    name = f"localhost/turnout:{image.tag}"
    output_of(*podman("tag", identity, name))
    return name


def run(name, *words, options=()):
    return output_of(*podman("run", "--rm", *AS_A_POD, *options, name, *words))


def remove(container):
    """Whatever state it is in, or if there is none."""
    subprocess.run([str(word) for word in podman("rm", "-f", "-t", "0", "-i", container)],
                   stdin=subprocess.DEVNULL, capture_output=True)


class Registry:
    """Debian's docker-registry, with its files in a directory of the test's."""

    def __init__(self, directory):
        self.host = f"127.0.0.1:{free_port()}"
        config = directory / "registry.json"
        config.write_text(json.dumps({
            "version": "0.1", "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(directory / "registry")}},
            "http": {"addr": self.host}}))
        with open(directory / "registry.log", "wb") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", config],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             preexec_fn=die_with_parent)
        wait_until("the registry answers", self._answers)

    def _answers(self):
        assert self._process.poll() is None, "the registry ended; see registry.log"
        try:
            with urllib.request.urlopen(f"http://{self.host}/v2/", timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def kill(self):
        self._process.kill()
        self._process.wait()


def wait_until(what, happened, timeout_s=40):
    deadline = time.monotonic() + timeout_s
    while True:
        found = happened()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.05)


# --- what is in it --------------------------------------------------------------------------------


def the_image_has_the_same_digest_whenever_and_wherever_it_is_built(bench):
    first = image_of(bench.turnout)
    moved = bench.directory / "elsewhere"
    shutil.copyfile(bench.turnout, moved)  # with another time, name and directory
    moved.chmod(0o700)
    before = os.umask(0o077)
    try:
        second = Image(moved, bench.directory / "again", TZ="Asia/Kolkata", LC_ALL="C.UTF-8",
                       PYTHONHASHSEED="7")
    finally:
        os.umask(before)
    assert second.digest == first.digest, f"{second.digest}, and before {first.digest}"
    assert second.bill == first.bill
    assert second.digest == "sha256:" + hashlib.sha256(second.blob(first.digest)).hexdigest()
    later = Image(moved, bench.directory / "later", SOURCE_DATE_EPOCH="86400")
    assert later.digest != first.digest
    assert later.config["created"] == "1970-01-02T00:00:00Z"
    assert {member.mtime for member, _ in later.members.values()} == {86400}


def the_image_is_small_and_says_what_it_is(bench):
    image = image_of(bench.turnout)
    packed = sum(layer["size"] for layer in image.manifest["layers"])
    assert packed <= PACKED_BYTES_MAX, packed
    config = image.config["config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["/usr/bin/turnout"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == image.tag
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    for digest, layer in zip(image.config["rootfs"]["diff_ids"], image.manifest["layers"]):
        content = gzip.decompress(image.blob(layer["digest"]))
        assert digest == "sha256:" + hashlib.sha256(content).hexdigest()


def the_image_has_no_shell_and_nothing_to_be_taken_over(bench):
    image = image_of(bench.turnout)
    programs = {name for name, (member, content) in image.members.items()
                if content is not None and member.mode & 0o111}
    assert {Path(name).name for name in programs - {"usr/bin/turnout"}} <= {
        "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, programs
    for name, (member, _) in image.members.items():
        assert not member.mode & (stat.S_ISUID | stat.S_ISGID), name
        assert member.issym() or name == "tmp" or not member.mode & 0o022, name
        assert member.uid == (USER if name == "var/lib/turnout" else 0), name
    # A library that it loads and does not have would be a loader's error; a link that leads nowhere
    # would be noticed by nobody.
    for name, (member, _) in image.members.items():
        if member.issym():
            target = os.path.normpath(os.path.join(os.path.dirname("/" + name), member.linkname))
            assert target.lstrip("/") in image.members, f"{name} leads to {target}"


def the_certificates_in_the_image_are_debians_and_no_machines_own(bench):
    bundle = image_of(bench.turnout).files["etc/ssl/certs/ca-certificates.crt"].decode()
    theirs = sorted(Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    assert bundle.count("-----BEGIN CERTIFICATE-----") == len(theirs) > 100
    for file in theirs:
        assert file.read_text().strip() in bundle, file


def the_bill_of_materials_names_each_file_of_the_image_and_its_package(bench):
    image = image_of(bench.turnout)
    bill = image.bill
    stated = {file["fileName"].removeprefix("./"): {sum_["algorithm"]: sum_["checksumValue"]
                                                    for sum_ in file["checksums"]}
              for file in bill["files"]}
    assert set(stated) == set(image.files)
    for name, content in image.files.items():
        assert stated[name]["SHA256"] == hashlib.sha256(content).hexdigest(), name
        assert stated[name]["SHA1"] == hashlib.sha1(content).hexdigest(), name
    packages = {package["SPDXID"]: package for package in bill["packages"]}
    owners = {relation["relatedSpdxElement"]: packages[relation["spdxElementId"]]["name"]
              for relation in bill["relationships"] if relation["relationshipType"] == "CONTAINS"}
    owner_of = {file["fileName"].removeprefix("./"): owners[file["SPDXID"]] for file in bill["files"]}
    libraries = {name: owner for name, owner in owner_of.items() if ".so" in Path(name).name}
    assert len(libraries) > 30
    for name, owner in libraries.items():
        if Path(name).name == "librdkafka.so.1":
            assert owner == "librdkafka"
            continue
        at_home = [f"/{name}", "/" + name.removeprefix("usr/")]
        real = os.path.realpath(at_home[0])
        listed = output_of("dpkg-query", "-L", owner).splitlines()
        assert {real, real.removeprefix("/usr"), *at_home} & set(listed), f"{name} is not of {owner}"
    versions = dict(line.split("\t") for line in
                    output_of("dpkg-query", "-W", "-f", "${Package}\t${Version}\n").splitlines())
    for package in packages.values():
        if package["name"] not in ("turnout", "librdkafka"):
            assert package["versionInfo"] == versions[package["name"]], package["name"]
    # What scanners read in an image without dpkg says the same.
    notes = {Path(name).name: content.decode() for name, content in image.files.items()
             if name.startswith("var/lib/dpkg/status.d/")}
    assert set(libraries.values()) - {"librdkafka"} <= set(notes)
    for name, note in notes.items():
        assert f"\nVersion: {versions[name]}\n" in note, name


def the_bill_of_materials_is_valid_spdx(bench):
    image = image_of(bench.turnout)
    python = python_with("image", HERE / "image_requirements.txt")
    validate = [python, "-c", "import sys; from spdx_tools.spdx.clitools.pyspdxtools import main; "
                              "sys.exit(main())", "--version", "SPDX-2.3", "-i"]
    output_of(*validate, image.bill_file)
    broken = bench.directory / "broken.spdx.json"  # the validator would notice
    broken.write_text(json.dumps({**image.bill, "documentNamespace": "nowhere"}))
    assert subprocess.run([*map(str, validate), broken], capture_output=True).returncode != 0


# --- run ------------------------------------------------------------------------------------------


def the_image_runs_as_nobody_and_its_librdkafka_knows_scram(bench):
    name = pulled(bench.turnout)
    said = json.loads(run(name, "version", "--json"))
    version = tuple(int(number) for number in said["librdkafka"].split("."))
    assert version >= LIBRDKAFKA_MIN, version
    shell = subprocess.run([str(word) for word in podman(
        "run", "--rm", *AS_A_POD, "--entrypoint", "/bin/sh", name, "-c", "true")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert shell.returncode == 127, f"{shell.returncode}: {shell.stderr}"  # not found


def a_container_of_the_image_routes_events_and_stops_when_asked(bench):
    directory = bench.directory / "router"
    rules = bench.directory / "rules"
    rules.mkdir()
    (rules / "shop.yaml").write_text(RULES)
    router = RouterProcess(pulled(bench.turnout), directory, {
        "source": {"topic": "events", "partitioned_by": "customer"}, "rules": str(rules),
        "instance": "router-0"})
    directory.chmod(0o777)
    container = "routes-events"
    # The volumes of a pod: what it is told, which it may read, and its state.
    router.through = [str(word) for word in podman(
        "run", "--rm", "--name", container, *AS_A_POD, "-v", f"{rules}:{rules}:ro",
        "-v", f"{directory}:{directory}")]
    router.arguments = ["--embedded"]
    bench.closes(Container(container, router))
    router.start()
    kafka = router.wait_until("the embedded Kafka", lambda: embedded_kafka(router))
    router.wait_ready()
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka})
    for number in range(EVENTS):
        customer = f"c-{number % 10}"
        event = {"type": "order" if number % 2 else "visit", "customer": customer, "id": number}
        producer.produce("events", json.dumps(event).encode(), key=customer.encode())
    assert producer.flush(20) == 0
    orders = records_of(kafka, "shop.orders", EVENTS // 2)
    assert sorted(order["id"] for order in orders) == list(range(1, EVENTS, 2))
    customers = records_of(kafka, "shop.customers", 5)
    assert sorted(order["customer"] for order in customers) == [f"c-{i}" for i in range(1, 10, 2)]

    pid = int(output_of(*podman("inspect", "--format", "{{.State.Pid}}", container)))
    status = Path(f"/proc/{pid}/status").read_text()
    assert re.search(rf"^Uid:\t{USER}\t{USER}\t{USER}\t{USER}$", status, re.MULTILINE), status
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE), status
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE), status
    assert {file.stat().st_uid for file in (directory / "state").rglob("*")} == {USER}
    # The bound on what compressed batches become holds with this librdkafka: nothing warns of it.
    log = router.log_file.read_text()
    assert "unpacked_bytes_max" not in log, log
    router.process.send_signal(signal.SIGTERM)
    assert router.process.wait(timeout=20) == 0, router.log_tail()


def first_word_on(bench, broker):
    """What a container of it says first of a broker where nobody listens."""
    rules = bench.directory / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "shop.yaml").write_text(RULES)
    config = bench.directory / "pipeline.yaml"
    config.write_text(f"brokers: {broker}\nsource: {{topic: events, partitioned_by: customer}}\n"
                      "rules: /rules\nstate_dir: /tmp\nlisten: 127.0.0.1:0\n")
    router = subprocess.Popen(
        [str(word) for word in podman(
            "run", "--rm", "--name", "finds-brokers", *AS_A_POD, "--dns", NameServer.ADDRESS,
            "--add-host", "hosts.turnout.test:127.0.0.1", "--tmpfs", "/tmp",
            "-v", f"{config}:/pipeline.yaml:ro", "-v", f"{rules}:/rules:ro",
            pulled(bench.turnout), "run", "--config", "/pipeline.yaml")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=die_with_parent)
    try:
        return next((line for line in router.stdout if broker in line and "FAIL" in line), "nothing")
    finally:
        remove("finds-brokers")
        router.communicate(timeout=30)


def a_container_of_the_image_finds_brokers_by_their_names(bench):
    """Without a name service library: by /etc/hosts and by a name server."""
    server = bench.closes(NameServer())
    for name in ("hosts.turnout.test", NameServer.NAME):
        said = first_word_on(bench, f"{name}:{free_port()}")
        assert "Connection refused" in said, said
    assert "Connection refused" not in first_word_on(bench, f"nowhere.turnout.test:{free_port()}")
    assert server.asked == {NameServer.NAME, "nowhere.turnout.test"}, server.asked


class NameServer:
    """Answers who asks for NAME with 127.0.0.1, and nothing else; what it was asked is in `asked`."""

    ADDRESS = "127.0.0.153"  # of this machine's own, where nothing else listens
    NAME = "kafka.turnout.test"

    def __init__(self):
        self.asked = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.ADDRESS, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                query, sender = self._socket.recvfrom(512)
            except OSError:
                return
            if not query:  # shut down
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            question = query[12:at + 5]
            self.asked.add(".".join(labels))
            is_known = ".".join(labels) == self.NAME and question[-4:-2] == b"\0\1"  # an A record
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("127.0.0.1")
            self._socket.sendto(query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_known else b"\0\0")
                                + b"\0\0\0\0" + question + (answer if is_known else b""), sender)

    def kill(self):
        with contextlib.suppress(OSError):  # it is not connected, but wakes who waits
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Container:
    """Ends it, and podman's process before it, whatever state it is in."""

    def __init__(self, name, router):
        self._name, self._router = name, router

    def kill(self):
        remove(self._name)
        self._router.close()


def embedded_kafka(router):
    for line in router.log_file.read_text().splitlines():
        if '"event":"embedded_kafka"' in line:
            return json.loads(line)["address"]
    return None


def records_of(kafka, topic, count):
    """The first `count` of it; AssertionError if they don't come, or more do."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": kafka, "group.id": f"test-{topic}", "auto.offset.reset": "earliest",
        "enable.auto.commit": False})
    found = []
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in partitions])

        def take():
            message = consumer.poll(0.2)
            if message is not None and not message.error():
                found.append(json.loads(message.value()))
            return len(found) >= count
        wait_until(f"{count} records of {topic}", take)
        assert consumer.poll(0.3) is None, f"{topic} has more than {count} records"
        return found
    finally:
        consumer.close()


# --- by a builder of Dockerfiles --------------------------------------------------------------------


def debian_base():
    """A tar file of what debian:bookworm-slim is made of, made once."""
    def fill(fresh):
        output_of("mmdebstrap", "--quiet", "--variant=minbase", "bookworm", fresh / "base.tar")
    return maven.cached("debian-bookworm-minbase", fill) / "base.tar"


BASE = "localhost/debian:bookworm-slim"  # that one, as far as buildah knows


def buildah():
    return ["buildah", "--root", scratch() / "storage", "--runroot", scratch() / "run"]


@functools.lru_cache(maxsize=None)
def given(turnout):
    """What the Dockerfile takes instead of compiling it, and the base imported."""
    directory = scratch() / "given"
    directory.mkdir()
    shutil.copy(turnout, directory / "turnout")
    shutil.copytree(output_of(ROOT / "deploy/image/librdkafka").strip(), directory / "librdkafka")
    output_of(*podman("import", "-q", debian_base(), BASE))
    return directory


@functools.lru_cache(maxsize=None)
def variant_with_git(turnout):
    """The name of the image that deploy/image/build-debian makes. Built once for all tests."""
    out = scratch() / "debian"
    said = output_of(ROOT / "deploy/image/build-debian", "--given", given(turnout), "--tag", "0.0.0-debian",
                     "--base", BASE, "--out", out, BUILDAH=" ".join(map(str, buildah())))
    facts = dict(line.split() for line in said.splitlines())
    assert facts["digest"] == json.loads((out / "oci/index.json").read_text())["manifests"][0]["digest"], facts
    return f"localhost/turnout:{facts['tag']}"


def by_dockerfile(turnout, directory):
    """The name of the image of the Dockerfile's last stage."""
    context, name = directory / "context", "localhost/turnout:bare"
    shutil.copytree(ROOT / "deploy", context / "deploy")
    for file in ("LICENSE", ".dockerignore"):
        shutil.copy(ROOT / file, context)
    shutil.copytree(given(turnout), context / "build/image/given")
    output_of(*buildah(), "bud", "--isolation", "chroot", "--pull-never", "--layers", "--network", "host",
              "--build-arg", "BINARY=given", "--build-arg", f"DEBIAN={BASE}",
              "-f", context / "deploy/image/Dockerfile", "-t", name, context)
    return name


def the_dockerfile_makes_the_same_files_and_a_variant_with_git(bench):
    def files_of(name):
        container = output_of(*podman("create", name)).strip()
        tree = bench.directory / "tree.tar"
        output_of(*podman("export", "-o", tree, container))
        output_of(*podman("rm", container))
        with tarfile.open(tree) as tar:
            return {member.name: member for member in tar}

    with_debian, bare = variant_with_git(bench.turnout), by_dockerfile(bench.turnout, bench.directory)
    ours, theirs = image_of(bench.turnout).members, files_of(bare)
    mounted = {"dev", "proc", "sys", "run", "etc/hosts", "etc/hostname", "etc/resolv.conf",
               "etc/mtab", "run/.containerenv"}
    assert set(ours) - set(theirs) == set()
    assert {name for name in set(theirs) - set(ours) if name.split("/")[0] not in mounted} <= mounted
    for name, (member, _) in ours.items():
        assert theirs[name].uid == member.uid, f"{name} is {theirs[name].uid}'s"
        assert theirs[name].type == member.type and theirs[name].mode & 0o7777 == member.mode, name
    assert theirs["usr/bin/turnout"].size == len(ours["usr/bin/turnout"][1])
    said = run(pulled(bench.turnout), "version")
    assert run(bare, "version") == said
    assert run(with_debian, "version") == said
    git = ("--entrypoint", "/usr/bin/git")
    assert run(with_debian, "--version", options=git).startswith("git version")
    ssh = ("--entrypoint", "/usr/bin/ssh")
    assert "user turnout\n" in run(with_debian, "-G", "any", options=ssh), "ssh runs as nobody without a name"
    user = json.loads(output_of(*podman("image", "inspect", with_debian)))[0]["Config"]["User"]
    assert user == f"{USER}:{USER}"


# --- pushed and pulled ----------------------------------------------------------------------------


def a_registry_gives_the_image_back_by_its_digest(bench):
    image = image_of(bench.turnout)
    registry = bench.closes(Registry(bench.directory))
    place = f"{registry.host}/turnout"
    output_of("skopeo", "copy", "--preserve-digests", "--dest-tls-verify=false",
              f"oci:{image.layout}:{image.tag}", f"docker://{place}:{image.tag}")
    stated = json.loads(output_of("skopeo", "inspect", "--tls-verify=false",
                                  f"docker://{place}:{image.tag}"))
    assert stated["Digest"] == image.digest
    by_digest = f"{place}@{image.digest}"
    output_of(*podman("pull", "-q", "--tls-verify=false", by_digest))
    of_podman = json.loads(output_of(*podman("image", "inspect", by_digest)))[0]
    assert of_podman["Digest"] == image.digest
    assert run(by_digest, "version") == run(pulled(bench.turnout), "version")
    back = bench.directory / "back"
    output_of("skopeo", "copy", "--preserve-digests", "--src-tls-verify=false",
              f"docker://{by_digest}", f"oci:{back}:{image.tag}")
    for blob in (image.layout / "blobs/sha256").iterdir():
        assert (back / "blobs/sha256" / blob.name).read_bytes() == blob.read_bytes(), blob.name


def what_the_variant_is_made_of_by_hand_is_the_same_the_second_time(bench):
    """The page's lines but the last, which is buildah's: a stripped binary, and librdkafka beside it."""
    (block,) = [one for one in re.findall(r"^```bash\n(.*?)^```", (ROOT / "deploy/image/README.md").read_text(),
                                          re.M | re.S) if "build-debian" in one]
    *lines, last = block.strip().splitlines()
    assert last.startswith("deploy/image/build-debian --given build/given "), last
    assert "\n".join(lines) in (ROOT / "deploy/eks/README.md").read_text(), "the EKS page does it otherwise"
    place = bench.directory
    (place / "build/release").mkdir(parents=True)
    (place / "build/release/turnout").symlink_to(bench.turnout)
    (place / "deploy").symlink_to(ROOT / "deploy")
    found = []
    for _ in range(2):
        subprocess.run(["bash", "-euc", "\n".join(lines)], cwd=place, check=True)
        found.append({str(path.relative_to(place)): path.stat().st_size
                      for path in (place / "build/given").rglob("*") if path.is_file()})
    assert found[0] == found[1], found[0].keys() ^ found[1].keys()
    assert "build/given/librdkafka/librdkafka.so.1" in found[0], found[0]
    sections = subprocess.run(["readelf", "-SW", place / "build/given/turnout"], capture_output=True, text=True,
                              check=True).stdout
    assert ".text" in sections and ".symtab" not in sections, "it is not stripped"


TESTS = [the_image_has_the_same_digest_whenever_and_wherever_it_is_built,
         the_image_is_small_and_says_what_it_is,
         the_image_has_no_shell_and_nothing_to_be_taken_over,
         the_certificates_in_the_image_are_debians_and_no_machines_own,
         the_bill_of_materials_names_each_file_of_the_image_and_its_package,
         the_bill_of_materials_is_valid_spdx,
         the_image_runs_as_nobody_and_its_librdkafka_knows_scram,
         a_container_of_the_image_routes_events_and_stops_when_asked,
         a_container_of_the_image_finds_brokers_by_their_names,
         what_the_variant_is_made_of_by_hand_is_the_same_the_second_time,
         the_dockerfile_makes_the_same_files_and_a_variant_with_git,
         a_registry_gives_the_image_back_by_its_digest]
