"""OAUTHBEARER: tokens of an identity provider, against a broker that checks their signatures and
ends sessions with them."""
import json

import events
import topics
from certificates import Authority
from identity_provider import IdentityProvider
from kafka import Kafka

CLIENT = "router"
SECRET = "Planted-Secret-c41b7e"
TOKEN_LIFE_S = 4
SESSION_MS = 3_000  # the broker's own limit


def _secured(stage):
    """A provider, a broker that trusts it and nobody else, and a router's properties."""
    authority = Authority(stage.directory / "certificates")
    provider = IdentityProvider(stage.directory / "provider", TOKEN_LIFE_S,
                                *authority.issue("provider"))
    stage.at_end(provider.close)
    provider.clients[CLIENT] = SECRET
    package = "org.apache.kafka.common.security.oauthbearer"
    listener = "listener.name.client.oauthbearer"
    kafka = stage.use(Kafka(
        stage.directory / "kafka", sasl=True,
        jvm=[f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={provider.keys_url}"],
        settings={
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{listener}.sasl.jaas.config": f"{package}.OAuthBearerLoginModule required;",
            f"{listener}.sasl.server.callback.handler.class":
                f"{package}.OAuthBearerValidatorCallbackHandler",
            "sasl.oauthbearer.jwks.endpoint.url": provider.keys_url,
            f"{listener}.connections.max.reauth.ms": SESSION_MS}))
    for kind in ("topic", "group", "transactional_id"):
        kafka.allow(CLIENT, "all", kind, "*")
    secret = stage.directory / "client-secret"
    secret.write_text(SECRET + "\n")
    return provider, secret, {
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": provider.token_url,
        "sasl.oauthbearer.client.id": CLIENT,
        "sasl.oauthbearer.client.secret.location": str(secret),
        "https.ca.location": str(authority.certificate)}


def _replace(file, text):
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(file)


def tokens_are_renewed_while_events_flow_through_either_sink(stage):
    """Tokens of 4 s, sessions of 3: both are renewed several times; nothing is lost or doubled. The
    rules come from a topic, and what became of them goes to another."""
    provider, _, properties = _secured(stage)
    teams = stage.teams()
    stage.make_topics(teams)
    rules, reports = f"{stage.prefix}.rules", f"{stage.prefix}.rule-reports"
    topics.create(stage.bootstrap, [rules, reports], config={"cleanup.policy": "compact"})
    topics.produce(stage.bootstrap, rules, [{"key": f"{team['team']}.json".encode(),
                                             "value": json.dumps(team).encode()}
                                            for team in teams])
    first_id = 0
    for sink in ("librdkafka", "batch"):
        router = stage.router(sink, sink=sink, kafka=properties, rules=f"topic:{rules}",
                              rules_from={"report_to": f"topic:{reports}"}).start().wait_ready()
        issued = len(provider.issued)
        flow = stage.flow(events.stream(6_000, stage.seed, first_id=first_id), rate=500)
        flow.join()
        first_id += 6_000
        stage.consumed()
        renewed = len(provider.issued) - issued
        assert renewed >= 3, f"{sink}: {renewed} tokens in {6_000 / 500} s"
        assert router.metric("turnout_token_fetches_total", outcome="failed") == 0
        assert router.metric("turnout_token_expiry_timestamp_seconds") > 0
        if sink == "batch":
            assert "by the batch sink" in router.log(), router.log_tail()
            assert router.metric("turnout_transaction_outcomes_total") == 0, router.log_tail()
        router.stop()
    told = {record.key.decode(): json.loads(record.value)["ok"]
            for record in topics.read(stage.bootstrap, reports)[reports]}
    assert told == {"librdkafka": True, "batch": True}, told
    stage.check(teams)
    explained = router.explain("--at", "0:0")
    assert f"{stage.source}:0:0" in explained.replace("/", ":"), explained


def a_refused_secret_is_named_with_its_cure_and_a_replaced_one_is_taken_up(stage):
    """Wrong, right, then rotated under a running router, which never restarts; never shown. A
    provider whose certificate is of another authority is not even asked."""
    provider, secret, properties = _secured(stage)
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    _replace(secret, "wrong-" + SECRET)
    router = stage.router(kafka=properties, log={"level": "debug"}).start()
    router.wait_until("the refusal in the log", lambda: "invalid_client" in router.log())
    for words in (provider.token_url, "401", "check sasl.oauthbearer.client.id", str(secret)):
        assert words in router.log(), f"{words} is not in\n{router.log_tail()}"
    # The token is asked for before anything listens.
    router.wait_until("an answer", lambda: router.get("/readyz")[0] == 503)
    reasons = router.get("/readyz")[1]
    assert "invalid_client" in reasons, reasons
    assert "invalid_client" in router.status()["token"]["trouble"], router.status()["token"]
    assert router.metric("turnout_token_fetches_total", outcome="failed") > 0

    _replace(secret, SECRET)
    router.wait_ready()
    stage.produce(events.stream(1_000, stage.seed))
    stage.consumed()

    rotated = "rotated-" + SECRET
    provider.clients[CLIENT] = rotated
    _replace(secret, rotated + "\n")
    issued = len(provider.issued)
    router.wait_until("tokens by the new secret", lambda: len(provider.issued) >= issued + 2)
    stage.produce(events.stream(1_000, stage.seed + 1, first_id=1_000))
    stage.consumed()
    router.stop()
    stage.check(teams)
    assert SECRET not in router.log(), "the secret is in the log"

    stranger = Authority(stage.directory / "stranger")
    asked = len(provider.issued) + provider.refused
    doubting = stage.router("doubting", kafka={**properties,
                                               "https.ca.location": str(stranger.certificate)})
    doubting.start()
    doubting.wait_until("the log telling of the certificate",
                        lambda: "https.ca.location" in doubting.log())
    assert len(provider.issued) + provider.refused == asked
    doubting.stop()


TESTS = [tokens_are_renewed_while_events_flow_through_either_sink,
         a_refused_secret_is_named_with_its_cure_and_a_replaced_one_is_taken_up]
