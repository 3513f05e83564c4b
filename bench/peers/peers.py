"""What the peers' commands share: what they are built from, a peer's answers held against Turnout's,
its figures.

A peer is a program that reads rules and events, writes its answers to a file as `turnout match` prints
them, says `answered`, and measures only once it is told to go on. So no figure comes of a wrong answer.
"""
import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import common  # noqa: E402  (found by the line above)

sys.path.append(str(common.ROOT / "tests" / "support"))

import maven  # noqa: E402

HERE = Path(__file__).resolve().parent
ABSENT = 3  # exit status of a command whose peer cannot be had


class Refused(Exception):
    """Why there is no figure."""


def run(*command, **options):
    """Runs a step of building a peer to its end."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise Refused(f"`{' '.join(map(str, command[:3]))}` ended with {done.returncode}: "
                      f"{' '.join(done.stdout.split())[-500:]}")


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Refused(f"there is no {program} here")


def jars(name, version, pom):
    """The directory of the cache with what `pom` names, filled by Maven the first time."""
    try:
        return maven.fetch(name, version, pom)
    except RuntimeError as problem:
        raise Refused(" ".join(str(problem).split())[-500:]) from problem


def turnout_answers(rules, events, out):
    with open(out, "wb") as file:
        done = subprocess.run([common.program("turnout"), "match", "--rules", rules, "--events", events],
                              stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Refused(f"turnout match ended with {done.returncode}: {done.stderr.strip()}")


def answers(path):
    """Lines of answers; a peer's words for what is wrong with an event are its own."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield '{"error"}' if line.startswith('{"error"') else line.rstrip("\n")


def difference(turnout, peer):
    """The first event that the two answer differently, in words; None when there is none."""
    for number, (ours, theirs) in enumerate(itertools.zip_longest(answers(turnout), answers(peer)), 1):
        if ours != theirs:
            return f"event {number}: turnout says {ours}, the peer says {theirs}"
    return None


def measure(command, rules, events, timeout_s):
    """The peer's figures, once its answers are those of `turnout match`. Raises Refused."""
    with tempfile.TemporaryDirectory(prefix="turnout-peer-") as directory:
        ours, theirs = Path(directory, "turnout"), Path(directory, "peer")
        turnout_answers(rules, events, ours)
        with subprocess.Popen([*command, str(rules), str(events), str(theirs)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            late = threading.Timer(timeout_s, process.kill)
            late.start()
            try:
                said = process.stdout.readline()
                if said.strip() == "answered":
                    found = difference(ours, theirs)
                    if found is not None:
                        process.kill()
                        raise Refused(f"the answers differ: {found}")
                    process.stdin.write("go\n")
                    process.stdin.flush()
                    said = process.stdout.readline()
                errors = process.stderr.read()
                process.wait()
            finally:
                timed_out = not late.is_alive()
                late.cancel()
        if timed_out:
            raise Refused(f"it was not done in {timeout_s} s")
        if process.returncode != 0:
            raise Refused(" ".join(errors.split())[-300:] or f"it ended with {process.returncode}")
        return json.loads(said)


def main(description, prepare):
    """A peer's command line. `prepare` answers the command to run, or raises Refused: it is absent."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rules", required=True, metavar="FILE", help="rules as JSON lines")
    parser.add_argument("--events", required=True, metavar="FILE", help="events, one a line")
    parser.add_argument("--timeout", type=int, default=300, metavar="S")
    settings = parser.parse_args()
    try:
        command = prepare()
    except Refused as absent:
        print(f"absent: {absent}", file=sys.stderr)
        sys.exit(ABSENT)
    if not Path(common.program("turnout")).exists():
        common.build()
    try:
        print(json.dumps(measure(command, settings.rules, settings.events, settings.timeout)))
    except Refused as refused:
        print(f"no figure: {refused}", file=sys.stderr)
        sys.exit(1)
