"""Jobs over what a topic holds: replays of one rule, and what two versions of the rules differ in."""
import collections
import json
import shutil
import subprocess
import time

import events
import topics
from kafka import die_with_parent
from oracle import Oracle
from state_setup import SETTINGS, check, events_of, scaled, start_all, teams_of
from step_oracle import Phase, StepOracle

HELD_EVENTS = 6_000  # before the replay begins
MORE_EVENTS = 3_000  # while it goes on
REPLAY_RATE = 1_000
LIVE_RATE = 400
RUNS = 5  # that do not come to the end
STOPPED_RUN, FORGOTTEN_RUN, OVERTAKEN_RUN = 1, 2, 3
END_AFTER_S = (0.1, 0.6)
JOIN_RATE = 1_500
DIFF_EVENTS = 3_000
TAIL_EVENTS = 200


class Job:
    """`turnout replay` with a router's config."""

    def __init__(self, stage, router, *arguments):
        self.command = [stage.binary, "replay", "--config", router.config_file, *arguments]
        self.router = router
        self.log = router.directory / "replay.log"

    def start(self):
        with open(self.log, "ab") as log:
            return subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=log, text=True, start_new_session=True,
                                    preexec_fn=die_with_parent)

    def run(self, timeout_s=90):
        """Status, standard output, standard error of this run."""
        before = self.log.stat().st_size if self.log.exists() else 0
        process = self.start()
        try:
            out, _ = process.communicate(timeout=timeout_s)
        finally:
            process.kill()
        return process.returncode, out, self.log.read_text()[before:]

    def forget_state(self):
        shutil.rmtree(self.router.directory / "state" / "replay", ignore_errors=True)


def a_replay_that_is_killed_again_and_again_sends_each_event_once_beside_live_traffic(stage):
    """A replay of a rule that remembers, while events flow: four kill -9, its state lost once, a
    stop, and a second run beside the first."""
    teams = teams_of(stage)
    router, = start_all(stage, teams, "live")
    backfill, dead = f"{stage.prefix}.backfill", f"{stage.prefix}.backfill.dead"
    topics.create(stage.bootstrap, [backfill, dead], 4)
    stage.produce(events_of(stage, HELD_EVENTS))
    ends = topics.ends(stage.bootstrap, stage.source)
    flow = stage.flow(events_of(stage, MORE_EVENTS, after=HELD_EVENTS), LIVE_RATE)
    job = Job(stage, router, "--rule", "fraud/spend", "--from", "earliest", "--to",
              ",".join(f"{part}:{end}" for part, end in ends.items()), "--to-topic", backfill,
              "--rate", f"{REPLAY_RATE}/s", "--job", "week", "--set", f"dead_letter_topic={dead}")
    _end_again_and_again(stage, job, ends)
    status, out, err = job.run()
    assert status == 0 and "job week is done: fraud/spend" in out, (status, out, err[-2000:])
    assert not (router.directory / "state" / "replay" / "week").exists(), "the state is still there"
    status, out, _ = job.run()
    assert status == 0 and "job week is done already" in out, (status, out)
    _ranges(stage, router, job)
    assert flow.join() == scaled(stage, MORE_EVENTS)
    stage.consumed()
    router.stop()
    _check_backfill(stage, ends, backfill, dead)
    check(stage, [Phase(teams)], teams)
    _refusals(stage, router)


def _ranges(stage, router, job):
    """What is asked for under a used name, and what is no range or an empty one."""
    def ask(*arguments):
        options = dict(zip(job.command[4::2], job.command[5::2])) | dict(arguments)
        return Job(stage, router, *(word for option in options.items() for word in option)).run()

    end = topics.ends(stage.bootstrap, stage.source)[0]
    status, out, err = ask(("--to", f"0:{end}"))
    assert status == 2 and "is done with another range, from 0:0" in err, (status, out, err)
    name = ("--job", "fresh")
    status, out, err = ask(name, ("--from", "0:5"), ("--to", "0:2"))
    assert status == 2 and "partition 0, from offset 5 to 2" in err, (status, out, err)
    status, out, _ = ask(name, ("--from", "0:5"), ("--to", "0:5"))
    assert status == 0 and "job fresh has not begun" in out, (status, out)
    status, out, _ = ask(name, ("--from", "0:2"), ("--to", "0:2"))
    assert status == 0 and "job fresh has not begun" in out, (status, out)


def _end_again_and_again(stage, job, ends):
    seen, begun = [], time.monotonic()
    for run in range(RUNS):
        process = job.start()
        if run != FORGOTTEN_RUN:  # which is ended at its beginning
            _await_progress(stage, seen[-1] if seen else 0)
        time.sleep(stage.chance.uniform(*END_AFTER_S))
        assert process.poll() is None, f"the job has ended before it was ended in run {run}"
        if run == STOPPED_RUN:
            process.terminate()
            out, _ = process.communicate(timeout=30)
            assert process.returncode == 1 and "job week was stopped" in out, out
        elif run == OVERTAKEN_RUN:
            first, process = process, job.start()
            first.communicate(timeout=30)
            assert first.returncode == 1, f"who was overtaken ended with {first.returncode}"
            assert "another run of job week has taken over" in job.log.read_text()
        process.kill()
        process.communicate()
        if run == FORGOTTEN_RUN:
            job.forget_state()
        seen.append(_progress(stage))
        # What was saved up is a tenth of a second's, for each run.
        allowed = REPLAY_RATE * (time.monotonic() - begun + (run + 2) / 10)
        assert seen[-1] <= allowed, f"{seen[-1]} offsets are more than its rate allows: {allowed}"
    stage.say(f"ended at {seen} of {sum(ends.values())} offsets, seed {stage.seed}")
    assert seen == sorted(seen), "the job went back"
    assert len(set(seen) - {0, sum(ends.values())}) >= 3, "few ends came while it was at work"


