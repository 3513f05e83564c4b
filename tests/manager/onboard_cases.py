"""Onboarding, as far as it goes without Kafka: who may, what is refused before anything is looked at,
and that a Kafka that does not answer holds nobody up. tests/broker/manager_onboard_cases.py has the rest.
"""
import json
import threading
import time
from pathlib import Path

from manager_process import Manager

ONBOARD = "/v1/onboard"
REQUEST = {"service": "orders", "team": "fraud", "owner": "fraud@example.com", "rate": 100,
           "match": {"type": ["order"]}, "to": ["fraud.orders"]}
ANSWERED_WITHIN_S = 3
SILENT_KAFKA_S = 30


def onboards_nobody_where_no_policy_says_what_teams_may_have(manager):
    root = manager.bearer("root-onboard", ("*", "*", "admin"))
    said = root.post(ONBOARD, REQUEST)
    assert said.status == 404 and "services.orders.onboarding" in said.json["error"], said.body
    for method, path in (("GET", "/orders"), ("GET", "/orders/fraud"), ("DELETE", "/orders/fraud")):
        assert root.call(method, ONBOARD + path).status == 404, path
    assert manager.nobody().post(ONBOARD, REQUEST).status == 401


def judges_a_request_to_be_onboarded_before_anything_is_made(manager, binary, directory):
    pipeline = Path(directory, "onboard.yaml")
    pipeline.write_text("brokers: 127.0.0.1:1\nsource: {topic: in.events, group: in.group}\nrules: none\n"
                        "state_dir: none\n")
    services = json.dumps({"orders": {"pipeline": str(pipeline), "onboarding": {"rate_max": 1000}}})
    with_policy = Manager(binary, Path(directory, "onboard"), config=[f"services: {services}"])
    ann = with_policy.bearer("ann", ("orders", "fraud", "editor"))
    vic = with_policy.bearer("vic", ("orders", "*", "viewer"))
    root = with_policy.bearer("root", ("*", "*", "admin"))
    with_policy.start()
    try:
        assert vic.post(ONBOARD, REQUEST).status == 403
        assert ann.post(ONBOARD, {**REQUEST, "team": "growth"}).status == 403, "another team"
        for wrong in ({"team": "Fraud"}, {"rate": 0}, {"rate": 5000}, {"to": ["growth.orders"]}, {"to": []},
                      {"more": 1}, {"rules": []}, {"owner": ""}):
            assert ann.post(ONBOARD, {**REQUEST, **wrong}).status in (400, 422), wrong
        assert ann.call("POST", ONBOARD, "[" * 100_000).status == 400
        assert ann.call("POST", ONBOARD, json.dumps(REQUEST)[:-1] + ', "why": "' + "a" * (2 << 20) + '"}').status == 400
        said = ann.post(ONBOARD, {**REQUEST, "match": {"type": [{"prefx": "a"}]}})
        assert said.status == 422 and said.json["report"]["problems"][0]["rule"] == "fraud/all", said.body
        assert root.post(ONBOARD, {**REQUEST, "team": "in", "to": ["in.out"]}).status == 400, "the pipeline's own"
        known = ann.get(f"{ONBOARD}/orders").json
        assert known["rate_max"] == 1000 and known["teams"] == [], known
        assert ann.get(f"{ONBOARD}/orders/fraud").json["records"] == []
        assert ann.call("DELETE", f"{ONBOARD}/orders/fraud").status == 404
        assert vic.call("DELETE", f"{ONBOARD}/orders/fraud").status == 403
        with root_settings(root, {"second_person": True}):
            other = with_policy.bearer("eve", ("orders", "other", "editor"))
            assert other.post(ONBOARD, REQUEST).status == 403, "it would take a second person"
        _judge_silence(ann, vic)
        refused = root.get("/v1/audit?action=onboard&outcome=refused&limit=100").json["entries"]
        assert {one["status"] for one in refused} == {403, 422}, refused
    finally:
        with_policy.close()


def takes_what_teams_may_have_from_its_config_without_a_restart(binary, directory):
    pipeline = Path(directory, "anew.yaml")
    pipeline.write_text("brokers: 127.0.0.1:1\nsource: {topic: in.events, group: in.group}\nrules: none\n"
                        "state_dir: none\n")

    def lines(rate_max):
        policy = {"orders": {"pipeline": str(pipeline), "onboarding": {"rate_max": rate_max}}}
        return [f"services: {json.dumps(policy)}"]
    manager = Manager(binary, Path(directory, "anew"), config=lines(10))
    root = manager.bearer("root", ("*", "*", "admin"))
    manager.start()
    config = Path(directory, "anew", "manager.yaml")

    def write(text):
        config.with_suffix(".new").write_text(text)
        config.with_suffix(".new").rename(config)
    try:
        assert root.get(f"{ONBOARD}/orders").json["rate_max"] == 10
        write("\n".join(lines(70)))
        assert root.get(f"{ONBOARD}/orders").json["rate_max"] == 70
        for bad in ("\n".join(lines(0)), "services: [", "nothing: here"):
            write(bad)
            said = root.get(f"{ONBOARD}/orders").json
            assert said["rate_max"] == 70 and "manager.yaml" in said["refused"], said
        config.unlink()
        assert root.get(f"{ONBOARD}/orders").json["rate_max"] == 70
        write("\n".join(lines(70)))
        assert root.get(f"{ONBOARD}/orders").json["refused"] == ""
        write("services: {}")
        assert root.get(f"{ONBOARD}/orders").status == 404
        assert root.post(ONBOARD, REQUEST).status == 404
        assert manager.stop() == 0
        assert "onboarding_refused" in manager.log_file.read_text()
    finally:
        manager.close()


class root_settings:  # pylint: disable=invalid-name
    """The service's settings for a while."""

    def __init__(self, root, settings):
        self._root, self._settings = root, settings

    def __enter__(self):
        self._put(self._settings)

    def __exit__(self, *_):
        self._put({})

    def _put(self, settings):
        said = self._root.put("/v1/services/orders/items/settings/service", json.dumps(settings))
        assert said.status in (200, 201), said.body


def _judge_silence(ann, vic):
    """No broker answers: whoever asks is told so in the end, others at once."""
    answers = []
    begun = time.monotonic()
    callers = [threading.Thread(target=lambda: answers.append(ann.post(ONBOARD, REQUEST))) for _ in range(2)]
    for caller in callers:
        caller.start()
    while not answers:
        time.sleep(0.01)
    assert answers[0].status == 429 and answers[0].headers["Retry-After"] == "1", answers[0].body
    asked = time.monotonic()
    assert vic.get("/v1/services/orders/items").status == 200
    assert time.monotonic() - asked < ANSWERED_WITHIN_S, "others wait for Kafka too"
    for caller in callers:
        caller.join()
    assert answers[1].status == 503 and answers[1].json["error"], answers[1].body
    assert time.monotonic() - begun < SILENT_KAFKA_S
