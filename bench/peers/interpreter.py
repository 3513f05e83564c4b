"""The peers in Python: their libraries, fetched by pip once, and the command that runs one."""
import hashlib
import sys

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
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    return peers.maven.cached(f"peers-python-{digest}", lambda fresh: peers.run(
        SYSTEM, "-m", "pip", "install", "--quiet", "--target", str(fresh),
        "--requirement", str(REQUIREMENTS)))
