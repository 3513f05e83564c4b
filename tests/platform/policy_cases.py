"""Who may do what: the API server is asked in the name of each, with what deploy/kubernetes grants and
forbids in force."""
import re

from controller_cases import RIGHTS, says
from kube import Refused, refusal, wait_for
from manifests import NAMESPACE, ROOT, TREE, kustomize, pod_of, with_component
from processes import free_port

API = "turnout.dev/v1alpha1"
POLICY_S = 30
ANYONE = "system:authenticated"
WRITE = ("create", "patch", "delete")
READ = ("list", "watch")


def install(bench):
    """Base, policies and examples, for real; done once is enough."""
    kube = bench.kube
    if kube.find("v1", "ConfigMap", "installed", "default"):
        return
    objects = [one for tree in ("base", "policies", "examples") for one in kustomize(TREE / tree)]
    first = ("Namespace", "CustomResourceDefinition", "EventRouter")
    for item in sorted(objects, key=lambda one: first.index(one["kind"]) if one["kind"] in first else 9):
        if item["kind"] != "EventRoute":
            kube.apply(item)
    # A policy is in force a moment after it was taken: when it refuses what it is to refuse.
    stray = route("stray", "team-fraud", "growth", "elsewhere")
    wait_for(lambda: is_refused(kube.create, stray, dry_run=True), "policies are in force", POLICY_S)
    wait_for(lambda: kube.get("rbac.authorization.k8s.io/v1", "ClusterRole", "turnout-on-call").get("rules"),
             "roles are put together", POLICY_S)
    kube.create({"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": {"name": "installed", "namespace": "default"}})


