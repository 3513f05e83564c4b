"""A schema registry as companies run one: Apicurio 2.5 with Confluent's API, on a port of 127.0.0.1.

It is fetched by Maven the first time, keeps what it is told in a file of its directory, and can be
killed and started again on the same port. Ids on the wire are the API's own: what a registration
answers, `GET /schemas/ids/<id>` knows.
Threads: any.
"""
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import maven  # noqa: E402
from processes import free_port  # noqa: E402

VERSION = "2.5.11.Final"
API = "/apis/ccompat/v7"
HERE = Path(__file__).resolve().parent
UP_WITHIN_S = 90


def _unpacked():
    """The directory with its jars."""
    archives = maven.fetch("apicurio-registry", VERSION, HERE / "registry.xml")

    def fill(fresh):
        (archive,) = archives.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(fresh)
    return maven.cached(f"apicurio-registry-{VERSION}-unpacked", fill)


class SchemaRegistry:
    def __init__(self, directory):
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        self._process = None
        self.url = f"http://127.0.0.1:{self._port}{API}"

    def start(self):
        """Nothing is done to one that runs."""
        if self._process is not None:
            return self
        home = _unpacked()
        (jar,) = home.glob("apicurio-registry-app-*-runner.jar")
        jars = os.pathsep.join([str(jar), str(home / "lib" / "*")])
        data = self._directory / "data"
        with open(self._directory / "registry.log", "ab") as log:
            self._process = subprocess.Popen(
                ["java", "-Xmx320m", "-XX:TieredStopAtLevel=1",
                 "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self._port}",
                 f"-DREGISTRY_DATASOURCE_URL=jdbc:h2:file:{data};WRITE_DELAY=0",
                 "-cp", jars, "io.quarkus.runner.GeneratedMain"],
                cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        until = time.monotonic() + UP_WITHIN_S
        while True:
            try:
                self._ask("/subjects")
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    self.kill()
                    raise RuntimeError(
                        f"the schema registry did not start; see {self._directory}/registry.log"
                    ) from None
                time.sleep(0.2)

    def kill(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    close = kill

    def register(self, subject, schema, kind="AVRO", references=()):
        """The id that serializers put on the wire."""
        body = {"schema": schema, "schemaType": kind, "references": list(references)}
        path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
        return self._ask(path, body)["id"]

    def schema(self, schema_id):
        return self._ask(f"/schemas/ids/{schema_id}")

    def _ask(self, path, body=None):
        request = urllib.request.Request(
            self.url + path, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        registry = SchemaRegistry(scratch).start()
        try:
            print(registry.url, flush=True)
            input()
        finally:
            registry.kill()
