"""Teams that are onboarded by one request to the config manager, against a broker that looks at ACLs.

The manager comes to Kafka as a user of its own, who may do what deploy/manager/README.md names and no
more; the routers and each team's readers are others.
"""
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import kafka_protocol
import topics
from confluent_kafka import Consumer, KafkaException, Producer
from kafka import Kafka
from router_process import write_config

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "manager"))
from manager_process import Manager  # noqa: E402

PASSWORD = "Planted-Secret-0b5ad1"
USERS = ("platform", "router", "fraud", "growth")
PIPELINE = "ingest"  # what the names of the pipeline's own begin with
ONBOARD = "/v1/onboard"
RATE, MEAN_BYTES, PERCENT, PER_PARTITION = 2_500, 400, 200, 1_000
MANY = 30  # topics of the team that is onboarded by a manager that dies
FIRST_EVENT_S = 60
CARD = "4111-of-a-customer"
WAIT_S = 30


def _properties(user):
    return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN", "sasl.username": user,
            "sasl.password": PASSWORD}


def _secured(stage):
    stage.prefix = PIPELINE
    kafka = stage.use(Kafka(stage.directory / "kafka", sasl=True, users=dict.fromkeys(USERS, PASSWORD)))
    for operation in ("create", "describe", "alter", "describe_configs", "alter_configs"):
        kafka.allow("platform", operation, "cluster", "kafka-cluster")
    for operation in ("describe", "delete"):
        kafka.allow("platform", operation, "topic", "*")
    kafka.allow("router", "read", "topic", stage.source)
    kafka.allow("router", "read", "group", stage.group)
    kafka.allow("router", "write", "transactional_id", f"{stage.group}-", "prefixed")
    kafka.allow("router", "describe", "topic", f"{stage.group}.rekey")
    kafka.allow("router", "write", "topic", stage.dead_letters)
    kafka.allow("router", "write", "topic", "base.all")
    topics.create(stage.bootstrap, stage.source, 2)
    topics.create(stage.bootstrap, [stage.dead_letters, "base.all"], 1)
    return kafka


def _manager(stage, kafka):
    """With a pipeline for the routers and one for the platform's administrator."""
    pipelines = {}
    for user in ("router", "platform"):
        pipelines[user] = stage.directory / f"{user}.yaml"
        write_config(pipelines[user], {
            "brokers": kafka.bootstrap, "source": {"topic": stage.source, "group": stage.group},
            "rules": "none", "state_dir": "none", "kafka": _properties(user)})
    policy = {"kafka": str(pipelines["platform"]), "router": "User:router", "partitions_max": 12,
              "per_partition_rate": PER_PARTITION, "quota_percent": PERCENT, "replication_factor": 1,
              "retention_hours": 24, "links": {"dashboard": "https://grafana.example.com/d/{team}"}}
    services = json.dumps({"orders": {"pipeline": str(pipelines["router"]), "onboarding": policy}})
    manager = Manager(stage.binary, stage.directory / "manager", config=[f"services: {services}"])
    stage.at_end(manager.close)
    callers = {"admin": manager.bearer("admin", ("*", "*", "admin")),
               "ann": manager.bearer("ann", ("orders", "fraud", "editor"), ("orders", "growth", "editor")),
               "vic": manager.bearer("vic", ("orders", "*", "viewer")),
               "router": manager.bearer("router", ("orders", "*", "viewer"), kind="router")}
    return manager.start(), callers


def _router(stage, manager, callers):
    at = f"http://127.0.0.1:{manager.port}/v1/services/orders"
    router = stage.router(
        rules=at + "/rules", kafka=_properties("router"),
        rules_from={"token_file": str(manager.token_file(callers["router"])), "report_to": at + "/reports",
                    "samples": "without card"})
    return router.start().wait_ready()


def _request(team, names, **more):
    return {"service": "orders", "team": team, "owner": f"{team}@example.com", "rate": RATE,
            "mean_bytes": MEAN_BYTES, "match": {"type": [team]}, "to": names, **more}


def _states(answer):
    return {(step["kind"], step["name"]): step["state"] for step in answer.json["steps"]}


