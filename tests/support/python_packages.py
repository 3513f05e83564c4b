"""Python packages that a test runs beside itself, in a virtual environment that pip fills once in
${TURNOUT_CACHE:-~/.cache/turnout}.

Errors: RuntimeError with what pip said. Threads and processes: any; one fetches, others wait.
"""
import hashlib
import subprocess
import sys

import maven


def python_with(name, requirements):
    """The python that has what the file `requirements` names."""
    def fill(fresh):
        for command in ([sys.executable, "-m", "venv", fresh],
                        [fresh / "bin/python", "-m", "pip", "install", "-q",
                         "--disable-pip-version-check", "-r", requirements]):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"pip could not fetch {requirements}:\n{done.stdout}")
    version = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    return maven.cached(f"{name}-{version}", fill) / "bin/python"
