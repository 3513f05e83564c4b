"""What a test is handed: a broker shared by all, names of its own, routers, rule files, the oracle.

A test is a function of one Stage. Everything it started is ended when it returns; its directory is
removed unless it failed (or --keep-logs).
"""
import json
import random
import threading
import time
from pathlib import Path

import events
import mounted_rules
import topics
from evidence import Evidence, Judged
from kafka import VERSION, Kafka
from oracle import Oracle, is_shadow
from router_process import RouterProcess
from too_late import TooLate

RULES = Path(__file__).resolve().parent / "rules"
SESSION_TIMEOUT_S = 6
SINKS = ("librdkafka", "batch")


def alone(test):
    """Marks a test whose figures are a quiet machine's: it runs beside no other."""
    test.is_alone = True
    return test


def is_alone(test):
    return getattr(test, "is_alone", False)


class SharedBroker:
    """The broker that all tests of a lane use, started when the first asks and again if one left it
    dead; one of each version that is asked for, and what several tests share beside."""

    def __init__(self, directory):
        self._directory = directory
        self._by_version = {}
        self._others = {}

    def other(self, name, make):
        """What `make(directory)` made for the first that asked, whole again."""
        if name not in self._others:
            self._others[name] = make(f"{self._directory}-{name}")
        self._others[name].start()
        return self._others[name]

    def get(self, version):
        if version not in self._by_version:
            self._by_version[version] = Kafka(
                f"{self._directory}-{version}", version=version, lives_briefly=version != VERSION)
        kafka = self._by_version[version]
        if kafka.pid is None:
            kafka.start()
        return kafka

    def close(self):
        for kafka in [*self._by_version.values(), *self._others.values()]:
            kafka.close()


