"""Avro and Protobuf events, with a real registry that comes and goes, and with hostile ones."""
import collections
import json
import shutil
import subprocess
import threading
import time

import hostile_registry as hostile
import topics
from certificates import Authority
from hostile_cases import MemoryWatch, SlowestAnswer
from hostile_registry import HostileRegistry
from oracle import REASON, value_of
from replay_cases import Job
from schema_events import AVRO, UNKNOWN_ID, Formats, FormatsOracle, framed
from schema_registry import SchemaRegistry

EVENTS = 12_000
RATE = 2_000
KILLS = 4
WAIT_S = 40
# Of a hostile registry: what may come of it, beside the memory that events take.
MORE_MIB_MAX = 300
ANSWERS_WITHIN_S = 3
HOSTILE_EVENTS = 10  # of each id


def _registry(stage):
    return stage.shared("registry", SchemaRegistry)


def _team(stage):
    """Outputs as they came, by a field; shaped; keyed by a field; and of the record alone."""
    def rule(name, match, to, **more):
        return {"name": name, "match": match, "to": f"{stage.prefix}.{to}", **more}
    return {"team": "shop", "destinations": [f"{stage.prefix}.*"], "rules": [
        rule("payments", {"payment": {"amount": [{"numeric": [">=", 200]}]}}, "payments"),
        rule("europe", {"region": ["eu"]}, "europe", shape={"keep": ["id", "type", "user"]}),
        rule("viewed", {"type": ["page.viewed"], "tags": ["new"]}, "viewed.{region}", key="region"),
        rule("flagged", {"$kafka": {"headers": {"flag": ["review"]}}}, "flagged")]}


def _start(stage, registry, name="router", **more):
    return stage.router(
        name, source={"format": "schema_registry", "topic": stage.source, "group": stage.group,
                      "session_timeout": "6s"},
        schema_registry={"url": registry.url, "wait_max": "5m", **more}).start()


def _reasons(stage):
    letters = topics.read(stage.bootstrap, stage.dead_letters)[stage.dead_letters]
    return collections.Counter(
        _kind(dict(letter.headers)["turnout-reason"].decode()) for letter in letters)


def _kind(reason):
    kinds = {f"schema {UNKNOWN_ID} ": "unknown", "can't be read by its schema": "unreadable",
             "neither a schema's": "neither", "ends before the schema's id": "cut",
             "not valid JSON": "json"}
    return next((kind for words, kind in kinds.items() if words in reason), reason)


def avro_and_protobuf_events_are_routed_by_their_fields_exactly_once(stage):
    """JSON, Avro and Protobuf in one topic, each in a hundred broken, while routers are killed."""
    registry = _registry(stage)
    formats = Formats(registry, stage.prefix, stage.directory / "formats")
    for written in formats.all[1:]:
        assert "schema" in registry.schema(written.id)  # what is on the wire is what it is asked by
    team = _team(stage)
    stage.write_rules([team])
    stage.make_topics([team])
    routers = [_start(stage, registry, name) for name in ("router-a", "router-b")]
    for router in routers:
        router.wait_ready()
    flow = stage.flow(formats.stream(EVENTS, stage.seed, broken_every=100), RATE)
    for _ in range(KILLS):
        time.sleep(stage.chance.uniform(0.2, 0.9) * EVENTS / RATE / KILLS)
        victim = stage.chance.choice(routers)
        victim.kill()
        victim.start()
    flow.join()
    stage.consumed()
    stage.check([team], FormatsOracle([team], stage.dead_letters, formats))
    reasons = _reasons(stage)
    stage.say(f"{KILLS} kills; dead letters: {dict(reasons)}")
    assert set(reasons) == {"unknown", "unreadable", "neither", "cut", "json"}, reasons
    _explain(stage, routers[0], formats)
    _replay(stage, routers[0], team, formats)


