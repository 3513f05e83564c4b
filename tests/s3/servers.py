"""The servers of the S3 tests: SeaweedFS, which checks signatures, and moto, which knows STS."""
import hashlib
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "support"))

from processes import die_with_parent, free_port  # noqa: E402

START_TIMEOUT_S = 60
BIN = Path(sys.executable).parent


def answers(url):
    """The body of what is answered there; None if that is no success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.read()
    except OSError:
        return None


class Server:
    """A process with a log that is ready when `_answers` says so, and is ended by SIGKILL."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._process = None

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, start_new_session=True, preexec_fn=die_with_parent)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = (self.directory / "log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{type(self).__name__} did not start:\n{tail}")
            time.sleep(0.1)
        return self

    def kill(self):
        """Ends it by SIGKILL."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class SeaweedFs(Server):
    """`access_key` may do everything. With `certificate` and `key`, it also serves https."""

    def __init__(self, directory, access_key, secret, certificate=None, key=None):
        super().__init__(directory)
        self._ports = [free_port() for _ in range(7)]
        self.https_port = free_port()
        self._tls = (certificate, key)
        (self.directory / "data").mkdir(exist_ok=True)
        (self.directory / "s3.json").write_text(json.dumps({"identities": [{
            "name": "tests",
            "credentials": [{"accessKey": access_key, "secretKey": secret}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}))

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def _command(self):
        names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
                 "filer.port", "filer.port.grpc", "s3.port.grpc"]
        tls = ([f"-s3.cert.file={self._tls[0]}", f"-s3.key.file={self._tls[1]}",
                f"-s3.port.https={self.https_port}"] if self._tls[0] else [])
        return [BIN / "weed", "server", f"-dir={self.directory / 'data'}", "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=256", "-volume.max=40",
                "-master.electionTimeout=1s", "-master.telemetry=false", "-s3.port.iceberg=0",
                "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-s3",
                f"-s3.port={self.port}", f"-s3.config={self.directory / 's3.json'}",
                *(f"-{name}={port}" for name, port in zip(names, self._ports)), *tls]

    def _answers(self):
        """Whether S3 is there, and the volumes that it keeps its bytes in."""
        if answers(f"{self.endpoint}/healthz") is None:
            return False
        status = json.loads(answers(f"http://127.0.0.1:{self._ports[0]}/dir/status") or "{}")
        return bool(status.get("Topology", {}).get("DataCenters"))

    def kill(self):
        super().kill()
        for port in [self.port, *self._ports]:
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)


class Moto(Server):
    """Takes any signature; STS gives anybody the role that is asked for."""

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def _command(self):
        return [BIN / "moto_server", "-H", "127.0.0.1", "-p", str(self.port)]

    def _answers(self):
        return answers(f"{self.endpoint}/moto-api/") is not None


class Manager(Server):
    """`turnout manager`: its data outlives the process."""

    TOKEN = "a-token-of-the-tests"

    def __init__(self, directory, turnout, keys, environment):
        super().__init__(directory)
        self._turnout, self._environment = turnout, environment
        self._keys = self.directory / "keys"
        self._keys.write_text(keys)
        digest = hashlib.sha256(self.TOKEN.encode()).hexdigest()
        (self.directory / "tokens").write_text(json.dumps({"tokens": [
            {"name": "ann", "sha256": digest,
             "grants": [{"service": "*", "team": "*", "role": "admin"}]}]}))

    def _command(self):
        return ["env", "-i", *(f"{name}={value}" for name, value in self._environment.items()),
                self._turnout, "manager", "--data", "data", "--tokens", "tokens", "--master-keys",
                "keys", "--listen", f"127.0.0.1:{self.port}"]

    def _answers(self):
        return answers(f"http://127.0.0.1:{self.port}/healthz") is not None

    def call(self, method, path, body, status):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.TOKEN}"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == status, answer.status
            return json.loads(answer.read())

    def fails(self):
        done = subprocess.run(self._command(), cwd=self.directory, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 2, (done.returncode, done.stderr)
        return done.stderr

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=20)

    def poll(self):
        return self._process.poll() if self._process else 0

    def wait(self):
        """It was waited for when it was killed."""


def make_certificate(directory):
    """A certificate of its own for 127.0.0.1, and its key."""
    certificate, key = Path(directory) / "cert.pem", Path(directory) / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
