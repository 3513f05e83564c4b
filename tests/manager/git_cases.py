"""A repository that the manager follows and writes to: both ways, at once, away, killed."""
import os
import subprocess
import time
from pathlib import Path

from api_cases import rules
from manager_process import Manager

GIT = "/v1/services/orders/git"
ITEMS = "/v1/services/orders/items/"
FRAUD = rules("fraud", ("declined", "payment.declined", "declined"))
GROWTH = rules("growth", ("all", "signup", "all"))
TAKEN_S = 20
KILLS = 4
TRIES = 10


class _Clone:
    """Somebody's clone of the repository."""

    def __init__(self, directory, repository):
        self.directory = directory
        self._git(None, "clone", "-q", repository, str(directory))

    def _git(self, where, *words):
        author = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
                  for what, value in (("NAME", "Zoe"), ("EMAIL", "zoe@example.com"))}
        done = subprocess.run(["git", *words], cwd=where, capture_output=True, text=True,
                              env={**os.environ, **author, "GIT_CONFIG_GLOBAL": "/dev/null"})
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def git(self, *words):
        return self._git(self.directory, *words)

    def push(self, why, **files):
        """Files by their names, `__` for a slash; None removes one."""
        self.git("pull", "-q", "--rebase", "origin", "main")
        for name, text in files.items():
            path = self.directory / name.replace("__", "/").replace("_yaml", ".yaml")
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", why)
        for _ in range(TRIES):  # the manager may be first
            self.git("pull", "-q", "--rebase", "origin", "main")
            pushed = subprocess.run(["git", "push", "-q", "origin", "HEAD:main"],
                                    cwd=self.directory, capture_output=True)
            if pushed.returncode == 0:
                break
        assert pushed.returncode == 0, pushed.stderr
        return self.git("rev-parse", "HEAD").strip()

    def log(self):
        """[(author, message)], the oldest first."""
        self.git("fetch", "-q", "origin")
        out = self.git("log", "--reverse", "--format=%an <%ae>%x1f%B%x1e", "origin/main")
        return [tuple(one.strip().split("\x1f")) for one in out.split("\x1e") if one.strip()]

    def show(self, path):
        self.git("fetch", "-q", "origin")
        return self.git("show", f"origin/main:{path}")


def _await(what, condition):
    deadline = time.monotonic() + TAKEN_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def follows_a_repository_and_writes_to_it(binary, directory, planted):
    here = Path(directory, "git")
    here.mkdir()
    bare = here / "rules.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    config = [f"git: {{repository: 'file://{bare}', poll_seconds: 1}}"]
    manager = Manager(binary, here / "manager", config=config).start()
    admin = manager.bearer("ann", ("*", "*", "admin"))

    def status():
        return admin.get(GIT).json

    def is_following():
        change = admin.get("/readyz").json["change"]
        now = status()
        return now["state"] == "following" and now["change"] >= change

    try:
        _writes_what_was_done(admin, is_following, here, bare, planted)
        clone = _Clone(here / "zoe", f"file://{bare}")
        _takes_what_others_push(manager, admin, status, is_following, clone)
        _resolves_both(admin, status, is_following, clone)
        _outlives_a_remote_that_is_away(manager, admin, status, is_following, clone, bare)
        _outlives_kill_9(manager, admin, is_following, clone)
        log = subprocess.run(["git", "log", "-p", "--all"], cwd=bare, capture_output=True,
                             check=True).stdout
        assert planted.encode() not in log and b"turnout-sealed" not in log
    except AssertionError:
        print(status(), manager.log_file.read_text()[-3000:], sep="\n")
        raise
    finally:
        manager.close()


def _writes_what_was_done(admin, is_following, here, bare, planted):
    _await("it begins", is_following)
    assert admin.get("/v1/services/orders/git").status == 200
    assert admin.put(ITEMS + "rules/fraud", FRAUD, why="the first rule").status == 201
    assert admin.put(ITEMS + "secret/kafka", planted, bound_to=["pod"]).status == 201
    _await("it is pushed", is_following)
    clone = _Clone(here / "look", f"file://{bare}")
    log = clone.log()
    assert [who for who, _ in log][-2:] == ["ann <ann@turnout>"] * 2, log
    assert log[-2][1].startswith("the first rule\n\nTurnout-Change: "), log
    assert clone.show("orders/rules/fraud.yaml") == FRAUD
    assert clone.show("orders/secrets/kafka.yaml") == "bound_to: [\"pod\"]\n" \
        or "pod" in clone.show("orders/secrets/kafka.yaml")


