"""deploy/kubernetes, deploy/chart and deploy/flux before a real API server, which knows the CRDs of
everybody whose objects they have."""
import base64
import copy
import re
import shutil
import ssl
import urllib.request

import yaml

import binaries
from kube import Refused, objects_in, refusal, wait_for
from manifests import (CHART, NAMESPACE, ROOT, TREE, by_key, helm, key, kustomize, pod_of,
                       with_component)
from processes import free_port

TREES = ("base", "policies", "examples", "overlays/dev", "overlays/production")
COMPONENTS = ("s3", "msk-iam", "keda", "ingress", "onboarding", "git", "schema-registry", "monitoring")
# Files for tools of their own, which no API server takes.
NOT_SERVED = ("kustomize.config.k8s.io", "eksctl.io")
CHART_VALUES = {
    "all of it": ["--set", "namespace.create=true", "--set", "monitoring.enabled=true"],
    "by digest, from a private registry": [
        "--set", "image.digest=sha256:" + "0" * 64, "--set", "image.pullSecrets={one,two}"],
    "two managers": ["--set", "manager.replicas=2", "--set", "manager.config.shared=s3://b/manager",
                     "--set", "manager.pipeline.checkpoints.s3.region=eu-west-1",
                     "--set", "manager.roleArn=arn:aws:iam::123456789012:role/manager",
                     "--set", "manager.storage.className=gp3"],
    "that onboards": ["--set", "onboarding.enabled=true", "--set-json",
                      'manager.files={"orders.yaml":{"brokers":"kafka:9092"}}', "--set-json",
                      'manager.config.services={"orders":{"pipeline":"/etc/turnout/orders.yaml"}}'],
    "with git": ["--set", "git.enabled=true", "--set", "git.port=2222", "--set", "git.cidrs={192.0.2.0/24}"],
    "with git, by digest": ["--set", "git.enabled=true", "--set", "image.digest=sha256:" + "0" * 64,
                            "--set", "manager.image.digest=sha256:" + "1" * 64],
    "with a schema registry": ["--set", "schemaRegistry.enabled=true", "--set", "schemaRegistry.port=8080",
                               "--set", "schemaRegistry.cidrs={192.0.2.0/24}"],
    "from outside": ["--set", "ingress.enabled=true", "--set", "ingress.host=turnout.example.com",
                     "--set", "ingress.tlsSecret=turnout-tls"],
    "on nodes of its own": ["--set", "controller.nodeSelector.pool=platform", "--set-json",
                            'controller.tolerations=[{"key":"platform","operator":"Exists"}]'],
    "the controller alone": ["--set", "manager.enabled=false", "--set", "policies.enabled=false",
                             "--set", "roles.enabled=false", "--set", "networkPolicies.enabled=false"],
}
CHART_REFUSALS = {
    "a name that it doesn't know": (["--set", "controler.replicas=2"], "controler"),
    "a number that is none": (["--set-string", "controller.replicas=two"], "replicas"),
    "a second manager without a shared place": (["--set", "manager.replicas=2"], "shared"),
    "an ingress without a host": (["--set", "ingress.enabled=true"], "host"),
    "what the chart itself says": (["--set", "manager.config.listen=0.0.0.0:1"], "listen"),
    "git by the digest of an image without it": (
        ["--set", "git.enabled=true", "--set", "image.digest=sha256:" + "0" * 64], "/manager/image/digest"),
    "rights to onboard that no policy holds": (
        ["--set", "onboarding.enabled=true", "--set", "policies.enabled=false"], "/policies/enabled"),
    "an address that is none": (["--set", "git.cidrs={git.example.com}"], "cidrs"),
    "a registry's port that is none": (["--set", "schemaRegistry.port=0"], "/schemaRegistry/port"),
    "a role that is none": (["--set", "manager.roleArn=manager"], "roleArn"),
}


