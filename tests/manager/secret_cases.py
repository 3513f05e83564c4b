"""What a real router takes of the manager: its config, values in it, and secrets, which are seen to
reach a broker, to be replaced without a restart, and to stand in nothing that the router wrote."""
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from processes import die_with_parent, free_port  # noqa: E402

SERVICE = "/v1/services/kept"
WAIT_S = 30
# Of Kafka's protocol: calls by their numbers, and what of them the listener says that it knows.
SASL_HANDSHAKE, API_VERSIONS = 17, 18
KNOWN = ((3, 0, 4), (SASL_HANDSHAKE, 0, 1), (API_VERSIONS, 0, 0), (36, 0, 0))


class Listener:
    """In a broker's place: answers clients until they send a password, then ends the connection."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.seen = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        with connection, connection.makefile("rwb") as stream:
            while True:
                try:
                    size, key, version, number = struct.unpack(">ihhi", stream.read(12))
                    self.seen += stream.read(size - 8)
                    if key == API_VERSIONS:
                        body = struct.pack(">h", 35 if version else 0)
                        body += struct.pack(">i", len(KNOWN)) + b"".join(
                            struct.pack(">hhh", *known) for known in KNOWN)
                    elif key == SASL_HANDSHAKE:
                        body = struct.pack(">hi", 0, 1) + struct.pack(">h", 5) + b"PLAIN"
                    else:
                        return
                    stream.write(struct.pack(">ii", len(body) + 4, number) + body)
                    stream.flush()
                except (OSError, struct.error):
                    return

    def close(self):
        self._socket.close()


def wait_until(what, happened, log):
    deadline = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not happen: {log.read_text()[-3000:]}"
        time.sleep(0.02)


def takes_its_config_and_its_secrets_from_the_manager(manager, binary, directory):
    root = manager.bearer("root9", ("*", "*", "admin"))
    router = manager.bearer("svc-kept", ("kept", "*", "viewer"), kind="router")
    secrets = [f"kept-planted-{os.urandom(9).hex()}" for _ in range(2)]
    place = Path(directory, "kept")
    place.mkdir()
    listener = Listener()
    admin_port = free_port()
    pipeline = "\n".join((
        f"brokers: 127.0.0.1:{listener.port}", "source: {topic: '${config:topic}'}",
        f"rules: {place}/rules.yaml", f"listen: 127.0.0.1:{admin_port}", f"state_dir: {place}/state",
        "secrets_from: {url: 'http://127.0.0.1:" + f"{manager.port}{SERVICE}', recheck: 1s,",
        f"  token_file: {manager.token_file(router)}" + "}",
        "kafka: {security.protocol: sasl_plaintext, sasl.mechanism: PLAIN, sasl.username: me,",
        "  sasl.password: '${secret:kafka}'}", ""))
    (place / "rules.yaml").write_text(
        "team: a\ndestinations: [b]\nrules: [{name: c, match: {type: [d]}, to: b}]\n")
    url = f"http://127.0.0.1:{manager.port}{SERVICE}/items/pipeline/main"
    environment = {**os.environ, "TURNOUT_TOKEN_FILE": str(manager.token_file(router))}
    command = [binary, "run", "--config", url]

    def printed(*more):
        return subprocess.run([*command, "--print-config", *more], env=environment, cwd=place, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=30)

    # What can't be had is said, with its name, the manager's answer and the cure.
    item = SERVICE + "/items/secret/kafka"
    assert root.put(item, secrets[0], bound_to=["somebody"]).status == 201
    put = root.put(SERVICE + "/items/pipeline/main", pipeline)
    assert put.status == 201, put.body
    assert root.put(SERVICE + "/items/config/topic", "events").status == 201
    missing = printed("--set", "instance=${secret:absent}")
    assert missing.returncode == 2 and "the secret `absent`" in missing.stderr, missing.stderr
    assert "answers 404" in missing.stderr, missing.stderr
    unbound = printed()
    assert unbound.returncode == 2 and "bound_to" in unbound.stderr, unbound.stderr
    assert root.put(item, secrets[0], bound_to=["svc-kept"]).status == 200
    shown = printed()
    assert shown.returncode == 0, shown.stderr
    assert '"${secret:kafka}"' in shown.stdout and "source.topic: events" in shown.stdout, shown.stdout

    log = place / "router.log"
    manager.kill()
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=place, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=output, preexec_fn=die_with_parent)
    pages = []
    try:
        wait_until("its waiting", lambda: "waiting for the config manager" in log.read_text(), log)
        manager.start()
        wait_until("the first secret", lambda: secrets[0].encode() in listener.seen, log)
        assert root.put(item, secrets[1], bound_to=["svc-kept"]).status == 200
        begun = time.monotonic()
        wait_until("the second secret", lambda: secrets[1].encode() in listener.seen, log)
        print(f"        a secret replaced, to the broker: {time.monotonic() - begun:.1f} s", flush=True)
        for path in ("/v1/status", "/v1/rules", "/metrics", "/"):
            pages.append(subprocess.run(["curl", "-s", f"http://127.0.0.1:{admin_port}{path}"],
                                        capture_output=True, timeout=10, check=True).stdout)
        # While it is away what it gave last is used, and its end is no end of the router.
        manager.kill()
        wait_until("the warning", lambda: "secret_not_renewed" in log.read_text(), log)
        manager.start()
        process.terminate()
        assert process.wait(15) == 0, log.read_text()[-2000:]
    finally:
        process.kill()
        process.wait()
        listener.close()
        if not manager.is_running():
            manager.start()
    written = b"".join(pages) + "".join(
        one.stdout + one.stderr for one in (missing, unbound, shown)).encode()
    for path in (*place.rglob("*"), manager.log_file, *manager.data.rglob("*")):
        written += path.read_bytes() if path.is_file() else b""
    for secret in secrets:
        assert secret.encode() not in written, re.search(
            b".{0,200}" + secret.encode(), written).group()
    # On record: each release, by whom.
    lines = root.get("/v1/audit?service=kept&action=release_secret&outcome=done&limit=1000").json
    assert {one["by"] for one in lines["entries"]} == {"svc-kept"}, json.dumps(lines)[:500]
