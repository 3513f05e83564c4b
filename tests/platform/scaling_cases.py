"""The number of pods by lag: Kubernetes' own autoscaler, a metric, the EventRouter's scale subresource.

The metric is served as prometheus-adapter serves it by deploy/monitoring/lag-metric.yaml, through the
API server's aggregation; the adapter itself is played.
"""
import http.server
import json
import re
import ssl
import threading
import urllib.parse

import yaml

import binaries
from controller_cases import API, begin, may_control, route, router, stateful_set
from kube import wait_for
from manifests import ROOT
from processes import free_port

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
KIND = ("autoscaling/v2", "HorizontalPodAutoscaler")
LAG_S = 20
SERIES = "turnout_partition_lag_seconds"


class Adapter:
    """A server of external metrics; `lags` by (namespace, router) in seconds."""

    def __init__(self, bench):
        rules = yaml.safe_load((ROOT / "deploy/monitoring/lag-metric.yaml").read_text())["rules"]
        (self._rule,) = rules["external"]
        self.lags, self._bench = {}, bench
        adapter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                code, body = adapter.answer(self.path)
                data = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*bench.cluster.certificate("IP:127.0.0.1", "DNS:localhost"))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._register(bench.namespace("adapter"))

    def _register(self, space):
        """The API server reaches it by the only kind of Service that leads to this machine."""
        kube, port = self._bench.kube, self._server.server_address[1]
        kube.apply({"apiVersion": "v1", "kind": "Service",
                    "metadata": {"name": "adapter", "namespace": space},
                    "spec": {"type": "ExternalName", "externalName": "localhost",
                             "ports": [{"port": port}]}})
        kube.apply({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                    "metadata": {"name": f"{VERSION}.{GROUP}"},
                    "spec": {"group": GROUP, "version": VERSION, "insecureSkipTLSVerify": True,
                             "groupPriorityMinimum": 100, "versionPriority": 100,
                             "service": {"name": "adapter", "namespace": space, "port": port}}})
        wait_for(lambda: kube.raw("GET", f"/apis/{GROUP}/{VERSION}")[0] == 200, "metrics are served")

    def answer(self, path):
        place = urllib.parse.urlsplit(path)
        asked = re.fullmatch(rf"/apis/{GROUP}/{VERSION}/namespaces/([^/]+)/([^/]+)", place.path)
        if not asked:
            return 200, {"kind": "APIResourceList", "apiVersion": "v1",
                         "groupVersion": f"{GROUP}/{VERSION}", "resources": []}
        namespace, name = asked.groups()
        if name != self._rule["name"]["as"]:
            return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                         "reason": "NotFound", "message": f"no metric {name}"}
        selector = urllib.parse.parse_qs(place.query).get("labelSelector", [""])[0]
        label, _, wanted = selector.partition("=")
        assert f"{label}" in self._rule["seriesQuery"], selector
        items = [{"metricName": name, "metricLabels": {label: wanted}, "value": str(lag),
                  "timestamp": "2026-01-01T00:00:00Z"}
                 for (space, router_name), lag in self.lags.items()
                 if (space, router_name) == (namespace, wanted)]
        return 200, {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/{VERSION}",
                     "metadata": {}, "items": items}

    def kill(self):
        self._bench.kube.delete("apiregistration.k8s.io/v1", "APIService", f"{VERSION}.{GROUP}")
        self._server.shutdown()
        self._server.server_close()


def autoscaled(bench, space):
    status = bench.kube.get(API, "EventRouter", "shop", space).get("status", {})
    found = {one["type"]: one for one in status.get("conditions", [])}.get("Autoscaled", {})
    return found.get("status"), found.get("reason")


def pods_follow_the_lag_without_keda(bench):
    kube, space = bench.kube, bench.namespace("scaling", {"turnout.dev/team": "fraud"})
    begin(bench, may_control(bench))
    adapter = bench.closes(Adapter(bench))
    asked = {"minReplicas": 1, "maxReplicas": 4, "lagSeconds": LAG_S,
             "scaler": "HorizontalPodAutoscaler"}
    item = router(space, autoscaling=asked)
    del item["spec"]["replicas"]  # the autoscaler's
    kube.apply(item)
    kube.apply(route(space))  # without any rule there are no pods
    wait_for(lambda: kube.find(*KIND, "shop", space), "the autoscaler is made")
    wait_for(lambda: autoscaled(bench, space) == ("False", "MetricMissing"),
             "the router says that the metric is missing")
    adapter.lags[space, "shop"] = 3 * LAG_S
    wait_for(lambda: stateful_set(bench, space)["spec"]["replicas"] >= 3, "pods are added")
    scale = kube.call("GET", kube.path(API, "EventRouter", space, "shop", "scale"))
    assert scale["spec"]["replicas"] >= 3 and "turnout.dev/router=shop" in scale["status"]["selector"]
    wait_for(lambda: autoscaled(bench, space) == ("True", "ByLag"), "the router says who scales it")
    wait_for(lambda: stateful_set(bench, space)["spec"]["replicas"] == 4, "no more than the bound")
    # KEDA's resource is known here: it takes over when it is asked for, and nobody else is left.
    kube.apply(router(space, autoscaling={**asked, "scaler": "Keda"}, replicas=4))
    wait_for(lambda: kube.find("keda.sh/v1alpha1", "ScaledObject", "shop", space), "KEDA is told")
    wait_for(lambda: kube.find(*KIND, "shop", space) is None, "the autoscaler is gone")


def the_adapters_rule_asks_for_what_routers_export(bench):
    (rule,) = yaml.safe_load((ROOT / "deploy/monitoring/lag-metric.yaml").read_text())["rules"][
        "external"]
    assert rule["seriesQuery"].startswith(SERIES + "{"), rule
    query = (rule["metricsQuery"].replace("<<.Series>>", SERIES)
             .replace("<<.LabelMatchers>>", 'namespace="a",turnout_dev_router="shop"'))
    lines = "\n".join([
        "rule_files: [rules.yaml]", "evaluation_interval: 1m", "tests:", "  - input_series:",
        *(f"      - {{series: '{SERIES}{{namespace=\"{space}\",turnout_dev_router=\"{name}\","
          f"pod=\"{name}-{pod}\",partition=\"{pod}\"}}', values: '{lag}'}}"
          for space, name, pod, lag in (("a", "shop", 0, 5), ("a", "shop", 1, 40), ("a", "web", 0, 90),
                                        ("b", "shop", 0, 70))),
        f"    promql_expr_test: [{{expr: '{query}', eval_time: 0m, exp_samples: [{{labels: "
        "'{namespace=\"a\",turnout_dev_router=\"shop\"}', value: 40}]}]"])
    (bench.directory / "rules.yaml").write_text("groups: []\n")
    (bench.directory / "test.yaml").write_text(lines)
    binaries.run("promtool", "test", "rules", bench.directory / "test.yaml")


TESTS = [the_adapters_rule_asks_for_what_routers_export, pods_follow_the_lag_without_keda]
