"""The rules of the benches that run a whole pipeline, and the right answer to them.

The answer is worked out here from the attributes that the load wrote down (type, region, amount and
customer of each event, bench/events.h) and the same rules: no code of the router's takes part. What
steps make of them is said by the tests' own account of steps (tests/broker/step_oracle.py).
"""
import array
import json
import random
from pathlib import Path

import common
import step_oracle

REGIONS = 10
REGIONS_A_RULE = 3
AMOUNT_CENTS_MAX = 100_000
DESTINATIONS_AN_EVENT = 1.5  # aimed at, on average
RULES_A_TYPE = 20
TEAMS = 10
KEY = "customer.id"  # of the records, so what the source is partitioned by
LATENESS_MS = 10_000  # the router's default
THRESHOLD_COUNT = 3


class Rules:
    """`count` rules of ten teams over `destinations` topics: each asks for one type, three regions and
    a range of amounts, wide enough that an event reaches about 1.5 destinations on average."""

    def __init__(self, count, destinations, prefix):
        chance = random.Random(common.SEED)
        self.types = max(1, count // RULES_A_TYPE)
        self.destinations = destinations
        self.prefix = prefix
        a_type = count / self.types
        share = min(1.0, DESTINATIONS_AN_EVENT / (a_type * REGIONS_A_RULE / REGIONS))
        width = int(share * AMOUNT_CENTS_MAX)
        self.rules = []
        for number in range(count):
            low = chance.randrange(0, AMOUNT_CENTS_MAX - width + 1)
            self.rules.append({
                "type": number % self.types,
                "regions": chance.sample(range(REGIONS), REGIONS_A_RULE),
                "low": low, "high": low + width,
                # Rules of one type go to different destinations, as far as there are enough.
                "destination": (number // self.types + number % self.types * 7) % destinations})

    def patterns(self):
        """Of each rule: its name, its pattern and the topic it sends to."""
        for number, rule in enumerate(self.rules):
            yield {"name": f"rule-{number}",
                   "match": {"type": [f"shop.type-{rule['type']}"],
                             "region": region_names(rule["regions"]),
                             "amount": [{"numeric": [">=", rule["low"] / 100,
                                                     "<", rule["high"] / 100]}]},
                   "to": f"{self.prefix}{rule['destination']}"}

    def write(self, directory):
        """One JSON file a team; a destination belongs to one team."""
        teams = {}
        for rule, pattern in zip(self.rules, self.patterns()):
            teams.setdefault(rule["destination"] % TEAMS, []).append(pattern)
        for team, rules in teams.items():
            self.write_team(directory, f"team-{team}", rules)

    def write_team(self, directory, team, rules):
        Path(directory).mkdir(parents=True, exist_ok=True)
        text = json.dumps({"team": team, "owner": f"{team}@example.com",
                           "destinations": [f"{self.prefix}*"], "rules": rules}, indent=1)
        (Path(directory) / f"{team}.json").write_text(text)

    def reached(self, attributes_file):
        """Of each event, in the order sent, the destinations that must get it."""
        asked = {}
        for rule in self.rules:
            for region in rule["regions"]:
                asked.setdefault((rule["type"], region), []).append(
                    (rule["low"], rule["high"], rule["destination"]))
        for kind, region, amount, _ in attributes(attributes_file):
            yield {destination for low, high, destination in asked.get((kind, region), ())
                   if low <= amount < high}

    def expected(self, attributes_file):
        """Records that each destination must hold, in the order of destinations."""
        counts = [0] * self.destinations
        for destinations in self.reached(attributes_file):
            for destination in destinations:
                counts[destination] += 1
        return counts

    def topics(self):
        return [f"{self.prefix}{number}" for number in range(self.destinations)]


class RememberingRules(Rules):
    """The same, and two rules on top that remember each customer: of the events of `remembered` regions, a
    customer's first within a span goes to one destination more, and the third within it to another.

    `rate`: events a second of the load, by whose records' timestamps time passes; None: all are sent
    within the span.
    """

    def __init__(self, count, destinations, prefix, remembered=REGIONS_A_RULE, span="1d", rate=None):
        super().__init__(count, destinations, prefix)
        self._plain = destinations
        self.destinations = destinations + 2
        self._regions = range(remembered)
        self._rate = rate
        self._steps = [("dedup", {"key": KEY, "for": span}),
                       ("threshold", {"key": KEY, "count": THRESHOLD_COUNT, "within": span})]

    def write(self, directory):
        super().write(directory)
        self.write_team(directory, "team-memory", [
            {"name": kind, "match": {"region": region_names(self._regions)}, "steps": [{kind: options}],
             "to": f"{self.prefix}{self._plain + number}"}
            for number, (kind, options) in enumerate(self._steps)])

    def reached(self, attributes_file):
        """As of rules; customers' events come in order, since a customer has one partition."""
        memories = [step_oracle.STEPS[kind]() for kind, _ in self._steps]
        for event, (destinations, (_, region, _, customer)) in enumerate(
                zip(super().reached(attributes_file), attributes(attributes_file))):
            if region in self._regions:
                time_ms = event * 1000 // self._rate if self._rate else 0
                for number, (memory, (_, options)) in enumerate(zip(memories, self._steps)):
                    if memory.judge(options, customer, time_ms, time_ms - LATENESS_MS,
                                    None) == step_oracle.PASSED:
                        destinations.add(self._plain + number)
            yield destinations


def region_names(numbers):
    return [f"region-{number}" for number in sorted(numbers)]


def attributes(path):
    """Type, region, amount in cents and customer of each event, as bench/events.h lays them out."""
    raw = Path(path).read_bytes()
    small, large = array.array("H", raw), array.array("I", raw)
    for event in range(len(raw) // 12):
        yield (small[6 * event], small[6 * event + 1], large[3 * event + 1], large[3 * event + 2])
