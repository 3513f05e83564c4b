"""Events for the tests: a stream from a seed, every event unique by its `id`.

Each is a dict of arguments for topics.produce. About one in `unreadable_every` is no JSON.
"""
import json
import random
import time

TYPES = ["order.placed", "order.cancelled", "payment.accepted", "payment.declined", "cart.updated",
         "page.viewed"]
REGIONS = ["eu", "us", "apac"]
FIRST_TIMESTAMP_MS = int(time.time() * 1000) - 600_000  # a millisecond an event from there


def stream(count, seed=1, keys=500, null_key_every=0, unreadable_every=0, bytes_each=1000,
           first_id=0):
    chance = random.Random(seed)
    for number in range(first_id, first_id + count):
        key = None if null_key_every and number % null_key_every == 0 else \
            b"user-%d" % chance.randrange(keys)
        value = _event(chance, number, bytes_each)
        if unreadable_every and number % unreadable_every == unreadable_every // 2:
            value = value[:-1 - chance.randrange(30)]  # its end is cut off
        headers = [("ce_type", b"shop.event"),
                   ("traceparent", b"00-%032x-%016x-01" % (number, number))]
        if chance.randrange(10) == 0:
            headers.append(("flag", b"review"))
        if chance.randrange(20) == 0:
            headers += [("empty", b""), ("nothing", None),
                        ("tracestate", b"rojo=00f0"), ("tracestate", b"congo=t61")]
        yield {"key": key, "value": value, "headers": headers,
               "timestamp": FIRST_TIMESTAMP_MS + number}


def in_bursts(records, count, pause_s):
    """So many at once, then none for so long: fewer transactions a second than at an even rate."""
    for number, record in enumerate(records, 1):
        yield record
        if number % count == 0:
            time.sleep(pause_s)


def _event(chance, number, bytes_each):
    event = {"id": number, "type": chance.choice(TYPES), "region": chance.choice(REGIONS),
             "tier": "gold" if chance.randrange(4) == 0 else "basic"}
    if event["type"].startswith("payment."):
        event["payment"] = {"amount": chance.randrange(100_000) / 100,
                            "card": "card-%d" % chance.randrange(200)}
    if event["type"] == "page.viewed":
        event["device"] = chance.choice(["mobile", "Mobile", "desktop"])
        event["tags"] = chance.choice([[], ["new"], ["new", "beta"]])
        if chance.randrange(2):
            event["query"] = "shoes"
    text = json.dumps(event)
    pad = bytes_each - len(text) - len(', "pad": ""')
    if pad > 0:
        text = '%s, "pad": "%s"}' % (text[:-1], "x" * pad)
    return text.encode()
