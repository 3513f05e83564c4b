"""One `turnout run` as a user would start it: a config file, rules, a log, signals, HTTP.

Threads: one thread uses a RouterProcess.
"""
import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from kafka import die_with_parent, free_port
from too_late import TooLate

READY_TIMEOUT_S = 40
STOP_LIMIT_S = 5.0  # what SIGTERM may take


def write_config(path, values):
    """Writes nested dicts as a YAML file of the plainest kind."""
    def lines(mapping, indent):
        for key, value in mapping.items():
            if isinstance(value, dict):
                yield f"{indent}{key}:\n"
                yield from lines(value, indent + "  ")
            else:
                yield f"{indent}{key}: {json.dumps(value)}\n"
    Path(path).write_text("".join(lines(values, "")))


class RouterProcess:
    def __init__(self, binary, directory, config, environment=None):
        """`directory` is this router's own and is kept; `config` is the whole pipeline.yaml but for
        `listen` and `state_dir`. `through` may be set to a command that starts it, `arguments` to
        more of its own, `network` to the RouterNetwork that it is started in."""
        self.through = []
        self.network = None
        self.arguments = []
        self.binary = Path(binary)
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.config = {**config, "listen": f"127.0.0.1:{self.port}",
                       "state_dir": str(self.directory / "state")}
        self.config_file = self.directory / "pipeline.yaml"
        self.log_file = self.directory / "router.log"
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.starts = 0
        write_config(self.config_file, self.config)

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        """Starts the program and returns at once; its log goes on where an earlier run's ended."""
        self.starts += 1
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [*self.through, self.binary, "run", "--config", self.config_file, *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env=self.environment, start_new_session=True, preexec_fn=die_with_parent)
        return self

    def explain(self, *arguments):
        """What `turnout explain` says with this router's config."""
        done = subprocess.run([self.binary, "explain", "--config", self.config_file, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.directory, env=self.environment)
        assert done.returncode == 0, f"it ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait_until(self, what, happened, timeout_s=READY_TIMEOUT_S):
        """Returns what `happened()` returns once that is true; TooLate when it isn't in time,
        AssertionError when the router ends before."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = happened()
            if found:
                return found
            if not self.is_running():
                code = self.process.returncode if self.process else None
                raise AssertionError(f"{self.directory.name} ended (status {code}) before {what}:"
                                     f"\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise TooLate(f"{self.directory.name}: no {what} in {timeout_s} s:"
                              f"\n{self.log_tail()}")
            time.sleep(0.05)

    def wait_ready(self, timeout_s=READY_TIMEOUT_S):
        self.wait_until("readiness", lambda: self.get("/readyz")[0] == 200, timeout_s)
        return self

    def wait_until_drained(self, timeout_s=60):
        """Returns when nothing that was parked waits any more and no destination is unwell."""
        self.wait_until("all that was parked being sent on",
                        lambda: self.metric("turnout_outputs_waiting") == 0
                        and self.metric("turnout_destinations_unwell") == 0, timeout_s)

    def get(self, path, timeout_s=3):
        """Status and body of an HTTP request; (0, reason) when nobody answers."""
        return self._ask("GET", path, None, timeout_s)

    def post(self, path, body, timeout_s=10):
        """The same of a POST."""
        return self._ask("POST", path, body, timeout_s)

    def _ask(self, method, path, body, timeout_s):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            with self.network.inside() if self.network else contextlib.nullcontext():
                link.connect()
            link.request(method, path, body)
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as problem:
            return 0, str(problem)
        finally:
            link.close()

    def status(self):
        code, body = self.get("/v1/status")
        return json.loads(body) if code == 200 else {}

    def wait_for_team(self, team):
        """Returns when a team that stood aside is back and every worker routes by its rules."""
        self.wait_until(f"team {team} being back",
                        lambda: self.metric("turnout_team_aside", team=team) == 0)
        in_force = self.status()["rules"]["hash"]
        self.wait_until("every worker taking up the rules", lambda: all(
            worker["rule_set"] == in_force for worker in self.status()["workers"]))

    def metric(self, name, **labels):
        """Sum of a metric's samples that carry these labels; 0.0 where there is none."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            sample = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
            if sample and sample.group(1) == name:
                has = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample.group(2) or ""))
                if all(has.get(label) == value for label, value in labels.items()):
                    total += float(sample.group(3))
        return total

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """Ends the process by SIGKILL, whatever it is in the middle of."""
        if self.is_running():
            self.process.kill()
            self.process.wait()

    def stop(self, limit_s=STOP_LIMIT_S):
        """SIGTERM; AssertionError unless it ends with status 0 in time. Returns the seconds."""
        begun = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(limit_s + 10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.directory.name} did not end on SIGTERM:"
                                 f"\n{self.log_tail()}") from None
        took = time.monotonic() - begun
        assert code == 0, f"{self.directory.name} ended with {code} on SIGTERM:\n{self.log_tail()}"
        assert took <= limit_s, f"{self.directory.name} took {took:.1f} s to end on SIGTERM"
        return took

    def close(self):
        """For clean-up: no router outlives its test, not even a paused one."""
        self.kill()

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, lines=25):
        return "\n".join("    | " + line for line in self.log().splitlines()[-lines:])
