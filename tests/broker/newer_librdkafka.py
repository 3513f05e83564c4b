"""A newer librdkafka of the same ABI than the one that Debian has: the image's (deploy/image/librdkafka),
compiled once into ${TURNOUT_CACHE:-~/.cache/turnout}.

Errors: RuntimeError with what the script said. Threads and processes: any; one compiles, others wait.
"""
import functools
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent.parent / "deploy/image/librdkafka"


@functools.lru_cache(maxsize=None)
def directory():
    """With a librdkafka.so.1 in it, for LD_LIBRARY_PATH."""
    done = subprocess.run([SCRIPT], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return Path(done.stdout.strip())


def version():
    return (directory() / "version").read_text().strip()
