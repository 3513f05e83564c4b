#!/usr/bin/python3
"""Runs every libFuzzer target of a build directory for a while, two at a time.

    tests/fuzz/run.py build/asan

A target NAME_fuzz starts from the seeds in tests/fuzz/corpus/NAME and from what earlier runs found
(build/fuzz-corpus/NAME, kept and minimised as it goes), with the words of tests/fuzz/corpus/NAME.dict
if there is one. TURNOUT_FUZZ_SECONDS (25) is how long each
runs; an input that fails is kept in build/fuzz-failures and printed.
"""
import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDS = ROOT / "tests" / "fuzz" / "corpus"
KEPT = ROOT / "build" / "fuzz-corpus"
FAILURES = ROOT / "build" / "fuzz-failures"
AT_A_TIME = 2
# One input: how large, how long, how much memory.
INPUT_BYTES_MAX = 8192
INPUT_SECONDS_MAX = 10
MEMORY_MIB_MAX = 2048
GRACE_S = 120  # for starting up and reading the corpus


def run(target, seconds):
    """Status and output of one target's run."""
    name = target.name.removesuffix("_fuzz")
    kept = KEPT / name
    kept.mkdir(parents=True, exist_ok=True)
    corpora = [str(kept)] + [str(path) for path in [SEEDS / name] if path.is_dir()]
    command = [str(target), f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}",
               f"-timeout={INPUT_SECONDS_MAX}", f"-rss_limit_mb={MEMORY_MIB_MAX}",
               f"-artifact_prefix={FAILURES}/{name}-", "-print_final_stats=1", *corpora]
    words = SEEDS / f"{name}.dict"
    if words.is_file():
        command.insert(1, f"-dict={words}")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=seconds + GRACE_S)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return 1, f"{(late.stdout or b'').decode(errors='replace')}\nstopped: it went on too long"


def executions(output):
    """How many inputs it tried; 0 when it does not say, which is as good as a failure."""
    for line in output.splitlines():
        if line.startswith("stat::number_of_executed_units:"):
            return int(line.split()[1])
    return 0


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    seconds = int(os.environ.get("TURNOUT_FUZZ_SECONDS", "25"))
    targets = sorted(path for path in Path(sys.argv[1]).rglob("*_fuzz")
                     if path.is_file() and os.access(path, os.X_OK))
    FAILURES.mkdir(parents=True, exist_ok=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for target, (status, output) in zip(targets, pool.map(lambda t: run(t, seconds), targets)):
            tried = executions(output)
            if status != 0 or tried == 0:
                failed += 1
                print(f"{target.name}: FAILED with {status} after {tried} inputs\n{output[-8000:]}")
            else:
                print(f"{target.name}: {tried} inputs in {seconds} s", flush=True)
    print(f"{len(targets) - failed} passed, {failed} failed")
    return 1 if failed or not targets else 0


if __name__ == "__main__":
    sys.exit(main())
