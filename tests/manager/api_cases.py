"""What the API answers: items and versions, conflicts, refusals, search and replace, undo."""
import json

ITEMS = "/v1/services/orders/items"
RULES = ITEMS + "/rules/"


def rules(team, *rest):
    return "\n".join([f"team: {team}", f"destinations: [{team}.*]", "rules:",
                      *(f"  - {{name: {name}, match: {{type: [{kind}]}}, to: {team}.{to}}}"
                        for name, kind, to in rest)]) + "\n"


FRAUD = rules("fraud", ("declined", "payment.declined", "declined"))


def keeps_every_version_of_an_item(manager):
    admin = manager.bearer("ann", ("*", "*", "admin"))
    made = admin.put(RULES + "fraud", FRAUD, headers={"If-None-Match": "*"})
    assert made.status == 201, made.body
    first = made.json["change"]
    assert made.etag == f'"{first}"'
    again = admin.put(RULES + "fraud", FRAUD)
    assert (again.status, again.json["change"], again.json["outcome"]) == (200, 0, "unchanged")
    more = FRAUD + "  - {name: small, match: {amount: [1]}, to: fraud.small}\n"
    changed = admin.put(RULES + "fraud", more, headers={"If-Match": made.etag})
    assert changed.status == 200 and changed.json["change"] > first, changed.body
    assert changed.json["report"]["rules"] == [
        {"rule": "fraud/small", "effect": "added", "parts": []}], changed.body

    now = admin.get(RULES + "fraud")
    assert now.json["text"] == more and now.etag == changed.etag
    assert admin.get(RULES + "fraud", If_None_Match=now.etag).status == 304
    versions = admin.get(RULES + "fraud/versions").json["changes"]
    assert [one["number"] for one in versions] == [changed.json["change"], first]
    assert all(one["by"] == "ann" and one["why"] == "a test" and one["at"] for one in versions)
    assert admin.get(f"{RULES}fraud/versions/{first}").json["text"] == FRAUD
    diff = admin.get(f"{RULES}fraud/diff?from={first}&to={changed.json['change']}").json["diff"]
    assert diff.splitlines()[-1] == "+" + more.splitlines()[-1], diff
    restored = admin.call("POST", RULES + "fraud/restore", {"version": first})
    assert restored.status == 200 and admin.get(RULES + "fraud").json["text"] == FRAUD
    listed = admin.get(ITEMS + "?kind=rules").json["items"]
    assert [one["id"] for one in listed] == ["orders/rules/fraud"] and "text" not in listed[0]
    assert "orders" in admin.get("/v1/services").json["services"]
    assert admin.get(RULES + "nobody").status == 404
    assert admin.put(RULES + "spare", rules("spare", ("all", "a", "all"))).status == 201
    gone = admin.call("DELETE", RULES + "fraud")
    assert gone.status == 200 and admin.get(RULES + "fraud").status == 404
    assert admin.get(f"{RULES}fraud/versions/{first}").json["text"] == FRAUD
    assert admin.call("POST", RULES + "fraud/restore", {"version": first}).status == 200


def takes_a_request_whose_answer_was_lost_again(manager):
    admin = manager.bearer("twice", ("*", "*", "admin"))
    item = ITEMS + "/config/twice"
    first = admin.put(item, "1", type="number")
    again = {"If-Match": first.etag}
    second = admin.put(item, "2", type="number", headers=again)
    repeated = admin.put(item, "2", type="number", headers=again)
    assert (repeated.status, repeated.json["outcome"]) == (200, "unchanged"), repeated.body
    assert repeated.etag == second.etag != first.etag


def keeps_a_file_of_rules_where_there_were_any(manager):
    admin = manager.bearer("last", ("*", "*", "admin"))
    item = "/v1/services/lonely/items/rules/fraud"
    assert admin.put(item, FRAUD).status == 201
    gone = admin.call("DELETE", item)
    assert gone.status == 422 and "mode: shadow" in gone.json["error"], gone.body
    silent = FRAUD.replace("to: fraud.declined", "to: fraud.declined, rollout: {mode: shadow}")
    assert silent != FRAUD and admin.put(item, silent).status == 200


def is_not_ended_by_what_is_nested_deep(manager):
    editor = manager.bearer("deep", ("orders", "deep", "editor"))
    deep = "[" * 100_000 + "]" * 100_000
    for path, body in [("changes", '{"edits": [{"id": %s}]}'), ("search", '{"text": %s}'),
                       ("changes", '{"edits": %s}'), ("items/config/deep", '{"text": %s}')]:
        method = "PUT" if path.startswith("items") else "POST"
        answer = editor.call(method, f"/v1/services/orders/{path}", body % deep)
        assert answer.status == 400 and "JSON object" in answer.json["error"], answer.body
    assert editor.get("/v1/whoami").status == 200


