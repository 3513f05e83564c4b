"""What befalls a company's cluster, while both sinks route on it: after each the routers have said why
in plain words, go on by themselves, and have lost, doubled or reordered nothing.

All tests use one cluster, in turn.
"""
import re
import time

from secured_cluster import BYTES_PER_SECOND, SecuredCluster
from sink_group import judge_both, start_both, wait_until_caught_up, wait_until_going_on
from skewed_clock import SkewedClock
from stage import alone
from witness import Witness

RECOVERY_S = 120  # from the end of a fault to commits of every router; 0.5 to 13 s on a quiet machine
ISR_OUTAGE_S = 8  # times the scale
CUT_S = 8
SLOW_MS = 1_500
QUOTA_BYTES_PER_SECOND = 25_000  # for each broker; somewhat more is sent
AHEAD_S = 3_500  # what is parked has the router's time; brokers take none more than an hour ahead
BEHIND_S = -3_600
SET_BACK_S = 5  # long enough for whatever is waited for by the clock to be missed
NOTHING_IS_WRONG = None


class _Trial:
    """Both sinks' routers on the shared cluster, each with what it needs and no more."""

    def __init__(self, stage, routers=1, environment=None):
        self._stage = stage
        self.cluster = stage.use_shared("secured", SecuredCluster)
        self._environment = environment or {}
        self.groups = start_both(stage, routers, self._prepare)
        self.routers = [router for group in self.groups for router in group.routers]
        self._witness = Witness(self.routers)
        stage.at_end(self._witness.close)
        wait_until_going_on(self.groups, "before anything is wrong")

    def _prepare(self, group):
        self.cluster.permit(group)
        for router in group.routers:
            router.environment.update(self._environment)

    def without(self, what, permissions, log, status, goes_on=False, groups=None):
        """The same of permissions that are taken away and given back."""
        def change(how):
            for permission in permissions:
                how(*permission)

        self.suffer(f"without {what}", lambda: change(self.cluster.disallow),
                    lambda: change(self.cluster.allow), log, status, goes_on=goes_on, groups=groups)

    def suffer(self, what, begin, end, log, status=NOTHING_IS_WRONG, lasts_s=0, goes_on=False,
               groups=None, recovery_s=RECOVERY_S):
        """From `begin` to `end` something is wrong: at least so long, and until routers of each of
        `groups`, or of all, have named it in their logs and on their status pages. Where it `goes_on`,
        all routers commit meanwhile. All commit soon after."""
        self._witness.forget()
        begun = time.monotonic()
        try:
            begin()
            if goes_on:
                wait_until_going_on(self.groups, what)
            going_on_s = time.monotonic() - begun
            time.sleep(max(0.0, begun + lasts_s - time.monotonic()))
            for group in groups or self.groups:
                self._witness.wait_until_named(group.routers, what, log, status)
            named_s = time.monotonic() - begun
        finally:
            end()
        ended = time.monotonic()
        wait_until_going_on(self.groups, f"after {what}", timeout_s=recovery_s)
        self._stage.say(
            f"{what}: " + (f"all went on within {going_on_s:.1f} s, " if goes_on else "")
            + f"named within {named_s:.1f} s; all commit {time.monotonic() - ended:.1f} s after its"
            " end")

    def restart_routers(self, between):
        for router in self.routers:
            router.kill()
        between()
        for router in self.routers:
            router.start()

    def judge(self):
        judge_both(self.groups)


@alone
def brokers_of_a_secured_cluster_restart_or_are_killed_and_nothing_is_lost(stage):
    """Each restarted in turn; kill -9 of the one that leads the source, of the group's coordinator and of
    that of a router's transactions; then of two at once, so that no partition has the replicas that it
    needs, nor the brokers' own topics."""
    trial = _Trial(stage, routers=2)
    cluster = trial.cluster
    for node in cluster.nodes:
        # Its work was handed over before it went: nothing need be said.
        _lose(trial, f"broker {node.node_id} shut down", node, node.stop, log=NOTHING_IS_WRONG)
    group = trial.groups[0].stage.group
    for what, victim in [
            ("the source's leader killed",
             lambda: cluster.leader_of(trial.groups[0].stage.source)),
            ("the group's coordinator killed", lambda: cluster.coordinator_of("group", group)),
            ("the transactions' coordinator killed",
             lambda: cluster.coordinator_of("transactional_id", f"{group}-router-a-0"))]:
        # Each leads something again, and is known: of one that nobody has met nothing is noticed.
        cluster.elect_preferred_leaders()
        wait_until_caught_up(trial.groups)
        node = victim()
        # The other group may have nothing to do with it, and notices nothing then.
        _lose(trial, f"{what}, broker {node.node_id}", node, node.kill,
              log=_address(node), status=_address(node), groups=trial.groups[:1])
    _lose_two(trial, stage.scale)
    trial.judge()


def _lose(trial, what, node, how, log, status=NOTHING_IS_WRONG, groups=None):
    """One broker is away: the others do its work meanwhile."""
    def come_back():
        node.start()
        trial.cluster.wait_until_in_sync()

    trial.suffer(what, how, come_back, log, status, goes_on=True, groups=groups)