def is_refused(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except Refused:
        return True
    return False


def route(name, namespace, team, router="shop"):
    return {"apiVersion": API, "kind": "EventRoute", "metadata": {"name": name, "namespace": namespace},
            "spec": {"router": {"name": router, "namespace": "turnout-shop"}, "team": team,
                     "rules": [{"name": "all", "match": {"type": ["a"]}, "to": f"{team}.a"}]}}


def a_team_edits_its_own_routes_and_nothing_else(bench):
    install(bench)
    fraud = bench.kube.as_user("ann", "fraud", ANYONE)
    fraud.apply(route("ours", "team-fraud", "fraud"))
    fraud.patch(API, "EventRoute", "ours", {"spec": {"owner": "ann"}}, "team-fraud")
    assert fraud.get(API, "EventRouter", "shop", "turnout-shop")["spec"]["teams"]
    for call in (
            lambda: fraud.apply(route("theirs", "team-growth", "growth")),
            lambda: fraud.get(API, "EventRoute", "x", "team-growth"),
            lambda: fraud.patch(API, "EventRouter", "shop", {"spec": {"paused": True}}, "turnout-shop"),
            lambda: fraud.delete(API, "EventRouter", "shop", "turnout-shop"),
            lambda: fraud.patch(API, "EventRoute", "ours", {"status": {"rules": 1}}, "team-fraud", "status"),
            lambda: fraud.patch("v1", "Namespace", "team-fraud", {"metadata": {"labels": {
                "turnout.dev/team": "growth"}}}),
            lambda: fraud.list("v1", "Secret", "turnout-shop"),
            lambda: fraud.list("v1", "Pod", "turnout-shop")):
        refused = refusal(call)
        assert refused.code == 403, refused
    fraud.delete(API, "EventRoute", "ours", "team-fraud")


def a_team_is_kept_out_of_anothers_name_and_anothers_router(bench):
    """Whoever asks: here it is one who may do everything."""
    install(bench)
    kube = bench.kube
    plain = bench.namespace("of-no-team")
    for asked, message in (
            (route("posing", "team-fraud", "growth", "elsewhere"), "of the team fraud, and this EventRoute is of growth"),
            (route("nobodys", plain, "fraud", "elsewhere"), "is no team's"),
            (route("nobodys", plain, "fraud", "elsewhere"), "turnout.dev/team=TEAM")):
        refused = refusal(kube.create, asked)
        assert message in refused.message and refused.code == 403, refused
    # A team that the router does not list.
    outsiders = bench.namespace("team-outsiders", {"turnout.dev/team": "outsiders"})
    refused = wait_for(lambda: caught(kube.create, route("in", outsiders, "outsiders"), dry_run=True),
                       "the router's list is held to")
    assert "has no team outsiders of namespace team-outsiders" in refused.message, refused
    # One that it lists, but from another namespace.
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": "team-fraud-2", "labels": {"turnout.dev/team": "fraud"}}})
    refused = refusal(kube.create, route("in", "team-fraud-2", "fraud"))
    assert "of namespace team-fraud-2" in refused.message, refused
    # Once the platform lists it, it is in; another service's routers are not this binding's.
    teams = kube.get(API, "EventRouter", "shop", "turnout-shop")["spec"]["teams"]
    kube.patch(API, "EventRouter", "shop", {"spec": {"teams": teams + [
        {"name": "outsiders", "namespace": outsiders, "destinations": ["outsiders.*"]}]}}, "turnout-shop")
    try:
        wait_for(lambda: kube.create(route("in", outsiders, "outsiders"), dry_run=True),
                 "a listed team is let in")
    finally:
        kube.patch(API, "EventRouter", "shop", {"spec": {"teams": teams}}, "turnout-shop")
    kube.create(route("good", "team-fraud", "fraud"))
    kube.delete(API, "EventRoute", "good", "team-fraud")


def caught(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except Refused as refused:
        return refused
    return None


def child_kinds():
    """(group, kind, plural) of deploy/controller/child_kinds.h."""
    text = (ROOT / "deploy/controller/child_kinds.h").read_text()
    found = re.findall(r'\{"([\w./]+)", "(\w+)", "(\w+)"', text)
    assert len(found) >= 10, found
    return [(version.rpartition("/")[0], kind, plural) for version, kind, plural in found]


def the_controllers_account_may_do_what_it_does_and_no_more(bench):
    install(bench)
    account_name = "turnout-controller"
    account = bench.kube.as_service_account(NAMESPACE, account_name)
    wrong = []

    def holds(is_right, verb, group, resource, namespace="any"):
        if account.may(verb, group, resource, namespace) != is_right:
            wrong.append(f"{verb} {group}/{resource} in {namespace}: {not is_right}")
    for group, _, plural in child_kinds():
        for verb in READ + WRITE:
            holds(True, verb, group, plural)
        for verb in ("update", "deletecollection"):
            holds(False, verb, group, plural)
    for verb, group, resource in (
            ("get", "turnout.dev", "eventrouters"), ("list", "turnout.dev", "eventroutes"),
            ("patch", "turnout.dev", "eventrouters"), ("patch", "turnout.dev", "eventrouters/status"),
            ("patch", "turnout.dev", "eventroutes/status"), ("list", "", "pods"), ("delete", "", "pods"),
            ("patch", "", "persistentvolumeclaims"), ("create", "events.k8s.io", "events")):
        holds(True, verb, group, resource)
    for verb, group, resource in (
            ("get", "", "secrets"), ("list", "", "secrets"), ("create", "", "secrets"),
            ("create", "", "pods"), ("create", "", "pods/exec"), ("get", "", "pods/log"),
            ("create", "", "serviceaccounts/token"), ("create", "turnout.dev", "eventrouters"),
            ("delete", "turnout.dev", "eventrouters"), ("patch", "turnout.dev", "eventroutes"),
            ("create", "apps", "deployments"), ("create", "", "namespaces"), ("patch", "", "nodes"),
            ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
            ("create", "rbac.authorization.k8s.io", "rolebindings"), ("impersonate", "", "users"),
            ("get", "coordination.k8s.io", "leases"), ("create", "coordination.k8s.io", "leases")):
        holds(False, verb, group, resource)
    holds(True, "create", "coordination.k8s.io", "leases", NAMESPACE)
    assert account.may("update", "coordination.k8s.io", "leases", NAMESPACE, "turnout-controller")
    assert not account.may("update", "coordination.k8s.io", "leases", NAMESPACE, "another")
    assert not wrong, "\n".join(wrong)
    granted = {(group, resource, verb) for item in kustomize(TREE / "base")
               if item["kind"] in ("ClusterRole", "Role") and item["metadata"]["name"] == account_name
               for rule in item["rules"] for group in rule["apiGroups"]
               for resource in rule["resources"] for verb in rule["verbs"]}
    # With these the controller itself is tested.
    tested = {(group, resource, verb) for group, resources, verbs in RIGHTS
              for resource in resources for verb in verbs}
    assert granted == tested, granted ^ tested
    manager = bench.kube.as_service_account(NAMESPACE, "turnout-manager")
    for verb, group, resource in (("get", "", "secrets"), ("patch", "turnout.dev", "eventrouters"),
                                  ("create", "turnout.dev", "eventroutes"), ("list", "", "pods")):
        assert not manager.may(verb, group, resource, "any"), (verb, resource)


def the_controllers_account_touches_only_what_is_a_routers(bench):
    install(bench)
    kube, space = bench.kube, bench.namespace("reach", {"turnout.dev/service": "shop"})
    account = kube.as_service_account(NAMESPACE, "turnout-controller")
    labels = {"turnout.dev/router": "shop", "app.kubernetes.io/managed-by": "turnout-controller"}

    def config(name, its_labels):
        return {"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": space, "labels": its_labels}, "data": {"a": "b"}}
    account.apply(config("child", labels), manager="turnout-controller")
    kube.apply(config("others", {}))
    for call in (lambda: account.apply(config("stray", {})),
                 lambda: account.apply(config("others", labels)),
                 lambda: account.apply(config("child", {})),
                 lambda: account.delete("v1", "ConfigMap", "others", space)):
        refused = caught(call)
        if refused is None:  # applying without a label leaves the labels that another manager has
            assert kube.get("v1", "ConfigMap", "child", space)["metadata"]["labels"] == labels
            continue
        assert refused.code == 403 and "a router" in refused.message, refused
    assert not kube.find("v1", "ConfigMap", "stray", space)
    assert "labels" not in kube.get("v1", "ConfigMap", "others", space)["metadata"]
    account.delete("v1", "ConfigMap", "child", space)


def the_controllers_account_makes_nothing_where_no_service_is(bench):
    """Not even what carries a router's label: neither beside a team's things nor beside the cluster's."""
    install(bench)
    kube = bench.kube
    account = kube.as_service_account(NAMESPACE, "turnout-controller")
    place = bench.namespace("no-service", {"turnout.dev/team": "fraud"})
    labels = {"turnout.dev/router": "shop", "app.kubernetes.io/managed-by": "turnout-controller"}

    def meta(space):
        return {"name": "shop", "namespace": space, "labels": labels}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    set_spec = {"serviceName": "shop", "selector": {"matchLabels": labels}, "template": pod}
    for space in (place, "kube-system", NAMESPACE):
        for item in ({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": set_spec},
                     {"apiVersion": "v1", "kind": "ServiceAccount"},
                     {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                      "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}}):
            refused = refusal(account.apply, {**item, "metadata": meta(space)})
            assert refused.code == 403 and f"{space} is no service's" in refused.message, refused
            assert "turnout.dev/service=NAME" in refused.message, refused
    # Once it is one the same goes through; what is there can be removed when it is one no more.
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(place), "data": {"a": "b"}}
    kube.patch("v1", "Namespace", place, {"metadata": {"labels": {"turnout.dev/service": "shop"}}})
    wait_for(lambda: account.apply(config, manager="turnout-controller"), "it is let in")
    kube.patch("v1", "Namespace", place, {"metadata": {"labels": {"turnout.dev/service": None}}})
    wait_for(lambda: caught(lambda: account.apply({**config, "data": {"a": "c"}})), "it is kept out")
    account.delete("v1", "ConfigMap", "shop", place)


def the_controller_itself_works_with_what_the_manifests_grant_and_forbid(bench):
    """With the arguments of its Deployment too, and pods that the restricted profile admits."""
    install(bench)
    kube, cluster = bench.kube, bench.cluster
    space = bench.namespace("granted", {"turnout.dev/team": "fraud", "turnout.dev/service": "shop",
                                        "pod-security.kubernetes.io/enforce": "restricted"})
    token = bench.directory / "token"
    token.write_text(cluster.token(NAMESPACE, "turnout-controller"))
    container = next(pod_of(one) for one in kustomize(TREE / "base") if one["kind"] == "Deployment")[
        "spec"]["containers"][0]
    listen = f"127.0.0.1:{free_port()}"
    arguments = [one.replace("0.0.0.0:9465", listen) for one in container["args"]]
    assert f"--listen={listen}" in arguments, arguments
    process = bench.begin("controller", bench.turnout, *container["command"][1:], *arguments, "--server",
                          cluster.server, "--token-file", token, "--ca-file", cluster.ca,
                          "--namespace", NAMESPACE)
    process.wait_until(lambda: says(listen, container["readinessProbe"]["httpGet"]["path"]))
    kube.apply({"apiVersion": API, "kind": "EventRouter", "metadata": {"name": "shop", "namespace": space},
                "spec": {"source": {"brokers": ["kafka:9092"], "topic": "events"},
                         "autoscaling": {"maxReplicas": 3},
                         "ingress": {"host": "shop.example.com", "tlsSecret": "tls"},
                         "teams": [{"name": "fraud", "namespace": space, "destinations": ["fraud.*"]}]}})
    mine = route("fraud", space, "fraud")
    mine["spec"]["router"]["namespace"] = space
    kube.apply(mine)
    versions = {kind: version for version, kind in re.findall(r'\{"([\w./]+)", "(\w+)"', (
        ROOT / "deploy/controller/child_kinds.h").read_text())}

    def made():
        found = {kind for group, kind, plural in child_kinds() if kind != "Job" and kube.call(
            "GET", f"/apis/{versions[kind]}/namespaces/{space}/{plural}" if group else
            f"/api/v1/namespaces/{space}/{plural}", labelSelector="turnout.dev/router=shop")["items"]}
        return found == {kind for _, kind, _ in child_kinds()} - {"Job", other_scaler} or None
    other_scaler = "HorizontalPodAutoscaler"
    wait_for(made, "every kind of child is made")
    other_scaler = "ScaledObject"
    kube.patch(API, "EventRouter", "shop",
               {"spec": {"autoscaling": {"scaler": "HorizontalPodAutoscaler"}}}, space)
    wait_for(made, "the other scaler is made, and the one before goes")
    wait_for(lambda: any(one["type"] == "Accepted" and one["status"] == "True" for one in kube.get(
        API, "EventRoute", "fraud", space).get("status", {}).get("conditions", [])), "the route is taken")
    wait_for(lambda: kube.find("v1", "Pod", "shop-0", space), "its pod is admitted")
    kube.patch(API, "EventRouter", "shop", {"spec": {"onDelete": {"lag": "Ignore"}}}, space)
    kube.delete(API, "EventRouter", "shop", space)
    wait_for(lambda: not kube.find(API, "EventRouter", "shop", space), "the router is let go")
    assert process.stop() == 0
    refused = [line for line in process.log.read_text().splitlines()
               if "forbidden" in line.lower() or "Forbidden" in line]
    assert not refused, refused[:5]


def made_by_onboarding(kind, name, namespace=None, labels=None, **more):
    """As deploy/manager/onboarding_objects.cc makes it for the team `reached`."""
    version = {"EventRoute": API}.get(kind, "v1")
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, **more, "metadata": {
        "name": name, **place, "annotations": {"turnout.dev/onboarding": "0" * 64},
        "labels": {"app.kubernetes.io/managed-by": "turnout-manager", "turnout.dev/team": "reached", **(labels or {})}}}


def changed(item, **metadata):
    """With these in its metadata; a dictionary is added to the one that is there."""
    meta = {**item["metadata"]}
    for name, value in metadata.items():
        meta[name] = {**meta.get(name, {}), **value} if isinstance(value, dict) else value
    return {**item, "metadata": meta}


STRANGE = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000"}]
DASHBOARD = {"grafana_dashboard": "1"}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def the_managers_account_onboards_and_reaches_nothing_else(bench):
    """With the rights of the component `onboarding`, which are for all namespaces."""
    install(bench)
    kube = bench.kube
    rights = [one for one in with_component("onboarding") if one["kind"] in ("ClusterRole", "ClusterRoleBinding") and
              one["metadata"]["name"] == "turnout-manager"]
    assert len(rights) == 2, rights
    manager = kube.as_service_account(NAMESPACE, "turnout-manager")
    for right in rights:
        kube.apply(right)
    try:
        wait_for(lambda: manager.may("patch", "", "configmaps", "kube-system"), "it has its rights")
        wait_for(lambda: caught(manager.create, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "any", "namespace": "default"}}, dry_run=True), "the policy is in force", POLICY_S)
        onboard_and_take_back(kube, manager)
        reach_for_what_is_others(bench, manager)
    finally:
        for right in rights:
            kube.delete(right["apiVersion"], right["kind"], right["metadata"]["name"])


