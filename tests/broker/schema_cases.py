"""Avro and Protobuf events, with a real registry that comes and goes."""
import collections
import json
import subprocess
import time

import topics
from schema_events import UNKNOWN_ID, Formats, FormatsOracle
from schema_registry import SchemaRegistry

EVENTS = 20_000
RATE = 1_500
KILLS = 4
WAIT_S = 40


def _registry(stage):
    registry = SchemaRegistry(stage.directory / "registry")
    stage.at_end(registry.kill)
    return registry.start()


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
    """After wait_max, while all else goes on; when the registry is back `dlq redrive` sends them."""
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
    registry.start()
    done = subprocess.run([router.binary, "dlq", "redrive", "--config", router.config_file],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    due = sum(one.topic != stage.dead_letters for one in FormatsOracle(
        [team], stage.dead_letters, formats).expected(
            topics.read(stage.bootstrap, stage.source)[stage.source]))
    router.wait_until("what was put back", lambda: due == sum(
        map(len, topics.read(stage.bootstrap, stage.destinations([team])).values())), WAIT_S)


TESTS = [avro_and_protobuf_events_are_routed_by_their_fields_exactly_once,
         a_registry_that_dies_holds_only_what_needs_it,
         an_id_without_an_answer_becomes_dead_letters_and_is_put_back]
