"""The status page in a real browser: what an on-call sees of a router that is well, and of one that is not."""
import http.server
import json
import threading
import urllib.parse
import urllib.request

from live_run import HOSTILE

TOPIC = 'x<script>document.title="pwned"</script><img src=//198.51.100.1/x onerror=alert(1)>'


class OtherAnswers(http.server.ThreadingHTTPServer):
    """The router's page with its headers, over answers that a test has changed."""

    def __init__(self, router, change):
        self.router, self.change = router, change
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *problem):
        self.shutdown()
        super().__exit__(*problem)


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with urllib.request.urlopen(f"http://{self.server.router}{self.path}", timeout=5) as given:
            body, headers = given.read(), given.headers
        if headers["Content-Type"] == "application/json":
            body = json.dumps(self.server.change(self.path, json.loads(body))).encode()
        self.send_response(200)
        for name in ("Content-Type", "Content-Security-Policy", "X-Content-Type-Options"):
            self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def hostile(path, answer):
    """Every name is one that would be run if it were taken for HTML."""
    def changed(value, key=""):
        if isinstance(value, dict):
            return {name: changed(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [changed(inner, key) for inner in value]
        is_name = key in ("instance", "source", "destination", "team", "rule", "topic", "what", "do",
                          "reason", "reasons", "version", "group", "addresses", "file")
        return f"{value}{TOPIC}" if is_name and isinstance(value, str) else value
    return changed(answer)


def without_brokers(path, answer):
    if path == "/v1/status":
        answer["ready"] = False
        answer["troubles"] = [{
            "gravity": "stopped",
            "what": "Client turnout-router-0-0-source reaches no broker: connection refused.",
            "do": "Nothing if the brokers are down: it goes on by itself when they are back. Else look at "
                  "`brokers` in the config and at the network between.",
            "metric": "turnout_brokers_reachable"}]
    return answer


def with_ejections(path, answer):
    if path == "/v1/status":
        answer["destinations_unwell"] = [
            {"destination": "shop.orders", "state": "ejected", "why": "missing", "waiting": 1207,
             "reason": "the topic doesn't exist; create it", "since": answer["started"]},
            {"destination": "shop.never-sent", "state": "probing", "why": "forbidden", "waiting": 3,
             "reason": "it may not be written", "since": None},
            {"destination": "shop.large", "state": "draining", "why": "", "waiting": 41, "reason": "", "since": None}]
    return answer


def open_page(browser, address):
    browser.open(f"http://{address}/")
    browser.wait_until("figures", "return document.querySelectorAll('#figures .figure').length > 3 && "
                                  "!document.querySelector('#figures dd').textContent.includes('\\u2013')")


def leave(browser):
    """Before its server ends. What was asked and refused until now is no other page's."""
    browser.open("about:blank")
    browser.requested(), browser.complaints()


def assert_only_asked(browser, *addresses):
    urls = [urllib.parse.urlsplit(url) for url in browser.requested()]
    # The browser's own first page is made of chrome:, the icon of data:.
    asked = {url.netloc for url in urls if url.scheme not in ("chrome", "chrome-untrusted", "data")}
    assert asked and asked <= set(addresses), f"requests went to {asked}, not only to {addresses}"
    complaints = browser.complaints()
    assert not complaints, f"the console says {complaints}"


def assert_readable_on_a_phone(browser):
    wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"the page is {wide} pixels wider than the screen"


def shows_a_router_that_is_well(run, browser, shots):
    browser.look(1280, 1500)
    open_page(browser, run.address)
    browser.wait_until("a sentence", "return document.querySelector('#sentence').textContent === 'All is well.'")
    browser.wait_until("rates", "return Number(document.querySelector('#figures dd').textContent) > 50")
    destinations, rules = browser.text("#destinations"), browser.text("#rules")
    for topic in ("shop.orders", "shop.large", "shop.region.emea", "shop.known-customers"):
        assert topic in destinations, f"{topic} is not among\n{destinations}"
    assert "shop / first-of-a-customer" in rules and "shadow 50 %" in rules, rules
    assert "shop.next" not in destinations, "a rule in shadow sends"
    assert "2 workers route" in browser.text("#under"), browser.text("#under")
    assert "customers" in browser.text("#tables"), browser.text("#tables")
    assert "checkpoint" in browser.text("#facts"), browser.text("#facts")
    assert browser.run("return document.querySelector('#state').dataset.state") == "well"
    assert_only_asked(browser, run.address)
    browser.photograph(shots / "well.png")
    browser.look(390, 844, dark=True)
    assert_readable_on_a_phone(browser)
    browser.photograph(shots / "well-narrow-dark.png")


def its_filter_finds_what_it_is_asked_for(run, browser, shots):
    browser.look(1280, 1500)
    browser.run("const f = document.querySelector('#destinations-filter'); f.value = 'region.e';"
                "f.dispatchEvent(new Event('input'))")
    shown = browser.run("return [...document.querySelectorAll('#destinations tbody th')].map(e => e.innerText)")
    assert shown == ["shop.region.emea"], shown


def shows_what_is_wrong_and_what_to_do(run, browser, shots):
    browser.look(1280, 1500)
    open_page(browser, run.address)
    browser.wait_until("the sentence", "return document.querySelector('#state').dataset.state === 'harmed'")
    everything = browser.text("main")
    for part in ("A rule file is refused", "turnout validate", "The rules of team loop stand aside", "Send to another topic.",
                 "dead letters in the last minutes", "events.dead-letter", HOSTILE):
        assert part in everything, f"`{part}` is not in\n{everything}"
    assert browser.run("return document.title").startswith("(!)")
    assert browser.run("return document.images.length + document.scripts.length") == 1, "a file's name was run"
    browser.wait_until("colours", "return document.querySelectorAll('td.bad').length > 2")
    assert_only_asked(browser, run.address)
    browser.photograph(shots / "harmed.png")
    browser.look(390, 844)
    assert_readable_on_a_phone(browser)
    browser.photograph(shots / "harmed-narrow.png")


def says_that_events_wait_before_all_else(run, browser, shots):
    browser.look(1280, 900, dark=True)
    with OtherAnswers(run.address, without_brokers) as other:
        open_page(browser, other.address)
        assert "reaches no broker" in browser.text("#sentence")
        assert "goes on by itself" in browser.text("#under")
        assert browser.run("return document.querySelector('#state').dataset.state") == "stopped"
        browser.photograph(shots / "stopped-dark.png")
    browser.wait_until("word of silence", "return document.querySelector('#sentence').textContent "
                                          "=== 'This router does not answer.'")
    leave(browser)


def shows_which_destinations_are_ejected_and_what_waits_for_them(run, browser, shots):
    browser.look(1280, 1500)
    with OtherAnswers(run.address, with_ejections) as other:
        open_page(browser, other.address)
        browser.wait_until("ejections", "return document.querySelectorAll('#destinations td.bad').length > 4")
        rows = browser.run("return [...document.querySelectorAll('#destinations tbody tr')].map(r => r.innerText)")
        shown = {row.split("\t")[0]: row for row in rows}
        assert {row.split("\t")[0] for row in rows[:2]} == {"shop.orders", "shop.never-sent"}, "the unwell come first"
        assert "ejected for " in shown["shop.orders"] and "doesn't exist" in shown["shop.orders"], shown["shop.orders"]
        assert "1,207" in shown["shop.orders"] and "probing: it may not be written" in shown["shop.never-sent"]
        assert "41" in shown["shop.large"] and "what waits is sent first" in shown["shop.large"], shown["shop.large"]
        assert_only_asked(browser, other.address)
        browser.photograph(shots / "ejected.png")
        leave(browser)


def takes_no_name_for_html(run, browser, shots):
    with OtherAnswers(run.address, hostile) as other:
        open_page(browser, other.address)
        browser.wait_until("names", "return document.querySelectorAll('#rules tbody tr').length > 3")
        assert TOPIC in browser.text("#destinations"), browser.text("#destinations")
        assert TOPIC in browser.text("#sentence")
        made = browser.run("return document.querySelectorAll('img, iframe, object, body script:not([src])').length")
        assert made == 0, f"{made} elements were made of names"
        title = browser.run("return document.title")
        assert title.endswith("Turnout") and not title.startswith("pwned"), title
        assert_only_asked(browser, other.address)


def can_be_used_without_a_mouse_and_without_eyes(run, browser, shots):
    open_page(browser, run.address)
    unnamed = browser.run("""
        const unnamed = [];
        for (const e of document.querySelectorAll('input, a, button, section, .scroll')) {
          const by = e.getAttribute('aria-labelledby');
          const name = by ? document.getElementById(by).textContent
              : e.getAttribute('aria-label') || e.closest('label')?.textContent || e.textContent;
          if (!name.trim()) unnamed.push(e.outerHTML.slice(0, 80));
        }
        for (const e of document.querySelectorAll('th')) if (!e.scope) unnamed.push(e.outerHTML);
        return unnamed;""")
    assert not unnamed, unnamed
    for dark in (False, True):
        browser.look(1280, 1500, dark)
        faint = browser.run(CONTRASTS)
        assert not faint, f"too little contrast, {'dark' if dark else 'light'}: {faint}"


# Text whose contrast with what is behind it is below WCAG's 4.5.
CONTRASTS = """
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint = new Set();
  for (const e of document.querySelectorAll('body *')) {
    if (!e.innerText || e.children.length || !e.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.add(`${e.tagName} ${e.className} ${contrast.toFixed(1)}`);
  }
  return [...faint];
"""
