"""deploy/eks, as far as it can be judged without an AWS account: its files, its policies, its arithmetic,
and by a real API server what of it is Kubernetes'.

What Amazon documents of actions is written down here: each with the kind of resource it is for, and, for
Kafka's, with what it needs beside it (MSK's developer guide, "Semantics of IAM authorization policy
actions and resources").
"""
import base64
import fnmatch
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from confluent_kafka import Producer

import manifests
import policy_cases
import topics
from kafka import Kafka
from kube import objects_in, wait_for
from processes import free_port

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
EKS = ROOT / "deploy/eks"

# action -> (kind of resource, actions that have to be granted beside it)
KAFKA = {
    "Connect": ("cluster", ()),
    "DescribeCluster": ("cluster", ("Connect",)),
    "AlterCluster": ("cluster", ("Connect", "DescribeCluster")),
    "DescribeClusterDynamicConfiguration": ("cluster", ("Connect",)),
    "AlterClusterDynamicConfiguration": ("cluster", ("Connect", "DescribeClusterDynamicConfiguration")),
    "WriteDataIdempotently": ("cluster", ("Connect", "WriteData")),
    "CreateTopic": ("topic", ("Connect",)),
    "DescribeTopic": ("topic", ("Connect",)),
    "AlterTopic": ("topic", ("Connect", "DescribeTopic")),
    "DeleteTopic": ("topic", ("Connect", "DescribeTopic")),
    "DescribeTopicDynamicConfiguration": ("topic", ("Connect",)),
    "AlterTopicDynamicConfiguration": ("topic", ("Connect", "DescribeTopicDynamicConfiguration")),
    "ReadData": ("topic", ("Connect", "DescribeTopic", "AlterGroup")),
    "WriteData": ("topic", ("Connect", "DescribeTopic")),
    "DescribeGroup": ("group", ("Connect",)),
    "AlterGroup": ("group", ("Connect", "DescribeGroup")),
    "DeleteGroup": ("group", ("Connect", "DescribeGroup")),
    "DescribeTransactionalId": ("transactional-id", ("Connect",)),
    "AlterTransactionalId": ("transactional-id", ("Connect", "DescribeTransactionalId", "WriteData")),
}
KINDS = {f"kafka-cluster:{name}": f":{kind}/" for name, (kind, _) in KAFKA.items()}
KINDS |= {"s3:ListBucket": "arn:aws:s3:::[^/]*$", "ecr:GetAuthorizationToken": r"^\*$"}
KINDS |= {f"s3:{name}": "arn:aws:s3:::[^/]+/.+" for name in
          ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload")}
KINDS |= {f"ecr:{name}": ":repository/" for name in (
    "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "GetDownloadUrlForLayer",
    "InitiateLayerUpload", "PutImage", "UploadLayerPart")}
# Where all below a name is meant: a prefix of a bucket; Amazon's own images of EKS.
EVERYTHING_BELOW = re.compile(r":::[^/]+/(state/[^/*]+|manager(-backups)?)/\*$"
                              r"|:602401143452:repository/\*$")


SHELL_S = 90


def listed(value):
    return value if isinstance(value, list) else [value]


def rendered(bench):
    out = bench.directory / "eks"
    done = subprocess.run([EKS / "render", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def values():
    return dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", (EKS / "values.env").read_text(), re.M))


def problems_of(policy):
    """What is wrong with a policy that is attached to a role."""
    statements = policy["Statement"]
    granted = {action for statement in statements for action in listed(statement["Action"])}
    if policy.get("Version") != "2012-10-17":
        yield "not of this policy language's version"
    if len({statement["Sid"] for statement in statements}) < len(statements):
        yield "two statements have one Sid"
    for statement in statements:
        where = statement["Sid"]
        if statement["Effect"] != "Allow" or "NotAction" in statement or "NotResource" in statement:
            yield f"{where}: says more than what is allowed"
        for action in listed(statement["Action"]):
            if action not in KINDS:
                yield f"{where}: no known action: {action}"
                continue
            for resource in listed(statement["Resource"]):
                if not re.search(KINDS[action], resource):
                    yield f"{where}: {action} is not for {resource}"
                if resource.endswith(("/*", ":*")) and not EVERYTHING_BELOW.search(resource):
                    yield f"{where}: {resource} is all there is"
            name = action.removeprefix("kafka-cluster:")
            for needed in KAFKA.get(name, ("", ()))[1] if name != action else ():
                if f"kafka-cluster:{needed}" not in granted:
                    yield f"{where}: {action} needs {needed}"


def policies(directory):
    return {path.stem: json.loads(path.read_text()) for path in sorted((directory / "iam").glob("*.json"))}


def allows(policy, action, resource):
    return any(action in listed(statement["Action"]) and
               any(fnmatch.fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
               for statement in policy["Statement"])


def the_policies_grant_known_actions_on_named_resources(bench):
    granted = {name: policy for name, policy in policies(rendered(bench)).items()
               if not name.endswith("-trust")}
    assert len(granted) == 7, sorted(granted)
    for name, policy in granted.items():
        found = list(problems_of(policy))
        assert not found, f"{name}: {found}"
    text = json.dumps(granted["router-kafka"])
    for right, wrong in (("kafka-cluster:ReadData", "kafka-cluster:ReadDta"),
                         ("kafka-cluster:ReadData", "kafka-cluster:*"),
                         ("kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"),
                         (":group/", ":topic/"), ("/orders.*", "/*"), ("Allow", "Deny")):
        assert right in text and list(problems_of(json.loads(text.replace(right, wrong)))), wrong


def a_router_may_do_what_it_needs_and_touch_nobody_elses(bench):
    """What runtime/README.md asks for, name by name, as IAM would judge it."""
    value = values()
    policy = policies(rendered(bench))["router-kafka"]
    arn = (f"arn:aws:kafka:{value['AWS_REGION']}:{value['ACCOUNT_ID']}:%s/{value['MSK_CLUSTER']}/"
           f"{value['MSK_UUID']}")
    source, team = value["SOURCE_TOPIC"], value["TEAM"]
    group = f"turnout-{source}"

    def may(action, kind, name=None):
        return allows(policy, f"kafka-cluster:{action}", arn % kind + (f"/{name}" if name else ""))
    assert may("Connect", "cluster")
    for action, kind, name in (
            ("ReadData", "topic", source), ("WriteData", "topic", f"{team}.large-orders"),
            ("WriteData", "topic", f"{value['NEXT_TEAM']}.refunds"),
            ("WriteData", "topic", f"{source}.dead-letter"), ("ReadData", "topic", f"{source}.parking"),
            ("WriteData", "topic", f"{source}.parking"), ("WriteData", "topic", f"{group}.rekey"),
            ("ReadData", "topic", f"{group}.rekey"), ("CreateTopic", "topic", f"{group}.rekey"),
            ("AlterGroup", "group", group), ("AlterGroup", "group", f"{group}.rekey"),
            ("AlterTransactionalId", "transactional-id", f"{group}-shop-0-0")):
        assert may(action, kind, name), f"{action} on {name}"
    for action, kind, name in (
            ("WriteData", "topic", source), ("WriteData", "topic", f"{team}s.x"),
            ("WriteData", "topic", "fraud.alerts"), ("ReadData", "topic", f"{team}.large-orders"),
            ("CreateTopic", "topic", f"{team}.large-orders"), ("DeleteTopic", "topic", source),
            ("AlterGroup", "group", "turnout-other"), ("AlterCluster", "cluster", None),
            ("AlterTransactionalId", "transactional-id", "turnout-other-0")):
        assert not may(action, kind, name), f"{action} on {name}"
    store = policies(rendered(bench))["router-checkpoints"]
    bucket = f"arn:aws:s3:::{value['CHECKPOINT_BUCKET']}"
    assert allows(store, "s3:PutObject", f"{bucket}/state/{group}/{source}/3/1.json")
    assert not allows(store, "s3:GetObject", f"{bucket}/state/turnout-other/t/3/1.json")
    assert not allows(store, "s3:GetObject", f"{bucket}/manager/log")


def each_role_is_for_one_service_account_or_one_workflow(bench):
    value, out = values(), rendered(bench)
    found = policies(out)
    who = {"router-trust": f"system:serviceaccount:{value['ROUTER_NAMESPACE']}:{value['ROUTER']}",
           "manager-trust": "system:serviceaccount:turnout-system:turnout-manager",
           "topics-trust": "system:serviceaccount:turnout-first-steps:first-steps",
           "publish-trust": f"repo:{value['GITHUB_REPOSITORY']}:environment:release"}
    assert set(who) == {name for name in found if name.endswith("-trust")}
    for name, subject in who.items():
        statement, = found[name]["Statement"]
        provider = statement["Principal"]["Federated"].split(":oidc-provider/")[1]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Condition"] == {"StringEquals": {
            f"{provider}:sub": subject, f"{provider}:aud": "sts.amazonaws.com"}}, name
    objects = [item for file in ("pipeline.yaml", "first-steps.yaml")
               for item in yaml.safe_load_all((out / file).read_text())]
    router = next(item for item in objects if item["kind"] == "EventRouter")
    assert router["spec"]["serviceAccount"]["roleArn"].endswith(f"role/turnout-{value['ROUTER']}")
    workflow = (ROOT / ".github/workflows/image.yml").read_text()
    assert "role/turnout-publish" in workflow and "environment: release" in workflow


def every_file_can_be_read_and_says_what_the_page_says(bench):
    out = rendered(bench)
    for path in out.rglob("*.json"):
        json.loads(path.read_text())
    for path in out.rglob("*.yaml"):
        assert all(isinstance(item, dict) for item in yaml.safe_load_all(path.read_text())), path
    page = (EKS / "README.md").read_text()
    for name in re.findall(r"build/eks/([\w./-]+\.(?:json|yaml|properties))", page):
        if f">build/eks/{name}" in page:  # it makes that itself
            continue
        assert (out / name).is_file(), f"README.md applies {name}"
    for path in EKS.iterdir():
        assert f"`{path.name}" in page or path.name in ("README.md", "iam"), f"{path.name} is not in README.md"
    policy_names = {path.stem for path in (EKS / "iam").iterdir()}
    used = set(re.findall(r"[a-z]+-(?:trust|kafka|checkpoints|store|pull)|\bpublish(?:-trust)?\b", page))
    assert policy_names <= used, policy_names - used
    msk = json.loads((out / "msk.json").read_text())["Provisioned"]
    assert msk["ClientAuthentication"] == {"Sasl": {"Iam": {"Enabled": True}},
                                           "Unauthenticated": {"Enabled": False}}
    assert msk["EncryptionInfo"]["EncryptionInTransit"]["ClientBroker"] == "TLS"
    assert msk["NumberOfBrokerNodes"] % len(msk["BrokerNodeGroupInfo"]["ClientSubnets"]) == 0
    properties = dict(line.split("=", 1) for line in (out / "msk.properties").read_text().splitlines())
    assert properties["auto.create.topics.enable"] == "false"
    left = bench.directory / "left.env"
    left.write_text("ACCOUNT_ID=1\n")  # and nothing else
    done = subprocess.run([EKS / "render", bench.directory / "half", left], capture_output=True, text=True)
    assert done.returncode != 0 and "@AWS_REGION@" in done.stdout


def a_value_is_given_once_or_refused(bench):
    """The page's commands and `render` read the same file in two ways: a name that is there twice would be
    two values."""
    lines = (EKS / "values.env").read_text().splitlines()
    names = [line.split("=")[0] for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names)), names
    twice = bench.directory / "twice.env"
    twice.write_text("\n".join([*lines, "", "VPC_CIDR=10.43.0.0/16"]) + "\n")
    out = bench.directory / "twice"
    done = subprocess.run([EKS / "render", out, twice], capture_output=True, text=True)
    first = next(number for number, line in enumerate(lines, 1) if line.startswith("VPC_CIDR="))
    assert done.returncode == 1, done.stdout
    assert f"{twice}:{len(lines) + 2}: VPC_CIDR has a value already, in line {first}" in done.stderr, done.stderr
    assert "delete one" in done.stderr and not out.exists(), done.stderr
    in_shell = subprocess.run(["bash", "-c", f"set -a; . {EKS}/values.env; env"], capture_output=True, text=True,
                              check=True, env={"PATH": os.environ["PATH"]})
    read_by_a_shell = dict(line.split("=", 1) for line in in_shell.stdout.splitlines())
    for name, value in values().items():
        assert read_by_a_shell[name] == value, name


def every_command_of_the_page_is_good_shell(bench):
    page = (EKS / "README.md").read_text()
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.M | re.S)
    assert len(blocks) >= 7
    for number, block in enumerate([*blocks, (EKS / "render").read_text()]):
        script = bench.directory / f"{number}.sh"
        # Values come from values.env, which a block names itself or has from one before.
        names = "".join(f'{name}="${{{name}}}"\n' for name in values())
        script.write_text("#!/usr/bin/env bash\n" + (names + block if number < len(blocks) else block))
        for command in (["bash", "-n"], ["shellcheck", "--severity=warning", "--exclude=SC1091,SC2034,SC2155"]):
            done = subprocess.run([*command, script], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def the_costs_in_the_page_are_what_its_script_computes(bench):
    page = (EKS / "README.md").read_text()
    table = page.split("<!-- costs -->\n")[1].split("<!-- /costs -->")[0].strip()
    done = subprocess.run([EKS / "costs"], capture_output=True, text=True, check=True)
    assert table == done.stdout.strip(), done.stdout
    loader = importlib.machinery.SourceFileLoader("costs", str(EKS / "costs"))
    sys.dont_write_bytecode = True
    costs = importlib.util.module_from_spec(importlib.util.spec_from_loader("costs", loader))
    loader.exec_module(costs)
    given = {**costs.inputs()[0], **costs.measured()}
    # By hand, another way round: what an event costs, times how many there are.
    floor = json.loads((ROOT / "bench/results/floor.json").read_text())
    assert (given["cpu_us"], given["outputs"]) == (floor["turnout_us_per_event"], floor["outputs_per_event"])
    events = 63_000 * 730 * 3_600
    bytes_an_event = 1_024 * (1 + floor["outputs_per_event"])
    bill = {name: usd for name, _, usd in costs.month(given, costs.sizes(given))}
    assert abs(bill["routers between zones"] - events * bytes_an_event * 2 / 3 / 1e9 * 0.02) < 1
    assert abs(bill["brokers' disks"] - 63_000 * bytes_an_event * 3 * 86_400 / 1e9 * 0.10) < 1
    assert bill["router nodes"] / sum(bill.values()) < 0.03  # as the page says
    # More load never costs less.
    totals = [sum(usd for _, _, usd in costs.month(x, costs.sizes(x)))
              for x in ({**given, "events_per_s": rate} for rate in (1_000, 63_000, 500_000))]
    assert totals == sorted(totals)


def what_is_kubernetes_on_the_page_is_taken_by_a_real_server(bench):
    """Strictly, by the CRDs of Karpenter and ours, and with our policies: the platform as build/eks
    makes it, and what is applied after it."""
    policy_cases.install(bench)
    out = platform_of(bench)
    platform = manifests.kustomize(out)
    space = values()["ROUTER_NAMESPACE"]  # the tests of policies have a router of this name there
    applied = [item for name in ("storage", "karpenter", "first-steps", "pipeline")
               for item in objects_in((out / f"{name}.yaml").read_text().replace(space, f"{space}-eks"))]
    for kind in ("Namespace", "ServiceAccount"):  # of which policies and pods ask
        for item in platform + applied:
            if item["kind"] == kind:
                bench.kube.apply(item)
    for item in applied + platform:
        meta = item["metadata"]
        if item["kind"] == "StatefulSet":  # of those that are there already claims can't be changed
            meta = {**meta, "name": meta["name"] + "-eks"}
        bench.kube.apply({**item, "metadata": meta}, dry_run=True)
    kinds = {item["kind"] for item in applied}
    assert {"EC2NodeClass", "NodePool", "EventRouter", "EventRoute", "StorageClass", "Pod"} <= kinds
    # The controller may make the router's children there, and the route is the team's own.
    (router,) = [item for item in applied if item["kind"] == "EventRouter"]
    space = router["metadata"]["namespace"]
    controller = bench.kube.as_service_account(manifests.NAMESPACE, "turnout-controller")
    controller.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": "child", "namespace": space, "labels": {
            "turnout.dev/router": router["metadata"]["name"],
            "app.kubernetes.io/managed-by": "turnout-controller"}}}, dry_run=True)
    images = [container["image"] for item in platform if item["kind"] in ("Deployment", "StatefulSet")
              for container in item["spec"]["template"]["spec"]["containers"]]
    registry = f"{values()['ACCOUNT_ID']}.dkr.ecr.{values()['AWS_REGION']}.amazonaws.com/turnout:"
    assert len(images) >= 2 and all(image.startswith(registry) for image in images), images
    account = next(item for item in platform if item["kind"] == "ServiceAccount"
                   and item["metadata"]["name"] == "turnout-manager")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].endswith("role/turnout-manager")


