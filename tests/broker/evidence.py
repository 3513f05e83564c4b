"""What is left of a test that failed, looked at while its broker still has it.

Of a verdict with faults: whether a second read of the destinations agrees, which tells a reader's
flaw from the log's; and, dumped by Kafka's own tool, the log where a record is lost or doubled, the
transactions of the test's group, and the offsets that it committed. Of any failure: the end of the
routers' and the broker's logs. What is said goes to `evidence.txt` in the test's directory, which `run` shows in the
end; the dumps lie beside it, whole.

Errors: none; what can't be had is said in its place, so that no evidence hides the failure itself.
"""
import collections
import sys
import traceback

import log_dump
import topics
from oracle import SOURCE, murmur2, value_of

EXAMPLES_MAX = 5
FAULTS_MAX = 200  # that say where to look
PLACES_MAX = 4  # whose logs are dumped
BESIDE = 8  # batches before and after a place
EACH_END = 15  # lines of what takes more than twice as many
LOG_LINES = 40
MARKED_WITHIN_MS = 1_000  # of the end of a transaction that is looked at
COLUMNS_MAX = 300

# What an oracle judged: the Expected records, those found by topic, its Verdict.
Judged = collections.namedtuple("Judged", "oracle due found partitions verdict")


class Evidence:
    def __init__(self, directory, prefix):
        """`prefix` is what the test's names begin with: said as `@`."""
        self._directory, self._prefix = directory, prefix
        self._marked_ms = []  # when transactions ended about the faults

    @property
    def _file(self):
        return self._directory / "evidence.txt"

    def text(self):
        return self._file.read_text() if self._file.exists() else ""

    def of_faults(self, judged, kafka, group):
        bootstrap = kafka.admin_bootstrap
        self._add("a second read", _second_read, bootstrap, judged)
        self._add("the faults' places in the log", _places_in_log, bootstrap, judged)
        places = _places(judged)
        for place, offsets in list(places.items())[:PLACES_MAX]:
            self._add(f"the log of {place} about offsets {offsets[0]} to {offsets[1]}", self._log,
                      kafka, place, offsets)
        self._add(f"what the coordinator wrote of {group}'s transactions at that time",
                  self._transactions, kafka, group, places)
        self._add("what the group committed about the faults' events", self._commits, kafka, group,
                  judged.verdict)

    def of_logs(self, files):
        for file in files:
            self._add(f"the end of {file.parent.name}/{file.name}",
                      lambda log: log.read_text(errors="replace").splitlines()[-LOG_LINES:], file)

    def _add(self, title, look, *arguments):
        """Writes down what `look` says, or why it says nothing."""
        try:
            lines = list(look(*arguments)) or ["(nothing)"]
        except Exception:
            lines = ["could not be had:", *traceback.format_exc().splitlines()]
        with open(self._file, "a") as out:
            for line in [f"  {title}:"] + [f"    {line}" for line in lines]:
                out.write(line.replace(self._prefix, "@")[:COLUMNS_MAX] + "\n")

    def _dump(self, kafka, name, *options):
        text = log_dump.dump(kafka, [name], *options)
        (self._directory / f"log-{name.rstrip('-*')}.txt").write_text(text)
        return text

    def _log(self, kafka, place, offsets):
        batches = log_dump.batches(self._dump(kafka, place))
        before = [batch for batch in batches if batch.last < offsets[0]]
        after = [batch for batch in batches if batch.first > offsets[1]]
        shown = batches[max(0, len(before) - BESIDE):len(batches) - max(0, len(after) - BESIDE)]
        self._marked_ms += [batch.time_ms for batch in shown if batch.marker]
        return _ends(list(map(str, shown)))

    def _transactions(self, kafka, group, places):
        text = self._dump(kafka, "__transaction_state-*", "--transaction-log-decoder")
        first = min(self._marked_ms, default=0) - MARKED_WITHIN_MS
        last = max(self._marked_ms, default=sys.maxsize) + MARKED_WITHIN_MS
        found = [(value["transactionLastUpdateTimestampMs"], key["transactionalId"], value)
                 for _, key, value in log_dump.entries(text)
                 if key["transactionalId"].startswith(group)]
        return _ends([_transaction(*one, places) for one in sorted(found, key=lambda one: one[:2])
                      if first <= one[0] <= last])

    def _commits(self, kafka, group, verdict):
        text = self._dump(kafka, "__consumer_offsets-*", "--offsets-decoder")
        commits = [(key["topic"], key["partition"], value["offset"], batch)
                   for batch, key, value in log_dump.entries(text)
                   if key.get("group", "").startswith(group) and "topic" in key]
        for source in {_source_of(one) for _, one in verdict.faulty[:EXAMPLES_MAX]} - {None}:
            topic, partition, offset = source
            yield f"event {topic}/{partition}/{offset}:"
            near = sorted((at, str(batch)) for name, number, at, batch in commits
                          if (name, number) == (topic, partition))
            split = sum(at <= offset for at, _ in near)
            for at, batch in near[max(0, split - 3):split + 3]:
                yield f"  next to read is {at}, in {batch}"


