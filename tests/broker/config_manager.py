"""A config manager as runtime/README.md asks for it: rule files over HTTPS with ETag, long poll and
a bearer token; what became of them comes back by POST.

Threads: one thread uses it; requests are answered on the server's own.
"""
import hashlib
import http.server
import json
import ssl
import threading
import time
from urllib.parse import parse_qs, urlsplit


class ConfigManager:
    def __init__(self, certificate, key, token):
        self._certificate, self._key, self._token = certificate, key, token
        self._changed = threading.Condition()
        self._body, self._etag = b"", ""
        self._server, self._thread = None, None
        self.port = 0
        self.reports = []  # bodies, as they came
        self.refused = 0  # requests without the token
        self.waited = 0  # questions that were held back

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}/rules"

    @property
    def etag(self):
        return self._etag

    def publish(self, files):
        """`files`: name to text. Whoever waits is answered."""
        with self._changed:
            self._body = json.dumps({"files": files}).encode()
            self._etag = f'"{hashlib.sha256(self._body).hexdigest()[:12]}"'
            self._changed.notify_all()

    def start(self):
        """On the port that it had before, if it had one."""
        manager = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                manager._answer(self)

            def do_POST(self):
                manager._take_report(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        # The handshake on the connection's own thread.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self):
        """Nobody is answered any more: those who wait are cut off."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        with self._changed:
            self._server = None
            self._changed.notify_all()

    def report_of(self, instance, etag):
        """The newest one of a replica about a version, or None."""
        for report in reversed(self.reports):
            if report["instance"] == instance and report["version"] == etag:
                return report
        return None

    def _is_allowed(self, request):
        if request.headers.get("Authorization") == f"Bearer {self._token}":
            return True
        self.refused += 1
        self._send(request, 401, b"no token")
        return False

    def _answer(self, request):
        if not self._is_allowed(request):
            return
        wait_s = int(parse_qs(urlsplit(request.path).query).get("wait", ["0"])[0])
        known = request.headers.get("If-None-Match")
        server, deadline = self._server, time.monotonic() + wait_s
        with self._changed:
            self.waited += wait_s > 0 and known == self._etag
            while known == self._etag and self._server is server:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    break
            if server is None or self._server is not server:
                request.close_connection = True
                return
            body, etag = self._body, self._etag
        if known == etag:
            self._send(request, 304, b"", etag)
        else:
            self._send(request, 200, body, etag)

    def _take_report(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if not self._is_allowed(request):
            return
        if request.path.endswith("/pulses"):  # as by a manager that doesn't know them
            self._send(request, 404, b"")
        else:
            self.reports.append(json.loads(body))
            self._send(request, 204, b"")

    @staticmethod
    def _send(request, status, body, etag=None):
        request.send_response(status)
        if etag:
            request.send_header("ETag", etag)
        if status not in (204, 304):
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if status not in (204, 304):
            request.wfile.write(body)
