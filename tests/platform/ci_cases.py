"""The workflows of GitHub Actions: by actionlint, where Go can build it, and by what we ask beyond it."""
import importlib.machinery
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORKFLOWS = ROOT / ".github/workflows"
sys.path.append(str(HERE.parent / "support"))

import binaries  # noqa: E402
import manifests  # noqa: E402
import maven  # noqa: E402
from kube import objects_in  # noqa: E402
import yaml  # noqa: E402

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint"
ACTIONLINT_VERSION = "v1.7.7"
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")


def actionlint():
    if shutil.which("go") is None:
        raise binaries.NoGo("no Go is here, which builds actionlint")

    def fill(fresh):
        done = subprocess.run(
            ["env", f"GOBIN={fresh}", "go", "install", f"{ACTIONLINT}@{ACTIONLINT_VERSION}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"go could not install actionlint:\n{done.stderr}")
    return maven.cached(f"actionlint-{ACTIONLINT_VERSION}", fill) / "actionlint"


def complaints(program, file):
    done = subprocess.run([program, "-no-color", "-shellcheck", shutil.which("shellcheck"), file],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def problems_of(name, text):
    """What actionlint does not mind: see the messages."""
    workflow = yaml.safe_load(text)
    if "permissions" not in workflow:
        yield f"{name}: what its token may do is left to the repository's settings"
    for job_name, job in workflow["jobs"].items():
        place = f"{name}, {job_name}"
        if "timeout-minutes" not in job:
            yield f"{place}: no timeout-minutes"
        may_write = {scope for scope, right in (job.get("permissions") or {}).items()
                     if right == "write"}
        if may_write - {"id-token"}:
            yield f"{place}: may write {may_write}"
        for step in job["steps"]:
            uses = step.get("uses", "")
            if uses and not PINNED.match(uses):
                yield f"{place}: {uses} is not pinned to a commit"
            if "actions/checkout" in uses and step.get("with", {}).get("persist-credentials") is not False:
                yield f"{place}: the checkout keeps its token"
            if "secrets." in str(step):
                yield f"{place}: a secret, where a token of the run would do"
            if "${{" in step.get("run", ""):
                yield f"{place}: a script is put together from {step['run']!r}"


def the_workflows_are_valid(bench):
    program = actionlint()
    files = sorted(WORKFLOWS.glob("*.yml"))
    assert len(files) >= 2
    for file in files:
        said = complaints(program, file)
        assert not said, said
    wrong = bench.directory / "wrong.yml"  # it would have noticed
    wrong.write_text(files[0].read_text().replace("needs: build", "needs: bild"))
    assert "bild" in complaints(program, wrong)


def the_workflows_pin_what_they_use_and_hold_no_secret(bench):
    for file in sorted(WORKFLOWS.glob("*.yml")):
        found = list(problems_of(file.name, file.read_text()))
        assert not found, "\n".join(found)
    image = (WORKFLOWS / "image.yml").read_text()
    for right, wrong in ((re.search(r"checkout@\w{40}", image)[0], "checkout@v4"),
                         ("persist-credentials: false", "fetch-depth: 1"),
                         ("    timeout-minutes: 60\n", ""), ("permissions: {}\n", ""),
                         ('test "$NAME" = "v$TAG"', 'test "${{ github.ref_name }}" = "v$TAG"'),
                         ("id-token: write", "contents: write")):
        assert right in image and list(problems_of("x", image.replace(right, wrong, 1))), wrong


def an_image_is_published_only_once_it_is_scanned_and_as_the_digest_that_was_built(bench):
    jobs = yaml.safe_load((WORKFLOWS / "image.yml").read_text())["jobs"]
    publish = jobs["publish"]
    assert set(publish["needs"]) == {"build", "debian", "scan"}, publish["needs"]
    assert set(jobs["scan"]["needs"]) == {"build", "debian"} and jobs["debian"]["needs"] == "build"
    assert "refs/tags/v" in publish["if"]
    scanned = [step["with"] for step in jobs["scan"]["steps"][1:]]
    for how in scanned:
        assert how["exit-code"] == "1" and how["version"].startswith("v"), how
    assert {"image/oci", "debian/oci"} <= {how.get("input") for how in scanned}, scanned
    scripts = "\n".join(step.get("run", "") for step in publish["steps"])
    for of, tag, digest in (("image", "TAG", "DIGEST"), ("debian", "DEBIAN_TAG", "DEBIAN_DIGEST")):
        place = f"$REGISTRY/turnout:${tag}"
        assert f'skopeo copy --preserve-digests "oci:{of}/oci:${tag}" "docker://{place}"' in scripts, of
        assert f'"docker://{place}")" = "${digest}"' in scripts, of
        for verb in ("sign", "attest"):
            line = next(line for line in scripts.splitlines() if f"cosign {verb}" in line and f"@${digest}" in line)
            assert "--key" not in line and (verb == "sign" or f" {of}/turnout.spdx.json" in line), line
    # Its commands are those that the build knows.
    known = {name: subprocess.run([ROOT / "deploy/image" / name, "--help"], capture_output=True, text=True).stdout
             for name in ("build", "build-debian")}
    for step in jobs["build"]["steps"] + jobs["debian"]["steps"]:
        for name, options in re.findall(r"deploy/image/(build\S*) (.*)", step.get("run", "")):
            for word in re.findall(r"--[a-z-]+", options.split("|")[0]):
                assert word in known[name], word


def where_everything_has_to_run_a_skipped_test_is_a_failure(bench):
    loader = importlib.machinery.SourceFileLoader("platform_run", str(HERE / "run"))
    runner = importlib.util.module_from_spec(importlib.util.spec_from_loader("platform_run", loader))
    loader.exec_module(runner)
    for verdicts, everything, code in (({"a": True}, True, 0), ({"a": True, "b": None}, False, 0),
                                       ({"a": True, "b": None}, True, 1), ({"a": False}, False, 1)):
        assert runner.ending(verdicts, everything)[1] == code, (verdicts, everything)
    assert runner.ending({"a": True, "b": None, "c": False}, False)[0] == "1 passed, 1 failed, 1 skipped"
    # Nothing may be skipped. There has to be a Go that builds Kubernetes, and what it built is kept.
    job = yaml.safe_load((WORKFLOWS / "test.yml").read_text())["jobs"]["all"]
    steps = {step.get("uses", "").split("@")[0]: step for step in job["steps"]}
    go = tuple(map(int, steps["actions/setup-go"]["with"]["go-version"].split(".")))
    assert go >= binaries.GO_MIN, go
    kept = steps["actions/cache"]["with"]
    assert kept["path"] == job["env"]["TURNOUT_CACHE"], kept
    assert "tests/platform/go/**" in kept["key"], kept


def the_chart_that_is_pushed_is_whole_and_is_the_one_that_flux_takes(bench):
    jobs = yaml.safe_load((WORKFLOWS / "image.yml").read_text())["jobs"]
    scripts = {name: "\n".join(step.get("run", "") for step in jobs[name]["steps"]) for name in ("build", "publish")}
    helm = binaries.clients() / "helm"
    place = bench.directory / "run"
    (place / "build/image").mkdir(parents=True)
    (place / "deploy").symlink_to(ROOT / "deploy")
    copied = next(line for line in scripts["build"].splitlines() if line.startswith("cp -rL"))
    packed = next(line for line in scripts["publish"].splitlines() if line.startswith("helm package"))
    version = yaml.safe_load((manifests.CHART / "Chart.yaml").read_text())["version"]
    binaries.run("bash", "-euc", copied, cwd=place)
    (place / "image").symlink_to(place / "build/image")  # as the artifact lies in the other job
    binaries.run("env", f"TAG={version}", f"PATH={helm.parent}:/usr/bin:/bin", "bash", "-euc", packed, cwd=place)
    (archive,) = place.glob("*.tgz")
    assert archive.name == f"turnout-{version}.tgz" and f"turnout-{version}.tgz".replace(
        version, "$TAG") in scripts["publish"], archive
    objects = objects_in(binaries.run(helm, "template", "turnout", archive, "-n", manifests.NAMESPACE,
                                      "--include-crds"))
    assert manifests.by_key(objects) == manifests.by_key(manifests.helm())
    assert {"EventRouter", "EventRoute"} <= {one["spec"]["names"]["kind"] for one in objects
                                             if one["kind"] == "CustomResourceDefinition"}
    # Pushed to where Flux looks, which the role may write to and the page makes.
    assert '"oci://$REGISTRY/charts"' in scripts["publish"]
    source = next(one for one in objects_in((ROOT / "deploy/flux/helm.yaml").read_text())
                  if one["kind"] == "OCIRepository")
    assert source["spec"]["url"].endswith(".amazonaws.com/charts/turnout"), source
    assert ":repository/charts/turnout" in (ROOT / "deploy/eks/iam/publish.json").read_text()
    assert "--repository-name charts/turnout" in (ROOT / "deploy/eks/README.md").read_text()


TESTS = [the_workflows_are_valid,
         the_chart_that_is_pushed_is_whole_and_is_the_one_that_flux_takes,
         where_everything_has_to_run_a_skipped_test_is_a_failure,
         the_workflows_pin_what_they_use_and_hold_no_secret,
         an_image_is_published_only_once_it_is_scanned_and_as_the_digest_that_was_built]