def no_pipeline_that_is_deployed_shows_events_unmasked(bench):
    """A dry run of onboarding has live samples on EKS and in the overlay, without their keys and whose they are."""
    production, = [item for item in objects_in((ROOT / "deploy/kubernetes/overlays/production/manager_config.yaml")
                                               .read_text())]
    eks = manifests.by_key(manifests.kustomize(platform_of(bench)))["v1", "ConfigMap", manifests.NAMESPACE,
                                                                    "turnout-manager"]
    for config in (production, eks):
        pipeline = yaml.safe_load(config["data"]["pipeline.yaml"])
        samples = pipeline["rules_from"]["samples"]
        assert samples.startswith("without "), samples
        masked = [one.strip() for one in samples.removeprefix("without ").split(",")]
        whose = pipeline["source"]["partitioned_by"]
        assert "$kafka.key" in masked and any(
            whose == one or whose.startswith(f"{one}.") for one in masked), (whose, masked)


def platform_of(bench):
    """build/eks, beside what its kustomization.yaml names."""
    out = bench.directory / "checkout/build/eks"
    shutil.copytree(ROOT / "deploy/kubernetes", bench.directory / "checkout/deploy/kubernetes")
    out.parent.mkdir()
    rendered(bench).rename(out)
    return out


def page_block(words):
    """The page's block of commands that has these words."""
    (found,) = [block for block in re.findall(r"^```bash\n(.*?)^```", (EKS / "README.md").read_text(), re.M | re.S)
                if words in block]
    return found


