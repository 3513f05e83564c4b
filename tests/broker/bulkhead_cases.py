"""Destinations that fall ill: their records wait and come in order, and nobody else waits for them."""
import json
import random
import time

import topics
from kafka import Kafka
from latencies import Latencies, percentile
from oracle import DESTINATION, SOURCE, Oracle

PASSWORD = "Planted-Secret-7f3a91"
WELL = 99  # destinations beside the one that falls ill
RATE = 500  # events a second
PHASE_S = 5
ILL_S = 3  # of it
# What a team may send a second, in each of two routers: each of the others sends some 3 KiB, the one
# more than it may only where its share of the events is FLOOD.
TEAM_KIB_PER_SECOND = 16
USUAL, MORE, FLOOD = 0.01, 0.06, 0.15
ROUNDS = 2  # of falling ill and recovering, with a kill in each state
WATCH_S = 30


class _Events:
    """Endless, each for one destination, timestamped when it is made."""

    def __init__(self, seed):
        self.ill_share = USUAL
        self._chance = random.Random(seed)

    def __iter__(self):
        number = 0
        while True:
            is_ill = self._chance.random() < self.ill_share
            to = WELL if is_ill else self._chance.randrange(WELL)
            value = json.dumps({"id": number, "to": to, "pad": "x" * 400}).encode()
            yield {"key": b"user-%d" % self._chance.randrange(200), "value": value,
                   "timestamp": int(time.time() * 1000)}
            number += 1


class _Hundred:
    """Two routers that send to a hundred topics, each a team's own, of which one can be made ill. The
    broker asks for passwords and looks at ACLs."""

    def __init__(self, stage):
        self._stage = stage
        self.ill = f"{stage.prefix}.ill"
        self.well = [f"{stage.prefix}.well.{number}" for number in range(WELL)]
        self.parking = f"{stage.source}.parking"
        self.events = _Events(stage.seed)
        self.teams = [self._team(number, topic)
                      for number, topic in enumerate(self.well + [self.ill])]
        self._kafka = stage.use(
            Kafka(stage.directory / "kafka", sasl=True, users={"router": PASSWORD}))
        self._permit()
        stage.write_rules(self.teams)
        stage.make_topics(self.teams, source_partitions=4, partitions=1)
        client = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN",
                  "sasl.username": "router", "sasl.password": PASSWORD}
        limits = {"team_bytes_per_second_max": f"{TEAM_KIB_PER_SECOND}KiB"}
        self.routers = [stage.router(name, kafka=client, limits=limits).start()
                        for name in ("router-a", "router-b")]
        for router in self.routers:
            router.wait_ready()

    def _team(self, number, topic):
        return {"team": f"team-{number}", "owner": "team@example.com",
                "destinations": [f"{self._stage.prefix}.*"],
                "rules": [{"name": "all", "match": {"to": [number]}, "to": topic}]}

    def _permit(self):
        stage = self._stage
        for operation, kind, name, pattern in [
                ("read", "topic", stage.source, "literal"),
                ("read", "group", stage.group, "literal"),
                ("describe", "topic", f"{stage.group}.rekey", "literal"),
                ("write", "transactional_id", f"{stage.group}-", "prefixed"),
                ("write", "topic", f"{stage.prefix}.well.", "prefixed"),
                ("write", "topic", self.ill, "literal"),
                ("write", "topic", stage.dead_letters, "literal"),
                ("create", "topic", self.parking, "literal"),
                ("read", "topic", self.parking, "literal"),
                ("write", "topic", self.parking, "literal")]:
            self._kafka.allow("router", operation, kind, name, pattern)

    def forbid(self):
        self._kafka.disallow("router", "write", "topic", self.ill)

    def allow(self):
        self._kafka.allow("router", "write", "topic", self.ill)

    def delete(self):
        self.events.ill_share = MORE  # so that every partition parks some
        topics.delete(self._stage.bootstrap, self.ill)

    def make_anew(self):
        self.events.ill_share = USUAL
        topics.create(self._stage.bootstrap, self.ill, 1)

    def flood(self):
        self.events.ill_share = FLOOD

    def calm_down(self):
        self.events.ill_share = USUAL

    def parked(self):
        return sum(router.metric("turnout_outputs_parked_total") for router in self.routers)

    def wait_until_drained(self):
        for router in self.routers:
            router.wait_until_drained()

    def watch(self, of_router):
        """The first router of which that is true, or None."""
        deadline = time.monotonic() + WATCH_S
        while time.monotonic() < deadline:
            for router in self.routers:
                if of_router(router):
                    return router
            time.sleep(0.02)
        return None


