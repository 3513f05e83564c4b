"""Drives one pipeline on a broker of its own, and measures it.

A backlog is loaded while the pipeline is frozen (SIGSTOP), so that it lies ready when the pipeline
goes on; its cost is what the process's CPU clock says between there and the sight of the last
committed offset. The first backlog is the warm-up. Then comes the open loop, to the same warm process.
"""
import os
import statistics
import tempfile
import time

import peers
import pipelines

common = peers.common
import kafka  # noqa: E402  (found by common)
import backlog  # noqa: E402
import open_loop  # noqa: E402
import outputs  # noqa: E402
import progress  # noqa: E402

PREFIX = "bench.out."


class Source:
    """The ingestion topic: backlogs with seeds of their own, and where its events must go."""

    def __init__(self, bootstrap, rules, directory):
        self._bootstrap, self._rules, self._directory = bootstrap, rules, directory
        self.events = 0
        self.seed = common.SEED

    def load(self, events):
        """The numbers of the events that each destination must get of them."""
        attributes = os.path.join(self._directory, "attributes")
        self.seed += 1
        backlog.load(self._bootstrap, self._rules, events, attributes, self.seed)
        self.events += events
        return outputs.expected(self._rules, attributes)


class Drive:
    def __init__(self, broker, running, source, destinations):
        self._broker, self._running, self._source = broker, running, source
        self._outputs = outputs.Outputs(broker.bootstrap, destinations)
        self._progress = progress.Progress(broker.bootstrap, pipelines.GROUP, backlog.PARTITIONS)

    def close(self):
        self._outputs.close()
        self._progress.close()

    def drain(self, events):
        """What an event of a backlog costs; its outputs are right."""
        with self._running.frozen():
            must = self._source.load(events)
            broker_cpu_s, cpu_us, begun = (self._broker.cpu_seconds(), self._running.cpu_us(),
                                           time.monotonic())
        progress.watch(self._progress, self._source.events, self._running.check)
        spent_s = time.monotonic() - begun
        cpu_us = self._running.cpu_us() - cpu_us
        broker_cpu_s = self._broker.cpu_seconds() - broker_cpu_s
        self._outputs.check(must)
        return {"cpu_us": cpu_us / events, "broker_cpu_us": broker_cpu_s * 1e6 / events,
                "events_per_s": events / spent_s, "outputs": sum(map(len, must)) / events}

    def latency(self, rules, rate, seconds, directory):
        """What an event of an open loop waits and costs, by the same process as before."""
        return open_loop.measure(self._broker, self._running, rules, rate, seconds, directory,
                                 seed=self._source.seed + 1)


def median(rows, name, digits=2):
    return round(statistics.median(row[name] for row in rows), digits)


def measure(pipeline, settings, rules, with_latency):
    """A row of figures. RuntimeError when the pipeline fails or its outputs are wrong."""
    with tempfile.TemporaryDirectory(prefix="turnout-peers-") as directory, kafka.Kafka() as broker:
        backlog.create_topics(broker.bootstrap, *rules.topics())
        source = Source(broker.bootstrap, rules, directory)
        with pipeline.start(broker.bootstrap, rules, directory) as running:
            drive = Drive(broker, running, source, rules.topics())
            try:
                drive.drain(settings.warm_up_events)
                rounds = [drive.drain(settings.events) for _ in range(settings.rounds)]
                latency = drive.latency(rules, settings.rate, settings.seconds, directory) \
                    if with_latency else None
            finally:
                drive.close()
            running.end()
    return {"cpu_us_per_event": median(rounds, "cpu_us"),
            "cpu_us_rounds": [round(one["cpu_us"], 2) for one in rounds],
            "broker_cpu_us_per_event": median(rounds, "broker_cpu_us"),
            "events_per_s": median(rounds, "events_per_s", 0),
            "outputs_per_event": median(rounds, "outputs", 3), "latency": latency}
