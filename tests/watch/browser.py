"""Debian's Chromium, headless, by the WebDriver protocol: pages are opened, looked at, photographed.

Errors: OSError, or AssertionError with the driver's words. Threads: one.
"""
import base64
import http.client
import json
import subprocess
import time
from pathlib import Path

from processes import die_with_parent, free_port

START_TIMEOUT_S = 20
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--no-first-run", "--window-size=1280,1500",
             # A name that is not this machine's is nobody's.
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


class Browser:
    def __init__(self, directory):
        self._port = free_port()
        self._log = open(Path(directory, "chromedriver.log"), "wb")
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={self._port}"], stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log, preexec_fn=die_with_parent)
        self._session = None
        try:
            self._session = self._begin(Path(directory, "profile"))
        except BaseException:
            self.close()
            raise

    def _begin(self, profile):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self._ask("GET", "/status")
                break
            except OSError:
                if time.monotonic() > deadline or self._driver.poll() is not None:
                    raise
                time.sleep(0.05)
        options = {"args": ARGUMENTS + [f"--user-data-dir={profile}"], "binary": "/usr/bin/chromium"}
        return self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}}})["sessionId"]

    def _ask(self, method, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            link.request(method, path, None if body is None else json.dumps(body),
                         {"Content-Type": "application/json"})
            answer = link.getresponse()
            value = json.loads(answer.read())["value"]
            assert answer.status == 200, f"{method} {path}: {value}"
            return value
        finally:
            link.close()

    def _post(self, path, body):
        return self._ask("POST", f"/session/{self._session}{path}", body)

    def _devtools(self, command, **parameters):
        return self._post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        self._post("/url", {"url": url})

    def run(self, script, *arguments):
        """What the page's script returns."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def wait_until(self, what, script, timeout_s=15):
        deadline = time.monotonic() + timeout_s
        while not self.run(script):
            if time.monotonic() > deadline:
                raise AssertionError(f"the page: no {what} in {timeout_s} s:\n{self.text()}")
            time.sleep(0.1)

    def look(self, width, height, dark=False):
        self._devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                       deviceScaleFactor=1, mobile=width < 600)
        self._devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def photograph(self, path):
        """The whole page, however long."""
        size = self._devtools("Page.getLayoutMetrics")["cssContentSize"]
        shot = self._devtools("Page.captureScreenshot", captureBeyondViewport=True,
                              clip={**size, "scale": 1})
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def requested(self):
        """URLs of all that was asked for since the last question."""
        events = [json.loads(entry["message"])["message"]
                  for entry in self._post("/se/log", {"type": "performance"})]
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """Lines of the console since the last question."""
        return [entry["message"] for entry in self._post("/se/log", {"type": "browser"})]

    def close(self):
        try:
            if self._session:
                self._ask("DELETE", f"/session/{self._session}")
        finally:
            self._driver.kill()
            self._driver.wait()
            self._log.close()