def _progress(stage):
    offsets = topics.committed_offsets(stage.bootstrap, f"{stage.group}.replay.week", stage.source,
                                       settled=False)
    return sum(max(0, offset) for offset in offsets.values())


def _await_progress(stage, beyond, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while _progress(stage) <= beyond:
        assert time.monotonic() < deadline, f"the job has come no further than {beyond}"
        time.sleep(0.1)


def _check_backfill(stage, ends, backfill, dead):
    team = next(team for team in teams_of(stage) if team["team"] == "fraud")
    team["rules"] = [{**rule, "to": backfill} for rule in team["rules"] if rule["name"] == "spend"]
    oracle = StepOracle([Phase([team])], dead, SETTINGS)
    source = [record for record in topics.read(stage.bootstrap, stage.source)[stage.source]
              if record.offset < ends[record.partition]]
    # What can't be read is live traffic's to tell.
    due = [one for one in oracle.expected(source) if one.reason != "unreadable_event"]
    stage.hold(oracle, due, [backfill, dead], source)
    for record in topics.read(stage.bootstrap, backfill)[backfill]:
        assert ("turnout-replay", b"week") in record.headers, record.headers


def _refusals(stage, router):
    stage.delete_records(0, 5)
    rule = ("--rule", "fraud/spend", "--to", "now", "--job", "other")
    for arguments, reason in [
            ((*rule, "--from", "0:4"), "no longer holds offset 4: partition 0 begins at offset 5"),
            ((*rule, "--from", "1d"), "no longer holds all since then"),
            ((*rule, "--from", "0:5", "--to-topic", f"{stage.prefix}.nowhere"),
             f"{stage.prefix}.nowhere: "),
            (("--rule", "fraud/spread", "--to", "now", "--from", "0:5", "--job", "week"),
             "begun with another rule")]:
        status, out, err = Job(stage, router, *arguments).run()
        assert status == 2 and reason in err and not out, (arguments, status, out, err)


def a_replay_joins_live_traffic_at_the_very_offset_where_its_rule_took_effect(stage):
    """A rule comes while events flow, then another change; what came before it is replayed."""
    teams = stage.teams("growth", "search")
    gold = f"{stage.prefix}.growth.gold"
    fresh = {"name": "gold", "match": {"tier": ["gold"]}, "to": gold}
    stage.write_rules(teams)
    stage.make_topics(teams)
    topics.create(stage.bootstrap, gold, 3)
    router = stage.router().start().wait_ready()
    stage.produce(events.stream(HELD_EVENTS, stage.seed))
    flow = stage.flow(events.stream(60_000, stage.seed, first_id=HELD_EVENTS), JOIN_RATE)
    time.sleep(1)
    for change in (lambda: teams[0]["rules"].append(fresh), lambda: teams[1]["rules"].pop()):
        change()
        before = router.status()["rules"]["hash"]
        stage.write_rules(teams)
        router.wait_until("the change taking effect", lambda: all(
            worker["rule_set"] != before for worker in router.status()["workers"]))
        time.sleep(1)
    status, out, err = Job(stage, router, "--rule", "growth/gold", "--from", "earliest", "--to",
                           "live").run()
    assert status == 0 and "job growth.gold is done" in out, (status, out, err[-2000:])
    # The same rule from elsewhere is the same job.
    topics.create(stage.bootstrap, f"{stage.prefix}.rules", config={"cleanup.policy": "compact"})
    topics.produce(stage.bootstrap, f"{stage.prefix}.rules",
                   [{"key": "growth.json", "value": json.dumps(teams[0])}])
    status, out, err = Job(stage, router, "--rule", "growth/gold", "--from", "earliest", "--to",
                           "live", "--set", f"rules=topic:{stage.prefix}.rules").run()
    assert status == 0 and "growth.gold is done already" in out, (status, out, err[-2000:])
    flow.end()
    stage.consumed()
    router.stop()
    oracle = Oracle([{**teams[0], "rules": [fresh]}], stage.dead_letters)
    due = oracle.expected(topics.read(stage.bootstrap, stage.source)[stage.source])
    found = topics.read(stage.bootstrap, gold)[gold]
    joins = topics.committed_offsets(stage.bootstrap, f"{stage.group}.replay.growth.gold",
                                     stage.source)
    # Each has what is its own side of that offset, in order, and no more.
    for part, is_before in (("replayed", True), ("live", False)):
        verdict = oracle.judge(
            [one for one in due if (one.event.offset < joins[one.event.partition]) == is_before],
            {gold: [record for record in found
                    if (("turnout-replay", b"growth.gold") in record.headers) == is_before]})
        stage.say(f"{part}: {verdict}")
        assert verdict.expected > 0 and verdict.faults() == 0, verdict.details()


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


TESTS = [a_replay_that_is_killed_again_and_again_sends_each_event_once_beside_live_traffic,
         a_replay_joins_live_traffic_at_the_very_offset_where_its_rule_took_effect,
         two_versions_of_the_rules_are_compared_over_what_the_source_holds]
