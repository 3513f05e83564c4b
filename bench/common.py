"""What the benches share: building and running their programs, figures with where they came from."""
import fcntl
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "broker"))

import kafka  # noqa: E402  (found by the line above)

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


def run(name, *words, timeout_s=None):
    """What one of the programs printed; RuntimeError with its complaint unless it ended well."""
    done = subprocess.run([program(name), *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout_s,
                          preexec_fn=kafka.die_with_parent)
    if done.returncode != 0:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


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
