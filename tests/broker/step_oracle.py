"""What steps that remember make of a source topic: dedup, throttle, threshold, aggregate.

Written from the words of router/README.md, not from the router: plain, slow, one partition after
the other, every event in the order of its offset. A partition's memory is one `Task`: its watermark
and, by step and key, what the step keeps. The classes below are one a step, in their order there.

`StepOracle` judges stateful and stateless rules together: it is an Oracle whose rules' steps
remember. Rules may change on the way: its `phases` say from which offset of each partition on which
teams were in force, and under which name, which every output's header is held to.

What the words leave open raises NotImplementedError, so that no test rests on a guess.
Units: milliseconds of event time. `t` is an event's time, `w` its partition's watermark.
"""
import collections
import datetime
import functools
import json
import math
import re
from decimal import Decimal

from oracle import (PASSED, STOPPED, Expected, Feature, Oracle, Unroutable, field_text, in_sample,
                    needed_text)

WINDOWS_CLOSED_MAX = 256  # at one event; which of several rules' come first is nobody's promise
SUM_ITEMS_MAX = 128
SUM_PARTS = 64
DISTINCT_EXACT_MAX = 64
KEY_BYTES_MAX = 1024

Settings = collections.namedtuple("Settings", "time_field lateness ahead_max",
                                  defaults=[None, 10_000, 3_600_000])

# Rules and since when: `since` is a partition's first source offset under them (absent: 0 if the
# first phase, else never); `name` is the rule set's hash, None where the test doesn't know it.
Phase = collections.namedtuple("Phase", "teams since name", defaults=[{}, None])


