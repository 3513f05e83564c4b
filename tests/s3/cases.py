"""What a checkpoint store in S3 has to do, on real servers. A test is a function of one Bench.

What is stored and listed is looked at from outside, by boto3, which shares no code with the store.
"""
import base64
import hashlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INVALID_ARGUMENT, NOT_FOUND, DATA_LOSS, UNAVAILABLE = 3, 5, 15, 14
MIB = 1 << 20
PART = 16 * MIB


def objects_come_back_as_they_were(bench):
    """Sizes around a part's: each read back, and seen by boto3 as one object of so many parts."""
    for size, parts in [(0, 0), (1, 0), (PART - 1, 0), (PART, 0), (PART + 1, 2), (3 * PART, 3)]:
        path = bench.file(f"up-{size}", size)
        bench.run("put", f"sizes/{size}", path)
        head = bench.s3.head_object(Bucket=bench.bucket, Key=f"{bench.prefix}/sizes/{size}")
        assert head["ContentLength"] == size
        ending = f'-{parts}"' if parts else '"'
        assert head["ETag"].endswith(ending), (size, head["ETag"])
        assert bench.digest_of(f"sizes/{size}") == digest(path.read_bytes())
        down = bench.directory / "down"
        bench.run("get", f"sizes/{size}", down)
        assert digest(down.read_bytes()) == digest(path.read_bytes()), size
    uploads = bench.s3.list_multipart_uploads(Bucket=bench.bucket)
    assert not uploads.get("Uploads"), uploads["Uploads"]


def absence_and_size_are_said(bench):
    bench.run("put-if-absent", "small", "twelve bytes")
    assert bench.run("read", "small") == "twelve bytes"
    assert "NOT_FOUND" in bench.fails(NOT_FOUND, "read", "none")
    bench.fails(NOT_FOUND, "get", "none", bench.directory / "none")
    assert not (bench.directory / "none").exists()
    bench.s3.put_object(Bucket=bench.bucket, Key=f"{bench.prefix}/big", Body=b"x" * (2 * MIB))
    bench.fails(DATA_LOSS, "read", "big")
    bench.run("remove", "small")
    bench.run("remove", "small")
    bench.fails(NOT_FOUND, "read", "small")


def odd_names_are_kept_apart(bench):
    """More than names of checkpoints are made of, since a prefix is a person's."""
    names = ["a b", "a+b", "a=b", "a%20b", "a&b", "a~b", "a'b(c)!*", "\u00e9\u4e2d", "a:b@c,d;e",
             "..a", "dir/with space/x", "q?x=1", "#hash"]
    for name in names:
        bench.run("put-if-absent", f"odd/{name}", f"bytes of {name}")
    listed = [line.split(" ", 2)[2] for line in bench.run("list", "odd/").splitlines()]
    assert sorted(listed) == sorted(f"odd/{name}" for name in names), listed
    for name in names:
        assert bench.run("read", f"odd/{name}") == f"bytes of {name}"
        body = bench.s3.get_object(Bucket=bench.bucket, Key=f"{bench.prefix}/odd/{name}")["Body"]
        assert body.read().decode() == f"bytes of {name}"
    bench.run("remove", "odd/a+b")
    assert len(bench.run("list", "odd/").splitlines()) == len(names) - 1


def lists_go_on_beyond_a_page(bench):
    """2,345 objects, a thousand a page, put by boto3."""
    def put(number):
        bench.s3.put_object(Bucket=bench.bucket, Body=b"x" * (number % 3),
                            Key=f"{bench.prefix}/many/{number:05}")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(2345)))
    bench.s3.put_object(Bucket=bench.bucket, Key=f"{bench.prefix}/many2", Body=b"")
    lines = [line.split(" ") for line in bench.run("list", "many/").splitlines()]
    assert [name for _, _, name in lines] == [f"many/{n:05}" for n in range(2345)]
    assert [int(size) for size, _, _ in lines] == [n % 3 for n in range(2345)]
    now_ms = time.time() * 1000
    assert all(abs(now_ms - int(modified)) < 600_000 for _, modified, _ in lines)
    assert bench.run("list", "nothing/") == ""


def of_two_writers_one_is_first(bench):
    """Two stores at the same name at the same time, again and again."""
    rounds = 60
    neither, one, both = map(int, bench.run("race", "race/", rounds).split())
    assert (neither, one, both) == (0, rounds, 0), (neither, one, both)


