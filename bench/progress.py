"""How far a consumer group has committed the source topic, and how fast it got there."""
import time

import common
from confluent_kafka import Consumer, KafkaException, TopicPartition

RUN_TIMEOUT_S = 600
LOOK_S = 0.05
ANSWER_TIMEOUT_S = 30


class Progress:
    """How far a group has committed the source topic."""

    def __init__(self, bootstrap, group, partitions):
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group,
                                   "enable.auto.commit": False, "log_level": 0})
        self._asked = [TopicPartition(common.SOURCE, part) for part in range(partitions)]

    def committed(self):
        """0 while the broker is still looking for the group's coordinator."""
        try:
            return sum(max(found.offset, 0)
                       for found in self._consumer.committed(self._asked, timeout=10))
        except KafkaException:
            return 0

    def lag(self):
        """Events that are there and not committed."""
        committed = self.committed()  # first: what comes meanwhile waits
        return sum(map(self._end, self._asked)) - committed

    def _end(self, part):
        """Asks again of a broker that is busy for a moment: the load goes on meanwhile."""
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            try:
                return self._consumer.get_watermark_offsets(part, timeout=10)[1]
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_S)

    def close(self):
        self._consumer.close()


def watch(progress, events, check):
    """Waits until all is committed; events a second between the first sight of progress and the end.
    `check` is called at each look and may raise."""
    deadline = time.monotonic() + RUN_TIMEOUT_S
    first = None
    while True:
        committed, now = progress.committed(), time.monotonic()
        if first is None and committed > 0:
            first = (committed, now)
        if committed >= events:
            break
        if now > deadline:
            raise RuntimeError(f"{committed} of {events} events committed after {RUN_TIMEOUT_S} s")
        check()
        time.sleep(LOOK_S)
    # All in one sight: too few events for a rate.
    return (events - first[0]) / (now - first[1]) if now > first[1] else None
