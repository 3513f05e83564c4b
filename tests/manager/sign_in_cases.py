"""Signing in at a provider as browsers do, and what others would make of it."""
import contextlib
import http.client
import json
import urllib.parse
from pathlib import Path

from manager_process import Answer, Manager
from openid_provider import SECRET, OpenIdProvider, config_text
from processes import free_port

SIGN_IN, CALLBACK = "/v1/session/sign-in", "/v1/session/callback"
ITEM = "/v1/services/signed/items/config/a"
PLACE = "#/signed/config"


class Browser:
    """Keeps cookies, follows nothing by itself."""

    def __init__(self, manager):
        self._manager, self.cookies, self.set_cookies = manager, {}, []
        self.origin = f"http://127.0.0.1:{manager.port}"

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._manager.port, timeout=30)
        said = {"Sec-Fetch-Site": "same-origin", **(headers or {})}
        if method != "GET":
            said = {"Origin": self.origin, **said}
        if self.cookies and "Cookie" not in said:
            said["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        said = {name: value for name, value in said.items() if value is not None}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), said)
            response = connection.getresponse()
            answer = Answer(response.status, dict(response.getheaders()), response.read())
            self.set_cookies = response.headers.get_all("Set-Cookie") or []
        finally:
            connection.close()
        self._manager.saw(method, path, answer)
        for line in self.set_cookies:
            (name, _, value), *_ = [one.strip().partition("=") for one in line.split(";")]
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]
        return answer

    def get(self, path, **headers):
        return self.call("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def session(self):
        return self.get("/v1/session").json["session"]

    def put(self, text, **headers):
        """As the page does it."""
        given = {"X-Turnout-CSRF": (self.session() or {}).get("csrf"), **headers}
        return self.call("PUT", ITEM, {"text": text, "why": "a test"}, given)

    def begin(self, provider, to=PLACE):
        """Where the provider sends it back to."""
        asked = urllib.parse.urlencode({"issuer": provider.issuer, "to": to})
        answer = self.get(f"{SIGN_IN}?{asked}")
        assert answer.status == 303, answer.body
        there = urllib.parse.urlsplit(answer.headers["Location"])
        assert f"{there.scheme}://{there.netloc}" == provider.issuer, there
        back = provider.authorize(dict(urllib.parse.parse_qsl(there.query)))
        return back.removeprefix(self.origin)

    def come_back(self, path):
        """From another site. The page's address that follows."""
        answer = self.get(path, Sec_Fetch_Site="cross-site")
        assert answer.status == 303 and not answer.body, (answer.status, answer.body)
        return answer.headers["Location"]

    def sign_in(self, provider):
        assert self.come_back(self.begin(provider)) == "/" + PLACE
        return self


@contextlib.contextmanager
def _stage(manager, binary, directory):
    """A manager of its own whose people sign in at a provider; what it answers is kept as the
    others' is."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    provider = OpenIdProvider(directory, url + CALLBACK)
    secret = Path(directory, "client-secret")
    secret.write_text(SECRET + "\n")
    config = config_text(provider.issuer, url, secret).splitlines()
    own = Manager(binary, Path(directory, f"sign-in-{port}"), config, port=port)
    try:
        yield own.start(), provider
    finally:
        own.close()
        provider.close()
        manager.answers.extend(own.answers)


def signs_in_at_a_provider_changes_something_and_signs_out(manager, binary, directory):
    with _stage(manager, binary, directory) as (own, provider):
        ada = Browser(own)
        before = ada.get("/v1/session").json
        assert before == {"session": None, "public_url": ada.origin, "providers": [
            {"issuer": provider.issuer, "title": "Example's accounts"}]}, before
        ada.come_back(ada.begin(provider))
        assert provider.redeemed == 1
        strict = [line for line in ada.set_cookies if line.startswith("turnout=")]
        assert len(strict) == 1, strict
        assert strict[0].endswith("; Path=/; HttpOnly; SameSite=Strict"), strict
        assert list(ada.cookies) == ["turnout"], ada.cookies
        session = ada.session()
        assert session["name"] == "ada@example.com" and session["ends"] and session["csrf"]
        me = ada.get("/v1/whoami").json
        assert [one["role"] for one in me["grants"]] == ["admin"], me
        assert ada.put("1").status == 201
        changes = ada.get("/v1/services/signed/changes").json["changes"]
        assert changes[0]["by"] == "ada@example.com", changes
        # A token counts before the cookie; it needs neither origin nor word.
        root = own.bearer("root", ("*", "*", "admin"))
        borne = {"Authorization": "Bearer " + root._token}  # pylint: disable=protected-access
        assert ada.get("/v1/whoami", **borne).json["name"] == "root"
        assert ada.call("PUT", ITEM, {"text": "2"}, {**borne, "Origin": None}).status == 200
        assert ada.get("/v1/whoami", Authorization="Bearer none").status == 401
        assert root.post("/v1/session/sign-out").status == 400
        stolen = Browser(own)
        stolen.cookies = dict(ada.cookies)
        out = ada.call("POST", "/v1/session/sign-out", {}, {"X-Turnout-CSRF": session["csrf"]})
        assert out.status == 204 and not ada.cookies
        for browser in (ada, stolen):
            assert browser.session() is None and browser.get("/v1/whoami").status == 401
        audit = root.get("/v1/audit?by=ada@example.com").json["entries"]
        assert [one["action"] for one in audit] == ["sign_out", "put_item", "sign_in"], audit
        # What was signed in ends with the process: nothing of it is on the disk.
        again = Browser(own).sign_in(provider)
        own.kill()
        own.start()
        assert "the session has ended" in again.get("/v1/whoami").json["error"]
        known = [value.encode() for value in [*stolen.cookies.values(), *again.cookies.values()]]
        for path in [*own.data.rglob("*"), own.log_file]:
            assert not path.is_file() or not any(one in path.read_bytes() for one in known), path


def lets_nobody_in_by_a_return_that_is_not_his(manager, binary, directory):
    with _stage(manager, binary, directory) as (own, provider):
        def refused(word, back=None, browser=None, change=None, to=PLACE):
            own.tries += 1
            browser = browser or Browser(own)
            back = back or browser.begin(provider)
            where = browser.come_back(change(back) if change else back)
            assert where == f"/?problem={word}{to}", (word, where)
            assert "turnout" not in browser.cookies and browser.session() is None, word

        def restart():  # ten failures are what an address may have at once
            own.kill()
            own.start()
        own.tries = 0

        def said(path, name):
            return dict(urllib.parse.parse_qsl(path.partition("?")[2]))[name]
        mallory = Browser(own)
        hers = mallory.begin(provider)
        # Another's return, with a cookie of one's own or none: login CSRF.
        refused("elsewhere", back=hers, to="")
        victim = Browser(own)
        own_return = victim.begin(provider)
        refused("elsewhere", back=hers, browser=victim, to="")
        refused("elsewhere", change=lambda path: path.replace(said(path, "state")[:20], "A" * 20),
                to="")
        refused("elsewhere", change=lambda path: path.partition("?")[0], to="")
        # Another's code in one's own sign-in: PKCE.
        refused("refused", change=lambda path: CALLBACK + "?" + urllib.parse.urlencode(
            {"code": said(hers, "code"), "state": said(path, "state")}))
        # The same return again, with the cookie kept.
        cookies = dict(victim.cookies)
        assert victim.come_back(own_return) == "/" + PLACE
        replays = Browser(own)
        replays.cookies = cookies
        refused("elsewhere", back=own_return, browser=replays, to="")
        restart()
        refused("refused", change=lambda path: path.replace("iss=http", "iss=https"))
        for claims in ({"nonce": "another"}, {"nonce": None}, {"aud": "another"},
                       {"aud": ["turnout-page", "another"]}, {"azp": "another"}, {"exp": 1},
                       {"iss": "http://localhost"}, {"email": "a name"}):
            provider.claims = claims
            refused("refused")
        provider.claims = {}
        restart()
        for answer, word in (((200, '{"id_token": "e30.e30."}'), "refused"),
                             ((200, "<html>"), "refused"), ((200, "[" * 100_000), "refused"),
                             ((500, "no"), "unavailable"),
                             ((200, "1" * 200_000), "unavailable")):
            provider.token_answer = answer
            refused(word)
        provider.token_answer, provider.error = None, "access_denied"
        refused("denied")
        provider.error = '<img src=x onerror="alert(1)">'
        refused("denied")
        provider.error = None
        # Who fails too often is kept waiting, and it is not told line by line.
        words = [Browser(own).come_back(CALLBACK + "?state=x") for _ in range(8)]
        assert "/?problem=elsewhere" in words and words[-1] == "/?problem=busy", words
        root = own.bearer("root", ("*", "*", "admin"))
        asked = "/v1/audit?action=sign_in&outcome=refused&limit=100"
        lines = root.get(asked).json["entries"]
        assert len(lines) == own.tries + words.count("/?problem=elsewhere"), (len(lines), own.tries)
        assert not any("<" in json.dumps(line) for line in lines), lines


def changes_nothing_for_a_page_of_another_site(manager, binary, directory):
    with _stage(manager, binary, directory) as (own, provider):
        ada = Browser(own).sign_in(provider)
        other = Browser(own).sign_in(provider)
        assert ada.put("1").status == 201
        for headers in ({"X-Turnout-CSRF": None}, {"X-Turnout-CSRF": ""},
                        {"X-Turnout-CSRF": other.session()["csrf"]},
                        {"Origin": "https://evil.example"}, {"Origin": None}, {"Origin": "null"},
                        {"Origin": f"http://localhost:{own.port}"},
                        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            answer = ada.put("2", **headers)
            assert answer.status == 403, (headers, answer.body)
            assert "session" in answer.json["error"], answer.body
        out = ada.call("POST", "/v1/session/sign-out", {})
        assert out.status == 403 and ada.session(), out.body
        assert ada.get(ITEM, Sec_Fetch_Site="cross-site").status == 403
        assert ada.get("/v1/session", Sec_Fetch_Site="cross-site").json["session"] is None
        assert ada.get(ITEM).json["text"] == "1"
        root = own.bearer("root", ("*", "*", "admin"))
        kept = root.get("/v1/audit?outcome=refused&by=ada@example.com").json["entries"]
        assert len(kept) == 11 and {one["status"] for one in kept} == {403}, kept


def goes_on_within_the_page_alone(manager, binary, directory):
    with _stage(manager, binary, directory) as (own, provider):
        browser = Browser(own)
        for to in ("https://evil.example", "//evil.example", "/\\evil.example", "#evil", "?#/a",
                   "javascript:alert(1)", "/#/a", "#/a\r\nSet-Cookie: turnout=x", "#/a b",
                   "#/" + "a" * 1000):
            asked = urllib.parse.urlencode({"issuer": provider.issuer, "to": to})
            answer = browser.get(f"{SIGN_IN}?{asked}")
            assert answer.status == 400 and not browser.cookies, (to, answer.status)
        for issuer in ("https://evil.example", ""):
            asked = urllib.parse.urlencode({"issuer": issuer})
            assert browser.get(f"{SIGN_IN}?{asked}").status == 400
        assert browser.come_back(browser.begin(provider, to="")) == "/"
        place = "#/a/search?q=//evil.example"
        assert browser.come_back(browser.begin(provider, to=place)) == "/" + place


def takes_no_session_that_somebody_planted(manager, binary, directory):
    with _stage(manager, binary, directory) as (own, provider):
        ada = Browser(own)
        ada.cookies["turnout"] = planted = "A" * 43
        assert ada.get("/v1/whoami").status == 401
        ada.sign_in(provider)
        mine = ada.cookies["turnout"]
        assert mine != planted and len(mine) == 43
        mallory = Browser(own)
        mallory.cookies["turnout"] = planted
        assert mallory.session() is None
        # Of two nobody knows which was planted.
        assert ada.get("/v1/whoami", Cookie=f"turnout={planted}; turnout={mine}").status == 401
        assert ada.get("/v1/whoami", Cookie=f"turnout={mine}; other=1").status == 200
