"""README's story of a rule, with its own files and commands."""
import os
import re
import subprocess
import time
from pathlib import Path

import readme
import topics
from router_process import RouterProcess

# As README names them.
BROKER, ADMIN = "127.0.0.1:9092", "127.0.0.1:9464"
TOPICS = ["shop.events", "shop.events.dead-letter", "checkout.abroad.emea", "growth.orders"]
HASH = re.compile(r"\b[0-9a-f]{16}\b")
ANSWER_WITHIN_S = 20  # of a command that looks at what a running router does


def the_story_of_a_rule_in_the_readme_goes_as_it_is_told(stage):
    """Change, test, explain, diff, shadow, live, replay: each command prints what is beneath it."""
    topics.create(stage.bootstrap, TOPICS)
    stage.at_end(lambda: topics.delete(stage.bootstrap, TOPICS))  # and what was committed of them
    router, commands, hashes = None, 0, {}
    for info, content in readme.blocks():
        if name := readme.file_of(info):
            readme.write(stage.directory, name, content)
        elif info == "console broker":
            router = router or _start(stage)
            for command, printed in readme.turns(content):
                _run(stage, router, command, printed, hashes)
                commands += 1
    assert commands > 5, f"README has {commands} commands of this story"
    router.stop()


def _start(stage):
    """The router of README's config, with README's events behind it."""
    config = stage.directory / "pipeline.yaml"
    told = config.read_text()
    router = RouterProcess(stage.binary, stage.directory, {})
    assert BROKER in told, told
    config.write_text(told.replace(BROKER, stage.bootstrap) + f"listen: 127.0.0.1:{router.port}\n")
    lines = (stage.directory / "events.ndjson").read_text().splitlines()
    topics.produce(stage.bootstrap, "shop.events", [{"value": line} for line in lines])
    stage.at_end(router.close)
    router.start().wait_ready()
    topics.wait_until_consumed(stage.bootstrap, "turnout", "shop.events")
    return router


def _run(stage, router, command, told, hashes):
    real = command.replace(BROKER, stage.bootstrap).replace(ADMIN, f"127.0.0.1:{router.port}")
    looks_until = time.monotonic() + (ANSWER_WITHIN_S if command.startswith("curl ") else 0)
    path = f"{Path(stage.binary).resolve().parent}:{os.environ['PATH']}"
    while True:
        done = subprocess.run(real, shell=True, cwd=stage.directory, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={**os.environ, "PATH": path})
        if _agree(done.stdout, told, hashes):
            return
        if time.monotonic() > looks_until:
            raise AssertionError(f"`{command}` in README.md printed\n{done.stdout}"
                                 f"instead of\n{told}")
        time.sleep(0.1)


def _agree(printed, told, hashes):
    """Whether both are the same but for how long it took, and for the rule sets' hashes, which are
    others whenever their settings are: README's `hashes` stand for one of those each."""
    if _settled(printed) != _settled(told):
        return False
    known = dict(hashes)
    for name, one in zip(HASH.findall(told), HASH.findall(printed)):
        if known.setdefault(name, one) != one:
            return False
    if len(set(known.values())) < len(known):
        return False
    hashes.update(known)
    return True


def _settled(text):
    return re.sub(r"\b\d+(\.\d+)?m?s\b", "SOME TIME", HASH.sub("A HASH", text))


TESTS = [the_story_of_a_rule_in_the_readme_goes_as_it_is_told]
