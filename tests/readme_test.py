#!/usr/bin/python3
"""The release as README presents it: files are written, commands run, answers compared.

What README.md's blocks are is in support/readme.py; those that ask for a Kafka are run by
broker/readme_cases.py. Links must lead somewhere.
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import readme  # noqa: E402

BINARIES = os.path.join(ROOT, "build", "release")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


class Readme(unittest.TestCase):
    def test_its_example_prints_what_it_says(self):
        commands = 0
        with tempfile.TemporaryDirectory() as directory:
            for info, content in readme.blocks():
                if name := readme.file_of(info):
                    readme.write(directory, name, content)
                elif info == "console":
                    commands += self.replay(content, directory)
        self.assertGreaterEqual(commands, 3)

    def replay(self, session, directory):
        turns = readme.turns(session)
        for command, expected in turns:
            done = subprocess.run(command, shell=True, cwd=directory, text=True,
                                  env={**os.environ, "PATH": f"{BINARIES}:{os.environ['PATH']}"},
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual(expected, done.stdout, f"`{command}` in README.md")
        return len(turns)

    def test_its_pipeline_is_a_valid_config(self):
        text = {readme.file_of(info): content for info, content in readme.blocks()}["pipeline.yaml"]
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "pipeline.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run([os.path.join(BINARIES, "turnout"), "run", "--config", path,
                                   "--print-config"], capture_output=True, text=True)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            self.assertIn("shop.events", done.stdout)

    def test_every_command_that_help_lists_has_a_page(self):
        turnout = os.path.join(BINARIES, "turnout")
        listed = subprocess.run([turnout, "--help"], capture_output=True, text=True).stdout
        for name in ("run", "validate", "test", "match", "demo", "version", "completion"):
            self.assertRegex(listed, rf"\n +{name} ")
            page = subprocess.run([turnout, name, "--help"], capture_output=True, text=True)
            self.assertEqual(0, page.returncode)
            self.assertRegex(page.stdout, rf"turnout {name}")

    def test_links_of_every_readme_lead_somewhere(self):
        listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT,
                                 check=True, capture_output=True, text=True).stdout.split()
        for page in listing:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page)):
                full = os.path.join(ROOT, os.path.dirname(page), target)
                self.assertTrue(os.path.exists(full), f"{page}: {target}")


if __name__ == "__main__":
    result = unittest.main(exit=False, argv=[sys.argv[0]]).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
