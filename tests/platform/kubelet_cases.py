"""The fake kubelet itself: what a pod sees, and what is said of it."""
import urllib.request

from kube import wait_for
from kubelet import Kubelets
from volumes import Disks

PYTHON = "/usr/bin/python3"
# Serves what its mounts and environment say; 503 once its disk has a file `unwell`.
SERVER = r"""
import http.server, os, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = open("/etc/app/settings/word").read()
        found = [text, os.environ["NAME"], str(os.getuid()), str(os.path.exists("/etc/app/more/a")),
                 str(os.path.exists("/usr/bin/env"))]
        open("/var/lib/app/seen", "w").write(text)
        self.send_response(503 if os.path.exists("/var/lib/app/unwell") else 200)
        self.end_headers()
        self.wfile.write(" ".join(found).encode())
    def log_message(self, *_): pass
http.server.HTTPServer((open("/etc/app/settings/listen").read(), 8080), Page).serve_forever()
"""


def _pod(space, name, nodes, command, image="tests/python", **more):
    container = {"name": "app", "image": image, "command": command,
                 "terminationMessagePolicy": "FallbackToLogsOnError", **more.pop("container", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": space},
            "spec": {**nodes.placing, "terminationGracePeriodSeconds": 5, "containers": [container],
                     "securityContext": {"runAsUser": 65532, "fsGroup": 65532}, **more}}


def _server(space, nodes):
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1}
    return _pod(space, "server", nodes, [PYTHON, "-c", SERVER], container={
        "env": [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "startupProbe": {**probe, "failureThreshold": 30}, "readinessProbe": probe,
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/app/settings"},
                         {"name": "more", "mountPath": "/etc/app/more"},
                         {"name": "disk", "mountPath": "/var/lib/app"}]}, volumes=[
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "more", "projected": {"sources": [
            {"configMap": {"name": "not-there", "optional": True}}]}},
        {"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}])


def pods_of_a_real_node_are_processes(bench):
    kube, space = bench.kube, bench.namespace("kubelet-pods")
    nodes = Kubelets(bench, "kubelet-cases", 1, {"tests/python": PYTHON})
    disks = bench.closes(Disks(bench.cluster, bench.directory / "disks", "kubelet-cases").start())
    settings = {"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "settings", "namespace": space},
                "data": {"word": "one", "listen": "0.0.0.0"}}
    kube.apply(settings)
    kube.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": "disk", "namespace": space},
                "spec": {"storageClassName": disks.storage_class, "accessModes": ["ReadWriteOnce"],
                         "resources": {"requests": {"storage": "1Gi"}}}})
    for pod in (_server(space, nodes),
                _pod(space, "done", nodes, [PYTHON, "-c", "pass"], restartPolicy="Never"),
                _pod(space, "failed", nodes, [PYTHON, "-c", "exit(7)"], restartPolicy="Never"),
                _pod(space, "crashing", nodes, [PYTHON, "-c", "exit('last words')"]),
                _pod(space, "nowhere", nodes, [PYTHON], image="tests/nothing")):
        kube.create(pod)

    def status(name):
        return kube.get("v1", "Pod", name, space).get("status", {})

    def container(name):
        return (status(name).get("containerStatuses") or [{}])[0]

    def is_ready():
        return any(one["type"] == "Ready" and one["status"] == "True"
                   for one in status("server").get("conditions", []))
    wait_for(is_ready, "the server is ready")

    def page():
        return urllib.request.urlopen(f"http://{status('server')['podIP']}:8080/").read().decode()
    assert page() == "one server 65532 False False", page()
    kube.apply({**settings, "data": {"word": "two", "listen": "0.0.0.0"}})
    kube.patch("v1", "Pod", "server", {"metadata": {"annotations": {"look": "again"}}}, space)
    wait_for(lambda: page().startswith("two "), "the changed ConfigMap is in the pod")
    wait_for(lambda: status("done").get("phase") == "Succeeded", "who ends with 0 has succeeded")
    wait_for(lambda: status("failed").get("phase") == "Failed", "who ends with 7 has failed")
    assert container("failed")["state"]["terminated"]["exitCode"] == 7
    wait_for(lambda: container("crashing").get("restartCount", 0) > 1, "who crashes is restarted")
    ended = wait_for(lambda: container("crashing").get("lastState", {}).get("terminated"), "it ended")
    assert ended["exitCode"] == 1 and ended["message"].endswith("last words\n"), ended
    wait_for(lambda: container("nowhere").get("state", {}).get("waiting", {}).get("reason")
             == "ImagePullBackOff", "an unknown image is not pulled")
    place = kube.list("v1", "PersistentVolume")[0]["spec"]["hostPath"]["path"]
    with open(f"{place}/unwell", "w", encoding="utf-8"):
        wait_for(lambda: not is_ready(), "who answers 503 is not ready")
    process = nodes.container(space, "server")
    kube.delete("v1", "Pod", "server", space)
    wait_for(lambda: kube.find("v1", "Pod", "server", space) is None, "the deleted pod is gone")
    assert process.exit_code() == 128 + 15, process.exit_code()
    disks.lose(space, "disk")
    wait_for(lambda: kube.get("v1", "PersistentVolumeClaim", "disk", space)["status"]["phase"] == "Lost",
             "the claim of a lost disk is lost")


TESTS = [pods_of_a_real_node_are_processes]
