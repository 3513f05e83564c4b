"""Events enriched from tables that are kept from compacted topics of a real broker."""
import json
import time

import topics
from oracle import ERROR, REASON, RULES, SOURCE

COMPACTED = {"cleanup.policy": "compact"}


def _catalog(stage):
    return f"{stage.prefix}.catalog"


def _prepare(stage, partitions=3):
    """One team with a rule for each `missing`; events of `kind` null, drop and park."""
    team = {"team": "shop", "owner": "shop@example.com", "destinations": [f"{stage.prefix}.out.*"],
            "rules": [{"name": f"missing-{missing}", "match": {"kind": [missing]},
                       "enrich": [{"table": "merchants", "key": "merchant", "into": "info",
                                   "missing": missing}],
                       "to": f"{stage.prefix}.out.{missing}"}
                      for missing in ("null", "drop", "park")]}
    stage.write_rules([team])
    topics.create(stage.bootstrap, stage.source, 2)
    topics.create(stage.bootstrap, stage.destinations([team]) + [stage.dead_letters, _parking(stage)],
                  1)
    topics.create(stage.bootstrap, _catalog(stage), partitions, config=COMPACTED)


def _parking(stage):
    return f"{stage.source}.parking"


def _router(stage, name="router"):
    return stage.router(name, tables={"merchants": {"topic": _catalog(stage)}})


def _put(stage, records):
    """Records of the catalog; a value of None is a tombstone."""
    topics.produce(stage.bootstrap, _catalog(stage),
                   ({"key": key, "value": None if value is None else json.dumps(value)}
                    for key, value in records))


def _send(stage, events):
    return topics.produce(stage.bootstrap, stage.source,
                          ({"key": "k", "value": json.dumps(event)} for event in events))


def _outputs(stage, missing):
    topic = f"{stage.prefix}.out.{missing}"
    return [json.loads(record.value) for record in topics.read(stage.bootstrap, topic)[topic]]


def _wait_applied(router, count):
    router.wait_until(f"{count} table records applied", lambda: router.metric(
        "turnout_table_records_total", table="merchants") >= count, 20)


def a_table_is_loaded_before_events_flow_and_followed_afterwards(stage):
    """Loaded, updated, a tombstone, each policy for a missing key, a partition that comes later."""
    _prepare(stage)
    _put(stage, ((f"m-{i}", {"n": i}) for i in range(20_000)))
    # Waiting already when the router starts: were it to route before the table is there, they would
    # miss their merchants.
    _send(stage, ({"kind": "null", "merchant": f"m-{i * 97 % 20_000}", "i": i} for i in range(2000)))
    router = _router(stage).start().wait_ready()
    stage.consumed()
    first = _outputs(stage, "null")
    assert len(first) == 2000, f"{len(first)} outputs, {first[:3]}"
    assert all(event["info"] == {"n": int(event["merchant"][2:])} for event in first), first[0]

    _put(stage, [("m-1", {"n": "new"}), ("m-2", None)])
    _wait_applied(router, 20_002)
    _send(stage, [{"kind": kind, "merchant": f"m-{i}"}
                  for kind in ("null", "drop", "park") for i in (1, 2)] + [{"kind": "park"}])
    stage.consumed()
    assert _outputs(stage, "null")[2000:] == [
        {"kind": "null", "merchant": "m-1", "info": {"n": "new"}},
        {"kind": "null", "merchant": "m-2", "info": None}]
    assert _outputs(stage, "drop") == [{"kind": "drop", "merchant": "m-1", "info": {"n": "new"}}]
    assert _outputs(stage, "park") == [{"kind": "park", "merchant": "m-1", "info": {"n": "new"}}]
    parked = topics.read(stage.bootstrap, _parking(stage))[_parking(stage)]
    assert [json.loads(record.value) for record in parked] == [
        {"kind": "park", "merchant": "m-2"}, {"kind": "park"}]
    headers = dict(parked[0].headers)
    assert headers[ERROR] == b"missing_key" and headers[RULES] == b"shop/missing-park", headers
    assert b"m-2" in headers[REASON] and headers[SOURCE].startswith(stage.source.encode()), headers
    assert not topics.read(stage.bootstrap, stage.dead_letters)[stage.dead_letters]
    router.wait_until("the dropped match counted", lambda: router.metric(
        "turnout_rule_events_stopped_total", rule="missing-drop", step="enrich") == 1, 5)
    router.stop()