def _takes_what_others_push(manager, admin, status, is_following, clone):
    router = manager.bearer("pod", ("orders", "*", "viewer"), kind="router")
    before = router.get("/v1/services/orders/rules")
    commit = clone.push("growth begins", orders__rules__growth_yaml=GROWTH, README_md="ours\n")
    _await("it is taken", lambda: admin.get(ITEMS + "rules/growth").status == 200)
    _await("routers are given it",
           lambda: router.get("/v1/services/orders/rules").etag != before.etag)
    assert b"growth" in router.get("/v1/services/orders/rules").body
    change = admin.get(ITEMS + "rules/growth/versions").json["changes"][0]
    assert change["by"] == "git:Zoe <zoe@example.com>" and change["approved_by"] == ["git"]
    assert change["why"].startswith("growth begins") and commit in change["why"], change
    _await("both are alike", is_following)
    count = len(clone.log())
    # What would not run is refused as a whole, said, and mended there.
    clone.push("oops", orders__rules__growth_yaml=GROWTH.replace("match", "macht"),
               orders__config__limit_yaml="type: number\nvalue: 3\n")
    _await("it is refused", lambda: status()["state"] == "refused")
    problems = status()["refused"]["report"]["problems"]
    assert any("macht" in str(one) for one in problems), problems
    assert b"turnout_manager_git_refused 1" in admin.get("/metrics").body
    assert "git_refused" in manager.log_file.read_text()
    assert admin.get(ITEMS + "config/limit").status == 404
    assert admin.get(ITEMS + "rules/growth").json["text"] == GROWTH
    lines = admin.get("/v1/audit?action=git&outcome=refused").json["entries"]
    assert len(lines) == 1, lines
    # What is done here meanwhile waits.
    assert admin.put(ITEMS + "config/here", "1", type="number").status == 201
    _await("it waits", lambda: status()["pending"] == 1)
    clone.push("mended", orders__rules__growth_yaml=GROWTH)
    _await("both are done", is_following)
    assert admin.get(ITEMS + "config/limit").json["text"] == "3"
    assert clone.show("orders/config/here.yaml") == "type: \"number\"\nvalue: 1\n"
    assert len(clone.log()) == count + 3, clone.log()
    clone.push("no limit", orders__config__limit_yaml=None)
    _await("it is gone", lambda: admin.get(ITEMS + "config/limit").status == 404)


def _resolves_both(admin, status, is_following, clone):
    """The same item changed at both ends, and not alike: nobody's is lost."""
    _await("both are alike", is_following)
    put = admin.put(ITEMS + "config/both", "1", type="number")
    assert put.status == 201
    _await("it is pushed", is_following)
    clone.push("make them wait", orders__rules__growth_yaml=GROWTH.replace("match", "macht"))
    _await("it is refused", lambda: status()["state"] == "refused")
    assert admin.put(ITEMS + "config/both", "2", type="number").status == 200
    clone.push("theirs", orders__rules__growth_yaml=GROWTH,
               orders__config__both_yaml="type: number\nvalue: 3\n")
    _await("it is seen", lambda: status()["state"] == "conflict")
    assert status()["conflicts"] == [{"path": "orders/config/both.yaml",
                                      "ours": "type: \"number\"\nvalue: 2\n",
                                      "theirs": "type: number\nvalue: 3\n"}], status()
    clone.push("as here", orders__config__both_yaml="type: \"number\"\nvalue: 2\n")
    _await("they are alike", is_following)
    assert admin.get(ITEMS + "config/both").json["text"] == "2"


def _outlives_a_remote_that_is_away(manager, admin, status, is_following, clone, bare):
    away = bare.with_suffix(".away")
    bare.rename(away)
    for i in range(3):
        assert admin.put(ITEMS + "config/away", str(i), type="number", why=f"away {i}").status < 300
    _await("it is told", lambda: status()["state"] == "away" and status()["pending"] == 3)
    assert status()["lag_ms"] > 0 and "rules.git" in status()["error"], status()
    manager.kill()
    manager.start()
    away.rename(bare)
    _await("it is pushed", is_following)
    subjects = [message.split("\n")[0] for _, message in clone.log()]
    assert subjects[-3:] == ["away 0", "away 1", "away 2"], subjects


def _outlives_kill_9(manager, admin, is_following, clone):
    """Killed while it pushes and while others push, it loses and doubles nothing."""
    count = len(clone.log())
    for i in range(KILLS):
        clone.push(f"theirs {i}", **{f"orders__config__theirs{i}_yaml": f"type: number\nvalue: {i}\n"})
        assert admin.put(ITEMS + f"config/ours{i}", str(i), type="number",
                         why=f"ours {i}").status == 201
        time.sleep(0.03 * i)  # a moment later each time
        manager.kill()
        manager.start()
    _await("both are alike", is_following)
    _await("theirs came", lambda: all(
        admin.get(ITEMS + f"config/theirs{i}").status == 200 for i in range(KILLS)))
    _await("both are alike", is_following)
    subjects = [message.split("\n")[0] for _, message in clone.log()][count:]
    assert sorted(subjects) == sorted([f"{who} {i}" for who in ("ours", "theirs")
                                       for i in range(KILLS)]), subjects
    changes = admin.get("/v1/services/orders/changes?limit=1000").json["changes"]
    taken = [one for one in changes if one["by"].startswith("git:") and "theirs" in one["why"]]
    items = [item for one in taken for item in one["items"] if "/config/theirs" in item]
    assert len(items) == len(set(items)), items
