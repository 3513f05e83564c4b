"""What the benches share: building, rules and the right answer to them, a router to run, machine facts.

The answer is worked out here from the attributes that the load wrote down (type, region and amount
of each event, bench/events.h) and the same rules: no code of the router's takes part.
"""
import array
import fcntl
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "broker"))

import kafka  # noqa: E402  (found by the line above)

REGIONS = 10
REGIONS_A_RULE = 3
AMOUNT_CENTS_MAX = 100_000
DESTINATIONS_AN_EVENT = 1.5  # aimed at, on average
RULES_A_TYPE = 20
TEAMS = 10
SOURCE = "bench.events"
SEED = 20261123


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def build(*targets):
    """The release, as it is shipped, and programs of the benches beside it."""
    say("building")
    log = ROOT / "build" / "bench.log"
    log.parent.mkdir(exist_ok=True)
    with open(log, "a") as out:
        fcntl.flock(out, fcntl.LOCK_EX)  # one at a time, of all that run
        out.truncate(0)
        for command in (["cmake", "--preset", "bench"],
                        ["cmake", "--build", "--preset", "bench", "--target", "turnout", *targets]):
            if subprocess.run(command, cwd=ROOT, stdout=out, stderr=out).returncode != 0:
                sys.exit(f"error: the build failed; see {log}")


def write_workloads(directory, names, events):
    """Those of the matcher's workloads, a directory each, with at most `events` events."""
    done = subprocess.run([ROOT / "bench" / "workloads", "--out", directory, "--events", str(events),
                           *names], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit("error: the workloads could not be written")


def program(name):
    return str(ROOT / "build" / "release" / name)


class Rules:
    """`count` rules of ten teams over `destinations` topics: each asks for one type, three regions and
    a range of amounts, wide enough that an event reaches about 1.5 destinations on average."""

    def __init__(self, count, destinations, prefix):
        chance = random.Random(SEED)
        self.types = max(1, count // RULES_A_TYPE)
        self.destinations = destinations
        self.prefix = prefix
        a_type = count / self.types
        share = min(1.0, DESTINATIONS_AN_EVENT / (a_type * REGIONS_A_RULE / REGIONS))
        width = int(share * AMOUNT_CENTS_MAX)
        self.rules = []
        for number in range(count):
            low = chance.randrange(0, AMOUNT_CENTS_MAX - width + 1)
            self.rules.append({
                "type": number % self.types,
                "regions": chance.sample(range(REGIONS), REGIONS_A_RULE),
                "low": low, "high": low + width,
                # Rules of one type go to different destinations, as far as there are enough.
                "destination": (number // self.types + number % self.types * 7) % destinations})

    def patterns(self):
        """Of each rule: its name, its pattern and the topic it sends to."""
        for number, rule in enumerate(self.rules):
            yield {"name": f"rule-{number}",
                   "match": {"type": [f"shop.type-{rule['type']}"],
                             "region": [f"region-{region}" for region in sorted(rule["regions"])],
                             "amount": [{"numeric": [">=", rule["low"] / 100,
                                                     "<", rule["high"] / 100]}]},
                   "to": f"{self.prefix}{rule['destination']}"}

    def write(self, directory):
        """One JSON file a team; a destination belongs to one team."""
        Path(directory).mkdir(parents=True, exist_ok=True)
        teams = {}
        for rule, pattern in zip(self.rules, self.patterns()):
            teams.setdefault(rule["destination"] % TEAMS, []).append(pattern)
        for team, rules in teams.items():
            text = json.dumps({"team": f"team-{team}", "owner": f"team-{team}@example.com",
                               "destinations": [f"{self.prefix}*"], "rules": rules}, indent=1)
            (Path(directory) / f"team-{team}.json").write_text(text)

    def reached(self, attributes_file):
        """Of each event, in the order sent, the destinations that must get it."""
        asked = {}
        for rule in self.rules:
            for region in rule["regions"]:
                asked.setdefault((rule["type"], region), []).append(
                    (rule["low"], rule["high"], rule["destination"]))
        raw = Path(attributes_file).read_bytes()
        small, large = array.array("H", raw), array.array("I", raw)
        for event in range(len(raw) // 8):
            amount = large[2 * event + 1]
            yield {destination for low, high, destination
                   in asked.get((small[4 * event], small[4 * event + 1]), ())
                   if low <= amount < high}

    def expected(self, attributes_file):
        """Records that each destination must hold, in the order of destinations."""
        counts = [0] * self.destinations
        for destinations in self.reached(attributes_file):
            for destination in destinations:
                counts[destination] += 1
        return counts

    def topics(self):
        return [f"{self.prefix}{number}" for number in range(self.destinations)]


class Router:
    """`turnout run` as a process of its own, on a config in a directory of its own."""

    def __init__(self, bootstrap, rules, delivery, group):
        self._directory = tempfile.TemporaryDirectory(prefix="turnout-bench-")
        directory = Path(self._directory.name)
        rules.write(directory / "rules")
        self.address = f"127.0.0.1:{kafka.free_port()}"
        config = {"brokers": bootstrap, "source": {"topic": SOURCE, "group": group},
                  "rules": str(directory / "rules"), "delivery": delivery,
                  "instance": "bench", "listen": self.address,
                  "dead_letter_topic": f"{SOURCE}.dead-letter",
                  "log": {"format": "text", "level": "info"}}
        (directory / "pipeline.yaml").write_text(json.dumps(config, indent=1))
        self.log = directory / "log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [program("turnout"), "run", "--config", str(directory / "pipeline.yaml")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def check(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the router ended with {self.process.returncode}:\n"
                               + self.log.read_text()[-4000:])

    def end(self):
        """Ends it with SIGTERM; its CPU in microseconds and its peak memory in KiB."""
        self.process.terminate()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise RuntimeError(f"the router ended with {self.process.returncode}:\n"
                               + self.log.read_text()[-4000:])
        self._directory.cleanup()
        return int((usage.ru_utime + usage.ru_stime) * 1e6), usage.ru_maxrss

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def facts(**figures):
    """Figures with where, when and from which commit they came."""
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT,
                            capture_output=True, text=True).stdout.strip()
    dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT,
                           capture_output=True, text=True).stdout.strip()
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file
                      if line.startswith("model name")), platform.machine())
    return {**figures, "commit": commit + ("+changes" if dirty else ""),
            "machine": f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
            "load_average": round(os.getloadavg()[0], 1), "date": time.strftime("%Y-%m-%d")}


def write_json(path, figures):
    if path:
        Path(path).write_text(json.dumps(figures, indent=2) + "\n")


def differences(expected, found):
    """Destinations whose count is not the expected one, in words; empty when the answer is right."""
    return [f"destination {number}: {have} records, {want} expected"
            for number, (want, have) in enumerate(zip(expected, found)) if want != have]
