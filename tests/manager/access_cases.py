"""Who may do what: roles over calls, a second person, secrets, and the record of all of it."""
import base64
import json

from api_cases import rules

SERVICE = "/v1/services/access"
ROLES = ("viewer", "editor", "approver", "admin")
CONFIG = SERVICE + "/items/config/a"

REAL_ROUTERS = ("svc-kept", "real-router")  # programs of their own, of other cases

# The least role that a call takes, how it is made, and what it is answered.
CALLS = (
    ("viewer", "GET", SERVICE + "/items", None, 200),
    ("viewer", "GET", CONFIG, None, 200),
    ("viewer", "GET", CONFIG + "/versions", None, 200),
    ("viewer", "GET", CONFIG + "/diff", None, 200),
    ("viewer", "GET", SERVICE + "/changes", None, 200),
    ("viewer", "GET", SERVICE + "/changes/{made}", None, 200),
    ("viewer", "GET", CONFIG + "/versions/{made}", None, 200),
    ("viewer", "GET", SERVICE + "/proposals", None, 200),
    ("viewer", "GET", SERVICE + "/proposals/999", None, 404),
    ("viewer", "GET", SERVICE + "/routers", None, 200),
    ("viewer", "GET", SERVICE + "/rules", None, 404),  # there are none
    ("viewer", "POST", SERVICE + "/search", {"text": "a"}, 200),
    ("viewer", "GET", SERVICE + "/jobs", None, 200),
    ("viewer", "GET", SERVICE + "/jobs/999", None, 404),
    ("viewer", "GET", SERVICE + "/dead-letters", None, 404),  # no pipeline is named for it
    ("editor", "POST", SERVICE + "/jobs", {"kind": "redrive"}, 404),
    ("editor", "POST", SERVICE + "/jobs/999/cancel", {}, 404),
    ("editor", "POST", SERVICE + "/jobs/999/resume", {}, 404),
    ("approver", "POST", SERVICE + "/jobs/999/approve", {}, 404),
    ("editor", "PUT", CONFIG, {"text": "1"}, 200),
    ("editor", "POST", CONFIG + "/restore", {"version": "{made}"}, 200),
    ("editor", "POST", SERVICE + "/changes", {"edits": [{"id": "config/a", "text": "1"}]}, 200),
    ("editor", "POST", SERVICE + "/replace?dry_run", {"text": "zz", "replacement": "y"}, 200),
    ("editor", "POST", SERVICE + "/changes/{made}/revert?dry_run", {}, 200),
    ("editor", "DELETE", SERVICE + "/items/config/none", None, 200),
    ("editor", "POST", SERVICE + "/proposals/999/reject", {}, 404),
    ("approver", "POST", SERVICE + "/proposals/999/approve", {}, 404),
    ("admin", "PUT", SERVICE + "/items/settings/service", {"text": "{}"}, None),
    ("admin", "GET", "/v1/audit?service=access", None, 200),
)


