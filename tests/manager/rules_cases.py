"""`turnout rules`: a team's engineer on the command line."""
import subprocess
from pathlib import Path

from api_cases import rules

FRAUD = rules("fraud", ("declined", "payment.declined", "declined"))
MORE = FRAUD + "  - {name: small, match: {amount: [1]}, to: fraud.small}\n"


class _CommandLine:
    def __init__(self, manager, binary, directory, caller, service):
        self._binary, self._directory = binary, directory
        self._given = ["--manager", f"http://127.0.0.1:{manager.port}", "--service", service,
                       "--token-file", str(manager.token_file(caller))]

    def file(self, name, text):
        path = self._directory / name
        path.write_text(text)
        return str(path)

    def run(self, *words, status=0, stdin=""):
        """What it printed on standard output and standard error."""
        done = subprocess.run([self._binary, "rules", *words, *self._given], input=stdin, text=True,
                              capture_output=True, timeout=30)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr


def is_all_a_team_needs_on_a_command_line(manager, binary, directory):
    admin = manager.bearer("cli", ("*", "*", "admin"))
    here = Path(directory, "rules-command")
    here.mkdir()
    line = _CommandLine(manager, binary, here, admin, "cli")

    said, _ = line.run("put", "fraud", line.file("fraud.yaml", FRAUD), "--why", "begin")
    assert "added     fraud/declined" in said and "done: change " in said, said
    first = int(said.split()[-1])
    assert "it is so already" in line.run("put", "fraud", "-", stdin=FRAUD)[0]
    assert line.run("get", "fraud") == (FRAUD, "")
    assert line.run("ls")[0].split() == [str(first), "fraud"]

    more = line.file("more.yaml", MORE)
    assert line.run("diff", "fraud", more)[0].splitlines()[-1] == "+" + MORE.splitlines()[-1]
    said, _ = line.run("put", "fraud", more, "--dry-run")
    assert "added     fraud/small" in said and "dry run" in said, said
    assert line.run("get", "fraud")[0] == FRAUD
    said, _ = line.run("put", "fraud", more, "--version", str(first))
    second = int(said.split()[-1])
    late = line.file("late.yaml", FRAUD.replace("declined", "refused"))
    said, wrong = line.run("put", "fraud", late, "--version", str(first), status=1)
    assert f"cli/rules/fraud is of version {second} now" in said and "nothing is changed" in wrong
    assert line.run("diff", "fraud", "--from", str(first), "--to", str(second))[0].splitlines()[
        -1] == "+" + MORE.splitlines()[-1]

    bad = line.file("bad.yaml", FRAUD.replace("match", "macht"))
    said, wrong = line.run("put", "fraud", bad, status=2)
    assert "cli/rules/fraud:4:" in said and "macht" in said, said
    assert "nothing is changed" in wrong, wrong

    found, _ = line.run("search", "fraud\\.(small|other)", "--regex", "--in", "destinations")
    assert "cli/rules/fraud:5: " in found and "fraud.small" in found, found
    replacing = ["replace", "fraud\\.small", "fraud.tiny", "--regex", "--in", "destinations"]
    said, asked = line.run(*replacing)
    assert "-  - {name: small" in said and "+  - {name: small" in said, said
    assert "1 items would be changed; --yes does it" in asked, asked
    assert line.run("get", "fraud")[0] == MORE
    said, _ = line.run(*replacing, "--yes", "--why", "smaller")
    third = int(said.split()[-1])
    assert line.run("get", "fraud")[0] == MORE.replace("fraud.small", "fraud.tiny")
    assert "--yes" in line.run("rollback", str(third))[1]
    line.run("rollback", str(third), "--yes")
    assert line.run("get", "fraud")[0] == MORE
    line.run("rollback", "fraud", "--to", str(first), "--yes")
    assert line.run("get", "fraud")[0] == FRAUD
    assert line.run("get", "fraud", "--version", str(second))[0] == MORE

    line.run("put", "secret/db", "-", "--bound-to", "svc-a", "--bound-to", "svc-b", stdin="first\n")
    line.run("put", "secret/db", "-", stdin="second\n")  # bound as it was
    kept = admin.get("/v1/services/cli/items/secret/db").json
    assert kept["bound_to"] == ["svc-a", "svc-b"], kept
    account = manager.bearer("svc-a", ("cli", "*", "viewer"), kind="router")
    released = account.call("POST", "/v1/services/cli/secrets/db/release", {})
    assert released.json["text"] == "second", released.body  # without what `echo` ends a line with
    refused = manager.bearer("svc-c", ("cli", "*", "viewer"), kind="router")
    assert refused.call("POST", "/v1/services/cli/secrets/db/release", {}).status == 403
    asked = admin.get("/v1/audit?service=cli&item=cli/secret/db&outcome=refused").json["entries"]
    assert [one["by"] for one in asked] == ["svc-c"], asked
    line.run("put", "config/limit", "-", "--type", "number", stdin="3\n")
    assert admin.get("/v1/services/cli/items/config/limit").json["text"] == "3"
    said, _ = line.run("replace", "^limit$", "bound", "--regex", "--in", "names", "--kind", "pipeline")
    assert "limit" not in said, said
    line.run("put", "config/limit", "-", stdin="4")  # of the type that it has
    assert "is no number" in line.run("put", "config/limit", "-", stdin="x", status=2)[1]


