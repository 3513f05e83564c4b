"""Partitions' logs as Kafka's own tool dumps them, parsed as far as the tests look at them."""
import json
import re

TOOL = "org.apache.kafka.tools.DumpLogSegments"
TRANSACTION_STATES = ("empty", "ongoing", "prepares commit", "prepares abort", "committed",
                      "aborted", "dead", "prepares fence")


def dump(kafka, partitions, *options):
    """What the tool says of the segments of `partitions` (names of a broker's directories, or globs)."""
    files = [str(file) for name in partitions
             for file in sorted(kafka.data.glob(f"{name}/*.log"))]
    return kafka.tool(TOOL, "--deep-iteration", *options, "--files", ",".join(files))


class Batch:
    """A batch of a log; `marker` is COMMIT or ABORT where it ends a transaction."""

    def __init__(self, line):
        self._fields = dict(re.findall(r"(\w+): (\S+)", line))
        self.first, self.last = int(self._fields["baseOffset"]), int(self._fields["lastOffset"])
        self.time_ms = int(self._fields["CreateTime"])
        self.marker = None

    def __str__(self):
        fields = self._fields
        kind = self.marker or ("in a transaction" if fields["isTransactional"] == "true" else "plain")
        return (f"{self.first} to {self.last}: {fields['count']} records, sequence "
                f"{fields['baseSequence']} to {fields['lastSequence']}, producer "
                f"{fields['producerId']} epoch {fields['producerEpoch']}, {kind}, at {self.time_ms}")


def batches(text):
    found = []
    for line in text.splitlines():
        if line.startswith("baseOffset: "):
            found.append(Batch(line))
        elif marker := re.search(r" endTxnMarker: (\w+)", line):
            found[-1].marker = marker.group(1)
    return found


def entries(text):
    """(batch, key, value) of each record of a dump by a decoder, key and value as dicts."""
    for line in text.splitlines():
        if line.startswith("baseOffset: "):
            batch = Batch(line)
        elif entry := re.search(r" key: (\{.*\}) payload: (\{.*\})$", line):
            key, value = map(json.loads, entry.groups())
            yield batch, key["data"], value["data"]
