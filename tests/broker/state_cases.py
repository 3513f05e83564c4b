"""Rules that remember, under kill -9, pauses, lost disks and partitions that move."""
import shutil
import signal
import subprocess
import time
from pathlib import Path

import topics
from oracle import Oracle
from rekey_oracle import RekeyOracle
from s3_store import S3Store
from stage import SESSION_TIMEOUT_S, alone
from state_setup import (PARTITIONS, RATE, REKEY_RULES, SETTINGS, check, checkpoints_of, events_of,
                         make_all, replays, router_of, scaled, start_all, teams_of)
from state_watch import Arrivals, RulesWatch

KILL_EVENTS = 28_000
KILL_RATE = 1_200  # events a second
RULES_PATIENCE_S = 120  # of a router for rules by which another one has re-keyed
REKEY_EVENTS = 16_000
MORE_EVENTS = 300
S3_EVENTS = 20_000
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

    def __init__(self, stage, routers, store):
        self.stage, self.routers, self.store = stage, routers, store
        self.paused = None
        self.deck, self.done = [self.hide_checkpoints, self.lose_disk], []  # begins with the last

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
        self.store.hide()
        time.sleep(self.stage.chance.uniform(0.3, 1.0))
        self.kill()
        time.sleep(self.stage.chance.uniform(0.3, 2.0))
        self.store.show()

    def tick(self):
        if self.paused and time.monotonic() > self.resume_at:
            self.resume()


class _Directory:
    """The checkpoint store of all routers, which can be away."""

    def __init__(self, directory):
        self._directory = directory
        self._away = directory.with_suffix(".away")

    def hide(self):
        self._directory.rename(self._away)
        self._directory.write_text("not a directory")

    def show(self):
        self._directory.unlink()
        self._away.rename(self._directory)


def _disturb(stage, routers, flow, also=lambda: None, store=None):
    """Until the events have flowed. `also` is called now and then."""
    havoc = _Havoc(stage, routers, store or _Directory(checkpoints_of(stage)))
    next_at = flow.begun + 2
    while flow.is_flowing():
        havoc.tick()
        also()
        if time.monotonic() > next_at:
            next_at = time.monotonic() + havoc.act()
        time.sleep(0.05)
    flow.join()
    havoc.resume()
    return havoc


def _end(stage, routers, havoc):
    for router in routers:
        router.wait_ready()
        router.stop()
    counts = {act: havoc.done.count(act) for act in sorted(set(havoc.done))}
    replayed, times = replays(routers)
    stage.say(f"{len(havoc.done)} disturbances {counts}, seed {stage.seed}; "
              f"{replayed} events replayed in {times} recoveries")
    assert replayed > 0, "nothing was ever replayed: this test proves nothing"


def _three(stage, partitions=PARTITIONS, environment=None, **config):
    routers = [router_of(stage, name, workers=workers, **config)
               for name, workers in (("router-a", 1), ("router-b", 1), ("router-c", 2))]
    for router in routers:
        router.environment.update(environment or {})
        router.start()
    _settled(routers, partitions)
    return routers


class _Changes:
    """Rules that change to the second of `kinds` and back while so many events flow: in time, but
    not before those before have taken effect somewhere, by what each of the watches has seen."""

    def __init__(self, stage, kinds, watches, flow, events):
        self.stage, self.kinds, self.watches, self.events = stage, kinds, watches, events
        span_s = scaled(stage, events) / KILL_RATE
        self.moments = [flow.begun + span_s * stage.chance.uniform(0.2, 0.35),
                        flow.begun + span_s * stage.chance.uniform(0.5, 0.7)]
        self.kind, self.changed_at = 0, 0.0  # of those in force

    def look(self):
        if self.moments and time.monotonic() > self.moments[0] and self._have_taken_effect():
            self.moments.pop(0)
            self.kind, self.changed_at = 1 - self.kind, time.monotonic()
            self.stage.write_rules(self.kinds[self.kind])

    def end(self):
        """All have taken effect; a busy machine may need some more events for that."""
        deadline = time.monotonic() + 120
        while self.moments or not self._have_taken_effect():
            assert time.monotonic() < deadline, "rules that have changed don't take effect"
            self.look()
            self.stage.produce(events_of(self.stage, MORE_EVENTS, after=self.events))
            self.events += MORE_EVENTS
            time.sleep(0.2)
        self.stage.consumed(120)
        for watch in self.watches:
            watch.end()

    def _have_taken_effect(self):
        return all(set(watch.names()[self.kind:][:1]) & set(watch.names(self.changed_at))
                   for watch in self.watches)


