"""The little of Kafka's own protocol that the tests speak themselves: whether a broker takes
requests, elections, coordinators, ACLs, quotas, settings, the notes beside committed offsets, for which their Python
client is too old, and records of a transaction that no coordinator is told of, which no client
would write.

Each call is one request on a connection of its own to 127.0.0.1.
Errors: OSError when nobody answers, RuntimeError when the broker refuses.
"""
import socket
import struct
import time

_METADATA, _OFFSET_FETCH, _ELECT_LEADERS = 3, 9, 43
_DESCRIBE_ACLS, _CREATE_ACLS, _DELETE_ACLS = 29, 30, 31
_PRODUCE, _INIT_PRODUCER_ID, _INCREMENTAL_ALTER_CONFIGS = 0, 22, 44
_FIND_COORDINATOR, _DESCRIBE_CLIENT_QUOTAS, _ALTER_CLIENT_QUOTAS = 10, 48, 49
_COORDINATED = {"group": 0, "transactional_id": 1}
_TRANSACTIONAL = 0x10
_CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}  # of a batch's attributes
_KINDS = {"topic": 2, "group": 3, "cluster": 4, "transactional_id": 5}
_OPERATIONS = {"all": 2, "read": 3, "write": 4, "create": 5, "delete": 6, "alter": 7, "describe": 8,
               "describe_configs": 10, "alter_configs": 11, "idempotent_write": 12}
_PATTERNS = {"literal": 3, "prefixed": 4}
_ALLOW = 3
_PREFERRED, _ALL = 0, -1


def broker_ids(port, timeout_s):
    """The brokers that the one at this port knows of: none before it takes requests."""
    answer = _request(port, _METADATA, struct.pack(">i", 0), timeout_s)  # about no topic
    count, = struct.unpack_from(">i", answer)
    at, found = 4, set()
    for _ in range(count):
        number, host_size = struct.unpack_from(">ih", answer, at)
        at += 6 + host_size + 4  # and the port
        rack_size, = struct.unpack_from(">h", answer, at)
        at += 2 + max(0, rack_size)
        found.add(number)
    return found


def elect_preferred_leaders(port, timeout_s=10):
    """Each partition is led by the first of its replicas again."""
    answer = _request(port, _ELECT_LEADERS,
                      struct.pack(">bii", _PREFERRED, _ALL, timeout_s * 1000), timeout_s)
    error, = struct.unpack_from(">h", answer, 4)  # after the throttle time
    if error:
        raise RuntimeError(f"the broker refused the election: error {error}")


def committed_notes(port, group, topic, partitions, timeout_s=10):
    """Partition to (committed offset or -1, the text beside it), of the first `partitions`."""
    body = _string(group) + struct.pack(">i", 1) + _string(topic)
    body += struct.pack(f">i{partitions}i", partitions, *range(partitions))
    answer = _request(port, _OFFSET_FETCH, body, timeout_s)
    at = 4 + 2 + len(topic.encode()) + 4  # after the topic's name and its partitions' number
    found = {}
    for _ in range(partitions):
        partition, offset, size = struct.unpack_from(">iqh", answer, at)
        text = answer[at + 14:at + 14 + max(0, size)]
        error, = struct.unpack_from(">h", answer, at + 14 + len(text))
        at += 16 + len(text)
        if error:
            raise RuntimeError(f"the broker does not tell the group's offsets: error {error}")
        found[partition] = offset, text.decode()
    return found


def leave_transaction_hanging(port, transactional_id, topic, partition, timeout_s=10):
    """Writes a record of a transaction that the id's coordinator is not told of; answers its offset.
    The broker must not have it verified (transaction.partition.verification.enable)."""
    body = _string(transactional_id) + struct.pack(">i", 60_000)
    answer = _request(port, _INIT_PRODUCER_ID, body, timeout_s)
    error, producer, epoch = struct.unpack_from(">hqh", answer, 4)  # after the throttle time
    if error:
        raise RuntimeError(f"the broker makes {transactional_id} no producer: error {error}")
    batch = _batch(_TRANSACTIONAL, producer, epoch, 0, b"of a transaction that hangs")
    return _produce(port, transactional_id, topic, partition, batch, timeout_s)


def produce_raw(port, topic, partition, value, key=None, headers=(), timestamp_ms=None, timeout_s=10):
    """Writes a record with header names, which are bytes, and a time that no client would write;
    answers its offset."""
    batch = _batch(0, -1, -1, -1, value, key, headers, timestamp_ms)
    return _produce(port, None, topic, partition, batch, timeout_s)