def onboard_and_take_back(kube, manager):
    """What the manager does, each step twice; tests of onboarding do it with the manager itself."""
    space = made_by_onboarding("Namespace", "shop-reached", labels=RESTRICTED)
    entry = {"apiVersion": API, "kind": "EventRouter", "metadata": {"name": "shop", "namespace": "turnout-shop"}}
    teams = kube.get(API, "EventRouter", "shop", "turnout-shop")["spec"]["teams"]
    grant = {**entry, "spec": {"teams": [{"name": "reached", "namespace": "shop-reached", "destinations": ["reached.*"]}]}}
    spec = route("shop", "shop-reached", "reached")["spec"]
    its_route = made_by_onboarding("EventRoute", "shop", "shop-reached", spec=spec)
    dashboard = made_by_onboarding("ConfigMap", "turnout-shop-reached", "shop-reached", DASHBOARD,
                                   data={"turnout-shop-reached.json": "{}"})
    for item in (space, grant, its_route, dashboard):
        by = "turnout-manager-reached" if item is grant else "turnout-manager"
        for _ in range(2):
            wait_for(lambda: manager.apply(item, force=False, manager=by), f"{item['kind']} is taken")
    assert len(kube.get(API, "EventRouter", "shop", "turnout-shop")["spec"]["teams"]) == len(teams) + 1
    for item in (changed(its_route, annotations={"turnout.dev/onboarding": "1" * 64}), {**dashboard, "data": {
            "turnout-shop-reached.json": "{ }"}}):
        manager.apply(item, force=False, manager="turnout-manager")
    manager.apply(entry, force=False, manager="turnout-manager-reached")
    assert kube.get(API, "EventRouter", "shop", "turnout-shop")["spec"]["teams"] == teams
    for item in (its_route, dashboard):
        manager.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], "shop-reached")


