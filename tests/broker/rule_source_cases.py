"""Rules that change while events flow, from a directory, a config manager and a topic."""
import json
import subprocess
import time

import events
import mounted_rules
import topics
from certificates import Authority
from config_manager import ConfigManager
from oracle import Oracle
from state_watch import RulesWatch

# What a change may take until every partition is routed by it, on both routers: the quickest of
# three, since other tests have the machine now and then.
EFFECT_S = 1.0
RATE = 250
PARTITIONS = 4
TOKEN = "Planted-Token-41c7"


class _ChangingOracle(Oracle):
    """Judges each event by the rules that its partition had at its offset, as the notes beside the
    committed offsets say."""

    def __init__(self, spans, teams_of, dead_letter_topic):
        """`spans`: RulesWatch's; `teams_of`: rule set to teams."""
        super().__init__([], dead_letter_topic)
        self._spans, self._teams_of = spans, teams_of

    def _in_force(self, event):
        return [name for since, name in self._spans[event.partition] if since <= event.offset][-1]

    def _of_event(self, event):
        self.teams = self._teams_of[self._in_force(event)]
        return super()._of_event(event)

    def _is_rule_set(self, name, event):
        return name.decode() == self._in_force(event)


class _Directory:
    """A mounted ConfigMap: files are links through `..data`, which the kubelet swaps."""

    is_told = False  # nothing can be said to a mount that is only read

    def __init__(self, path):
        self.rules, self.config = path, {}
        path.mkdir()

    def publish(self, files):
        mounted_rules.publish(self.rules, files)

    def take_away(self):
        self.rules.rename(self.rules.with_name("away"))

    def bring_back(self):
        self.rules.with_name("away").rename(self.rules)


class _Endpoint:
    is_told = True

    def __init__(self, stage):
        authority = Authority(stage.directory / "certificates")
        self._manager = ConfigManager(*authority.issue("manager"), TOKEN).start()
        stage.at_end(self._manager.stop)
        (stage.directory / "token").write_text(TOKEN + "\n")
        self.rules = self._manager.url
        self.config = {"token_file": str(stage.directory / "token"),
                       "ca_bundle": str(authority.certificate),
                       "report_to": self._manager.url + "/reports"}
        self.publish = self._manager.publish
        self.take_away = self._manager.stop
        self.bring_back = self._manager.start

    def report_of(self, instance):
        return self._manager.report_of(instance, self._manager.etag)


class _Topic:
    """Names as keys; a compacted topic of its own for what comes back."""

    is_told = True

    def __init__(self, stage):
        self._stage, self._name = stage, f"{stage.prefix}.rules"
        self._reports = f"{stage.prefix}.rule-reports"
        self._files = {}
        topics.create(stage.bootstrap, self._reports, config={"cleanup.policy": "compact"})
        self.bring_back()
        self.rules, self.config = f"topic:{self._name}", {"report_to": f"topic:{self._reports}"}

    def publish(self, files):
        records = [{"key": name.encode(), "value": text.encode()} for name, text in files.items()
                   if self._files.get(name) != text]
        records += [{"key": name.encode(), "value": None} for name in self._files
                    if name not in files]
        # In one batch: of two, routers would for a moment have the rules of the first alone.
        topics.produce(self._stage.bootstrap, self._name, records, properties={"linger.ms": 50})
        self._files = dict(files)

    def take_away(self):
        topics.delete(self._stage.bootstrap, self._name)

    def bring_back(self):
        topics.create(self._stage.bootstrap, self._name, 1, {"cleanup.policy": "compact"})
        files, self._files = self._files, {}
        if files:
            self.publish(files)

    def report_of(self, instance):
        records = topics.read(self._stage.bootstrap, self._reports)[self._reports]
        own = [json.loads(record.value) for record in records if record.key.decode() == instance]
        return own[-1] if own else None


