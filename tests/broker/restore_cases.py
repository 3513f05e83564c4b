"""A state that a bad rule has spoiled is rebuilt from checkpoints of a time before it."""
import datetime
import re
import time

import topics
from state_setup import (PARTITIONS, SETTINGS, events_of, make_all, replays, router_of, scaled,
                         teams_of)
from step_oracle import Phase, StepOracle

GOOD_EVENTS = 3_000
BAD_EVENTS = 1_500  # fewer than a step's time: what came before them counts after them
LAST_EVENTS = 3_000
KILLS = 2


def _spoilt(teams):
    """Two steps remember something else, so that what they had remembered is forgotten."""
    rules = {f"{team['team']}/{rule['name']}": rule for team in teams for rule in team["rules"]}
    rules["fraud/card-testing"]["steps"][0]["threshold"]["within"] = "30s"
    rules["fraud/spend"]["steps"][0]["threshold"]["at_least"] = 1200
    return teams


def _restored(router):
    """How many partitions are restored, by what the status says."""
    return ((router.status() or {}).get("restore") or {}).get("done", 0)


def a_spoilt_state_is_restored_once_though_routers_are_killed_amid_it(stage):
    """Good rules, then bad ones, whose outputs stay; then the good ones again, and the wish that the
    state be what they would have made of all events. Every output is there once, by that state."""
    good, bad = teams_of(stage), _spoilt(teams_of(stage))
    make_all(stage, good + bad)
    stage.write_rules(good)
    router = router_of(stage, "router").start()
    router.wait_ready()
    # One stream, whose times go on whatever the machine does meanwhile.
    events = list(events_of(stage, GOOD_EVENTS + BAD_EVENTS + LAST_EVENTS))
    first, second = scaled(stage, GOOD_EVENTS), scaled(stage, GOOD_EVENTS + BAD_EVENTS)
    stage.produce(events[:first])
    stage.consumed()
    router.stop()  # its last checkpoints have all
    before = topics.ends(stage.bootstrap, stage.source)
    moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stage.write_rules(bad)
    router.start()
    stage.produce(events[first:second])
    stage.consumed()
    router.stop()
    spoilt = topics.ends(stage.bootstrap, stage.source)

    stage.write_rules(good)
    router = router_of(stage, "router",
                       state={"restore": {"time": moment, "rules": "current"}})
    for _ in range(KILLS):
        seen = len(router.log())
        router.start()
        router.wait_until("a replay", lambda: "is replaying" in router.log()[seen:])  # noqa: B023
        time.sleep(stage.chance.uniform(0, 0.1))
        router.kill()
    router.start()
    router.wait_until("every partition being restored", lambda: _restored(router) == PARTITIONS)
    stage.produce(events[second:])
    stage.consumed()
    router.stop()
    router.start()  # with the wish, which is done
    router.wait_until("all of it being known as done", lambda: _restored(router) == PARTITIONS)
    assert router.metric("turnout_restored_partitions_total") == 0
    router.stop()

    told = re.findall(r"partition (\d+) of \S+ is restored: (.*)", router.log())
    stage.say(f"{len(told)} partitions told that they are restored, such as: {told[0][1][:60]}; "
              f"{replays([router])[0]} events replayed")
    assert len({partition for partition, _ in told}) == len(told), "one was restored again"
    assert all("rebuilt from checkpoint" in text for _, text in told), told

    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    as_it_was = StepOracle([Phase(good), Phase(bad, before), Phase(good, spoilt)],
                           stage.dead_letters, SETTINGS).expected(source)
    oracle = StepOracle(good, stage.dead_letters, SETTINGS)
    due = [one for one in as_it_was if one.event.offset < spoilt[one.event.partition]]
    restored = [one for one in oracle.expected(source)
                if one.event.offset >= spoilt[one.event.partition]]
    others = [one for one in as_it_was
              if one.event.offset >= spoilt[one.event.partition]]
    stage.say(f"{len(restored)} outputs are due since the restore, {len(others)} without it")
    assert sorted(map(str, restored)) != sorted(map(str, others)), \
        "the spoilt state leads to the same: this test proves nothing"
    stage.hold(oracle, due + restored, stage.destinations(good) + [stage.dead_letters], source)


TESTS = [
    a_spoilt_state_is_restored_once_though_routers_are_killed_amid_it,
]
