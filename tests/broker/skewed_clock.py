"""Another time of day for a program than the machine's, which may be set while it runs: `skewed_clock.c`,
built and preloaded.

Threads: any.
"""
import os
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "skewed_clock.c"


class SkewedClock:
    def __init__(self, directory):
        library, self._file = directory / "skewed_clock.so", directory / "skew"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        self._file.write_bytes(struct.pack("<q", 0))
        self.environment = {"LD_PRELOAD": str(library), "TURNOUT_TEST_CLOCK": str(self._file)}

    def set(self, seconds):
        """How far it is ahead of the machine's from now on."""
        with open(self._file, "r+b") as file:
            os.pwrite(file.fileno(), struct.pack("<q", seconds), 0)
