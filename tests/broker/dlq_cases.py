"""Dead letters that are put back, transactions that hang, events that can't be tried."""
import collections
import json
import subprocess
import time

import kafka_protocol
import topics
from kafka import die_with_parent
from oracle import ERROR, REASON, RULES, SOURCE

HOUR_MS = 3_600_000
KILLS, KILLS_MAX = 4, 12  # of a redrive; more where none of them met records on their way
VERIFICATION = "transaction.partition.verification.enable"
NEVER_REFUSED = {"message.timestamp.after.max.ms": str(100 * 24 * HOUR_MS)}


def _command(router, *words):
    return [router.binary, words[0], *words[1:], "--config", router.config_file]


def _ask(router, *words, status=0):
    """What a command prints, once it has ended with this status: why, if it is not 0."""
    done = subprocess.run(_command(router, *words), capture_output=True, text=True, timeout=90)
    assert done.returncode == status, f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stderr if status else done.stdout


def _counts(router, *words):
    """(kind, rules) to how many `turnout dlq ls` counts."""
    lines = _ask(router, "dlq", "ls", "--json", *words).splitlines()
    return {(one["kind"], one["rules"]): one["count"] for one in map(json.loads, lines)}


def _team(stage):
    return {"team": "shop", "owner": "shop@example.com",
            "destinations": [f"{stage.prefix}.out.*"],
            "rules": [
                {"name": "both", "match": {"kind": ["order"]},
                 "to": [f"{stage.prefix}.out.all", f"{stage.prefix}.out.{{region}}"]},
                {"name": "first", "match": {"kind": ["order"]},
                 "steps": [{"dedup": {"key": "user", "for": "1h"}}],
                 "to": f"{stage.prefix}.out.first-{{region}}"}]}


def _events(count, users):
    """A third of them for `late`, each with a number of its user's own."""
    for i in range(count):
        user = f"u-{i % users}"
        yield {"key": user, "value": json.dumps(
            {"kind": "order", "region": "late" if i % 3 == 0 else "north", "user": user, "i": i})}


def _numbers(stage, name):
    """Per key, the numbers of the events in a destination, in their order."""
    topic = f"{stage.prefix}.out.{name}"
    found = collections.defaultdict(list)
    for record in topics.read(stage.bootstrap, topic)[topic]:
        found[record.key.decode()].append(json.loads(record.value)["i"])
    return found


def _redrive_with_kills(stage, router, letters, *words):
    """kill -9 of the job and of the router at moments that chance chooses, until one of each fell
    while some of the letters were put back; then to the end."""
    left, cut_jobs, cut_routers = letters, 0, 0
    for kills in range(1, KILLS_MAX + 1):
        job = subprocess.Popen(_command(router, "dlq", "redrive", *words, "--rate", "300"),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               preexec_fn=die_with_parent)
        time.sleep(stage.chance.uniform(0.2, 1.6))
        job.kill()
        job.communicate()
        has_both = stage.chance.random() < 0.5 or (cut_jobs > 0 and cut_routers == 0)
        if has_both:
            router.kill()
            router.start()
        before, left = left, sum(_counts(router, *words).values())
        cut_jobs += 0 < left < before
        cut_routers += has_both and left < before
        if kills >= KILLS and cut_jobs and cut_routers:
            break
    assert cut_jobs and cut_routers, f"no kill met records on their way: {cut_jobs}, {cut_routers}"
    stage.say(f"{kills} kills, {cut_jobs} of the job and {cut_routers} of the router amid records")
    router.wait_ready()
    return _ask(router, "dlq", "redrive", *words, "--rate", "300")


def _arrived(stage, router):
    """Returns when the router has committed all that was put back, and readers see what came of it.
    Markers end the topic: its end is not that of its records."""
    topic = f"{stage.group}.rekey"
    topics.wait_until_settled(stage.bootstrap, [topic])
    ends = {record.partition: record.offset + 1
            for record in topics.read(stage.bootstrap, topic)[topic]}

    def committed():
        done = topics.committed_offsets(stage.bootstrap, topic, topic)
        return all(done[partition] >= end for partition, end in ends.items())
    router.wait_until("what was put back being committed", committed)
    outputs = [f"{stage.prefix}.out.{name}" for name in ("all", "late", "north", "first-late")]
    topics.wait_until_settled(stage.bootstrap, [*outputs, stage.dead_letters])


