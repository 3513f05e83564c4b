"""The pipelines that bench/peers/run compares: how each is built, started, tuned and ended.

Each is a process that consumes bench.events as the group `peers`, works out where an event goes by
the rules, and produces it there, key, value and headers untouched, until SIGTERM. `tuning` says what
an expert would have set and we did; everything else is the software's default.
"""
import dataclasses
import functools
import json
import subprocess
from pathlib import Path
from typing import Callable

import interpreter
import jvm
import peers

common = peers.common
import running  # noqa: E402  (found by common)

GROUP = "peers"


@dataclasses.dataclass(frozen=True)
class Pipeline:
    key: str
    label: str
    delivery: str                # exactly_once or at_least_once
    tuning: str
    prepare: Callable            # builds it; its command and versions; raises peers.Refused
    options: tuple = ()          # added to the command

    def versions(self):
        return self.prepare()[1]

    def start(self, bootstrap, rules, directory):
        """The running process, over rules written into this directory."""
        path = Path(directory) / "rules.jsonl"
        path.write_text("".join(json.dumps(rule) + "\n" for rule in rules.patterns()))
        command, _ = self.prepare()
        return running.Process([*command, "--brokers", bootstrap, "--topic", common.SOURCE, "--group", GROUP,
                        "--rules", str(path), "--delivery", self.delivery,
                        "--state", str(directory), *self.options], directory)


class Turnout(Pipeline):
    def start(self, bootstrap, rules, directory):
        return running.Router(bootstrap, rules, self.delivery, GROUP)


@functools.cache
def turnout():
    return [common.program("turnout")], {"turnout": "this commit"}


@functools.cache
def java_loop():
    return jvm.compile(jvm.JAVA / "kafka.xml", "JavaLoop", ["JavaLoop.java", "Options.java", "Rules.java"],
                        ["kafka-clients", "event-ruler"])


@functools.cache
def kafka_streams():
    return jvm.compile(jvm.JAVA / "kafka.xml", "StreamsRouter",
                        ["Options.java", "Rules.java", "StreamsRouter.java"],
                        ["kafka-streams", "kafka-clients", "event-ruler"])


@functools.cache
def franz_go():
    """A command over the modules that go.mod names, which the Go command fetches."""
    peers.need("go")
    program = common.ROOT / "build" / "peers" / "franz_go"
    peers.run("go", "build", "-o", str(program), ".", cwd=peers.HERE / "franz_go")
    listed = subprocess.run(["go", "version", "-m", program], capture_output=True, text=True, check=True)
    lines = listed.stdout.splitlines()
    versions = {"go": lines[0].split()[-1].removeprefix("go")}
    for line in lines:
        words = line.split()
        if words[0] == "dep" and words[1].endswith(("/franz-go", "/fastjson")):
            versions[words[1].rsplit("/", 1)[1]] = words[2]
    return [str(program)], versions


@functools.cache
def bytewax():
    return interpreter.command("bytewax_router.py", "bytewax", "orjson", "confluent-kafka")


@functools.cache
def quix():
    return interpreter.command("quix_router.py", "quixstreams", "orjson", "confluent-kafka")


# Its serializers look into what Java 17 closes by default.
FLINK_OPENS = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "time")]


@functools.cache
def flink():
    return jvm.compile(jvm.JAVA / "flink.xml", "FlinkRouter", ["FlinkRouter.java", "Options.java", "Rules.java"],
                        ["flink-streaming-java", "flink-connector-kafka", "kafka-clients", "event-ruler"],
                        FLINK_OPENS)


JVM = (f"heap of {jvm.HEAP_MIB} MiB, parallel collector; a machine of event-ruler a type, the event parsed "
       "once; linger 5 ms, batches of 256 KiB, no compression; fetches of up to 4 MiB a partition")
STREAMS = f"{JVM}; one stream thread, a buffer of 10,000 events a partition, commits every"
FLINK = f"{JVM}; one slot, all operators chained, objects reused, checkpoints every"
GO = ("fastjson with a parser reused, then a dispatch written by hand over type, region and amount, no rule "
      "language; GOGC 400; linger 5 ms, batches of 1 MB, no compression; polls of up to 10,000 events, "
      "each a batch")
PYTHON = ("orjson, then a dict written by hand on type and region, no rule language; linger 5 ms, batches of "
          "1 MiB, no compression; fetches of up to 4 MiB a partition")


def in_both(kind, key, label, tuning, prepare, options=()):
    return [kind(key, label, delivery, tuning, prepare, options)
            for delivery in ("at_least_once", "exactly_once")]


def streams(delivery, commit_ms):
    return Pipeline(f"kafka_streams_{commit_ms}ms", f"Kafka Streams, commits every {commit_ms} ms", delivery,
                    f"{STREAMS} {commit_ms} ms", kafka_streams, ("--commit-ms", str(commit_ms)))


PIPELINES = (
    *in_both(Turnout, "turnout", "Turnout", "its defaults", turnout),
    *in_both(Pipeline, "java_loop", "Java loop, event-ruler",
             f"{JVM}; polls of up to 10,000 events, each a batch", java_loop),
    streams("at_least_once", 100), streams("exactly_once", 100), streams("exactly_once", 10),
    *in_both(Pipeline, "franz_go", "franz-go loop, no rule language", GO, franz_go),
    *in_both(Pipeline, "flink", "Flink DataStream, checkpoints every 1 s", f"{FLINK} 1 s", flink,
             ("--commit-ms", "1000")),
    Pipeline("bytewax", "Bytewax, no rule language", "at_least_once",
             f"{PYTHON}; polls of up to 10,000 events, each a batch", bytewax),
    *in_both(Pipeline, "quix", "Quix Streams, no rule language", f"{PYTHON}; commits every 100 ms", quix),
)

# Peers that were asked for and have no pipeline, and why.
ABSENT = {
    "Redpanda Connect": "its Go module, github.com/redpanda-data/connect/v4, is in part under the Redpanda "
                        "Community License, which is no open-source licence; it was not fetched",
    "franz-go with quamina": "the Go module proxy does not serve quamina.net/go/quamina/v2",
}
