"""A manager that commits, and follows a repository, by ssh: a container of the image's variant with git, on the pod
that deploy/kubernetes makes with the component `git`, a real sshd before the repository, a real Kafka."""
import json
import os
import ssl

import yaml

import binaries
import image_cases
import onboarding_cases
from container_cases import own_address
from kube import wait_for
from manager_pod import ManagerPod, Objects, secret, tokens
from manifests import NAMESPACE, pod_of, with_component
from sshd import Sshd, key_pair

SERVICE, TEAM, FOLLOWED = "orders", "search", "base"
BRANCH = "rules"  # the one that the manager follows
TOKEN = "token-of-ann-5d1c07"
GIT_SECRET = "turnout-manager-git"
FILES = {"ssh_key_file": "/etc/turnout-git/identity", "known_hosts_file": "/etc/turnout-git/known_hosts"}
RULES = "team: base\ndestinations: [base.*]\nrules:\n  - {name: all, match: {type: [base]}, to: base.all}\n"
FOLLOWED_S = 60


class Repository:
    """A clone of the one behind sshd, by its path."""

    def __init__(self, sshd):
        self._bare, self._tree = sshd.repository, sshd.directory / "tree"
        binaries.run("git", "init", "-q", "--bare", "-b", "main", self._bare)
        binaries.run("git", "init", "-q", "-b", BRANCH, self._tree)
        self.push(f"{SERVICE}/rules/{FOLLOWED}.yaml", RULES, "the first")

    def push(self, path, text, why):
        file = self._tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        own = ("git", "-c", "user.name=Zoe", "-c", "user.email=zoe@example.com")
        binaries.run(*own, "add", "-A", cwd=self._tree)
        binaries.run(*own, "commit", "-q", "-m", why, cwd=self._tree)
        binaries.run(*own, "push", "-q", self._bare, f"HEAD:{BRANCH}", cwd=self._tree)

    def log(self, branch):
        """(commit, author, subject), the newest first; empty: there is no such branch."""
        if not binaries.run("git", "branch", "--list", branch, cwd=self._bare):
            return []
        lines = binaries.run("git", "log", "--format=%H%x09%an%x09%s", branch, cwd=self._bare)
        return [tuple(line.split("\t")) for line in lines.splitlines()]

    def show(self, branch, path):
        return binaries.run("git", "show", f"{branch}:{path}", cwd=self._bare)