def killed_routers_forget_nothing_and_count_nothing_twice(stage):
    """kill -9, lost disks, pauses, a store that is away and rules that change and change back, at
    random moments, on three routers with 16 partitions of rules that remember."""
    kinds = [teams_of(stage), _later_teams(stage)]
    make_all(stage, kinds[1] + kinds[0])
    stage.write_rules(kinds[0])
    routers = _three(stage)
    watch = RulesWatch(stage.kafka, stage.group, stage.source, PARTITIONS)
    flow = stage.flow(events_of(stage, KILL_EVENTS), KILL_RATE)
    changes = _Changes(stage, kinds, [watch], flow, KILL_EVENTS)
    havoc = _disturb(stage, routers, flow, changes.look)
    changes.end()
    _end(stage, routers, havoc)
    check(stage, watch.phases(kinds), kinds[0] + kinds[1])


def killed_routers_bring_their_memory_back_from_s3(stage):
    """The same with checkpoints on a real S3 server, which is killed and started meanwhile."""
    teams = teams_of(stage)
    make_all(stage, teams)
    store = S3Store(stage.directory / "weed")
    try:
        routers = _three(stage, environment=store.environment, checkpoints=store.config)
        flow = stage.flow(events_of(stage, S3_EVENTS), KILL_RATE)
        havoc = _disturb(stage, routers, flow, store=store)
        stage.consumed(120)
        _end(stage, routers, havoc)
    finally:
        store.close()
    check(stage, teams, teams)


def _later_cards(stage):
    """One rule that keeps its step by another name, one whose step remembers something else, one
    that is gone and one that is new."""
    team, = stage.teams("cards", directory=REKEY_RULES)
    rules = {rule["name"]: rule for rule in team["rules"]}
    rules["tested"]["steps"][1]["threshold"]["within"] = "20s"
    rules["users"]["name"] = "visitors"
    team["rules"].remove(rules["first-use"])
    team["rules"].append({"name": "seldom", "match": {"type": [{"prefix": "payment."}]},
                          "steps": [{"throttle": {"key": "card", "limit": 2, "per": "15s"}}],
                          "to": f"{stage.prefix}.cards.seldom"})
    return [team]


def killed_routers_send_each_match_on_once_and_in_order(stage):
    """The same with steps by another key than the source's, which come, change and go: exactly once
    over both hops."""
    kinds = [stage.teams("cards", directory=REKEY_RULES), _later_cards(stage)]
    between = f"{stage.group}.rekey"
    make_all(stage, kinds[1] + kinds[0])
    stage.write_rules(kinds[0])
    routers = _three(stage, 2 * PARTITIONS)  # those of the internal topic too
    watches = [RulesWatch(stage.kafka, stage.group, stage.source, PARTITIONS),
               RulesWatch(stage.kafka, between, between, PARTITIONS)]
    flow = stage.flow(events_of(stage, REKEY_EVENTS), KILL_RATE)
    changes = _Changes(stage, kinds, watches, flow, REKEY_EVENTS)
    havoc = _disturb(stage, routers, flow, changes.look)
    changes.end()
    # The markers of transactions that end the internal topic are no lag, but the router's to tell.
    # Matches of rules that only a killed router had are waited for before they are given up.
    _settled(routers, 2 * PARTITIONS, lambda part: part["lag"] == 0, RULES_PATIENCE_S + 60)
    _end(stage, routers, havoc)
    _check_hops(stage, kinds, watches, between)