def a_further_team_comes_by_the_pages_one_request(bench):
    """The page's own commands: they make the manager's Secrets, and onboard. Manager, controller, API server
    and Kafka are real; Kafka is no MSK, so how it is reached is another."""
    policy_cases.install(bench)
    kube, cluster = bench.kube, bench.cluster
    place = bench.directory / "checkout"
    shutil.copytree(ROOT / "deploy/kubernetes", place / "deploy/kubernetes")
    (place / "deploy/eks").mkdir()
    given = {**values(), "ROUTER_NAMESPACE": "turnout-eks", "TEAM": "eks-first", "NEXT_TEAM": "eks-next"}
    env_file = place / "deploy/eks/values.env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    out = place / "build/eks"
    subprocess.run([EKS / "render", out, env_file], check=True, capture_output=True)

    def shell(script):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=place, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=SHELL_S, env={
                                  **os.environ, "KUBECONFIG": str(cluster.kubeconfig),
                                  "PATH": f"{cluster.kubectl.parent}:{os.environ['PATH']}"})
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout
    shell(page_block("openssl req"))
    platform = manifests.by_key(manifests.kustomize(out))
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        kube.apply(platform["rbac.authorization.k8s.io/v1", kind, "", "turnout-manager"])
    etc = bench.directory / "etc"
    sources = platform["apps/v1", "StatefulSet", manifests.NAMESPACE, "turnout-manager"]["spec"]["template"][
        "spec"]["volumes"][0]["projected"]["sources"]
    for source in sources:  # as a kubelet lays them out
        if "secret" in source:
            made = kube.find("v1", "Secret", source["secret"]["name"], manifests.NAMESPACE)
            if made is None and source["secret"].get("optional"):
                continue
            for item in source["secret"]["items"]:
                (etc / item["path"]).parent.mkdir(parents=True, exist_ok=True)
                (etc / item["path"]).write_bytes(base64.b64decode(made["data"][item["key"]]))
    broker = Kafka(lives_briefly=True)
    bench.closes(broker)
    broker.start()
    files = platform["v1", "ConfigMap", manifests.NAMESPACE, "turnout-manager"]["data"]
    pipeline, config = yaml.safe_load(files["pipeline.yaml"]), yaml.safe_load(
        files["manager.yaml"].replace("/etc/turnout/", f"{etc}/").replace("/var/lib/", f"{bench.directory}/"))
    assert pipeline.pop("kafka")["sasl.oauthbearer.method"] == "aws_msk_iam"
    pipeline["brokers"] = broker.bootstrap
    for account in ("manager", "controller"):
        (bench.directory / account).write_text(cluster.token(manifests.NAMESPACE, f"turnout-{account}"))
    onboarding = config["services"][given["ROUTER"]]["onboarding"]
    onboarding["kubernetes"].update(server=cluster.server, token_file=str(bench.directory / "manager"),
                                    ca_file=str(cluster.ca))
    assert onboarding.pop("replication_factor") == 3  # here is one broker
    port = free_port()
    config["listen"] = f"127.0.0.1:{port}"
    config["data"] = str(bench.directory / "data")
    (etc / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    (etc / "manager.yaml").write_text(yaml.safe_dump(config))
    bench.begin("manager-process", bench.turnout, "manager", "--config", etc / "manager.yaml")
    for item in objects_in((out / "pipeline.yaml").read_text()):
        wait_for(lambda: kube.apply(item), f"{item['kind']} is taken")
    controller = bench.begin(
        "controller-process", bench.turnout, "controller", "--image=turnout", "--server", cluster.server, "--token-file",
        bench.directory / "controller", "--ca-file", cluster.ca, "--namespace", manifests.NAMESPACE)
    asked = page_block("/v1/onboard")
    forward = re.search(r"^kubectl .* port-forward .* &$", asked, re.M)[0]  # there is no pod to forward to
    asked = asked.replace(forward, "sleep 600 >/dev/null 2>&1 &").replace("8470", str(port))
    try_on_what_there_is(broker, given["SOURCE_TOPIC"], lambda: shell(
        asked[:asked.index("\nEOF\n")].replace('"why"', '"dry_run": true, "why"') + "\nEOF\nkill $forward"))
    said = shell(asked)
    assert '"outcome":"made"' in said.replace(" ", "") and "condition met" in said, said
    assert topics.existing(broker.bootstrap)["eks-next.refunds"] == 1
    teams = kube.get("turnout.dev/v1alpha1", "EventRouter", given["ROUTER"], "turnout-eks")["spec"]["teams"]
    assert [one["name"] for one in teams] == ["eks-first", "eks-next"], teams
    assert controller.stop() == 0  # and lets go of the lease


def try_on_what_there_is(broker, source, ask):
    """A dry run shows the newest events that match, and not whose they are."""
    topics.create(broker.bootstrap, source, 1)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for kind in ("refund", "order"):
        producer.produce(source, json.dumps({"type": kind, "customer": "planted"}).encode(), key=b"planted")
    producer.flush(10)
    said = ask()
    samples = json.loads(said)["samples"]
    assert (samples["state"], samples["events"], samples["matched"]) == ("here", 2, 1), samples
    assert json.loads(samples["examples"][0]["value"]) == {"type": "refund", "customer": "***"}, samples
    assert "planted" not in said


TESTS = [a_further_team_comes_by_the_pages_one_request,
         the_policies_grant_known_actions_on_named_resources,
         a_router_may_do_what_it_needs_and_touch_nobody_elses,
         each_role_is_for_one_service_account_or_one_workflow,
         every_file_can_be_read_and_says_what_the_page_says,
         a_value_is_given_once_or_refused,
         no_pipeline_that_is_deployed_shows_events_unmasked,
         every_command_of_the_page_is_good_shell,
         the_costs_in_the_page_are_what_its_script_computes,
         what_is_kubernetes_on_the_page_is_taken_by_a_real_server]
