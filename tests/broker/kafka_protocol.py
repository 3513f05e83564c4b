"""The little of Kafka's own protocol that the tests speak themselves: whether a broker takes
requests, elections, ACLs, and the notes beside committed offsets, for which their Python client is
too old.

Each call is one request on a connection of its own to 127.0.0.1.
Errors: OSError when nobody answers, RuntimeError when the broker refuses.
"""
import socket
import struct

_METADATA, _OFFSET_FETCH, _CREATE_ACLS, _DELETE_ACLS, _ELECT_LEADERS = 3, 9, 30, 31, 43
_KINDS = {"topic": 2, "group": 3, "cluster": 4, "transactional_id": 5}
_OPERATIONS = {"all": 2, "read": 3, "write": 4, "create": 5, "describe": 8, "describe_configs": 10,
               "idempotent_write": 12}
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


def change_acl(port, how, user, operation, kind, name, pattern):
    """Creates or deletes the permission for `user` to do `operation` on a resource."""
    body = struct.pack(">ib", 1, _KINDS[kind]) + _string(name)
    body += struct.pack(">b", _PATTERNS[pattern]) + _string(f"User:{user}") + _string("*")
    body += struct.pack(">bb", _OPERATIONS[operation], _ALLOW)
    answer = _request(port, _CREATE_ACLS if how == "create" else _DELETE_ACLS, body, timeout_s=10)
    error = struct.unpack(">h", answer[8:10])[0]  # after the throttle time and the count
    if error:
        raise RuntimeError(f"the broker refused the ACL: error {error}")


def _request(port, api, body, timeout_s):
    """Sends a request of version 1 and returns its answer's body."""
    head = struct.pack(">hhi", api, 1, 1) + _string("turnout-tests")
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
