"""A dispatch written by hand for rules of one shape: exact types, exact regions, an interval of amounts.

It is no rule language, which is what it saves: a dict on (type, region) over the event as orjson reads it.
"""
import argparse
import json

import orjson


class Dispatch:
    def __init__(self, path):
        """ValueError if a rule is of another shape."""
        self._wishes = {}  # by type and region: (low, high, topic)
        self.topics = []  # of all rules, each once
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                self._add(json.loads(line))
        self.topics = sorted(set(self.topics))

    def _add(self, rule):
        match = rule["match"]
        (amount,) = match["amount"]
        from_, low, below, high = amount["numeric"]
        if set(match) != {"type", "region", "amount"} or (from_, below) != (">=", "<"):
            raise ValueError(f"this is no rule of type, region and amount: {rule}")
        self.topics.append(rule["to"])
        for kind in match["type"]:
            for region in match["region"]:
                self._wishes.setdefault((kind, region), []).append((low, high, rule["to"]))

    def route(self, value):
        """The topics that an event, its bytes as they came, goes to, each once."""
        event = orjson.loads(value)
        wishes = self._wishes.get((event["type"], event["region"]))
        if not wishes:
            return ()
        amount = event["amount"]
        return {topic for low, high, topic in wishes if low <= amount < high}


def options():
    """What every pipeline is told."""
    parser = argparse.ArgumentParser()
    for name in ("brokers", "topic", "group", "rules", "delivery", "state"):
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args()


# Of librdkafka, which both frameworks use.
CONSUMER = {"isolation.level": "read_committed", "fetch.wait.max.ms": 100, "check.crcs": False,
            "max.partition.fetch.bytes": 4 << 20}
PRODUCER = {"acks": "all", "linger.ms": 5, "batch.size": 1 << 20, "compression.type": "none",
            "queue.buffering.max.messages": 200_000}