def reach_for_what_is_others(bench, manager):
    kube = bench.kube
    aws_auth = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"},
                "data": {"mapRoles": "[]"}}
    kube.apply(aws_auth)
    own = made_by_onboarding("Namespace", "shop-reached", labels=RESTRICTED)
    theirs = bench.namespace("not-reached", {"turnout.dev/team": "fraud", **RESTRICTED})
    kube.create({**route("theirs", "team-fraud", "fraud"), "metadata": {"name": "theirs", "namespace": "team-fraud"}})
    new = made_by_onboarding("Namespace", "shop-new", labels=RESTRICTED)
    file = {"data": {"turnout-a.json": "{}"}}
    dashboard = made_by_onboarding("ConfigMap", "turnout-a", "shop-reached", DASHBOARD, **file)
    manager.create(dashboard)
    spec = route("a", "shop-reached", "reached", "elsewhere")["spec"]
    its_route = made_by_onboarding("EventRoute", "a", "shop-reached", spec=spec)
    plain = bench.namespace("reached-by-nobody")

    def labels(kind, name, change, namespace=None):
        return lambda: manager.patch("v1", kind, name, {"metadata": {"labels": change}}, namespace)

    def router(change):
        return lambda: manager.patch(API, "EventRouter", "shop", change, "turnout-shop")
    teams = kube.get(API, "EventRouter", "shop", "turnout-shop")["spec"]["teams"]
    whole = kube.get(API, "EventRouter", "shop", "turnout-shop")
    takeover = {**labels_of("kube-system", kube), "app.kubernetes.io/managed-by": "turnout-manager",
                "turnout.dev/team": "reached", "turnout.dev/service": "shop"}
    cases = {
        # Who has the cluster by a ConfigMap: there, or not yet, or once it is gone.
        "aws-auth": lambda: manager.patch("v1", "ConfigMap", "aws-auth", {"data": {"mapRoles": "[all]"}}, "kube-system"),
        "aws-auth as ours": labels("ConfigMap", "aws-auth", {**DASHBOARD, **own["metadata"]["labels"]}, "kube-system"),
        "aws-auth away": lambda: manager.delete("v1", "ConfigMap", "aws-auth", "kube-system"),
        "another such": lambda: manager.create(made_by_onboarding("ConfigMap", "aws-auth-2", "kube-system", DASHBOARD)),
        "no dashboard": lambda: manager.create(made_by_onboarding("ConfigMap", "turnout-a-2", "shop-reached", **file)),
        "another file": lambda: manager.patch("v1", "ConfigMap", "turnout-a", {"data": {"a.url": "http://x"}}, "shop-reached"),
        "bytes": lambda: manager.patch("v1", "ConfigMap", "turnout-a", {"binaryData": {"a": "AA=="}}, "shop-reached"),
        "a folder of Grafana's": lambda: manager.patch("v1", "ConfigMap", "turnout-a", {"metadata": {"annotations": {
            "k8s-sidecar-target-directory": "/etc"}}}, "shop-reached"),
        "a data source": labels("ConfigMap", "turnout-a", {"grafana_datasource": "1"}, "shop-reached"),
        "a dashboard no more": labels("ConfigMap", "turnout-a", {"grafana_dashboard": None}, "shop-reached"),
        "a dashboard's owner": lambda: manager.patch("v1", "ConfigMap", "turnout-a", {"metadata": {
            "ownerReferences": STRANGE}}, "shop-reached"),
        # Where routers may be made, and who may do what in a namespace.
        "kube-system": labels("Namespace", "kube-system", {"turnout.dev/service": "shop"}),
        "kube-system as ours": labels("Namespace", "kube-system", takeover),
        "another team's": labels("Namespace", theirs, {"turnout.dev/team": "reached"}),
        "nobody's": labels("Namespace", plain, {"turnout.dev/team": "reached"}),
        "ours for routers": labels("Namespace", "shop-reached", {"turnout.dev/service": "shop"}),
        "ours for another team": labels("Namespace", "shop-reached", {"turnout.dev/team": "fraud"}),
        "ours without PodSecurity": labels("Namespace", "shop-reached", dict.fromkeys(RESTRICTED)),
        "ours privileged": labels("Namespace", "shop-reached", dict.fromkeys(RESTRICTED, "privileged")),
        "ours held": lambda: manager.patch("v1", "Namespace", "shop-reached", {"metadata": {"finalizers": ["a.example/b"]}}),
        "ours on a node": lambda: manager.patch("v1", "Namespace", "shop-reached", {"metadata": {"annotations": {
            "scheduler.alpha.kubernetes.io/node-selector": "a=b"}}}),
        "a new one for routers": lambda: manager.create(changed(new, labels={"turnout.dev/service": "shop"})),
        "a new one, privileged": lambda: manager.create(changed(new, labels=dict.fromkeys(RESTRICTED, "privileged"))),
        "a new one of no profile": lambda: manager.create(made_by_onboarding("Namespace", "shop-new")),
        "a new one of no team": lambda: manager.create(changed(new, labels={"turnout.dev/team": ""})),
        "a new one of nobody's": lambda: manager.create(changed(new, labels={"app.kubernetes.io/managed-by": "me"})),
        "a new one with an owner": lambda: manager.create(changed(new, ownerReferences=STRANGE)),
        "a new one with a note": lambda: manager.create(changed(new, annotations={"a": "b"})),
        # What runs with a router's Secrets and role, and who may write where.
        "a router's image": router({"spec": {"image": "elsewhere/anything"}}),
        "its config": router({"spec": {"config": {"log": {"level": "debug"}}}}),
        "its config away": router({"spec": {"config": None}}),
        "its labels": router({"metadata": {"labels": {"a": "b"}}}),
        "its annotations": router({"metadata": {"annotations": {"turnout.dev/onboarding": "b"}}}),
        "its owner": router({"metadata": {"ownerReferences": STRANGE}}),
        "its finalizers": router({"metadata": {"finalizers": whole["metadata"].get("finalizers", []) + ["a.example/b"]}}),
        "all topics": router({"spec": {"teams": teams + [
            {"name": "reached", "namespace": "shop-reached", "destinations": ["reached.*", "*"]}]}}),
        "another team's topics": router({"spec": {"teams": [{**teams[0], "destinations": [
            *teams[0]["destinations"], "others.*"]}, *teams[1:]]}}),
        # What teams have themselves, and where none is.
        "a team's own route": lambda: manager.patch(API, "EventRoute", "theirs", {"spec": {"rules": []}}, "team-fraud"),
        "a team's own route away": lambda: manager.delete(API, "EventRoute", "theirs", "team-fraud"),
        "a route of nobody's making": lambda: manager.create(route("a", "shop-reached", "reached", "elsewhere")),
        "a route where no team is": lambda: manager.create(changed(its_route, namespace=plain)),
        "a route's finalizer": lambda: manager.create(changed(its_route, finalizers=["a.example/b"])),
    }
    # Where two policies refuse, the server names one of them, not always the same.
    also = {"a route where no team is": "turnout-team-namespaces"}
    taken = []
    for what, call in cases.items():
        refused = caught(call)
        names = ("turnout-manager-reach", also.get(what, "turnout-manager-reach"))
        if refused is None or refused.code != 403 or not any(f"'{name}'" in refused.message for name in names):
            taken.append(f"{what}: {refused}")
    manager.delete("v1", "ConfigMap", "turnout-a", "shop-reached")
    for item in (aws_auth, {"apiVersion": API, "kind": "EventRoute", "metadata": {
            "name": "theirs", "namespace": "team-fraud"}}):
        kube.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"]["namespace"])
    assert not taken, "\n".join(taken)


