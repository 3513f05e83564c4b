"""What tests and benches do with topics: make them, fill them, read them to their end.

Records as read are `Record` tuples; everything is read with read_committed unless said otherwise.
Errors: RuntimeError or KafkaException; a read that makes no progress gives up after a timeout.
"""
import collections
import ctypes
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from too_late import TooLate

READ_STALL_S = 30
_DEFAULT = -1  # as many replicas as the brokers' configuration says
_NONE = ctypes.py_object(None)
_count_reference = ctypes.pythonapi.Py_IncRef
Record = collections.namedtuple(
    "Record", "topic partition offset timestamp_ms key value headers")


def create(bootstrap, names, partitions=1, config=None, timeout_s=30, on=None):
    """Creates topics (one name or several) and returns when every partition has a leader. `on`: the
    ids of the brokers that have it, where the brokers are not to choose."""
    names = [names] if isinstance(names, str) else list(names)
    admin = _admin(bootstrap)
    replicas = {"replica_assignment": [on] * partitions} if on else {"replication_factor": _DEFAULT}
    made = admin.create_topics([NewTopic(name, partitions, config=config or {}, **replicas)
                                for name in names], operation_timeout=timeout_s)
    for future in made.values():
        future.result(timeout_s)
    deadline = time.monotonic() + timeout_s
    while True:
        known = admin.list_topics(timeout=timeout_s).topics
        if all(name in known and len(known[name].partitions) == partitions and
               all(part.leader >= 0 for part in known[name].partitions.values())
               for name in names):
            return
        if time.monotonic() > deadline:
            raise TooLate(f"topics {names} have no leaders after {timeout_s} s")
        time.sleep(0.05)


def delete(bootstrap, names, timeout_s=30):
    """Returns when the broker no longer lists them, which is a moment after it deleted them."""
    names = [names] if isinstance(names, str) else list(names)
    admin = _admin(bootstrap)
    for future in admin.delete_topics(names, operation_timeout=timeout_s).values():
        future.result(timeout_s)
    deadline = time.monotonic() + timeout_s
    while set(names) & set(existing(bootstrap)):
        if time.monotonic() > deadline:
            raise TooLate(f"still there after {timeout_s} s: {names}")
        time.sleep(0.05)


def existing(bootstrap, timeout_s=10):
    """Name to number of partitions of every topic but the broker's own."""
    topics = _admin(bootstrap).list_topics(timeout=timeout_s).topics
    return {name: len(topic.partitions) for name, topic in topics.items()
            if not name.startswith("__")}


def leaders(bootstrap, name, timeout_s=10):
    """Partition to the id of the broker that leads it, -1 where there is none."""
    partitions = _admin(bootstrap).list_topics(name, timeout=timeout_s).topics[name].partitions
    return {number: partition.leader for number, partition in partitions.items()}


def in_sync(bootstrap, name, timeout_s=10):
    """Partition to the ids of the brokers whose replicas have all that the leader has."""
    partitions = _admin(bootstrap).list_topics(name, timeout=timeout_s).topics[name].partitions
    return {number: frozenset(partition.isrs) for number, partition in partitions.items()}


def behind(bootstrap, timeout_s=10):
    """(topic, partition) of all, the brokers' own too, of which a replica is not in sync."""
    known = _admin(bootstrap).list_topics(timeout=timeout_s).topics
    return [(name, number) for name, topic in known.items()
            for number, partition in topic.partitions.items()
            if len(partition.isrs) < len(partition.replicas)]


def config(bootstrap, name, timeout_s=10):
    """A topic's configuration, all values as text."""
    admin = _admin(bootstrap)
    asked = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)])
    return {key: entry.value for key, entry in list(asked.values())[0].result(timeout_s).items()}


def set_config(bootstrap, name, values, timeout_s=10):
    """Returns when the broker goes by the new values, which is a moment after it took them."""
    admin = _admin(bootstrap)
    asked = ConfigResource(ConfigResource.Type.TOPIC, name, set_config=values)
    list(admin.alter_configs([asked]).values())[0].result(timeout_s)
    deadline = time.monotonic() + timeout_s
    while not values.items() <= config(bootstrap, name).items():
        if time.monotonic() > deadline:
            raise TooLate(f"{name} has not taken {values} in {timeout_s} s")
        time.sleep(0.02)