def gives_each_role_its_calls_and_no_others(manager):
    root = manager.bearer("root", ("*", "*", "admin"))
    made = root.put(CONFIG, "1").json["change"]
    bearers = {role: manager.bearer(f"a-{role}", ("access", "*", role)) for role in ROLES}
    bearers["router"] = manager.bearer("a-router", ("access", "*", "viewer"), kind="router")
    bearers["stranger"] = manager.bearer("a-stranger", ("elsewhere", "*", "admin"))
    refusals = 0
    for least, method, path, body, status in CALLS:
        path = path.replace("{made}", str(made))
        if body is not None:
            body = json.loads(json.dumps(body).replace('"{made}"', str(made)))
        for who, bearer in bearers.items():
            answer = bearer.call(method, path, body)
            may = who in ROLES and ROLES.index(who) >= ROLES.index(least)
            may = may or (who == "router" and (path.endswith("/rules") or
                                               (method, path) == ("GET", CONFIG)))
            if not may:
                assert answer.status == 403, (who, method, path, answer.status, answer.body)
                refusals += 1
            elif status is None:
                assert answer.status in (200, 201), (who, method, path, answer.body)
            else:
                assert answer.status == status, (who, method, path, answer.status, answer.body)
    report = {"instance": "r-0", "version": '"x"', "ok": True}
    for who, bearer in bearers.items():
        status = bearer.post(SERVICE + "/reports", report).status
        assert status == (204 if who == "router" else 403), who
        refusals += status == 403
    # A team's editor changes that team's files alone.
    team = manager.bearer("a-fraud", ("access", "fraud", "editor"))
    assert team.put(SERVICE + "/items/rules/fraud", rules("fraud", ("a", "b", "c"))).status == 201
    for item in ("rules/shop", "config/a", "settings/service"):
        assert team.put(f"{SERVICE}/items/{item}", "{}").status == 403
        refusals += 1
    refused = []
    for line in root.get("/v1/audit?service=access&outcome=refused&limit=1000").json["entries"]:
        assert line["status"] == 403 and line["by"].startswith("a-") and line["detail"]
        refused.append(line)
    assert len(refused) == refusals, (len(refused), refusals)


def asks_for_a_second_person(manager):
    root = manager.bearer("root2", ("*", "*", "admin"))
    settings = {"second_person": True, "bulk_items_max": 2, "grants": [
        {"principal": "pia", "team": "fraud", "role": "editor"},
        {"principal": "sam", "team": "shop", "role": "approver"},
        {"principal": "bob", "team": "*", "role": "approver"}]}
    pair = "/v1/services/pair"
    assert root.put(pair + "/items/settings/service", json.dumps(settings)).status == 201
    assert root.put(pair + "/items/settings/service", '{"grant": []}').status == 422
    pia, sam, bob = (manager.bearer(name) for name in ("pia", "sam", "bob"))
    assert pia.put(pair + "/items/rules/fraud", rules("fraud", ("a", "b", "c"))).status == 201
    proposed = pia.put(pair + "/items/rules/shop", rules("shop", ("a", "b", "c")))
    assert proposed.status == 202, proposed.body
    number = proposed.json["proposal"]["number"]
    place = f"{pair}/proposals/{number}"
    assert pia.get(pair + "/items/rules/shop").status == 404
    assert pia.get(place).json["state"] == "open"
    assert pia.post(place + "/approve").status == 403
    done = sam.post(place + "/approve")
    assert done.status == 200, done.body
    change = pia.get(f"{pair}/changes/{done.json['change']}").json
    assert (change["by"], change["approved_by"]) == ("pia", ["sam"])
    assert pia.get(place).json["done_as"] == done.json["change"]
    assert sam.post(place + "/approve").status == 409
    # Over so many items at once, one's own too; nobody approves their own.
    edits = [{"id": f"config/c{i}", "text": str(i)} for i in range(3)]
    bulk = bob.post(pair + "/changes", {"why": "three", "edits": edits})
    assert bulk.status == 202, bulk.body
    place = f"{pair}/proposals/{bulk.json['proposal']['number']}"
    assert bob.post(place + "/approve").status == 403
    assert sam.post(place + "/approve").status == 403
    assert pia.post(place + "/reject").status == 403
    assert bob.post(place + "/reject", {"why": "no"}).json["state"] == "rejected"
    assert bob.get(pair + "/items/config/c0").status == 404
    # What was seen is what is done.
    stale = pia.put(pair + "/items/rules/shop", rules("shop", ("a", "d", "c")))
    assert root.put(pair + "/items/rules/shop", rules("shop", ("a", "e", "c"))).status == 200
    place = f"{pair}/proposals/{stale.json['proposal']['number']}"
    late = sam.post(place + "/approve")
    assert late.status == 409 and late.json["conflicts"][0]["theirs"], late.body


