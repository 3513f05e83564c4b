#!/usr/bin/python3
"""Holds deploy/SECURITY.md to the tests there are: each that it names exists, and is run.

A name in backticks in a column headed `test` is one of GoogleTest's (`Suite.Name`), a case's of
the brokers or the config manager, or a fuzz target's (`NAME_fuzz`).
"""
import os
import re
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMED_MIN = 40  # fewer: the page has lost its tables, or this test its eyes


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def named_tests(page):
    """(line number, name) of every test in the page's tables."""
    column, found = None, []
    for number, line in enumerate(page.splitlines(), 1):
        if not line.startswith("|"):
            column = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if column is None:
            column = cells.index("test") if "test" in cells else -1
        elif column >= 0 and not set(line) <= set("|- "):
            names = re.findall(r"`([^`]+)`", cells[column])
            found += [(number, name) for name in names] or [(number, "")]
    return found


def known_tests():
    known = set()
    for directory, _, files in os.walk(os.path.join(ROOT, "tests")):
        for name in files:
            path = os.path.join(directory, name)
            if name.endswith("_test.cc"):
                known |= {f"{suite}.{test}" for suite, test in re.findall(
                    r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", read(path), re.MULTILINE)}
            elif name.endswith("_cases.py"):
                text = read(path)
                listed = re.search(r"^TESTS = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
                known |= set(re.findall(r"\w+", listed.group(1))) if listed else set()
    known |= set(re.findall(r"^    \w+_cases\.(\w+),", read("tests", "manager", "run"), re.MULTILINE))
    targets = re.findall(r"^turnout_fuzz\((\w+)", read("tests", "fuzz", "CMakeLists.txt"), re.MULTILINE)
    return known | {f"{name}_fuzz" for name in targets}


def problems(page, known):
    return [f"deploy/SECURITY.md:{number}: " + (f"there is no test {name}" if name else "no test is named")
            for number, name in named_tests(page) if name not in known]


class SecurityPage(unittest.TestCase):
    def test_every_row_names_tests_that_are_there(self):
        page, known = read("deploy", "SECURITY.md"), known_tests()
        self.assertGreaterEqual(len(named_tests(page)), NAMED_MIN)
        found = problems(page, known)
        self.assertFalse(found, "\n" + "\n".join(found))

    def test_a_test_that_is_not_there_and_a_row_without_one_are_found(self):
        table = "| tries | test |\n|---|---|\n| a | `Suite.Name`, `a_case` |\n| b | nothing |\n"
        self.assertEqual(["deploy/SECURITY.md:4: no test is named"],
                         problems(table, {"Suite.Name", "a_case"}))
        self.assertEqual(2, len(problems(table, {"a_case"})))
        self.assertEqual([], problems("| who | may |\n|---|---|\n| a | b |\n", set()))


if __name__ == "__main__":
    result = unittest.main(exit=False, argv=[sys.argv[0]]).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