@functools.lru_cache(maxsize=None)
def duration(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()
    return int(number) * {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]


# Event time.

def time_of_field(value):
    """Milliseconds that a field names, or None if it names no time."""
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?(Z|[+-]\d\d:\d\d)", value):
            return None
        try:
            said = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
        since = said - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return since // datetime.timedelta(milliseconds=1)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return math.floor(value if value >= 1e11 else Decimal(repr(value)) * 1000)


def event_time(record_ms, said_ms, settings, w):
    """The event's time by the watermark before it (None: there is none yet)."""
    t = record_ms
    if said_ms is not None and said_ms <= record_ms + settings.ahead_max:
        t = said_ms
    if t < 0:
        t = 0 if w is None else w + settings.lateness
    return t if w is None else min(t, w + settings.lateness + settings.ahead_max)


# Steps. Each keeps `entries` by key; `judge` answers PASSED, STOPPED or a Feature.

class Dedup:
    def __init__(self):
        self.entries = {}  # key: (time of the event that passed, when that expires)

    def judge(self, options, key, t, w, _):
        span = duration(options["for"])
        entry, expires = self.entries.get(key, (None, 0))
        if entry is None or expires <= w:
            self.entries[key] = t, t + span
            return PASSED
        if abs(t - entry) < span:
            return STOPPED
        if t >= entry + span:
            self.entries[key] = t, t + span
        return PASSED


class Throttle:
    def __init__(self):
        self.entries = {}  # key: (start, events that passed)

    def judge(self, options, key, t, w, _):
        span = duration(options["per"])
        start, count = self.entries.get(key, (None, 0))
        if start is None or start + span <= w or t >= start + span:
            self.entries[key] = t, 1
            return PASSED
        if count >= options["limit"]:
            return STOPPED
        self.entries[key] = start, count + 1
        return PASSED


class Threshold:
    def __init__(self):
        self.newest = {}  # key: time of the newest event that was counted
        self.entries = collections.defaultdict(list)  # key: [(time, amount or value)], ascending

    def judge(self, options, key, t, w, document):
        what = 1
        if "sum" in options:
            what = number_at(document, options["sum"])
            if what is None:
                raise Unroutable(options["sum"])
        if "distinct" in options:
            what = needed_text(document, options["distinct"])
        if t < w:
            return STOPPED
        within = duration(options["within"])
        at_least = options["count"] if "count" in options else options["at_least"]
        newest = max(self.newest.get(key, t), t)
        left = [item for item in self.entries[key] if item[0] > newest - within]
        before = self._measure(options, left)
        if t > newest - within:
            left = sorted(left + [(t, what)], key=lambda item: item[0])
        after = self._measure(options, left)
        if "sum" in options and len(left) > SUM_ITEMS_MAX:
            left = self._joined(left, within)
        self.newest[key], self.entries[key] = newest, left
        crossed = before < at_least or options.get("emit") == "every"
        return PASSED if crossed and after >= at_least else STOPPED

    @staticmethod
    def _measure(options, items):
        if "sum" in options:
            return sum(amount for _, amount in items)
        if "distinct" in options:
            return len({value for _, value in items})
        return len(items)

    @staticmethod
    def _joined(items, within):
        parts = {}
        for time, amount in items:
            part = time * SUM_PARTS // within
            parts[part] = time, parts[part][1] + amount if part in parts else amount
        return [parts[part] for part in sorted(parts)]


class Aggregate:
    def __init__(self):
        self.panes = collections.defaultdict(list)  # key, pane: documents of the counted events
        self.due = set()  # (end, key) of the windows that have an event and have not closed
        self.slides = None  # that the watermark had passed when windows closed last

    def judge(self, options, key, t, w, document):
        window, slide = self._sizes(options)
        pane = t // slide * slide
        if t < w and pane + window <= w:
            return STOPPED
        self.panes[key, pane].append(document)
        if options.get("emit") == "every":
            return Feature(key.encode(), self._value(options, key, pane + slide))
        self.due |= {(end, key) for end in range(pane + slide, pane + window + 1, slide) if end > w}
        return STOPPED

    def close(self, options, w):
        """(end, Feature) of each window that the watermark has passed, in the order they leave.
        Lets go of panes that no window to come looks at."""
        slides = w // self._sizes(options)[1]
        if slides == self.slides:  # no end lies between
            return []
        self.slides = slides
        closing = sorted((end, key.encode(), key) for end, key in self.due if end <= w)
        self.due -= {(end, key) for end, _, key in closing}
        closed = [(end, Feature(name, self._value(options, key, end)))
                  for end, name, key in closing]
        window, _ = self._sizes(options)
        for key, pane in [one for one in self.panes if one[1] + 2 * window <= w]:
            del self.panes[key, pane]
        return closed

    @staticmethod
    def _sizes(options):
        window = duration(options["window"])
        return window, duration(options.get("slide", options["window"]))

    def _value(self, options, key, end):
        window, slide = self._sizes(options)
        documents = [document for pane in range(end - window, end, slide)
                     for document in self.panes.get((key, pane), ())]
        fields = [("key", json.dumps(key)), ("window_start_ms", str(end - window)),
                  ("window_end_ms", str(end))]
        fields += [(name, measured(measure, documents))
                   for name, measure in options["fields"].items()]
        return ("{%s}" % ",".join(f"{json.dumps(name)}:{text}" for name, text in fields)).encode()


def measured(measure, documents):
    """JSON of one field of an aggregate over these events."""
    if measure == "count":
        return str(len(documents))
    (operator, path), = measure.items()
    if operator == "distinct":
        values = {field_text(document, path) for document in documents} - {None}
        if len(values) > DISTINCT_EXACT_MAX:
            raise NotImplementedError("the oracle has no sketch: keep distinct values few")
        return str(len(values))
    numbers = [number_at(document, path) for document in documents]
    numbers = [float(number) for number in numbers if number is not None]
    if operator == "sum":
        return number_text(sum(numbers, 0.0))
    if not numbers:
        return "null"
    if operator == "avg":
        return number_text(sum(numbers) / len(numbers))
    return number_text({"min": min, "max": max}[operator](numbers))


def value_at(document, path):
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def number_at(document, path):
    value = value_at(document, path)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def number_text(number):
    """The shortest text of a double: an integer as one, else the shorter of 0.0001 and 1e-04."""
    if number == int(number):
        if abs(number) >= 2 ** 53:
            raise NotImplementedError("the oracle doesn't spell large numbers")
        return str(int(number))
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    plain = format(Decimal(repr(number)), "f")
    digits, power = "".join(map(str, digits)), len(digits) + exponent - 1
    short = digits[0] + ("." + digits[1:] if digits[1:] else "")
    scientific = f"{'-' * sign}{short}e{'-' if power < 0 else '+'}{abs(power):02}"
    return plain if len(plain) <= len(scientific) else scientific


STEPS = {"dedup": Dedup, "throttle": Throttle, "threshold": Threshold, "aggregate": Aggregate}


def steps_of(teams):
    """Every step that remembers: (its place, its options). The place is its rule's name, its kind,
    and how many of that kind come before it. In the order of the rules' names."""
    found = []
    for team in teams:
        for rule in team["rules"]:
            ordinals = collections.Counter()
            for step in rule.get("steps", ()):
                (kind, options), = step.items()
                if kind in STEPS and "rollout" in rule:
                    raise NotImplementedError("a rollout of a rule that remembers")
                if kind in STEPS:
                    place = f"{team['team']}/{rule['name']}", kind, ordinals[kind]
                    found.append((place, options))
                    ordinals[kind] += 1
    return sorted(found, key=lambda one: one[0][0])


def identity(place, options):
    """As long as it stays, so does what the step remembers, whatever else changes in the rule."""
    shaping = {"dedup": [], "throttle": ["per"], "aggregate": ["window", "slide", "fields"],
               "threshold": ["sum", "distinct", "count", "within"]}[place[1]]
    parts = [options.get(part) for part in shaping]
    if "distinct" in options:
        parts.append(options["at_least"])
    return place, options["key"], json.dumps(parts)


class Task:
    """What one partition of the source remembers."""

    def __init__(self):
        self.watermark = None
        self.steps = []  # (place, options), as steps_of
        self.memory = {}  # by place
        self._identities = {}

    def retain(self, teams):
        """Rules changed: what others remembered is no more."""
        self.steps = steps_of(teams)
        before, self.memory = self.memory, {}
        known, self._identities = self._identities, {}
        for place, options in self.steps:
            self._identities[place] = identity(place, options)
            stays = known.get(place) == self._identities[place]
            self.memory[place] = before[place] if stays else STEPS[place[1]]()


def phase_at(phases, record):
    """The one that was in force where the record stands."""
    in_force = phases[0]
    for phase in phases[1:]:
        if record.offset >= phase.since.get(record.partition, math.inf):
            in_force = phase
    return in_force


class StepOracle(Oracle):
    def __init__(self, phases, dead_letter_topic, settings=Settings(), provenance=True):
        """`phases`: Phases in the order they took effect, or teams that never change."""
        if not isinstance(phases[0], Phase):
            phases = [Phase(phases)]
        super().__init__(phases[0].teams, dead_letter_topic, provenance)
        self.phases = phases
        self.settings = settings
        self._task = self._t = None

    def expected(self, events):
        by_partition = collections.defaultdict(list)
        for event in events:
            by_partition[event.partition].append(event)
        due = []
        for _, of_partition in sorted(by_partition.items()):
            self._task, phase = Task(), None
            for event in sorted(of_partition, key=lambda event: event.offset):
                if phase is not self._phase_at(event):
                    phase = self._phase_at(event)
                    self.teams = phase.teams
                    self._task.retain(phase.teams)
                due += self._of_event(event)
        return due

    def _phase_at(self, event):
        return phase_at(self.phases, event)

    def _of_event(self, event):
        self._move_time(event)
        return self._close_windows(event) + super()._of_event(event)

    def _move_time(self, event):
        said = None
        if self.settings.time_field:
            try:
                said = time_of_field(value_at(json.loads(event.value), self.settings.time_field))
            except ValueError:
                pass
        before = self._task.watermark
        self._t = event_time(event.timestamp_ms, said, self.settings, before)
        after = self._t - self.settings.lateness
        self._task.watermark = after if before is None else max(before, after)

    def _close_windows(self, event):
        closed = []
        for place, options in self._task.steps:
            if place[1] == "aggregate":
                windows = self._task.memory[place].close(options, self._task.watermark)
                for end, feature in windows:
                    closed += [Expected(topic, feature.key, place[0], event, None, feature.value,
                                        end, len(closed) - WINDOWS_CLOSED_MAX)
                               for topic in self._destinations(place[0])]
        if len(closed) > WINDOWS_CLOSED_MAX:
            raise NotImplementedError("more windows than one event closes")
        return closed

    def _destinations(self, name):
        (to,) = [rule["to"] for team in self.teams for rule in team["rules"]
                 if f"{team['team']}/{rule['name']}" == name]
        return to if isinstance(to, list) else [to]

    def _take_steps(self, name, rule, document, begin=0):
        """Those from number `begin` on."""
        outcome, ordinals = PASSED, collections.Counter()
        for number, step in enumerate(rule.get("steps", ())):
            (kind, options), = step.items()
            if number < begin:
                ordinals[kind] += 1
                continue
            if kind == "sample":
                if not in_sample(options, document):
                    return STOPPED
                continue
            key = needed_text(document, options["key"])
            if len(key.encode()) > KEY_BYTES_MAX:
                raise Unroutable(options["key"])
            memory = self._task.memory[name, kind, ordinals[kind]]
            ordinals[kind] += 1
            outcome = memory.judge(options, key, self._t, self._task.watermark, document)
            if outcome == STOPPED:
                return STOPPED
        return outcome

    def _is_rule_set(self, name, event):
        wanted = self._phase_at(event).name
        return name == wanted.encode() if wanted else super()._is_rule_set(name, event)
