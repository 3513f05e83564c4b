"""Rules that remember, under kill -9, pauses, lost disks and partitions that move."""
import shutil
import signal
import subprocess
import time
from pathlib import Path

import topics
from stage import SESSION_TIMEOUT_S
from state_setup import (PARTITIONS, RATE, check, checkpoints_of, events_of, make_all, replays,
                         router_of, scaled, start_all, teams_of)
from state_watch import Arrivals, RulesWatch

KILL_EVENTS = 32_000
KILL_RATE = 1_200
MOVE_EVENTS = 100_000  # at most: they end when all has moved
SCALE_EVENTS_MAX = 200_000
SCALE_RATE = 1_000
BURST_EVENTS = 4_000


def the_oracle_of_steps_counts_every_planted_fault(stage):
    """The judge of steps is judged first."""
    done = subprocess.run([Path(__file__).parent / "step_oracle_selftest"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    stage.say(done.stdout.strip())
    assert done.returncode == 0


def _later_teams(stage):
    """The same with one rule renamed, one step that remembers something else, one that lets other
    events pass by what it remembers, one window gone."""
    teams = teams_of(stage)
    rules = {f"{team['team']}/{rule['name']}": rule for team in teams for rule in team["rules"]}
    rules["growth/few"]["name"] = "fewer"
    rules["fraud/card-testing"]["steps"][0]["threshold"]["within"] = "30s"
    rules["fraud/spend"]["steps"][0]["threshold"]["at_least"] = 1200
    for team in teams:
        team["rules"] = [rule for rule in team["rules"] if rule["name"] != "sliding"]
    return teams


# --- kill -9 --------------------------------------------------------------------------------------

class _Havoc:
    """What the kill test does to routers and to the checkpoint store, one thing at a time."""

    def __init__(self, stage, routers):
        self.stage, self.routers = stage, routers
        self.paused = None
        self.deck, self.done = [], []

    def act(self):
        """Seconds until the next one."""
        if not self.deck:
            self.deck = [self.kill] * 3 + [self.lose_disk] * 3 + [self.hide_checkpoints] * 2
            self.deck += [self.pause, self.leave]
            self.stage.chance.shuffle(self.deck)
        act = self.deck.pop()
        self.done.append(act.__name__)
        act()
        return self.stage.chance.uniform(1.0, 4.5)

    def victim(self):
        """The first one seldom: a group that never comes to rest gets nowhere."""
        first, *others = [one for one in self.routers if one is not self.paused]
        return self.stage.chance.choice([first] + 2 * others)

    def kill(self):
        router = self.victim()
        router.kill()
        router.start()

    def lose_disk(self):
        router = self.victim()
        router.kill()
        shutil.rmtree(router.directory / "state", ignore_errors=True)
        router.start()

    def leave(self):
        router = self.victim()
        if router.get("/healthz")[0] == 200:  # before that, SIGTERM just ends it
            router.stop()
        router.start()

    def pause(self):
        """Longer than the session: others take its partitions, then it comes back."""
        if self.paused:
            return self.resume()
        self.paused = self.victim()
        self.paused.signal(signal.SIGSTOP)
        self.resume_at = time.monotonic() + SESSION_TIMEOUT_S + 2
        return None

    def resume(self):
        if self.paused:
            self.paused.signal(signal.SIGCONT)
        self.paused = None

    def hide_checkpoints(self):
        """The store is away for a while, whatever happens to routers meanwhile."""
        store, away = checkpoints_of(self.stage), self.stage.directory / "checkpoints.away"
        store.rename(away)
        store.write_text("not a directory")
        time.sleep(self.stage.chance.uniform(0.3, 1.0))
        self.kill()
        time.sleep(self.stage.chance.uniform(0.3, 2.0))
        store.unlink()
        away.rename(store)

    def tick(self):
        if self.paused and time.monotonic() > self.resume_at:
            self.resume()


def killed_routers_forget_nothing_and_count_nothing_twice(stage):
    """kill -9, lost disks, pauses, a store that is away and rules that change and change back, at
    random moments, on three routers with 16 partitions of rules that remember."""
    rounds = [teams_of(stage), _later_teams(stage), teams_of(stage)]
    stage.write_rules(rounds[0])
    stage.make_topics(rounds[0] + rounds[1], source_partitions=PARTITIONS, partitions=4)
    routers = [router_of(stage, name, workers=workers).start()
               for name, workers in (("router-a", 1), ("router-b", 1), ("router-c", 2))]
    _settled(routers)
    watch = RulesWatch(stage.kafka, stage.group, stage.source, PARTITIONS)
    flow = stage.flow(events_of(stage, KILL_EVENTS), KILL_RATE)
    span = scaled(stage, KILL_EVENTS) / KILL_RATE
    changes = [(flow.begun + span * stage.chance.uniform(0.2, 0.4), rounds[1]),
               (flow.begun + span * stage.chance.uniform(0.55, 0.75), rounds[2])]
    havoc = _Havoc(stage, routers)
    next_at = flow.begun + 2
    while flow.is_flowing():
        havoc.tick()
        if changes and time.monotonic() > changes[0][0]:
            stage.write_rules(changes.pop(0)[1])
        if time.monotonic() > next_at:
            next_at = time.monotonic() + havoc.act()
        time.sleep(0.05)
    flow.join()
    havoc.resume()
    for _, teams in changes:
        stage.write_rules(teams)
    stage.consumed(120)
    watch.end()
    phases = watch.phases(rounds)
    for router in routers:
        router.wait_ready()
        router.stop()
    counts = {act: havoc.done.count(act) for act in sorted(set(havoc.done))}
    replayed, times = replays(routers)
    stage.say(f"{len(havoc.done)} disturbances {counts}, seed {stage.seed}; "
              f"{replayed} events replayed in {times} recoveries")
    check(stage, phases, rounds[0] + rounds[1])
    assert replayed > 0, "nothing was ever replayed: this test proved nothing"


# --- moves ----------------------------------------------------------------------------------------

def _partitions(router):
    return {part["partition"] for worker in router.status().get("workers", ())
            for part in worker["partitions"]}


def _settled(routers, count=PARTITIONS):
    """Waits until these routers have all partitions, live, each of them some."""
    def are_live():
        phases = [[part["phase"] for worker in router.status().get("workers", ())
                   for part in worker["partitions"]] for router in routers]
        return all(phases) and sum(map(len, phases)) == count and set(sum(phases, [])) == {"live"}
    routers[0].wait_until("all partitions being live", are_live, 60)


def a_partition_that_moves_in_peace_replays_nothing_and_pauses_shortly(stage):
    """SIGTERM, a router that comes back, then kill -9 of the other: how long partitions pause."""
    teams = teams_of(stage)
    routers = first, second = start_all(stage, teams, "first", "second",
                                     checkpoints={"interval": "1m"},
                                     limits={"transaction_timeout": f"{SESSION_TIMEOUT_S}s"})
    arrivals = Arrivals(stage.bootstrap, [f"{stage.prefix}.fraud.payments"])
    flow = stage.flow(events_of(stage, MOVE_EVENTS), RATE)
    time.sleep(4)
    _settled(routers)

    def pauses(what, moved, since):
        until = time.monotonic()
        longest = [arrivals.pause(partition, since, until) for partition in sorted(moved)]
        stage.say(f"{what}: {len(moved)} partitions pause for {min(longest):.1f} to "
                  f"{max(longest):.1f} s, median {sorted(longest)[len(longest) // 2]:.1f} s")
        return max(longest)

    begun, moved = time.monotonic(), _partitions(first)
    took = first.stop()
    _settled([second])
    time.sleep(1)
    left = pauses(f"one leaves in {took:.1f} s", moved, begun)
    begun = time.monotonic()
    first.start().wait_ready()
    _settled(routers)
    time.sleep(1)
    joined = pauses("it comes back", range(PARTITIONS), begun)
    replayed, _ = replays(routers)
    assert replayed == 0, f"{replayed} events were replayed though all left in peace"
    begun, moved = time.monotonic(), _partitions(second)
    second.kill()
    _settled([first])
    time.sleep(1)
    killed = pauses(f"one is killed, sessions of {SESSION_TIMEOUT_S} s", moved, begun)
    flow.end()
    stage.consumed(60)
    arrivals.end()
    first.stop()
    stage.say(f"{replays(routers)[0]} events replayed after the kill")
    check(stage, teams, teams)
    assert left < 5 and joined < 5, "partitions that move in peace stood still"
    assert killed < SESSION_TIMEOUT_S + 6, "partitions of a killed router stood still"


def routers_join_and_leave_under_load(stage):
    """1, 2, 4, 2, 1 of them in one group: how long partitions pause, how fast a burst on top of the
    load is routed, correctness of each."""
    teams = teams_of(stage)
    pool = [router_of(stage, f"scale-{number}") for number in range(4)]
    make_all(stage, teams)
    pool[0].start().wait_ready()
    arrivals = Arrivals(stage.bootstrap, [f"{stage.prefix}.fraud.payments"])
    flow = stage.flow(events_of(stage, SCALE_EVENTS_MAX), SCALE_RATE)
    time.sleep(2)
    for number, running in enumerate((1, 2, 4, 2, 1)):
        moved_at = time.monotonic()
        for router in pool[:running]:
            if not router.is_running():
                router.start()
        for router in pool[running:]:
            if router.is_running():
                router.stop()
        _settled(pool[:running])
        settled_at = time.monotonic()
        time.sleep(1.5 * stage.scale)
        until = time.monotonic()
        longest = sorted(arrivals.pause(part, moved_at, until) for part in range(PARTITIONS))
        rate = _burst(stage, number, round((until - flow.begun) * SCALE_RATE))
        stage.say(f"{running} routers settle in {settled_at - moved_at:.1f} s; a partition pauses "
                  f"for {longest[PARTITIONS // 2]:.2f} s, at most {longest[-1]:.2f} s; a burst "
                  f"goes at {rate:,.0f} events a second")
    assert flow.is_flowing(), "the load ended too early"
    flow.end()
    stage.consumed(60)
    arrivals.end()
    pool[0].stop()
    replayed, _ = replays(pool)
    check(stage, teams, teams)
    assert replayed == 0, f"{replayed} events were replayed though all left in peace"


def _burst(stage, number, at):
    """Produces many events at once, of the time that the load has come to by its event `at`, and
    returns at what rate they and the load are committed."""
    begun, before = time.monotonic(), sum(_committed(stage).values())
    stage.produce(events_of(stage, BURST_EVENTS, after=10_000_000 * (number + 1), at=at))
    ends = topics.ends(stage.bootstrap, stage.source)
    while True:
        committed = _committed(stage)
        if all(committed[partition] >= end for partition, end in ends.items()):
            return (sum(committed.values()) - before) / (time.monotonic() - begun)
        assert time.monotonic() < begun + 60, "a burst is not routed in a minute"
        time.sleep(0.02)


def _committed(stage):
    offsets = topics.committed_offsets(stage.bootstrap, stage.group, stage.source)
    return {partition: max(0, offset) for partition, offset in offsets.items()}


TESTS = [
    the_oracle_of_steps_counts_every_planted_fault,
    killed_routers_forget_nothing_and_count_nothing_twice,
    a_partition_that_moves_in_peace_replays_nothing_and_pauses_shortly,
    routers_join_and_leave_under_load,
]