def what_a_person_has_to_mend_is_said(bench):
    """A wrong secret, an unknown key, no key, no such bucket: no retries, and the cure."""
    begun = time.monotonic()
    wrong = bench.fails(INVALID_ARGUMENT, "list", "-", AWS_SECRET_ACCESS_KEY="wrong")
    assert "SignatureDoesNotMatch" in wrong and "s3://turnout" in wrong and "secret" in wrong, wrong
    wrong = bench.fails(INVALID_ARGUMENT, "put-if-absent", "x", "y", AWS_ACCESS_KEY_ID="NOBODY")
    assert "InvalidAccessKeyId" in wrong and "NOBODY" in wrong, wrong
    wrong = bench.fails(INVALID_ARGUMENT, "list", "-", AWS_ACCESS_KEY_ID="",
                        AWS_SECRET_ACCESS_KEY="", AWS_EC2_METADATA_DISABLED="true")
    assert "no AWS credentials" in wrong and "AWS_WEB_IDENTITY_TOKEN_FILE" in wrong, wrong
    for words in [("list", "-"), ("read", "x"), ("put-if-absent", "x", "y")]:
        wrong = bench.fails(INVALID_ARGUMENT, *words, location="s3://no-such-bucket/x")
        assert "NoSuchBucket" in wrong and "create the bucket" in wrong, wrong
    assert time.monotonic() - begun < 20


def a_tasks_checkpoints_make_their_round(bench):
    """Take, list, restore, prune, by the code that a router runs; seen from outside too."""
    said = bench.run("checkpoints", "orders/3", bench.directory)
    assert "took 3" in said and "pruned 2 checkpoints" in said, said
    keys = bench.keys("orders/3/")
    assert len([key for key in keys if "/manifests/" in key]) == 1, keys
    manifest = bench.s3.get_object(Bucket=bench.bucket, Key=keys[-1])["Body"].read().decode()
    named = {line.split()[3] for line in manifest.splitlines() if line.startswith("file ")}
    kept = [key for key in keys if "/files/" in key]
    assert {key.rsplit("/", 1)[1] for key in kept} == named, (kept, named)
    for key in kept:
        body = bench.s3.get_object(Bucket=bench.bucket, Key=key)["Body"].read()
        assert digest(body) == key.rsplit("/", 1)[1], key


