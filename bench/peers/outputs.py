"""What destinations hold, held against what they must: no peer's figure counts before.

An event is known by its number, which its `id` carries and which is its place in the load.
"""
import collections
import time

from confluent_kafka import Consumer, TopicPartition

HEAD = b'{"id":"e-'
ID_DIGITS = 12
NAMED_MAX = 3


def number_of(value):
    """The event's number; ValueError if this is no whole event of the load's."""
    if not value.startswith(HEAD) or not value.endswith(b'"}'):
        raise ValueError(f"an output is no event of the load: {value[:40]!r}")
    return int(value[len(HEAD):len(HEAD) + ID_DIGITS])


def expected(rules, attributes):
    """The numbers of the events that each destination must get, once each."""
    numbers = [[] for _ in range(rules.destinations)]
    for number, destinations in enumerate(rules.reached(attributes), 1):
        for destination in destinations:
            numbers[destination].append(number)
    return numbers


def differences(must, found):
    """Destinations that lack an event or have one too many, in words; empty when all is right."""
    wrong = []
    for destination, (want, have) in enumerate(zip(must, found)):
        want, have = collections.Counter(want), collections.Counter(have)
        for what, numbers in (("lacks", want - have), ("should not have", have - want)):
            if numbers:
                wrong.append(f"destination {destination} {what} {numbers.total()} records, "
                             f"of events {sorted(numbers)[:NAMED_MAX]}")
    return wrong


class Outputs:
    """What comes to the destinations, as a read-committed consumer sees it; goes on where it stopped."""

    def __init__(self, bootstrap, names):
        self._places = {name: place for place, name in enumerate(names)}
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "peers-outputs",
                                   "enable.auto.commit": False, "log_level": 0,
                                   "isolation.level": "read_committed",
                                   "queued.min.messages": 100_000})
        self._consumer.assign([TopicPartition(name, 0, 0) for name in names])

    def read(self, count, quiet_s=2, stall_s=20):
        """Event numbers of each destination: at least `count` of them, then all that comes until
        nothing has for `quiet_s`; fewer if nothing comes for `stall_s`."""
        found = [[] for _ in self._places]
        heard, read = time.monotonic(), 0
        while time.monotonic() - heard < (quiet_s if read >= count else stall_s):
            for message in self._consumer.consume(10_000, timeout=0.2):
                if message.error():
                    raise RuntimeError(str(message.error()))
                found[self._places[message.topic()]].append(number_of(message.value()))
                read += 1
                heard = time.monotonic()
        return found

    def check(self, must):
        """RuntimeError unless the destinations got these, and nothing else, since the last look."""
        wrong = differences(must, self.read(sum(map(len, must))))
        if wrong:
            raise RuntimeError("the answer is wrong:\n  " + "\n  ".join(wrong[:10]))

    def close(self):
        self._consumer.close()
