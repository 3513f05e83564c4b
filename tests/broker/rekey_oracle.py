"""Judges both hops of rules whose steps keep their state by another key than the source's.

The first hop is judged like any other: each match that has come to such a step is due in the
internal topic once, under the step's key, in the order of the source. What the second hop makes of
it is decided by the internal topic alone, a partition at a time in the order of its offsets: a
header says which event each record is, and which rules go on. So `due` takes the source and the
internal topic as read, and answers with what each should have led to.
"""
import collections
import json

from oracle import STOPPED, Expected, needed_text
from step_oracle import STEPS, StepOracle, Task

REKEYED, REKEYED_KEY = "turnout-rekeyed", "turnout-rekeyed-key"


class RekeyOracle(StepOracle):
    def __init__(self, teams, dead_letter_topic, settings, partitioned_by, rekey_topic):
        super().__init__(teams, dead_letter_topic, settings)
        self.partitioned_by = partitioned_by
        self.rekey_topic = rekey_topic
        self._going_on = False  # in the second hop
        self._sent = {}  # of the event at hand, by the field that is keyed by: the key
        self._arrived = {}  # by id of an event that went on: the internal topic's record

    def due(self, events, arrived):
        """(what the internal topic should hold, what the destinations should)."""
        due = self.expected(events)
        between = [one for one in due if one.topic == self.rekey_topic]
        after = [one for one in due if one.topic != self.rekey_topic]
        by_partition = collections.defaultdict(list)
        for record in arrived:
            by_partition[record.partition].append(record)
        self._going_on = True
        for records in by_partition.values():
            self._task = Task()
            self._task.retain(self.teams)
            for record in sorted(records, key=lambda record: record.offset):
                after += self._of_arrived(record)
        self._going_on = False
        return between, after

    def _of_event(self, event):
        self._sent = {}
        return super()._of_event(event) + [
            Expected(self.rekey_topic, key.encode(), "", event, None)
            for key in self._sent.values()]

    def _of_arrived(self, record):
        headers = dict(record.headers)
        _, source, _, names = headers[REKEYED].decode().split(" ")
        topic, partition, offset = source.rsplit("/", 2)
        event = record._replace(
            topic=topic, partition=int(partition), offset=int(offset), key=headers[REKEYED_KEY],
            headers=[one for one in record.headers if one[0] not in (REKEYED, REKEYED_KEY)])
        self._arrived[id(event)] = record
        self._move_time(event)
        found = self._close_windows(event)
        document = json.loads(event.value)
        for team in self.teams:
            outputs = collections.defaultdict(list)
            for rule in team["rules"]:
                if f"{team['team']}/{rule['name']}" in names.split(","):
                    self._route(team["team"], rule, event, document, outputs, found)
            found += [self._within_limit(topic, key, ",".join(sorted(rules)), event, value)
                      for (topic, key, value), rules in outputs.items()]
        return found

    def _came_from(self, event):
        """What went on keeps the order of the internal topic, and so that of the step's key."""
        record = self._arrived.get(id(event), event)
        return (record.topic, record.partition), record.offset

    def _take_steps(self, name, rule, document):
        steps = rule.get("steps", [])
        here = [self._is_here(step) for step in steps]
        first_away = here.index(False) if False in here else len(steps)
        if self._going_on:
            return super()._take_steps(name, rule, document, first_away)
        outcome = super()._take_steps(name, {"steps": steps[:first_away]}, document)
        if outcome != STOPPED and first_away < len(steps):
            (options,) = steps[first_away].values()
            self._sent[options["key"]] = needed_text(document, options["key"])
            return STOPPED
        return outcome

    def _is_here(self, step):
        (kind, options), = step.items()
        return kind not in STEPS or options["key"] == self.partitioned_by