def brings_a_tree_of_files_out_and_in(manager, binary, directory):
    admin = manager.bearer("git", ("*", "*", "admin"))
    here = Path(directory, "rules-tree")
    here.mkdir()
    line = _CommandLine(manager, binary, here, admin, "tree")
    line.run("put", "fraud", "-", stdin=FRAUD)
    line.run("put", "growth", "-", stdin=rules("growth", ("all", "a", "all")))
    line.run("put", "config/limit", "-", "--type", "number", stdin="3")
    assert admin.put("/v1/services/tree/items/secret/password", "planted no more",
                     bound_to=["router"]).status == 201
    tree = here / "tree"
    assert "4 files" in line.run("export", str(tree))[0]
    files = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert files == {"tree/rules/fraud.yaml", "tree/rules/growth.yaml", "tree/config/limit.yaml",
                     "tree/secrets/password.yaml"}, files
    assert (tree / "tree/rules/fraud.yaml").read_text() == FRAUD
    assert "it is so already" in line.run("import", str(tree))[0]

    (tree / "tree/rules/fraud.yaml").write_text(MORE)
    (tree / "tree/config/limit.yaml").write_text("type: number\nvalue: 4\n")
    (tree / "tree/rules/growth.yaml").unlink()
    said, asked = line.run("import", str(tree))
    assert "added     fraud/small" in said and "2 items would be changed" in asked, (said, asked)
    assert line.run("get", "fraud")[0] == FRAUD
    line.run("import", str(tree), "--yes", "--why", "from Git")
    assert line.run("get", "fraud")[0] == MORE and line.run("get", "config/limit")[0] == "4"
    said, _ = line.run("import", str(tree), "--delete-missing", "--yes")
    assert "removed   growth/all" in said, said
    assert "growth" not in line.run("ls")[0]
    (tree / "tree/rules/fraud.yaml").write_text(FRAUD.replace("match", "macht"))
    said, _ = line.run("import", str(tree), "--yes", status=2)
    assert "tree/rules/fraud:4:" in said, said
    (here / "empty").mkdir()
    assert "no directory tree" in line.run("import", str(here / "empty"), status=2)[1]


def says_what_to_mend(manager, binary, directory):
    viewer = manager.bearer("cli-viewer", ("cli", "*", "viewer"))
    here = Path(directory, "rules-command-refused")
    here.mkdir()
    line = _CommandLine(manager, binary, here, viewer, "cli")
    file = line.file("fraud.yaml", FRAUD)
    cases = [
        (["put", "fraud", file], "cli-viewer may not"),
        (["put", "fraud", str(here / "nothing.yaml")], "there is no file"),
        (["put", "fraud"], "give a NAME and a FILE"),
        (["get", "nobody"], "there is no cli/rules/nobody"),
        (["get", "no/such"], "the kind `no` is none"),
        (["search", "(", "--regex"], "missing )"),
        (["rollback", "fraud"], "--to VERSION"),
        (["rollback", "99999"], "may not do this"),
    ]
    for words, wanted in cases:
        said, wrong = line.run(*words, status=2)
        assert wanted in wrong, (words, said, wrong)
    token = str(manager.token_file(viewer))
    for address, file, wanted in [
            ("127.0.0.1:1", token, "write https://HOST:PORT"),
            ("http://config.example.com", token, "would read the token"),
            (f"http://127.0.0.1:{manager.port}", str(here / "nothing"), "nothing")]:
        done = subprocess.run(
            [binary, "rules", "ls", "--service", "cli", "--token-file", file, "--manager", address],
            capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and wanted in done.stderr, (address, done.stderr)
    nobody = subprocess.run([binary, "rules", "ls", "--service", "cli", "--manager",
                             "http://127.0.0.1:1"], capture_output=True, text=True, timeout=30)
    assert nobody.returncode == 1 and "127.0.0.1" in nobody.stderr, nobody.stderr
