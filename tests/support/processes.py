"""What tests and benches do with processes of their own: ports for them, and an end with the test.

Errors: none. Threads: any.
"""
import ctypes
import fcntl
import functools
import os
import random
import signal
import socket
import tempfile
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_lock = threading.Lock()
_given = set()


def die_with_parent():
    """For preexec_fn: the child is killed when the thread that started it ends, however it ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """A port that nobody listens on, below those that outgoing connections are given: a client that
    keeps trying a stopped server's port must not end up connected to itself. It stays the calling
    process's until that ends: its server may not listen yet, or be about to start again."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with _lock, socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                if port not in _given:
                    fcntl.lockf(_known_ports(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                    probe.bind(("127.0.0.1", port))
                    _given.add(port)
                    return port
            except OSError:
                continue


@functools.lru_cache(maxsize=None)
def _known_ports():
    """A file of which a process locks the bytes whose numbers are its ports."""
    return open(Path(tempfile.gettempdir()) / f"turnout-test-ports-{os.getuid()}", "ab")