def shows_both_sides_of_a_conflict(manager):
    admin = manager.bearer("con", ("*", "*", "admin"))
    item = ITEMS + "/config/limit"
    base = admin.put(item, "1", type="number").etag
    assert admin.put(item, "2", type="number").status == 200
    late = admin.put(item, "3", type="number", headers={"If-Match": base})
    assert late.status == 412, late.body
    conflict = late.json["conflicts"][0]
    assert (conflict["theirs"]["text"], conflict["yours"]["text"]) == ("2", "3"), late.body
    assert admin.put(item, "4", type="number", headers={"If-None-Match": "*"}).status == 412
    both = {"why": "both", "edits": [{"id": "config/limit", "text": "5", "type": "number",
                                      "version": int(base.strip('"'))},
                                     {"id": "config/other", "text": "x"}]}
    assert admin.post("/v1/services/orders/changes", both).status == 409
    assert admin.get(ITEMS + "/config/other").status == 404  # all or nothing
    assert admin.get(item).json["text"] == "2"
    assert admin.put(item, "x", type="number").status == 422
    assert admin.put(item, "4", type="number", headers={"If-Match": "4"}).status == 400


def refuses_rules_that_would_not_run(manager):
    admin = manager.bearer("eve", ("*", "*", "admin"))
    before = admin.get(RULES + "fraud").json["version"]
    bad = FRAUD + '  - {name: odd, match: {amount: [{numeric: ["<<", 2]}]}, to: fraud.odd}\n' \
                  '  - {name: far, match: {type: [a]}, to: shop.orders}\n'
    refused = admin.put(RULES + "fraud", bad)
    assert refused.status == 422, refused.body
    problems = {one["rule"]: one for one in refused.json["report"]["problems"]}
    assert problems["fraud/odd"]["line"] == 5 and "<<" in problems["fraud/odd"]["text"]
    assert problems["fraud/far"]["line"] == 6, problems
    tried = admin.call("PUT", RULES + "fraud?dry_run", {"text": bad})
    assert tried.status == 200 and not tried.json["report"]["ok"]
    assert "+  - {name: far" in tried.json["items"][0]["diff"]
    assert admin.get(RULES + "fraud").json["version"] == before
    tests = ("cases:\n  - name: a decline is told\n    events:\n"
             "      - {value: {type: payment.declined}, expect: [{to: fraud.elsewhere}]}\n")
    failed = admin.put(ITEMS + "/tests/fraud", tests)
    assert failed.status == 422 and failed.json["report"]["tests"][0]["failures"], failed.body
    passed = admin.put(ITEMS + "/tests/fraud", tests.replace("elsewhere", "declined"))
    assert passed.status == 201 and passed.json["report"]["tests"][0]["passed"], passed.body


def searches_replaces_and_undoes_in_one_step(manager):
    admin = manager.bearer("rex", ("*", "*", "admin"))
    service = "/v1/services/bulk"
    edits = [{"id": f"rules/team{i}",
              "text": rules(f"team{i}", ("old", f"order.v{i}", "orders"))} for i in range(20)]
    made = admin.post(service + "/changes", {"why": "begin", "edits": edits})
    assert made.status == 200, made.body
    found = admin.post(service + "/search", {"text": r"order\.v(\d+)", "regex": True, "limit": 5})
    assert found.status == 200 and found.json["cut_off"] and len(found.json["hits"]) == 5
    hit = found.json["hits"][0]
    assert hit["excerpt"].encode()[hit["begin"]:hit["end"]] == b"order.v0", hit
    assert admin.post(service + "/search", {"text": "(", "regex": True}).status == 400
    ask = {"text": r"order\.v(\d+)", "regex": True, "replacement": r"order.new.\1", "why": "rename"}
    preview = admin.call("POST", service + "/replace?dry_run", ask)
    assert preview.status == 200 and preview.json["report"]["ok"], preview.body
    items = preview.json["items"]
    assert len(items) == 20 and all("order.new." in one["diff"] for one in items)
    versions = {one["id"]: one["version"] for one in items}
    assert admin.post(service + "/replace", ask).status == 400  # not previewed
    stale = dict(versions, **{"bulk/rules/team3": versions["bulk/rules/team3"] + 1})
    assert admin.post(service + "/replace", {**ask, "versions": stale}).status == 409
    done = admin.post(service + "/replace", {**ask, "versions": versions})
    assert done.status == 200 and len(done.json["items"]) == 20, done.body
    text = admin.get(service + "/items/rules/team7").json["text"]
    assert "order.new.7" in text
    number = done.json["change"]
    assert len(admin.get(f"{service}/changes/{number}").json["edits"]) == 20
    undone = admin.post(f"{service}/changes/{number}/revert")
    assert undone.status == 200, undone.body
    assert admin.get(service + "/items/rules/team7").json["text"] == edits[7]["text"]
    assert admin.get(service + "/changes").json["changes"][0]["reverts"] == number
    # What was changed since is not undone over somebody's head.
    assert admin.post(f"{service}/changes/{number}/revert").status == 409
    worse = {"text": "orders", "in": ["destinations"], "replacement": "elsewhere.x y"}
    tried = admin.call("POST", service + "/replace?dry_run", worse)
    assert tried.status == 200 and not tried.json["report"]["ok"], tried.body


