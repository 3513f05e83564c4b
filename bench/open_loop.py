"""The open-loop load as a function: sends events at their due times, and says how late their readers were.

Nothing counts unless every destination got exactly the records it had to.
"""
import json
import os

import common

WARM_UP_S = 3
TIMEOUT_MORE_S = 300


def load(bootstrap, rules, rate, seconds, directory, seed):
    """What bench_latency_load found, without its counts. RuntimeError if an answer is wrong."""
    attributes = os.path.join(directory, "attributes")
    common.say(f"{rate} events/s for {WARM_UP_S} + {seconds} s")
    found = json.loads(common.run(
        "bench_latency_load", "--brokers", bootstrap, "--topic", common.SOURCE, "--prefix", rules.prefix,
        "--destinations", rules.destinations, "--rate", rate, "--seconds", seconds, "--warm-up-seconds",
        WARM_UP_S, "--types", rules.types, "--seed", seed, "--attributes", attributes,
        timeout_s=seconds + TIMEOUT_MORE_S))
    wrong = common.differences(rules.expected(attributes), found.pop("counts"))
    if found["floor_records"] != found["events"]:
        wrong.append(f"{found['floor_records']} of {found['events']} events reached the ingestion topic")
    if wrong:
        raise RuntimeError("the answer is wrong:\n  " + "\n  ".join(wrong[:10]))
    return found


def measure(broker, running, rules, rate, seconds, directory, seed=common.SEED):
    """The same, and what the process that routes and the broker used meanwhile, an event."""
    cpu_us, broker_cpu_s = running.cpu_us(), broker.cpu_seconds()
    try:
        found = load(broker.bootstrap, rules, rate, seconds, directory, seed)
    except RuntimeError as failure:
        raise RuntimeError(f"{failure}\nthe router said:\n{running.said()}") from failure
    running.check()
    found["cpu_us_per_event"] = round((running.cpu_us() - cpu_us) / found["events"], 2)
    found["broker_cpu_us_per_event"] = round((broker.cpu_seconds() - broker_cpu_s) * 1e6 / found["events"], 2)
    return found
