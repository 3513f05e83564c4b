"""What holds for any text at a running manager: properties.py PORT HEADER, by a python that has
Hypothesis. Exits with 1, and the least example, where one does not hold."""
import http.client
import json
import sys
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

PORT, HEADER = int(sys.argv[1]), sys.argv[2].split(": ", 1)
SERVICE = "/v1/services/properties"
ITEM = SERVICE + "/items/config/any"
SECRET = SERVICE + "/items/secret/any"
EXAMPLES = 25
CHARACTERS = some.characters(codec="utf-8", exclude_characters="\0")
TEXTS = some.text(CHARACTERS, max_size=300)
calls = 0


def call(method, path, body=None, **headers):
    global calls
    calls += 1
    for _ in range(100):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        said = {HEADER[0]: HEADER[1], **{k.replace("_", "-"): v for k, v in headers.items()}}
        sent = None if body is None else json.dumps(body).encode()
        connection.request(method, path, sent, said)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 429:
            return answer.status, json.loads(text or b"null"), answer.headers
        time.sleep(0.1)  # a person's calls a second
    raise AssertionError("429 for ten seconds")


def any_of(examples=EXAMPLES):
    return settings(max_examples=examples, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck))


def put(text, item=ITEM, **more):
    status, answer, headers = call("PUT", item, {"text": text, **more})
    assert status in (200, 201), answer
    return answer, headers


@any_of()
@given(TEXTS)
def what_is_put_is_what_is_read_and_again_is_no_change(text):
    put(text)
    _, first, headers = call("GET", ITEM)
    assert first["text"] == text, first
    again, _ = put(text)
    assert again["outcome"] == "unchanged", again
    status, _, _ = call("GET", ITEM, If_None_Match=headers["ETag"])
    assert status == 304
    assert call("GET", ITEM)[1]["version"] == first["version"]


@any_of()
@given(some.lists(TEXTS, min_size=2, max_size=4), some.data())
def a_version_restored_is_that_text(texts, data):
    versions = []
    for text in texts:
        put(text)
        versions.append(call("GET", ITEM)[1]["version"])
    chosen = data.draw(some.integers(0, len(texts) - 1))
    status, answer, _ = call("POST", ITEM + "/restore", {"version": versions[chosen]})
    assert status == 200, answer
    assert call("GET", ITEM)[1]["text"] == texts[chosen]


@any_of()
@given(some.dictionaries(some.sampled_from("abcde"), some.none() | TEXTS, min_size=1))
def a_change_undone_leaves_what_there_was(edits):
    def state():
        items = call("GET", SERVICE + "/items?texts&kind=config")[1]["items"]
        return {one["id"]: one["text"] for one in items}
    before = state()
    sent = [{"id": f"config/{name}", **({"delete": True} if text is None else {"text": text})}
            for name, text in edits.items()]
    status, answer, _ = call("POST", SERVICE + "/changes", {"edits": sent})
    assert status == 200, answer
    after = state()
    for name, text in edits.items():
        assert after.get(f"properties/config/{name}") == text
    if after == before:
        assert answer["outcome"] == "unchanged", answer
        return
    status, undone, _ = call("POST", f"{SERVICE}/changes/{answer['change']}/revert", {})
    assert status == 200, undone
    assert state() == before


@any_of()
@given(TEXTS, some.integers(1, 2**62))
def what_was_not_seen_is_not_overwritten(text, version):
    put("as it was")
    _, seen, headers = call("GET", ITEM)
    wrong = version if version != seen["version"] else version + 1
    status, answer, _ = call("PUT", ITEM, {"text": text}, If_Match=f'"{wrong}"')
    assert status == 412 or text == seen["text"], answer
    assert call("GET", ITEM)[1]["version"] == seen["version"]
    for etag in ("*", headers["ETag"]):
        seen = call("GET", ITEM)[1]
        status, answer, _ = call("PUT", ITEM, {"text": text + etag}, If_Match="*")
        assert status == 200, answer


@any_of(20)
@given(some.text(CHARACTERS, min_size=8, max_size=60))
def a_secret_is_shown_in_no_answer(text):
    text = "secret " + text
    as_json = json.dumps(text)[1:-1]
    answer, _ = put(text, SECRET, bound_to=["nobody"])
    number = answer.get("change")
    answers = [answer, call("GET", SECRET)[1], call("GET", SECRET + "/versions")[1],
               call("GET", SECRET + "/diff")[1],
               call("GET", SERVICE + "/items?texts")[1], call("GET", SERVICE + "/changes")[1],
               call("POST", SERVICE + "/search", {"text": text})[1],
               call("GET", "/v1/audit?service=properties")[1]]
    if number:
        answers.append(call("GET", f"{SERVICE}/changes/{number}")[1])
    for one in answers:
        assert as_json not in json.dumps(one), one
    assert call("POST", SERVICE + "/secrets/any/release")[0] == 403


PROPERTIES = (what_is_put_is_what_is_read_and_again_is_no_change, a_version_restored_is_that_text,
              a_change_undone_leaves_what_there_was, what_was_not_seen_is_not_overwritten,
              a_secret_is_shown_in_no_answer)

for holds in PROPERTIES:
    holds()
print(f"{len(PROPERTIES)} properties, {calls} calls")