def dead_letters_are_put_back_once_whatever_is_killed(stage):
    """By rule, to the one destination that they lacked, past the steps that they had passed."""
    team = _team(stage)
    stage.write_rules([team])
    topics.create(stage.bootstrap, stage.source, 4)
    topics.create(stage.bootstrap, [f"{stage.prefix}.out.{name}" for name in
                                    ("all", "north", "first-north")] + [stage.dead_letters], 3)
    router = stage.router(source={"partitioned_by": "user"}).start().wait_ready()
    stage.produce(_events(3_000, users=30))
    topics.produce(stage.bootstrap, stage.source, [{"key": "x", "value": "{cut short"}])
    stage.consumed()
    topics.wait_until_settled(stage.bootstrap, [stage.dead_letters])
    users = {f"u-{i}": i for i in range(30)}
    late = {user: [i for i in range(n, 3_000, 30) if i % 3 == 0] for user, n in users.items()}
    late = {user: numbers for user, numbers in late.items() if numbers}
    first = sum(n % 3 == 0 for n in users.values())  # a user's first event is in one region
    away = "destination_unavailable"
    assert _counts(router) == {(away, "shop/both"): 1000, (away, "shop/first"): first,
                               ("unreadable_event", "-"): 1}, _counts(router)
    lacking = f"{stage.prefix}.out.late"  # a name from an event's field, which no topic has
    assert router.metric("turnout_destination_unavailable_total", destination=lacking) >= 1
    said = {one["destination"]: one["reason"] for one in router.status()["destinations_unavailable"]}
    assert "doesn't exist" in said[lacking] and f"{stage.prefix}.out.all" not in said, said
    assert _counts(router, "--rule", "shop/first") == {(away, "shop/first"): first}
    assert _counts(router, "--until", "1h") == {}
    shown = json.loads(_ask(router, "dlq", "show", "--json", "--kind", "unreadable_event"))
    assert shown["value"] == "{cut short" and shown["source"].startswith(stage.source), shown

    topics.create(stage.bootstrap, [f"{stage.prefix}.out.{name}" for name in
                                    ("late", "first-late")], 3)
    assert "1000" in _ask(router, "dlq", "redrive", "--rule", "shop/both", "--dry-run")
    assert (away, "shop/both") in _counts(router), "a dry run changes nothing"
    said = _redrive_with_kills(stage, router, 1000, "--rule", "shop/both")
    stage.say(said.splitlines()[-1].strip())
    # Another filter, which takes what was put back already too.
    said = _ask(router, "dlq", "redrive", "--kind", away)
    assert f"{first}  in all" in said, said
    _arrived(stage, router)

    def once(name, due):
        found = _numbers(stage, name)
        assert found == due, f"{name}: " + str({user: (due.get(user), found.get(user)) for user in
                                               {*due, *found} if due.get(user) != found.get(user)})
    once("late", late)
    once("all", {user: list(range(n, 3_000, 30)) for user, n in users.items()})
    once("first-late", {user: [n] for user, n in users.items() if n % 3 == 0})
    assert _counts(router) == {("unreadable_event", "-"): 1}, _counts(router)
    # What still can't be read is a dead letter again.
    assert "1  in all" in _ask(router, "dlq", "redrive")
    _arrived(stage, router)
    assert _counts(router) == {("unreadable_event", "-"): 1}, _counts(router)
    router.stop()


