"""A destination whose only broker dies or falls silent: its records wait and come in order, and
nobody else waits for them."""
import json
import random
import time

import topics
from cluster import Cluster
from latencies import Latencies, percentile

WELL = 3  # destinations beside the one
TO_THE_ONE = 0.15  # of the events, which go to one of the others too
RATE = 400  # events a second
USERS = 100
SESSION_S = 6  # after which a broker that is silent leads nothing any more
PATIENCE_S = 1
GO_ON = 300  # records of the others that have to come while the broker is away
WATCH_S = 60


class _Events:
    """Endless, each for one of the others and some for the one too, timestamped when made."""

    def __init__(self, seed):
        self.count_for_the_one = 0
        self.spare_the_one = False
        self._chance = random.Random(seed)

    def __iter__(self):
        number = 0
        while True:
            both = not self.spare_the_one and self._chance.random() < TO_THE_ONE
            self.count_for_the_one += both
            value = json.dumps({"id": number, "both": both, "to": self._chance.randrange(WELL)})
            yield {"key": b"user-%d" % self._chance.randrange(USERS), "value": value.encode(),
                   "timestamp": int(time.time() * 1000)}
            number += 1


class _Outage:
    """Two routers; the one destination has one replica, on a broker that has nothing else: topics
    of the brokers' own are made before it is there."""

    def __init__(self, stage, sink):
        self._stage = stage
        self._one = f"{stage.prefix}.the-one"
        self._well = [f"{stage.prefix}.well.{number}" for number in range(WELL)]
        self._events = _Events(stage.seed)
        self.team = self._team()
        cluster = stage.use(Cluster(stage.directory / "kafka", nodes=2, settings={
            "broker.session.timeout.ms": SESSION_S * 1000}))
        stage.write_rules([self.team])
        topics.create(stage.bootstrap, stage.source, 4)
        topics.create(stage.bootstrap, self._well + [stage.dead_letters], 2)
        self._routers = [
            stage.router(name, sink=sink,
                         limits={"destination_patience": f"{PATIENCE_S}s"}).start()
            for name in ("router-a", "router-b")]
        for router in self._routers:
            router.wait_ready()
        self.broker = cluster.add()
        topics.create(stage.bootstrap, self._one, 2, on=[self.broker.node_id])
        self._others = self._reader_of(self._well)
        self._of_the_one = self._reader_of([self._one])
        self._flow = stage.flow(iter(self._events), RATE)
        self._others.wait_until_flowing()

    def _team(self):
        rules = [{"name": f"well-{number}", "match": {"to": [number]}, "to": topic}
                 for number, topic in enumerate(self._well)]
        rules.append({"name": "the-one", "match": {"both": [True]}, "to": self._one})
        return {"team": "shop", "owner": "shop@example.com",
                "destinations": [f"{self._stage.prefix}.*"], "rules": rules}

    def _reader_of(self, names):
        reader = Latencies(self._stage.bootstrap, names)
        self._stage.at_end(reader.close)
        return reader

    def take_away(self, how):
        """While no transaction has records on the broker: Kafka 4.3.1 leaves out the markers of
        partitions without a leader, so such a transaction would never end there."""
        self._events.spare_the_one = True
        time.sleep(0.1)  # the event that was being made is counted
        assert self._of_the_one.wait_for(self._events.count_for_the_one, WATCH_S), "the one lags"
        how()
        self._events.spare_the_one = False

    def wait_until_leaderless(self):
        self._routers[0].wait_until("the one being leaderless", self._is_leaderless, WATCH_S)

    def _is_leaderless(self):
        return set(topics.leaders(self._stage.bootstrap, self._one).values()) == {-1}

    def wait_until_parked(self, before):
        self._routers[0].wait_until("outputs being parked", lambda: self.parked() > before, WATCH_S)

    def parked(self):
        return sum(router.metric("turnout_outputs_parked_total") for router in self._routers)

    def see_others_go_on(self, how):
        assert self._others.wait_for(self._others.count() + GO_ON, WATCH_S), f"no one goes on {how}"

    def kill_a_router(self):
        victim = self._stage.chance.choice(self._routers)
        victim.kill()
        time.sleep(self._stage.chance.uniform(0.0, 1.0))
        victim.start()
        self.see_others_go_on("with a router that was killed")
        victim.wait_ready()

    def wait_until_drained(self):
        for router in self._routers:
            router.wait_until_drained()

    def say_latencies(self, phase, begun):
        found = self._others.between(begun, time.time())
        self._stage.say(f"{phase}: {len(found)} records of the others in {time.time() - begun:.0f} s,"
                        f" p50 {percentile(found, 0.5):.1f} ms, p99 {percentile(found, 0.99):.1f} ms")

    def end(self):
        """No more events; all are routed and drained."""
        self._stage.say(f"{self._flow.end()} events")
        self._stage.consumed()
        self.wait_until_drained()
        for router in self._routers:
            router.stop()


def a_destination_whose_broker_dies_or_is_silent_holds_up_nobody(stage):
    """kill -9 of its only broker: leaderless, and meanwhile a router is killed too. SIGSTOP: its leader
    takes records and says nothing. The others go on, what is due to it is parked, and drained once the
    broker is back."""
    _check(stage, "batch")


def a_destination_whose_broker_dies_holds_up_nobody_with_librdkafka_either(stage):
    """The same with the other sink."""
    _check(stage, "librdkafka")


def _check(stage, sink):
    outage = _Outage(stage, sink)
    begun = time.time()
    time.sleep(2)
    outage.say_latencies("all well", begun)

    begun, before = time.time(), outage.parked()
    outage.take_away(outage.broker.kill)
    outage.wait_until_parked(before)
    outage.see_others_go_on("without its broker")
    outage.wait_until_leaderless()
    outage.kill_a_router()
    outage.see_others_go_on("while one is leaderless")
    outage.broker.start()
    outage.wait_until_drained()
    outage.say_latencies("its broker killed, later started", begun)

    begun, before = time.time(), outage.parked()
    outage.take_away(outage.broker.pause)
    outage.wait_until_parked(before)
    outage.see_others_go_on("while its broker is silent")
    outage.broker.resume()
    outage.wait_until_drained()
    outage.say_latencies("its broker silent, later not", begun)

    outage.end()
    stage.check([outage.team])


TESTS = [a_destination_whose_broker_dies_or_is_silent_holds_up_nobody,
         a_destination_whose_broker_dies_holds_up_nobody_with_librdkafka_either]
