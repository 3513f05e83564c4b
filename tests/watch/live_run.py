"""A `turnout run --embedded` with events that never stop, to look at.

It begins well. `harm` gives it what there may be to complain of: a file that is refused, a team that
stands aside, events that can't be read, routed, enriched or remembered.

Threads: the load has one of its own; LiveRun is the test's.
"""
import json
import shutil
import sys
import threading
from pathlib import Path

import confluent_kafka

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "broker"))
from router_process import RouterProcess  # noqa: E402

# A file may have any name. This one asks a page that takes it for HTML to fetch and to run.
HOSTILE = '"><img src=http:&#x2f;&#x2f;198.51.100.1&#x2f;x onerror=document.title=1><script>1<'
SHOP = """team: shop
destinations: [shop.*]
rules:
  - {name: orders, match: {type: [order]}, to: shop.orders}
  - {name: large-orders, match: {type: [order], total: [{numeric: [">", 500]}]}, to: shop.large}
  - {name: by-region, match: {type: [order]}, to: "shop.region.{region}", key: customer}
  - name: first-of-a-customer
    match: {type: [order]}
    steps: [{dedup: {key: customer, for: 1h}}]
    to: shop.first-orders
  - name: with-customer
    match: {type: [order]}
    enrich: [{table: customers, key: customer, into: who, missing: park}]
    to: shop.known-customers
  - {name: next-year, match: {type: [order]}, to: shop.next, rollout: {mode: shadow, percent: 50}}
"""
MANY = """team: many
destinations: [many.*]
rules:
  - name: forgetful
    match: {type: [order]}
    steps: [{dedup: {key: id, for: 1d}}]
    to: many.orders
"""
LOOP = """team: loop
destinations: [events]
rules: [{name: back, match: {type: [order]}, to: events}]
"""
EVENTS_A_BEAT, BEAT_S, CUSTOMERS = 40, 0.1, 20


class LiveRun:
    def __init__(self, binary, directory):
        self.rules = Path(directory, "rules")
        self.rules.mkdir()
        (self.rules / "shop.yaml").write_text(SHOP)
        self.router = RouterProcess(binary, Path(directory, "router"), {
            "source": {"topic": "events", "partitioned_by": "customer"},
            "rules": str(self.rules),
            "instance": "router-0",
            "workers": 2,
            "tables": {"customers": {"topic": "customers"}},
            "checkpoints": {"interval": "2s"},
            "limits": {"rule_state_bytes_max": "8KiB", "rules_recheck": "200ms"},
        })
        self.router.arguments = ["--embedded"]
        self._producer = None
        self._ended = threading.Event()
        self._is_harmed = False
        self._load = threading.Thread(target=self._send)

    @property
    def address(self):
        return f"127.0.0.1:{self.router.port}"

    def start(self):
        self.router.start()
        kafka = self.router.wait_until("the embedded Kafka", self._kafka)
        self._producer = confluent_kafka.Producer({"bootstrap.servers": kafka, "linger.ms": 5})
        for i in range(CUSTOMERS):
            self._produce("customers", f"c-{i}", {"name": f"Customer {i}"})
        self._producer.flush(10)
        self.router.wait_ready()
        self._load.start()
        return self

    def harm(self):
        self._is_harmed = True
        (self.rules / "many.yaml").write_text(MANY)
        (self.rules / "loop.yaml").write_text(LOOP)
        (self.rules / f"{HOSTILE}.yaml").write_text("team: {")
        self.router.wait_until("the trouble being seen", lambda: (
            self.router.metric("turnout_rule_file_refused") == 1
            and self.router.metric("turnout_team_aside", team="loop") == 1
            and self.router.metric("turnout_rule_events_state_full_total") > 0))

    def close(self):
        self._ended.set()
        if self._load.is_alive():
            self._load.join()
        self.router.close()
        shutil.rmtree(self.rules)

    def _kafka(self):
        for line in self.router.log_file.read_text().splitlines():
            if '"event":"embedded_kafka"' in line:
                return json.loads(line)["address"]
        return None

    def _send(self):
        number = 0
        while not self._ended.wait(BEAT_S):
            for number in range(number, number + EVENTS_A_BEAT):
                customer = f"c-{number % CUSTOMERS}"
                order = {"type": "order", "id": f"o-{number}", "customer": customer,
                         "total": number % 700, "region": ("emea", "apac", "amer")[number % 3]}
                if self._is_harmed and number % 20 == 0:
                    del order["region"]
                if self._is_harmed and number % 20 == 1:
                    order["customer"] = "nobody"
                self._produce("events", customer, order)
            if self._is_harmed:
                self._producer.produce("events", b"{", key=b"c-0")
            self._producer.poll(0)
            number += 1

    def _produce(self, topic, key, value):
        self._producer.produce(topic, json.dumps(value).encode(), key=key.encode())
