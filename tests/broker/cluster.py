"""Several real brokers in one cluster, each a process and a controller too, on 127.0.0.1.

Every partition is on all of them and takes a record once all but one of them have it, so that one
may be away. `with Cluster() as cluster:` starts and ends them; between the two, its `nodes` are
Kafkas: `cluster.nodes[0].kill()`. What a test does with a Kafka, it may do with a Cluster. One that
is added later has what is put there and nothing else, so that all else goes on without it.

Threads: one thread uses a Cluster.
"""
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kafka_protocol
import topics
from kafka import Kafka

NODES = 3
HEAP_MIB = 384
SYNC_TIMEOUT_S = 60


class Cluster:
    def __init__(self, directory=None, nodes=NODES, heap_mib=HEAP_MIB, settings=None):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="turnout-kafka-"))
        self._heap_mib = heap_mib
        self._cluster_id = str(uuid.uuid4())
        self.nodes = [self._node(number) for number in range(1, nodes + 1)]
        self._settings = {**self._usual_settings(), **(settings or {})}
        for node in self.nodes:
            node.settings.update(self._settings)

    @property
    def bootstrap(self):
        return ",".join(node.bootstrap for node in self.nodes)

    @property
    def admin_bootstrap(self):
        return ",".join(node.admin_bootstrap for node in self.nodes)

    @property
    def log_files(self):
        return [node.log_file for node in self.nodes]

    @property
    def data(self):
        """Where all partitions' logs are but those of a broker that was added."""
        return self.nodes[0].data

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        """Returns when all of them answer."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Kafka.prepare, self.nodes))
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until_ready()

    def add(self):
        """One more broker, which is no controller and has no replicas: returns it once it answers."""
        node = self._node(len(self.nodes) + 1)
        self.nodes.append(node)
        node.settings.update({
            **self._settings, "process.roles": "broker",
            "listeners": f"CLIENT://{node.bootstrap},ADMIN://{node.admin_bootstrap}"})
        node.start()
        return node

    def close(self):
        for node in self.nodes:
            node.close()

    def tool(self, *arguments, **options):
        return self.nodes[0].tool(*arguments, **options)

    def node(self, node_id):
        return self.nodes[node_id - 1]

    def leader_of(self, topic, partition=0):
        return self.node(topics.leaders(self.admin_bootstrap, topic)[partition])

    def elect_preferred_leaders(self):
        """Gives partitions back to the brokers that led them before others were restarted."""
        kafka_protocol.elect_preferred_leaders(self.nodes[0].admin_port)

    def wait_until_in_sync(self, timeout_s=SYNC_TIMEOUT_S):
        """Returns when every replica of every partition has all that its leader has."""
        deadline = time.monotonic() + timeout_s
        while behind := topics.behind(self.admin_bootstrap):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(behind)} partitions lack replicas after {timeout_s} s: "
                                   f"{behind[:3]}")
            time.sleep(0.3)

    def _node(self, number):
        return Kafka(self.directory / f"node-{number}", heap_mib=self._heap_mib, lives_briefly=True,
                     node_id=number, cluster_id=self._cluster_id)

    def _usual_settings(self):
        count = len(self.nodes)
        return {
            "controller.quorum.voters": ",".join(node.voter for node in self.nodes),
            "controlled.shutdown.enable": "true",
            "default.replication.factor": count,
            "min.insync.replicas": count - 1,
            "offsets.topic.replication.factor": count,
            "transaction.state.log.replication.factor": count,
            "transaction.state.log.min.isr": count - 1,
        }
