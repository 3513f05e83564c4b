"""Programs under measurement: started with a log, watched, ended, and what the kernel says they used.

None outlives the bench, however that ends. Errors: RuntimeError with the end of the program's log.
"""
import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import common
import kafka
import pipeline_rules

END_TIMEOUT_S = 30
FROZEN_S_MAX = 40  # groups take a member for dead after 45 s of silence
READY_TIMEOUT_S = 60
LOOK_S = 0.01
LOG_TAIL_CHARACTERS = 4000
EVERY_THREAD = 2  # the kernel's CPUCLOCK_SCHED of a whole process


class Process:
    """A program in a directory of the caller's. What it prints is its log."""

    def __init__(self, command, directory):
        self.log = Path(directory) / "log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                preexec_fn=kafka.die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def said(self):
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]

    def check(self):
        """RuntimeError if it has ended. What it used can still be asked for."""
        ended = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            raise RuntimeError(f"it ended with {ended.si_status}:\n{self.said()}")

    @contextlib.contextmanager
    def frozen(self):
        """Stopped by SIGSTOP meanwhile; its group must not have taken it for dead."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)
        if time.monotonic() - begun > FROZEN_S_MAX:
            raise RuntimeError("it was frozen for so long that its group takes it for dead")

    def cpu_us(self):
        """CPU that it has used so far, user and system, all its threads, ended ones too."""
        return time.clock_gettime_ns(~self.process.pid << 3 | EVERY_THREAD) / 1000

    def wait(self, timeout_s):
        """Its CPU in microseconds, once it has ended; by force if that takes too long."""
        deadline = time.monotonic() + timeout_s
        while True:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                self.process.kill()
            time.sleep(LOOK_S)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return int((usage.ru_utime + usage.ru_stime) * 1e6)

    def peak_kib(self):
        """The most memory that it has had in RAM so far. What the kernel says after its end counts the
        bench's own memory, of which the process was a copy for a moment."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M).group(1))

    def end(self):
        """Ends it with SIGTERM; its CPU in microseconds and its peak memory in KiB."""
        self.check()
        peak_kib = self.peak_kib()
        self.process.terminate()
        return self.wait(END_TIMEOUT_S), peak_kib


class Router(Process):
    """`turnout run` on a config in a directory of its own. `sink` None: the default; `through`: a command
    that starts it."""

    def __init__(self, bootstrap, rules, delivery, group, sink=None, workers=1, through=()):
        self._directory = tempfile.TemporaryDirectory(prefix="turnout-bench-")
        directory = Path(self._directory.name)
        rules.write(directory / "rules")
        self.address = f"127.0.0.1:{kafka.free_port()}"
        self.state_directory = directory / "state"
        config = {"brokers": bootstrap, "rules": str(directory / "rules"), "delivery": delivery,
                  "source": {"topic": common.SOURCE, "group": group, "partitioned_by": pipeline_rules.KEY},
                  "instance": "bench", "workers": workers, "listen": self.address,
                  "state_dir": str(self.state_directory),
                  "dead_letter_topic": f"{common.SOURCE}.dead-letter",
                  "log": {"format": "text", "level": "info"}, **({"sink": sink} if sink else {})}
        (directory / "pipeline.yaml").write_text(json.dumps(config, indent=1))
        super().__init__([*through, common.program("turnout"), "run",
                          "--config", str(directory / "pipeline.yaml")], directory)

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            self.check()
            try:
                with urllib.request.urlopen(f"http://{self.address}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"the router was not ready in {READY_TIMEOUT_S} s:\n{self.said()}")

    def metric(self, name):
        """A metric that has no labels."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=READY_TIMEOUT_S) as answer:
            text = answer.read().decode()
        return float(re.search(rf"^{name} (\S+)", text, re.M).group(1))

    def transactions(self):
        """How many it has committed so far."""
        return int(self.metric("turnout_transactions_committed_total"))

    def end(self):
        used = super().end()
        if self.process.returncode != 0:
            raise RuntimeError(f"the router ended with {self.process.returncode}:\n{self.said()}")
        return used

    def __exit__(self, *_):
        super().__exit__()
        self._directory.cleanup()
