#!/usr/bin/python3
"""quix_router: Quix Streams, at least once or exactly once by transactions, a commit every 100 ms."""
import dispatch
from quixstreams import Application

COMMIT_S = 0.1
GUARANTEE = {"at_least_once": "at-least-once", "exactly_once": "exactly-once"}


class Routed(bytes):
    """An event's bytes, and where they go."""
    topic = None


def main():
    options = dispatch.options()
    rules = dispatch.Dispatch(options.rules)
    app = Application(
        broker_address=options.brokers, consumer_group=options.group, auto_offset_reset="earliest",
        commit_interval=COMMIT_S, processing_guarantee=GUARANTEE[options.delivery],
        auto_create_topics=False, use_changelog_topics=False, state_dir=options.state,
        consumer_extra_config=dispatch.CONSUMER, producer_extra_config=dispatch.PRODUCER,
        consumer_poll_timeout=0.1, loglevel="WARNING")

    def topic(name):
        return app.topic(name, value_deserializer="bytes", key_deserializer="bytes",
                         value_serializer="bytes", key_serializer="bytes")

    topics = {name: topic(name) for name in rules.topics}

    def outputs(value):
        found = []
        for name in rules.route(value):
            routed = Routed(value)
            routed.topic = topics[name]
            found.append(routed)
        return found

    events = app.dataframe(topic(options.topic))
    events.apply(outputs, expand=True).to_topic(lambda value, key, timestamp, headers: value.topic)
    app.run()


if __name__ == "__main__":
    main()
