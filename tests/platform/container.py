"""A pod's container as a real process with a root directory of its own, as its image would be.

The root holds the image's program where the command names it, the machine's libraries and /bin/sh, and
the pod's mounts; it is read-only, and the process is the pod's user without any capability. It shares
the machine's network and processes, and no limit of memory or processors is put on it.

As a program: `container.py SPEC`, which becomes what the JSON file SPEC says; see `Container.start`.

Errors: NoMounts where the machine lets nobody mount. Lifetime: the process ends with the thread that
started it. Threads: one starts it; any may look at it or kill it.
"""
import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "support"))

from processes import die_with_parent  # noqa: E402

NEW_MOUNTS = 0x20000  # CLONE_NEWNS
BIND, ALL, PRIVATE, READ_ONLY, REMOUNT = 4096, 16384, 1 << 18, 1, 32
NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
# What an image has of a system. Directories of libraries may be links.
SHOWN = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ssl", "/proc", "/dev",
         "/bin/sh")
COPIED = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group",
          "/etc/ld.so.cache", "/etc/localtime")
STOP_POLL_S = 0.02
LAST_WORDS_BYTES = 2048  # of a log, which become a termination's message
_libc = ctypes.CDLL(None, use_errno=True)


class NoMounts(RuntimeError):
    """This machine lets no process have mounts of its own."""


def check():
    """NoMounts, or nothing."""
    done = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise NoMounts(f"processes can't have mounts of their own here: {done.stderr.strip()}")


class Container:
    def __init__(self, directory, name):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_file = self.directory / f"{name}.log"
        self._spec_file = self.directory / f"{name}.json"
        self._root = self.directory / f"{name}-root"
        self._process = None
        self._log_from = 0

    @property
    def pid(self):
        return self._process.pid if self._process else None

    def start(self, program, command, environment, mounts, user):
        """`mounts`: (what, where, is_read_only); of what is a file, a file. `program` is what stands
        at command[0]."""
        self._root.mkdir(exist_ok=True)
        self._spec_file.write_text(json.dumps({
            "root": str(self._root), "program": str(program), "command": command,
            "environment": environment, "mounts": [[str(what), where, bool(fixed)]
                                                   for what, where, fixed in mounts], "user": user}))
        self._log_from = self.log_file.stat().st_size if self.log_file.exists() else 0
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__, self._spec_file], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=die_with_parent)

    def exit_code(self):
        """As a shell would say it: 128 and the signal. None while it runs."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def signal(self, number):
        if self.is_running():
            self._process.send_signal(number)

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, grace_s, hurry):
        """SIGTERM, and SIGKILL after the grace, or once the Event `hurry` is set."""
        if not self.is_running():
            return
        self._process.terminate()
        deadline = time.monotonic() + grace_s
        while self.is_running() and time.monotonic() < deadline and not hurry.wait(STOP_POLL_S):
            pass
        self.kill()

    def last_words(self):
        """The end of what its last run wrote."""
        with open(self.log_file, "rb") as log:
            log.seek(max(self._log_from, self.log_file.stat().st_size - LAST_WORDS_BYTES))
            return log.read().decode(errors="replace")


# --- as a program ---

def _mount(what, where, kind=None, flags=0):
    names = [word.encode() if word else None for word in (what, where, kind)]
    if _libc.mount(*names, flags, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}: mount {what} at {where}")


def _show(what, root, is_fixed, name=None):
    """Binds `what` into the root, by its own name unless another is given."""
    target = Path(root + (name or what))
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.isdir(what):
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount(what, str(target), None, BIND | ALL)
    if is_fixed:
        _mount(None, str(target), None, BIND | REMOUNT | READ_ONLY)


def _build(root, spec):
    if _libc.unshare(NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount(None, "/", None, ALL | PRIVATE)
    _mount("tmpfs", root, "tmpfs")
    os.chmod(root, 0o755)
    for name in SHOWN:
        if os.path.islink(name) and os.path.isdir(name):
            os.symlink(os.readlink(name), root + name)
        elif os.path.exists(name):
            _show(os.path.realpath(name) if name == "/bin/sh" else name, root, False, name)
    for name in COPIED:
        if os.path.exists(name):
            Path(root + name).parent.mkdir(parents=True, exist_ok=True)
            Path(root + name).write_bytes(Path(name).read_bytes())
    _show(spec["program"], root, True, spec["command"][0])
    # Outer ones first.
    for what, where, is_fixed in sorted(spec["mounts"], key=lambda mount: mount[1]):
        _show(what, root, is_fixed, where)
    _mount(None, root, None, REMOUNT | READ_ONLY)


def main():
    spec = json.loads(Path(sys.argv[1]).read_text())
    parent = os.getppid()
    os.umask(0o022)
    _build(spec["root"], spec)
    os.chroot(spec["root"])
    os.chdir("/")
    if spec["user"]:
        os.setgroups([])
        os.setgid(spec["user"])
        os.setuid(spec["user"])
    _libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    die_with_parent()  # again: it is forgotten where the user changes
    if os.getppid() != parent:
        sys.exit("the kubelet is gone")
    os.execve(spec["command"][0], spec["command"], spec["environment"])


if __name__ == "__main__":
    main()