def _leave_hanging(port, topic):
    """Its offset. The broker takes it once it has heard of its new setting."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return kafka_protocol.leave_transaction_hanging(port, "somebody", topic, 0)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def a_hanging_transaction_is_found_and_aborted_and_readers_go_on(stage):
    """Of a producer whose coordinator knows nothing of it; and of one that went away, by its id."""
    topic, spare = f"{stage.prefix}.out.all", f"{stage.prefix}.spare"
    topics.create(stage.bootstrap, [topic, spare, stage.source, stage.dead_letters], 1)
    router = stage.router()  # for its config alone
    # One that its coordinator knows, of an id that looks like a router's.
    ghost = f"{stage.group}-ghost-0"
    producer = topics.open_transaction(stage.bootstrap, ghost, spare, b"never seen")
    port = int(stage.bootstrap.rsplit(":", 1)[1])
    kafka_protocol.change_default(port, VERIFICATION, "false")
    try:
        start = _leave_hanging(port, topic)
        topics.produce(stage.bootstrap, topic, [{"value": "behind it"}])
        assert topics.unsettled(stage.bootstrap, [topic]) == [topic]
        place = ("--topic", topic, "--partition", "0", "--start-offset", str(start))
        told = _ask(router, "txn", "ls", "--hanging", "--topic", topic, "--topic", spare)
        assert " ".join(place) in told and spare not in told, told
        assert "--yes" in _ask(router, "txn", "abort", *place, status=2)
        assert "begins at 99" in _ask(router, "txn", "abort", "--topic", topic, "--partition", "0",
                                      "--start-offset", "99", "--yes", status=1)
        _ask(router, "txn", "abort", *place, "--yes")
        topics.wait_until_settled(stage.bootstrap, [topic], 5)
        assert [record.value for record in topics.read(stage.bootstrap, topic)[topic]] == [
            b"behind it"]
        assert "nothing hangs" in _ask(router, "txn", "ls", "--hanging", "--topic", topic)
    finally:
        kafka_protocol.change_default(port, VERIFICATION, None)
    listed = [json.loads(line) for line in _ask(router, "txn", "ls", "--json").splitlines()]
    ours = [one for one in listed if one["id"] == ghost]
    assert ours and ours[0]["ours"] and ours[0]["state"] == "Ongoing" and \
        ours[0]["partitions"] == [f"{spare}/0"], listed
    assert "does not hang" in _ask(router, "txn", "abort", "--topic", spare, "--partition", "0",
                                   "--start-offset", "0", "--yes", status=2)
    assert "no coordinator knows" in _ask(router, "txn", "abort", "--transactional-id", "nobody",
                                          "--yes", status=1)
    _ask(router, "txn", "abort", "--transactional-id", ghost, "--yes")
    topics.wait_until_settled(stage.bootstrap, [spare], 5)
    assert not topics.read(stage.bootstrap, spare)[spare]
    del producer


def an_event_that_the_brokers_never_take_is_given_up_and_nothing_else_is(stage):
    """Its time is further ahead than the destinations take, and the dead-letter topic."""
    team = {"team": "shop", "owner": "shop@example.com",
            "destinations": [f"{stage.prefix}.out.*"],
            "rules": [{"name": "all", "match": {"kind": ["order"]},
                       "to": f"{stage.prefix}.out.all"}]}
    stage.write_rules([team])
    topics.create(stage.bootstrap, stage.source, 2, config=NEVER_REFUSED)
    topics.create(stage.bootstrap, [f"{stage.prefix}.out.all", stage.dead_letters], 2)
    ahead = int(time.time() * 1000) + 48 * HOUR_MS

    def events(begin, end):
        for i in range(begin, end):
            event = {"key": f"k-{i % 10}", "value": json.dumps({"kind": "order", "i": i})}
            yield {**event, "timestamp": ahead} if i % 500 == 123 else event
    stage.produce(events(0, 1_000))
    router = stage.router().start().wait_ready()
    stage.consumed()
    router.kill()  # what it was at is known to who comes next
    stage.produce(events(1_000, 1_500))
    router.start().wait_ready()
    stage.consumed()
    topics.wait_until_settled(stage.bootstrap, [f"{stage.prefix}.out.all", stage.dead_letters])
    found = _numbers(stage, "all")
    poison = {123, 623, 1_123}
    due = {f"k-{k}": [i for i in range(k, 1_500, 10) if i not in poison] for k in range(10)}
    assert found == due, {key: set(due[key]) ^ set(found[key]) for key in due}
    dead = topics.read(stage.bootstrap, stage.dead_letters)[stage.dead_letters]
    assert sorted(json.loads(record.value)["i"] for record in dead) == sorted(poison), dead
    headers = dict(dead[0].headers)
    assert headers[ERROR] == b"poison" and b"INVALID_TIMESTAMP" in headers[REASON], headers
    assert headers["turnout-timestamp"] == str(ahead).encode() and RULES not in headers, headers
    assert headers[SOURCE].startswith(stage.source.encode()), headers
    assert router.metric("turnout_destination_unavailable_total") == 0
    # It would not be taken by the re-key topic either, and stays.
    said = _ask(router, "dlq", "redrive", "--kind", "poison")
    assert "3  left" in said and "INVALID_TIMESTAMP" in said, said
    assert _counts(router) == {("poison", "-"): 3}
    router.stop()


TESTS = [dead_letters_are_put_back_once_whatever_is_killed,
         a_hanging_transaction_is_found_and_aborted_and_readers_go_on,
         an_event_that_the_brokers_never_take_is_given_up_and_nothing_else_is]
