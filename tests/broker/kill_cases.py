"""Exactly once under kill -9, pauses, fencing and a group that never comes to rest."""
import signal
import time

from confluent_kafka import KafkaError, KafkaException, Producer

import events
import topics

KILLS = 22
KILL_EVENTS = 200_000
KILL_RATE = 3_500  # events a second, so that they flow for about a minute
KILL_SPAN_S = (1.0, 0.93 * KILL_EVENTS / KILL_RATE)  # when the kills happen
MORE_KILLS_MAX = 8  # if none of those met an open transaction: most meet a group that settles
MORE_EVENTS = 4_000
FENCED = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
STORM_CHANGES = 24
STORM_EVENTS = 60_000
STORM_RATE = 1_600


def _cut_records(stage):
    """Records in the two busiest destinations that no read_committed consumer will ever see."""
    names = [f"{stage.prefix}.fraud.payments", f"{stage.prefix}.search.europe"]
    seen = sum(map(len, topics.read(stage.bootstrap, names).values()))
    written = sum(map(len, topics.read(stage.bootstrap, names, committed=False).values()))
    return written - seen


def _kill_one_more(stage, routers, number):
    """While both have partitions and events flow."""
    for router in routers:
        router.wait_until("partitions of its own", lambda: _partitions(router) > 0)  # noqa: B023
    flow = stage.flow(events.stream(MORE_EVENTS, stage.seed + number, keys=2000), KILL_RATE)
    time.sleep(stage.chance.uniform(0.3, 0.8 * MORE_EVENTS / KILL_RATE))
    victim = stage.chance.choice(routers)
    victim.kill()
    victim.start()
    flow.join()
    stage.consumed(90)


def killed_routers_lose_nothing_double_nothing_and_keep_the_order(stage):
    """22 kill -9 of one of two routers at random moments while 200,000 events flow."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams, source_partitions=8, partitions=4)
    routers = [stage.router(name).start() for name in ("router-a", "router-b")]
    for router in routers:
        router.wait_ready()
    moments = sorted(stage.chance.uniform(*KILL_SPAN_S) for _ in range(KILLS))
    flow = stage.flow(events.stream(KILL_EVENTS, stage.seed, keys=2000, unreadable_every=1000),
                      KILL_RATE)
    for number, moment in enumerate(moments):
        time.sleep(max(0.0, flow.begun + moment - time.monotonic()))
        assert flow.is_flowing(), f"the events ran out before kill {number + 1}"
        victim = stage.chance.choice(routers)
        victim.kill()
        victim.start()
    stage.say(f"{KILLS} kills in {time.monotonic() - flow.begun:.0f} s, seed {stage.seed}")
    assert flow.join() == KILL_EVENTS
    stage.consumed(90)
    more = 0
    while (cut := _cut_records(stage)) == 0 and more < MORE_KILLS_MAX:
        more += 1
        _kill_one_more(stage, routers, more)
    for router in routers:
        router.wait_ready()
        router.stop()
    stage.check(teams)
    stage.say(f"{cut} records of transactions that a kill cut short stay invisible"
              + (f", after {more} more kills" if more else ""))
    assert cut > 0, "no kill hit an open transaction: this test proved nothing"


def a_paused_zombie_is_fenced_and_doubles_nothing(stage):
    """SIGSTOP in mid-flow until another router has all partitions, then SIGCONT; three times."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams, source_partitions=4)
    zombie, heir = [stage.router(name).start() for name in ("zombie", "heir")]
    for router in (zombie, heir):
        router.wait_ready()
    flow = stage.flow(events.stream(200_000, stage.seed, unreadable_every=1000), 1500)
    for number in range(3):
        zombie.wait_until("partitions of its own", lambda: 0 < _partitions(zombie) < 4)
        time.sleep(stage.chance.uniform(0.3, 1.0))
        zombie.signal(signal.SIGSTOP)
        heir.wait_until("all partitions", lambda: _partitions(heir) == 4, 40)
        stage.say(f"pause {number + 1}: the other router has all partitions")
        time.sleep(stage.chance.uniform(0.0, 1.0))
        zombie.signal(signal.SIGCONT)
        zombie.wait_ready()
    count = flow.end()
    stage.consumed(60)
    outcomes = {outcome: zombie.metric("turnout_transaction_outcomes_total", outcome=outcome)
                for outcome in ("retried", "aborted", "fenced", "fatal")}
    stage.say(f"{count} events; the zombie's transactions: {outcomes}")
    for router in (zombie, heir):
        router.stop()
    stage.check(teams)


