"""Permissions and secrets, against a broker that asks for passwords and looks at ACLs."""
import subprocess
import time

import events
import topics
import newer_librdkafka
from certificates import Authority
from kafka import Kafka
from oracle import Oracle

PASSWORD = "Planted-Secret-7f3a91"
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


def _secured(stage):
    """A broker with one user, who may do what a router needs, but for writing destinations."""
    kafka = stage.use(Kafka(stage.directory / "kafka", sasl=True, users={"router": PASSWORD}))
    kafka.allow("router", "read", "topic", stage.source)
    kafka.allow("router", "read", "group", stage.group)
    kafka.allow("router", "write", "transactional_id", f"{stage.group}-", "prefixed")
    secret = stage.directory / "password"
    secret.write_text(PASSWORD + "\n")
    return kafka, {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN",
                   "sasl.username": "router", "sasl.password": f"${{file:{secret}}}"}


def a_forbidden_destination_sets_its_team_aside_and_is_never_written(stage):
    """Two teams may write, one not until the permission is given; no secret is ever shown."""
    kafka, properties = _secured(stage)
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    for team in ("fraud", "growth"):
        kafka.allow("router", "write", "topic", f"{stage.prefix}.{team}.", "prefixed")
    kafka.allow("router", "write", "topic", stage.dead_letters)
    forbidden = f"{stage.prefix}.search."
    kafka.allow("router", "describe", "topic", forbidden, "prefixed")

    router = stage.router(kafka=properties).start()
    router.wait_until("the team being named aside",
                      lambda: router.metric("turnout_team_aside", team="search") == 1)
    router.wait_until("the log naming the topic", lambda: f"{forbidden}queries" in router.log())
    assert f"{forbidden}queries" in router.get("/v1/status")[1], router.get("/v1/status")
    stage.produce(events.stream(2000, stage.seed, unreadable_every=100))
    stage.consumed()
    stage.check([team for team in teams if team["team"] != "search"])
    for name in stage.destinations(teams):
        if name.startswith(forbidden):
            written = topics.ends(stage.bootstrap, name, committed=False)
            assert sum(written.values()) == 0, f"{name} was written to: {written}"

    kafka.allow("router", "write", "topic", forbidden, "prefixed")
    router.wait_for_team("search")
    stage.produce(events.stream(2000, stage.seed + 1, first_id=2000))
    stage.consumed()
    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    late = [record for record in source
            if record.timestamp_ms >= events.FIRST_TIMESTAMP_MS + 2000]
    search = Oracle(stage.teams("search"), stage.dead_letters)
    names = [name for name in stage.destinations(teams) if name.startswith(forbidden)]
    due = [record for record in search.expected(late) if record.topic in names]
    stage.hold(search, due, names)
    _check_that_nothing_shows_the_secret(stage, router)