def _explain(stage, router, formats):
    """By its position, from a file's command and from the router's own page."""
    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    oracle = FormatsOracle([_team(stage)], stage.dead_letters, formats)
    event = next(one for one in source if one.value[:1] == b"\0"
                 and (oracle.document_of(one) or {}).get("region") == "eu")
    told = router.explain("--at", f"{event.partition}:{event.offset}")
    assert "shop/europe matches" in told, told
    router.wait_ready()
    status, page = router.post("/v1/explain", json.dumps(
        {"partition": event.partition, "offset": event.offset}))
    assert status == 200 and '"shop/europe"' in page, page


def _replay(stage, router, team, formats):
    """Of the rule that shapes, over all that the topic holds."""
    backfill, dead = f"{stage.prefix}.backfill", f"{stage.prefix}.backfill.dead"
    topics.create(stage.bootstrap, [backfill, dead], 3)
    ends = topics.ends(stage.bootstrap, stage.source)
    status, out, err = Job(stage, router, "--rule", "shop/europe", "--from", "earliest", "--to",
                           ",".join(f"{part}:{end}" for part, end in ends.items()), "--to-topic",
                           backfill, "--set", f"dead_letter_topic={dead}").run()
    assert status == 0 and "is done" in out, (status, out, err[-2000:])
    europe = next(rule for rule in team["rules"] if rule["name"] == "europe")
    oracle = FormatsOracle([{**team, "rules": [{**europe, "to": backfill}]}], dead, formats)
    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    # What can't be read is live traffic's to tell.
    due = [one for one in oracle.expected(source) if one.reason != "unreadable_event"]
    stage.hold(oracle, due, [backfill, dead], source)


def a_registry_that_dies_holds_only_what_needs_it(stage):
    """Events of a schema that nobody has seen, while it is away: their partitions wait, the others
    don't, a router is killed meanwhile, and nothing is lost when it is back."""
    registry = _registry(stage)
    formats = Formats(registry, stage.prefix, stage.directory / "formats")
    known = list(formats.all)
    team = _team(stage)
    stage.write_rules([team])
    stage.make_topics([team])
    router = _start(stage, registry).wait_ready()
    stage.produce(formats.stream(2_000, stage.seed))
    stage.consumed()

    newer = formats.add_newer()
    registry.kill()
    # One user's, and so one partition's.
    held = next(formats.stream(1, stage.seed, first_id=900_000, only=newer))
    stage.produce([held])
    router.wait_until("a partition that waits",
                      lambda: router.metric("turnout_tasks", phase="waiting") == 1)
    formats.all = known
    before = router.metric("turnout_events_consumed_total")
    stage.produce(formats.stream(4_000, stage.seed + 1, first_id=10_000))
    router.wait_until("events of the other partitions",
                      lambda: router.metric("turnout_events_consumed_total") > before + 2_000)
    status, text = router.get("/v1/status")
    assert status == 200 and f"schema {newer.id} of " in text, text
    router.kill()
    router.start().wait_ready()
    router.wait_until("the partition that waits again",
                      lambda: router.metric("turnout_tasks", phase="waiting") >= 1)
    registry.start()
    formats.all = [*known, newer]
    stage.consumed()
    stage.check([team], FormatsOracle([team], stage.dead_letters, formats))
    assert not _reasons(stage), _reasons(stage)


