#!/usr/bin/python3
"""bytewax_router: Bytewax with its Kafka connectors, at least once.

A source of 10,000 events a batch, `flat_map`, a sink that is flushed once a batch. Bytewax keeps its
place in a recovery store of its own; here the consumer commits its position to the group besides, once
a second, which is how the bench sees how far it is.
"""
import os
import signal

import dispatch
from bytewax import operators
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.testing import cluster_main

BATCH_EVENTS = 10_000


def flow(options, rules):
    def outputs(event):
        return [KafkaSinkMessage(event.key, event.value, topic, event.headers)
                for topic in rules.route(event.value)]

    source = KafkaSource([options.brokers], [options.topic], batch_size=BATCH_EVENTS, add_config={
        "group.id": options.group, "enable.auto.commit": "true", "auto.commit.interval.ms": "1000",
        **dispatch.CONSUMER})
    router = Dataflow("router")
    events = operators.input("events", router, source)
    routed = operators.flat_map("route", events, outputs)
    operators.output("outputs", routed, KafkaSink([options.brokers], None, dispatch.PRODUCER))
    return router


def main():
    options = dispatch.options()
    if options.delivery != "at_least_once":
        raise SystemExit("Bytewax's sink is at least once")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    cluster_main(flow(options, dispatch.Dispatch(options.rules)), [], 0)


if __name__ == "__main__":
    main()
