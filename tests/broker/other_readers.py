"""What others read of a topic: kcat, and Kafka's own consumer on Java. Each field as it lies in the log.

Values and keys may hold anything but the separators below; names and values of headers no line's end and
no comma, and no value may be `NULL`, as kcat shows that there is none.
"""
import re
import subprocess

import topics

KCAT_LINE = re.compile(rb"(\d+) (\d+) (-?\d+) (-?\d+) (-?\d+) ")
FIELD, LINE, NULL = "\x1f", "\x1e\n", "\x1d"


def agree(kafka, topic):
    """How many records of `topic` both read exactly as the tests do; AssertionError at the first that
    differs."""
    records = topics.read(kafka.admin_bootstrap, topic)[topic]
    ours = [(one.partition, one.offset, one.timestamp_ms, one.key, one.value, list(one.headers))
            for one in records]
    for name, theirs in (("kcat", _of_kcat(kafka, topic)), ("Java", _of_java(kafka, topic, len(ours)))):
        assert len(theirs) == len(ours), f"{name} reads {len(theirs)} records of {topic}, not {len(ours)}"
        for here, there in zip(ours, sorted(theirs)):
            assert there == here, f"{name} reads {there}, the tests {here}"
    return len(ours)


def _of_kcat(kafka, topic):
    said = subprocess.run(
        ["kcat", "-C", "-q", "-b", kafka.admin_bootstrap, "-t", topic, "-o", "beginning", "-e",
         "-X", "isolation.level=read_committed", "-f", r"%p %o %T %K %S %k%s%h\n"],
        stdout=subprocess.PIPE, check=True).stdout
    found, place = [], 0
    while place < len(said):
        line = KCAT_LINE.match(said, place)
        partition, offset, timestamp, key_size, value_size = map(int, line.groups())
        key, place = _cut(said, line.end(), key_size)
        value, place = _cut(said, place, value_size)
        end = said.index(b"\n", place)
        found.append((partition, offset, timestamp, key, value, _named(said[place:end], b"=", b"NULL")))
        place = end + 1
    return found


def _cut(said, begin, size):
    """The field and where it ends; None where the size says that there is none."""
    return (None, begin) if size < 0 else (said[begin:begin + size], begin + size)


def _named(said, equals, null):
    return [(name.decode(), None if value == null else value) for name, value in
            (header.split(equals, 1) for header in said.split(b",") if header)]


def _of_java(kafka, topic, count):
    shown = {f"print.{what}": "true" for what in ("timestamp", "partition", "offset", "headers", "key")}
    properties = {**shown, "key.separator": FIELD, "headers.separator": ",", "line.separator": LINE,
                  "null.literal": NULL}
    said = kafka.tool("org.apache.kafka.tools.consumer.ConsoleConsumer",
                      "--bootstrap-server", kafka.admin_bootstrap, "--topic", topic, "--from-beginning",
                      "--isolation-level", "read_committed", "--max-messages", count,
                      *(word for name, value in properties.items()
                        for word in ("--formatter-property", f"{name}={value}")))
    found = []
    for line in said.split(LINE)[:-1]:
        timestamp, partition, offset, headers, key, value = line.split(FIELD)
        found.append((_number(partition), _number(offset), _number(timestamp), _bytes(key), _bytes(value),
                      [] if headers == "NO_HEADERS" else _named(headers.encode(), b":", NULL.encode())))
    return found


def _number(said):
    return int(said.rsplit(":", 1)[1])


def _bytes(said):
    return None if said == NULL else said.encode()
