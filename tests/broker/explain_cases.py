"""What is said of an event and its rules: by its offset, by an output of it, by a router that runs."""
import json
import subprocess

import topics

EVENTS = [{"type": "order", "id": "a", "total": 700}, {"type": "order", "id": "a", "total": 800},
          {"type": "order", "id": "a", "total": 5}]


def _explain(stage, router, *arguments):
    """Status, the answer as JSON (None if there is none), and what standard error says."""
    done = subprocess.run([stage.binary, "explain", "--config", router.config_file, "--json",
                           *arguments], capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def _rules(explanation):
    return {rule["rule"]: rule for rule in explanation["rules"]}


def an_event_is_explained_by_its_offset_by_an_output_and_by_a_running_router(stage):
    """The same rules and the same words three times; the router that runs knows what it remembers."""
    out = f"{stage.prefix}.out"
    team = {"team": "shop", "destinations": [f"{stage.prefix}.*"], "rules": [
        {"name": "big", "match": {"type": ["order"], "total": [{"numeric": [">", 100]}]}, "to": out,
         "steps": [{"dedup": {"key": "id", "for": "1h"}}]}]}
    stage.write_rules([team])
    topics.create(stage.bootstrap, [stage.source, out, stage.dead_letters], 1)
    router = stage.router(source={"partitioned_by": "id"}).start().wait_ready()
    stage.produce({"key": event["id"], "value": json.dumps(event)} for event in EVENTS)
    stage.consumed()
    in_force = router.status()["rules"]["hash"]

    status, found, _ = _explain(stage, router, "--at", "0:2")
    assert status == 0 and found["rule_set"] == in_force, (status, found)
    failed = _rules(found)["shop/big"]["failed"]
    assert (failed["field"], failed["wanted"], failed["seen"]) == \
        ("total", [{"numeric": [">", 100]}], [5]), failed
    status, _, complaint = _explain(stage, router, "--at", "0:3")
    assert status == 1 and "it has 0 up to, but not including, 3" in complaint, complaint

    status, found, _ = _explain(stage, router, "--output", f"{out}:0:0")
    assert status == 0 and found["event"]["offset"] == 0, (status, found)
    assert found["outputs"][0]["destination"] == out, found["outputs"]
    sent = topics.read(stage.bootstrap, out)[out]
    assert len(sent) == 1, sent
    assert json.loads(found["outputs"][0]["value"]) == json.loads(sent[0].value)
    assert [tuple(header) for header in found["outputs"][0]["headers"]] == \
        [(name, value.decode()) for name, value in sent[0].headers], (found, sent[0].headers)
    # Behind it is the mark of its transaction's end.
    status, _, complaint = _explain(stage, router, "--output", f"{out}:0:1")
    assert status == 1 and "holds no record" in complaint, complaint

    code, body = router.post("/v1/explain", json.dumps({"partition": 0, "offset": 1}))
    assert code == 200, (code, body)
    asked = json.loads(body)
    step = _rules(asked)["shop/big"]["steps"][0]
    assert asked["state"] == "asked" and step["verdict"] == "stops" and step["passed_at"], asked
    assert any("routed already" in note for note in asked["notes"]), asked["notes"]
    event = {"value": {"type": "order", "id": "b", "total": 900}, "partition": 0}
    for _ in range(2):  # asking changes nothing
        asked = json.loads(router.post("/v1/explain", json.dumps(event))[1])
        assert _rules(asked)["shop/big"]["steps"][0]["verdict"] == "passes", asked
    assert asked["outputs"][0]["destination"] == out, asked
    assert router.post("/v1/explain", "{")[0] == 400
    router.stop()
    assert len(topics.read(stage.bootstrap, out)[out]) == 1
    _replayed_output(stage, router, out)
    # By rules that are no more, but were in force here.
    stage.write_rules([{**team, "rules": [{"name": "none", "match": {"type": ["x"]}, "to": out}]}])
    status, found, _ = _explain(stage, router, "--output", f"{out}:0:0")
    assert status == 0 and found["rule_set"] == in_force, (status, found)
    assert found["outputs"][0]["destination"] == out, found["outputs"]


def _replayed_output(stage, router, out):
    """A replay's rule set is of its rule alone, which may have sent elsewhere."""
    again = f"{stage.prefix}.again"
    topics.create(stage.bootstrap, [again], 1)
    for to, arguments in [(f"{out}:0:2", []), (f"{again}:0:0", ["--to-topic", again])]:
        subprocess.run([stage.binary, "replay", "--config", router.config_file, "--rule",
                        "shop/big", "--from", "earliest", "--to", "now", "--job", f"to-{to[-1]}",
                        *arguments], capture_output=True, check=True, timeout=60)
        status, found, _ = _explain(stage, router, "--output", to)
        notes = found["notes"]
        assert status == 0 and found["outputs"][0]["destination"] == to.split(":")[0], found
        assert any(f"sent by the replay job to-{to[-1]}" in note for note in notes), notes
        assert not any("at hand: what follows" in note for note in notes), notes


TESTS = [an_event_is_explained_by_its_offset_by_an_output_and_by_a_running_router]
