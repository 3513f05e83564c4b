"""The peers in Python: their libraries, fetched by pip once, and the command that runs one."""
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import peers

SYSTEM = "/usr/bin/python3"
PYTHON = peers.HERE / "python"
REQUIREMENTS = PYTHON / "requirements.txt"


def command(script, *libraries):
    """A command that runs `script`, and versions. Raises peers.Refused."""
    peers.need(SYSTEM)
    versions = dict(line.split("==") for line in REQUIREMENTS.read_text().split())
    return (["env", f"PYTHONPATH={_packages()}", SYSTEM, str(PYTHON / script)],
            {**{name: versions[name] for name in libraries}, "python": sys.version.split()[0]})


def _packages():
    """The directory of the cache with what the requirements name, filled by pip the first time."""
    cache = Path(os.environ.get("TURNOUT_CACHE") or Path.home() / ".cache" / "turnout")
    target = cache / f"peers-python-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=cache))
    try:
        peers.run(SYSTEM, "-m", "pip", "install", "--quiet", "--target", str(fresh),
                  "--requirement", str(REQUIREMENTS))
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target