def a_router_waits_for_rules_that_another_one_rekeys_by_already(stage):
    """Each router has a directory of rules: a new re-keyed rule comes to the second one later."""
    cards, = stage.teams("cards", directory=REKEY_RULES)
    rules = {rule["name"]: rule for rule in cards["rules"]}
    few = [{**cards, "rules": [rules["first-use"]]}]
    make_all(stage, [cards])
    for directory in ("rules-a", "rules-b"):
        stage.write_rules(few, directory)
    routers = [router_of(stage, name, rules=stage.directory / directory).start()
               for name, directory in (("router-a", "rules-a"), ("router-b", "rules-b"))]
    _settled(routers, 2 * PARTITIONS)
    kept = topics.config(stage.bootstrap, f"{stage.group}.rekey")
    assert (kept["retention.ms"], kept["retention.bytes"], kept["cleanup.policy"]) == (
        str(7 * 24 * 3600 * 1000), "-1", "delete"), kept
    stage.write_rules([cards], "rules-a")
    first, second = routers
    before = second.status()["rules"]["hash"]
    first.wait_until("the new rules", lambda: first.status()["rules"]["hash"] != before)
    stage.produce(events_of(stage, 2_000))
    second.wait_until("matches of rules that it lacks",
                      lambda: "has not come to this router yet" in second.log(), 30)
    stage.write_rules([cards], "rules-b")
    stage.consumed()
    _settled(routers, 2 * PARTITIONS, lambda part: part["lag"] == 0)
    for router in routers:
        router.stop()
    found = topics.read(stage.bootstrap, [stage.dead_letters, f"{stage.prefix}.cards.users"])
    lost = [record for record in found[stage.dead_letters]
            if any(b"re-keyed for" in (value or b"") for _, value in record.headers)]
    stage.say(f"{len(found[f'{stage.prefix}.cards.users'])} records of the new rule, "
              f"{len(lost)} dead letters")
    assert not lost and found[f"{stage.prefix}.cards.users"], lost[:3]


def _check_hops(stage, kinds, watches, between):
    names = stage.destinations(kinds[0] + kinds[1]) + [stage.dead_letters]
    topics.wait_until_settled(stage.bootstrap, names + [between])
    read = topics.read(stage.bootstrap, [stage.source, between])
    phases, phases_between = [watch.phases(kinds) for watch in watches]
    oracle = RekeyOracle(phases, stage.dead_letters, SETTINGS, "user", between, phases_between)
    due_between, due = oracle.due(read[stage.source], read[between])
    for hop, judge, wanted, where in (
            ("first", Oracle([], stage.dead_letters, provenance=False), due_between, [between]),
            ("second", oracle, due, names)):
        stage.say(f"the {hop} hop:")
        stage.hold(judge, wanted, where, read[stage.source])
    assert not oracle.misnamed, f"went on with other rules: {oracle.misnamed[:3]}"
    stage.say(f"{oracle.stranded} matches arrived after their rule had changed or gone")


# --- moves ----------------------------------------------------------------------------------------

def _partitions(router):
    return {part["partition"] for worker in router.status().get("workers", ())
            for part in worker["partitions"]}


def _settled(routers, count=PARTITIONS, is_so=lambda part: True, timeout_s=60):
    """Waits until these routers have all partitions, live, each of them some, and each so."""
    def are_live():
        parts = [[part for worker in router.status().get("workers", ())
                  for part in worker["partitions"]] for router in routers]
        return (all(parts) and sum(map(len, parts)) == count and
                all(part["phase"] == "live" and is_so(part) for part in sum(parts, [])))
    routers[0].wait_until("all partitions being live", are_live, timeout_s)


@alone
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
    assert left < 8 and joined < 8, "partitions that move in peace stood still"
    assert killed < SESSION_TIMEOUT_S + 8, "partitions of a killed router stood still"


@alone
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
    killed_routers_bring_their_memory_back_from_s3,
    killed_routers_send_each_match_on_once_and_in_order,
    a_router_waits_for_rules_that_another_one_rekeys_by_already,
    a_partition_that_moves_in_peace_replays_nothing_and_pauses_shortly,
    routers_join_and_leave_under_load,
]
