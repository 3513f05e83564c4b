"""A small identity provider: gives short-lived signed tokens by OAuth's client credentials.

`POST /token`, over TLS, answers as RFC 6749 says; `GET /jwks`, without, with the key that Kafka's
broker checks the signatures (RS256, by the openssl command) against. What clients it knows and how
long tokens live may be changed at any time.
Threads: one thread uses an IdentityProvider, which serves on threads of its own.
"""
import base64
import http.server
import json
import ssl
import sys
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from token_signer import TokenSigner  # noqa: E402

# A token's own end comes so much later than the answer says, in whole seconds: brokers end its
# session then, and a new authentication may be asked for once a second only.
SPARE_S = 2


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler, tls=None):
        super().__init__(("127.0.0.1", 0), handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def handle_error(self, request, client_address):
        """Clients may go away in the midst of an answer."""

    def end(self):
        self.shutdown()
        self.server_close()
        self._thread.join()


class IdentityProvider:
    def __init__(self, directory, life_s, certificate, key):
        """Tokens live for `life_s`; `certificate` and `key` are files in PEM, for 127.0.0.1."""
        self._signer = TokenSigner(directory / "provider.key")
        self.clients = {}  # id to secret
        self.life_s = life_s
        self.issued = []  # when
        self.refused = 0
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer(*provider._public_key(self.path))

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                self._answer(*provider._token(self.headers.get("Authorization", ""), body))

            def _answer(self, status, answer):
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self._tokens, self._keys = _Server(Handler, tls), _Server(Handler)

    @property
    def token_url(self):
        return f"https://127.0.0.1:{self._tokens.server_port}/token"

    @property
    def keys_url(self):
        return f"http://127.0.0.1:{self._keys.server_port}/jwks"

    def close(self):
        for server in (self._tokens, self._keys):
            server.end()

    def _public_key(self, path):
        if path != "/jwks":
            return 404, {}
        return 200, self._signer.key_set

    def _token(self, authorization, body):
        kind, _, encoded = authorization.partition(" ")
        client, _, secret = base64.b64decode(encoded).decode().partition(":")
        if "grant_type=client_credentials" not in body.split("&"):
            return 400, {"error": "unsupported_grant_type"}
        if kind != "Basic" or self.clients.get(client) != secret:
            self.refused += 1
            return 401, {"error": "invalid_client", "error_description": "Unknown client or secret"}
        self.issued.append(time.monotonic())
        return 200, {"access_token": self._sign(client), "token_type": "Bearer",
                     "expires_in": self.life_s}

    def _sign(self, subject):
        now = int(time.time())
        return self._signer.sign(
            {"iss": "test", "sub": subject, "iat": now, "exp": now + self.life_s + SPARE_S})