def the_state_command_reads_a_tasks_checkpoints(bench):
    """By what a pipeline's config says of the bucket: plain and TLS; and what to mend is said."""
    bench.run("checkpoints", "group/orders/3", bench.directory)
    task = f"s3://{bench.bucket}/{bench.prefix}/group/orders/3"
    ports = {"http": bench.weed.port, "https": bench.weed.https_port}
    configs = {}
    for scheme, port in ports.items():
        configs[scheme] = bench.directory / f"{scheme}.yaml"
        configs[scheme].write_text(
            "source: {topic: '${env:NOT_SET}'}\n"
            f"checkpoints: {{s3: {{endpoint: '{scheme}://127.0.0.1:{port}', region: eu-west-1,\n"
            f"                   addressing: path, ca_bundle: {bench.certificate}}}}}\n")
    for config in configs.values():
        status, out, err = bench.state("stats", task, "--config", config)
        assert status == 0, err
        stats = json.loads(out)
        assert (stats["checkpoint"], stats["applied_offset"]) == (3, 900), stats
        status, out, _ = bench.state("ls", task, "--limit", 0, "--config", config)
        entries = [json.loads(line) for line in out.splitlines()]
        assert status == 0 and len(entries) == sum(step["entries"] for step in stats["steps"])
        one = entries[len(entries) // 2]
        status, out, _ = bench.state("get", f"{task}/", "--step", one["step"], "--key", one["key"],
                                     "--config", config)
        assert status == 0 and json.loads(out) == one, out
    for words, environment, said in [
            ((f"{task}0",), {}, "no checkpoint at"), ((task, "--checkpoint", 1), {}, "manifest missing"),
            ((f"s3://{bench.bucket}",), {}, "names no task"),
            (("s3://no-such-bucket/x/3",), {}, "create the bucket"),
            ((task,), {"AWS_SECRET_ACCESS_KEY": "wrong"}, "mend the access key id and its secret")]:
        status, out, err = bench.state("stats", *words, "--config", configs["http"], **environment)
        assert status in (1, 2) and not out and said in err, (words, status, err)


def an_upload_outlives_a_kill_of_its_server(bench):
    """kill -9 of the server in mid-upload: nothing half published, and the upload succeeds."""
    path = bench.file("up", 160 * MIB)
    key = f"{bench.prefix}/killed/large"
    for kills in range(2):
        upload = bench.begin("put", "killed/large", path, flags=["--part=5242880"])
        seen = wait_for(lambda: bench.parts_of(key) >= 3 + 8 * kills, upload)
        bench.weed.kill()
        assert upload.poll() is None, f"the upload was through after {seen} parts"
        time.sleep(1)
        bench.weed.start()
        assert key not in bench.keys(""), "published before it was whole"
        assert upload.wait(120) == 0, upload.stderr.read()
        assert bench.digest_of("killed/large") == digest(path.read_bytes())
        bench.run("get", "killed/large", bench.directory / "down")
        assert digest((bench.directory / "down").read_bytes()) == digest(path.read_bytes())
        bench.run("remove", "killed/large")


def a_download_outlives_a_kill_of_its_server(bench):
    path = bench.file("up", 200 * MIB)
    bench.run("put", "killed/down", path)
    down = bench.directory / "down"
    download = bench.begin("get", "killed/down", down)
    wait_for(lambda: down.exists() and down.stat().st_size > MIB, download)
    bench.weed.kill()
    was_under_way = download.poll() is None
    bench.weed.start()
    assert download.wait(120) == 0, download.stderr.read()
    assert was_under_way, "the download was through before the server was killed"
    assert digest(down.read_bytes()) == digest(path.read_bytes())


def a_writer_that_is_killed_publishes_nothing(bench):
    path = bench.file("up", 160 * MIB)
    key = f"{bench.prefix}/half"
    upload = bench.begin("put", "half", path, flags=["--part=5242880"])
    wait_for(lambda: bench.parts_of(key) >= 3, upload)
    upload.kill()
    upload.wait()
    assert key not in bench.keys("")
    bench.fails(NOT_FOUND, "read", "half")
    bench.run("put", "half", path)
    assert bench.digest_of("half") == digest(path.read_bytes())


def a_server_that_is_away_is_unavailable_within_the_deadline(bench):
    bench.weed.kill()
    try:
        begun = time.monotonic()
        said = bench.fails(UNAVAILABLE, "list", "-", flags=["--deadline=3"])
        assert time.monotonic() - begun < 6
        assert "tried" in said, said
    finally:
        bench.weed.start()


def a_web_identity_takes_its_role(bench):
    """STS gives the role's credentials for the token of a file; they sign what follows."""
    token = bench.directory / "token"
    token.write_text("header.payload+signature=\n")
    moto = bench.moto()
    client = bench.client(moto.endpoint)
    client.create_bucket(Bucket=bench.bucket)
    identity = dict(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="",
                    AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
                    AWS_ROLE_ARN="arn:aws:iam::123456789012:role/turnout")
    flags = [f"--sts={moto.endpoint}"]
    assert bench.run("put-if-absent", "x", "by a role", flags=flags, endpoint=moto.endpoint,
                     **identity) == "true"
    body = client.get_object(Bucket=bench.bucket, Key=f"{bench.prefix}/x")["Body"].read()
    assert body == b"by a role"
    # A server that checks signatures knows no such key, and the message says whose it was.
    said = bench.fails(INVALID_ARGUMENT, "list", "-", flags=flags, **identity)
    assert "role/turnout" in said and "InvalidAccessKeyId" in said, said
    token.unlink()
    said = bench.fails(INVALID_ARGUMENT, "list", "-", flags=flags, **identity)
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in said, said


def a_managers_master_key_is_decrypted_by_kms(bench):
    """A master key that KMS encrypted opens what the same key in the clear has sealed."""
    import boto3
    moto = bench.moto()
    kms = boto3.client("kms", endpoint_url=moto.endpoint, region_name="eu-west-1",
                       aws_access_key_id="x", aws_secret_access_key="x")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    data = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    line = f"k1 kms {base64.b64encode(data['CiphertextBlob']).decode()}\n"
    manager = bench.manager(line, AWS_ENDPOINT_URL_KMS=moto.endpoint, AWS_REGION="eu-west-1")
    item = "/v1/services/shop/items/secret/kafka"
    manager.call("PUT", item, {"text": "hunter2", "bound_to": ["ann"]}, 201)
    manager.stop()
    manager = bench.manager(f"k1 {base64.b64encode(data['Plaintext']).decode()}\n")
    release = "/v1/services/shop/secrets/kafka/release"
    assert manager.call("POST", release, {}, 200)["text"] == "hunter2"
    manager.stop()
    # By a pod's role, whose credentials come from STS.
    token = bench.directory / "token"
    token.write_text("header.payload+signature=\n")
    role = dict(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="",
                AWS_WEB_IDENTITY_TOKEN_FILE=str(token), AWS_ENDPOINT_URL_STS=moto.endpoint,
                AWS_ROLE_ARN="arn:aws:iam::123456789012:role/turnout")
    manager = bench.manager(line, AWS_ENDPOINT_URL_KMS=moto.endpoint, AWS_REGION="eu-west-1", **role)
    assert manager.call("POST", release, {}, 200)["text"] == "hunter2"
    manager.stop()
    plain = data["Plaintext"]
    for path in bench.directory.rglob("*"):
        if path.is_file() and path.name != "keys":
            content = path.read_bytes()
            assert plain not in content and base64.b64encode(plain) not in content, path
    bad = f"k1 kms {base64.b64encode(b'x' + data['CiphertextBlob'][1:]).decode()}\n"
    said = bench.manager_fails(bad, AWS_ENDPOINT_URL_KMS=moto.endpoint, AWS_REGION="eu-west-1")
    assert "master key `k1`" in said and "moto" not in said, said
    said = bench.manager_fails(line)
    assert "set AWS_REGION" in said, said


def https_is_believed_by_its_authority_alone(bench):
    https = f"https://127.0.0.1:{bench.weed.https_port}"
    assert bench.run("put-if-absent", "tls", "sealed", endpoint=https,
                     flags=[f"--ca={bench.certificate}"]) == "true"
    assert bench.run("read", "tls") == "sealed"
    said = bench.fails(INVALID_ARGUMENT, "read", "tls", endpoint=https)
    assert "CA bundle" in said, said


def digest(content):
    return hashlib.sha256(content).hexdigest()


def wait_for(condition, process, timeout_s=60):
    """Until it holds; fails if the process ends before."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, "it ended too early: " + process.stderr.read()
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def two_managers_share_a_bucket_and_one_takes_over(bench):
    """The config manager's log, lease, proposals and backups; what it does on a directory is proven
    by tests/manager."""
    here = Path(__file__).resolve().parent
    sys.path[:0] = [str(here.parent / "manager"), str(here.parent / "support")]
    import standby_cases as managers
    environment = bench.environment()
    pipeline = bench.directory / "pipeline.yaml"
    pipeline.write_text(f"checkpoints: {{s3: {{endpoint: '{bench.weed.endpoint}'}}}}\n")
    place = f"s3://{bench.bucket}/{bench.prefix}"
    config = [f"pipeline: {pipeline}", f"backups: {{to: {place}/kept, every_minutes: 1}}"]
    a, b = both = managers.pair(bench.turnout, bench.directory, *config, shared=f"{place}/shared",
                                environment=environment)
    try:
        root = a.bearer("root", ("*", "*", "admin"))
        a.start()
        managers.wait_active(a)
        b.start()
        managers.wait_for("who stands by", 20, lambda: managers.status(b) == 503)
        writers = managers.Writers(both, root)
        managers.wait_for("changes", 20, lambda: len(writers.acknowledged) > 20)
        a.kill()
        managers.wait_active(b)
        managers.wait_for("a backup", 20, lambda: managers.metric(b, "backup_age_seconds") is not None)
        acknowledged = writers.end()
        managers.has_each_once(b, root, acknowledged)
        # A call that its writer did not wait for may be carried out after all.
        managers.wait_for("as many changes as are logged", 20, lambda: (
            len(bench.keys("shared/changes/")) == int(managers.metric(b, "changes"))))
    finally:
        managers.closed(both)
    logged = bench.keys("shared/changes/")
    settings = bench.directory / "copies.yaml"
    settings.write_text("\n".join([*config, f"shared: {place}/shared"]) + "\n")
    words = ["--config", settings]
    code, said = managers.made(bench.turnout, "backup", *words, environment=environment)
    assert code == 0 and "read back" in said, said
    name = said.split(":")[0]
    restored = bench.directory / "restored"
    code, said = managers.made(bench.turnout, "restore", *words, "--data", restored,
                               environment=environment)
    assert code == 0 and f"{name}: {len(logged)} changes" in said, said
    key = next(key for key in bench.keys(f"kept/backups/{name}/files/"))
    bench.s3.put_object(Bucket=bench.bucket, Key=key, Body=b"something else")
    code, said = managers.made(bench.turnout, "restore", *words, "--data", bench.directory / "no",
                               environment=environment)
    assert code == 1 and name in said and "is damaged" in said, said


TESTS = [objects_come_back_as_they_were, absence_and_size_are_said, odd_names_are_kept_apart,
         lists_go_on_beyond_a_page, of_two_writers_one_is_first, what_a_person_has_to_mend_is_said,
         a_tasks_checkpoints_make_their_round, the_state_command_reads_a_tasks_checkpoints,
         an_upload_outlives_a_kill_of_its_server,
         a_download_outlives_a_kill_of_its_server, a_writer_that_is_killed_publishes_nothing,
         a_server_that_is_away_is_unavailable_within_the_deadline, a_web_identity_takes_its_role,
         a_managers_master_key_is_decrypted_by_kms,
         https_is_believed_by_its_authority_alone, two_managers_share_a_bucket_and_one_takes_over]
