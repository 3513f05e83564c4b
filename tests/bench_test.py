#!/usr/bin/python3
"""The benches at a small size: they run, check their own answers and write what they promise.

Figures of so short a run mean nothing and are not looked at; that a wrong answer ends a bench is.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))

import common  # noqa: E402  (found by the line above)

RUN_MAX_S = 900


def bench(name, *arguments):
    """What the bench wrote with --json."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "figures.json")
        done = subprocess.run([os.path.join(ROOT, "bench", name), *arguments, "--json", path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=RUN_MAX_S)
        if done.returncode != 0:
            raise AssertionError(f"bench/{name} ended with {done.returncode}:\n{done.stdout}")
        with open(path, encoding="utf-8") as file:
            return json.load(file)


class Benches(unittest.TestCase):
    def test_the_floor_compares_both_loops_in_both_deliveries(self):
        for delivery in ("exactly_once", "at_least_once"):
            figures = bench("floor", "--delivery", delivery, "--rules", "40", "--destinations", "5",
                            "--events", "5000", "--rounds", "1")
            self.assertEqual(delivery, figures["delivery"])
            self.assertGreater(figures["floor_us_per_event"], 0)
            self.assertAlmostEqual(figures["turnout_us_per_event"] / figures["floor_us_per_event"],
                                   figures["ratio"], 2)
            for key in ("rules", "destinations", "events", "rounds", "commit", "machine", "date"):
                self.assertIn(key, figures)

    def test_latency_is_measured_against_the_floor_of_the_same_run(self):
        figures = bench("latency", "--rate", "200", "--seconds", "3", "--rules", "40",
                        "--destinations", "5")
        self.assertLessEqual(figures["p50_ms"], figures["p99_ms"])
        self.assertLessEqual(figures["p99_ms"], figures["p999_ms"])
        self.assertGreater(figures["floor_p50_ms"], 0)
        self.assertEqual(200 * 6, figures["events"])

    def test_a_record_too_few_or_too_many_is_told(self):
        self.assertEqual([], common.differences([3, 4], [3, 4]))
        self.assertEqual(["destination 1: 3 records, 4 expected"], common.differences([3, 4], [3, 3]))
        self.assertEqual(["destination 0: 5 records, 3 expected"], common.differences([3, 4], [5, 4]))

    def test_rules_reach_about_as_many_destinations_as_said(self):
        # The attributes of events, as bench_preload writes them.
        import random
        import struct
        for count, destinations in ((1000, 100), (100, 10), (20, 5)):
            rules = common.Rules(count, destinations, "out.")
            chance = random.Random(1)
            with tempfile.NamedTemporaryFile() as file:
                for _ in range(20_000):
                    file.write(struct.pack("<HHI", chance.randrange(rules.types), chance.randrange(10),
                                           chance.randrange(common.AMOUNT_CENTS_MAX)))
                file.flush()
                average = sum(rules.expected(file.name)) / 20_000
            self.assertTrue(0.9 < average < 1.7, f"{count} rules: {average}")


if __name__ == "__main__":
    result = unittest.main(exit=False, argv=[sys.argv[0]]).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
