"""Judges both hops of rules whose steps keep their state by another key than the source's.

The first hop is judged like any other: each match that has come to such a step is due in the
internal topic once, under the step's key, in the order of the source. What the second hop makes of
it is decided by the internal topic alone, a partition at a time in the order of its offsets: a
header says which event each record is, and which rules go on. So `due` takes the source and the
internal topic as read, and answers with what each should have led to.

Rules may change on the way, at each hop where its own offsets say. What was sent on for a rule that
is gone when it arrives, or for a step that the rule no longer has, is a dead letter.
"""
import collections
import json

from oracle import STOPPED, Expected, needed_text
from step_oracle import STEPS, StepOracle, Task, identity, phase_at

REKEYED, REKEYED_KEY = "turnout-rekeyed", "turnout-rekeyed-key"


class RekeyOracle(StepOracle):
    def __init__(self, phases, dead_letter_topic, settings, partitioned_by, rekey_topic,
                 phases_between=None):
        """`phases` as StepOracle's; `phases_between` the same by offsets of the internal topic, where
        the rules change."""
        super().__init__(phases, dead_letter_topic, settings)
        self.phases_between = phases_between or self.phases
        self.partitioned_by = partitioned_by
        self.rekey_topic = rekey_topic
        self.misnamed = []  # records of the internal topic that name other rules than went on
        self.stranded = 0  # matches whose rule or step was gone where they arrived
        self._begins = None  # of the rule at hand, in the second hop: the step it goes on with
        self._sent = {}  # of the event at hand, by the field that is keyed by: (the key, rules)
        self._arrived = {}  # by id of an event that went on: (event, the internal topic's record)

    def due(self, events, arrived):
        """(what the internal topic should hold, what the destinations should)."""
        due = self.expected(events)
        between = [one for one in due if one.topic == self.rekey_topic]
        after = [one for one in due if one.topic != self.rekey_topic]
        names = {(one.event.partition, one.event.offset, one.key): one.rules for one in between}
        by_partition = collections.defaultdict(list)
        for record in arrived:
            by_partition[record.partition].append(record)
        for records in by_partition.values():
            self._task, phase = Task(), None
            for record in sorted(records, key=lambda record: record.offset):
                if phase is not phase_at(self.phases_between, record):
                    phase = phase_at(self.phases_between, record)
                    self.teams = phase.teams
                    self._task.retain(phase.teams)
                event, rules = self._event_of(record)
                if names.get((event.partition, event.offset, record.key)) != rules:
                    self.misnamed.append(record)
                after += self._of_arrived(event, rules.split(","))
        self._begins = None
        return between, after

    def _of_event(self, event):
        self._sent = {}
        return super()._of_event(event) + [
            Expected(self.rekey_topic, key.encode(), ",".join(sorted(rules)), event, None)
            for key, rules in self._sent.values()]

    def _event_of(self, record):
        """The event as it was in the source, and the rules that it goes on with."""
        headers = dict(record.headers)
        _, source, _, rules, *_ = headers[REKEYED].decode().split(" ")
        topic, partition, offset = source.rsplit("/", 2)
        event = record._replace(
            topic=topic, partition=int(partition), offset=int(offset), key=headers[REKEYED_KEY],
            headers=[one for one in record.headers if one[0] not in (REKEYED, REKEYED_KEY)])
        self._arrived[id(event)] = event, record
        return event, rules

    def _of_arrived(self, event, names):
        self._move_time(event)
        found = self._close_windows(event)
        document = json.loads(event.value)
        outputs = collections.defaultdict(list)
        for name in names:
            rule = _rule_of(self.teams, name)
            self._begins = self._goes_on_at(name, rule, phase_at(self.phases, event))
            if self._begins is None:
                self.stranded += 1
                found.append(Expected(self.dead_letter_topic, event.key, name, event, "unroutable"))
            else:
                self._route(name.split("/")[0], rule, event, document, outputs, found)
        return found + [self._within_limit(topic, key, ",".join(sorted(rules)), event, value)
                        for (topic, key, value), rules in outputs.items()]

    def _goes_on_at(self, name, rule, sent_by):
        """Number of the step of `rule`, as it is now, that it was sent on for; None: none is it."""
        before = _rule_of(sent_by.teams, name)
        if before is None or rule is None:
            return None
        wanted = self._identities(name, before)[self._first_away(before):][:1]
        now = self._identities(name, rule)
        return now.index(wanted[0]) if wanted and wanted[0] in now else None

    @staticmethod
    def _identities(name, rule):
        """What tells the state of each of its steps from others'."""
        found, ordinals = [], collections.Counter()
        for step in rule["steps"]:
            (kind, options), = step.items()
            place = name, kind, ordinals[kind]
            found.append(identity(place, options) if kind in STEPS else None)
            ordinals[kind] += 1
        return found

    def _phase_at(self, event):
        """Of an event that went on, where it arrived."""
        _, record = self._arrived.get(id(event), (None, None))
        return phase_at(self.phases_between, record) if record else super()._phase_at(event)

    def _came_from(self, event):
        """What went on keeps the order of the internal topic, and so that of the step's key."""
        _, record = self._arrived.get(id(event), (None, event))
        return (record.topic, record.partition), record.offset

    def _take_steps(self, name, rule, document):
        if self._begins is not None:
            return super()._take_steps(name, rule, document, self._begins)
        steps = rule.get("steps", [])
        first_away = self._first_away(rule)
        outcome = super()._take_steps(name, {"steps": steps[:first_away]}, document)
        if outcome != STOPPED and first_away < len(steps):
            (options,) = steps[first_away].values()
            key = needed_text(document, options["key"])
            self._sent.setdefault(options["key"], (key, []))[1].append(name)
            return STOPPED
        return outcome

    def _first_away(self, rule):
        """Number of its first step that is keyed by something else; that of its steps: none is."""
        steps = rule.get("steps", [])
        for number, step in enumerate(steps):
            (kind, options), = step.items()
            if kind in STEPS and options["key"] != self.partitioned_by:
                return number
        return len(steps)


def _rule_of(teams, name):
    """None: these teams have none of that name."""
    for team in teams:
        for rule in team["rules"]:
            if f"{team['team']}/{rule['name']}" == name:
                return rule
    return None
