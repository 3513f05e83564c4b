"""A newer librdkafka of the same ABI than the one that Debian has: that of PyPI's `confluent-kafka`
wheel, fetched by pip once into ${TURNOUT_CACHE:-~/.cache/turnout}.

Errors: RuntimeError with what pip said. Threads and processes: any; one fetches, others wait.
"""
import subprocess
import sys
import zipfile

import maven

VERSION = "2.16.1"  # of the wheel
LIBRARY = "2.16.0"  # ... and of what it carries


def directory():
    """With a librdkafka.so.1 in it, for LD_LIBRARY_PATH."""
    return maven.cached(f"librdkafka-{VERSION}", _fill)


def _fill(fresh):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
         "--only-binary=:all:", "-d", fresh, f"confluent-kafka=={VERSION}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"pip could not fetch confluent-kafka {VERSION}:\n{done.stdout}")
    wheel, = fresh.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        name, = (name for name in packed.namelist()
                 if name.startswith("confluent_kafka.libs/librdkafka-"))
        (fresh / "librdkafka.so.1").write_bytes(packed.read(name))
    wheel.unlink()