def releases_a_secret_to_its_account_alone(manager, planted):
    root = manager.bearer("root3", ("*", "*", "admin"))
    bound = manager.bearer("svc-orders", ("orders", "*", "viewer"), kind="router")
    other = manager.bearer("svc-other", ("orders", "*", "viewer"), kind="router")
    assert root.get("/v1/master-keys").json["sealing"] == "k1"
    assert root.get("/v1/services/orders/git").status == 404
    item = "/v1/services/orders/items/secret/db-password"
    made = root.put(item, planted, bound_to=["svc-orders"])
    assert made.status == 201, made.body
    again = root.put(item, planted, bound_to=["svc-orders"])
    assert again.json["outcome"] == "unchanged", again.body
    shown = root.get(item).json
    assert shown["bound_to"] == ["svc-orders"] and "text" not in shown
    # A dry run tells nobody whether a guess is right.
    tried = [root.put(item + "?dry_run=1", text, bound_to=["svc-orders"]).json["items"]
             for text in (planted, planted + "-3")]
    assert tried[0] == tried[1] and tried[0][0]["diff"], tried
    renamed = root.post("/v1/services/orders/replace?dry_run=1", {
        "text": "db-", "replacement": "database-", "in": ["names"], "kinds": ["secret"]})
    assert renamed.status == 400 and "sealed under its name" in renamed.json["error"], renamed.body
    other_text = root.put(item, planted + "-2", bound_to=["svc-orders"])
    assert other_text.json["outcome"] == "done"
    first = made.json["change"]
    root.call("POST", item + "/restore", {"version": first})
    root.get(f"{item}/diff?from={first}")
    root.get(f"/v1/services/orders/changes/{first}")
    root.post("/v1/services/orders/search", {"text": planted[:12]})
    root.put(item, planted, headers={"If-Match": '"1"'})
    root.call("PUT", item, '{"text": "' + planted + '", "bound_to": 1}')
    root.call("PUT", item, '{"text": "' + planted)
    place = "/v1/services/orders/secrets/db-password/release"
    assert root.post(place).status == 403 and other.post(place).status == 403
    before = len(manager.answers)
    given = bound.post(place)
    assert given.status == 200 and given.json["text"] == planted
    manager.answers[before:] = []  # the one answer that it may be in
    lines = root.get("/v1/audit?action=release_secret").json["entries"]
    assert [(one["by"], one["outcome"]) for one in lines] == [
        ("svc-orders", "done"), ("svc-other", "refused"), ("root3", "refused")]


def throttles_who_guesses_tokens(manager):
    root = manager.bearer("root4", ("*", "*", "admin"))
    assert root.get("/v1/whoami").json["name"] == "root4"
    asked = "/v1/audit?outcome=refused&action=whoami&limit=1000"
    before = len(root.get(asked).json["entries"])
    statuses = [manager.nobody(f"guess-{i}").get("/v1/whoami").status for i in range(15)]
    assert statuses[0] == 401 and statuses[-1] == 429, statuses
    assert manager.nobody().get("/healthz").status == 200
    # Who bears a right one may come from the same address.
    assert root.get("/v1/whoami").status == 200
    wrong = root.get(asked).json["entries"]
    assert len(wrong) - before == statuses.count(401), statuses
    assert all(one["status"] == 401 for one in wrong)


def has_every_refusal_on_record(manager):
    root = manager.bearer("root8", ("*", "*", "admin"))
    told = sum(one[2] in (401, 403, 409, 412, 422) for one in manager.answers)
    lines = root.get("/v1/audit?outcome=refused&limit=1000").json["entries"]
    # What real routers were told is in no answer to this program.
    kept = [one for one in lines if one.get("by") not in REAL_ROUTERS]
    assert told > 90 and len(kept) == told, (told, len(kept))


def wrote_the_planted_secret_nowhere(manager, planted):
    secret = planted.encode()
    key = manager.keys.split()[1].encode()
    for path in [*manager.data.rglob("*"), manager.log_file]:
        if path.is_file():
            content = path.read_bytes()
            assert secret not in content and key not in content, path
            assert base64.b64decode(key) not in content, path
    for method, path, status, body, headers in manager.answers:
        assert secret not in body and planted not in str(headers), (method, path, status)
