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
    since when each is in force, but forget those that a checkpoint has made unneeded."""

    def __init__(self, kafka, group, source, partitions):
        self._asked = kafka, group, source, partitions
        self._seen = collections.defaultdict(dict)  # partition: {since: hash}
        super().__init__()

    def look(self):
        kafka, group, source, partitions = self._asked
        notes = kafka_protocol.committed_notes(kafka.admin_port, group, source, partitions)
        for partition, (_, note) in notes.items():
            for name, since in re.findall(r"([0-9a-f]{16})@(\d+)", note):
                self._seen[partition][int(since)] = name

    def rounds(self):
        """How many rule sets took effect so far, where most did."""
        return max(map(len, list(self._seen.values())), default=0)

    def phases(self, rounds_of_teams):
        """The oracle's Phases, given the teams that were put in force one after the other."""
        self.look()
        names = max(([name for _, name in sorted(seen.items())] for seen in self._seen.values()),
                    key=len)
        assert len(names) == len(rounds_of_teams), f"only the rule sets {names} took effect in time"
        since = [{} for _ in names]
        for partition, seen in self._seen.items():
            # A partition without an event in between skips rules.
            at = 0
            for offset, name in sorted(seen.items()):
                at = names.index(name, at)
                since[at][partition] = offset
        return [Phase(teams, {} if number == 0 else since[number], names[number])
                for number, teams in enumerate(rounds_of_teams)]

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