def an_id_without_an_answer_becomes_dead_letters_and_is_put_back(stage):
    """After wait_max, while all else goes on; when the registry has answered `dlq redrive` sends them."""
    registry = _registry(stage)
    formats = Formats(registry, stage.prefix, stage.directory / "formats")
    team = _team(stage)
    stage.write_rules([team])
    stage.make_topics([team], source_partitions=1)
    registry.kill()
    router = _start(stage, registry, wait_max="3s").wait_ready()
    begun = time.monotonic()
    stage.produce(formats.stream(300, stage.seed))
    stage.consumed()
    took = time.monotonic() - begun
    reasons = topics.read(stage.bootstrap, stage.dead_letters)[stage.dead_letters]
    stage.say(f"{len(reasons)} of 300 events are dead letters after {took:.1f} s")
    assert 100 < len(reasons) < 300 and took < WAIT_S, (len(reasons), took)
    assert router.metric("turnout_schemas", phase="unanswered") == 2
    said = router.get("/v1/status")[1]
    assert "2 schemas without an answer" in said and registry.url in said, said
    registry.start()
    # Nobody asks for them meanwhile; what is put back earlier would be dead letters again.
    router.wait_until("the registry's answers",
                      lambda: router.metric("turnout_schemas", phase="unanswered") == 0)
    done = subprocess.run([router.binary, "dlq", "redrive", "--config", router.config_file],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    due = collections.Counter(
        (one.topic, value_of(one)) for one in FormatsOracle(
            [team], stage.dead_letters, formats).expected(
                topics.read(stage.bootstrap, stage.source)[stage.source])
        if one.topic != stage.dead_letters)
    names = stage.destinations([team])
    router.wait_until("what was put back", lambda: due == collections.Counter(
        (name, record.value) for name, records in topics.read(stage.bootstrap, names).items()
        for record in records), WAIT_S)


def _hostile_ids():
    """(an answer, what stands behind the id in its events, what their dead letters say of it)."""
    nest = '{"type":"array","items":' * 30_000 + '"int"' + "}" * 30_000
    twice = '{"type":"record","name":"%s","fields":[{"name":"a","type":%s},{"name":"b","type":"%s"}]}'
    bomb = '{"type":"record","name":"R0","fields":[]}'
    for number in range(1, 40):
        bomb = twice % (f"R{number}", bomb, f"R{number - 1}")
    fixed = '{"type":"record","name":"F","fields":[{"name":"f","type":{"type":"fixed","name":"X",' \
            '"size":4000}}]}'
    yield hostile.schema_of(fixed), b"abc", "can't be read by its schema"
    yield hostile.schema_of(json.dumps(AVRO), "PROTOBUF"), b"abc", "can't be compiled"
    yield hostile.schema_of("no schema at all"), b"abc", "can't be compiled"
    yield hostile.schema_of('"int"', "THRIFT"), b"abc", "of the type `THRIFT`"
    yield hostile.schema_of(nest), b"abc", "can't be compiled"
    yield hostile.schema_of(bomb), b"", "more JSON than is read"
    yield hostile.schema_of('"int"', references=[
        {"name": "a", "subject": "endless", "version": 1}]), b"abc", "go deeper than"
    yield hostile.error_of(404, "never heard of it"), b"abc", "never heard of it"
    yield hostile.endless, b"abc", "is longer than"
    # What may pass is asked for again until its time is over.
    yield hostile.error_of(503, "too busy"), b"abc", "too busy"
    yield hostile.error_of(401, "who are you?"), b"abc", "name who asks in schema_registry.username"
    yield hostile.json_of(404, "a page"), b"abc", "names a registry's API"
    yield hostile.json_of(200, "nonsense"), b"abc", "is no schema"
    yield hostile.nests, b"abc", "is no schema"
    yield hostile.redirects_to_itself, b"abc", "nobody is followed"
    yield hostile.drips, b"abc", ""
    yield hostile.closes, b"abc", ""


def a_hostile_registry_costs_the_events_that_need_it_and_no_others(stage):
    """Each id that it answers badly gives dead letters with the reason, within wait_max and in little
    memory; events of one that it answers after a while are held and lost nowhere."""
    registry = HostileRegistry()
    stage.at_end(registry.close)
    formats = Formats(registry, stage.prefix, stage.directory / "formats")
    team = _team(stage)
    stage.write_rules([team])
    stage.make_topics([team])
    router = _start(stage, registry, wait_max="5s", timeout="1s").wait_ready()
    stage.produce(formats.stream(1_000, stage.seed))
    stage.consumed()
    memory, answers = MemoryWatch(router.pid), SlowestAnswer(router)
    before, begun = memory.peak_mib(), time.monotonic()

    known, is_well = list(formats.all), threading.Event()
    late = formats.add_newer()
    registry.answers[late.id] = hostile.well_once(is_well, 500, registry.known(late.id))
    written = {1_000 + number: one for number, one in enumerate(_hostile_ids())}
    registry.answers.update((schema_id, one[0]) for schema_id, one in written.items())
    stage.produce({"key": b"hostile-%d-%d" % (schema_id, number), "partition": schema_id % 3,
                   "value": framed(schema_id, payload)}
                  for number in range(HOSTILE_EVENTS)
                  for schema_id, (_, payload, _) in written.items())
    # Their partition waits for none of the others' schemas.
    stage.produce({**one, "partition": 3}
                  for one in formats.stream(50, stage.seed, first_id=500_000, only=late))
    said = router.wait_until("what to do in the status", lambda: [
        one for one in router.status()["troubles"]
        if f"schema {late.id} of {registry.url}" in one["what"]])
    assert "schema_registry.wait_max" in said[0]["do"], said
    is_well.set()
    formats.all = known
    stage.produce(formats.stream(3_000, stage.seed + 1, first_id=10_000))
    formats.all = [*known, late]
    stage.consumed()
    took_s, more_mib, slowest_s = time.monotonic() - begun, memory.peak_mib() - before, answers.end()
    stage.say(f"{len(written)} hostile ids, {took_s:.1f} s, {more_mib} MiB more, /healthz within "
              f"{slowest_s:.2f} s, {len(registry.asked)} requests")
    stage.check([team], FormatsOracle([team], stage.dead_letters, formats))
    _hold_reasons(stage, written)
    assert took_s < WAIT_S and more_mib < MORE_MIB_MAX and slowest_s < ANSWERS_WITHIN_S


def _hold_reasons(stage, written):
    """Each event of these ids is a dead letter, once, and says what is wrong."""
    wrong, counts, told = [], collections.Counter(), set()
    for letter in topics.read(stage.bootstrap, stage.dead_letters)[stage.dead_letters]:
        schema_id = int.from_bytes(letter.value[1:5], "big")
        reason = dict(letter.headers)[REASON].decode()
        counts[schema_id] += 1
        if written[schema_id][2] in reason:
            told.add(schema_id)
        elif "not waited for any longer" not in reason:  # before it is known what came of its schema
            wrong.append(f"{schema_id}: {reason}")
        assert str(schema_id) in reason, reason
    assert counts == {schema_id: HOSTILE_EVENTS for schema_id in written}, counts
    assert not wrong and told == set(written), "\n".join(wrong) or set(written) - told


def a_registry_that_trusts_and_is_trusted_once_files_are_mended_loses_nothing(stage):
    """By https, with a password: both wrong at first, which the status says; no restart mends them."""
    authority = Authority(stage.directory / "authority")
    other = Authority(stage.directory / "other")
    registry = HostileRegistry(authority.issue("registry"), ("turnout", "s3cret-of-theirs"))
    stage.at_end(registry.close)
    bundle, password = stage.directory / "bundle.pem", stage.directory / "password"
    shutil.copy(other.certificate, bundle)
    password.write_text("s3cret-of-before")
    formats = Formats(registry, stage.prefix, stage.directory / "formats")
    team = _team(stage)
    stage.write_rules([team])
    stage.make_topics([team])
    router = _start(stage, registry, ca_bundle=str(bundle), username="turnout",
                    password_file=str(password)).wait_ready()

    def says(*words):
        return lambda: all(word in router.get("/v1/status")[1] for word in words)
    stage.produce(formats.stream(1_000, stage.seed))
    router.wait_until("the certificate in the status",
                      says(" waits: ", registry.url, "certificate", "schema_registry.url, ca_bundle"))
    shutil.copy(authority.certificate, bundle)
    router.wait_until("the password's file in the status", says(
        " waits: ", "it answers 401", f"it knows turnout by the password in {password}"))
    assert not _reasons(stage)
    password.write_text("s3cret-of-theirs")
    stage.consumed()
    stage.check([team], FormatsOracle([team], stage.dead_letters, formats))
    assert not _reasons(stage), _reasons(stage)
    assert "s3cret" not in router.log() + router.get("/v1/status")[1]


TESTS = [avro_and_protobuf_events_are_routed_by_their_fields_exactly_once,
         a_registry_that_dies_holds_only_what_needs_it,
         an_id_without_an_answer_becomes_dead_letters_and_is_put_back,
         a_hostile_registry_costs_the_events_that_need_it_and_no_others,
         a_registry_that_trusts_and_is_trusted_once_files_are_mended_loses_nothing]
