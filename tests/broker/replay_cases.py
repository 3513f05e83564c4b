"""Jobs over what a topic holds: what two versions of the rules differ in."""
import collections
import json
import subprocess

import events
import topics
from oracle import Oracle

DIFF_EVENTS = 3_000
TAIL_EVENTS = 200


def two_versions_of_the_rules_are_compared_over_what_the_source_holds(stage):
    """Over a range, a file and the tail, with the counts of the oracle; no group is touched."""
    old = stage.teams("growth")
    new = json.loads(json.dumps(old))
    rules = {rule["name"]: rule for rule in new[0]["rules"]}
    rules["vip"]["match"]["tier"] = ["gold", "basic"]  # more events
    rules["vip-orders"]["to"] = f"{stage.prefix}.growth.vip-orders"  # fewer topics
    rules["vip-part"]["rollout"]["percent"] = 20  # fewer keys
    del rules["vip-trial"]["rollout"]  # out of the shadow
    stage.write_rules(old)
    stage.write_rules(new, "new")
    stage.make_topics(old)
    records = list(events.stream(DIFF_EVENTS, stage.seed, unreadable_every=300))
    stage.produce(records)
    router = stage.router()
    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    due = _due_difference(source, old[0], new[0])
    found = _diff(stage, "--config", router.config_file, "--since", "earliest")
    assert _as_due(found) == due, f"{_as_due(found)}\ndue {due}"
    assert found["unreadable"] == DIFF_EVENTS // 300, found["unreadable"]
    sample = next(rule for rule in found["rules"] if rule["rule"] == "growth/vip")["samples"][0]
    topic, partition, offset = sample["at"].split("/")
    at = next(record for record in source
              if (record.partition, record.offset) == (int(partition), int(offset)))
    assert topic == stage.source and at.value.decode().startswith(sample["event"]), sample
    lines = stage.directory / "events.ndjson"
    lines.write_bytes(b"".join(record["value"] + b"\n" for record in records))
    of_file = _diff(stage, "--events", lines)
    due = _due_difference([record._replace(key=None) for record in source], old[0], new[0])
    assert _as_due(of_file) == due, f"{_as_due(of_file)}\ndue {due}"
    flow = stage.flow(events.stream(20_000, stage.seed, first_id=DIFF_EVENTS), 1000)
    of_tail = _diff(stage, "--config", router.config_file, "--tail", "30s", "--count",
                    str(TAIL_EVENTS))
    flow.end()
    assert of_tail["events"] == TAIL_EVENTS, of_tail["events"]
    committed = topics.committed_offsets(stage.bootstrap, stage.group, stage.source)
    assert set(committed.values()) == {-1}, committed


def _diff(stage, *arguments):
    done = subprocess.run([stage.binary, "diff", "--from", stage.directory / "rules", "--to",
                           stage.directory / "new", "--json", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1, (done.returncode, done.stdout[-500:], done.stderr)
    return json.loads(done.stdout)


def _due_difference(source, old, new):
    """Rule to (old events, new ones, gained, lost, moved), as the oracle sees each rule alone."""
    due = {}
    for before, after in zip(old["rules"], new["rules"]):
        was, will = (_sent_by(source, {**old, "rules": [rule]}) for rule in (before, after))
        both = was.keys() & will.keys()
        counts = [len(was), len(will), len(will) - len(both), len(was) - len(both),
                  sum(was[event] != will[event] for event in both)]
        if any(counts):
            due[f"growth/{before['name']}"] = counts
    return due


def _sent_by(source, team):
    """Position of an event to where it goes."""
    sent = collections.defaultdict(set)
    for one in Oracle([team], "(dead letters)").expected(source):
        if one.reason != "unreadable_event":
            sent[one.event.partition, one.event.offset].add(one.topic)
    return sent


def _as_due(found):
    return {rule["rule"]: [rule[name] for name in ("old", "new", "gained", "lost", "moved")]
            for rule in found["rules"]}


TESTS = [two_versions_of_the_rules_are_compared_over_what_the_source_holds]
