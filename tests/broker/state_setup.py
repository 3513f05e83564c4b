"""What the tests of rules that remember share: rules, routers with one checkpoint store, events,
the oracle's settings.
"""
import re
import time
from pathlib import Path

import state_events
from stage import SESSION_TIMEOUT_S
from step_oracle import Settings, StepOracle

RULES = Path(__file__).resolve().parent / "state_rules"
REKEY_RULES = RULES.parent / "rekey_rules"
SETTINGS = Settings("at", 10_000, 25_000)
PARTITIONS = 16
RATE = 2_000  # events a second
STEP_MS = 25  # between two events, of the events' own time
REPLAYING = re.compile(r"partition (\d+) of \S+ is replaying: replaying from (\d+) to (\d+)")


def teams_of(stage):
    return stage.teams("features", "fraud", "growth", directory=RULES)


def checkpoints_of(stage):
    """Where all routers of a test keep their checkpoints."""
    return stage.directory / "checkpoints"


def router_of(stage, name, checkpoints=None, partitioned_by="user", **config):
    source = {"topic": stage.source, "group": stage.group,
              "session_timeout": f"{SESSION_TIMEOUT_S}s", "partitioned_by": partitioned_by,
              "time_field": SETTINGS.time_field,
              "lateness": f"{SETTINGS.lateness}ms", "ahead_max": f"{SETTINGS.ahead_max}ms"}
    checkpoints = {"store": str(checkpoints_of(stage)), "interval": "2s", **(checkpoints or {})}
    return stage.router(name, source=source, checkpoints=checkpoints, **config)


def make_all(stage, teams):
    stage.write_rules(teams)
    stage.make_topics(teams, source_partitions=PARTITIONS, partitions=4)


def start_all(stage, teams, *names, **config):
    """Topics, rules, and routers that are ready."""
    make_all(stage, teams)
    routers = [router_of(stage, name, **config).start() for name in names]
    for router in routers:
        router.wait_ready()
    return routers


def scaled(stage, count):
    return round(count * stage.scale)


def events_of(stage, count, after=0, at=None):
    """As many times the stage's scale, from where as many as `after` before them ended; of the time
    at which the event of number `at` is."""
    first = scaled(stage, after)
    at = first if at is None else at
    begin_ms = int(time.time() * 1000) - state_events.BEGIN_AGO_MS + (at - first) * STEP_MS
    return state_events.stream(scaled(stage, count), stage.seed + after, first_id=first,
                               step_ms=STEP_MS, begin_ms=begin_ms)


def check(stage, phases, teams):
    return stage.check(teams, StepOracle(phases, stage.dead_letters, SETTINGS))


def replays(routers):
    """Events replayed, and how often, by what the logs say."""
    found = [match for router in routers for match in REPLAYING.findall(router.log())]
    return sum(int(to) - int(begin) for _, begin, to in found), len(found)
