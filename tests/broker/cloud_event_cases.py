"""CloudEvents on one topic, some structured and some binary: the same rules hold of both."""
import json
import random
import subprocess

import events
import topics
from oracle import Oracle

STRUCTURED, JSON = b"application/cloudevents+json", b"application/json"
REQUIRED = ("specversion", "id", "source", "type")
EVENTS = 12_000


def _team(stage):
    pay = f"{stage.prefix}.pay"
    return {"team": "pay", "destinations": [f"{pay}.*"], "rules": [
        {"name": "big", "key": "data.card", "to": f"{pay}.big",
         "match": {"source": [{"prefix": "/shop/"}], "type": ["payment"],
                   "subject": [{"prefix": "card/"}],
                   "data": {"amount": [{"numeric": [">", 500]}]}}},
        {"name": "by-region", "match": {"type": ["payment", "refund"]}, "key": "subject",
         "to": f"{pay}.{{region}}"},
        {"name": "bare", "to": f"{pay}.bare",
         "match": {"tenant": ["acme"], "data": {"amount": [{"exists": False}]}}},
        {"name": "kept", "to": f"{pay}.kept", "shape": {"keep": ["type", "data"]},
         "match": {"type": ["refund"], "data": {"amount": [{"exists": True}]}}},
        {"name": "masked", "to": f"{pay}.masked", "shape": {"drop": ["subject"]},
         "match": {"type": ["payment"], "data": {"amount": [{"exists": True}]}}},
        {"name": "record", "to": f"{pay}.record",
         "match": {"$kafka": {"headers": {"ce_tenant": ["acme"]}}}},
        {"name": "json", "match": {"datacontenttype": [{"suffix": "json"}]}, "to": f"{pay}.json"},
    ]}


def _headers(attributes, data_type):
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return headers + ([("content-type", data_type)] if data_type else [])


def _stream(seed):
    """Each event in a mode of its own; some without data, of other data, or broken."""
    chance = random.Random(seed)
    for number in range(EVENTS):
        card = f"card/{chance.randrange(100)}"
        attributes = {"specversion": chance.choice(["1.0", "1.0", "1.0", "0.3"]),
                      "id": str(number), "source": chance.choice(["/shop/eu", "/bank"]),
                      "type": chance.choice(["payment", "refund", "visit"]),
                      "region": chance.choice(events.REGIONS)}
        if chance.randrange(3):
            attributes["subject"] = chance.choice([card, "none"])
        if chance.randrange(4) == 0:
            attributes["tenant"] = "acme"
        data = {"number": number, "card": card}
        if chance.randrange(4):
            data["amount"] = chance.randrange(1000)
        yield {"key": b"user-%d" % chance.randrange(300), **_record(chance, attributes, data),
               "timestamp": events.FIRST_TIMESTAMP_MS + number}


def _record(chance, attributes, data):
    text = json.dumps(data).encode()
    mode = chance.choice(["structured"] * 4 + ["untyped", "both"] + ["binary"] * 6 +
                         ["empty", "xml", "broken", "latin"])
    if mode in ("structured", "untyped", "both"):
        headers = _headers(attributes, None) if mode == "both" else []
        if mode != "untyped":
            headers.append(("content-type", STRUCTURED + b"; charset=UTF-8"))
        whole = {**attributes, "datacontenttype": "application/json", "data": data}
        return {"value": json.dumps(whole).encode(), "headers": headers}
    if mode == "empty":
        return {"value": None, "headers": _headers(attributes, None)}
    if mode == "xml":
        return {"value": b"<event>%s</event>" % text, "headers": _headers(attributes, b"text/xml")}
    headers = _headers(attributes, chance.choice([JSON, b"Application/x+JSON; q=1", None]))
    if mode == "latin":
        headers.append(("ce_name", "J\u00f6rg".encode("latin-1")))
    return {"value": text[:-3] if mode == "broken" else text, "headers": headers}


def _type_of(record):
    return next((value for name, value in record.headers if name == "content-type"), None)


def _is_binary(record):
    is_marked = any(name == "ce_specversion" for name, _ in record.headers)
    return is_marked and not (_type_of(record) or b"").startswith(b"application/cloudevents")


def _asks_data(match):
    return list(match) != ["$kafka"] and "data" in match


class CloudOracle(Oracle):
    """Reads a binary event as the structured one that it stands for."""

    def _read(self, event):
        if not _is_binary(event):
            return super()._read(event)
        try:
            document = {name[3:]: value.decode() for name, value in event.headers
                        if name.startswith("ce_")}
        except UnicodeDecodeError:
            return {}, lambda match: list(match) != ["$kafka"]
        data_type = _type_of(event)
        if data_type:
            document["datacontenttype"] = data_type.decode()
        if event.value and data_type != b"text/xml":
            try:
                document["data"] = json.loads(event.value)
            except ValueError:
                return document, _asks_data
        return document, None

    def _of_event(self, event):
        found = super()._of_event(event)
        if not any(one.reason == "unreadable_event" for one in found):
            return found
        return [one for one in found if one.reason != "unroutable"]  # what it lacks is no news

    def _carried(self, one):
        headers = super()._carried(one)
        is_cloud_event = _is_binary(one.event) or (_type_of(one.event) or b"").startswith(STRUCTURED)
        if one.shaped is None or not is_cloud_event:
            return headers
        is_whole = all(json.loads(one.shaped).get(name) for name in REQUIRED)
        kept = [header for header in headers
                if header[0] != "content-type" and not header[0].startswith("ce_")]
        return (*kept, ("content-type", STRUCTURED if is_whole else JSON))


def cloud_events_in_both_modes_go_where_the_same_rules_send_them(stage):
    """One topic with structured, binary, empty, other and broken ones; a router is killed."""
    teams = [_team(stage)]
    stage.write_rules(teams)
    stage.make_topics(teams)
    first = stage.router("first", source={"cloud_events": True}).start().wait_ready()
    flow = stage.flow(_stream(stage.seed), rate=4_000)
    first.wait_until("some are routed", lambda: first.metric("turnout_events_consumed_total") > 2_000)
    first.kill()
    router = stage.router("second", source={"cloud_events": True}).start().wait_ready()
    assert flow.join() == EVENTS
    stage.consumed()
    stage.check(teams, CloudOracle(teams, stage.dead_letters))
    _check_explanation(stage, router)
    router.stop()


def _check_explanation(stage, router):
    records = topics.read(stage.bootstrap, stage.source)[stage.source]
    one = next(record for record in records if _is_binary(record) and record.value and
               ("ce_type", b"visit") in record.headers)
    done = subprocess.run([stage.binary, "explain", "--config", router.config_file, "--at",
                           f"{one.partition}:{one.offset}", "--rule", "pay/big"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "a CloudEvent in binary mode: its attributes are ce_specversion" in done.stdout, done.stdout
    assert 'type (header ce_type): wanted ["payment"], saw "visit"' in done.stdout or \
        "source (header ce_source)" in done.stdout, done.stdout


TESTS = [cloud_events_in_both_modes_go_where_the_same_rules_send_them]