class _Phases:
    """What the others' latency was while one was ill, and while all were well."""

    def __init__(self, stage, latencies):
        self._stage = stage
        self._latencies = latencies
        self._p99 = []  # with the phase's name

    def run(self, name, fall_ill=None, recover=None):
        begun = time.time()
        if fall_ill:
            fall_ill()
        time.sleep(max(0.0, begun + ILL_S * self._stage.scale - time.time()))
        if recover:
            recover()
        time.sleep(max(0.0, begun + PHASE_S * self._stage.scale - time.time()))
        found = self._latencies.between(begun, time.time())
        self._p99.append((name, percentile(found, 0.99)))
        self._stage.say(f"{name}: {len(found)} records of the others, p50 "
                        f"{percentile(found, 0.5):.1f} ms, p99 {percentile(found, 0.99):.1f} ms")

    def report(self):
        """Figures, never a verdict: they are a quiet machine's, and of longer phases (--scale)."""
        well = [p99 for name, p99 in self._p99 if name == "all well"]
        mean = sum(well) / len(well)
        self._stage.say("all well: the others' p99 is from "
                        f"{100 * min(well) / mean - 100:+.0f} to {100 * max(well) / mean - 100:+.0f} %"
                        " of its mean")
        for at, (name, p99) in enumerate(self._p99):
            if name != "all well":
                beside = (self._p99[at - 1][1] + self._p99[at + 1][1]) / 2
                self._stage.say(f"{name}: the others' p99 is {100 * p99 / beside - 100:+.0f} % of that "
                                "just before and after")


def _measure(stage, hundred):
    latencies = Latencies(stage.bootstrap, hundred.well)
    stage.at_end(latencies.close)
    phases = _Phases(stage, latencies)
    latencies.wait_until_flowing()
    time.sleep(PHASE_S * stage.scale)  # caches fill, code is compiled
    phases.run("all well")
    for name, fall_ill, recover in [
            ("one deleted, then made anew", hundred.delete, hundred.make_anew),
            ("one forbidden, then allowed", hundred.forbid, hundred.allow),
            ("one over its quota, then not", hundred.flood, hundred.calm_down)]:
        before = hundred.parked()
        phases.run(name, fall_ill, recover)
        assert hundred.parked() > before, f"{name}: nothing was parked"
        hundred.wait_until_drained()
        phases.run("all well")
    latencies.close()
    phases.report()


def _kill(stage, hundred):
    """Routers, while one is ill and while it is being drained."""
    def drained(router):
        return router.metric("turnout_outputs_drained_total")

    def waiting(router):
        return router.metric("turnout_outputs_waiting")

    while_draining = 0
    hundred.events.ill_share = MORE
    for _ in range(ROUNDS):
        hundred.forbid()
        victim = hundred.watch(lambda router: waiting(router) > 0)
        assert victim, "nothing was parked"
        time.sleep(stage.chance.uniform(1.0, 2.0))
        victim.kill()
        victim.start()
        time.sleep(stage.chance.uniform(2.0, 4.0))
        before = {router: drained(router) for router in hundred.routers}
        hundred.allow()
        victim = hundred.watch(
            lambda router: drained(router) > before[router] and waiting(router) > 0)  # noqa: B023
        while_draining += victim is not None
        victim = victim or stage.chance.choice(hundred.routers)
        victim.kill()
        victim.start()
        time.sleep(stage.chance.uniform(0.5, 2.0))
    stage.say(f"{2 * ROUNDS} kills, {while_draining} of them while something was being drained")
    assert while_draining > 0, "no router was killed while it drained"
    hundred.events.ill_share = USUAL


def _due_of_the_one(hundred, due, parked, found):
    """It was deleted, and what came before is gone with it: of each partition of the source, what is
    due from the first event on that was parked for it, or came to the new one without."""
    first = {}
    for record in parked + found:
        source = dict(record.headers)[SOURCE].decode().split("/")
        partition, offset = int(source[-2]), int(source[-1])
        first[partition] = min(first.get(partition, offset), offset)
    return [one for one in due if one.topic == hundred.ill
            and one.event.offset >= first.get(one.event.partition, 0)]


def one_of_a_hundred_destinations_falls_ill_and_the_others_do_not_notice(stage):
    """Deleted and made anew, forbidden and allowed again, over its team's quota, while events flow:
    what came for it waits, and comes in order, once; the others' latency is printed. Then with routers
    that are killed while it is ill and while it is drained. Nothing is dead-lettered."""
    hundred = _Hundred(stage)
    flow = stage.flow(iter(hundred.events), RATE)
    _measure(stage, hundred)
    _kill(stage, hundred)
    stage.say(f"{flow.end()} events")
    stage.consumed(90)
    for router in hundred.routers:
        router.wait_ready()
    hundred.wait_until_drained()
    for router in hundred.routers:
        router.stop()
    oracle = Oracle(hundred.teams, stage.dead_letters)
    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    due = oracle.expected(source)
    parked = [record for record in topics.read(stage.bootstrap, hundred.parking)[hundred.parking]
              if dict(record.headers)[DESTINATION].decode() == hundred.ill]
    found = topics.read(stage.bootstrap, hundred.ill)[hundred.ill]
    of_the_one = _due_of_the_one(hundred, due, parked, found)
    stage.say(f"{len(found)} records of the one that fell ill, {len(parked)} of them parked")
    stage.hold(oracle, [one for one in due if one.topic != hundred.ill] + of_the_one,
               hundred.well + [hundred.ill, stage.dead_letters], source)


TESTS = [one_of_a_hundred_destinations_falls_ill_and_the_others_do_not_notice]
