"""What a malicious or broken producer can write into the source: each is dead-lettered or passes by,
within a bound of time and memory, and nobody else's events notice."""
import struct
import subprocess
import threading
import time
import zlib

import events
import kafka_protocol
import topics
from oracle import ERROR, SOURCE, Oracle

MIB = 1 << 20
# Of the router, all told. It holds a batch's events as they came, and librdkafka what it has fetched.
RSS_MAX_MIB = 512
BOMBS_RSS_MAX_MIB = 384  # with limits.unpacked_bytes_max at 64 MiB
ROUTED_WITHIN_S = 120
UNREADABLE = "turnout-unreadable"  # the header of what stands for a record that can't be unpacked
CANARY = "canary-5e1f"  # in every hostile event; on no page of the admin API
LARGE = {"max.message.bytes": str(64 * MIB)}
REFUSED = "refused"  # readable, but no destination takes its time
PAGES = ("/", "/metrics", "/healthz", "/readyz", "/v1/status", "/v1/rules", "/v1/traffic")


class MemoryWatch:
    """The most that a process has had resident since now."""

    def __init__(self, pid):
        self._pid = pid
        with open(f"/proc/{pid}/clear_refs", "w") as file:
            file.write("5")

    def peak_mib(self):
        with open(f"/proc/{self._pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024
        raise AssertionError("the kernel does not say what the process has had")


class SlowestAnswer:
    """Asks for /healthz all the while."""

    def __init__(self, router):
        self.slowest_s, self._refused = 0.0, ""
        self._router, self._stop = router, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.1):
            begun = time.monotonic()
            code, said = self._router.get("/healthz", timeout_s=30)
            if code != 200:
                self._refused = said
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)

    def end(self):
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive() and not self._refused, f"no answer: {self._refused}"
        return self.slowest_s


