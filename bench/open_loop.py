"""The open-loop load as a function: sends events at their due times, and says how late their readers were.

Nothing counts unless every destination got exactly the records it had to.
"""
import json
import os
import subprocess

import common

WARM_UP_S = 3


def run(bootstrap, rules, rate, seconds, directory, seed=common.SEED, begin="beginning"):
    """What bench_latency_load found, without its counts. `begin`: where its readers begin, at the
    `beginning` of topics that are empty, else at their `end`. RuntimeError if an answer is wrong."""
    attributes = os.path.join(directory, "attributes")
    common.say(f"{rate} events/s for {WARM_UP_S} + {seconds} s")
    done = subprocess.run(
        [common.program("bench_latency_load"), "--brokers", bootstrap, "--topic", common.SOURCE,
         "--prefix", rules.prefix, "--destinations", str(rules.destinations), "--from", begin,
         "--rate", str(rate), "--seconds", str(seconds), "--warm-up-seconds", str(WARM_UP_S),
         "--types", str(rules.types), "--seed", str(seed), "--attributes", attributes],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds + 300)
    if done.returncode != 0:
        raise RuntimeError(f"the load failed: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    wrong = common.differences(rules.expected(attributes), found.pop("counts"))
    if found["floor_records"] != found["events"]:
        wrong.append(f"{found['floor_records']} of {found['events']} events reached the ingestion topic")
    if wrong:
        raise RuntimeError("the answer is wrong:\n  " + "\n  ".join(wrong[:10]))
    return found
