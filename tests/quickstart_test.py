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
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import readme  # noqa: E402

QUICKSTART = os.path.join(ROOT, "deploy", "quickstart")
FIRST_RUN_MAX_S = 600  # builds
LATER_RUN_MAX_S = 25  # 8 where nothing else runs, most of it the demo's own pace
ENDS_WITHIN_S = 30  # one or two where nothing else runs


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


def running_with(word):
    """The processes here whose command line has it."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                if entry.isdigit() and word.encode() in file.read():
                    found.append(entry)
        except OSError:
            continue
    return found


class QuickstartThatStays(unittest.TestCase):
    def page_of(self, process):
        page = ""
        for line in process.stdout:
            page += line
            if "until Ctrl-C" in line:
                break
        return page

    def ask(self, url, token, method="GET", body=None):
        request = urllib.request.Request(
            url, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait_for_ack(self, service, token):
        """What the router has taken, once that is the newest."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            routers = self.ask(f"{service}/routers", token)["routers"]
            if routers and routers[0]["state"] == "ack" and routers[0]["is_newest"]:
                return routers[0]
            time.sleep(0.02)
        self.fail(f"the router did not take it: {routers}")

    def test_takes_its_rules_from_a_manager_as_the_tour_in_readme_changes_them(self):
        process = subprocess.Popen([QUICKSTART, "--stay", "--events", "500"], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        try:
            page = self.page_of(process)
            url, token = re.search(r"the config manager answers at (\S+)/\n +sign in there with (\S+)",
                                   page).groups()
            service = f"{url}/v1/services/shop"
            self.assertEqual(3, len(self.wait_for_ack(service, token)["report"]["teams"]))
            with tempfile.TemporaryDirectory() as directory:
                tour, = (content for info, content in readme.blocks() if info == "console tour")
                for command, expected in readme.turns(tour):
                    done = subprocess.run(
                        ["bash", "-c", f". {ROOT}/build/quickstart/env; {command}"], cwd=directory,
                        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                    self.assertEqual(expected, done.stdout, f"`{command}` in README.md")
            begun = time.monotonic()
            item = f"{service}/items/rules/growth"
            text = self.ask(item, token)["text"].replace("growth.first-orders", "growth.welcome")
            self.ask(item, token, "PUT", {"text": text, "why": "another name"})
            self.wait_for_ack(service, token)
            self.assertLess(time.monotonic() - begun, 1)
            process.send_signal(signal.SIGINT)
            self.assertEqual(0, process.wait(ENDS_WITHIN_S))
            self.assertEqual([], running_with(f"{ROOT}/build/quickstart/"))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_answers_until_it_is_ended_and_then_ends_with_0(self):
        process = subprocess.Popen([QUICKSTART, "--stay", "--events", "500"], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        try:
            page = self.page_of(process)
            address = re.search(r"http://(\S+)/metrics", page).group(1)
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
                self.assertIn("turnout_events_consumed_total 500", answer.read().decode())
            with urllib.request.urlopen(f"http://{address}/v1/status", timeout=5) as answer:
                json.load(answer)
            with urllib.request.urlopen(f"http://{address}/readyz", timeout=5) as answer:
                self.assertEqual(200, answer.status)
            process.send_signal(signal.SIGINT)
            self.assertEqual(0, process.wait(ENDS_WITHIN_S))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


if __name__ == "__main__":
    result = unittest.main(exit=False, argv=[sys.argv[0]]).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