def produce(bootstrap, topic, records, rate=None, stop=None, properties=None):
    """Produces an iterable of dicts with the arguments of Producer.produce (value, key, headers,
    timestamp, partition), as fast as it goes or at `rate` records a second, until it ends or the
    Event `stop` is set. Keys go to the partitions that Java clients choose. Returns how many the
    broker acknowledged; raises if it refused any."""
    failures = []
    producer = Producer({
        "bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "acks": "all",
        "enable.idempotence": True, "linger.ms": 5, "batch.size": 1 << 18,
        "queue.buffering.max.messages": 200_000, "queue.buffering.max.kbytes": 1 << 18,
        "message.timeout.ms": 120_000, "log_level": 0, **(properties or {})})

    def delivered(error, _):
        if error:
            failures.append(error)

    # Evenly: what is sent together is waited for together.
    count, begun = 0, time.monotonic()
    together = min(100, max(1, int(rate / 100))) if rate else 100
    for record in records:
        if stop is not None and stop.is_set():
            break
        while True:
            try:
                producer.produce(topic, on_delivery=delivered, **record)
                break
            except BufferError:
                producer.poll(0.05)
        count += 1
        if count % together == 0:
            producer.poll(0)
            if rate:
                ahead = begun + count / rate - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
    left = producer.flush(120)
    if left or failures:
        raise RuntimeError(f"{left} records of {topic} got no answer, {len(failures)} were refused"
                           + (f", first: {failures[0]}" if failures else ""))
    return count


def produce_one(bootstrap, topic, record, properties=None):
    """Produces one record; answers (partition, offset). RuntimeError if the broker refuses it."""
    places = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0,
                         "message.timeout.ms": 120_000, **(properties or {})})
    producer.produce(topic, on_delivery=lambda *place: places.append(place), **record)
    producer.flush(120)
    error, message = places[0] if places else ("no answer", None)
    if error:
        raise RuntimeError(f"{topic} took no record: {error}")
    return message.partition(), message.offset()


def read(bootstrap, topics, committed=True, stall_s=READ_STALL_S, begin=None):
    """Every record of these topics up to their present end, as {topic: [Record]} in the order of
    (partition, offset). `begin`: partition to where it begins, if its first records are gone."""
    topics = [topics] if isinstance(topics, str) else list(topics)
    consumer = _reader(bootstrap, committed)
    try:
        waiting = set(_partitions(consumer, topics))
        consumer.assign([TopicPartition(name, part, (begin or {}).get(part, 0))
                         for name, part in waiting])
        found = {name: collections.defaultdict(list) for name in topics}
        heard = time.monotonic()
        while waiting:
            for message in consumer.consume(10_000, timeout=0.2):
                heard = time.monotonic()
                if message.error() is None:
                    found[message.topic()][message.partition()].append(_record(message))
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    waiting.discard((message.topic(), message.partition()))
                else:
                    raise KafkaException(message.error())
            if time.monotonic() - heard > stall_s:
                raise TooLate(f"no end of {sorted(waiting)} in {stall_s} s")
    finally:
        consumer.close()
    return {name: [record for part in sorted(parts) for record in parts[part]]
            for name, parts in found.items()}


def tail(bootstrap, topics):
    """A read_committed Consumer of all partitions of these topics, from their first record on. The
    caller closes it."""
    consumer = _reader(bootstrap, True)
    consumer.assign([TopicPartition(name, part, 0) for name, part in _partitions(consumer, topics)])
    return consumer


def _partitions(client, topics, timeout_s=10):
    """(topic, partition) of them all. One broker may not have heard yet of what another has made."""
    deadline = time.monotonic() + timeout_s
    while True:
        known = client.list_topics(timeout=timeout_s).topics
        missing = [name for name in topics if name not in known or not known[name].partitions]
        if not missing:
            return [(name, part) for name in topics for part in known[name].partitions]
        if time.monotonic() > deadline:
            raise RuntimeError(f"there is no topic {', '.join(missing)} to read")
        time.sleep(0.05)