def a_restart_goes_on_from_the_table_on_disk(stage):
    """Only what is new is read; after kill -9 what was not on disk is read again."""
    _prepare(stage)
    _put(stage, ((f"m-{i}", {"n": i}) for i in range(20_000)))
    router = _router(stage).start().wait_ready()
    assert router.metric("turnout_table_records_total") == 20_000
    router.stop()
    _put(stage, [("m-5", {"n": "while away"}), ("m-6", None)])
    router.start().wait_ready()
    assert router.metric("turnout_table_records_total") == 2, router.metric(
        "turnout_table_records_total")
    router.kill()
    _put(stage, [("m-7", {"n": "while dead"})])
    router.start().wait_ready()
    _send(stage, ({"kind": "null", "merchant": f"m-{i}"} for i in range(4, 9)))
    stage.consumed()
    assert [event["info"] for event in _outputs(stage, "null")] == [
        {"n": 4}, {"n": "while away"}, None, {"n": "while dead"}, {"n": 8}]
    router.stop()


def a_missing_table_topic_is_waited_for_and_one_made_anew_is_read_anew(stage):
    """/readyz names the topic and the cure; nothing of the old topic is left after it was replaced."""
    _prepare(stage)
    topics.delete(stage.bootstrap, [_catalog(stage)])
    router = _router(stage).start()
    router.wait_until("the reason", lambda: "cleanup.policy=compact" in router.get("/readyz")[1])
    topics.create(stage.bootstrap, _catalog(stage), 3, config=COMPACTED)
    _put(stage, [("old", {"n": 1}), ("both", {"n": 1})])
    router.wait_ready()
    _wait_applied(router, 2)
    # Replaced behind a running router's back.
    topics.delete(stage.bootstrap, [_catalog(stage)])
    router.wait_until("the loss being seen", lambda: "doesn't exist" in router.log_tail(3), 30)
    assert router.get("/readyz")[0] == 200, "the table is as good as it was"
    topics.create(stage.bootstrap, _catalog(stage), 3, config=COMPACTED)
    _put(stage, [("both", {"n": 2})])
    router.wait_ready()
    _wait_applied(router, 3)
    _send(stage, ({"kind": "null", "merchant": merchant} for merchant in ("old", "both")))
    stage.consumed()
    assert [event["info"] for event in _outputs(stage, "null")] == [None, {"n": 2}]
    router.stop()
    # ... and while it is away: the offsets on disk reach beyond the new topic.
    topics.delete(stage.bootstrap, [_catalog(stage)])
    time.sleep(1)
    topics.create(stage.bootstrap, _catalog(stage), 3, config=COMPACTED)
    router.start().wait_ready()
    _send(stage, [{"kind": "null", "merchant": "both"}])
    stage.consumed()
    assert _outputs(stage, "null")[2]["info"] is None
    router.stop()


def a_table_left_for_longer_than_deletions_are_kept_is_read_anew(stage):
    """By the topic's own delete.retention.ms; with the default of a day the same restart goes on."""
    _prepare(stage)
    _put(stage, [("gone", {"n": 1}), ("stays", {"n": 1})])
    router = _router(stage).start().wait_ready()
    router.stop()
    router.start().wait_ready()
    assert router.metric("turnout_table_read_anew_total", table="merchants") == 0
    router.stop()
    topics.set_config(stage.bootstrap, _catalog(stage),
                      {**COMPACTED, "delete.retention.ms": "1000"})
    _put(stage, [("gone", None)])
    time.sleep(1)
    router.start().wait_ready()
    assert router.metric("turnout_table_read_anew_total", table="merchants") == 1
    assert "delete.retention.ms" in router.log_file.read_text(), router.log_tail(5)
    _send(stage, ({"kind": "null", "merchant": merchant} for merchant in ("gone", "stays")))
    stage.consumed()
    assert [event["info"] for event in _outputs(stage, "null")] == [None, {"n": 1}]
    router.stop()


TESTS = [
    a_table_is_loaded_before_events_flow_and_followed_afterwards,
    a_restart_goes_on_from_the_table_on_disk,
    a_missing_table_topic_is_waited_for_and_one_made_anew_is_read_anew,
    a_table_left_for_longer_than_deletions_are_kept_is_read_anew,
]