def labels_of(namespace, kube):
    return kube.get("v1", "Namespace", namespace)["metadata"].get("labels", {})


def who_is_on_call_pauses_and_heals_but_makes_and_deletes_nothing(bench):
    install(bench)
    on_call = bench.kube.as_user("eve", "on-call", ANYONE)
    for verb, group, resource in (
            ("get", "turnout.dev", "eventrouters"), ("patch", "turnout.dev", "eventrouters"),
            ("list", "turnout.dev", "eventroutes"), ("get", "", "pods/log"), ("delete", "", "pods"),
            ("list", "apps", "statefulsets"), ("list", "", "events"),
            ("patch", "turnout.dev", "eventrouters/scale")):
        assert on_call.may(verb, group, resource, "turnout-shop"), (verb, resource)
    for verb, group, resource in (
            ("create", "turnout.dev", "eventrouters"), ("delete", "turnout.dev", "eventrouters"),
            ("patch", "turnout.dev", "eventroutes"), ("get", "", "secrets"), ("create", "", "pods/exec"),
            ("patch", "apps", "statefulsets"), ("delete", "", "persistentvolumeclaims")):
        assert not on_call.may(verb, group, resource, "turnout-shop"), (verb, resource)
    assert not on_call.may("get", "turnout.dev", "eventrouters", "elsewhere")
    on_call.patch(API, "EventRouter", "shop", {"spec": {"paused": True}}, "turnout-shop")
    on_call.patch(API, "EventRouter", "shop", {"spec": {"paused": False}}, "turnout-shop")
    on_call.patch(API, "EventRouter", "shop", {"spec": {"replicas": 3, "onDelete": {"lag": "Drain"},
                                                        "upgrade": {"watchSeconds": 60}}}, "turnout-shop")
    wait_for(lambda: caught(on_call.patch, API, "EventRouter", "shop", {"spec": {"version": "9.9.9"}}, "turnout-shop"),
             "the policy is in force")
    bench.kube.patch(API, "EventRouter", "shop", {"spec": {"version": None}}, "turnout-shop")
    for field, value in (("image", "elsewhere/anything"), ("version", "9.9.9"), ("config", {"log": {"level": "debug"}}),
                         ("serviceAccount", {"roleArn": "arn:aws:iam::123456789012:role/admin"}),
                         ("config", None),
                         ("teams", [{"name": "fraud", "namespace": "team-fraud", "destinations": ["*"]}])):
        refused = refusal(on_call.patch, API, "EventRouter", "shop", {"spec": {field: value, "paused": True}},
                          "turnout-shop")
        assert refused.code == 403 and f"this changes {field}:" in refused.message, refused
    # An owner that is not there has the garbage collector delete the router; the others change what it is to others.
    uid = bench.kube.get(API, "EventRouter", "shop", "turnout-shop")["metadata"]["uid"]
    for field, value in (("ownerReferences", STRANGE), ("finalizers", ["a.example/held"]), ("labels", {"a": "b"}),
                         ("annotations", {"kubectl.kubernetes.io/last-applied-configuration": "{}"})):
        refused = refusal(on_call.patch, API, "EventRouter", "shop", {"metadata": {field: value}, "spec": {"paused": True}},
                          "turnout-shop")
        assert refused.code == 403 and f"this changes {field}:" in refused.message, refused
    assert bench.kube.get(API, "EventRouter", "shop", "turnout-shop")["metadata"]["uid"] == uid
    # An account beside the controller's that has the role is on call like anybody.
    beside = bench.kube.as_service_account(NAMESPACE, "beside")
    bench.kube.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {
        "name": "beside", "namespace": "turnout-shop"}, "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "turnout-on-call"},
        "subjects": [{"kind": "ServiceAccount", "name": "beside", "namespace": NAMESPACE}]})
    wait_for(lambda: beside.patch(API, "EventRouter", "shop", {"spec": {"paused": False}}, "turnout-shop"),
             "it is on call")
    refused = refusal(beside.patch, API, "EventRouter", "shop", {"spec": {"image": "elsewhere/anything"}}, "turnout-shop")
    assert refused.code == 403 and "this changes image:" in refused.message, refused
    owner = bench.kube.as_user("pat", "platform-team", ANYONE)
    bench.kube.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {
        "name": "platform", "namespace": "turnout-shop"}, "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "turnout-platform"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "platform-team"}]})
    wait_for(lambda: owner.patch(API, "EventRouter", "shop", {"spec": {"version": "9.9.9"}}, "turnout-shop"),
             "who owns it changes all of it")
    owner.patch(API, "EventRouter", "shop", {"spec": {"version": None}}, "turnout-shop")
    # `edit` and `view`, which clusters have already, have their part of it.
    kube = bench.kube
    for name, verb, resource, is_there in (("edit", "create", "eventroutes", True),
                                           ("edit", "patch", "eventrouters", False),
                                           ("view", "list", "eventrouters", True),
                                           ("view", "create", "eventroutes", False),
                                           ("turnout-platform", "create", "eventrouters", True)):
        rules = kube.get("rbac.authorization.k8s.io/v1", "ClusterRole", name)["rules"]
        has = any(resource in rule.get("resources", []) and verb in rule["verbs"] and
                  "turnout.dev" in rule["apiGroups"] for rule in rules)
        assert has == is_there, (name, verb, resource)


