"""Brokers that go away, come back or were never there; signals while nobody answers."""
import signal
import time

from confluent_kafka import Consumer, Producer, TopicPartition

import events
import topics
from kafka import Kafka
from oracle import Oracle
from stage import alone

PAUSES_MAX = 8

def a_broker_that_restarts_midway_costs_nothing(stage):
    """Killed, later shut down properly, while two routers route: all as if nothing had happened."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    routers = [stage.router(name).start() for name in ("router-a", "router-b")]
    for router in routers:
        router.wait_ready()
    flow = stage.flow(events.stream(100_000, stage.seed, unreadable_every=1000), 1500)
    for graceful in (False, True):
        time.sleep(stage.chance.uniform(1.5, 3.0))
        (stage.kafka.stop if graceful else stage.kafka.kill)()
        for router in routers:
            router.wait_until("/readyz saying that brokers are away",
                              lambda: router.get("/readyz")[0] == 503, 30)  # noqa: B023
            assert router.get("/healthz")[0] == 200, "a router without brokers is not broken"
        stage.kafka.start()
        for router in routers:
            router.wait_ready(60)
        stage.say(f"{'shut down' if graceful else 'killed'}, started: both routers are ready")
    time.sleep(1)
    stage.say(f"{flow.end()} events")
    stage.consumed(90)
    for router in routers:
        router.stop()
    stage.check(teams)


def a_process_paused_longer_than_a_transaction_may_last_redoes_it(stage):
    """SIGSTOP between the records and their commit, until the broker has aborted them; still a member
    of the group afterwards, so nothing but the transaction is lost. A pause that meets a produce
    looks like another owner to the router, which joins afresh."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    router = stage.router(sink="batch", source={"session_timeout": "2m"},
                          limits={"transaction_timeout": "2s"}).start().wait_ready()
    flow = stage.flow(events.stream(100_000, stage.seed), 1500)
    for pause in range(PAUSES_MAX):
        time.sleep(stage.chance.uniform(0.5, 1.5))
        stage.kafka.pause()  # so that the router waits for an answer
        time.sleep(0.3)
        router.signal(signal.SIGSTOP)
        stage.kafka.resume()
        time.sleep(4)
        router.signal(signal.SIGCONT)
        router.wait_ready()
        redone = router.metric("turnout_transaction_outcomes_total", outcome="aborted")
        if redone:
            break
    stage.say(f"{redone:.0f} transactions redone after {pause + 1} pauses")
    assert redone > 0, "no pause met a transaction that was all there but its end"
    assert router.metric("turnout_transaction_outcomes_total", outcome="fatal") == 0
    flow.end()
    stage.consumed(60)
    router.stop()
    stage.check(teams)


def a_broker_that_is_absent_at_first_is_waited_for(stage):
    """/readyz is 503 and says why; everything flows once the broker is there."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    stage.produce(events.stream(2000, stage.seed, unreadable_every=100))
    stage.kafka.stop()
    router = stage.router().start()
    router.wait_until("/readyz saying why",
                      lambda: "broker" in router.get("/readyz")[1].lower(), 20)
    assert router.get("/readyz")[0] == 503
    assert router.get("/healthz")[0] == 200
    lines = len(router.log().splitlines())
    assert lines < 60, f"{lines} lines of log while waiting: should be one a change"
    stage.kafka.start()
    router.wait_ready(60)
    stage.consumed()
    router.stop()
    stage.check(teams)


def a_source_topic_that_is_missing_is_named_and_waited_for(stage):
    """/readyz and the log name it; routing starts once it is created."""
    teams = stage.teams("growth")
    stage.write_rules(teams)
    topics.create(stage.bootstrap, stage.destinations(teams) + [stage.dead_letters], 2)
    router = stage.router().start()
    router.wait_until("/readyz naming the source", lambda: stage.source in router.get("/readyz")[1],
                      20)
    assert router.get("/readyz")[0] == 503
    topics.create(stage.bootstrap, stage.source, 2)
    stage.produce(events.stream(500, stage.seed))
    router.wait_ready(60)
    stage.consumed()
    router.stop()
    stage.check(teams)


def offsets_set_by_hand_are_gone_on_from(stage):
    """Rules that remember nothing need no note beside the offset: some events are left out."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    router = stage.router().start().wait_ready()
    stage.produce(events.stream(1000, stage.seed))
    stage.consumed()
    router.stop()
    ends = topics.ends(stage.bootstrap, stage.source)
    stage.produce(events.stream(1000, stage.seed + 1))
    begin = ends[1] + 50
    stage.set_offsets(1, "--to-offset", begin)
    router.start().wait_ready()
    stage.consumed()
    router.stop()
    oracle = Oracle(teams, stage.dead_letters)
    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    due = oracle.expected(one for one in source
                          if one.partition != 1 or not ends[1] <= one.offset < begin)
    names = stage.destinations(teams) + [stage.dead_letters]
    stage.hold(oracle, due, names, source)


