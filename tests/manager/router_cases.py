"""Routers at the manager: a hundred that wait, a real one, and what kill -9 leaves."""
import json
import sys
import threading
import time
from pathlib import Path

from api_cases import rules

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "broker"))
from router_process import RouterProcess  # noqa: E402

ROUTERS, ROUNDS = 100, 10
KILLS = 20


def wakes_a_hundred_routers_at_once(manager):
    root = manager.bearer("root5", ("*", "*", "admin"))
    routers = manager.bearer("fleet-routers", ("fleet", "*", "viewer"), kind="router")
    service = "/v1/services/fleet"
    root.put(service + "/items/rules/fraud", rules("fraud", ("a", "r0", "c")))
    acknowledged, lock, ending = {}, threading.Condition(), threading.Event()
    failures = []

    def route(number):
        etag = None
        try:
            while not ending.is_set():
                headers = {"Turnout-Instance": f"router-{number}"}
                if etag:
                    headers["If-None-Match"] = etag
                answer = routers.call("GET", service + "/rules?wait=30", headers=headers, timeout=60)
                if answer.status == 304:
                    continue
                assert answer.status == 200, answer.body
                assert list(answer.json["files"]) == ["fraud.yaml"]
                etag = answer.etag
                report = {"instance": f"router-{number}", "version": etag, "ok": True}
                assert routers.post(service + "/reports", report).status == 204
                with lock:
                    acknowledged.setdefault(etag, []).append(time.monotonic())
                    lock.notify_all()
        except Exception as failure:  # told by the case
            failures.append(failure)

    def all_have(etag):
        with lock:
            assert lock.wait_for(lambda: failures or len(acknowledged.get(etag, [])) == ROUTERS, 20)
            assert not failures, failures[0]
            return acknowledged[etag]

    threads = [threading.Thread(target=route, args=(i,), daemon=True) for i in range(ROUTERS)]
    for thread in threads:
        thread.start()
    all_have(routers.get(service + "/rules").etag)
    took = []
    for i in range(1, ROUNDS + 1):
        begun = time.monotonic()
        assert root.put(service + "/items/rules/fraud", rules("fraud", ("a", f"r{i}", "c"))).status == 200
        etag = routers.get(service + "/rules").etag
        took += [at - begun for at in all_have(etag)]
    shown = root.get(service + "/routers").json
    assert len(shown["routers"]) == ROUTERS and shown["version"] == etag
    assert all(one["state"] == "ack" and one["is_newest"] for one in shown["routers"])
    ending.set()
    root.put(service + "/items/rules/fraud", rules("fraud", ("a", "end", "c")))
    for thread in threads:
        thread.join(20)
    took.sort()
    print(f"        PUT to ACK, {ROUTERS} routers, {ROUNDS} changes: p50 "
          f"{took[len(took) // 2] * 1000:.0f} ms, p99 {took[len(took) * 99 // 100] * 1000:.0f} ms, "
          f"max {took[-1] * 1000:.0f} ms", flush=True)


def tells_what_becomes_of_a_change_at_a_real_router(manager, binary, directory):
    root = manager.bearer("root6", ("*", "*", "admin"))
    token = manager.bearer("live-router", ("live", "*", "viewer"), kind="router")
    service = "/v1/services/live"
    root.put(service + "/items/rules/fraud", rules("fraud", ("a", "b", "c")))
    at = f"http://127.0.0.1:{manager.port}{service}"
    router = RouterProcess(binary, Path(directory, "router"), {
        "source": {"topic": "events"},
        "rules": at + "/rules",
        "rules_from": {"token_file": str(manager.token_file(token)), "report_to": at + "/reports"},
        "instance": "router-live",
    })
    router.arguments = ["--embedded"]
    try:
        router.start()
        router.wait_ready()

        def the_one():
            found = root.get(service + "/routers").json
            return next((one for one in found["routers"] if one["instance"] == "router-live"), None)

        router.wait_until("its ACK", lambda: (the_one() or {}).get("is_newest"))
        begun = time.monotonic()
        assert root.put(service + "/items/rules/fraud", rules("fraud", ("a", "b", "c"),
                                                              ("more", "e", "f"))).status == 200
        router.wait_until("the ACK of the change", lambda: the_one()["is_newest"])
        took = time.monotonic() - begun
        one = the_one()
        assert one["report"]["teams"] == [{"team": "fraud", "rules": 2}], one
        print(f"        PUT to the ACK of a real router: {took * 1000:.0f} ms", flush=True)
        # What no manager can know: the pipeline's own topic is no destination.
        loop = "team: loop\ndestinations: [events]\n" \
               "rules: [{name: back, match: {type: [a]}, to: events}]\n"
        assert root.put(service + "/items/rules/loop", loop).status == 201
        router.wait_until("its NACK", lambda: the_one()["state"] == "nack")
        assert "loop" in json.dumps(the_one()["report"]), the_one()
    finally:
        router.close()


def loses_nothing_acknowledged_to_kill_9(manager):
    root = manager.bearer("root7", ("*", "*", "admin"))
    acknowledged, lock = {}, threading.Lock()

    def write(number, ending):
        i = 0
        while not ending.is_set():
            i += 1
            item = f"/v1/services/killed/items/config/w{number}-{i % 7}"
            text = f"{number}-{i}-{time.monotonic_ns()}"
            try:
                answer = root.put(item, text)
            except OSError:
                continue
            except Exception:  # an answer that was cut off: nothing was acknowledged
                continue
            if answer.status in (200, 201):
                with lock:
                    acknowledged[item] = (text, answer.json["change"])

    newest = 0
    for kill in range(KILLS):
        ending = threading.Event()
        writers = [threading.Thread(target=write, args=(n, ending)) for n in range(3)]
        for writer in writers:
            writer.start()
        time.sleep(0.05 + 0.01 * kill)
        manager.kill()
        ending.set()
        for writer in writers:
            writer.join()
        manager.start()
        for item, (text, number) in acknowledged.items():
            found = root.get(item).json
            # One that was being written when it died may be there as well.
            assert found["text"] == text or found["version"] > number, (item, text, found)
            kept = root.get(f"{item}/versions/{number}").json
            assert kept["text"] == text, (item, kept)
            newest = max(newest, number)
    assert newest > KILLS, newest
    print(f"        {KILLS} kills, {newest} changes, none lost", flush=True)


def ends_in_good_order_with_routers_waiting(manager):
    routers = manager.bearer("end-routers", ("*", "*", "viewer"), kind="router")
    etag = routers.get("/v1/services/fleet/rules").etag
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(
        routers.call("GET", "/v1/services/fleet/rules?wait=30", headers={"If-None-Match": etag})))
    waiting.start()
    while b"turnout_manager_waiting 1\n" not in manager.nobody().get("/metrics").body:
        time.sleep(0.01)
    begun = time.monotonic()
    assert manager.stop() == 0
    waiting.join(10)
    assert time.monotonic() - begun < 5
    assert [one.status for one in answers] == [304]
