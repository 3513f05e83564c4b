"""A `turnout manager` on this machine, and people and routers who call it.

Threads: a Manager is one's; Callers may be used by any, each call has a connection of its own.
"""
import base64
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from processes import die_with_parent  # noqa: E402

START_S = 20


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def etag(self):
        return self.headers.get("ETag")


class Caller:
    """Who bears a token; None: nobody."""

    def __init__(self, manager, token):
        self._manager, self._token = manager, token

    @property
    def header(self):
        return f"Authorization: Bearer {self._token}"

    def call(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self._manager.port, timeout=timeout)
        said = dict(headers or {})
        if self._token is not None:
            said["Authorization"] = f"Bearer {self._token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        try:
            connection.request(method, path, body, said)
            response = connection.getresponse()
            answer = Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()
        self._manager.saw(method, path, answer)
        return answer

    def get(self, path, **headers):
        return self.call("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def put(self, path, text, why="a test", headers=None, **more):
        return self.call("PUT", path, {"text": text, "why": why, **more}, headers)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)


class Manager:
    """Its data outlives the process, which may be started again."""

    def __init__(self, binary, directory, config=None, like=None, environment=None, port=0):
        """`config`: lines of a config file. `like`: another one whose tokens and keys it takes."""
        self._environment = environment
        self._binary, self._directory = binary, Path(directory)
        self._directory.mkdir(parents=True)
        self._process, self.port = None, port
        self.data = self._directory / "data"
        self.log_file = self._directory / "log"
        self._tokens = self._directory / "tokens.json"
        self._keys = self._directory / "keys"
        self.keys = ""  # all lines that there ever were
        self.write_keys("k1")
        self._known = []
        self.answers = []  # (method, path, status, body), all there ever were
        self._write_tokens()
        if like is not None:
            self._tokens, self._keys = like._tokens, like._keys
        self._more = []
        if config is not None:
            (self._directory / "manager.yaml").write_text("\n".join(config) + "\n")
            self._more = ["--config", self._directory / "manager.yaml"]

    def write_keys(self, *ids):
        """The master keys of these ids, the first of which seals; a new id is a new key."""
        known = dict(line.split() for line in self.keys.splitlines())
        for name in ids:
            if name not in known:
                known[name] = base64.b64encode(os.urandom(32)).decode()
                self.keys += f"{name} {known[name]}\n"
        fresh = self._keys.with_suffix(".new")
        fresh.write_text("".join(f"{name} {known[name]}\n" for name in ids))
        fresh.rename(self._keys)

    def bearer(self, name, *grants, kind="person"):
        """A new principal; a grant is (service, team, role)."""
        token = f"token-of-{name}-{os.urandom(8).hex()}"
        self._known.append({
            "name": name, "kind": kind, "sha256": hashlib.sha256(token.encode()).hexdigest(),
            "grants": [{"service": s, "team": t, "role": r} for s, t, r in grants]})
        self._write_tokens()
        return Caller(self, token)

    def token_file(self, caller):
        path = self._directory / "router.token"
        path.write_text(caller._token)  # pylint: disable=protected-access
        return path

    def nobody(self, token=None):
        return Caller(self, token)

    def saw(self, method, path, answer):
        self.answers.append((method, path, answer.status, answer.body, answer.headers))

    def knows(self, caller):
        """The same one, who calls this manager."""
        return Caller(self, caller._token)

    def start(self):
        self.launch()
        return self.wait_started()

    def launch(self):
        self._begin = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "manager", "--data", self.data, "--tokens", self._tokens,
                 "--master-keys", self._keys, "--listen", f"127.0.0.1:{self.port}",
                 *self._more],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment,
                preexec_fn=die_with_parent)

    def wait_started(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            found = re.search(rb'manager_started.*"url":"http://127.0.0.1:(\d+)"',
                              self.log_file.read_bytes()[self._begin:])
            if found:
                self.port = int(found.group(1))
                return self
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError("the manager did not start: " + self.log_file.read_text())

    def signal(self, number):
        self._process.send_signal(number)

    def is_running(self):
        return self._process.poll() is None

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self):
        """By a signal, in good order; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=15)

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def tokens(self):
        """The file of them."""
        return self._tokens

    def _write_tokens(self):
        beside = self._tokens.with_suffix(".new")
        beside.write_text(json.dumps({"tokens": self._known}))
        beside.rename(self._tokens)
