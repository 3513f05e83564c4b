"""What tests of rules that remember watch while they disturb: which rules took effect where, and
when records of each source partition arrived.

Threads: each watch has one of its own, ended by `end`.
"""
import collections
import re
import threading
import time

import kafka_protocol
import topics
from oracle import SOURCE
from step_oracle import Phase

NOTES_EVERY_S = 0.4


class _Watch:
    def __init__(self):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self):
        self._stop.set()
        self._thread.join(30)


class RulesWatch(_Watch):
    """Reads the notes beside the committed offsets again and again: they name the rule sets, and
    since when each is in force, but forget those that a checkpoint has made unneeded.

    A router looks for changed rules now and then, so a partition that moves may go back to the
    rules before for a moment: what counts is what the notes say, partition by partition."""

    def __init__(self, kafka, group, source, partitions):
        self._asked = kafka, group, source, partitions
        self._seen = collections.defaultdict(dict)  # partition: {since: hash}
        self._first_seen = []  # (moment, hash), a line each time that rules take effect somewhere
        super().__init__()

    def look(self):
        kafka, group, source, partitions = self._asked
        notes = kafka_protocol.committed_notes(kafka.admin_port, group, source, partitions)
        for partition, (_, note) in notes.items():
            for name, since in re.findall(r"([0-9a-f]{16})@(\d+)", note.split("rules=")[-1]):
                if int(since) not in self._seen[partition]:
                    self._seen[partition][int(since)] = name
                    self._first_seen.append((time.monotonic(), name))

    def spans(self):
        """Partition to (offset, rule set in force from there on), ascending."""
        self.look()
        return {partition: sorted(seen.items()) for partition, seen in self._seen.items()}

    def names(self, since=0.0):
        """Rule sets that took effect somewhere since that moment, the first ones first."""
        return list(dict.fromkeys(name for at, name in list(self._first_seen) if at >= since))

    def phases(self, kinds):
        """The oracle's Phases, given different teams in the order in which they were first in
        force."""
        self.look()
        names = self.names()
        assert len(names) == len(kinds), f"the rule sets {names} took effect"
        teams = dict(zip(names, kinds))
        return [Phase(kinds[0], {}, names[0])] + [
            Phase(teams[name], {partition: since}, name)
            for partition, seen in self._seen.items() for since, name in sorted(seen.items())]

    def _run(self):
        while not self._stop.wait(NOTES_EVERY_S):
            try:
                self.look()
            except (OSError, RuntimeError):  # the group moves
                pass


class Arrivals(_Watch):
    """When committed records arrived in some topics, by the source partition that they are of."""

    def __init__(self, bootstrap, names):
        self._asked = bootstrap, names
        self._at = collections.defaultdict(list)  # source partition: moments, ascending
        super().__init__()

    def pause(self, partition, since, until):
        """The longest time without a record of this source partition between two moments."""
        moments = [since] + [at for at in list(self._at[partition]) if since < at < until] + [until]
        return max(after - before for before, after in zip(moments, moments[1:]))

    def _run(self):
        consumer = topics.tail(*self._asked)
        try:
            while not self._stop.is_set():
                for message in consumer.consume(1000, timeout=0.02):
                    now = time.monotonic()
                    if message.error() is None:
                        position = dict(message.headers())[SOURCE].decode()
                        self._at[int(position.split("/")[1])].append(now)
        finally:
            consumer.close()