def produce_packed(port, topic, partition, codec, records, packed, timeout_s=30):
    """Writes a batch of so many records that are packed already, as `codec` (gzip, snappy, lz4, zstd);
    answers its first offset. `packed` is what a client would have packed of `record_in_batch`."""
    batch = _sealed(_CODECS[codec], -1, -1, -1, int(time.time() * 1000), records, packed)
    return _produce(port, None, topic, partition, batch, timeout_s)


def record_in_batch(number, value, key=None, headers=()):
    """The bytes of the batch's record of this number."""
    # Attributes, time and offset since the batch's own, key, value, headers.
    record = b"\0" + _varint(0) + _varint(number) + _bytes(key) + _bytes(value)
    record += _varint(len(headers)) + b"".join(_bytes(name) + _bytes(text) for name, text in headers)
    return _varint(len(record)) + record


def zeros_in_batch(size):
    """The bytes of a batch's first record whose value is so many zeros, in pieces of 1 MiB at most."""
    content = b"\0" + _varint(0) + _varint(0) + _bytes(None) + _varint(size)
    yield _varint(len(content) + size + 1) + content
    while size > 0:
        yield bytes(min(size, 1 << 20))
        size -= 1 << 20
    yield _varint(0)  # headers


def _produce(port, transactional_id, topic, partition, batch, timeout_s):
    body = struct.pack(">h", -1) if transactional_id is None else _string(transactional_id)
    body += struct.pack(">hii", -1, timeout_s * 1000, 1)
    body += _string(topic) + struct.pack(">iii", 1, partition, len(batch)) + batch
    answer = _request(port, _PRODUCE, body, timeout_s, version=3)
    at = 4 + 2 + len(topic.encode()) + 4 + 4  # after one topic's name and one partition's number
    error, offset = struct.unpack_from(">hq", answer, at)
    if error:
        raise RuntimeError(f"the broker took no record of {transactional_id}: error {error}")
    return offset


def _batch(attributes, producer, epoch, sequence, value, key=None, headers=(), timestamp_ms=None):
    """One record, as Kafka keeps it."""
    time_ms = int(time.time() * 1000) if timestamp_ms is None else timestamp_ms
    return _sealed(attributes, producer, epoch, sequence, time_ms, 1,
                   record_in_batch(0, value, key, headers))


def _sealed(attributes, producer, epoch, sequence, time_ms, records, content):
    rest = struct.pack(">hiqqqhii", attributes, records - 1, time_ms, time_ms, producer, epoch,
                       sequence, records) + content
    return struct.pack(">qiibI", 0, 9 + len(rest), -1, 2, _crc32c(rest)) + rest


def _varint(number):
    number = number << 1 ^ number >> 63
    data = b""
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def _bytes(data):
    return _varint(-1) if data is None else _varint(len(data)) + data


def _crc32c_of_byte(crc):
    for _ in range(8):
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


_CRC32C = [_crc32c_of_byte(number) for number in range(256)]


def _crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def change_default(port, name, value, timeout_s=10):
    """What all brokers have as a setting from soon on; None: what they have of themselves."""
    all_brokers = struct.pack(">b", 4) + _string("")
    change = b"\1\xff\xff" if value is None else b"\0" + _string(value)  # delete, set
    body = struct.pack(">i", 1) + all_brokers + struct.pack(">i", 1) + _string(name) + change
    answer = _request(port, _INCREMENTAL_ALTER_CONFIGS, body + b"\0", timeout_s, version=0)
    error, = struct.unpack_from(">h", answer, 8)  # after the throttle time and one resource's count
    if error:
        raise RuntimeError(f"the broker refused {name}: error {error}")


def change_acl(port, how, user, operation, kind, name, pattern):
    """Creates or deletes the permission for `user` to do `operation` on a resource."""
    body = struct.pack(">ib", 1, _KINDS[kind]) + _string(name)
    body += struct.pack(">b", _PATTERNS[pattern]) + _string(f"User:{user}") + _string("*")
    body += struct.pack(">bb", _OPERATIONS[operation], _ALLOW)
    answer = _request(port, _CREATE_ACLS if how == "create" else _DELETE_ACLS, body, timeout_s=10)
    error = struct.unpack(">h", answer[8:10])[0]  # after the throttle time and the count
    if error:
        raise RuntimeError(f"the broker refused the ACL: error {error}")