def a_transaction_that_holds_the_offsets_is_named_and_waited_for(stage):
    """Somebody has begun to commit offsets of the group and stands still: /readyz says so."""
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    stage.produce(events.stream(1000, stage.seed))
    held = TopicPartition(stage.source, 1, 0)
    somebody = Producer({"bootstrap.servers": stage.bootstrap,
                                         "transactional.id": f"{stage.group}-somebody"})
    member = Consumer({"bootstrap.servers": stage.bootstrap,
                                       "group.id": stage.group})
    somebody.init_transactions(30)
    somebody.begin_transaction()
    somebody.send_offsets_to_transaction([held], member.consumer_group_metadata(), 30)
    member.close()
    router = stage.router().start()
    router.wait_until("/readyz naming the transaction",
                      lambda: "wait for their committed offsets" in router.get("/readyz")[1], 30)
    assert router.get("/readyz")[0] == 503
    somebody.abort_transaction(30)
    router.wait_ready(30)
    stage.consumed()
    router.stop()
    stage.check(teams)


@alone
def a_router_ends_in_time_though_its_broker_is_gone(stage):
    """SIGTERM with the broker stopped, in mid-flow and from the start: status 0 within 5 s."""
    kafka = stage.use(Kafka(stage.directory / "kafka"))
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    # Longer than the broker is away. Kafka 4.3.1 loses the marker of a group's offsets if it aborts
    # a transaction that has timed out in the moment of its start: they stay undecided for ever.
    patient = {"transaction_timeout": "60s"}
    names = ("router-a", "router-b")
    routers = [stage.router(name, limits=patient).start().wait_ready() for name in names]
    flow = stage.flow(events.stream(100_000, stage.seed), 1500)
    time.sleep(1.5)
    kafka.kill()
    took = routers[0].stop()
    routers[1].wait_until("not ready", lambda: routers[1].get("/readyz")[0] == 503, 30)
    took_later = routers[1].stop()
    took_early = stage.router("router-c", limits=patient).start()
    took_early.wait_until("its HTTP door", lambda: took_early.get("/healthz")[0] == 200)
    took_early = took_early.stop()
    stage.say(f"took {took:.1f} s at once, {took_later:.1f} s later, {took_early:.1f} s unstarted")
    kafka.start()
    flow.end()
    heirs = [stage.router(name, limits=patient).start() for name in names]
    stage.consumed(60)
    for heir in heirs:
        heir.stop()
    stage.check(teams)


@alone
def a_second_signal_ends_the_program_at_once(stage):
    """While the first one's goodbye waits for a broker that doesn't answer."""
    kafka = stage.use(Kafka(stage.directory / "kafka"))
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    router = stage.router().start().wait_ready()
    stage.produce(events.stream(2000, stage.seed))
    stage.consumed()
    kafka.pause()
    try:
        router.signal(signal.SIGTERM)
        time.sleep(0.3)
        assert router.is_running(), "it ended before the second signal: nothing is shown"
        begun = time.monotonic()
        router.signal(signal.SIGTERM)
        code = router.process.wait(5)
        took = time.monotonic() - begun
    finally:
        kafka.resume()
    assert code in (128 + signal.SIGTERM, -signal.SIGTERM), f"it ended with {code}"
    assert took < 0.5, f"the second signal took {took:.1f} s"


TESTS = [
    a_broker_that_restarts_midway_costs_nothing,
    a_broker_that_is_absent_at_first_is_waited_for,
    a_process_paused_longer_than_a_transaction_may_last_redoes_it,
    a_source_topic_that_is_missing_is_named_and_waited_for,
    offsets_set_by_hand_are_gone_on_from,
    a_transaction_that_holds_the_offsets_is_named_and_waited_for,
    a_router_ends_in_time_though_its_broker_is_gone,
    a_second_signal_ends_the_program_at_once,
]
