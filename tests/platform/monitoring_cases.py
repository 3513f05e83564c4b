"""What says that the controller or the manager needs somebody: by promtool, by strict dry run, and by the
metrics that the two really have."""
import re
import shutil

import yaml

import binaries
from controller_cases import begin, may_control, says
from manifest_cases import dry_run
from manifests import NAMESPACE, ROOT, TREE, by_key, helm, key
from kube import objects_in

COMPONENT = TREE / "components/monitoring"
TESTS_FILE = ROOT / "deploy/monitoring/platform_alerts_test.yml"
SERIES = re.compile(r"\bturnout_[a-z_]+\b")
PARTS = ("controller", "manager")


def objects_of(part):
    return objects_in((COMPONENT / f"{part}.yaml").read_text())


def alerts_of(part):
    (rule,) = [item for item in objects_of(part) if item["kind"] == "PrometheusRule"]
    return [one for group in rule["spec"]["groups"] for one in group["rules"]]


def alerts_of_the_platform_fire_when_they_should(bench):
    for part in PARTS:
        (rule,) = [item for item in objects_of(part) if item["kind"] == "PrometheusRule"]
        (bench.directory / f"{part}.yaml").write_text(yaml.safe_dump(rule["spec"]))
    shutil.copy(TESTS_FILE, bench.directory)
    binaries.run("promtool", "test", "rules", bench.directory / TESTS_FILE.name)
    # The tests compare all that fire, so an alert that one of them awaits is missed if it is gone.
    awaited = re.findall(r'labels: \'{alertname="(\w+)"', TESTS_FILE.read_text())
    alerts = [one["alert"] for part in PARTS for one in alerts_of(part)]
    assert len(alerts) > 12 and sorted(alerts) == sorted(awaited), (set(alerts) ^ set(awaited))


def alerts_of_the_platform_ask_for_metrics_that_there_are(bench):
    _, listen = begin(bench, may_control(bench))
    exported = {"controller": says(listen, "/metrics"),
                # Some of the manager's are there with a bucket, a repository or backups only.
                "manager": "".join((ROOT / "deploy/manager" / name).read_text()
                                   for name in ("manager_server.cc", "backups.cc"))}
    for part in PARTS:
        for one in alerts_of(part):
            notes = one["annotations"]
            assert set(notes) == {"summary", "do", "metric"} and all(notes.values()), one
            asked = set(SERIES.findall(one["expr"]))
            assert set(notes["metric"].split(", ")) == (asked or {"up"}), one
            for name in asked:
                named = name.removeprefix("turnout_manager_") if "backup" in name else name
                assert re.search(rf'\b{named}\b', exported[part]), f"{name} is nobody's"


def monitoring_is_the_same_by_kustomize_and_by_helm(bench):
    plain = by_key(helm())
    added = {key(item): item for item in helm("--set", "monitoring.enabled=true")
             if key(item) not in plain}
    wanted = by_key([item for part in PARTS for item in objects_of(part)])
    assert added == wanted, set(added) ^ set(wanted)
    dry_run(bench.kube, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
                         *wanted.values()])
    alone = by_key(helm("--set", "monitoring.enabled=true", "--set", "manager.enabled=false"))
    assert not any("manager" in name for _, _, _, name in set(alone) & set(wanted))
    # Whoever is scraped has the port that is asked for.
    pods = {name: item["spec"]["template"] for (_, kind, _, name), item in plain.items()
            if kind in ("Deployment", "StatefulSet")}
    for item in wanted.values():
        if item["kind"] == "PodMonitor":
            template = pods[item["metadata"]["name"]]
            labels = item["spec"]["selector"]["matchLabels"]
            assert labels.items() <= template["metadata"]["labels"].items(), item
            ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
            assert {one["port"] for one in item["spec"]["podMetricsEndpoints"]} <= ports, item


TESTS = [alerts_of_the_platform_fire_when_they_should,
         alerts_of_the_platform_ask_for_metrics_that_there_are,
         monitoring_is_the_same_by_kustomize_and_by_helm]
