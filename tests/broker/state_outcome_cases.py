"""Rules that remember, where something is lost, damaged or full: each outcome has a
name, and none loses or doubles anything."""
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import topics
from state_setup import (RATE, SETTINGS, check, checkpoints_of, events_of, make_all, replays,
                         router_of, start_all, teams_of)
from step_oracle import StepOracle


def _reasons(router):
    """Partition to why it stands still."""
    return {part["partition"]: part["reason"] for worker in router.status().get("workers", ())
            for part in worker["partitions"] if part["phase"] == "refused"}


def a_partition_with_a_state_gap_stands_still_by_name_and_others_go_on(stage):
    """Disk and checkpoints of one partition lost, its source cut; then told to go on."""
    teams = teams_of(stage)
    router, = start_all(stage, teams, "router")
    stage.produce(events_of(stage, 6_000))
    stage.consumed()
    router.stop()
    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    shutil.rmtree(router.directory / "state/tasks" / stage.source / "5")
    for lost in checkpoints_of(stage).rglob(f"{stage.source}/5"):
        shutil.rmtree(lost)
    end = topics.ends(stage.bootstrap, stage.source)[5]
    cut = end - 100
    stage.delete_records(5, cut)
    router.start()
    router.wait_until("partition 5 being refused", lambda: 5 in _reasons(router))
    stage.say(f"partition 5: {_reasons(router)[5]}")
    assert "state gap" in _reasons(router)[5], _reasons(router)
    stage.produce(events_of(stage, 6_000, after=6_000))
    ends = topics.ends(stage.bootstrap, stage.source)
    router.wait_until("all others going on", lambda: _offsets_but(stage, 5) == {
        part: offset for part, offset in ends.items() if part != 5}, 30)
    assert _reasons(router).keys() == {5}, _reasons(router)
    assert topics.committed_offsets(stage.bootstrap, stage.group, stage.source)[5] == end
    router.stop()
    router = router_of(stage, "router", state={"on_gap": "go_on"}).start()
    stage.consumed()
    router.stop()
    # What is left of the source brings back what it can, muted, and the rest goes by that.
    source += [record for record in topics.read(stage.bootstrap, stage.source,
                                              begin={5: cut})[stage.source]
               if record.offset >= end or record.partition != 5]
    source = list({(one.partition, one.offset): one for one in source}.values())
    oracle = StepOracle(teams, stage.dead_letters, SETTINGS)
    due = [one for one in oracle.expected(source)
           if one.event.partition != 5 or one.event.offset < end]
    due += [one for one in oracle.expected(
        one for one in source if one.partition == 5 and one.offset >= cut)
        if one.event.offset >= end]
    names = stage.destinations(teams) + [stage.dead_letters]
    stage.hold(oracle, due, names, source)


def _offsets_but(stage, partition):
    offsets = topics.committed_offsets(stage.bootstrap, stage.group, stage.source)
    return {part: offset for part, offset in offsets.items() if part != partition}


def offsets_set_by_hand_are_never_taken_for_those_that_states_belong_to(stage):
    """Partition 5 is set on by some events, 6 to where it is; then told to go on, which it does with
    what it remembers of the time before those events, and all disks lost."""
    teams = teams_of(stage)
    router, = start_all(stage, teams, "router")
    stage.produce(events_of(stage, 4_000))
    stage.consumed()
    router.stop()
    end = topics.ends(stage.bootstrap, stage.source)[5]
    stage.produce(events_of(stage, 4_000, after=4_000))
    begin = end + 20
    for partition, how in ((5, ("--to-offset", begin)), (6, ("--to-current",))):
        stage.set_offsets(partition, *how)
    router.start()
    router.wait_until("partition 5 being refused", lambda: 5 in _reasons(router))
    stage.say(f"partition 5: {_reasons(router)[5]}")
    assert "note lost" in _reasons(router)[5], _reasons(router)
    ends = topics.ends(stage.bootstrap, stage.source)
    router.wait_until("all others going on", lambda: _offsets_but(stage, 5) == {
        part: offset for part, offset in ends.items() if part != 5}, 30)
    assert _reasons(router).keys() == {5}, _reasons(router)
    router.stop()
    router = router_of(stage, "router", state={"on_gap": "go_on"}).start()
    stage.consumed()
    router.stop()
    shutil.rmtree(router.directory / "state")
    router = router_of(stage, "router").start()
    stage.produce(events_of(stage, 4_000, after=8_000))
    stage.consumed()
    router.stop()
    source = topics.read(stage.bootstrap, stage.source)[stage.source]
    oracle = StepOracle(teams, stage.dead_letters, SETTINGS)
    due = oracle.expected(one for one in source
                          if one.partition != 5 or not end <= one.offset < begin)
    names = stage.destinations(teams) + [stage.dead_letters]
    stage.hold(oracle, due, names, source)


