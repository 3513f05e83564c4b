"""What goes on at the routers, and what would become of an event: pulses, rates, samples, explain."""
import json
import sys
import time
from pathlib import Path

from api_cases import rules

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "broker"))
import kafka_protocol  # noqa: E402
from router_process import RouterProcess  # noqa: E402

SAMPLE_WITHIN_S = 20


def sums_what_routers_tell_of_their_rules(manager):
    root = manager.bearer("root-live", ("*", "*", "admin"))
    viewer = manager.bearer("viewer-live", ("pulses", "fraud", "viewer"))
    router = manager.bearer("router-live", ("pulses", "*", "viewer"), kind="router")
    service = "/v1/services/pulses"
    root.put(service + "/items/rules/fraud", rules("fraud", ("a", "b", "c")))

    def pulse(pod, uptime_s, matched, **more):
        return router.post(service + "/pulses", {
            "instance": pod, "started_ms": 1, "uptime_ms": uptime_s * 1000, "version": "v1", "ready": True,
            "lag": 3, "events": matched, "rules": [{"rule": "fraud/a", "matched": matched, "sent": matched}],
            "troubles": [{"gravity": "notice", "what": "a topic is behind", "cure": "wait"}], **more})

    for pod in ("pod-0", "pod-1"):
        assert pulse(pod, 10, 100).json == {"sample": 0}
        assert pulse(pod, 15, 200).status == 200
    rates = viewer.get(service + "/rates").json
    assert [(pod["instance"], pod["state"], pod["lag"]) for pod in rates["pods"]] == [
        ("pod-0", "live", 3), ("pod-1", "live", 3)], rates
    assert rates["pods"][0]["troubles"][0]["what"] == "a topic is behind"
    assert rates["rules"][0]["matched_per_s"] == 40, rates
    assert rates["rules"][0]["matched"] == 400

    # Roles: routers alone tell, people alone look, and at events no mere viewer.
    assert root.post(service + "/pulses", {"instance": "x"}).status == 403
    assert router.get(service + "/rates").status == 403
    assert viewer.post(service + "/samples").status == 403
    assert root.post(service + "/samples", {"more": 1}).status == 400
    assert router.post(service + "/pulses", {"instance": "x" * 1000}).status == 400
    for caller in (manager.nobody(), manager.nobody("wrong")):
        assert caller.get(service + "/rates").status == 401

    # Nobody shows events; then one does, is asked, and what it shows is on record.
    assert root.post(service + "/samples").json["state"] == "not_allowed"
    assert pulse("pod-0", 20, 300, samples=True).json == {"sample": 0}
    assert root.post(service + "/samples").json["state"] == "asked"
    assert pulse("pod-0", 25, 300, samples=True).json == {"sample": 20}
    assert pulse("pod-0", 25, 300, samples=True, sample=[
        {"partition": 1, "offset": 4, "timestamp": 5, "value": "{\"card\":\"***\"}"}]).json == {"sample": 0}
    shown = root.post(service + "/samples").json
    assert shown["state"] == "here" and shown["events"][0]["value"] == "{\"card\":\"***\"}", shown
    seen = root.get("/v1/audit?action=take_sample&service=pulses&outcome=done").json["entries"]
    assert [one["detail"] for one in seen] == ["1 events were shown", "asked the routers for events"], seen


def explains_an_event_by_what_is_published_and_by_a_draft(manager):
    root = manager.bearer("root-explain", ("*", "*", "admin"))
    service = "/v1/services/explained"
    file = rules("fraud", ("big", "order", "fraud.big"))
    assert root.put(service + "/items/rules/fraud", file).status == 201
    event = {"value": {"type": "order", "amount": 7}}

    def explain(**more):
        return root.post(service + "/explain", {"event": event, **more})

    published = explain().json["explanation"]
    assert [(rule["rule"], rule["matched"]) for rule in published["rules"]] == [("fraud/big", True)], published
    draft = file.replace("order", "refund")
    told = explain(team="fraud", text=draft, alone=True).json["explanation"]["rules"]
    assert told[0]["failed"]["field"] == "type" and told[0]["failed"]["seen"] == ["order"], told
    broken = explain(team="fraud", text=draft.replace("match", "mtch")).json
    assert broken["report"]["problems"], broken
    assert explain(text="x").status == 400
    # A change is seen at once.
    assert root.put(service + "/items/rules/fraud", draft).status == 200
    assert explain().json["explanation"]["rules"][0]["matched"] is False
    router = manager.bearer("router-explain", ("explained", "*", "viewer"), kind="router")
    assert router.post(service + "/explain", {"event": event}).status == 403
    refused = root.get("/v1/audit?action=explain&service=explained").json["entries"]
    assert [one["status"] for one in refused] == [403], "what is typed is no refusal"


def hears_a_real_router_and_is_shown_masked_events(manager, binary, directory):
    root = manager.bearer("root-real", ("*", "*", "admin"))
    token = manager.bearer("real-router", ("real", "*", "viewer"), kind="router")
    service = "/v1/services/real"
    root.put(service + "/items/rules/fraud", rules("fraud", ("a", "order", "fraud.a")))
    at = f"http://127.0.0.1:{manager.port}{service}"
    router = RouterProcess(binary, Path(directory, "pulse-router"), {
        "source": {"topic": "events"},
        "rules": at + "/rules",
        "rules_from": {"token_file": str(manager.token_file(token)), "report_to": at + "/reports",
                       "samples": "without card.number, $kafka.key"},
        "instance": "router-pulse",
    })
    router.arguments = ["--embedded"]
    try:
        router.start()
        router.wait_ready()

        def pod():
            found = root.get(service + "/rates").json["pods"]
            return next((one for one in found if one["instance"] == "router-pulse"), None)

        router.wait_until("its pulse", pod)
        assert pod()["state"] == "live" and pod()["samples"] is True, pod()
        produce(router, "events", [
            {"type": "order", "card": {"number": f"4111-{i}", "kind": "visa"}, "id": i} for i in range(30)])

        def sample():
            answer = root.post(service + "/samples").json
            return answer if answer["state"] == "here" else None

        begun = time.monotonic()
        router.wait_until("its events", sample, SAMPLE_WITHIN_S)
        took = time.monotonic() - begun
        events = sample()["events"]
        assert len(events) == 20, events
        text = json.dumps(events)
        assert "4111" not in text and "secret-key" not in text, text
        assert json.loads(events[0]["value"])["card"] == {"number": "***", "kind": "visa"}, events[0]
        assert json.loads(events[0]["value"])["id"] == 29, "the newest are first"
        router.wait_until("the rule's count", lambda: any(
            rule["rule"] == "fraud/a" and rule["matched"] == 30 for rule in root.get(service + "/rates").json["rules"]))
        print(f"        from the question to 20 masked events of a real router: {took:.1f} s", flush=True)
    finally:
        router.close()


def produce(router, topic, values):
    """Into the Kafka inside of that router."""
    port = int(router.status()["brokers"]["addresses"].rsplit(":", 1)[1])
    begin_ms = int(time.time() * 1000) - len(values)
    for i, value in enumerate(values):
        kafka_protocol.produce_raw(port, topic, 0, json.dumps(value).encode(), key=b"secret-key", timestamp_ms=begin_ms + i)