def _hostile():
    """(what, whether it is readable, a record) of each kind that a client's library can write."""
    readable = b'{"kind":"hostile","word":"%s"}' % CANARY.encode()
    cut_short = readable[:-1]
    deep = b'{"kind":"hostile","word":"%s","a":' % CANARY.encode()
    letters = ("abcdefghij" * 100).encode()
    yield "a header of 3 MiB", True, {"value": readable, "headers": [("h", letters * 3146)]}
    yield "a header of 3 MiB on what is no JSON", False, {"value": cut_short,
                                                         "headers": [("h", letters * 3146)]}
    yield "5,000 headers", True, {"value": readable,
                                  "headers": [(f"h{i}", b"x") for i in range(5_000)]}
    yield "5,000 headers on what is no JSON", False, {
        "value": cut_short, "headers": [("same", None)] * 5_000}
    yield "headers that look like Turnout's own", True, {
        "value": readable, "headers": [("turnout-error", b"poison"), ("turnout-source", b"x/0/0"),
                                       ("turnout-rules", b"fraud/payments"),
                                       ("turnout-parked", b"1")]}
    yield "a key that is no UTF-8", True, {"value": readable, "key": b"\xff\xfe\x00\x80"}
    yield "a key of 1 MiB", True, {"value": readable, "key": b"k" * MIB}
    yield "a key of 1 MiB on what is no JSON", False, {"value": cut_short, "key": b"k" * MIB}
    yield "a value that is no UTF-8", False, {"value": b'{"kind":"hostile","word":"\xff\xfe"}'}
    yield "no value", False, {"value": None, "key": CANARY.encode()}
    yield "an empty value", False, {"value": b"", "key": CANARY.encode()}
    yield "zeros", False, {"value": bytes(MIB)}
    yield "arrays in 100,000 arrays", False, {"value": deep + b"[" * 100_000 + b"]" * 100_000 + b"}"}
    yield "objects in 100,000 objects", False, {
        "value": deep + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"}
    yield "a text of 50 MiB", True, {"value": deep + b'"' + letters * (50 * MIB // 1000) + b'"}'}
    yield "an array of ten million numbers", True, {
        "value": deep + b"[" + b"1," * 10_000_000 + b"1]}"}
    yield "a million members", True, {
        "value": deep + b"{" + b",".join(b'"m%d":1' % i for i in range(1_000_000)) + b"}}"}
    yield "a number of a million digits", True, {"value": deep + b"9" * MIB + b"}"}
    yield "the oldest time", True, {"value": readable, "timestamp": 1}
    yield "a time in 10,000 years", REFUSED, {"value": readable, "timestamp": 315_000_000_000_000}


def _raw_hostile():
    """(what, whether it is readable, a record's fields) of what only the protocol itself can write."""
    readable = b'{"kind":"hostile","word":"%s"}' % CANARY.encode()
    yield "a header without a name", True, {"value": readable, "headers": [(b"", b"x"), (b"", None)]}
    yield "a time at the end of all", REFUSED, {"value": readable, "timestamp_ms": (1 << 63) - 1}
    yield "a time before all", True, {"value": readable, "timestamp_ms": -(1 << 62)}


# To a topic of its own, and first in the source: the Python client can't show it.
NAMELESS = {"value": b'{"kind":"nameless","word":"%s"}' % CANARY.encode(),
            "headers": [(b"\xff\xfe\x80name", b"\xff\xfevalue")]}


def _team(stage):
    """Whoever asks for it is sent what is hostile and readable."""
    return {"team": "curious", "owner": "curious@example.com",
            "destinations": [f"{stage.prefix}.curious", f"{stage.prefix}.nameless"],
            "rules": [{"name": "all", "match": {"kind": ["hostile"]},
                       "to": f"{stage.prefix}.curious"},
                      {"name": "nameless", "match": {"kind": ["nameless"]},
                       "to": f"{stage.prefix}.nameless"}]}


def _write_hostile(stage):
    """What was taken by the broker: position in the source to (what, whether it is readable)."""
    written = {}

    def note(what, readable, position):
        written[f"{stage.source}/{position[0]}/{position[1]}"] = (what, readable)
    for number, (what, readable, record) in enumerate(_hostile()):
        place = topics.produce_one(stage.bootstrap, stage.source, {**record, "partition": number % 4},
                                   {"message.max.bytes": 64 * MIB})
        note(what, readable, place)
    for number, (what, readable, record) in enumerate(_raw_hostile()):
        try:
            offset = kafka_protocol.produce_raw(stage.kafka.admin_port, stage.source, number % 4,
                                                **record)
        except RuntimeError as refused:
            stage.say(f"{what}: {refused}")  # by the broker: it reaches nobody
            continue
        note(what, readable, (number % 4, offset))
    return written


def _hold_nameless(stage):
    """A header's name that is no UTF-8 comes through, byte for byte."""
    topic = f"{stage.prefix}.nameless"
    topics.wait_until_settled(stage.bootstrap, [topic])
    said = subprocess.run(["kcat", "-C", "-q", "-e", "-b", stage.bootstrap, "-t", topic, "-X",
                           "isolation.level=read_committed", "-f", "%h|%s\n"],
                          capture_output=True, timeout=30, check=True).stdout
    assert said.count(b"\n") == 1 and b"\xff\xfe\x80name=\xff\xfevalue" in said, said


def hostile_events_hold_up_nobody_and_are_shown_on_no_page(stage):
    """Every kind amid innocent events: those are due as ever, by an oracle that sees nothing else."""
    teams = stage.teams()
    stage.write_rules([*teams, _team(stage)])
    stage.make_topics(teams)
    topics.create(stage.bootstrap, [f"{stage.prefix}.curious", f"{stage.prefix}.nameless"], 3)
    # One of them takes what is large: the dead-letter topic and `curious` have the brokers' 1 MiB.
    topics.set_config(stage.bootstrap, stage.source,
                  {**LARGE, "message.timestamp.after.max.ms": str((1 << 63) - 1)})
    router = stage.router(kafka={"receive.message.max.bytes": 200 * MIB}).start().wait_ready()
    nameless = kafka_protocol.produce_raw(stage.kafka.admin_port, stage.source, 0, **NAMELESS)
    flow = stage.flow(events.stream(3_000, stage.seed), rate=400)
    memory, answers = MemoryWatch(router.pid), SlowestAnswer(router)
    begun = time.monotonic()
    written = _write_hostile(stage)
    flow.join()
    stage.consumed(timeout_s=ROUTED_WITHIN_S)
    took_s, peak_mib, slowest_s = time.monotonic() - begun, memory.peak_mib(), answers.end()
    stage.say(f"{len(written)} hostile events of {took_s:.0f} s, {peak_mib} MiB at most, "
              f"/healthz within {slowest_s:.2f} s")
    assert router.starts == 1 and router.is_running(), router.log_tail()
    assert peak_mib < RSS_MAX_MIB, f"the router had {peak_mib} MiB"
    _hold_hostile(stage, written)
    _hold_nameless(stage)
    _hold_innocent(stage, teams, written, begin={0: nameless + 1})
    for page in PAGES:
        code, said = router.get(page)
        assert code == 200 and CANARY not in said, f"{page} shows an event: {code}"
    assert CANARY not in router.log(), "the log shows an event"
    router.stop()


def _hold_hostile(stage, written):
    """Each that can't be read is a dead letter, once; each that can came to who asked for it, or is
    a dead letter as being too large."""
    names = [stage.dead_letters, f"{stage.prefix}.curious"]
    topics.wait_until_settled(stage.bootstrap, names)
    found = topics.read(stage.bootstrap, names)
    letters, sent = {}, {}
    for record in found[stage.dead_letters]:
        headers = dict(record.headers)
        place, kind = headers[SOURCE].decode(), headers[ERROR].decode()
        # What innocent events lack is the oracle's business.
        if place in written or kind != "unroutable":
            letters.setdefault(place, []).append(kind)
    for record in found[names[1]]:
        place = [value for name, value in record.headers if name == SOURCE][-1].decode()
        sent[place] = sent.get(place, 0) + 1
    wrong = []
    for place, (what, readable) in written.items():
        as_letter, times = letters.pop(place, []), sent.pop(place, 0)
        due = {False: [(["unreadable_event"], 0)], REFUSED: [(["poison"], 0)],
               True: [([], 1), (["record_too_large"], 0)]}[readable]
        if (as_letter, times) not in due:
            wrong.append(f"{what}: dead letters {as_letter}, sent {times}")
    assert not wrong, "\n".join(wrong)
    assert not letters and not sent, f"nobody expected {letters} {sent}"


def _hold_innocent(stage, teams, hostile, begin=None):
    places = set(hostile)
    source = [record for record in topics.read(stage.bootstrap, stage.source, begin=begin)[stage.source]
              if f"{stage.source}/{record.partition}/{record.offset}" not in places]
    oracle = Oracle(teams, stage.dead_letters)
    names = stage.destinations(teams)
    stage.hold(oracle, [one for one in oracle.expected(source) if one.topic in names], names, source)


def batches_that_unpack_to_a_hundred_times_their_size_are_routed_in_bounded_memory(stage):
    """Of each compression, one record that is packed as far as it goes: within what librdkafka takes
    in, and snappy within what a broker does."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    router = stage.router().start().wait_ready()
    flow = stage.flow(events.stream(4_000, stage.seed), rate=800)
    memory, answers, written = MemoryWatch(router.pid), SlowestAnswer(router), {}
    for number, (codec, mib) in enumerate((("gzip", 90), ("snappy", 16), ("lz4", 90), ("zstd", 30))):
        before = memory.peak_mib()
        partition, offset = topics.produce_one(
            stage.bootstrap, stage.source, {"value": bytes(mib * MIB), "partition": number},
            {"message.max.bytes": 1_000_000_000, "compression.codec": codec})
        written[f"{stage.source}/{partition}/{offset}"] = (codec, False)
        router.wait_until(f"{codec} being past", lambda: topics.committed_offsets(
            stage.bootstrap, stage.group, stage.source)[partition] > offset, 60)  # noqa: B023
        stage.say(f"{codec}: from {before} to {memory.peak_mib()} MiB")
    flow.join()
    stage.consumed(timeout_s=ROUTED_WITHIN_S)
    peak_mib, slowest_s = memory.peak_mib(), answers.end()
    stage.say(f"{peak_mib} MiB at most, /healthz within {slowest_s:.2f} s")
    assert peak_mib < RSS_MAX_MIB, f"the router had {peak_mib} MiB"
    topics.create(stage.bootstrap, [f"{stage.prefix}.curious"], 1)
    _hold_hostile(stage, written)
    _hold_innocent(stage, teams, written)


def _gzipped(pieces):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(piece) for piece in pieces) + packer.flush()


def _lz4_stored(content):
    """A frame of one block that is not packed: no Python library of Debian's packs one."""
    return (b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(content) | 1 << 31) + content +
            bytes(4))


def _packed_bombs():
    """(what, codec, records, what they are packed to) of what no client's library would write."""
    whole = kafka_protocol.record_in_batch(0, b'{"kind":"hostile"}')
    yield "400 MiB of gzip", "gzip", 1, _gzipped(kafka_protocol.zeros_in_batch(400 * MIB))
    yield "5,000 records of gzip", "gzip", 5_000, _gzipped(
        kafka_protocol.record_in_batch(number, bytes(16 << 10)) for number in range(5_000))
    yield "a record in two streams of gzip", "gzip", 1, _gzipped([whole[:9]]) + _gzipped([whole[9:]])
    yield "something behind lz4", "lz4", 1, _lz4_stored(whole) + b"behind"


def a_batch_that_cannot_be_unpacked_is_dead_lettered_and_reading_goes_on(stage):
    """Of each codec that has to be bounded, beyond limits.unpacked_bytes_max; what brokers unpack and
    librdkafka does not; and batches that are each within the limit, which are 480 MiB together. A topic that has its brokers unpack what comes in takes none of them."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    topics.create(stage.bootstrap, [f"{stage.prefix}.curious"], 1)
    router = stage.router(limits={"unpacked_bytes_max": "64MiB"}).start().wait_ready()
    memory, answers, written, behind = MemoryWatch(router.pid), SlowestAnswer(router), {}, {}

    def note(what, partition, first, records, is_unpacked=False):
        last = first + records - 1
        written[f"{stage.source}/{partition}/{last}".encode()] = (
            what, "" if is_unpacked else f"offsets {first} to {last} of partition {partition}: ")
        behind[partition] = last + 1
    bomb = {"message.max.bytes": 1_000_000_000}
    for number, (codec, mib) in enumerate((("lz4", 150), ("zstd", 150))):
        place = topics.produce_one(stage.bootstrap, stage.source,
                                   {"value": bytes(mib * MIB), "partition": number},
                                   {**bomb, "compression.codec": codec})
        note(f"{mib} MiB of {codec}", *place, 1)
    for number, (what, codec, records, packed) in enumerate(_packed_bombs()):
        offset = kafka_protocol.produce_packed(stage.kafka.admin_port, stage.source, number % 4, codec,
                                               records, packed)
        note(what, number % 4, offset, records)
    sixty = _gzipped(kafka_protocol.zeros_in_batch(60 * MIB))
    for _ in range(8):
        offset = kafka_protocol.produce_packed(stage.kafka.admin_port, stage.source, 3, "gzip", 1, sixty)
        note("60 MiB of gzip", 3, offset, 1, is_unpacked=True)
    stage.flow(events.stream(4_000, stage.seed), rate=800).join()
    stage.consumed(timeout_s=ROUTED_WITHIN_S)
    peak_mib, slowest_s = memory.peak_mib(), answers.end()
    stage.say(f"{peak_mib} MiB at most, /healthz within {slowest_s:.2f} s")
    assert peak_mib < BOMBS_RSS_MAX_MIB, f"the router had {peak_mib} MiB"
    _hold_bombs(stage, written)
    # The test's own reader can't unpack them either.
    _hold_innocent(stage, teams, [], begin=behind)

    topics.set_config(stage.bootstrap, stage.source, {"compression.type": "uncompressed"})
    try:
        topics.produce_one(stage.bootstrap, stage.source, {"value": bytes(90 * MIB)},
                           {**bomb, "compression.codec": "zstd"})
    except RuntimeError as refused:
        assert "large" in str(refused).lower(), refused
    else:
        raise AssertionError("a topic that is kept uncompressed took the batch")


def _hold_bombs(stage, written):
    """One dead letter each: of what was given up, with the offsets and what bounds them."""
    topics.wait_until_settled(stage.bootstrap, [stage.dead_letters])
    found = {}
    for record in topics.read(stage.bootstrap, stage.dead_letters)[stage.dead_letters]:
        headers = dict(record.headers)
        if headers[ERROR] == b"unreadable_event":
            found.setdefault(headers[SOURCE], []).append(headers.get(UNREADABLE, b"").decode())
    for where, (what, given_up) in written.items():
        said, = found.pop(where)
        if given_up:
            assert said.startswith(given_up) and "limits.unpacked_bytes_max" in said, f"{what}: {said}"
        else:
            assert not said, f"{what}: {said}"  # it was unpacked, and is no JSON
    assert not found, found


TESTS = [hostile_events_hold_up_nobody_and_are_shown_on_no_page,
         batches_that_unpack_to_a_hundred_times_their_size_are_routed_in_bounded_memory,
         a_batch_that_cannot_be_unpacked_is_dead_lettered_and_reading_goes_on]