def a_source_partitioned_otherwise_is_refused_by_name_until_it_is_set_back(stage):
    """The config names another field after a restart: nobody's steps begin empty."""
    teams = teams_of(stage)
    router, = start_all(stage, teams, "router")
    stage.produce(events_of(stage, 3_000))
    stage.consumed()
    router.stop()
    committed = topics.committed_offsets(stage.bootstrap, stage.group, stage.source)
    router = router_of(stage, "router", partitioned_by="card.fingerprint").start()
    router.wait_until("every partition being refused",
                      lambda: _reasons(router).keys() == committed.keys())
    stage.say(f"partition 5: {_reasons(router)[5]}")
    assert all("state elsewhere" in one for one in _reasons(router).values()), _reasons(router)
    stage.produce(events_of(stage, 3_000, after=3_000))
    assert router.get("/readyz")[0] == 503
    router.stop()
    assert committed == topics.committed_offsets(stage.bootstrap, stage.group, stage.source)
    router = router_of(stage, "router").start()
    stage.consumed()
    router.stop()
    check(stage, teams, teams)


def damaged_checkpoints_are_named_and_older_ones_serve(stage):
    """The disk is lost, the newest checkpoint of four partitions is flipped, cut or in part gone:
    what is older is replayed from, and all is as if nothing had happened."""
    teams = teams_of(stage)
    router, = start_all(stage, teams, "router", checkpoints={"interval": "1s"})
    # For several checkpoints, on a busy machine too.
    flow = stage.flow(events_of(stage, 12_000), RATE // 2)
    flow.join()
    stage.consumed()
    router.stop()
    shutil.rmtree(router.directory / "state")
    for partition, damage in ((1, _flip), (2, _cut), (3, Path.unlink), (4, None)):
        manifests = sorted(checkpoints_of(stage).rglob(f"{stage.source}/{partition}/manifests/*"))
        assert len(manifests) >= 2, f"partition {partition} has {len(manifests)} checkpoints"
        files = re.findall(r"^file \S+ \d+ (\w+)$", manifests[-1].read_text(), re.M)
        older = "".join(manifest.read_text() for manifest in manifests[:-1])
        own = [name for name in files if name not in older]
        assert own, "the newest checkpoint has no file of its own"
        if damage:
            for name in own:
                damage(manifests[-1].parent.parent / "files" / name)
        else:
            _cut(manifests[-1])
    router.start()
    stage.produce(events_of(stage, 6_000, after=12_000))
    stage.consumed()
    router.stop()
    # This test's own name has some of the words.
    told = re.findall(r"partition (\d+ .*)", router.log().replace(stage.prefix, "@")
                      .replace(stage.name, "@"))
    alerts = sorted({line for line in told
                     if "checkpoint" in line and "damaged" in line
                     or "file missing" in line or "wrong size" in line})
    for line in alerts:
        stage.say(line[:150])
    stage.say(f"{replays([router])[0]} events replayed")
    check(stage, teams, teams)
    for partition in (1, 2, 3, 4):
        assert any(line.startswith(f"{partition} ") for line in alerts), \
            f"nothing is said of partition {partition}:\n{router.log_tail(60)}"


def _flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    file.write_bytes(data)


def _cut(file):
    file.write_bytes(file.read_bytes()[:-7])


def a_full_disk_is_named_and_costs_nothing_once_there_is_room(stage):
    """A router whose states' disk is full, beside one with room; later there is room again."""
    teams = teams_of(stage)
    make_all(stage, teams)
    router = router_of(stage, "router", state={"memory": "16MiB"})
    state = router.directory / "state"
    state.mkdir()
    router.through = ["unshare", "--mount", "sh", "-c",
                      f"mount -t tmpfs -o size=200m tmpfs {state} && exec \"$@\"", "sh"]
    if os.geteuid() != 0 or subprocess.run(
            ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", state],
            stderr=subprocess.DEVNULL).returncode != 0:
        stage.say("skipped: mounting a small disk takes root")
        return
    router.start().wait_ready()
    flow = stage.flow(events_of(stage, 18_000), RATE)
    time.sleep(2)
    filler = Path(f"/proc/{router.process.pid}/root{state}/filler")
    _fill(filler)
    says = router.wait_until("the log saying that the disk is full", lambda: [
        line for line in router.log().splitlines()
        if "No space" in line or "no space" in line or "disk is full" in line], 30)
    stage.say(says[0][:200])
    time.sleep(3)
    assert router.get("/healthz")[0] == 200
    filler.unlink()
    flow.join()
    stage.consumed(60)
    router.stop()
    check(stage, teams, teams)


def _fill(file):
    with open(file, "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1 << 20))
        except OSError:
            pass


TESTS = [
    a_partition_with_a_state_gap_stands_still_by_name_and_others_go_on,
    offsets_set_by_hand_are_never_taken_for_those_that_states_belong_to,
    a_source_partitioned_otherwise_is_refused_by_name_until_it_is_set_back,
    damaged_checkpoints_are_named_and_older_ones_serve,
    a_full_disk_is_named_and_costs_nothing_once_there_is_room,
]
