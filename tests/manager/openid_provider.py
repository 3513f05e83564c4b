#!/usr/bin/python3
"""A small OpenID Connect provider: the authorization code flow with PKCE, for one person.

`tests/manager/openid_provider.py REDIRECT_URL` serves one that asks whoever comes to go on, and
ends with its standard input. It prints the client's secret, and a manager's config with PUBLIC_URL
and CLIENT_SECRET_FILE to be replaced. It is found at `localhost`, so that for a browser it is
another site than a manager at 127.0.0.1.
Threads: one thread uses an OpenIdProvider, which serves on threads of its own.
"""
import base64
import hashlib
import http.server
import json
import os
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from token_signer import TokenSigner, base64url  # noqa: E402

CLIENT = "turnout-page"
SECRET = "s3cret:of/the+page%"
TOKEN_LIFE_S = 300


class OpenIdProvider:
    def __init__(self, directory, redirect_url, asks=False):
        self._signer = TokenSigner(Path(directory) / "openid.key")
        self._codes = {}  # code to what it was asked with; gone once it is redeemed
        self._redirect_url, self._asks = redirect_url, asks
        self.person = {"sub": "1815", "email": "ada@example.com", "groups": ["platform"]}
        self.claims = {}  # that go into the next ID token instead of the right ones
        self.error = None  # instead of a code
        self.redeemed = 0
        self.token_answer = None  # (status, text), instead of tokens
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                if path == "/.well-known/openid-configuration":
                    self.answer(200, json.dumps(provider.document))
                elif path == "/keys":
                    self.answer(200, json.dumps(provider.key_set))
                elif path == "/authorize":
                    url = provider.authorize(dict(urllib.parse.parse_qsl(query)))
                    if provider.asks:
                        link = url.replace("&", "&amp;")
                        page = f'<title>Provider</title><a href="{link}">Go on as Ada</a>'
                        self.answer(200, page, {"Content-Type": "text/html"})
                    else:
                        self.answer(302, "", {"Location": url})
                else:
                    self.answer(404, "")

            def do_POST(self):
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(*provider.redeem(self.headers.get("Authorization", ""),
                                             dict(urllib.parse.parse_qsl(form))))

            def answer(self, status, text, headers=()):
                body = text.encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **dict(headers)}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def issuer(self):
        return f"http://localhost:{self._server.server_port}"

    @property
    def asks(self):
        return self._asks

    @property
    def key_set(self):
        return self._signer.key_set

    @property
    def document(self):
        return {"issuer": self.issuer, "jwks_uri": self.issuer + "/keys",
                "authorization_endpoint": self.issuer + "/authorize",
                "token_endpoint": self.issuer + "/token"}

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def authorize(self, asked):
        """Where the person goes on; who asks wrongly is a fault of the test."""
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT, asked
        assert asked["redirect_uri"] == self._redirect_url, asked
        assert "openid" in asked["scope"].split(), asked
        assert asked["code_challenge_method"] == "S256", asked
        assert len(asked["code_challenge"]) == 43 and len(asked["nonce"]) >= 43, asked
        back = {"state": asked["state"], "iss": self.issuer, "session_state": "a provider's own"}
        if self.error:
            back.update(error=self.error, error_description="<script>alert(1)</script>")
        else:
            back["code"] = base64url(os.urandom(16))
            self._codes[back["code"]] = asked
        return f"{self._redirect_url}?{urllib.parse.urlencode(back)}"

    def redeem(self, authorization, form):
        if self.token_answer:
            return self.token_answer
        named = ":".join(urllib.parse.quote(part, safe="") for part in (CLIENT, SECRET))
        if authorization != "Basic " + base64.b64encode(named.encode()).decode():
            return 401, json.dumps({"error": "invalid_client"})
        asked = self._codes.pop(form["code"], None)
        challenge = base64url(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (asked is None or form["grant_type"] != "authorization_code"
                or form["redirect_uri"] != asked["redirect_uri"]
                or challenge != asked["code_challenge"]):
            return 400, json.dumps({"error": "invalid_grant", "error_description": "<b>no</b>"})
        self.redeemed += 1
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + TOKEN_LIFE_S,
                  "nonce": asked["nonce"], **self.person, **self.claims}
        return 200, json.dumps({"access_token": "unused", "token_type": "Bearer",
                                "id_token": self._signer.sign(claims)})


def config_text(provider, public_url, secret_file):
    """A manager's config in which people sign in there."""
    return (f"issuers:\n  - issuer: {provider}\n    audience: turnout-api\n    name_claim: email\n"
            f"    client_id: {CLIENT}\n    client_secret_file: {secret_file}\n"
            f"    scopes: openid email groups\n    title: Example's accounts\n"
            f"public_url: {public_url}\n"
            "grants:\n  - {principal: group:platform, role: admin}\n")


def main():
    with tempfile.TemporaryDirectory(prefix="turnout-openid-") as directory:
        provider = OpenIdProvider(directory, sys.argv[1], asks=True)
        config = config_text(provider.issuer, "PUBLIC_URL", "CLIENT_SECRET_FILE")
        print(f"{SECRET}\n{config}", end="", flush=True)
        sys.stdin.read()
        provider.close()


if __name__ == "__main__":
    main()
