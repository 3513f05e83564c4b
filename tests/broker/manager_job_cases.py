"""Replays and redrives that the config manager runs, with a kill -9 of it amid each."""
import collections
import json
import sys
import time
from pathlib import Path

import topics

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "manager"))
from manager_process import Manager  # noqa: E402

EVENTS, LATER = 3_000, 300
REPLAY_RATE, REDRIVE_RATE = 1_200, 400
WAIT_S = 40
JOBS = "/v1/services/orders/jobs"
LETTERS = "/v1/services/orders/dead-letters"


def _team(stage):
    return {"team": "shop", "owner": "shop@example.com", "destinations": [f"{stage.prefix}.out.*"],
            "rules": [{"name": "both", "match": {"kind": ["order"]},
                       "to": [f"{stage.prefix}.out.all", f"{stage.prefix}.out.{{region}}"]}]}


def _events(begin, end, regions):
    for i in range(begin, end):
        yield {"key": f"u-{i % 30}", "value": json.dumps(
            {"kind": "order", "region": regions[i % len(regions)], "i": i})}


def _numbers(stage, name):
    """How often each event is in a destination."""
    topic = f"{stage.prefix}.out.{name}"
    topics.wait_until_settled(stage.bootstrap, [topic])
    return collections.Counter(
        json.loads(record.value)["i"] for record in topics.read(stage.bootstrap, topic)[topic])


def _await(caller, number, happened):
    deadline = time.monotonic() + WAIT_S
    while True:
        job = caller.get(f"{JOBS}/{number}").json
        if happened(job):
            return job
        assert job["state"] not in ("failed", "cancelled"), job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def _run_killed(manager, caller, wish, total, meanwhile=lambda: None):
    """Starts it, kills the manager amid it, and lets the next one do the rest. The job."""
    counted = caller.post(f"{JOBS}?dry_run=1", wish)
    assert counted.status == 200 and counted.json["total"] == total, counted.body
    started = caller.post(JOBS, wish)
    assert started.status == 201, started.body
    number = started.json["number"]
    assert caller.post(JOBS, wish).status == 409, "the same, twice"
    amid = _await(caller, number, lambda job: job["done"] >= total / 6)
    assert amid["state"] == "running" and amid["total"] == total, amid
    manager.kill()
    meanwhile()
    manager.start()
    assert caller.get(f"{JOBS}/{number}").json["state"] in ("queued", "running")
    done = _await(caller, number, lambda job: job["state"] == "done")
    assert done["done"] == done["total"] == total, done
    return done


def _set_up(stage):
    team = _team(stage)
    stage.write_rules([team])
    topics.create(stage.bootstrap, stage.source, 4)
    topics.create(stage.bootstrap, [f"{stage.prefix}.out.{name}"
                                    for name in ("all", "north", "backfill")]
                  + [stage.dead_letters], 3)
    router = stage.router().start().wait_ready()
    pipelines = json.dumps({"orders": {"pipeline": str(router.config_file)}})
    manager = Manager(stage.binary, stage.directory / "manager",
                      config=[f"services: {pipelines}"])
    stage.at_end(manager.close)
    callers = {"admin": manager.bearer("admin", ("*", "*", "admin")),
               "ann": manager.bearer("ann", ("orders", "shop", "editor")),
               "vic": manager.bearer("vic", ("orders", "*", "viewer"))}
    manager.start()
    put = callers["admin"].put("/v1/services/orders/items/rules/shop", json.dumps(team))
    assert put.status == 201, put.body
    return router, manager, callers