# Of each component what it makes (nothing behind the kind) and where it changes what was there.
CHANGED = {
    "s3": {("ConfigMap", "data.manager.yaml"), ("ConfigMap", "data.pipeline.yaml"),
           ("StatefulSet", "spec.replicas"), ("ServiceAccount", "metadata.annotations"),
           ("EventRouter", "spec.checkpoints.every")},
    "msk-iam": {("EventRouter", "spec.source.brokers"), ("EventRouter", "spec.kafka"),
                ("EventRouter", "spec.network")},
    "keda": {("EventRouter", "spec.autoscaling"), ("EventRouter", "spec.replicas")},
    "ingress": {("Ingress", ""), ("NetworkPolicy", ""), ("EventRouter", "spec.ingress")},
    "onboarding": {("ClusterRole", ""), ("ClusterRoleBinding", "")},
    "git": {("NetworkPolicy", ""), ("StatefulSet", "spec.template.spec.containers"),
            ("StatefulSet", "spec.template.spec.volumes")},
    "schema-registry": {("NetworkPolicy", "")},
    "monitoring": {("PodMonitor", ""), ("PrometheusRule", "")},
}


def different(before, after, place=""):
    """Where the two differ: members of objects by their names, anything else as a whole."""
    if before == after:
        return set()
    if not isinstance(before, dict) or not isinstance(after, dict):
        return {place}
    return {found for name in before.keys() | after.keys() for found in
            different(before.get(name), after.get(name), f"{place}.{name}".lstrip("."))}


def dry_run(kube, objects):
    """Namespaces are made; all else is only tried, and pods of workloads too."""
    refused = []
    for item in sorted(objects, key=lambda one: one["kind"] != "Namespace"):
        try:
            kube.apply(item, dry_run=item["kind"] != "Namespace")
            pod = pod_of(item)
            if pod:
                # Its account may be one of these, which are only tried.
                pod["spec"] = {**pod["spec"], "serviceAccountName": "default"}
                wait_for(lambda: kube.find("v1", "ServiceAccount", "default",
                                           item["metadata"]["namespace"]), "its default account")
                kube.create(pod, dry_run=True)
        except Refused as problem:
            refused.append(f"{key(item)}: {problem}")
    assert not refused, "\n".join(refused)


def every_manifest_passes_a_strict_dry_run(bench):
    for tree in TREES:
        objects = kustomize(TREE / tree)
        assert objects, tree
        dry_run(bench.kube, objects)


def the_first_commands_of_the_page_fill_an_empty_cluster(bench):
    empty = bench.cluster.beside("empty")
    bench.closes(empty.process("kube-apiserver"))
    page = (TREE / "README.md").read_text()
    lines = [line.split("#")[0].split() for line in page.splitlines() if line.startswith("    kubectl ")]
    first = lines[:[line[-1] for line in lines].index("deploy/kubernetes/overlays/dev") + 1]
    assert len(first) == 3 and all(line[0] == "kubectl" for line in first), first
    for _ in range(2):  # the second time they change nothing
        for line in first:
            empty.run_kubectl(*[str(ROOT / word) if word.startswith("deploy/") else word for word in line[1:]])
        found = {one["metadata"]["name"]: one["metadata"]["generation"] for kind in ("EventRouter", "EventRoute")
                 for one in empty.kube.list("turnout.dev/v1alpha1", kind)}
        assert found == {"shop": 1, "fraud": 1}, found
    for item in kustomize(TREE / "overlays/dev"):
        assert empty.kube.get(item["apiVersion"], item["kind"], item["metadata"]["name"],
                              item["metadata"].get("namespace")), key(item)


def selects(selector, labels):
    """Whether a label selector of Kubernetes takes these."""
    def holds(rule):
        value = labels.get(rule["key"])
        return {"In": value in rule.get("values", ()), "Exists": value is not None}[rule["operator"]]
    return (selector.get("matchLabels", {}).items() <= labels.items() and
            all(holds(rule) for rule in selector.get("matchExpressions", ())))


def lets_in(policy, namespace, pod):
    """Whether that NetworkPolicy lets a pod with these labels, in a namespace with those, in: of its peers one
    takes both. Without a CNI nothing else says."""
    own = {"kubernetes.io/metadata.name": policy["metadata"]["namespace"]}
    return any(selects(peer.get("namespaceSelector", {"matchLabels": own}), namespace) and
               selects(peer.get("podSelector", {}), pod)
               for rule in policy["spec"]["ingress"] for peer in rule["from"])


