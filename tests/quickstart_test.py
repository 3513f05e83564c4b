#!/usr/bin/python3
"""deploy/quickstart as a newcomer runs it: builds, routes, shows, ends; and with --stay, stays."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
QUICKSTART = os.path.join(ROOT, "deploy", "quickstart")
FIRST_RUN_MAX_S = 600  # builds
LATER_RUN_MAX_S = 25  # 8 where nothing else runs, most of it the demo's own pace


def run(*arguments, cwd="/", timeout=FIRST_RUN_MAX_S):
    return subprocess.run([QUICKSTART, *arguments], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)


class Quickstart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.first = run()
        begun = time.monotonic()
        cls.later = run()
        cls.later_s = time.monotonic() - begun

    def test_ends_with_status_0(self):
        self.assertEqual(0, self.first.returncode, self.first.stdout + self.first.stderr)
        self.assertEqual(0, self.later.returncode, self.later.stdout + self.later.stderr)

    def test_a_later_run_is_quick(self):
        self.assertLess(self.later_s, LATER_RUN_MAX_S)

    def test_shows_every_team_and_the_dead_letters(self):
        for part in ("fraud.card-testing", "fulfillment.low-stock", "growth.first-orders",
                     "growth.win-back.", "fulfillment.carrier.", "shop.events.dead-letter"):
            self.assertRegex(self.later.stdout, rf"\n  {re.escape(part)}\S*\s+[1-9][\d,]*  ")

    def test_shows_what_the_rules_promise_in_the_samples(self):
        rows = re.findall(r"\n  fraud\.card-testing .*\n\s+\S+  (\{.*)", self.later.stdout)
        self.assertEqual(1, len(rows), self.later.stdout)
        self.assertIn('"type":"payment.declined"', rows[0])

    def test_tells_rate_latency_and_where_to_look(self):
        self.assertRegex(self.later.stdout, r"[\d,]+ events a second")
        self.assertRegex(self.later.stdout, r"latency p50 \d+ ms, p99 \d+ ms")
        self.assertRegex(self.later.stdout, r"http://127\.0\.0\.1:\d+/metrics")
        self.assertIn("kcat -P", self.later.stdout)

    def test_is_plain_where_there_is_no_terminal(self):
        self.assertNotIn("\033", self.later.stdout)
        self.assertTrue(self.later.stdout.isascii())

    def test_takes_rules_of_ones_own_from_where_it_is_called(self):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "mine.yaml"), "w", encoding="ascii") as file:
                file.write("team: mine\ndestinations: [mine.*]\nrules:\n"
                           "  - {name: orders, match: {type: [order.created]}, to: mine.orders}\n")
            for arguments in (("--rules", "mine.yaml"), ("--rules=mine.yaml",)):
                shown = run(*arguments, "--events", "200", cwd=directory)
                self.assertEqual(0, shown.returncode, shown.stdout + shown.stderr)
                self.assertRegex(shown.stdout, r"\n  mine\.orders\s+[1-9]")
                self.assertNotIn("fraud.", shown.stdout.split("\nAn event of your own")[0])

    def test_refuses_what_it_does_not_know(self):
        self.assertEqual(2, run("--evnts", "10").returncode)
        self.assertEqual(2, run("--events", "0").returncode)


class QuickstartThatStays(unittest.TestCase):
    def test_answers_until_it_is_ended_and_then_ends_with_0(self):
        process = subprocess.Popen([QUICKSTART, "--stay", "--events", "500"], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        try:
            page = ""
            for line in process.stdout:
                page += line
                if "until Ctrl-C" in line:
                    break
            address = re.search(r"http://(\S+)/metrics", page).group(1)
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
                self.assertIn("turnout_events_consumed_total 500", answer.read().decode())
            with urllib.request.urlopen(f"http://{address}/v1/status", timeout=5) as answer:
                json.load(answer)
            with urllib.request.urlopen(f"http://{address}/readyz", timeout=5) as answer:
                self.assertEqual(200, answer.status)
            process.send_signal(signal.SIGINT)
            self.assertEqual(0, process.wait(6))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


if __name__ == "__main__":
    result = unittest.main(exit=False, argv=[sys.argv[0]]).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
