"""Passwords and certificates that are replaced, or not, under a running router."""
import time

import events
from certificates import Authority
from kafka import Kafka

PASSWORDS = ("Planted-Secret-91c2d7", "Rotated-Secret-5be04f")
LIFE_S = 36       # of a router's certificate
RATE = 200        # events a second
SPARE_S = 2       # after a certificate's end


def _replace(file, text):
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(file)


def _secured(stage, client_auth="required"):
    """A broker that wants a password, and a certificate of its authority; what a router is told."""
    authority = Authority(stage.directory / "certificates")
    broker_certificate, broker_key = authority.issue("broker")
    store = stage.directory / "broker-store.pem"
    store.write_text(broker_key.read_text() + broker_certificate.read_text())
    kafka = stage.use(Kafka(stage.directory / "kafka", sasl=True, users={"router": PASSWORDS[0]},
                            settings={
                                "listener.security.protocol.map":
                                    "CLIENT:SASL_SSL,ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
                                "ssl.keystore.type": "PEM", "ssl.keystore.location": store,
                                "ssl.truststore.type": "PEM",
                                "ssl.truststore.location": authority.certificate,
                                "ssl.client.auth": client_auth}))
    for kind in ("topic", "group", "transactional_id"):
        kafka.allow("router", "all", kind, "*")
    password = stage.directory / "password"
    _replace(password, PASSWORDS[0] + "\n")
    return authority, password, {
        "security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN", "sasl.username": "router",
        "sasl.password": f"${{file:{password}}}", "ssl.ca.location": str(authority.certificate)}


class _Identity:
    """A router's certificate and key, where it looks for them, replaced one after the other."""

    def __init__(self, stage, authority, name):
        self._authority, self._name = authority, name
        self.certificate = stage.directory / f"{name}-certificate.pem"
        self.key = stage.directory / f"{name}-key.pem"
        self.ends = None

    @property
    def properties(self):
        return {"ssl.certificate.location": str(self.certificate),
                "ssl.key.location": str(self.key)}

    def renew(self, life_s, pause_s=0):
        certificate, key = self._authority.issue(self._name, life_s=life_s)
        self.ends = time.time() + life_s
        _replace(self.certificate, certificate.read_text())
        time.sleep(pause_s)
        _replace(self.key, key.read_text())

    def await_end(self):
        time.sleep(max(0, self.ends - time.time()) + SPARE_S)


def _expiry(router):
    return router.metric("turnout_certificate_expiry_timestamp_seconds",
                         property="ssl.certificate.location")


def certificates_replaced_in_time_lose_nothing_through_either_sink(stage):
    """A router's certificate lives for 36 s and is replaced midway, the key two seconds after it.
    Once the first is over, the broker starts anew and asks everybody for theirs."""
    authority, _, properties = _secured(stage)
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    first_id = 0
    for sink in ("batch", "librdkafka"):
        identity = _Identity(stage, authority, sink)
        identity.renew(LIFE_S)
        router = stage.router(sink, sink=sink, kafka={**properties, **identity.properties})
        router.start().wait_ready()
        pid = router.pid
        assert abs(_expiry(router) - identity.ends) < 5, (_expiry(router), identity.ends)
        seconds = LIFE_S + 15
        flow = stage.flow(events.stream(RATE * seconds, stage.seed, first_id=first_id), rate=RATE)
        first_id += RATE * seconds
        time.sleep(LIFE_S / 4)
        first_ends = identity.ends
        identity.renew(600, pause_s=2)
        router.wait_until("the fresh certificate being taken up",
                          lambda: "certificates or keys of kafka.ssl" in router.log())
        assert _expiry(router) > first_ends + 60
        time.sleep(max(0, first_ends - time.time()) + SPARE_S)
        stage.kafka.restart(graceful=False)
        flow.join()
        stage.consumed()
        assert router.pid == pid and router.is_running()
        assert " has ended at " not in router.log(), router.log_tail()
        router.stop()
    stage.check(teams)


def a_certificate_that_ends_is_named_and_one_that_comes_late_brings_all_back(stage):
    """Nobody replaces it: it is said before, and when it is over. The broker starts anew and lets no
    router in, with events on their way; then a fresh certificate comes, and both go on."""
    authority, _, properties = _secured(stage)
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    identities, routers = [], []
    for sink in ("batch", "librdkafka"):
        identity = _Identity(stage, authority, sink)
        identity.renew(LIFE_S)
        identities.append(identity)
        routers.append(stage.router(sink, sink=sink,
                                    kafka={**properties, **identity.properties}).start())
    for router in routers:
        router.wait_ready()
    flow = stage.flow(events.stream(RATE * 80, stage.seed), rate=RATE)
    for router in routers:
        router.wait_until("its end being told ahead", lambda: " ends at " in router.log(), LIFE_S)
        assert "kafka.ssl.certificate.location" in router.log()
        assert " ends at " in router.get("/v1/status")[1], router.get("/v1/status")[1]
        assert router.get("/readyz")[0] == 200
    for identity in identities:
        identity.await_end()
    for router in routers:
        router.wait_until("its end being told", lambda: " has ended at " in router.log())
    stage.kafka.restart(graceful=False)
    for router in routers:
        router.wait_until("nobody being let in", lambda: router.get("/readyz")[0] == 503)
    time.sleep(3)
    for identity in identities:
        identity.renew(600)
    for router in routers:
        router.wait_ready()
    flow.join()
    stage.consumed()
    for router in routers:
        assert router.starts == 1 and router.is_running()
        router.stop()
    stage.check(teams)


def a_password_that_is_replaced_is_taken_up_by_either_sink(stage):
    """The file is replaced, then the broker, which knows the new one alone."""
    _, password, properties = _secured(stage, client_auth="none")
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    first_id = 0
    settings = stage.kafka.directory / "server.properties"
    now, then = PASSWORDS
    for sink in ("batch", "librdkafka"):
        router = stage.router(sink, sink=sink, kafka=properties).start().wait_ready()
        flow = stage.flow(events.stream(RATE * 25, stage.seed, first_id=first_id), rate=RATE)
        first_id += RATE * 25
        time.sleep(3)
        _replace(password, then + "\n")
        router.wait_until("the new password being taken up",
                          lambda: "kafka.sasl.password has changed" in router.log())
        settings.write_text(settings.read_text().replace(now, then))
        stage.kafka.restart(graceful=False)
        flow.join()
        stage.consumed()
        router.stop()
        assert now not in router.log() and then not in router.log()
        now, then = then, now
    stage.check(teams)


TESTS = [certificates_replaced_in_time_lose_nothing_through_either_sink,
         a_certificate_that_ends_is_named_and_one_that_comes_late_brings_all_back,
         a_password_that_is_replaced_is_taken_up_by_either_sink]
