"""What the testbed itself has to do, since other tests go by it: nodes and pods that come and go."""
from cluster import NODE_GRACE_S
from kube import wait_for

LOST_S = NODE_GRACE_S + 60


def stateful_set(namespace, name, replicas=1):
    """One whose pods the restricted profile admits, and leave a lost node soon."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas, "serviceName": name, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "securityContext": {"runAsNonRoot": True, "runAsUser": 65532,
                                    "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": "main", "image": "any:1", "securityContext": {
                    "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}]}}}}


def is_ready(pod):
    return pod and any(one["type"] == "Ready" and one["status"] == "True"
                       for one in pod.get("status", {}).get("conditions", []))


def pods_become_ready_and_killed_ones_come_back(bench):
    kube, space = bench.kube, bench.namespace("pods")
    kube.apply(stateful_set(space, "one"))

    def ready_one():
        pod = kube.find("v1", "Pod", "one-0", space)
        return is_ready(pod) and pod
    first = wait_for(ready_one, "one-0 is ready")
    kube.delete("v1", "Pod", "one-0", space, now=True)
    second = wait_for(lambda: (ready_one() or first)["metadata"]["uid"] != first["metadata"]["uid"]
                      and ready_one(), "one-0 is ready again")
    assert second["spec"]["nodeName"], second


def a_lost_node_is_noticed_and_its_pods_are_sent_away(bench):
    """The pod of a StatefulSet waits for the node, or for somebody who says that it is gone: nobody
    may start it a second time before."""
    kube, cluster, space = bench.kube, bench.cluster, bench.namespace("lost-node")
    cluster.add_node("doomed", {"tests/only": "doomed"})
    wanted = stateful_set(space, "here")
    wanted["spec"]["template"]["spec"]["nodeSelector"] = {"tests/only": "doomed"}
    kube.apply(wanted)
    pod = wait_for(lambda: is_ready(kube.find("v1", "Pod", "here-0", space)) and
                   kube.get("v1", "Pod", "here-0", space), "here-0 is ready")
    cluster.lose_node("doomed")
    wait_for(lambda: not cluster.node_is_ready("doomed"), "the node is not ready", LOST_S)
    wait_for(lambda: kube.get("v1", "Pod", "here-0", space)["metadata"].get("deletionTimestamp"),
             "here-0 is to leave", LOST_S)
    wanted["spec"]["template"]["spec"]["nodeSelector"] = {}
    kube.apply(wanted)
    kube.delete("v1", "Pod", "here-0", space, now=True)
    elsewhere = wait_for(
        lambda: (lambda new: new and new["metadata"]["uid"] != pod["metadata"]["uid"] and
                 is_ready(new) and new)(kube.find("v1", "Pod", "here-0", space)),
        "here-0 is ready elsewhere", LOST_S)
    assert elsewhere["spec"]["nodeName"] != "doomed", elsewhere["spec"]
    kube.delete("v1", "Node", "doomed")


TESTS = [
    pods_become_ready_and_killed_ones_come_back,
    a_lost_node_is_noticed_and_its_pods_are_sent_away,
]
