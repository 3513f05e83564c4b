"""The API's document against what was really answered, over all cases before."""
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "deploy/manager/openapi.yaml"
# Of every path: what is answered before a path is looked at.
ANYWHERE = {404, 405}
VALUES = {"{kind}": "config", "{number}": "1"}  # of a path's parameters


def read_document():
    """[(method, path as an expression, statuses)], of a document as plain as ours: the C++ test reads
    it as YAML."""
    operations, path, method = [], None, None
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("components:"):
            break
        if found := re.fullmatch(r"  (/\S*):", line):
            path = re.compile(re.sub(r"\{\w+\}", "[^/]+", found.group(1)))
        elif found := re.fullmatch(r"    (get|put|post|delete):", line):
            method = (found.group(1).upper(), path, set())
            operations.append(method)
        elif found := re.match(r'        "(\d+)":', line):
            method[2].add(int(found.group(1)))
    return operations


def read_paths():
    """[[method, path, whether it takes no token]], with something in place of its parameters."""
    paths, path = [], None
    for line in DOCUMENT.read_text().splitlines():
        if found := re.fullmatch(r"  (/\S*):", line):
            path = re.sub(r"\{\w+\}", lambda name: VALUES.get(name.group(), "a"), found.group(1))
        elif found := re.fullmatch(r"    (get|put|post|delete):", line):
            paths.append([found.group(1).upper(), path, False])
        elif line == "      security: []":
            paths[-1][2] = True
    return paths


def every_answer_is_one_that_the_document_has(manager):
    operations, seen = read_document(), set()
    assert len(operations) > 25
    for method, path, status, body, _ in manager.answers:
        plain = path.split("?")[0]
        known = [one for one in operations if one[0] == method and one[1].fullmatch(plain)]
        if not known:
            assert status in ANYWHERE, (method, path, status)
            continue
        assert status in known[0][2], (method, path, status, body[:200])
        seen.add(known[0][0] + known[0][1].pattern)
    unseen = [f"{m} {p.pattern}" for m, p, _ in operations if m + p.pattern not in seen]
    assert not unseen, unseen
