"""A network for routers: a namespace of their own with a link to each broker, which can be cut.

A link is a pair of interfaces with an address at each end; the end that is the host's is where a
broker listens. A link that is down loses packets in silence, as a partition of a network does: no
connection is refused or closed. It takes root; `missing` says why it can't be had.

Threads: any; `inside` concerns the calling thread alone.
"""
import contextlib
import ctypes
import itertools
import os
import shutil
import subprocess

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_counter = itertools.count()


def missing():
    """What there is to say against making one; empty if it can be made."""
    if os.geteuid() != 0:
        return "a network namespace takes root"
    if not shutil.which("ip"):
        return "there is no `ip` (Debian's iproute2)"
    probe = f"turnout-probe-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    if done.returncode != 0:
        return f"no network namespace can be made: {done.stderr.strip()}"
    _ip("netns", "delete", probe)
    return ""


class RouterNetwork:
    def __init__(self, links):
        mark = f"{os.getpid()}-{next(_counter)}"
        self.name = f"turnout-{mark}"
        self._links = [f"t{mark}-{number}" for number in range(links)]
        # A block of its own, so that test runs side by side don't meet.
        self._block = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 256}"
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        for number, link in enumerate(self._links):
            _ip("link", "add", link, "type", "veth", "peer", "name", f"link-{number}", "netns",
                self.name)
            _ip("address", "add", f"{self.host(number)}/30", "dev", link)
            _ip("link", "set", link, "up")
            _ip("-n", self.name, "address", "add", f"{self._block}.{4 * number + 2}/30", "dev",
                f"link-{number}")
            _ip("-n", self.name, "link", "set", f"link-{number}", "up")

    def host(self, number):
        """The address at the host's end of a link."""
        return f"{self._block}.{4 * number + 1}"

    def cut(self, number):
        _ip("link", "set", self._links[number], "down")

    def mend(self, number):
        _ip("link", "set", self._links[number], "up")

    @property
    def command(self):
        """What to put before a command that is to run in it."""
        return ["ip", "netns", "exec", self.name]

    @contextlib.contextmanager
    def inside(self):
        """Sockets that are made meanwhile are in it."""
        with open("/proc/thread-self/ns/net") as outside, open(f"/run/netns/{self.name}") as there:
            _enter(there)
            try:
                yield
            finally:
                _enter(outside)

    def close(self):
        """Once nothing runs in it. May be repeated."""
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True)
        for link in self._links:
            subprocess.run(["ip", "link", "delete", link], capture_output=True)


def _enter(namespace):
    if _libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "a network namespace can't be entered")


def _ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
