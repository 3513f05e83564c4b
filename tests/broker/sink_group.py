"""One sink's half of a test in which both sinks route at once on the same brokers."""
import events
import topics
from stage import SINKS

EVENTS_MAX = 500_000  # more than a test lasts
BURST_EVENTS = 40
BURST_PAUSE_S = 0.4
GOING_ON_TIMEOUT_S = 120  # three brokers and four routers on two cores


class SinkGroup:
    """Routers with this sink; topics, rules, load and judgement of their own. `prepare(group)` is called
    once its topics are there, before its routers are started."""

    def __init__(self, stage, sink, routers=2, prepare=None):
        self.stage = stage.beside(sink)
        self.sink = sink
        self.teams = self.stage.teams("fraud", "growth")
        self.stage.write_rules(self.teams)
        self.stage.make_topics(self.teams, partitions=2)
        self.routers = [self.stage.router(name) for name in ("router-a", "router-b")[:routers]]
        if prepare:
            prepare(self)
        for router in self.routers:
            router.start()
        self._flow = None

    @property
    def destinations(self):
        return self.stage.destinations(self.teams)

    def begin(self):
        """Events flow, once both routers route by all rules: one of several brokers may not know the
        topics yet, and a team whose topics are missing stands aside."""
        for router in self.routers:
            router.wait_ready()
            for team in self.teams:
                router.wait_for_team(team["team"])
        self._flow = self.stage.flow(events.in_bursts(
            events.stream(EVENTS_MAX, self.stage.seed, unreadable_every=1000),
            BURST_EVENTS, BURST_PAUSE_S))

    def end(self):
        """No more events flow."""
        assert self._flow.is_flowing(), "the events ran out: nothing is shown of what came last"
        self._flow.end()

    def judge(self):
        """That all is as if nothing had happened."""
        self.stage.consumed()
        for router in self.routers:
            router.wait_ready().stop()
        self.stage.say(f"the {self.sink} sink:")
        self.stage.check(self.teams)


def start_both(stage, routers=2, prepare=None):
    """A group of each sink, with events flowing to it."""
    groups = [SinkGroup(stage, sink, routers, prepare) for sink in SINKS]
    for group in groups:
        group.begin()
    return groups


def wait_until_going_on(groups, how, commits=3, timeout_s=GOING_ON_TIMEOUT_S):
    """Returns when each router has committed so many transactions since now."""
    before = {router: _committed(router) for group in groups for router in group.routers}
    for router, count in before.items():
        router.wait_until(f"going on {how}", lambda: (
            _committed(router) >= count + commits), timeout_s)  # noqa: B023


def wait_until_caught_up(groups):
    """Returns when each group has committed all that its source holds now: it has read from every
    partition's leader since."""
    for group in groups:
        stage = group.stage
        topics.wait_until_caught_up(stage.bootstrap, stage.group, stage.source,
                                    GOING_ON_TIMEOUT_S)


def judge_both(groups):
    for group in groups:
        group.end()
    for group in groups:
        group.judge()


def _committed(router):
    return router.metric("turnout_transactions_committed_total")
