"""Two managers that share their changes, of which one is active; and backups."""
import http.client
import json
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from api_cases import rules
from manager_process import Manager

RENEW_S, EXPIRE_S = 1, 3
# From when the last term was written until another one answers, on a busy machine.
TAKEOVER_S = EXPIRE_S + 5
ITEMS = "/v1/services/shared/items"


def pair(binary, directory, *more, shared=None, environment=None):
    config = [f"shared: {shared or Path(directory, 'shared')}",
              f"lease: {{renew_seconds: {RENEW_S}, expire_seconds: {EXPIRE_S}}}", *more]
    a = Manager(binary, Path(directory, "a"), config, environment=environment)
    return a, Manager(binary, Path(directory, "b"), config, like=a, environment=environment)


def status(manager):
    try:
        return manager.nobody().call("GET", "/readyz", timeout=2).status
    except (OSError, http.client.HTTPException):
        return 0


def wait_for(what, seconds, true):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


def wait_active(manager, seconds=TAKEOVER_S):
    wait_for("active", seconds, lambda: status(manager) == 200)


def url(manager):
    return f"http://127.0.0.1:{manager.port}"


def closed(managers):
    for one in managers:
        try:
            one.signal(signal.SIGCONT)
        except (AttributeError, OSError):
            pass
        one.close()


def makes_one_of_two_active_and_hands_over_when_it_ends(binary, directory):
    a, b = both = pair(binary, Path(directory, "hand-over"))
    try:
        root = a.bearer("root", ("*", "*", "admin"))
        for one in both:
            one.launch()
        for one in both:
            one.wait_started()
        wait_for("one active", TAKEOVER_S, lambda: 200 in map(status, both))
        for _ in range(20):
            assert list(map(status, both)) != [200, 200]
            time.sleep(0.02)
        wait_for("one active", TAKEOVER_S, lambda: 200 in map(status, both))
        first, second = sorted(both, key=status)
        refused = second.knows(root).get("/v1/services/shared/items")
        assert refused.status == 503 and refused.json["status"] == "standby", refused.body
        assert refused.json["active"] == url(first) and url(first) in refused.json["error"]
        assert json.loads(second.nobody().get("/readyz").body)["status"] == "standby"
        assert second.nobody().get("/v1/whoami").status == 401  # a stranger is told no address
        assert second.nobody().get("/healthz").status == 200
        assert b"turnout_manager_active 0\n" in second.nobody().get("/metrics").body
        assert b"turnout_manager_active 1\n" in first.nobody().get("/metrics").body
        assert first.knows(root).put(ITEMS + "/config/a", "1").status == 201
        assert first.stop() == 0
        begun = time.monotonic()
        wait_active(second)
        took = time.monotonic() - begun
        assert took < EXPIRE_S, took  # it did not have to wait for the lease
        assert second.knows(root).get(ITEMS + "/config/a").json["text"] == "1"
        print(f"        handed over in {took:.1f} s", flush=True)
    finally:
        closed(both)


PAUSE_S = 0.1  # of three writers, so that a person's calls are not used up


class Writers:
    """Threads that put ever new texts, at whichever manager takes them."""

    def __init__(self, managers, root, count=3):
        self.acknowledged, self._lock, self._ending = {}, threading.Lock(), threading.Event()
        self.last_at = 0
        self._threads = [threading.Thread(target=self._write, args=(n, managers, root), daemon=True)
                         for n in range(count)]
        for thread in self._threads:
            thread.start()

    def _write(self, number, managers, root):
        i = 0
        while not self._ending.is_set():
            i += 1
            item, text = f"{ITEMS}/config/w{number}-{i % 5}", f"{number}-{i}"
            for manager in managers:
                try:
                    answer = manager.knows(root).call("PUT", item, {"text": text, "why": text},
                                                      timeout=2)
                except (OSError, http.client.HTTPException):
                    continue
                if answer.status not in (200, 201):
                    assert answer.status == 503, answer.body
                    continue
                with self._lock:
                    self.acknowledged[text] = (item, answer.json["change"])
                    self.last_at = time.monotonic()
                time.sleep(PAUSE_S)
                break
            else:
                time.sleep(0.02)

    def end(self):
        self._ending.set()
        for thread in self._threads:
            thread.join()
        return self.acknowledged


