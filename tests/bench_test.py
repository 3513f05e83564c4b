#!/usr/bin/python3
"""The benches at a small size: they run, check their own answers and write what they promise.

Figures of so short a run mean nothing and are not looked at; that a wrong answer ends a bench is.

    tests/bench_test.py [Benches] [BenchesWithBrokers]
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))

import common  # noqa: E402  (found by the line above)
import pipeline_rules  # noqa: E402
import running  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "bench", "peers"))

import outputs  # noqa: E402
import peers  # noqa: E402
import plots  # noqa: E402

RUN_MAX_S = 900


def script(name):
    """One of bench/'s commands as a module."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(ROOT, "bench", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def bench(name, *arguments, ends_with=(0,)):
    """What the bench wrote with --json. `ends_with`: what it may, 1 where a short run misses an aim."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "figures.json")
        done = subprocess.run([os.path.join(ROOT, "bench", name), *arguments, "--json", path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=RUN_MAX_S)
        if done.returncode not in ends_with or not os.path.exists(path):
            raise AssertionError(f"bench/{name} ended with {done.returncode}:\n{done.stdout}")
        with open(path, encoding="utf-8") as file:
            return json.load(file)


class BenchesWithBrokers(unittest.TestCase):
    """Those that start a Kafka of their own: they wait more than they compute."""

    def test_the_floor_compares_both_loops(self):
        figures = bench("floor", "--sink", "batch", "--steps", "--rules", "40", "--destinations", "5",
                        "--events", "5000", "--rounds", "1")
        self.assertEqual([("exactly_once", "batch", False), ("exactly_once", "batch", True)],
                         [(row["delivery"], row["sink"], row["steps"]) for row in figures["rows"]])
        for row in figures["rows"]:
            self.assertGreater(row["floor_us_per_event"], 0)
            self.assertAlmostEqual(row["turnout_us_per_event"] / row["floor_us_per_event"], row["ratio"], 2)
        for key in ("floor_us_per_event", "turnout_us_per_event", "ratio", "delivery", "rules", "destinations",
                    "events", "rounds", "commit", "machine", "date"):
            self.assertIn(key, figures)

    def test_latency_is_measured_against_the_floor_of_the_same_run(self):
        figures = bench("latency", "--rate", "200", "--seconds", "3", "--rules", "40",
                        "--destinations", "5", "--warm-up", "0")
        self.assertLessEqual(figures["p50_ms"], figures["p99_ms"])
        self.assertLessEqual(figures["p99_ms"], figures["p999_ms"])
        self.assertGreater(figures["floor_p50_ms"], 0)
        self.assertEqual(200 * 6, figures["events"])
        self.assertEqual(1, len(figures["rows"]))
        met = script("latency").met
        floor = {"floor_p50_ms": 4, "floor_p99_ms": 5}
        self.assertEqual({"p50": True, "p99": False}, met("exactly_once", {"p50_ms": 12, "p99_ms": 26, **floor}))
        self.assertEqual({"p50": False, "p99": True}, met("at_least_once", {"p50_ms": 9, "p99_ms": 10, **floor}))

    def test_scale_drains_by_workers_and_makes_up_for_an_outage(self):
        figures = bench("scale", "--workers", "2", "--destinations", "5", "--rules", "40", "--events", "3000",
                        "--rate", "300", "--settle", "2", "--outage", "2", "--follow", "5")
        (row,) = figures["rows"]
        self.assertEqual((40, 5, 2), (row["rules"], row["destinations"], row["workers"]))
        self.assertGreater(row["cpu_us_per_event"], 0)
        self.assertGreaterEqual(figures["catch_up"]["waiting_events"], 300)
        # None: on a busy machine it had not caught up while it was watched; all was there in the end.
        caught_up_s = figures["catch_up"]["caught_up_s"]
        self.assertTrue(caught_up_s is None or caught_up_s > 0, caught_up_s)

    def test_a_soak_looks_at_memory_files_and_state(self):
        figures = bench("soak", "--state", "yes", "--minutes", "0.1", "--every", "0.5", "--rate", "300",
                        "--rules", "40", "--destinations", "5", ends_with=(0, 1))
        (run,) = figures["runs"]
        self.assertEqual(1800, run["events"])
        self.assertGreater(len(run["samples"]), 6)
        self.assertEqual({"own_mib", "open_files", "state_mib"}, set(run["verdicts"]))

    def test_transactions_are_timed_by_sink_and_destinations(self):
        rows = bench("produce", "--destinations", "1", "3", "--transactions", "20", "--rounds", "1",
                     "--sink", "batch", "librdkafka")["sinks"]
        self.assertEqual([("batch", 1), ("librdkafka", 1), ("batch", 3), ("librdkafka", 3)],
                         [(row["sink"], row["destinations"]) for row in rows])
        for row in rows:
            self.assertLessEqual(row["p50_ms"], row["p99_ms"])
            self.assertGreater(row["client_cpu_us"], 0)
        self.assertEqual([34, 33, 33], script("produce").expected_counts(3, 1))
        drawn = xml.etree.ElementTree.fromstring(plots.transactions_by_destinations(rows, "here"))
        self.assertEqual(2 * len(rows), sum(1 for shape in drawn if shape.tag.endswith("circle")))

    def test_what_is_restored_replayed_and_handed_over_is_what_was_there(self):
        figures = bench("recovery", "--keys", "5000", "--events", "2000", "--stores", "5", "--rounds", "1")
        checkpoint = figures["checkpoint"]
        self.assertEqual(checkpoint["first"]["bytes"], checkpoint["first"]["bytes_sent"])
        self.assertLess(checkpoint["after_1_percent"]["bytes_sent"], checkpoint["first"]["bytes_sent"])
        self.assertEqual(checkpoint["alone"]["batches"], checkpoint["beside"]["batches"])
        self.assertEqual(checkpoint["after_1_percent"]["bytes"], figures["restore_directory"]["bytes"])
        self.assertGreater(figures["open_stores"]["kib_a_store"], 0)
        self.assertEqual([(delay, threads) for delay in (0, 30) for threads in (2, 8)],
                         [(row["call_ms"], row["threads"]) for row in figures["parting"]])
        self.assertGreater(figures["replay"]["ratio"], 0)
        self.assertGreater(figures["handover"]["state_bytes"], 5000 * 100)
        self.assertEqual(0, figures["handover"]["replays"])


class Benches(unittest.TestCase):
    def test_every_command_says_what_it_is_for(self):
        with open(os.path.join(ROOT, "bench", "README.md"), encoding="utf-8") as readme:
            commands = sorted(set(re.findall(r"^    bench/([a-z/_]+)", readme.read(), re.MULTILINE)))
        self.assertGreater(len(commands), 10)
        for command in commands:
            page = subprocess.run([os.path.join(ROOT, "bench", command), "--help"], capture_output=True, text=True)
            self.assertEqual(page.returncode, 0, f"{command}: {page.stderr}")
            self.assertIn("usage:", page.stdout, command)

    def test_the_broker_is_compared_where_all_else_is_the_same(self):
        def row(delivery, sink, us):
            return {"delivery": delivery, "steps": False, "sink": sink, "broker_us_per_event": us}
        self.assertEqual([{"delivery": "at_least_once", "steps": False, "batch_to_librdkafka": 0.25}],
                         script("floor").broker_ratios([row("at_least_once", "batch", 10),
                                                        row("at_least_once", "librdkafka", 40),
                                                        row("exactly_once", "batch", 5)]))

    def test_steps_let_a_customers_first_and_third_event_within_the_span_through(self):
        # A customer's events of region 0, a second apart; those of region 9 are not remembered.
        events = [(0, 9 if second == 1 else 0, 0, 7) for second in range(12)]
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"".join(struct.pack("<HHII", *event) for event in events))
            file.flush()

            def at(destination, **options):
                rules = pipeline_rules.RememberingRules(1, 3, "out.", **options)
                return [second for second, reached in enumerate(rules.reached(file.name))
                        if destination in reached]
            self.assertEqual([0], at(3))
            self.assertEqual([3], at(4))
            self.assertEqual([0, 5, 10], at(3, span="5s", rate=1))
            self.assertEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
                             at(3, span="1ms", rate=1, remembered=10))
            self.assertEqual([], at(3, remembered=0))

    def test_memory_that_rises_is_told_from_memory_that_settles(self):
        verdict = script("soak").verdict
        self.assertTrue(verdict("own_mib", [40, 80, 100, 101, 100, 102, 101, 103, 102])["flat"])
        self.assertFalse(verdict("own_mib", [40, 80, 100, 103, 106, 109, 112, 115, 118])["flat"])
        self.assertTrue(verdict("open_files", [20, 30, 30, 31, 30, 32])["flat"])
        self.assertFalse(verdict("open_files", [20, 30, 30, 31, 35, 36])["flat"])
        # A state that grows and is compacted, again and again.
        self.assertTrue(verdict("state_mib", [0, 4, 8, 20, 5, 19, 6, 21, 5, 20, 6, 19])["flat"])
        self.assertEqual({"first": 10, "second": 20, "max": 20, "flat": False},
                         verdict("state_mib", [1, 2, 10, 10, 20, 20]))

    def test_a_sample_is_whose_code_it_hit_and_the_c_librarys_are_the_threads(self):
        profile = script("profile")
        found = profile.shares(["  40.00%;turnout;turnout", " 5.00%;turnout;libc.so.6", "1.5%;turnout;[vdso]",
                                " 20.00%;rdk:broker1;libc.so.6", "8.5%;rdk:broker1;librdkafka.so.1",
                                "10.00%;rdk:broker1;[kernel.kallsyms]", "5.00%;rocksdb:low0;libc.so.6",
                                "10.00%;turnout;librocksdb.so.7.8", "# a comment", ""])
        self.assertEqual({("Turnout", "Turnout"): 46.5, ("librdkafka", "librdkafka"): 28.5,
                          ("the kernel", "librdkafka"): 10, ("RocksDB", "RocksDB"): 5,
                          ("RocksDB", "Turnout"): 10}, found)
        self.assertIn("| RocksDB | 15.0 % | 1.50 | 10.0 % | 0.0 % | 5.0 % |", profile.table(found, 10))

    def test_two_trillion_a_year_are_worked_out_as_by_hand(self):
        paper = script("paper")
        given = {name: value for name, (value, _) in paper.ASSUMPTIONS.items()}
        measured = {"cpu_us": 3.0, "broker_cpu_us": 6.0, "outputs": 1.5, "events_per_s": 100_000,
                    "commits_per_s": 50}
        found = {name: figure for name, _, figure in paper.on_paper(measured, given)}
        self.assertAlmostEqual(63_376, found["events a second, average"], delta=1)
        self.assertAlmostEqual(190_128, found["events a second, peak"], delta=1)
        self.assertAlmostEqual(0.951, found["router cores"], 3)  # 190,128 x 3 us / 0.6
        self.assertEqual(4, found["workers"])  # 190,128 / 60,000
        self.assertEqual(1, found["pods"])
        self.assertEqual(39, found["source partitions"])  # 194.7 MB/s / 5
        self.assertAlmostEqual(3.803, found["broker cores"], 3)  # 190,128 x 6 us x 2 / 0.6
        self.assertEqual(200, found["commits a second"])
        self.assertAlmostEqual(1425.96, found["records a commit"], 1)
        # 3,600 partitions, nearly 1,426 records: 3,600 x (1 - e^-0.3961)
        self.assertAlmostEqual(1177.5, found["partitions a commit touches"], delta=0.5)
        self.assertAlmostEqual(200 * 1178.5, found["transaction markers a second"], delta=100)
        self.assertEqual(1, paper.touched(1, 7))
        self.assertEqual(5, round(paper.touched(1_000_000, 5)))

    def test_a_record_too_few_or_too_many_is_told(self):
        self.assertEqual([], common.differences([3, 4], [3, 4]))
        self.assertEqual(["destination 1: 3 records, 4 expected"], common.differences([3, 4], [3, 3]))
        self.assertEqual(["destination 0: 5 records, 3 expected"], common.differences([3, 4], [5, 4]))

    def test_rules_reach_about_as_many_destinations_as_said(self):
        # The attributes of events, as bench_preload writes them.
        import random
        for count, destinations in ((1000, 100), (100, 10), (20, 5)):
            rules = pipeline_rules.Rules(count, destinations, "out.")
            chance = random.Random(1)
            with tempfile.NamedTemporaryFile() as file:
                for _ in range(20_000):
                    file.write(struct.pack("<HHII", chance.randrange(rules.types), chance.randrange(10),
                                           chance.randrange(pipeline_rules.AMOUNT_CENTS_MAX), 0))
                file.flush()
                average = sum(rules.expected(file.name)) / 20_000
            self.assertTrue(0.9 < average < 1.7, f"{count} rules: {average}")

    def test_the_matcher_is_timed_once_its_answers_are_right(self):
        names = ["citylots-combo", "ecommerce-exact-10", "headers-only", "thresholds-50x8"]
        rows = {row["workload"]: row for row in
                bench("match", *names, "--events", "20", "--repetitions", "1")["workloads"]}
        self.assertEqual(names, sorted(rows))
        for row in rows.values():
            self.assertAlmostEqual(1e9 / row["ns_per_event"] / row["events_per_s_core"], 1, 2)
        self.assertTrue(350 < rows["thresholds-50x8"]["matches_per_event"] < 450)
        self.assertIn("ns_per_match", rows["thresholds-50x8"])

    def test_a_change_of_one_team_is_built_from_the_files_as_they_are(self):
        figures = bench("rebuild", "--rules", "1000", "--rounds", "3")
        self.assertEqual(1000, figures["rules"])
        self.assertEqual(100, figures["teams"])
        for key in ("read_all_ms", "unchanged_look_ms", "reread_ms", "build_ms", "swap_ms"):
            self.assertGreater(figures[key], 0)
        # A change that changes nothing is not taken for one.
        with tempfile.TemporaryDirectory() as directory:
            rules = pathlib.Path(directory, "rules", "t.jsonl")
            rules.parent.mkdir()
            rules.write_text('{"team": "t", "name": "r", "to": "x", "match": {"a": [1]}}\n')
            same = pathlib.Path(directory, "same.jsonl")
            same.write_text(rules.read_text())
            done = subprocess.run([common.program("bench_rebuild"), rules.parent, rules, same, "1"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            self.assertEqual(1, done.returncode)
            self.assertIn("is not seen", done.stderr)

    def test_a_store_is_timed_by_its_parts_and_its_threads(self):
        figures = bench("state", "--keys", "500", "5000", "--events", "5000", "--step")["state"]
        self.assertEqual([("dedup", 500), ("dedup", 5000), ("counters", 500), ("counters", 5000)],
                         [(row["load"], row["keys"]) for row in figures])
        for row in figures:
            parts = row["get_ns"] + row["put_ns"] + row["commit_ns"]
            self.assertGreater(parts, 0)
            self.assertAlmostEqual(parts + row["background_ns"], row["all_ns"], delta=3)
            self.assertGreater(row["disk_bytes_per_key"], 8)

    def test_a_step_is_timed_beside_the_same_rule_without_it(self):
        figures = bench("state", "--keys", "500", "1000", "--events", "5000", "--load")["steps"]
        keys = {}
        for row in figures:
            keys.setdefault(row["step"], []).append(row["keys"])
            self.assertGreater(row["plain_ns"], 0)
            self.assertAlmostEqual(row["step_ns"] + row["commit_ns"] + row["background_ns"] - row["plain_ns"],
                                   row["added_ns"], delta=3)
            self.assertEqual(row["step"] == "sample", row["state_entries"] == 0, row)
        self.assertEqual([500, 1000], keys["dedup"])
        self.assertEqual([500, 1000], keys["threshold-count"])
        self.assertEqual(10, len(keys))
        rows = {(row["step"], row["keys"]): row for row in figures}
        self.assertEqual(5000, rows["dedup", 1000]["passed"])
        self.assertLess(rows["throttle", 500]["passed"], 5000)

    def test_a_restore_of_other_keys_is_told(self):
        common.build("bench_recovery_time")
        with tempfile.TemporaryDirectory() as directory:
            program, store = common.program("bench_recovery_time"), f"{directory}/checkpoints"
            taken = subprocess.run([program, "checkpoint", directory, store, "1000", "100"],
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True)
            self.assertEqual(0, taken.returncode, taken.stderr)
            for keys, size, wrong in (("1000", "100", None), ("1100", "100", "keys that are not there"),
                                      ("1000", "90", "a value that is not its key's")):
                done = subprocess.run([program, "restore", directory, store, keys, size],
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True)
                self.assertEqual(1 if wrong else 0, done.returncode, done.stderr)
                self.assertIn(wrong or "", done.stderr)

    def test_a_wrong_answer_ends_the_count_and_the_timing(self):
        common.build("bench_match_count", "bench_match_time")
        with tempfile.TemporaryDirectory() as directory:
            common.write_workloads(directory, ["ecommerce-exact-10"], 50)
            workload = pathlib.Path(directory, "ecommerce-exact-10")
            answers = workload / "answers.ndjson"
            lines = answers.read_text().splitlines()
            lines[-1] = '["team-00/rule-000000", "team-00/rule-000001"]'
            for program in (["bench_match_count", workload, "50"], ["bench_match_time", workload]):
                command = [common.program(program[0]), *program[1:]]
                right = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
                self.assertEqual(0, right.returncode, right.stderr)
            answers.write_text("\n".join(lines) + "\n")
            for program in (["bench_match_count", workload, "50"], ["bench_match_time", workload]):
                command = [common.program(program[0]), *program[1:]]
                wrong = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
                self.assertEqual(1, wrong.returncode)
                self.assertIn("ecommerce-exact-10: event 50: the matcher says", wrong.stdout + wrong.stderr)

    def test_a_peer_is_measured_once_its_answers_are_turnouts(self):
        common.build()
        with tempfile.TemporaryDirectory() as directory:
            common.write_workloads(directory, ["ecommerce-exact-10"], 30)
            workload = pathlib.Path(directory, "ecommerce-exact-10")

            def measure(script, timeout_s=60):
                # The peer's arguments follow: $1 rules, $2 events, $3 answers.
                return peers.measure(["sh", "-c", script, "peer"], workload / "rules.jsonl",
                                     workload / "events.ndjson", timeout_s)

            own = f"{workload}/answers.ndjson"
            end = "echo answered; read go && echo '{\"ns_per_event\": 1}'"
            self.assertEqual({"ns_per_event": 1}, measure(f"cp {own} $3; {end}"))
            with self.assertRaisesRegex(peers.Refused, r"differ: event 30: .* the peer says \[\"x\"\]"):
                measure(f"sed '$ c [\"x\"]' {own} >$3; {end}")
            with self.assertRaisesRegex(peers.Refused, "differ: event 30: .* the peer says None"):
                measure(f"sed '$ d' {own} >$3; {end}")
            with self.assertRaisesRegex(peers.Refused, "no memory"):
                measure("echo no memory >&2; exit 1")
            with self.assertRaisesRegex(peers.Refused, "not done in 1 s"):
                measure("exec sleep 30", timeout_s=1)

    def test_an_event_that_a_pipeline_lost_doubled_or_misrouted_is_told(self):
        must = [[1, 2, 5], [3]]
        self.assertEqual([], outputs.differences(must, [[5, 1, 2], [3]]))
        self.assertEqual(["destination 0 lacks 1 records, of events [2]"],
                         outputs.differences(must, [[1, 5], [3]]))
        self.assertEqual(["destination 1 should not have 1 records, of events [3]"],
                         outputs.differences(must, [[1, 2, 5], [3, 3]]))
        self.assertEqual(2, len(outputs.differences(must, [[1, 2], [3, 5]])))
        self.assertEqual(12, outputs.number_of(b'{"id":"e-000000000012","type":"x"}'))
        for value in (b'{"type":"x"}', b'{"id":"e-000000000012","type":"x'):
            with self.assertRaisesRegex(ValueError, "no event of the load"):
                outputs.number_of(value)

    def test_a_pipelines_right_answer_is_the_rules(self):
        rules = pipeline_rules.Rules(20, 5, "x.")
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "attributes")
            events = [(0, number % 10, number * 997 % 100_000) for number in range(200)]
            path.write_bytes(b"".join(struct.pack("<HHII", *event, 0) for event in events))
            must = outputs.expected(rules, path)
            self.assertEqual(rules.expected(path), [len(numbers) for numbers in must])
        for pattern in rules.patterns():
            regions = {int(name.removeprefix("region-")) for name in pattern["match"]["region"]}
            _, low, _, high = pattern["match"]["amount"][0]["numeric"]
            wanted = {number for number, (_, region, cents) in enumerate(events, 1)
                      if region in regions and low <= cents / 100 < high}
            self.assertLessEqual(wanted, set(must[int(pattern["to"].removeprefix("x."))]))

    def test_a_frozen_pipelines_clock_stands(self):
        with tempfile.TemporaryDirectory() as directory, \
                running.Process(["sh", "-c", "while :; do :; done"], directory) as busy:
            while busy.cpu_us() < 10_000:
                busy.check()
            with busy.frozen():
                first = busy.cpu_us()
                time.sleep(0.1)
                self.assertLess(busy.cpu_us() - first, 10_000)
            busy.end()

    def test_the_python_peers_dispatch_is_right(self):
        rules = pipeline_rules.Rules(40, 5, "to.")
        with tempfile.TemporaryDirectory() as directory, \
                unittest.mock.patch.dict(sys.modules, {"orjson": json}):
            path = pathlib.Path(directory, "rules.jsonl")
            path.write_text("".join(json.dumps(rule) + "\n" for rule in rules.patterns()))
            sys.path.insert(0, os.path.join(ROOT, "bench", "peers", "python"))
            dispatch = importlib.import_module("dispatch").Dispatch(path)
            sys.path.pop(0)
            attributes = pathlib.Path(directory, "attributes")
            chance = random.Random(7)
            events = [(chance.randrange(rules.types), chance.randrange(10), chance.randrange(100_000))
                      for _ in range(2_000)]
            attributes.write_bytes(b"".join(struct.pack("<HHII", *event, 0) for event in events))
            must = list(rules.reached(attributes))
        self.assertEqual([f"to.{number}" for number in range(5)], dispatch.topics)
        self.assertGreater(sum(map(len, must)), 1_000)
        for (kind, region, amount), destinations in zip(events, must):
            event = {"type": f"shop.type-{kind}", "region": pipeline_rules.region_names([region])[0],
                     "amount": amount / 100}
            self.assertEqual({f"to.{number}" for number in destinations}, set(dispatch.route(json.dumps(event))))

    def test_the_peers_table_and_plots_show_every_figure(self):
        run = script("peers/run")
        late = {f"{floor}{name}_ms": ms for floor in ("", "floor_")
                for name, ms in (("p50", 1.5), ("p99", 20), ("p999", 300))}
        rows = [{"pipeline": key, "label": label, "delivery": "exactly_once", "rules": rules,
                 "cpu_us_per_event": us, "broker_cpu_us_per_event": 9, "events_per_s": 1000,
                 "latency": late if rules == 100 else None}
                for key, label, us in (("turnout", "Turnout", 6), ("flink", "Other & Sons", 30))
                for rules in (100, 1000)]
        rows.append({"pipeline": "bad", "label": "Bad", "delivery": "exactly_once", "rules": 100,
                     "failed": "the answer is wrong"})
        figures = common.facts(rules=[100, 1000], destinations=5, events=10, rounds=1, rate=7, seconds=2,
                               rows=rows, absent={"Gone": "not served"},
                               pipelines={"Turnout": {"tuning": "none", "versions": {"turnout": "1"}}})
        said = run.table(figures)
        self.assertIn("| Other & Sons | exactly once | 30.0 | 5.0 | 9.0 | 1,000 | 1.5 | 20.0 | 300.0 |", said)
        self.assertIn("No figure for Bad, exactly_once: the answer is wrong", said)
        self.assertIn("Absent: Gone: not served", said)
        self.assertIn("| 8 times the same, exactly once | 5.0 times (Other & Sons) | missed |", said)
        self.assertIn("| 20 times lower p99 than Flink at a checkpoint a second | 1.0 times (Other & Sons) | missed |",
                      said)
        with tempfile.TemporaryDirectory() as directory:
            run.draw(figures, pathlib.Path(directory))
            for name, dots in (("peers_cpu.svg", 4), ("peers_latency.svg", 6)):
                drawn = xml.etree.ElementTree.parse(pathlib.Path(directory, name)).getroot()
                self.assertEqual(dots, len(drawn.findall("{http://www.w3.org/2000/svg}circle")), name)

    def test_a_logarithmic_axis_keeps_ratios(self):
        axis = plots.LogAxis([1, 100], 0, 100)
        self.assertAlmostEqual(axis.place(10) - axis.place(1), axis.place(100) - axis.place(10))
        self.assertEqual([1, 2, 5, 10, 20, 50, 100], list(axis.ticks()))

    def test_equal_seeds_write_equal_workloads(self):
        with tempfile.TemporaryDirectory() as directory:
            written = []
            for name in ("first", "second"):
                common.write_workloads(os.path.join(directory, name), ["wildcard-1000", "headers-only"], 30)
                files = sorted(pathlib.Path(directory, name).rglob("*.*"))
                written.append({file.name: file.read_bytes() for file in files})
            self.assertEqual(*written)

    def test_instructions_that_rise_by_over_5_percent_are_named_with_both_figures(self):
        instructions = script("instructions")
        kept = {"a": 1000, "b": 1000, "c": 1000}
        self.assertEqual([], instructions.risen({"a": 1050, "b": 1, "c": 1000}, kept))
        self.assertEqual(["b: 1051 instructions an event, +5.1% over the 1000 of match_instructions.json"],
                         instructions.risen({"a": 1049, "b": 1051}, kept))
        baseline = {"compiler": instructions.compiler(), "instructions_per_event": kept}
        with contextlib.redirect_stdout(io.StringIO()):  # what it counts is not this suite's
            self.assertEqual(0, instructions.check(kept, baseline))
            self.assertEqual(1, instructions.check({"b": 2000}, baseline))
            self.assertEqual(1, instructions.check({"new": 1}, baseline))


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
