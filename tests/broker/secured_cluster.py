"""Three brokers as a company runs them: SASL_SSL, ACLs of least privilege, a quota, two of three
replicas before a record is taken, and a controller apart from them, which stays.

Routers reach each broker by a link of its own (`router_network`) where there is one to be had, and
the last broker through a `slow_proxy`. What a test does with a Cluster, it may do with this one;
`place` puts a router where it belongs. Between brokers, and for the tests themselves, there are
doors without passwords on 127.0.0.1.

Threads: one thread uses a SecuredCluster.
"""
import socket
import time

import kafka_protocol
import router_network
import topics
from certificates import Authority
from cluster import NODES, Cluster
from kafka import Kafka
from processes import free_port
from slow_proxy import SlowProxy

USER = "router"
PASSWORD = "Planted-Secret-5b2e90"
HEAP_MIB = 320
CONTROLLER_HEAP_MIB = 128
CONTROLLER_ID = 100
# Far more than the tests send: it is there to be looked at by the brokers, and to be lowered.
BYTES_PER_SECOND = 50_000_000
CONTROLLER_START_S = 60


class SecuredCluster(Cluster):
    def __init__(self, directory):
        self.lacks_network = router_network.missing()  # why routers are not in one of their own
        self.network = None if self.lacks_network else router_network.RouterNetwork(NODES)
        self._slow_port = free_port()
        self._controller = None
        super().__init__(directory, heap_mib=HEAP_MIB)
        self.proxied = self.nodes[-1]
        self.proxy = SlowProxy(self.proxied.host, self._slow_port,
                               (self.proxied.host, self.proxied.port))
        self._authority = Authority(self.directory / "certificates")
        self._secure()

    @property
    def client_properties(self):
        """What a router's config has under `kafka`."""
        return {"security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN",
                "sasl.username": USER, "sasl.password": PASSWORD,
                "ssl.ca.location": str(self._authority.certificate)}

    @property
    def log_files(self):
        return [node.log_file for node in [*self.nodes, self._controller]]

    def start(self):
        """Returns when all of them answer; those that run already, and links, are as they should be
        then too."""
        for link in range(NODES if self.network else 0):
            self.network.mend(link)
        self.proxy.delay(0)
        if self._controller.pid is None:
            self._controller.start()
        away = [node for node in self.nodes if node.pid is None]
        for node in away:
            node.prepare()
            node.launch()
        for node in away:
            node.wait_until_ready()
        if away:
            self.limit(BYTES_PER_SECOND)
        self.wait_until_in_sync()

    def close(self):
        self.proxy.close()
        super().close()
        self._controller.close()
        if self.network:
            self.network.close()

    def place(self, router):
        """Where its links to the brokers are, before it is started."""
        if self.network:
            router.network = self.network
            router.through = self.network.command

    def allow(self, *permission):
        self._running().allow(USER, *permission)

    def disallow(self, *permission):
        self._running().disallow(USER, *permission)

    def permit(self, group):
        """All that the routers of this SinkGroup need, and no more; destinations one by one, so that
        each can be taken away."""
        stage = group.stage
        parking = f"{stage.source}.parking"
        for name in group.destinations:
            self.allow("write", "topic", name)
        for permission in [
                ("read", "topic", stage.source), ("read", "group", stage.group),
                ("describe", "topic", f"{stage.group}.rekey"),
                ("write", "transactional_id", f"{stage.group}-", "prefixed"),
                ("write", "topic", stage.dead_letters), ("create", "topic", parking),
                ("read", "topic", parking), ("write", "topic", parking)]:
            self.allow(*permission)

    def limit(self, bytes_per_second):
        """What the routers may send to each broker."""
        kafka_protocol.set_user_quota(self._running().admin_port, USER, "producer_byte_rate",
                                      bytes_per_second)

    def coordinator_of(self, kind, key):
        """The broker that coordinates this group or transactional id."""
        deadline = time.monotonic() + 10
        while True:
            found = kafka_protocol.coordinator(self._running().admin_port, kind, key)
            if found is not None:
                return self.node(found)
            assert time.monotonic() < deadline, f"nobody coordinates {kind} {key}"
            time.sleep(0.2)

    def in_sync(self, topic):
        """Partition to the ids of the replicas that have all of it."""
        return topics.in_sync(self.admin_bootstrap, topic)

    def _running(self):
        return next(node for node in self.nodes if node.pid is not None)

    def _node(self, number):
        if self._controller is None:
            self._controller = _Controller(
                self.directory / "controller", heap_mib=CONTROLLER_HEAP_MIB, sasl=True,
                lives_briefly=True, node_id=CONTROLLER_ID, cluster_id=self._cluster_id)
        host = self.network.host(number - 1) if self.network else "127.0.0.1"
        node = _Broker(self.directory / f"node-{number}", heap_mib=self._heap_mib, sasl=True,
                       users={USER: PASSWORD}, lives_briefly=True, node_id=number,
                       cluster_id=self._cluster_id)
        node.host = host
        node.public_port = self._slow_port if number == NODES else node.port
        return node

    def _usual_settings(self):
        usual = super()._usual_settings()
        # It is the controller that goes by the defaults of new topics.
        self._controller.settings.update({
            name: usual[name] for name in ("default.replication.factor", "min.insync.replicas")})
        return {**usual, "process.roles": "broker",
                "controller.quorum.voters": self._controller.voter}

    def _secure(self):
        hosts = ["127.0.0.1"] + ([node.host for node in self.nodes] if self.network else [])
        certificate, key = self._authority.issue("broker", hosts)
        store = self.directory / "broker-store.pem"
        store.write_text(key.read_text() + certificate.read_text())
        for node in self.nodes:
            admin = f"ADMIN://{node.admin_bootstrap}"
            node.settings.update({
                "listeners": f"CLIENT://{node.host}:{node.port},{admin}",
                "advertised.listeners": f"CLIENT://{node.bootstrap},{admin}",
                "listener.security.protocol.map":
                    "CLIENT:SASL_SSL,ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "ssl.keystore.type": "PEM", "ssl.keystore.location": store})


class _Broker(Kafka):
    """One whose clients know it by an address that need not be where it listens."""

    host = "127.0.0.1"
    public_port = 0

    @property
    def bootstrap(self):
        return f"{self.host}:{self.public_port}"


class _Controller(Kafka):
    """It has no records and no clients."""

    def _properties(self):
        listener = f"CONTROLLER://127.0.0.1:{self.controller_port}"
        properties = {**super()._properties(), "process.roles": "controller", "listeners": listener}
        for key in ("advertised.listeners", "inter.broker.listener.name",
                    "listener.name.client.plain.sasl.jaas.config"):
            properties.pop(key)
        return properties

    def _has_peers(self):
        return True

    def wait_until_ready(self):
        deadline = time.monotonic() + CONTROLLER_START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.controller_port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the controller does not start:\n{self._log_tail()}") \
                        from None
                time.sleep(0.1)