def coordinator(port, kind, key, timeout_s=10):
    """The id of the broker that coordinates this group or transactional id; None while none does."""
    answer = _request(port, _FIND_COORDINATOR, _string(key) + struct.pack(">b", _COORDINATED[kind]),
                      timeout_s)
    error, size = struct.unpack_from(">hh", answer, 4)  # after the throttle time
    found, = struct.unpack_from(">i", answer, 8 + max(0, size))
    return None if error else found


def set_user_quota(port, user, name, value, timeout_s=10):
    """What this user may do at each broker: set_user_quota(port, "app", "producer_byte_rate", 1e6)."""
    entity = struct.pack(">i", 1) + _string("user") + _string(user)
    body = struct.pack(">i", 1) + entity + struct.pack(">i", 1) + _string(name)
    body += struct.pack(">dbb", value, False, False)  # not to be removed, nor tried only
    answer = _request(port, _ALTER_CLIENT_QUOTAS, body, timeout_s, version=0)
    error, = struct.unpack_from(">h", answer, 8)  # after the throttle time and the count
    if error:
        raise RuntimeError(f"the broker refused the quota: error {error}")


def user_quotas(port, user, timeout_s=10):
    """What this user alone may do at each broker, by Kafka's names."""
    body = struct.pack(">i", 1) + _string("user") + struct.pack(">b", 0) + _string(user)
    answer = _request(port, _DESCRIBE_CLIENT_QUOTAS, body + struct.pack(">b", True), timeout_s, version=0)
    error, said = struct.unpack_from(">hh", answer, 4)  # after the throttle time
    if error:
        raise RuntimeError(f"the broker tells no quotas: error {error}")
    at = 8 + max(0, said)
    entries, = struct.unpack_from(">i", answer, at)
    at += 4
    quotas = {}
    for _ in range(entries):
        _, at = _entities(answer, at)
        count, = struct.unpack_from(">i", answer, at)
        at += 4
        for _ in range(count):
            name, at = _text(answer, at)
            quotas[name], = struct.unpack_from(">d", answer, at)
            at += 8
    return quotas


def _text(answer, at):
    size, = struct.unpack_from(">h", answer, at)
    end = at + 2 + max(0, size)
    return answer[at + 2:end].decode(), end


def _entities(answer, at):
    count, = struct.unpack_from(">i", answer, at)
    at += 4
    found = []
    for _ in range(count):
        kind, at = _text(answer, at)
        name, at = _text(answer, at)
        found.append((kind, name))
    return found, at


def acls_of(port, user, timeout_s=10):
    """All that ACLs allow this user, as (operation, kind, name, pattern)."""
    body = struct.pack(">bhb", 1, -1, 1) + _string(f"User:{user}") + struct.pack(">hbb", -1, 1, _ALLOW)
    answer = _request(port, _DESCRIBE_ACLS, body, timeout_s)
    error, said = struct.unpack_from(">hh", answer, 4)
    if error:
        raise RuntimeError(f"the broker tells no ACLs: error {error}")
    at = 8 + max(0, said)
    resources, = struct.unpack_from(">i", answer, at)
    at += 4
    words = [{number: word for word, number in table.items()} for table in (_KINDS, _PATTERNS, _OPERATIONS)]
    found = []
    for _ in range(resources):
        kind = answer[at]
        name, at = _text(answer, at + 1)
        pattern = answer[at]
        count, = struct.unpack_from(">i", answer, at + 1)
        at += 5
        for _ in range(count):
            _, at = _text(answer, at)
            _, at = _text(answer, at)
            found.append((words[2][answer[at]], words[0][kind], name, words[1][pattern]))
            at += 2
    return sorted(found)


def _request(port, api, body, timeout_s, version=1):
    """Sends a request of a version without tagged fields and returns its answer's body."""
    head = struct.pack(">hhi", api, version, 1) + _string("turnout-tests")
    with socket.create_connection(("127.0.0.1", port), timeout_s) as link:
        link.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        size = struct.unpack(">i", _exactly(link, 4))[0]
        return _exactly(link, size)[4:]  # after the correlation id


def _exactly(link, size):
    data = b""
    while len(data) < size:
        piece = link.recv(size - len(data))
        if not piece:
            raise OSError("the broker closed the connection")
        data += piece
    return data


def _string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data