def _lose_two(trial, scale):
    """What is left is one replica of everything, where two are asked for."""
    left, *victims = trial.cluster.nodes
    source = trial.groups[0].stage.source

    def begin():
        for node in victims:
            node.kill()
        trial.routers[0].wait_until("one replica being left", lambda: set(
            trial.cluster.in_sync(source).values()) == {frozenset({left.node_id})}, RECOVERY_S)

    words = "|".join(["too few brokers are up", *(_address(node) for node in victims)])
    trial.suffer("two of three brokers killed", begin, trial.cluster.start, log=words, status=words,
                 lasts_s=ISR_OUTAGE_S * scale)


def _address(node):
    """As routers know it, in a regular expression."""
    return re.escape(node.bootstrap)


@alone
def a_network_that_is_cut_or_slow_holds_events_up_and_loses_none(stage):
    """The router's link to a broker is cut while the brokers see each other; a broker answers late."""
    trial = _Trial(stage)
    cluster = trial.cluster
    if cluster.network:
        node = cluster.nodes[0]
        trial.suffer(f"the link to broker {node.node_id} cut", lambda: cluster.network.cut(0),
                     lambda: cluster.network.mend(0), log=_address(node), status=_address(node),
                     lasts_s=CUT_S)
    else:
        # Where `tests/run` looks for it.
        print(f"SKIPPED: the link to a broker cut: {cluster.lacks_network}", flush=True)
    node = cluster.proxied
    trial.suffer(f"broker {node.node_id} answers {2 * SLOW_MS} ms late",
                 lambda: cluster.proxy.delay(SLOW_MS), lambda: cluster.proxy.delay(0), log=_address(node),
                 status=_address(node), lasts_s=CUT_S)
    trial.judge()


@alone
def a_quota_that_is_too_small_holds_events_up_and_loses_none(stage):
    """Brokers hold the routers' clients back, for longer the more has piled up meanwhile."""
    trial = _Trial(stage)
    cluster = trial.cluster
    trial.suffer("a quota of what is sent",
                 lambda: cluster.limit(QUOTA_BYTES_PER_SECOND), lambda: cluster.limit(BYTES_PER_SECOND),
                 log="throttles: .*over their quota", status="over their quota", lasts_s=CUT_S,
                 recovery_s=3 * RECOVERY_S)
    trial.judge()


@alone
def permissions_taken_away_and_given_back_hold_up_what_they_concern(stage):
    """To write one destination: its records wait, the others go on. To read the source, to be in the
    group, to use the transactional ids: nothing is routed, and goes on when it is given back."""
    trial = _Trial(stage)
    for group in trial.groups:
        one = group.destinations[0]
        trial.without(f"writing {one}", [("write", "topic", one)], log=one, status=one, goes_on=True,
                      groups=[group])
    stages = [group.stage for group in trial.groups]
    for what, permissions, words in [
            ("reading the source", [("read", "topic", one.source) for one in stages],
             "TOPIC_AUTHORIZATION_FAILED.*grant this principal Read"),
            ("the group", [("read", "group", one.group) for one in stages],
             "GROUP_AUTHORIZATION_FAILED.*grant this principal Read on the consumer group"),
            ("the transactional ids", [
                ("write", "transactional_id", f"{one.group}-", "prefixed") for one in stages],
             "TRANSACTIONAL_ID_AUTHORIZATION_FAILED.*grant this principal Write")]:
        trial.without(what, permissions, log=words, status=words)
    trial.judge()


@alone
def a_router_whose_clock_is_an_hour_off_says_so_and_goes_on(stage):
    """Ahead, while a destination falls ill and is well again; behind, so that the brokers' certificates
    are not valid yet, and set right while it runs; set back while it runs."""
    clock = SkewedClock(stage.directory)
    trial = _Trial(stage, environment=clock.environment)

    def change(seconds):
        return lambda: clock.set(seconds)

    trial.suffer("the clock is almost an hour ahead",
                 lambda: trial.restart_routers(change(AHEAD_S)), lambda: None, log="",
                 status="old when they are routed", goes_on=True)
    for group in trial.groups:
        one = group.destinations[0]
        trial.without(f"writing {one}, the clock ahead", [("write", "topic", one)], log=one, status=one,
                      goes_on=True, groups=[group])
    trial.suffer("the clock is behind what the certificates say",
                 lambda: trial.restart_routers(change(BEHIND_S)), change(0),
                 log="certificate verify failed", status="certificate verify failed")
    trial.suffer("the clock set back while it runs", change(BEHIND_S), change(0), log="",
                 status="of a time that is", goes_on=True, lasts_s=SET_BACK_S)
    trial.judge()


TESTS = [brokers_of_a_secured_cluster_restart_or_are_killed_and_nothing_is_lost,
         a_network_that_is_cut_or_slow_holds_events_up_and_loses_none,
         a_quota_that_is_too_small_holds_events_up_and_loses_none,
         permissions_taken_away_and_given_back_hold_up_what_they_concern,
         a_router_whose_clock_is_an_hour_off_says_so_and_goes_on]
