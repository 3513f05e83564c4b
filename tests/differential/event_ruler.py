"""event-ruler itself: fetched once by Maven, asked in batches by a small Java program.

    EventRuler(build_directory).ask(cases) -> answers, as EventRulerAnswers.java says

The jars come through Maven into ${TURNOUT_CACHE:-~/.cache/turnout}/event-ruler-VERSION, once.
"""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "support"))

import maven  # noqa: E402

VERSION = "2.1.0"
HEAP_MIB = 512
TIMEOUT_S = 900
SOURCE = HERE / "EventRulerAnswers.java"


def missing_tools():
    """The programs without which it can't be asked."""
    return [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]


def fetch():
    """The directory with event-ruler's jars, filled by Maven the first time."""
    return maven.fetch("event-ruler", VERSION, HERE / "pom.xml")


class EventRuler:
    def __init__(self, build):
        classes = Path(build) / "classes"
        classes.mkdir(parents=True, exist_ok=True)
        self._path = f"{fetch()}/*"
        compiled = classes / "EventRulerAnswers.class"
        if not compiled.exists() or compiled.stat().st_mtime < SOURCE.stat().st_mtime:
            subprocess.run(["javac", "-d", classes, "-cp", self._path, SOURCE], check=True)
        self._path += f":{classes}"

    def ask(self, cases):
        """An answer a case, in order."""
        if not cases:
            return []
        with tempfile.TemporaryFile("w+", encoding="utf-8") as questions:
            for case in cases:
                questions.write(json.dumps(case) + "\n")
            questions.seek(0)
            done = subprocess.run(
                ["java", f"-Xmx{HEAP_MIB}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                 "-Dfile.encoding=UTF-8", "-cp", self._path, "EventRulerAnswers"],
                stdin=questions, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        if [answer["id"] for answer in answers] != [case["id"] for case in cases]:
            raise RuntimeError("event-ruler did not answer every case")
        return answers