def pipeline(**kafka):
    return json.dumps({"brokers": onboarding_cases.kafka().bootstrap, "rules": "none", "state_dir": "none",
                       "source": {"topic": onboarding_cases.SOURCE, "group": "orders-git"},
                       "kafka": {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN", **kafka}})


def secrets_of(bench, address):
    """Of the manager, as deploy/kubernetes/README.md has the platform make them, and its certificate."""
    made = bench.directory / "tls.crt", bench.directory / "tls.key"
    binaries.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                 "2", "-subj", "/CN=turnout-manager", "-addext", f"subjectAltName=IP:{address}", "-keyout", made[1],
                 "-out", made[0])
    return made[0], [
        secret("turnout-manager-tls", {file.name: file.read_bytes() for file in made}),
        secret("turnout-manager-tokens", {"tokens.json": tokens(ann=TOKEN)}),
        secret("turnout-manager-keys", {"keys": "one " + "A" * 43 + "=\n"}),
        secret("turnout-manager-kafka", {"username": "platform", "password": onboarding_cases.PASSWORD})]


def begin(bench, sshd):
    """The pod, with a Secret that has no key yet; and its objects."""
    image = image_cases.variant_with_git(bench.turnout)
    objects = with_component("git")
    pod = next(pod_of(item) for item in objects if item["kind"] == "StatefulSet")
    image_cases.output_of(*image_cases.podman("tag", image, f"localhost/{pod['spec']['containers'][0]['image']}"))
    git = {"repository": sshd.address, **FILES}
    services = {SERVICE: {"pipeline": "/etc/turnout/orders.yaml", "onboarding": {
        "kafka": "/etc/turnout/admin.yaml", "router": "User:router", "rules": "kubernetes",
        "kubernetes": {"router": SERVICE, "router_namespace": onboarding_cases.SPACE},
        "git": {**git, "path": "onboarded"}}}}
    config = next(item for item in objects if item["kind"] == "ConfigMap")["data"]
    config["manager.yaml"] += yaml.safe_dump({
        "services": services, "git": {**git, "branch": BRANCH, "poll_seconds": 1}})
    config["orders.yaml"] = pipeline(**{"sasl.username": "router", "sasl.password": "not asked for"})
    config["admin.yaml"] = pipeline(**{"sasl.username": "${file:/etc/turnout/kafka/username}",
                                       "sasl.password": "${file:/etc/turnout/kafka/password}"})
    address = own_address(pod["spec"]["containers"][0]["ports"][0]["containerPort"])
    certificate, own = secrets_of(bench, address)
    there = Objects([*objects, *own, secret(GIT_SECRET, {"known_hosts": sshd.known_hosts})])
    manager = bench.closes(ManagerPod(bench.directory / "pod", pod, there, address))
    manager.start(ssl.create_default_context(cafile=certificate))
    return manager, there


def a_manager_in_a_pod_commits_by_ssh_and_says_what_is_wrong_where_it_cannot(bench):
    sshd = bench.closes(Sshd(bench.directory / "sshd").start())
    repository = Repository(sshd)
    manager, there = begin(bench, sshd)
    request = {"service": SERVICE, "team": TEAM, "owner": "search@example.com", "rate": 100,
               "match": {"type": [TEAM]}, "to": [f"{TEAM}.all"], "why": "it asks"}

    def onboard():
        return manager.call("POST", "/v1/onboard", request, TOKEN)

    def given(**files):
        there.put(secret(GIT_SECRET, {"identity": sshd.key, "known_hosts": sshd.known_hosts, **files}))
        manager.refresh()

    def refused(*said):
        answer = onboard()
        assert answer.status == 503, answer.body
        for one in said:
            assert one in answer.json["error"], (one, answer.json["error"])
        assert not repository.log("main") and not onboarding_cases.World.at_kafka(TEAM)["topics"], "made"

    refused(FILES["ssh_key_file"], "can't be read", "a Secret with this file")
    status = manager.call("GET", f"/v1/services/{SERVICE}/git", token=TOKEN).json
    assert status["state"] == "away" and FILES["ssh_key_file"] in status["error"], status
    other, line = key_pair(bench.directory / "other")
    given(known_hosts=sshd.line_of(line))
    refused("has changed", "ssh-keyscan", FILES["known_hosts_file"])
    given(known_hosts="")
    refused("host key is known for", "ssh-keyscan", FILES["known_hosts_file"])
    given(identity=other)
    refused("Permission denied", "may write", FILES["ssh_key_file"])
    given(identity="no key\n")
    refused(FILES["ssh_key_file"], "a private key")
    given()
    sshd.kill()
    refused("connect to host", "NetworkPolicy")
    sshd.start()
    key = manager.mounted("git", "identity")
    found = key.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 65532, 0o440), found
    os.chown(key, 65532, 65532)  # as a driver of other volumes would mount it
    refused("0440", "make it 0400")
    os.chown(key, 0, 65532)

    made = onboard()
    assert made.status == 201, made.body + manager.log_end().encode()
    git = made.json["git"]
    assert repository.log("main") == [(git["commit"], "ann", f"Onboard {TEAM} of {SERVICE}")], repository.log("main")
    assert TEAM in repository.show("main", next(one for one in git["files"] if "teams" in one)), git
    assert onboarding_cases.World.at_kafka(TEAM)["topics"], "by the password in the Secret"
    os.chown(key, 65532, 65532)
    key.chmod(0o400)
    again = onboard()
    assert again.status == 200 and again.json["outcome"] == "unchanged", again.body
    follow(manager, repository)
    leave_no_key_behind(manager, sshd.key)


def follow(manager, repository):
    """Rules by the other branch, there and back."""
    items = f"/v1/services/{SERVICE}/items/rules/{FOLLOWED}"
    wait_for(lambda: manager.call("GET", items, token=TOKEN).status == 200, "the branch's rules are taken", FOLLOWED_S)
    changed = RULES.replace("[base]}", "[base, root]}")
    put = manager.call("PUT", items, {"text": changed, "why": "root too"}, TOKEN)
    assert put.status == 200, put.body
    wait_for(lambda: repository.log(BRANCH)[0][1:] == ("ann", "root too"), "the change is pushed", FOLLOWED_S)
    assert repository.show(BRANCH, f"{SERVICE}/rules/{FOLLOWED}.yaml") == changed


def leave_no_key_behind(manager, private):
    secret_line = private.splitlines()[2]
    assert len(secret_line) > 40
    for volume in ("data", "tmp"):
        for file in (manager.volumes / volume).rglob("*"):
            assert not file.is_file() or secret_line not in file.read_bytes(), file
    assert secret_line not in manager.log_file.read_bytes()


TESTS = [a_manager_in_a_pod_commits_by_ssh_and_says_what_is_wrong_where_it_cannot]