def _partitions(router):
    """How many partitions of the source a router says that it has."""
    return sum(1 for line in router.get("/metrics")[1].splitlines()
               if line.startswith("turnout_partition_lag_records{"))


def a_second_process_of_the_same_name_fences_the_first(stage):
    """Two processes with one `instance` for a while: exactly the expected records."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    first = stage.router("twin-1", instance="twin").start().wait_ready()
    flow = stage.flow(events.stream(100_000, stage.seed), 1500)
    time.sleep(2)
    second = stage.router("twin-2", instance="twin").start()
    first.wait_until("the first being fenced", lambda: first.metric(
        "turnout_transaction_outcomes_total", outcome="fenced") > 0, 30)
    time.sleep(3)
    first.kill()
    second.wait_ready()
    time.sleep(1)
    flow.end()
    stage.consumed(60)
    second.stop()
    stage.check(teams)


def every_id_of_a_ghost_is_fenced_whichever_sink_comes_after_it(stage):
    """A ghost's open transaction, under each id that a worker may have had: never to be committed."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    stage.produce(events.stream(1000, stage.seed))
    for sink in ("librdkafka", "batch"):
        first_id = f"{stage.group}-{sink}-0"
        ghosts = {id: _ghost(stage, id) for id in (first_id, first_id + ".2")}
        router = stage.router(sink, sink=sink).start().wait_ready()
        for id, ghost in ghosts.items():
            try:
                ghost.commit_transaction(10)
            except KafkaException as refused:
                assert refused.args[0].code() in FENCED, f"{sink}, {id}: {refused}"
            else:
                raise AssertionError(f"{sink}: the transaction under {id} could be committed")
        stage.consumed()
        router.stop()
    stage.check(teams)


def _ghost(stage, transactional_id):
    """A producer with a record in an open transaction, longer than this test may take."""
    ghost = Producer({"bootstrap.servers": stage.bootstrap, "transactional.id": transactional_id,
                      "transaction.timeout.ms": 300_000})
    ghost.init_transactions(30)
    ghost.begin_transaction()
    ghost.produce(f"{stage.prefix}.fraud.payments", b"a ghost's", b"ghost")
    assert ghost.flush(10) == 0
    return ghost


def a_rebalance_storm_loses_nothing(stage):
    """24 times a router joins or leaves (SIGTERM) while 60,000 events flow."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams, source_partitions=8)
    pool = [stage.router(f"storm-{number}") for number in range(5)]
    for router in pool[:3]:
        router.start()
    for router in pool[:3]:
        router.wait_ready()
    flow = stage.flow(events.stream(STORM_EVENTS, stage.seed, unreadable_every=1000), STORM_RATE)
    slowest = 0.0
    for _ in range(STORM_CHANGES):
        time.sleep(stage.chance.uniform(0.2, 2.0))
        running = [router for router in pool if router.is_running()]
        idle = [router for router in pool if not router.is_running()]
        if len(running) <= 2 or (idle and stage.chance.random() < 0.5):
            stage.chance.choice(idle).start()
        else:
            slowest = max(slowest, stage.chance.choice(running).stop())
    still = flow.is_flowing()
    assert flow.join() == STORM_EVENTS
    stage.consumed(90)
    for router in pool:
        if router.is_running():
            slowest = max(slowest, router.stop())
    stage.say(f"{STORM_CHANGES} changes, events flowing until the last: {still}; "
              f"the slowest goodbye took {slowest:.1f} s")
    stage.check(teams)


TESTS = [
    killed_routers_lose_nothing_double_nothing_and_keep_the_order,
    a_paused_zombie_is_fenced_and_doubles_nothing,
    a_second_process_of_the_same_name_fences_the_first,
    every_id_of_a_ghost_is_fenced_whichever_sink_comes_after_it,
    a_rebalance_storm_loses_nothing,
]