def only_a_services_routers_reach_the_manager_whatever_a_pod_is_labelled(bench):
    router = {"app.kubernetes.io/managed-by": "turnout-controller", "app.kubernetes.io/name": "turnout"}
    replay = {**router, "app.kubernetes.io/name": "turnout-replay"}
    service = {"kubernetes.io/metadata.name": "turnout-shop", "turnout.dev/service": "shop"}
    team = {"kubernetes.io/metadata.name": "team-fraud", "turnout.dev/team": "fraud"}
    for objects in (kustomize(TREE / "base"), helm()):
        policy = by_key(objects)["networking.k8s.io/v1", "NetworkPolicy", NAMESPACE, "turnout-manager"]
        for namespace, pod, may in ((service, router, True), (service, replay, True), (team, router, False),
                                    (team, replay, False), ({}, router, False), (service, {}, False),
                                    ({"kubernetes.io/metadata.name": "monitoring"}, {}, True),
                                    ({"kubernetes.io/metadata.name": NAMESPACE}, router, False)):
            assert lets_in(policy, namespace, pod) == may, (namespace, pod)


def what_helm_installs_by_the_page_is_in_a_namespace_of_the_restricted_profile(bench):
    """By the page's own commands, and by those that Helm shows at its end."""
    empty = bench.cluster.beside("helms")
    bench.closes(empty.process("kube-apiserver"))
    lines = [line.strip() for line in (TREE / "README.md").read_text().splitlines()]
    (install,) = [line for line in lines if line.startswith("helm install ")]
    (label,) = [line for line in lines if line.startswith("kubectl label ")]
    words = install.split("#")[0].replace("deploy/", f"{ROOT}/deploy/").split()
    said = binaries.run(empty.helm, *words[1:], "--kubeconfig", empty.kubeconfig)
    wanted = {"pod-security.kubernetes.io/enforce": "restricted"}
    assert not wanted.items() & empty.kube.get("v1", "Namespace", NAMESPACE)["metadata"]["labels"].items()
    (shown,) = [line.strip() for line in said.splitlines() if line.strip().startswith("kubectl label ")]
    for command in (label, shown):
        empty.run_kubectl(*command.split("#")[0].split()[1:])
        labels = empty.kube.get("v1", "Namespace", NAMESPACE)["metadata"]["labels"]
        assert wanted.items() <= labels.items(), labels
        empty.kube.patch("v1", "Namespace", NAMESPACE, {"metadata": {"labels": dict.fromkeys(wanted)}})
    # Flux is given the namespace itself.
    objects = objects_in((ROOT / "deploy/flux/helm.yaml").read_text())
    (release,) = [one for one in objects if one["kind"] == "HelmRelease"]
    (space,) = [one for one in objects if one["kind"] == "Namespace"]
    assert space["metadata"]["name"] == release["spec"]["targetNamespace"], space
    assert wanted.items() <= space["metadata"]["labels"].items() and "createNamespace" not in release["spec"]["install"]


def every_component_changes_what_it_is_for_and_nothing_else(bench):
    """Each by itself, over base and examples."""
    plain = by_key(kustomize(TREE / "base") + kustomize(TREE / "examples"))
    for name in COMPONENTS:
        objects = with_component(name, "base", "examples")
        dry_run(bench.kube, objects)
        changed = {(item["kind"], place) for item in objects
                   for place in different(plain.get(key(item)), item)}
        assert changed == CHANGED[name], (name, changed ^ CHANGED[name])
        assert set(plain) <= {key(one) for one in objects}, name