def _check_that_nothing_shows_the_secret(stage, router):
    shown = {path: router.get(path)[1]
             for path in ("/metrics", "/readyz", "/healthz", "/v1/status")}
    shown["--print-config"] = subprocess.run(
        [router.binary, "run", "--config", router.config_file, "--print-config"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30).stdout
    assert "sasl.username" in shown["--print-config"], shown["--print-config"]
    router.stop()
    wrong = stage.directory / "wrong-password"
    wrong.write_text("Another-" + PASSWORD)
    refused = stage.router("refused", kafka={**router.config["kafka"],
                                             "sasl.password": f"${{file:{wrong}}}"},
                           log={"level": "debug"})
    refused.start()
    refused.wait_until("the log telling of the refusal",
                       lambda: "uthentication" in refused.log(), 20)
    assert refused.get("/readyz")[0] == 503
    time.sleep(0.5)
    refused.stop()
    for file in stage.directory.rglob("*"):
        secretive = file.name in ("password", "wrong-password", "server.properties")
        if file.is_file() and not secretive and "data" not in file.parts:
            shown[str(file)] = file.read_text(errors="replace")
    leaks = [where for where, text in shown.items() if PASSWORD in text]
    assert not leaks, f"the password is shown by {leaks}"


def a_broker_that_wants_certificates_and_passwords_gets_both(stage):
    """SASL over TLS, each side with a certificate; another authority's broker is not trusted."""
    authority = Authority(stage.directory / "certificates")
    broker_certificate, broker_key = authority.issue("broker")
    certificate, key = authority.issue("router")
    store = stage.directory / "broker-store.pem"
    store.write_text(broker_key.read_text() + broker_certificate.read_text())
    kafka = stage.use(Kafka(stage.directory / "kafka", sasl=True, users={"router": PASSWORD},
                            settings={
                                "listener.security.protocol.map":
                                    "CLIENT:SASL_SSL,ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
                                "ssl.keystore.type": "PEM", "ssl.keystore.location": store,
                                "ssl.truststore.type": "PEM",
                                "ssl.truststore.location": authority.certificate,
                                "ssl.client.auth": "required"}))
    for kind in ("topic", "group", "transactional_id"):
        kafka.allow("router", "all", kind, "*")
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    properties = {"security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN",
                  "sasl.username": "router", "sasl.password": PASSWORD,
                  "ssl.ca.location": str(authority.certificate),
                  "ssl.certificate.location": str(certificate), "ssl.key.location": str(key)}
    router = stage.router(kafka=properties).start().wait_ready()
    stage.produce(events.stream(2_000, stage.seed))
    stage.consumed()
    router.stop()
    stage.check(teams)

    stranger = Authority(stage.directory / "stranger")
    doubting = stage.router("doubting", kafka={**properties,
                                               "ssl.ca.location": str(stranger.certificate)})
    doubting.start()
    doubting.wait_until("the log telling of the certificate",
                        lambda: "certificate" in doubting.log(), 20)
    assert doubting.get("/readyz")[0] == 503
    doubting.stop()


def _with_scram(stage):
    """A broker that takes SCRAM over TLS alone, knows one user by either kind, and looks at ACLs;
    what a router is told of it."""
    authority = Authority(stage.directory / "certificates")
    broker_certificate, broker_key = authority.issue("broker")
    store = stage.directory / "broker-store.pem"
    store.write_text(broker_key.read_text() + broker_certificate.read_text())
    module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    kafka = stage.use(Kafka(stage.directory / "kafka", sasl=True, settings={
        "listener.security.protocol.map": "CLIENT:SASL_SSL,ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "ssl.keystore.type": "PEM", "ssl.keystore.location": store,
        "sasl.enabled.mechanisms": ",".join(SCRAM),
        **{f"listener.name.client.{name.lower()}.sasl.jaas.config": module for name in SCRAM}}))
    for name in SCRAM:
        kafka.tool("kafka.admin.ConfigCommand", "--bootstrap-server", kafka.admin_bootstrap,
                   "--alter", "--entity-type", "users", "--entity-name", "router", "--add-config",
                   f"{name}=[password={PASSWORD}]")
    kafka.allow("router", "read", "topic", stage.source)
    kafka.allow("router", "read", "group", stage.group)
    kafka.allow("router", "write", "transactional_id", f"{stage.group}-", "prefixed")
    kafka.allow("router", "write", "topic", f"{stage.prefix}.", "prefixed")
    secret = stage.directory / "password"
    secret.write_text(PASSWORD + "\n")
    return {"security.protocol": "SASL_SSL", "sasl.username": "router",
            "sasl.password": f"${{file:{secret}}}",
            "ssl.ca.location": str(authority.certificate)}


def scram_over_tls_is_routed_by_either_sink_with_a_newer_librdkafka(stage):
    """SCRAM-SHA-256 and -512, SASL_SSL and ACLs: all is routed once by each sink; a wrong password
    is refused and never shown."""
    properties = _with_scram(stage)
    library = {"LD_LIBRARY_PATH": str(newer_librdkafka.directory())}
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    first_id = 0
    for mechanism in SCRAM:
        for sink in ("librdkafka", "batch"):
            router = stage.router(f"{sink}-{mechanism}", sink=sink,
                                  kafka={**properties, "sasl.mechanisms": mechanism})
            router.environment.update(library)
            router.start().wait_ready()
            stage.produce(events.stream(1_500, stage.seed + first_id, first_id=first_id))
            first_id += 1_500
            stage.consumed()
            assert f"by the {sink} sink" in router.log(), router.log_tail()
            assert "#4895" not in router.log(), router.log_tail()
            assert router.metric("turnout_build_info", librdkafka=newer_librdkafka.version()) == 1
            router.stop()
    stage.check(teams)
    wrong = stage.router("wrong", log={"level": "debug"}, kafka={
        **properties, "sasl.mechanisms": SCRAM[0], "sasl.password": "Wrong-" + PASSWORD})
    wrong.environment.update(library)
    wrong.start()
    wrong.wait_until("the log telling of the refusal", lambda: "uthentication" in wrong.log(), 20)
    assert wrong.get("/readyz")[0] == 503
    wrong.stop()
    assert PASSWORD not in wrong.log()


def scram_with_debians_librdkafka_is_named_before_and_beside_its_failure(stage):
    """librdkafka 2.0.2 against Kafka 4, with the right password: Turnout says what is at fault."""
    properties = _with_scram(stage)
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    router = stage.router(kafka={**properties, "sasl.mechanisms": SCRAM[1]}).start()
    told = ("librdkafka 2.0.2 can't do SCRAM-SHA-512 with Kafka 4", "librdkafka#4895",
            "2.6.1 or newer")
    router.wait_until("the caution at the start", lambda: told[0] in router.log(), 20)
    router.wait_until("the failure being named by its cause",
                      lambda: all(words in router.get("/readyz")[1] for words in told))
    assert router.get("/readyz")[0] == 503
    router.stop()


TESTS = [scram_over_tls_is_routed_by_either_sink_with_a_newer_librdkafka,
         scram_with_debians_librdkafka_is_named_before_and_beside_its_failure,
         a_forbidden_destination_sets_its_team_aside_and_is_never_written,
         a_broker_that_wants_certificates_and_passwords_gets_both]
