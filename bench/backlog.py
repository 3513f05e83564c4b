"""A backlog of events, what a group needs to work it off, and whether what came of it is right."""
import time

import common
import progress
import topics
from confluent_kafka import Consumer, TopicPartition

PARTITIONS = 4


def create_topics(bootstrap, *names):
    """The source, the dead-letter topic and those named."""
    topics.create(bootstrap, [common.SOURCE], PARTITIONS)
    topics.create(bootstrap, [f"{common.SOURCE}.dead-letter", *names])


def load_words(bootstrap, rules, events, attributes, seed=common.SEED, rate=0):
    """The program that produces so many events and notes their attributes in that file, and its words:
    as fast as it goes, or at a rate."""
    return ["bench_preload", "--brokers", bootstrap, "--topic", common.SOURCE, "--events", str(events),
            "--types", str(rules.types), "--seed", str(seed), "--rate", str(rate),
            "--attributes", str(attributes)]


def load(bootstrap, rules, events, attributes, seed=common.SEED):
    common.say(f"loading {events} events")
    common.run(*load_words(bootstrap, rules, events, attributes, seed))


def drain(start, broker, group, events):
    """What `start()`, a process of that group, takes to commit all of the events. CPU is that of the
    whole process, start and end included; the broker's is of the same time."""
    broker_cpu_s = broker.cpu_seconds()
    with start() as running:
        committed = progress.Progress(broker.bootstrap, group, PARTITIONS)
        try:
            rate = progress.watch(committed, events, running.check)
        finally:
            committed.close()
        broker_cpu_s = broker.cpu_seconds() - broker_cpu_s
        cpu_us, peak_kib = running.end()
    return {"cpu_us": cpu_us / events, "broker_cpu_us": broker_cpu_s * 1e6 / events,
            "events_per_s": rate, "peak_mib": peak_kib // 1024}


class Reader:
    """What comes to topics of one partition, as a read-committed consumer sees it; goes on where it
    stopped."""

    def __init__(self, bootstrap, names):
        self._places = {name: place for place, name in enumerate(names)}
        self._bootstrap = bootstrap
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-outputs",
                                   "enable.auto.commit": False, "log_level": 0,
                                   "isolation.level": "read_committed",
                                   "queued.min.messages": 100_000})
        self._consumer.assign([TopicPartition(name, 0, 0) for name in names])

    def read(self, count, quiet_s=2, stall_s=20):
        """Each record's topic, by its place among the names, and value: at least `count`, then all that
        comes until nothing has for `quiet_s`; fewer if nothing comes for `stall_s`."""
        topics.wait_until_settled(self._bootstrap, list(self._places)[:1])
        heard, read = time.monotonic(), 0
        while time.monotonic() - heard < (quiet_s if read >= count else stall_s):
            for message in self._consumer.consume(10_000, timeout=0.2):
                if message.error():
                    raise RuntimeError(str(message.error()))
                read += 1
                heard = time.monotonic()
                yield self._places[message.topic()], message.value()

    def close(self):
        self._consumer.close()


class Counter(Reader):
    """Holds the number of records of each topic against what must have come."""

    def __init__(self, bootstrap, names):
        super().__init__(bootstrap, names)
        self._names = names

    def check(self, must):
        """RuntimeError unless the first topics got so many each, and all others none, since the last
        look."""
        must = must + [0] * (len(self._names) - len(must))
        found = [0] * len(self._names)
        for place, _ in self.read(sum(must)):
            found[place] += 1
        wrong = common.differences(must, found)
        if wrong:
            raise RuntimeError("the answer is wrong:\n  " + "\n  ".join(wrong[:10]))
