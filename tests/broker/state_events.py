"""Events for steps that remember: users who come again, times that jump back and ahead.

As events.stream: dicts of arguments for topics.produce, every event unique by its `id`. The key is
the field `user`, so that a user's events share a partition. Some users are busy and most are not.
The field `at` says when it happened, in one of three forms; the record is a little younger.
"""
import datetime
import json
import random
import time

TYPES = ["payment.declined", "payment.accepted", "order.placed", "order.cancelled", "cart.updated",
         "page.viewed"]
REGIONS = ["eu", "us", "apac"]
BEGIN_AGO_MS = 20 * 3600 * 1000  # the first event's age: well before now, well within the retention
LATE_MS = 45_000
AHEAD_MS = 30 * 60 * 1000


def stream(count, seed=1, users=400, step_ms=25, jitter_ms=3000, bytes_each=0, first_id=0,
           begin_ms=None):
    """`step_ms` apart, up to `jitter_ms` out of order; one in 40 very late, one in 2,000 from the
    future, one in 300 unreadable, one in 200 without the fields that steps need."""
    chance = random.Random(seed)
    begin_ms = begin_ms or int(time.time() * 1000) - BEGIN_AGO_MS
    for number in range(first_id, first_id + count):
        user = "user-%d" % min(chance.randrange(users), chance.randrange(users))
        at = begin_ms + number * step_ms - chance.randrange(jitter_ms)
        if chance.randrange(40) == 0:
            at -= chance.randrange(LATE_MS)
        if chance.randrange(2000) == 0:
            at += chance.randrange(AHEAD_MS)
        event = _event(chance, number, user, bytes_each)
        event["at"] = _time(chance, at)
        if chance.randrange(50) == 0:
            del event["at"]
        value = json.dumps(event).encode()
        if chance.randrange(300) == 0:
            value = value[:-1 - chance.randrange(30)]
        headers = [("ce_type", b"shop.event"),
                   ("traceparent", b"00-%032x-%016x-01" % (number, number))]
        yield {"key": user.encode(), "value": value, "headers": headers,
               "timestamp": at + chance.randrange(500)}


def _time(chance, ms):
    form = chance.randrange(3)
    if form == 0:
        moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + ".%03dZ" % (ms % 1000)
    if form == 1:
        return ms / 1000  # seconds
    if chance.randrange(100) == 0:
        return ms + 40 * AHEAD_MS  # not to be believed
    return ms


def _event(chance, number, user, bytes_each):
    event = {"id": number, "type": chance.choice(TYPES), "region": chance.choice(REGIONS),
             "user": user, "tier": "gold" if chance.randrange(6) == 0 else "basic",
             "ip": "10.0.0.%d" % chance.randrange(12)}
    if event["type"].startswith("payment."):
        # Quarters: sums of them are exact, in whichever order.
        event["amount"] = chance.randrange(2000) / 4
        event["card"] = "card-%d" % chance.randrange(150)
    if chance.randrange(200) == 0:
        del event[chance.choice(["user", "ip", "region"])]
    if bytes_each:
        event["pad"] = "x" * max(0, bytes_each - len(json.dumps(event)))
    return event
