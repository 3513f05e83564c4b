"""Amazon MSK's IAM, as far as it can be had here: a broker that signs each token again and takes
only what is signed rightly (MskIamValidator.java), and a door to moto's STS that knows who was given
which keys, lets them live briefly, and can be shut.

Threads: one thread uses them; the door serves on threads of its own.
"""
import http.server
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

from kafka import Kafka, fetch
from s3_store import S3_TESTS, fetch_servers

HERE = Path(__file__).resolve().parent
REGION = "eu-west-1"
PRINCIPAL = "router"
PACKAGE = "org.apache.kafka.common.security.oauthbearer"
DENIED = (b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized to perform "
          b"sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>")


class Keys:
    """The file by which a broker knows keys: access key id, secret, session token, end, principal."""

    def __init__(self, file):
        self.file = file
        self._lines = []
        self._write()

    def add(self, key, secret, session="-", expires=4_000_000_000):
        self._lines.append(f"{key} {secret} {session} {int(expires)} {PRINCIPAL}\n")
        self._write()

    def _write(self):
        fresh = self.file.with_suffix(".new")
        fresh.write_text("".join(self._lines))
        fresh.rename(self.file)


def broker(stage, keys, session_ms):
    """A broker that takes OAUTHBEARER tokens signed with `keys`, and ends sessions that early."""
    classes = stage.directory / "classes"
    classes.mkdir()
    libs = fetch()
    subprocess.run(["javac", "-cp", f"{libs}/*", "-d", classes, HERE / "MskIamValidator.java"],
                   check=True)
    listener = "listener.name.client.oauthbearer"
    kafka = stage.use(Kafka(
        stage.directory / "kafka", sasl=True,
        jvm=["-cp", f"{libs}/*:{classes}", f"-Dturnout.msk.keys={keys.file}",
             f"-Dturnout.msk.region={REGION}"],
        settings={
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{listener}.sasl.jaas.config": f"{PACKAGE}.OAuthBearerLoginModule required;",
            f"{listener}.sasl.server.callback.handler.class": "MskIamValidator",
            f"{listener}.connections.max.reauth.ms": session_ms}))
    for kind in ("topic", "group", "transactional_id"):
        kafka.allow(PRINCIPAL, "all", kind, "*")
    return kafka


class StsDoor:
    """What stands before moto's STS: whoever is given keys is written into `keys`, and they live for
    `life_s`. While it `refuses`, nobody gets any. `tokens`: the web identity tokens it was shown."""

    def __init__(self, directory, keys, life_s):
        self.keys, self.life_s = keys, life_s
        self.refuses = False
        self.tokens, self.refused = [], 0
        sys.path.append(str(S3_TESTS))
        import servers
        servers.BIN = fetch_servers().parent
        self._moto = servers.Moto(directory).start()
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = door._answer(body)
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, body):
        asked = urllib.parse.parse_qs(body.decode())
        if self.refuses:
            self.refused += 1
            return 403, DENIED
        request = urllib.request.Request(
            self._moto.endpoint + "/", body,
            {"Content-Type": "application/x-www-form-urlencoded",
             "Host": f"sts.{REGION}.amazonaws.com"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
        expires = time.time() + self.life_s
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
        text = re.sub(r"<Expiration>[^<]*", f"<Expiration>{stamp}", text)
        key, secret, session = (re.search(f"<{name}>([^<]+)</{name}>", text).group(1)
                                for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        self.keys.add(key, secret, session, expires)
        self.tokens += asked["WebIdentityToken"]
        return 200, text.encode()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._moto.kill()