def ends(bootstrap, topic, committed=True, timeout_s=10):
    """Partition to the offset after the last record that such a consumer may see."""
    consumer = _reader(bootstrap, committed)
    try:
        return {part: consumer.get_watermark_offsets(
            TopicPartition(topic, part), timeout=timeout_s)[1]
                for _, part in _partitions(consumer, [topic], timeout_s)}
    finally:
        consumer.close()


def committed_offsets(bootstrap, group, topic, timeout_s=10, settled=True):
    """Partition to the group's committed offset (next to read), -1 where there is none. Unless
    `settled`, what open transactions may still make of it is not waited for."""
    consumer = _reader(bootstrap, settled, group)
    try:
        asked = [TopicPartition(*place) for place in _partitions(consumer, [topic], timeout_s)]
        return {found.partition: max(found.offset, -1)
                for found in consumer.committed(asked, timeout=timeout_s)}
    finally:
        consumer.close()


def lag(bootstrap, group, topic):
    """How many offsets the group has still to commit, over all partitions."""
    done = committed_offsets(bootstrap, group, topic)
    return sum(end - max(done[part], 0) for part, end in ends(bootstrap, topic).items())


def wait_until_consumed(bootstrap, group, topic, timeout_s=60, beat=None):
    """Returns when the group has committed the topic's end; TooLate after the timeout. `beat`
    is called at each look, and may raise."""
    _wait_until_none_left(lambda: lag(bootstrap, group, topic), group, topic, timeout_s, beat)


def wait_until_caught_up(bootstrap, group, topic, timeout_s=60):
    """The same of what the topic holds now, whatever comes after it."""
    due = {}

    def left():
        due.update(due or ends(bootstrap, topic))
        done = committed_offsets(bootstrap, group, topic)
        return sum(max(0, offset - max(done[part], 0)) for part, offset in due.items())

    _wait_until_none_left(left, group, topic, timeout_s)


def _wait_until_none_left(count, group, topic, timeout_s, beat=None):
    deadline = time.monotonic() + timeout_s
    left = None
    while time.monotonic() < deadline:
        if beat:
            beat()
        try:
            left = count()
            if left == 0:
                return
        except KafkaException as problem:  # a broker that is just coming back
            left = problem
        time.sleep(0.2)
    raise TooLate(f"group {group} still has {left} of {topic} to commit after {timeout_s} s")


def wait_until_settled(bootstrap, topics, timeout_s=30):
    """Returns when no transaction is open on these topics: a read_committed consumer sees as far as
    any other. TooLate names those that hang."""
    deadline = time.monotonic() + timeout_s
    while True:
        hanging = unsettled(bootstrap, topics)
        if not hanging:
            return
        if time.monotonic() > deadline:
            raise TooLate(f"a transaction hangs on {', '.join(hanging)} after {timeout_s} s")
        time.sleep(0.2)


def open_transaction(bootstrap, transactional_id, topic, value):
    """A Producer with a transaction that has written `value`, and that nobody ends while it is kept;
    the broker has taken the record."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id,
                         "transaction.timeout.ms": 120_000, "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, value=value)
    if producer.flush(30):
        raise RuntimeError(f"{topic} took no record of {transactional_id}")
    return producer


def unsettled(bootstrap, topics):
    """Those of these topics that have records of an open transaction."""
    return [name for name in topics
            if ends(bootstrap, name, True) != ends(bootstrap, name, False)]


def _admin(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def _reader(bootstrap, committed, group="turnout-tests-reader"):
    return Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False,
        "enable.partition.eof": True, "auto.offset.reset": "error",
        "isolation.level": "read_committed" if committed else "read_uncommitted",
        "fetch.wait.max.ms": 50, "queued.min.messages": 100_000,
        "socket.timeout.ms": 10_000, "log_level": 0})


def _headers(message):
    """None of them where the client can't show their names, which are no UTF-8."""
    try:
        return message.headers() or []
    except UnicodeDecodeError:
        return []


def _record(message):
    headers = _headers(message)
    for _, value in headers:
        if value is None:
            # The client hands out this None without counting it; uncounted, the interpreter would
            # one day believe that nobody needs None any more.
            _count_reference(_NONE)
    return Record(message.topic(), message.partition(), message.offset(), message.timestamp()[1],
                  message.key(), message.value(), headers)
