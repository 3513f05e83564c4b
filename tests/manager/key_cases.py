"""Master keys: from a file that is rotated while secrets are released, and from a variable."""
import base64
import os
import re
import subprocess
import threading
import time
from pathlib import Path

from manager_process import Manager
from processes import die_with_parent

KEYS = "/v1/master-keys"
ITEMS = "/v1/services/keys/items/secret/"
SECRETS = 20
TAKEN_S = 15


def _await(what, condition):
    deadline = time.monotonic() + TAKEN_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def rotates_master_keys_while_secrets_are_released(binary, directory, planted):
    manager = Manager(binary, Path(directory, "rotated")).start()
    root = manager.bearer("root", ("*", "*", "admin"))
    pod = manager.bearer("pod", ("keys", "*", "viewer"), kind="router")
    try:
        _rotate(manager, root, pod, planted)
        _without_keys(binary, manager)
    finally:
        manager.close()
    secret, keys = planted.encode(), manager.keys.encode().split()[1::2]
    assert len(keys) == 3, keys
    keys += [base64.b64decode(key) for key in keys]
    for path in [*manager.data.rglob("*"), manager.log_file]:
        content = path.read_bytes() if path.is_file() else b""
        assert secret not in content and not any(key in content for key in keys), path


def _without_keys(binary, manager):
    """One more on the same data is told why not; one without keys warns of secrets."""
    command = [binary, "manager", "--data", manager.data, "--tokens", manager.tokens,
               "--listen", "127.0.0.1:0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1 and "open in another process" in second.stderr, second
    manager.kill()
    with (manager.data.parent / "keyless").open("w+b") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   preexec_fn=die_with_parent)
        try:
            said = lambda: Path(log.name).read_text()
            _await("it warns", lambda: "no_master_keys" in said() and '"url":"' in said())
        finally:
            process.kill()
            process.wait()


def _rotate(manager, root, pod, planted):
    assert root.get(KEYS).json == {"sealing": "k1",
                                   "keys": [{"id": "k1", "seals": 0, "is_there": True}]}
    assert pod.get(KEYS).status == 403
    texts, first = {}, {}
    for i in range(SECRETS):
        for version in ("old", "new"):
            texts[f"s{i}"] = f"{planted}-{i}-{version}"
            put = root.put(ITEMS + f"s{i}", texts[f"s{i}"], bound_to=["pod"])
            first.setdefault(f"s{i}", put.json["change"])
    stop, wrong, released = threading.Event(), [], []

    def release():
        while not stop.is_set():
            for name, text in texts.items():
                given = pod.post(f"/v1/services/keys/secrets/{name}/release")
                if given.status != 200 or given.json["text"] != text:
                    wrong.append((name, given.status))
                released.append(name)

    callers = [threading.Thread(target=release) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        etag = root.get(ITEMS + "s0").etag
        manager.write_keys("k2", "k1")
        seals = {"k1": 0, "k2": 2 * SECRETS}
        _await("all is sealed by k2", lambda: {
            one["id"]: one["seals"] for one in root.get(KEYS).json["keys"]} == seals)
        assert root.get(ITEMS + "s0").etag == etag
        # A bad file, and one without a key that is needed, are told and not taken.
        manager.write_keys("k3")
        _await("it is told", lambda: "the key `k2` is gone" in root.get(KEYS).json.get("trouble", ""))
        assert b"turnout_manager_master_keys_refused 1" in root.get("/metrics").body
        assert "master_keys_refused" in manager.log_file.read_text()
        manager.write_keys("k2")
        _await("k1 is gone", lambda: len(root.get(KEYS).json["keys"]) == 1)
        assert b'turnout_manager_sealed_secrets{key="k2"} 40' in root.get("/metrics").body
        count = len(released)
        _await("they go on", lambda: len(released) > count + 2 * SECRETS)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert not wrong, wrong[:3]
    # Killed on the way, as soon as it has begun, it goes on where it was.
    manager.write_keys("k3", "k2")
    _await("it has begun", lambda: "k3" in str(root.get(KEYS).json))
    manager.kill()
    manager.start()
    _await("all is sealed by k3", lambda: {
        one["id"]: one["seals"] for one in root.get(KEYS).json["keys"]} == {"k2": 0,
                                                                            "k3": 2 * SECRETS})
    manager.write_keys("k3")
    _await("k2 is gone", lambda: len(root.get(KEYS).json["keys"]) == 1)
    restored = root.call("POST", ITEMS + "s0/restore", {"version": first["s0"]})
    assert restored.status == 200, restored.body
    texts["s0"] = f"{planted}-0-old"
    for name, text in texts.items():
        assert pod.post(f"/v1/services/keys/secrets/{name}/release").json["text"] == text, name


def takes_master_keys_from_a_variable_and_clears_it(binary, directory):
    here = Path(directory, "variable")
    here.mkdir()
    (here / "tokens").write_text('{"tokens": []}')
    key = base64.b64encode(os.urandom(32)).decode()
    command = [binary, "manager", "--data", here / "data", "--tokens", here / "tokens",
               "--master-keys", "env:TURNOUT_KEYS", "--listen", "127.0.0.1:0"]
    with (here / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, "TURNOUT_KEYS": f"k1 {key}\n"},
                                   preexec_fn=die_with_parent)
    try:
        _await("it starts", lambda: re.search(rb'"url":"', (here / "log").read_bytes()))
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"PATH=" in environment and key.encode() not in environment
    finally:
        process.kill()
        process.wait()
    none = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert none.returncode == 2 and "env:TURNOUT_KEYS: the variable is not set" in none.stderr, none
