"""Jars that tests and benches need, fetched once by Maven into ${TURNOUT_CACHE:-~/.cache/turnout}, and
what else is kept there.

Errors: RuntimeError with what Maven said. Threads and processes: any; one fetches, others wait.
"""
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path


def fetch(name, version, pom):
    """The directory NAME-VERSION with the jars that `pom` names, which takes the version from its
    property NAME.version; filled the first time."""
    def fill(fresh):
        done = subprocess.run(
            ["mvn", "-q", "-B", "-f", pom, f"-D{name}.version={version}",
             "dependency:copy-dependencies", "-DincludeScope=runtime",
             f"-DoutputDirectory={fresh}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"Maven could not fetch {name} {version}:\n{done.stdout}")
    return cached(f"{name}-{version}", fill)


def cached(name, fill):
    """The directory of this name in the cache; the first time, `fill(directory)` fills it, whole or
    not at all."""
    cache = Path(os.environ.get("TURNOUT_CACHE") or Path.home() / ".cache" / "turnout")
    target = cache / name
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.is_dir():  # somebody else's fetch ended while we waited
            return target
        fresh = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=cache))
        try:
            fill(fresh)
            fresh.chmod(0o755)
            fresh.rename(target)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return target