def has_each_once(manager, root, acknowledged):
    """Every acknowledged text is there in one version, but for those that were sent again without
    being acknowledged, which were unchanged then."""
    caller = manager.knows(root)
    whys, items = {}, {item for item, _ in acknowledged.values()}
    for item in items:
        before = 0
        while True:
            page = caller.get(f"{item}/versions?limit=1000&before={before}").json["changes"]
            for change in page:
                whys.setdefault(change["why"], []).append(change["number"])
            if len(page) < 1000:
                break
            before = page[-1]["number"]
    for text, (item, number) in acknowledged.items():
        assert len(whys.get(text, [])) == 1, (text, item, number, whys.get(text))
        assert number in (0, whys[text][0]), (text, number, whys[text])


def takes_over_from_kill_9_with_every_change_once(binary, directory):
    a, b = both = pair(binary, Path(directory, "kill"))
    try:
        root = a.bearer("root", ("*", "*", "admin"))
        ann = a.bearer("ann", ("shared", "fraud", "editor"))
        a.start()
        wait_active(a)
        b.start()
        a.knows(root).put(ITEMS + "/settings/service", json.dumps({"second_person": True}))
        proposed = a.knows(ann).put(ITEMS + "/rules/risk", rules("risk", ("a", "b", "c")))
        assert proposed.status == 202, proposed.body
        number = proposed.json["proposal"]["number"]
        active, standby, took = a, b, []
        writers = Writers(both, root)
        for _ in range(2):
            wait_for("acknowledged", 20, lambda: time.monotonic() - writers.last_at < 0.2)
            time.sleep(0.6)
            active.kill()
            begun = time.monotonic()
            wait_active(standby)
            took.append(time.monotonic() - begun)
            active.start()  # stands by now
            assert status(active) == 503
            active, standby = standby, active
        acknowledged = writers.end()
        assert len(acknowledged) > 20, len(acknowledged)
        has_each_once(active, root, acknowledged)
        # What waited for a second person waits still, and is approved at whoever is active.
        place = f"/v1/services/shared/proposals/{number}"
        assert active.knows(root).get(place).json["state"] == "open"
        assert active.knows(root).post(place + "/approve").status == 200
        assert active.stop() == 0
        wait_active(standby)
        assert standby.knows(root).get(place).json["state"] == "approved"
        assert standby.knows(root).post(place + "/approve").status == 409
        print(f"        taken over {max(took):.1f} s after kill -9, {len(acknowledged)} changes, "
              "each there once", flush=True)
    finally:
        closed(both)


def lets_a_paused_one_acknowledge_nothing(binary, directory):
    a, b = both = pair(binary, Path(directory, "paused"))
    try:
        root = a.bearer("root", ("*", "*", "admin"))
        router = a.bearer("router", ("shared", "*", "viewer"), kind="router")
        a.start()
        wait_active(a)
        b.start()
        assert a.knows(root).put(ITEMS + "/rules/fraud", rules("fraud", ("a", "b", "c"))).status == 201
        etag = a.knows(router).get("/v1/services/shared/rules").etag
        writers, answers, late = Writers([a, b], root), [], []

        def poll():
            answers.append(a.knows(router).call(
                "GET", "/v1/services/shared/rules?wait=60", headers={"If-None-Match": etag},
                timeout=60))

        def put_late(i):
            late.append(a.knows(root).call(
                "PUT", f"{ITEMS}/config/late{i}", {"text": "late", "why": "late"}, timeout=60))

        waiting = threading.Thread(target=poll, daemon=True)
        waiting.start()
        wait_for("held", 10,
                 lambda: b"turnout_manager_waiting 1\n" in a.nobody().get("/metrics").body)
        a.signal(signal.SIGSTOP)
        # They lie before it until it goes on.
        putting = [threading.Thread(target=put_late, args=(i,), daemon=True) for i in range(8)]
        for thread in putting:
            thread.start()
        wait_active(b)
        changed = rules("fraud", ("a", "d", "c"))
        assert b.knows(root).put(ITEMS + "/rules/fraud", changed).status == 200
        a.signal(signal.SIGCONT)
        for thread in [waiting, *putting]:
            thread.join(20)
        assert [one.status for one in late] == [503] * 8, [one.body for one in late]
        # The router is let go, and finds the new one by the address that both share.
        assert [one.status for one in answers] == [503], answers[0].body
        fresh = b.knows(router).get("/v1/services/shared/rules", If_None_Match=etag)
        assert fresh.status == 200 and fresh.json["files"]["fraud.yaml"] == changed, fresh.body
        assert (status(a), status(b)) == (503, 200)
        acknowledged = writers.end()
        has_each_once(b, root, acknowledged)
        for i in range(8):
            assert b.knows(root).get(f"{ITEMS}/config/late{i}").status == 404

        def count(one):
            return re.search(rb"turnout_manager_changes (\d+)", one.nobody().get("/metrics").body)[1]

        wait_for("the old one follows", 10, lambda: count(a) == count(b))
    finally:
        closed(both)