def _first_event(kafka, team, topic):
    """The first record that the team's own reader gets, by the group and the rights it was given."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, **_properties(team), "group.id": f"{team}.app",
                         "auto.offset.reset": "earliest", "log_level": 0, "isolation.level": "read_committed",
                         "topic.metadata.refresh.interval.ms": 500})
    try:
        consumer.subscribe([topic])
        deadline = time.monotonic() + FIRST_EVENT_S
        while time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                return json.loads(message.value())
        raise AssertionError(f"{team} has read nothing of {topic} in {FIRST_EVENT_S} s")
    finally:
        consumer.close()


def _may_read(kafka, user, topic):
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, **_properties(user), "group.id": f"{user}.app",
                         "log_level": 0})
    try:
        found = consumer.list_topics(topic, timeout=10).topics[topic]
        return found.error is None
    except KafkaException:
        return False
    finally:
        consumer.close()


def _flow(stage, stop, team):
    """Events of the team, a few a second, until `stop`."""
    producer = Producer({"bootstrap.servers": stage.bootstrap, "log_level": 0})
    number = 0
    while not stop.wait(0.05):
        number += 1
        producer.produce(stage.source, json.dumps({"type": team, "n": number}).encode())
        producer.poll(0)
    producer.flush(10)


def a_team_is_onboarded_by_one_request_and_reads_its_first_event(stage):
    """Topics, ACLs and a quota as said; the same again changes nothing; undone with nobody else's."""
    kafka = _secured(stage)
    manager, callers = _manager(stage, kafka)
    admin, ann = callers["admin"], callers["ann"]
    base = {"team": "base", "owner": "base@example.com", "destinations": ["base.*"],
            "rules": [{"name": "all", "match": {"type": ["base"]}, "to": "base.all"}]}
    assert admin.put("/v1/services/orders/items/rules/base", json.dumps(base)).status == 201
    router = _router(stage, manager, callers)
    # Somebody has made these before, and they stay somebody's.
    topics.create(stage.bootstrap, "fraud.own", 5)
    kafka.allow("fraud", "read", "topic", "fraud.own")

    request = _request("fraud", ["fraud.declined", "fraud.own"], why="cards")
    _judge_refusals(callers, request)
    planned = ann.post(ONBOARD, {**request, "dry_run": True})
    assert planned.status == 200 and planned.json["outcome"] == "planned", planned.body
    expected = {("topic", "fraud.declined"): "make", ("topic", "fraud.own"): "there",
                ("acl", "User:fraud may read topic fraud.declined"): "make",
                ("acl", "User:router may write topic fraud.declined"): "make",
                ("acl", "User:fraud may read topic fraud.own"): "there",
                ("acl", "User:router may write topic fraud.own"): "make",
                ("acl", "User:fraud may read group fraud.*"): "make",
                ("acl", f"User:router may write transactional id {stage.group}-*"): "there",
                ("quota", "fraud"): "make", ("rules", "fraud"): "make"}
    assert _states(planned) == expected, _states(planned)
    assert "fraud.declined" not in topics.existing(stage.bootstrap), "a dry run makes nothing"
    _judge_samples(stage, ann, request)

    stop = threading.Event()
    flow = threading.Thread(target=_flow, args=(stage, stop, "fraud"))
    flow.start()
    try:
        begun = time.monotonic()
        made = ann.post(ONBOARD, request)
        answered = time.monotonic() - begun
        assert made.status == 201 and made.json["outcome"] == "made", made.body
        assert _first_event(kafka, "fraud", "fraud.declined")["type"] == "fraud"
        took = time.monotonic() - begun
    finally:
        stop.set()
        flow.join()
    print(f"        from the request to its answer {answered:.2f} s, to the first event that the team "
          f"reads {took:.1f} s", flush=True)
    assert took < FIRST_EVENT_S
    assert set(_states(made).values()) == {"there"}, made.body
    assert {"title": "dashboard", "url": "https://grafana.example.com/d/fraud"} in made.json["links"]
    _run_commands(stage, made.json["commands"])

    assert topics.existing(stage.bootstrap)["fraud.declined"] == -(-RATE // PER_PARTITION)
    assert topics.existing(stage.bootstrap)["fraud.own"] == 5
    assert topics.config(stage.bootstrap, "fraud.declined")["retention.ms"] == str(24 * 3_600_000)
    assert kafka_protocol.acls_of(kafka.admin_port, "fraud") == [
        ("read", "group", "fraud.", "prefixed"), ("read", "topic", "fraud.declined", "literal"),
        ("read", "topic", "fraud.own", "literal")]
    assert kafka_protocol.user_quotas(kafka.admin_port, "fraud") == {
        "consumer_byte_rate": RATE * MEAN_BYTES * PERCENT / 100}
    assert not _may_read(kafka, "growth", "fraud.declined"), "another team sees it"

    again = ann.post(ONBOARD, request)
    assert again.status == 200 and again.json["outcome"] == "unchanged", again.body
    assert again.json["record"] == 1, again.body
    records = ann.get(f"{ONBOARD}/orders/fraud").json["records"]
    assert [(one["by"], one["why"]) for one in records] == [("ann", "cards")], records
    # More events: the quota is its own, and follows; partitions are for a person to change.
    more = ann.post(ONBOARD, {**request, "rate": 2 * RATE})
    assert more.status == 201, more.body
    assert _states(more)["topic", "fraud.declined"] == "other", more.body
    assert kafka_protocol.user_quotas(kafka.admin_port, "fraud")["consumer_byte_rate"] == \
        2 * RATE * MEAN_BYTES * PERCENT / 100

    _judge_undoing(kafka, stage, callers)
    seen = [(one["action"], one["outcome"]) for one in admin.get("/v1/audit?limit=1000").json["entries"]]
    assert ("onboard", "done") in seen and ("undo_onboarding", "done") in seen, seen
    assert ("onboard", "refused") in seen and ("undo_onboarding", "refused") in seen, seen
    for file in (manager.log_file, manager.data / "audit.jsonl"):
        assert PASSWORD not in file.read_text(), f"{file} shows a password"
    assert not [body for _, _, _, body, _ in manager.answers if PASSWORD.encode() in body]
    router.stop()
    assert manager.stop() == 0


def _run_commands(stage, commands):
    """As they are printed, as the team's own user: kcat reads from its config who that is."""
    config = stage.directory / "kcat.conf"
    config.write_text("".join(f"{name}={value}\n" for name, value in _properties("fraud").items()))
    said = {}
    for one in commands:
        done = subprocess.run(["bash", "-c", one["command"]], text=True, capture_output=True, timeout=WAIT_S,
                              env={"PATH": os.environ["PATH"], "KCAT_CONFIG": str(config)})
        assert done.returncode == 0, f"{one}\n{done.stdout}{done.stderr}"
        said[one["title"]] = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert set(said) == {"events of fraud.declined", "events of fraud.own"}, said
    for kinds in said.values():
        assert kinds and set(kinds) == {"fraud"}, said


def _judge_refusals(callers, request):
    for caller in ("vic", "router"):
        assert callers[caller].post(ONBOARD, request).status == 403, caller
    said = callers["ann"].post(ONBOARD, {**request, "to": ["growth.declined"]})
    assert said.status == 422 or said.status == 400, said.body
    assert callers["admin"].post(ONBOARD, {**request, "service": "nowhere"}).status == 404
    said = callers["admin"].post(ONBOARD, {**request, "team": PIPELINE, "to": [f"{PIPELINE}.out"]})
    assert said.status == 400 and "the pipeline's own" in said.json["error"], said.body
    said = callers["ann"].post(ONBOARD, {**request, "rate": 10_000_000})
    assert said.status == 400 and "ask the platform" in said.json["error"], said.body
    said = callers["ann"].post(ONBOARD, {**request, "match": {"type": [{"prefx": "a"}]}})
    assert said.status == 422 and said.json["report"]["problems"], said.body
    said = callers["admin"].post(ONBOARD, {**request, "team": "base", "to": ["base.all"], "match": {"type": ["x"]}})
    assert said.status == 409 and "rules already" in said.json["error"], said.body


def _judge_samples(stage, ann, request):
    """Tried on what the source holds: 30 events, of which 10 are the team's, as the router shows them."""
    producer = Producer({"bootstrap.servers": stage.bootstrap, "log_level": 0})
    for number in range(30):
        kind = "fraud" if number % 3 == 0 else "other"
        producer.produce(stage.source, json.dumps({"type": kind, "n": number, "card": CARD}).encode())
    producer.flush(10)
    deadline = time.monotonic() + WAIT_S
    while True:  # pulses ask for them, some seconds apart
        planned = ann.post(ONBOARD, {**request, "dry_run": True})
        samples = planned.json["samples"]
        if samples["state"] == "here":
            break
        assert samples["state"] in ("asked", "no_router"), planned.body
        assert time.monotonic() < deadline, planned.body
        time.sleep(0.2)
    values = [json.loads(one["value"]) for one in samples["examples"]]
    assert 0 < samples["matched"] < samples["events"], samples
    assert samples["rules"] and samples["rules"][0]["matched"] == samples["matched"], samples
    assert values and all(one["type"] == "fraud" and one["card"] == "***" for one in values), values
    assert CARD not in planned.body.decode(), planned.body


def _judge_undoing(kafka, stage, callers):
    ann, admin = callers["ann"], callers["admin"]
    place = f"{ONBOARD}/orders/fraud"
    refused = ann.call("DELETE", place)
    assert refused.status == 409 and "fraud.declined still has" in refused.json["error"], refused.body
    assert ann.call("DELETE", place + "?records=delete").status == 403
    assert "fraud.declined" in topics.existing(stage.bootstrap), "nothing was undone"
    undone = admin.call("DELETE", place + "?records=delete")
    assert undone.status == 200 and undone.json["outcome"] == "undone", undone.body
    deadline = time.monotonic() + WAIT_S
    while "fraud.declined" in topics.existing(stage.bootstrap):
        assert time.monotonic() < deadline, "the topic is still there"
        time.sleep(0.1)
    assert topics.existing(stage.bootstrap)["fraud.own"] == 5, "somebody else's"
    assert kafka_protocol.acls_of(kafka.admin_port, "fraud") == [("read", "topic", "fraud.own", "literal")]
    assert kafka_protocol.user_quotas(kafka.admin_port, "fraud") == {}
    assert ("write", "transactional_id", f"{stage.group}-", "prefixed") in \
        kafka_protocol.acls_of(kafka.admin_port, "router")
    assert admin.get("/v1/services/orders/items/rules/fraud").status == 404
    assert admin.call("DELETE", place).status == 404, "undone twice"
    assert ann.post(ONBOARD + "?dry_run", _request("fraud", ["fraud.declined"])).json["outcome"] == "planned"


def a_manager_killed_amid_an_onboarding_goes_on_when_asked_again(stage):
    """kill -9 at several moments: each time the same request again, and all of it is there once."""
    kafka = _secured(stage)
    manager, callers = _manager(stage, kafka)
    ann = callers["ann"]
    names = [f"growth.t{i:02}" for i in range(MANY)]
    request = _request("growth", names, why="many")
    kills = 0
    for share in (0.1, 0.5, 0.9):
        asking = threading.Thread(target=lambda: _quietly(ann, request))
        asking.start()
        deadline = time.monotonic() + WAIT_S
        while asking.is_alive() and len(_made(stage)) < MANY * share:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        if asking.is_alive():
            kills += 1
        manager.kill()
        asking.join()
        manager.start()
    done = ann.post(ONBOARD, request)
    assert done.status in (200, 201), done.body
    assert set(_states(done).values()) == {"there"}, done.body
    assert set(_made(stage)) == set(names)
    assert len(kafka_protocol.acls_of(kafka.admin_port, "growth")) == MANY + 1
    records = ann.get(f"{ONBOARD}/orders/growth").json["records"]
    assert len(records) == 1, "one record, whoever went on with it"
    assert ann.post(ONBOARD, request).json["outcome"] == "unchanged"
    print(f"        {kills} of 3 kills amid the making of {MANY} topics", flush=True)
    assert kills > 0, "it was never killed amid it"
    undone = ann.call("DELETE", f"{ONBOARD}/orders/growth")
    assert undone.status == 422, "the service's last rules are not taken away"
    base = {"team": "base", "owner": "base@example.com", "destinations": ["base.*"],
            "rules": [{"name": "all", "match": {"type": ["base"]}, "to": "base.all"}]}
    callers["admin"].put("/v1/services/orders/items/rules/base", json.dumps(base))
    assert ann.call("DELETE", f"{ONBOARD}/orders/growth").status == 200
    assert not kafka_protocol.acls_of(kafka.admin_port, "growth")


def _made(stage):
    return [name for name in topics.existing(stage.bootstrap) if name.startswith("growth.")]


def _quietly(caller, request):
    try:
        caller.post(ONBOARD, request)
    except OSError:
        pass  # it was killed


TESTS = [a_team_is_onboarded_by_one_request_and_reads_its_first_event,
         a_manager_killed_amid_an_onboarding_goes_on_when_asked_again]
