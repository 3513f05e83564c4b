"""Kafka 3.9: its transactions are of the first version, and what holds of 4.3 holds there too.

Partitions and offsets are added to a transaction at its coordinator before they are written, and an
end leaves the producer's epoch as it is.
"""
import signal
import time

import topics
from end_to_end_cases import (both_sinks_leave_the_same_logs,
                              exactly_once_delivery_routes_every_event_once)
from kafka import OLD_VERSION
from sink_group import judge_both, start_both
from stage import SINKS

FREEZE_TIMEOUT_S = 30


def routers_killed_in_a_transaction_lose_nothing_and_double_nothing(stage):
    """kill -9 of both routers of a group that have written records and not committed them."""
    groups = start_both(stage)
    for group in groups:
        _freeze_in_a_transaction(group)
        for router in group.routers:
            router.kill()
            router.start()
    judge_both(groups)


def _freeze_in_a_transaction(group):
    """Stops the routers in a moment in which the log has records of an open transaction."""
    deadline = time.monotonic() + FREEZE_TIMEOUT_S
    while time.monotonic() < deadline:
        for router in group.routers:
            router.signal(signal.SIGSTOP)
        if topics.unsettled(group.stage.bootstrap, group.destinations):
            return
        for router in group.routers:
            router.signal(signal.SIGCONT)
        time.sleep(group.stage.chance.uniform(0.0, 0.1))
    raise AssertionError(f"no router was met in a transaction in {FREEZE_TIMEOUT_S} s")


def _by_old_kafka(test, sink=None):
    """The same test on a broker of that version, with this sink in the routers."""
    def by_old_kafka(stage):
        stage.kafka_version = OLD_VERSION
        stage.sink = sink or stage.sink
        test(stage)
    by_old_kafka.__name__ = "_".join(filter(None, ["kafka_3_9", sink, test.__name__]))
    by_old_kafka.__doc__ = test.__doc__
    return by_old_kafka


TESTS = [
    _by_old_kafka(both_sinks_leave_the_same_logs),
    *(_by_old_kafka(exactly_once_delivery_routes_every_event_once, sink) for sink in SINKS),
    _by_old_kafka(routers_killed_in_a_transaction_lose_nothing_and_double_nothing),
]