class Stage:
    def __init__(self, name, binary, directory, shared, seed, scale=1, sink="batch", turn=1):
        """`turn` tells this run of the test from others on the same broker."""
        self.name = name
        self.sink = sink  # that routers produce with, unless a test says otherwise
        self.kafka_version = VERSION
        self.scale = scale  # how much longer the load lasts than in a usual run
        self.binary = binary
        self.directory = Path(directory)
        self.seed = seed
        self.chance = random.Random(seed)
        self.turn = turn
        self.prefix = (f"turn-{turn}." if turn > 1 else "") + name.replace("_", "-")[:60]
        self.evidence = Evidence(self.directory, self.prefix)
        self._routers = []
        self._shared = shared
        self._kafka = None
        self._closers = []

    @property
    def kafka(self):
        if self._kafka is None:
            self._kafka = self._shared.get(self.kafka_version)
        return self._kafka

    def use(self, kafka):
        """From here on this test has a broker of its own."""
        self._kafka = kafka
        self._closers.append(kafka.close)
        kafka.start()
        return kafka

    def use_shared(self, name, make):
        """From here on this test uses brokers that others have used before, or will."""
        self._kafka = self._shared.other(name, make)
        return self._kafka

    def shared(self, name, make):
        """What is no broker, and other tests have used before, or will."""
        return self._shared.other(name, make)

    def beside(self, sink):
        """Another stage on the same broker: names, load, routers with this sink and judgement of
        its own."""
        other = Stage(f"{sink}_{self.name}", self.binary, self.directory / sink, self._shared,
                      self.seed, self.scale, sink, self.turn)
        other._kafka = self.kafka
        other._routers = self._routers
        other.evidence = Evidence(self.directory, other.prefix)
        self._closers.append(other.close)
        return other

    def at_end(self, close):
        """Calls `close` when the test has ended, after all that was started later."""
        self._closers.append(close)

    @property
    def bootstrap(self):
        """Where the test itself may do everything."""
        return self.kafka.admin_bootstrap

    # Names. `@` in a rule file stands for the test's own prefix.

    @property
    def source(self):
        return f"{self.prefix}.events"

    @property
    def dead_letters(self):
        return f"{self.prefix}.events.dead-letter"

    @property
    def group(self):
        return f"{self.prefix}.turnout"

    @property
    def logs(self):
        """Files of what the routers, and then the brokers, have logged."""
        brokers = self._kafka.log_files if self._kafka else []
        return [router.log_file for router in self._routers] + brokers

    def say(self, text):
        """A line for the person who watches."""
        print(f"    {text}", flush=True)

    # Rules.

    def teams(self, *names, directory=RULES):
        """Rule files of tests/broker/rules as parsed JSON, with this test's topic names."""
        return [json.loads((directory / f"{name}.json").read_text().replace("@", self.prefix))
                for name in names or ("fraud", "growth", "search")]

    def write_rules(self, teams, directory="rules"):
        """Writes rule files, one a team, and returns the directory. All are there at once, as those
        of a mounted ConfigMap are; those of other teams stay."""
        rules = self.directory / directory
        rules.mkdir(parents=True, exist_ok=True)
        mounted_rules.publish(rules, {**mounted_rules.published(rules), **{
            f"{team['team']}.json": json.dumps(team, indent=1) for team in teams}})
        return rules

    def destinations(self, teams):
        """Every topic that these teams write to; a rule in shadow writes to none."""
        found = []
        for team in teams:
            for rule in team["rules"]:
                if is_shadow(rule):
                    continue
                for to in rule["to"] if isinstance(rule["to"], list) else [rule["to"]]:
                    found += ([to.replace("{region}", region) for region in events.REGIONS]
                              if "{region}" in to else [to])
        return sorted(set(found))

    def make_topics(self, teams, source_partitions=4, partitions=3):
        topics.create(self.bootstrap, self.source, source_partitions)
        topics.create(self.bootstrap, self.destinations(teams) + [self.dead_letters], partitions)

    # Routers.

    def router(self, name="router", rules=None, **config):
        """A router with the usual config, changed by `config` (nested dicts are merged)."""
        whole = {
            "brokers": self.kafka.bootstrap,
            "source": {"topic": self.source, "group": self.group,
                       "session_timeout": f"{SESSION_TIMEOUT_S}s"},
            "rules": str(rules or self.directory / "rules"),
            "instance": name,
            "sink": self.sink,
            "limits": {"transaction_timeout": "10s", "destination_recheck": "1s"},
            "log": {"format": "text", "level": "info"},
        }
        for key, value in config.items():
            if isinstance(value, dict):
                whole[key] = {**whole.get(key, {}), **value}
            else:
                whole[key] = value
        properties = getattr(self.kafka, "client_properties", None)
        if properties:
            whole["kafka"] = {**properties, **whole.get("kafka", {})}
        router = RouterProcess(self.binary, self.directory / name, whole)
        if properties:
            self.kafka.place(router)
        self._routers.append(router)
        self._closers.append(router.close)
        return router

    def set_offsets(self, partition, *how):
        """As an operator would, with Kafka's own tool; nobody may be in the group."""
        self.kafka.tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
                        "--bootstrap-server", self.bootstrap, "--group", self.group,
                        "--topic", f"{self.source}:{partition}", "--reset-offsets", "--execute",
                        *how)

    def delete_records(self, partition, before):
        """The source's partition begins there from here on."""
        asked = self.directory / "delete.json"
        asked.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": self.source, "partition": partition, "offset": before}]}))
        self.kafka.tool("org.apache.kafka.tools.DeleteRecordsCommand", "--bootstrap-server",
                        self.bootstrap, "--offset-json-file", asked)

    # Load.

    def produce(self, records, rate=None):
        return topics.produce(self.bootstrap, self.source, records, rate)

    def flow(self, records, rate=None):
        """Produces in the background; the Flow's `join` says how many there were."""
        flow = Flow(self.bootstrap, self.source, records, rate)
        self._closers.append(flow.cancel)
        return flow

    # Judgement.

    def consumed(self, timeout_s=60, beat=None):
        """All is routed, and nothing waits any more for a destination that was unwell."""
        topics.wait_until_consumed(self.bootstrap, self.group, self.source, timeout_s, beat)
        for router in self._routers:
            if router.is_running():
                router.wait_until("all that was parked being sent on",
                                  lambda: router.metric("turnout_outputs_waiting") == 0,  # noqa: B023
                                  timeout_s)

    def check(self, teams, oracle=None, destinations=None):
        """Reads the source and all destinations to their ends; fails unless all is as it should be."""
        oracle = oracle or Oracle(teams, self.dead_letters)
        names = destinations or self.destinations(teams) + [self.dead_letters]
        topics.wait_until_settled(self.bootstrap, names)
        source = topics.read(self.bootstrap, self.source)[self.source]
        self.hold(oracle, oracle.expected(source), names, source)

    def hold(self, oracle, due, names, source=None):
        """Reads these destinations, says what the oracle finds in them, of so many events, and fails
        unless something was due and nothing is at fault. What a fault leaves is kept as evidence."""
        known = topics.existing(self.bootstrap)
        partitions = {name: known[name] for name in names}
        found = topics.read(self.bootstrap, names)
        verdict = oracle.judge(due, found, partitions)
        self.say(str(verdict) if source is None else f"events {len(source)}, {verdict}")
        if verdict.faults() > 0:
            self.evidence.of_faults(Judged(oracle, due, found, partitions, verdict), self.kafka,
                                    self.group)
        assert verdict.expected > 0, "nothing was expected: this test would prove nothing"
        assert verdict.faults() == 0, f"{verdict}\n{verdict.details()}"

    def close(self):
        for closer in reversed(self._closers):
            closer()


class Flow:
    """Events being produced at a rate, in a thread of their own."""

    def __init__(self, bootstrap, topic, records, rate):
        self._stop = threading.Event()
        self._count, self._problem = None, None
        self._thread = threading.Thread(target=self._run, args=(bootstrap, topic, records, rate),
                                        daemon=True)
        self.begun = time.monotonic()
        self._thread.start()

    def _run(self, bootstrap, topic, records, rate):
        try:
            self._count = topics.produce(bootstrap, topic, records, rate, self._stop)
        except Exception as problem:  # told to whoever joins
            self._problem = problem

    def is_flowing(self):
        return self._thread.is_alive()

    def join(self, timeout_s=300):
        self._thread.join(timeout_s)
        if self.is_flowing():
            raise TooLate(f"the load did not end in {timeout_s} s")
        if self._problem:
            raise self._problem
        return self._count

    def end(self):
        """Stops producing, after what was given to the producer so far."""
        self._stop.set()
        return self.join()

    def cancel(self):
        self._stop.set()
        self._thread.join(30)
