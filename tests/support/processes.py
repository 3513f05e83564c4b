"""What tests and benches do with processes of their own: ports for them, and an end with the test.

Errors: none. Threads: any.
"""
import ctypes
import random
import signal
import socket
import threading

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_lock = threading.Lock()
_given = set()


def die_with_parent():
    """For preexec_fn: the child is killed when the thread that started it ends, however it ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """A port that nobody listens on, below those that outgoing connections are given: a client that
    keeps trying a stopped server's port must not end up connected to itself. No port is given twice
    by a process: who was given one may not listen yet, or be about to start again."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with _lock, socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                if port not in _given:
                    probe.bind(("127.0.0.1", port))
                    _given.add(port)
                    return port
            except OSError:
                continue