def every_file_with_an_object_passes_a_strict_dry_run(bench):
    """Those that no tree has: examples for Flux, for EKS, for teams."""
    tried = 0
    for file in sorted((ROOT / "deploy").rglob("*.yaml")):
        if CHART in file.parents or "patch" in file.name or "components" in file.parts:
            continue
        objects = [item for item in objects_in(file.read_text())
                   if isinstance(item, dict) and "apiVersion" in item and "kind" in item
                   and not item["apiVersion"].startswith(NOT_SERVED)]
        for item in objects:
            namespace = item["metadata"].get("namespace")
            if namespace and not bench.kube.find("v1", "Namespace", namespace):
                bench.namespace(namespace)
        dry_run(bench.kube, objects)
        tried += len(objects)
    assert tried >= 30, tried


def parsed(item):
    """With the YAML in a ConfigMap read: Helm writes its own."""
    item = copy.deepcopy(item)
    if item["kind"] == "ConfigMap":
        item["data"] = {name: yaml.safe_load(text) if name.endswith(".yaml") else text
                        for name, text in item["data"].items()}
    return item


def image_of(item):
    pod = pod_of(item)
    return pod and pod["spec"]["containers"][0]["image"]


def the_chart_renders_what_kustomize_does_object_by_object(bench):
    for words, trees in ((["--set", "namespace.create=true"], ("base", "policies")),
                         (["--set", "namespace.create=true", "--set", "policies.enabled=false"],
                          ("base",))):
        ours = by_key([parsed(one) for one in helm(*words)])
        theirs = by_key([parsed(one) for tree in trees for one in kustomize(TREE / tree)])
        assert set(ours) == set(theirs), set(ours) ^ set(theirs)
        for name, item in theirs.items():
            assert ours[name] == item, f"{name}:\nchart     {ours[name]}\nkustomize {item}"
    onboards = by_key(helm("--set", "namespace.create=true", "--set", "onboarding.enabled=true"))
    component = by_key(with_component("onboarding", "base", "policies"))
    assert set(onboards) == set(component), set(onboards) ^ set(component)
    rights = [name for name in component if name[3] == "turnout-manager" and "Role" in name[1]]
    assert len(rights) == 2 and all(onboards[name] == component[name] for name in rights), rights
    with_git = ["--set", "namespace.create=true", "--set", "policies.enabled=false", "--set", "git.enabled=true"]
    # Where images are named by kustomize, the variant has a name of its own.
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    named = ["--set", "manager.image.repository=turnout-debian", "--set", f"manager.image.tag={version}"]
    ours = by_key([parsed(one) for one in helm(*with_git, *named)])
    theirs = by_key([parsed(one) for one in with_component("git")])
    assert ours == theirs, [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
    (own,) = {image_of(one) for one in helm(*with_git)} - {image_of(one) for one in helm()}
    assert own == f"turnout:{version}-debian", own
    registry = ["--set", "namespace.create=true", "--set", "policies.enabled=false", "--set", "schemaRegistry.enabled=true"]
    ours = by_key([parsed(one) for one in helm(*registry)])
    theirs = by_key([parsed(one) for one in with_component("schema-registry")])
    assert ours == theirs, [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
    # An overlay that names both images has each where it belongs.
    both = yaml.safe_load((TREE / "overlays/production/kustomization.yaml").read_text())["images"]
    images = {item["metadata"]["name"]: image_of(item) for item in with_component("git", images=both) if pod_of(item)}
    registry = both[0]["newName"]
    assert images == {"turnout-controller": f"{registry}:{version}",
                      "turnout-manager": f"{registry}:{version}-debian"}, images
    by_default = {kind for _, kind, _, _ in by_key(helm())}
    assert "Namespace" not in by_default and "StatefulSet" in by_default, by_default
    elsewhere = helm("--set", "namespace.create=true", namespace="elsewhere")
    assert NAMESPACE not in yaml.safe_dump(elsewhere), "a namespace is written into the chart"


def the_chart_passes_lint_and_a_strict_dry_run_with_each_value(bench):
    bench.namespace(NAMESPACE)
    for words in CHART_VALUES.values():
        binaries.run(bench.cluster.helm, "lint", "--strict", CHART, *words)
        dry_run(bench.kube, helm(*words))


def the_chart_refuses_values_that_it_does_not_know(bench):
    for what, (words, named) in CHART_REFUSALS.items():
        try:
            helm(*words)
        except RuntimeError as refused:
            assert named in str(refused), f"{what}: {refused}"
        else:
            raise AssertionError(f"taken: {what}")


def manifests_and_chart_are_of_the_version_that_is_built(bench):
    version = re.search(r"project\(turnout VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == version, chart
    for objects in (kustomize(TREE / "base"), kustomize(TREE / "overlays/production"), with_component("git")):
        images = [image_of(item) for item in objects if pod_of(item)]
        assert images and all(one.endswith(f":{version}") for one in images), images


def the_manager_starts_with_the_config_and_the_arguments_of_the_manifests(bench):
    """The program itself, with the pod's files in a directory of this test's."""
    for name, objects in (("kustomize", kustomize(TREE / "base")), ("helm", helm())):
        named = by_key(objects)
        config = named["v1", "ConfigMap", NAMESPACE, "turnout-manager"]["data"]["manager.yaml"]
        container = named["apps/v1", "StatefulSet", NAMESPACE, "turnout-manager"]["spec"]["template"][
            "spec"]["containers"][0]
        root = bench.directory / name
        etc, port = root / "etc", free_port()
        for part in ("tls", "tokens", "keys"):
            (etc / part).mkdir(parents=True)
        for file, made in zip(("tls.crt", "tls.key"), bench.cluster.certificate("IP:127.0.0.1")):
            shutil.copy(made, etc / "tls" / file)
        (etc / "tokens/tokens.json").write_text('{"tokens": []}')
        (etc / "keys/keys").write_text("one " + base64.b64encode(bytes(32)).decode() + "\n")
        config = config.replace("/etc/turnout/", f"{etc}/").replace("/var/lib/", f"{root}/")
        config = config.replace("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
                                str(bench.cluster.ca))
        assert "0.0.0.0:8470" in config, config
        (etc / "manager.yaml").write_text(config.replace("0.0.0.0:8470", f"127.0.0.1:{port}"))
        arguments = [one.replace("/etc/turnout/", f"{etc}/").replace("$(POD_NAME)", "turnout-manager-0")
                     for one in container["args"]]
        assert container["command"][0] == "/usr/bin/turnout", container
        process = bench.begin(name, bench.turnout, *container["command"][1:], *arguments)
        probe = container["readinessProbe"]["httpGet"]
        trusted = ssl.create_default_context(cafile=bench.cluster.ca)
        process.wait_until(lambda: urllib.request.urlopen(
            f"{probe['scheme'].lower()}://127.0.0.1:{port}{probe['path']}", timeout=5,
            context=trusted).status == 200)
        assert process.stop() == 0


# --- our own kinds -------------------------------------------------------------------------------

def router(name, **spec):
    return {"apiVersion": "turnout.dev/v1alpha1", "kind": "EventRouter",
            "metadata": {"name": name, "namespace": "crds"},
            "spec": {"source": {"brokers": ["kafka:9092"], "topic": "events"}, **spec}}


def route(name, **spec):
    return {"apiVersion": "turnout.dev/v1alpha1", "kind": "EventRoute",
            "metadata": {"name": name, "namespace": "crds"},
            "spec": {"router": {"name": "shop", "namespace": "crds"}, "team": "fraud", "rules": [],
                     **spec}}


FULL = {"source": {"brokers": ["kafka:9092"], "topic": "events", "group": "g", "partitionedBy": "id"},
        "state": {"size": "10Gi", "storageClassName": "gp3"}, "checkpoints": {"store": "s3://b/p"}}


def without(fields, name):
    return {key: value for key, value in fields.items() if key != name}


# (what is there or None, what is asked for, a piece of the message). Every CEL rule has one.
REFUSED = [
    (None, router("r" * 41), "40 letters at most"),
    (None, router("shop.v2"), "begins with a letter and has no dot"),
    (None, router("1shop"), "begins with a letter and has no dot"),
    (None, router("x", autoscaling={"minReplicas": 3, "maxReplicas": 2}), "minReplicas is more than"),
    (None, router("x", rulesFrom={"manager": {"url": "https://m", "service": "s", "tokenSecret": "t"}},
                  teams=[{"name": "a", "namespace": "a", "destinations": ["a.*"]}]),
     "config manager says who may write where"),
    (None, router("x", drain=True, paused=True), "set one of the two"),
    (None, router("x", rulesFrom={}), "takes routes or manager"),
    (None, router("x", rulesFrom={"routes": {}, "manager": {
        "url": "https://m", "service": "s", "tokenSecret": "t"}}), "takes routes or manager"),
    (None, router("x", kafka={"securityProtocol": "SASL_SSL", "saslMechanism": "PLAIN"}),
     "needs credentialsSecret"),
    (None, router("x", kafka={"securityProtocol": "SSL", "saslMechanism": "AWS_MSK_IAM"}),
     "needs securityProtocol SASL_SSL"),
    (None, router("x", kafka={"securityProtocol": "SASL_SSL"}), "needs saslMechanism"),
    (None, router("x", restoreFrom={"time": "2026-11-20T07:30:00Z"}), "restoreFrom needs checkpoints.store"),
    (None, router("x", replay={"rule": "a/b", "from": "1d", "to": "live"}), "`live` needs the disk"),
    (router("x"), router("x", state={}), "state can't be added or taken away"),
    (router("x", **FULL), router("x", **{**FULL, "source": {**FULL["source"], "topic": "other"}}),
     "source.topic can't be changed"),
    (router("x", **FULL), router("x", **{**FULL, "source": {**FULL["source"], "group": "other"}}),
     "source.group can't be changed"),
    (router("x", **FULL), router("x", **{**FULL, "source": {
        **FULL["source"], "partitionedBy": "other"}}), "source.partitionedBy can't be changed"),
    (router("x", **FULL), router("x", **{**FULL, "state": {**FULL["state"], "storageClassName": "st1"}}),
     "state.storageClassName can't be changed"),
    (router("x", **FULL), router("x", **{**FULL, "state": {**FULL["state"], "size": "9Gi"}}),
     "state.size can't shrink"),
    (router("x", **FULL), router("x", **{**FULL, "checkpoints": {"store": "s3://b/q"}}),
     "checkpoints.store can't be changed"),
    (router("x", **FULL), router("x", **{**FULL, "checkpoints": {"every": "2m"}}),
     "checkpoints.store can't be changed or taken away"),
    (router("x", **FULL), router("x", **without(FULL, "checkpoints")),
     "checkpoints.store can't be changed or taken away"),
    (router("x", **FULL), router("x", **without(FULL, "state")), "state can't be added or taken away"),
    (router("x", **FULL), router("x", **{**FULL, "source": without(FULL["source"], "group")}),
     "source.group can't be changed"),
    (router("x", **FULL), router("x", **{**FULL, "source": without(FULL["source"], "partitionedBy")}),
     "source.partitionedBy can't be changed"),
    (router("x", **FULL), router("x", **{**FULL, "state": {"size": "10Gi"}}),
     "state.storageClassName can't be changed"),
    (route("x"), route("x", team="other"), "team can't be changed"),
    (route("x"), route("x", router={"name": "other", "namespace": "crds"}), "router can't be changed"),
]
# What is there, and what it may become.
MAY_BECOME = [
    (router("x"), router("x", checkpoints={"store": "s3://b/p"})),
    (router("x", checkpoints={"every": "2m"}), router("x", checkpoints={"every": "2m", "store": "s3://b/p"})),
    (router("x", checkpoints={"every": "2m"}), router("x")),
    (router("x", **FULL), router("x", **{**FULL, "checkpoints": {**FULL["checkpoints"], "every": "2m"}})),
    (router("x", **FULL), router("x", **{**FULL, "state": {**FULL["state"], "size": "11Gi"}})),
]
# What the schema itself refuses.
MALFORMED = [
    (router("x", source={"brokers": ["kafka"], "topic": "events"}), "spec.source.brokers"),
    (router("x", source={"brokers": [], "topic": "events"}), "spec.source.brokers"),
    (router("x", source={"brokers": ["kafka:9092"]}), "topic"),
    (router("x", delivery="twice"), "spec.delivery"),
    (router("x", replicas=-1), "spec.replicas"),
    (router("x", serviceAccount={"roleArn": "admin"}), "spec.serviceAccount.roleArn"),
    (router("x", checkpoints={"store": "s3://b/p"}, restoreFrom={"time": "yesterday"}), "spec.restoreFrom.time"),
    (router("x", replica=3), "not declared in schema"),
    (router("x", teams=[{"name": "a", "namespace": "a", "destinations": ["a"]}] * 2), "duplicate entries"),
    (route("x", destinations=["*"]), "not declared in schema"),
    (route("x", team="Fraud Team"), "spec.team"),
]


def validations(schema):
    """All x-kubernetes-validations below."""
    found = []
    if isinstance(schema, dict):
        found += schema.get("x-kubernetes-validations", [])
        for value in schema.values():
            found += validations(value)
    elif isinstance(schema, list):
        for value in schema:
            found += validations(value)
    return found


def the_resources_refuse_what_they_must_and_say_what_to_do(bench):
    kube, space = bench.kube, bench.namespace("crds", {"turnout.dev/service": "crds"})
    said = []
    for number, (before, asked, message) in enumerate(REFUSED):
        name = f"case-{number}"
        if before:
            kube.apply({**before, "metadata": {"name": name, "namespace": space}})
            asked = {**asked, "metadata": {"name": name, "namespace": space}}
        refused = refusal(kube.apply, asked)
        assert message in refused.message, f"{message}: {refused}"
        assert refused.code == 422, refused
        said.append(refused.message)
    for number, (before, asked) in enumerate(MAY_BECOME):
        place = {"metadata": {"name": f"changed-{number}", "namespace": space}}
        kube.apply({**before, **place})
        made = kube.apply({**asked, **place})
        assert made["spec"].get("checkpoints", {}).get("store") == \
            asked["spec"].get("checkpoints", {}).get("store"), made["spec"]
    for asked, named in MALFORMED:
        refused = refusal(kube.apply, asked)
        assert named in refused.message, f"{named}: {refused}"
    for file in TREE.glob("crds/event*.yaml"):
        for rule in validations(yaml.safe_load(file.read_text())):
            assert any(rule["message"] in one for one in said), f"no case has: {rule['message']}"


def a_resource_gets_its_defaults_and_scales_by_its_own_field(bench):
    kube, space = bench.kube, bench.namespace("crds", {"turnout.dev/service": "crds"})
    made = kube.apply({**router("plain"), "metadata": {"name": "plain", "namespace": space}})
    assert made["spec"]["delivery"] == "exactly_once", made["spec"]
    assert made["spec"]["rulesFrom"] == {"routes": {}}, made["spec"]
    assert made["spec"]["source"]["format"] == "json", made["spec"]
    assert made["spec"]["onDelete"] == {"lag": "Refuse"}, made["spec"]
    kube.patch("turnout.dev/v1alpha1", "EventRouter", "plain", {"spec": {"replicas": 4}}, space, "scale")
    scaled = kube.get("turnout.dev/v1alpha1", "EventRouter", "plain", space)
    assert scaled["spec"]["replicas"] == 4, scaled["spec"]
    # What is written beside the status by who only has that part is not taken.
    wrong = {**scaled, "spec": {**scaled["spec"], "replicas": 9}, "status": {"readyReplicas": 3}}
    kube.replace(wrong, "status")
    after = kube.get("turnout.dev/v1alpha1", "EventRouter", "plain", space)
    assert after["spec"]["replicas"] == 4 and after["status"] == {"readyReplicas": 3}, after
    table = bench.cluster.run_kubectl("get", "er", "plain", "-n", space)
    assert table.split("\n")[0].split()[:3] == ["NAME", "READY", "REASON"], table


def the_next_version_is_served_beside_this_one_and_nothing_is_converted(bench):
    """The way that crds/ names: both kinds, in a group of the test's own, get a second version of the same
    schema, which is then the one that is stored."""
    kube, space = bench.kube, bench.namespace("next-version")
    now, later = "next.turnout.dev/v1alpha1", "next.turnout.dev/v1alpha2"
    for item, change in ((router("x", **FULL), {"replicas": 5}), (route("x"), {"owner": "ann"})):
        kind, plural = item["kind"], item["kind"].lower() + "s"
        crd = yaml.safe_load((TREE / f"crds/{plural}.yaml").read_text())
        crd["metadata"]["name"] = f"{plural}.next.turnout.dev"
        crd["spec"]["group"] = "next.turnout.dev"
        for word in ("shortNames", "categories"):  # which are the real one's
            crd["spec"]["names"].pop(word, None)
        assert crd["spec"]["conversion"] == {"strategy": "None"}, crd["spec"]["conversion"]
        (version,) = crd["spec"]["versions"]

        def serve(*versions):
            kube.apply({**crd, "spec": {**crd["spec"], "versions": list(versions)}})
            for one in versions:
                wait_for(lambda: kube.list(f"next.turnout.dev/{one['name']}", kind, space) is not None,
                         f"{kind} is served as {one['name']}")

        def named(name, api_version):
            return {**item, "apiVersion": api_version, "metadata": {"name": name, "namespace": space}}
        serve(version)
        kube.apply(named("old", now))
        kube.patch(now, kind, "old", {"status": {"observedGeneration": 1}}, space, "status")
        for stored in (False, True):
            serve({**version, "storage": not stored}, {**version, "name": "v1alpha2", "storage": stored})
            name = f"new-{stored}".lower()
            wait_for(lambda: kube.apply(named(name, later)), "the second is written")
            for one in ("old", name):
                first, second = (kube.get(api_version, kind, one, space) for api_version in (now, later))
                for part in ("spec", "status", "metadata"):
                    found, same = first.get(part), second.get(part)
                    if part == "metadata":
                        found, same = found["uid"], same["uid"]
                    assert found == same, (part, found, same)
            assert kube.get(later, kind, "old", space)["status"]["observedGeneration"] == 1
            # Who knows either of them goes on writing, and is refused what was refused before.
            for writer, reader in ((now, later), (later, now)):
                kube.patch(writer, kind, "old", {"spec": change}, space)
                read = kube.get(reader, kind, "old", space)["spec"]
                assert {field: read[field] for field in change} == change, read
                kube.patch(writer, kind, "old", {"spec": dict.fromkeys(change)}, space)
                wrong = {"source": {"topic": "other"}} if kind == "EventRouter" else {"team": "other"}
                assert "can't be changed" in refusal(kube.patch, writer, kind, "old", {"spec": wrong},
                                                     space).message
        kube.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", crd["metadata"]["name"])
    for policy in (one for one in kustomize(TREE / "policies") if one["kind"] == "ValidatingAdmissionPolicy"):
        for rule in policy["spec"]["matchConstraints"]["resourceRules"]:
            assert rule["apiVersions"] == ["*"], (policy["metadata"]["name"], rule)


TESTS = [
    the_next_version_is_served_beside_this_one_and_nothing_is_converted,
    the_resources_refuse_what_they_must_and_say_what_to_do,
    a_resource_gets_its_defaults_and_scales_by_its_own_field,
    every_manifest_passes_a_strict_dry_run,
    the_first_commands_of_the_page_fill_an_empty_cluster,
    only_a_services_routers_reach_the_manager_whatever_a_pod_is_labelled,
    what_helm_installs_by_the_page_is_in_a_namespace_of_the_restricted_profile,
    every_component_changes_what_it_is_for_and_nothing_else,
    every_file_with_an_object_passes_a_strict_dry_run,
    the_chart_renders_what_kustomize_does_object_by_object,
    the_chart_passes_lint_and_a_strict_dry_run_with_each_value,
    the_chart_refuses_values_that_it_does_not_know,
    manifests_and_chart_are_of_the_version_that_is_built,
    the_manager_starts_with_the_config_and_the_arguments_of_the_manifests,
]