def takes_only_what_it_knows(manager):
    admin = manager.bearer("kim", ("*", "*", "admin"))
    for method, path, body, status in (
            ("GET", "/v1/nothing", None, 404),
            ("PATCH", ITEMS, None, 405),
            ("GET", ITEMS + "?colour=red", None, 400),
            ("GET", ITEMS + "?kind=%zz", None, 400),
            ("PUT", RULES + "fraud", "{", 400),
            ("PUT", RULES + "fraud", "[]", 400),
            ("PUT", RULES + "fraud", {"text": "a", "txet": "b"}, 400),
            ("PUT", RULES + "fr%20aud", {"text": "a"}, 400),
            ("PUT", ITEMS + "/ruels/fraud", {"text": "a"}, 400),
            ("PUT", RULES + "fraud", {"text": 1}, 400),
            ("PUT", RULES + "fraud", '{"text": "a", "why": "b", "text": "c"}', 400),
            ("POST", "/v1/services/orders/changes",
             '{"edits": [{"id": "config/a", "text": "1", "id": "config/b"}]}', 400),
            ("PUT", RULES + "fraud?dry_run=yes", {"text": "a"}, 400),
            ("GET", ITEMS + "?texts=2", None, 400),
            ("GET", "/v1/audit?outcome=lost", None, 400),
            ("GET", RULES + "fraud/versions/0", None, 400),
            ("GET", RULES + "fraud/versions/99999", None, 404),
            ("POST", "/v1/services/orders/changes", {"edits": []}, 400),
            ("POST", "/v1/services/orders/changes", {"edits": [{"id": "bulk/rules/a", "text": ""}]},
             400)):
        answer = admin.call(method, path, body)
        assert answer.status == status and "error" in answer.json, (method, path, answer.body)
    large = admin.call("PUT", ITEMS + "/config/large", {"text": "x" * (300 << 10)})
    assert large.status == 422, large.body


def takes_any_version_where_there_is_one(manager):
    admin = manager.bearer("star", ("*", "*", "admin"))
    item, star = ITEMS + "/config/star", {"If-Match": "*"}
    assert admin.put(item, "1", headers=star).status == 412
    assert admin.put(item, "1").status == 201
    assert admin.put(item, "2", headers=star).status == 200
    assert admin.get(item, If_None_Match="*").status == 304
    assert admin.put(item + "?dry_run=false", "3").json["outcome"] == "done"
    assert admin.call("DELETE", item, headers=star).status == 200
    assert admin.call("DELETE", item, headers=star).status == 412


def answers_nothing_without_strict_headers(manager):
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.yaml", "/v1/whoami", "/nothing"):
        headers = manager.nobody().get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY" and headers["Cache-Control"] == "no-store"
    assert b"turnout_manager_answers_total" in manager.nobody().get("/metrics").body
    assert json.loads(manager.nobody().get("/readyz").body)["status"] == "ready"


def rolls_rules_out_step_by_step(manager):
    admin = manager.bearer("steps", ("*", "*", "admin"))
    here = "/v1/services/steps/items/rules/steps"
    text = ("team: steps\ndestinations: [steps.*]\nrules:\n"
            "  - name: one\n    match: { type: [a] }\n    to: steps.one\n")
    shadow, tenth = {"mode": "shadow"}, {"percent": 10}

    def roll(query="", **body):
        return admin.call("POST", f"{here}/rollout{query}", body)

    assert roll(rule="one", rollout=shadow).status == 404
    tried = roll("?dry_run", text=text, rollout=tenth)
    assert tried.status == 200 and admin.get(here).status == 404
    assert tried.json["items"][0]["text"] == text + "    rollout: { percent: 10 }\n", tried.body
    assert roll(text=text, rollout=tenth, why="new").status == 200
    assert admin.get(here).json["text"] == tried.json["items"][0]["text"]
    done = roll(rule="one", rollout={})
    assert done.json["report"]["rules"] == [
        {"rule": "steps/one", "effect": "changed", "parts": ["rollout"]}], done.body
    assert admin.get(here).json["text"] == text

    changed = text.replace("[a]", "[a, b]")
    assert "in shadow first" in roll(text=changed, rollout=tenth).json["error"]
    done = roll(text=changed, rollout=shadow)
    assert done.json["report"]["rules"] == [
        {"rule": "steps/one-next", "effect": "added", "parts": []}], done.body
    assert roll(rule="one-next", rollout=tenth).status == 422
    assert roll(rule="one-next", rollout={}).status == 200
    assert admin.get(here).json["text"] == changed

    assert roll(rule="none", rollout={}).status == 422
    assert roll(rule="one", text=text, rollout={}).status == 400
    assert roll(rollout={}).status == 400
    assert roll(rule="one", rollout={"mode": "half"}).status == 400
    assert roll(rule="one", rollout={"percent": 101}).status == 400
    stale = admin.call("POST", f"{here}/rollout", {"rule": "one", "rollout": shadow},
                       headers={"If-Match": '"1"'})
    assert stale.status == 412, stale.body
    wrong = admin.call("POST", "/v1/services/steps/items/config/one/rollout", {"rule": "one", "rollout": {}})
    assert wrong.status == 400 and "rules alone" in wrong.json["error"]