def _second_read(bootstrap, judged):
    again = topics.read(bootstrap, list(judged.found))
    verdict = judged.oracle.judge(judged.due, again, judged.partitions)
    yield f"the verdict of it: {verdict}"
    first, second = [{(one.topic, one.partition, one.offset): one for records in found.values()
                      for one in records} for found in (judged.found, again)]
    differing = [place for place in first.keys() | second.keys()
                 if first.get(place) != second.get(place)]
    if not differing:
        yield f"it agrees with the first in all {len(first)} records: the log is so"
        return
    yield (f"it differs from the first in {len(differing)} records of {len(first)} and "
           f"{len(second)}: a reader is at fault, or somebody still writes")
    for place in sorted(differing)[:EXAMPLES_MAX]:
        yield f"{place}: first {first.get(place)}, second {second.get(place)}"


def _places_in_log(bootstrap, judged):
    """Of each faulty record, every place in which the log has it, aborted transactions included."""
    faulty = judged.verdict.faulty[:EXAMPLES_MAX]
    names = sorted({one.topic for _, one in faulty})
    everything = topics.read(bootstrap, names, committed=False)
    for kind, one in faulty:
        seen = {(record.partition, record.offset) for record in judged.found[one.topic]}
        value = _value(one)
        places = [f"{record.partition}/{record.offset}"
                  + ("" if (record.partition, record.offset) in seen else " (not in the first read)")
                  for record in everything[one.topic]
                  if (record.key, record.value) == (one.key, value)]
        yield (f"{kind}: {one.topic}, key {one.key}, of {_source_of(one)}: "
               + (", ".join(places) or "nowhere in the log, not even uncommitted"))


def _places(judged):
    """Partition's directory to the (first, last) offset about which its faults are."""
    places = {}
    for _, one in judged.verdict.faulty[:FAULTS_MAX]:
        for partition, first, last in _where(one, judged):
            name = f"{one.topic}-{partition}"
            known = places.get(name, (first, last))
            places[name] = min(first, known[0]), max(last, known[1])
    return places


def _where(one, judged):
    """(partition, first offset, last offset) of where a record is, or where it should be: between
    those that came of the events before and after its own."""
    if hasattr(one, "offset"):
        return [(one.partition, one.offset, one.offset)]
    count, source = judged.partitions[one.topic], _source_of(one)
    found = []
    for partition in range(count) if one.key is None else [murmur2(one.key) % count]:
        came = [(_source_of(record), record.offset) for record in judged.found[one.topic]
                if record.partition == partition]
        came = [(event, offset) for event, offset in came if event and event[:2] == source[:2]]
        before = [offset for event, offset in came if event < source]
        after = [offset for event, offset in came if event > source]
        first, last = max(before, default=0), min(after, default=max(before, default=0))
        found.append((partition, min(first, last), max(first, last)))
    return found


def _value(one):
    return one.value if hasattr(one, "offset") else value_of(one)


def _source_of(one):
    """(topic, partition, offset) of the event of which a record came, or should have."""
    if not hasattr(one, "offset"):
        return one.event.topic, one.event.partition, one.event.offset
    said = dict(one.headers).get(SOURCE)
    if said is None:
        return None
    topic, partition, offset = said.decode().split("/")
    return topic, int(partition), int(offset)


def _transaction(time_ms, name, value, places):
    members = [f"{one['topic']}-{partition}" for one in value["transactionPartitions"] or ()
               for partition in one["partitionIds"]]
    faulty = [member for member in members if member in places]
    state = log_dump.TRANSACTION_STATES[value["transactionStatus"]]
    return (f"{time_ms} {name}, producer {value['producerId']} epoch {value['producerEpoch']}: "
            f"{state}, {len(members)} partitions"
            + (f", {', '.join(faulty)} among them" if faulty else ""))


def _ends(lines):
    if len(lines) <= 2 * EACH_END:
        return lines
    return [*lines[:EACH_END], f"... {len(lines) - 2 * EACH_END} more ...", *lines[-EACH_END:]]