def made(binary, *words, environment=None):
    done = subprocess.run([binary, "manager", *words], capture_output=True, text=True, timeout=60,
                          check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


def metric(manager, name):
    found = re.search(rf"^turnout_manager_{name} (\d+)$",
                      manager.nobody().get("/metrics").body.decode(), re.MULTILINE)
    return found and int(found[1])


def makes_backups_while_it_serves_and_restores_them(binary, directory, planted):
    place = Path(directory, "backing-up")
    kept = place / "kept"
    a = Manager(binary, place / "a",
                [f"shared: {place}/shared", f"lease: {{renew_seconds: {RENEW_S}, "
                 f"expire_seconds: {EXPIRE_S}}}", f"backups: {{to: {kept}, every_minutes: 1}}"])
    again = None
    try:
        root = a.bearer("root", ("*", "*", "admin"))
        app = a.bearer("app", ("shared", "*", "viewer"))
        a.start()
        wait_active(a)
        wait_for("a backup", 20, lambda: metric(a, "backups_total") == 1)
        assert metric(a, "backup_age_seconds") < 60 and metric(a, "backup_bytes") > 0
        assert metric(a, "backup_failures_total") == 0
        assert a.knows(root).put(ITEMS + "/config/a", "1").status == 201
        assert a.knows(root).put(ITEMS + "/secret/db", planted, bound_to=["app"]).status == 201
        # Its own store is its own; of what is shared there are copies while it runs.
        code, said = made(binary, "backup", "--data", str(a.data), "--to", str(kept))
        assert code == 1 and "`backups`" in said, said
        code, said = made(binary, "backup", "--shared", f"{place}/shared", "--to", str(kept))
        assert code == 0 and "read back" in said, said
        name = said.split(":")[0]
        a.kill()
        again = Manager(binary, place / "again", like=a)
        code, said = made(binary, "restore", "--from", str(kept), "--data", str(a.data))
        assert code == 1 and "is not empty" in said and "move it away" in said, said
        code, said = made(binary, "restore", "--from", str(kept), "--data", str(again.data),
                          "--name", "none-of-them")
        assert code == 1 and f"--name {name}" in said, said
        assert not again.data.exists()
        code, said = made(binary, "restore", "--from", str(kept), "--data", str(again.data))
        assert code == 0 and name in said, said  # the newest
        again.start()
        assert again.knows(root).get(ITEMS + "/config/a").json["text"] == "1"
        released = again.knows(app).post("/v1/services/shared/secrets/db/release")
        assert released.status == 200 and released.json["text"] == planted, released.status
        again.stop()
        # A manager that stopped is copied by itself.
        code, said = made(binary, "backup", "--data", str(again.data), "--to", f"{place}/other")
        assert code == 0, said
        for stored in (path for path in place.rglob("*") if path.is_file()):
            assert planted.encode() not in stored.read_bytes(), stored
        tables = [path for path in (kept / "backups" / name / "files").iterdir()]
        largest = max(tables, key=lambda path: path.stat().st_size)
        whole = largest.read_bytes()
        largest.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        fresh = place / "fresh"
        code, said = made(binary, "restore", "--from", str(kept), "--data", str(fresh))
        assert code == 1 and name in said and "is damaged" in said and "another one" in said, said
        assert not list(fresh.rglob("*.sst")), list(fresh.rglob("*"))
        largest.unlink()
        code, said = made(binary, "restore", "--from", str(kept), "--data", str(fresh))
        assert code == 1 and "is missing" in said, said
        first = min(path.name for path in (kept / "backups").iterdir())
        code, said = made(binary, "restore", "--from", str(kept), "--data", str(fresh), "--name",
                          first)
        assert code == 0, said
    finally:
        closed([a] + [again] * (again is not None))
