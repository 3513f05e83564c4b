"""Amazon MSK's IAM: tokens made of AWS credentials, against a broker that checks every signature."""
import events
import msk_iam

SESSION_MS = 3_000  # the broker's own limit
KEYS_LIFE_S = 24
IDENTITY = "header.first-identity.signature"
ROLE = "arn:aws:iam::123456789012:role/turnout"
PROPERTIES = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "OAUTHBEARER",
              "sasl.oauthbearer.method": "aws_msk_iam"}


def _replace(file, text):
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(file)


def _role(stage, door):
    """The file with the web identity's token, and the environment that a pod's service account has
    on EKS."""
    identity = stage.directory / "web-identity"
    _replace(identity, IDENTITY)
    return identity, {"AWS_WEB_IDENTITY_TOKEN_FILE": str(identity), "AWS_ROLE_ARN": ROLE,
                      "AWS_ENDPOINT_URL_STS": door.address, "AWS_REGION": msk_iam.REGION,
                      "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
                      "no_proxy": "127.0.0.1"}


def _taken(kafka):
    return kafka.log_file.read_text(errors="replace").count("MSK IAM: taken")


def roles_sign_for_either_sink_and_a_rotated_identity_is_taken_up(stage):
    """STS gives keys of 24 s for a web identity; tokens signed with them are checked by the broker
    every 3 s. Keys are renewed, the identity's token is replaced; nothing is lost or doubled."""
    keys = msk_iam.Keys(stage.directory / "keys")
    door = msk_iam.StsDoor(stage.directory / "moto", keys, KEYS_LIFE_S)
    stage.at_end(door.close)
    kafka = msk_iam.broker(stage, keys, SESSION_MS)
    identity, environment = _role(stage, door)
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)
    first_id = 0
    for sink in ("librdkafka", "batch"):
        _replace(identity, IDENTITY)
        router = stage.router(sink, sink=sink, kafka=PROPERTIES)
        router.environment.update(environment)
        router.start().wait_ready()
        asked, taken = len(door.tokens), _taken(kafka)
        rotated = f"header.identity-for-{sink}.signature"
        _replace(identity, rotated)
        flow = stage.flow(events.stream(9_000, stage.seed, first_id=first_id), rate=300)
        flow.join()
        first_id += 9_000
        stage.consumed()
        assert door.tokens[asked:].count(rotated) >= 1, f"{sink}: {door.tokens[asked:]}"
        assert _taken(kafka) - taken >= 5, f"{sink}: {_taken(kafka) - taken} tokens taken"
        assert router.metric("turnout_token_fetches_total", outcome="failed") == 0
        assert router.metric("turnout_token_fetches_total", outcome="fetched") >= 2
        if sink == "batch":
            assert "by the batch sink" in router.log(), router.log_tail()
            assert router.metric("turnout_transaction_outcomes_total") == 0, router.log_tail()
        router.stop()
    stage.check(teams)
    log = kafka.log_file.read_text(errors="replace")
    assert "MSK IAM: refused" not in log, [line for line in log.splitlines() if "refused" in line]


def keys_that_are_not_to_be_had_are_named_with_their_cure(stage):
    """A secret that signs wrongly is refused. STS that refuses is named while the keys at hand serve
    on, and when they are over; once it gives keys again, all goes on by itself."""
    keys = msk_iam.Keys(stage.directory / "keys")
    keys.add("AKIDKNOWN", "the/right+secret")
    door = msk_iam.StsDoor(stage.directory / "moto", keys, KEYS_LIFE_S)
    stage.at_end(door.close)
    kafka = msk_iam.broker(stage, keys, SESSION_MS)
    teams = stage.teams()
    stage.write_rules(teams)
    stage.make_topics(teams)

    wrong = stage.router("wrong", kafka={**PROPERTIES, "sasl.oauthbearer.aws.region":
                                         msk_iam.REGION})
    wrong.environment.update({"AWS_ACCESS_KEY_ID": "AKIDKNOWN", "AWS_SESSION_TOKEN": "",
                              "AWS_SECRET_ACCESS_KEY": "a-wrong+secret"})
    wrong.start()
    wrong.wait_until("the broker's refusal in the log", lambda: "invalid_token" in wrong.log())
    assert "MSK IAM: refused: wrongly signed" in kafka.log_file.read_text(errors="replace")
    assert wrong.get("/readyz")[0] == 503
    wrong.stop()
    assert "a-wrong+secret" not in wrong.log()

    right = stage.router("right", kafka={**PROPERTIES, "sasl.oauthbearer.aws.region":
                                         msk_iam.REGION})
    right.environment.update({"AWS_ACCESS_KEY_ID": "AKIDKNOWN", "AWS_SESSION_TOKEN": "",
                              "AWS_SECRET_ACCESS_KEY": "the/right+secret"})
    right.start().wait_ready()
    stage.produce(events.stream(500, stage.seed))
    stage.consumed()
    right.stop()

    _, environment = _role(stage, door)
    router = stage.router("role", kafka=PROPERTIES)
    router.environment.update(environment)
    router.start().wait_ready()
    door.refuses = True
    router.wait_until("the refusal being named while the keys serve on",
                      lambda: "AccessDenied" in (router.status()["token"] or {})["trouble"], 60)
    # librdkafka's connections end with their sessions: that nobody answers is no news of the keys.
    assert "AccessDenied" not in router.get("/readyz")[1], router.get("/readyz")
    router.wait_until("the keys being over", lambda: "AccessDenied" in router.get("/readyz")[1], 60)
    assert router.get("/readyz")[0] == 503
    for words in (ROLE, "trust policy"):
        assert words in router.get("/readyz")[1], router.get("/readyz")
        assert words in router.log(), router.log_tail()
    assert router.metric("turnout_token_fetches_total", outcome="failed") > 0
    stage.produce(events.stream(500, stage.seed + 1, first_id=500))
    door.refuses = False
    router.wait_ready()
    stage.consumed()
    router.stop()
    stage.check(teams)


TESTS = [roles_sign_for_either_sink_and_a_rotated_identity_is_taken_up,
         keys_that_are_not_to_be_had_are_named_with_their_cure]
