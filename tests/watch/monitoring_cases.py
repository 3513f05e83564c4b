"""deploy/monitoring against promtool, and against a real Prometheus that scrapes a real run."""
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from processes import die_with_parent, free_port

MONITORING = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
ALERTS = MONITORING / "alerts.yml"
# What is there only while a destination is not healthy, or where brokers ask for certificates:
# metrics_test and the broker tests see it.
AT_TIMES = {"turnout_destination_ejection", "turnout_destination_outputs_waiting",
            "turnout_certificate_expiry_timestamp_seconds"}
SERIES = re.compile(r"\b((?:turnout|process)_[a-z_]+|up)\b(?=[{\[\s)]|$)")


def promtool(*arguments, cwd=MONITORING):
    return subprocess.run(["promtool", *arguments], cwd=cwd, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


class Prometheus:
    """Debian's, with deploy/monitoring/prometheus.yml but for the target and the pace."""

    def __init__(self, directory, target):
        self.address = f"127.0.0.1:{free_port()}"
        directory = Path(directory, "prometheus")
        directory.mkdir()
        config = (MONITORING / "prometheus.yml").read_text()
        for old, new in (("127.0.0.1:9464", target), ("15s", "1s"), ("alerts.yml", str(ALERTS))):
            assert old in config, f"prometheus.yml has no {old}"
            config = config.replace(old, new)
        (directory / "prometheus.yml").write_text(config)
        self._log = open(directory / "log", "wb")
        self._process = subprocess.Popen(
            ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address={self.address}"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, preexec_fn=die_with_parent)

    def ask(self, path, **parameters):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{path} {parameters}: {refused.read().decode()}") from None

    def wait_until(self, what, happened, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                found = happened()
            except OSError:
                found = None
            if found:
                return found
            assert time.monotonic() < deadline, f"Prometheus: no {what} in {timeout_s} s"
            time.sleep(0.2)

    def close(self):
        self._process.kill()
        self._process.wait()
        self._log.close()


def alert_expressions(prometheus):
    groups = prometheus.wait_until("alerts", lambda: prometheus.ask("rules")["groups"])
    return {rule["name"]: rule for group in groups for rule in group["rules"]}


def panels():
    return [panel for panel in json.loads((MONITORING / "dashboard.json").read_text())["panels"]
            if panel["type"] != "row"]


def asked_by_dashboard():
    """Each query of the dashboard, with Grafana's variables filled in as `All` fills them."""
    for panel in panels():
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", "1m")
            yield panel["title"], re.sub(r"\$(instance|team|destination)", ".*", expr)


def alerts_are_valid_and_fire_when_they_should():
    checked = promtool("check", "rules", "alerts.yml")
    assert checked.returncode == 0, checked.stdout
    tested = promtool("test", "rules", "alerts_test.yml")
    assert tested.returncode == 0, tested.stdout


def each_alert_is_awaited_by_a_test():
    """The tests compare all that fire, so an alert that one of them awaits is missed if it is gone."""
    tests = (MONITORING / "alerts_test.yml").read_text()
    awaited = set(re.findall(r'labels: \'{alertname="(\w+)"', tests))
    alerts = set(re.findall(r"(?m)^      - alert: (\w+)$", ALERTS.read_text()))
    assert len(alerts) > 15 and alerts == awaited, f"without a test: {alerts - awaited}; {awaited - alerts}"
    assert "ALERTS{alertstate=\"firing\"}" in tests


def each_alert_says_what_is_wrong_what_to_do_and_by_which_metric():
    for block in re.split(r"(?m)^      - alert: ", ALERTS.read_text())[1:]:
        name = block.splitlines()[0]
        expr = re.search(r"expr: (.*?)\n        (?:for|labels):", block, re.S).group(1)
        for field in ("severity: (page|ticket)", 'summary: "[^"]{20,}"', 'do: "[^"]{20,}"', "metric: .+"):
            assert re.search(field, block), f"{name} lacks {field}"
        named = re.search("metric: (.+)", block).group(1).split(", ")
        series = {one.removesuffix("_bucket") for one in SERIES.findall(expr)}
        assert named and set(named) <= series, f"{name} names {named}, and asks {series}"


def the_dashboard_is_what_its_script_writes():
    written = subprocess.run([sys.executable, MONITORING / "make-dashboard"], capture_output=True, text=True)
    assert written.stdout == (MONITORING / "dashboard.json").read_text(), "run make-dashboard > dashboard.json"
    places = [tuple(panel["gridPos"].values()) for panel in panels()]
    assert len(set(places)) == len(places) > 25, places


def each_series_that_is_asked_for_is_exported(run, prometheus):
    alerts = alert_expressions(prometheus)
    asked = {f"alert {name}": rule["query"] for name, rule in alerts.items()}
    for title, expr in asked_by_dashboard():
        asked[f"panel {title}: {expr}"] = expr
    needed = {series for expr in asked.values() for series in SERIES.findall(expr)} - AT_TIMES
    assert len(needed) > 30, needed

    def known():
        return set(prometheus.ask("label/__name__/values"))
    try:
        prometheus.wait_until("series", lambda: needed <= known())
    except AssertionError:
        for where, expr in asked.items():
            missing = set(SERIES.findall(expr)) - AT_TIMES - known()
            assert not missing, f"{where} asks for {missing}, which the run does not export"
        raise


def each_panel_is_answered(run, prometheus):
    for title, expr in asked_by_dashboard():
        prometheus.ask("query", query=expr)  # it refuses what it can't read
    # What a run as this one has to show.
    empty = []
    for title, expr in asked_by_dashboard():
        if "> 0" in expr or "unavailable" in expr:
            continue
        if not prometheus.ask("query", query=expr)["result"]:
            empty.append(f"{title}: {expr}")
    assert not empty, "\n".join(empty)


def alerts_see_what_is_wrong(run, prometheus):
    wanted = {"TurnoutTeamStandsAside", "TurnoutRuleFileRefused", "TurnoutUnreadableEvents", "TurnoutRuleDeadLetters",
              "TurnoutRuleParks", "TurnoutRuleStateFull"}

    def active():
        return {alert["labels"]["alertname"]: alert for alert in prometheus.ask("alerts")["alerts"]}
    prometheus.wait_until("the alerts of a run that was harmed", lambda: wanted <= set(active()))
    # A busy machine may take its time.
    others = set(active()) - wanted - {"TurnoutLatencyHigh"}
    assert not others, others
    for name, rule in alert_expressions(prometheus).items():
        assert rule["health"] == "ok" and not rule.get("lastError"), f"{name}: {rule}"
    for name, alert in active().items():
        for text in alert["annotations"].values():
            assert "<no value>" not in text and "<error expanding" not in text, f"{name}: {text}"