class _Run:
    """Two routers whose rules change, and which teams each rule set was made of."""

    def __init__(self, stage):
        self.stage = stage
        self.teams = stage.teams("fraud", "growth")
        self.change_topic = f"{stage.prefix}.growth.changed"
        stage.make_topics(self.teams, source_partitions=PARTITIONS)
        topics.create(stage.bootstrap, self.change_topic, 3)
        self.teams_of = {}  # rule set to the teams that it is made of
        self.took_s = []  # by changes while nothing else happens
        self._number = 0

    def next_version(self):
        """Teams of which one has changed: for a part of the events the rules of now are named."""
        self._number += 1
        fraud, growth = json.loads(json.dumps(self.teams))
        growth["rules"].append({"name": f"change-{self._number}", "match": {"region": ["eu"]},
                                "to": self.change_topic})
        return [fraud, growth]

    @staticmethod
    def files(teams):
        return {f"{team['team']}.json": json.dumps(team) for team in teams}

    def start(self, origin):
        self.origin = origin
        self.routers = [self.stage.router(name, rules=origin.rules, rules_from=origin.config)
                        for name in ("router-a", "router-b")]
        for router in self.routers:
            router.start()
        for router in self.routers:
            router.wait_ready()
        for router in self.routers:
            router.wait_until("its share of the partitions",
                              lambda: len(_page(router)["partitions"]) == PARTITIONS // 2)

    def change(self, teams, publish=None):
        """Publishes, and returns the rule set's hash once every partition is routed by it."""
        before = [_page(router)["rule_set"] for router in self.routers]
        begun = time.monotonic()
        publish() if publish else self.origin.publish(self.files(teams))
        for router, old in zip(self.routers, before):
            router.wait_until("the change in all partitions", lambda: _is_in_force(router, old), 20)
        self.took_s.append(time.monotonic() - begun)
        return self.learn(self.routers[0], teams)

    def learn(self, router, teams):
        """The rule set that a router made of these teams."""
        rule_set = _page(router)["rule_set"]
        self.teams_of[rule_set] = teams
        return rule_set


def _page(router):
    code, body = router.get("/v1/rules")
    assert code == 200, body
    return json.loads(body)


def _is_in_force(router, old):
    page = _page(router)
    return page["rule_set"] != old and all(
        one["rule_set"] == page["rule_set"] for one in page["partitions"])


def _assignments(routers):
    """How often partitions came or went."""
    return sum(router.log().count(" partitions") for router in routers)


def _rollback(run, *arguments):
    admins = [word for router in run.routers for word in ("--admin", f"127.0.0.1:{router.port}")]
    done = subprocess.run([run.stage.binary, "rollback", *arguments, *admins], text=True,
                          capture_output=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _from_one_origin(run, origin):
    """Changes without a rebalance, a bad file, a rollback, a kill in the middle of a change, a start
    while the origin is away. How long the first three took, ascending."""
    first = run.next_version()
    origin.publish(run.files(first))
    run.start(origin)
    first_hash = run.learn(run.routers[0], first)
    settled = _assignments(run.routers)

    second = run.next_version()
    second_hash = run.change(second)
    bad = {**run.files(second), "growth.json": '{"team": "growth", "rules": 7}'}
    origin.publish(bad)
    for router in run.routers:
        router.wait_until("the refusal", lambda: _page(router)["refused"])
        refused, = _page(router)["refused"]
        assert refused["file"].endswith("growth.json") and refused["problems"][0]["cure"], refused
        assert _page(router)["rule_set"] == second_hash, "everybody else moves on, nobody back"
        if origin.is_told:
            name = router.directory.name
            report = router.wait_until("the report", lambda: _refused(origin.report_of(name)))
            assert report["rule_set"] == second_hash, report
    origin.publish(run.files(second))
    for router in run.routers:
        router.wait_until("the cure", lambda: not _page(router)["refused"])

    back = run.change(first, lambda: _rollback(run))
    assert back == first_hash, (back, first_hash)
    third_hash = run.change(run.next_version())
    took_s = sorted(run.took_s[-3:])
    assert _assignments(run.routers) == settled, "a change of rules moved partitions"

    # A router that dies in the middle of a change, another that starts with its origin away.
    fourth = run.next_version()
    origin.publish(run.files(fourth))
    dying, other = run.routers
    dying.kill()
    dying.start().wait_ready()
    other.wait_until("the change", lambda: _is_in_force(other, third_hash))
    run.learn(other, fourth)
    teams = _page(other)["teams"]
    origin.take_away()
    dying.kill()
    dying.start().wait_ready()
    page = _page(dying)
    assert page["from_disk"] and page["teams"] == teams, page
    run.learn(dying, fourth)  # of an origin that can't be read, nobody's memory is dropped
    assert "are those kept on disk" in dying.log()
    origin.bring_back()
    dying.wait_until("its origin", lambda: not _page(dying)["from_disk"])
    run.change(run.next_version())
    for router in run.routers:
        router.stop()
    return took_s


def _refused(report):
    return report if report and report["refused"] and not report["ok"] else None


def rules_change_through_every_source_and_nobody_loses_an_event(stage):
    """A directory swapped as a ConfigMap, HTTPS with long poll, a compacted topic; kills among it."""
    run = _Run(stage)
    flow = stage.flow(events.stream(500_000, stage.seed, bytes_each=300), RATE)
    watch = RulesWatch(stage.kafka, stage.group, stage.source, PARTITIONS)
    for origin in (_Directory(stage.directory / "rules"), _Endpoint(stage), _Topic(stage)):
        begun = time.monotonic()
        took_s = _from_one_origin(run, origin)
        stage.say(f"{type(origin).__name__[1:].lower()}: in force in all partitions after "
                  f"{', '.join(f'{one:.2f}' for one in took_s)} s "
                  f"({time.monotonic() - begun:.0f} s in all)")
        assert took_s[0] < EFFECT_S, "a change takes too long"
    last = stage.router("last", rules=run.origin.rules).start().wait_ready()
    flow.end()
    stage.consumed()
    last.stop()
    watch.end()
    stage.check([], _ChangingOracle(watch.spans(), run.teams_of, stage.dead_letters),
                stage.destinations(run.teams) + [run.change_topic, stage.dead_letters])


TESTS = [rules_change_through_every_source_and_nobody_loses_an_event]