def the_restricted_profile_admits_our_pods_and_no_other_form_of_them(bench):
    install(bench)
    kube = bench.kube
    tried = 0
    for item in kustomize(TREE / "base"):
        pod = pod_of(item)
        if not pod:
            continue
        kube.create(pod, dry_run=True)
        main = pod["spec"]["containers"][0]
        for spoil in ({"runAsNonRoot": False, "runAsUser": 0}, {"privileged": True},
                      {"allowPrivilegeEscalation": True}, {"capabilities": {"add": ["NET_ADMIN"]}}):
            spoiled = {**pod, "spec": {**pod["spec"], "containers": [
                {**main, "securityContext": {**main["securityContext"], **spoil}}]}}
            refused = refusal(kube.create, spoiled, dry_run=True)
            assert refused.code in (403, 422), refused
            tried += 1
        on_host = {**pod, "spec": {**pod["spec"], "volumes": pod["spec"]["volumes"] + [
            {"name": "host", "hostPath": {"path": "/"}}]}}
        assert "PodSecurity" in refusal(kube.create, on_host, dry_run=True).message
    assert tried == 8, tried


TESTS = [
    a_team_edits_its_own_routes_and_nothing_else,
    a_team_is_kept_out_of_anothers_name_and_anothers_router,
    the_controllers_account_may_do_what_it_does_and_no_more,
    the_controllers_account_touches_only_what_is_a_routers,
    the_controllers_account_makes_nothing_where_no_service_is,
    the_controller_itself_works_with_what_the_manifests_grant_and_forbid,
    the_managers_account_onboards_and_reaches_nothing_else,
    who_is_on_call_pauses_and_heals_but_makes_and_deletes_nothing,
    the_restricted_profile_admits_our_pods_and_no_other_form_of_them,
]
