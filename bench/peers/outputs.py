"""What destinations hold, held against what they must: no peer's figure counts before.

An event is known by its number, which its `id` carries and which is its place in the load.
"""
import collections

import backlog

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


class Outputs(backlog.Reader):
    def check(self, must):
        """RuntimeError unless the topics got these events, and nothing else, since the last look."""
        found = [[] for _ in must]
        for place, value in self.read(sum(map(len, must))):
            found[place].append(number_of(value))
        wrong = differences(must, found)
        if wrong:
            raise RuntimeError("the answer is wrong:\n  " + "\n  ".join(wrong[:10]))