def a_manager_killed_amid_a_replay_and_a_redrive_sends_each_event_once(stage):
    """Jobs go on with the next manager, within the range that they had; who may not, does not."""
    router, manager, callers = _set_up(stage)
    ann, vic = callers["ann"], callers["vic"]
    stage.produce(_events(0, EVENTS, ["late", "north", "north"]))
    topics.produce(stage.bootstrap, stage.source, [{"key": "x", "value": "{cut short"}])
    stage.consumed()
    topics.wait_until_settled(stage.bootstrap, [stage.dead_letters])

    replay = {"kind": "replay", "rule": "shop/both", "from": "earliest", "to": "now",
              "to_topic": f"{stage.prefix}.out.backfill", "rate": REPLAY_RATE, "why": "a week"}
    assert vic.post(JOBS, replay).status == 403
    assert ann.post(JOBS, {**replay, "to_topic": stage.dead_letters}).status == 403
    said = ann.post(f"{JOBS}?dry_run=1", {**replay, "rule": "shop/bot"})
    assert said.status == 400 and "there is no rule" in said.json["error"], said.body
    _run_killed(manager, ann, replay, EVENTS + 1,
                lambda: stage.produce(_events(EVENTS, EVENTS + LATER, ["north"])))
    assert _numbers(stage, "backfill") == collections.Counter(range(EVENTS)), "not once each"

    _judge_reading(callers)
    topics.create(stage.bootstrap, f"{stage.prefix}.out.late", 3)
    redrive = {"kind": "redrive", "rule": "shop/both", "letter_kind": "destination_unavailable",
               "reason": "doesn't exist", "rate": REDRIVE_RATE}
    assert vic.post(JOBS, redrive).status == 403
    late = collections.Counter(range(0, EVENTS, 3))
    _run_killed(manager, ann, redrive, len(late))
    router.wait_until("what was put back being there",
                      lambda: sum(_numbers(stage, "late").values()) >= len(late))
    assert _numbers(stage, "late") == late, "not once each"
    assert _numbers(stage, "all") == collections.Counter(range(EVENTS + LATER))
    left = callers["admin"].get(LETTERS).json["groups"]
    assert [(one["kind"], one["count"]) for one in left] == [("unreadable_event", 1)], left

    _cancel_and_resume(ann, replay)
    lines = callers["admin"].get("/v1/audit?service=orders&limit=1000").json["entries"]
    seen = collections.Counter((line["action"], line["outcome"]) for line in lines)
    assert seen["job_begins", "done"] >= 4 and seen["job_ends", "done"] == 2, seen
    assert seen["list_dead_letters", "done"] == 1 and seen["list_dead_letters", "refused"] == 2, seen
    router.stop()
    assert manager.stop() == 0


def _judge_reading(callers):
    """Who sees what of dead letters."""
    group, = callers["vic"].get(f"{LETTERS}?rule=shop").json["groups"]
    assert group["count"] == EVENTS / 3 and "reason" not in group, group
    group, = callers["ann"].get(f"{LETTERS}?rule=shop").json["groups"]
    assert "doesn't exist" in group["reason"], group
    assert callers["vic"].get(f"{LETTERS}?list=1&payload=1&rule=shop").status == 403
    assert callers["vic"].get(f"{LETTERS}?reason=exist").status == 403
    letters = callers["ann"].get(f"{LETTERS}?list=1&payload=1&rule=shop&limit=5").json["letters"]
    assert [json.loads(one["value"])["region"] for one in letters] == ["late"] * 5, letters
    letters = callers["ann"].get(f"{LETTERS}?list=1&kind=unreadable_event").json["letters"]
    assert len(letters) == 1 and "value" not in letters[0] and "reason" not in letters[0], letters


def _cancel_and_resume(caller, replay):
    slow = {**replay, "rate": 20}
    number = caller.post(JOBS, slow).json["number"]
    _await(caller, number, lambda job: job["state"] == "running" and job["done"] > 0)
    for further in ("cancel", "resume", "cancel"):
        answer = caller.post(f"{JOBS}/{number}/{further}")
        assert answer.status == 200, answer.body
        deadline = time.monotonic() + WAIT_S
        wanted = "cancelled" if further == "cancel" else "running"
        while caller.get(f"{JOBS}/{number}").json["state"] != wanted:
            assert time.monotonic() < deadline, caller.get(f"{JOBS}/{number}").json
            time.sleep(0.05)


TESTS = [a_manager_killed_amid_a_replay_and_a_redrive_sends_each_event_once]
