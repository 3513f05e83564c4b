"""A real sshd in front of a bare Git repository, on 127.0.0.1 at a port of its own: root's, who may there,
with the one key that is let in, do what git asks for and nothing else.

Needs root and mounts of its own, for the directory that sshd wants in /run. Errors: AssertionError with
its log if it does not start. Threads: one's.
"""
import socket
import subprocess

import binaries
from kube import wait_for
from processes import die_with_parent, free_port

OPTIONS = """ListenAddress 127.0.0.1
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin forced-commands-only
"""
START = "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -D -e -f \"$0\""


def key_pair(file):
    """The private key's bytes and the public one's line."""
    binaries.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", file)
    return file.read_bytes(), file.with_name(f"{file.name}.pub").read_text()


class Sshd:
    def __init__(self, directory):
        directory.mkdir()
        self.directory, self.port = directory, free_port()
        self.repository = directory / "services.git"
        self.address = f"ssh://root@127.0.0.1:{self.port}{self.repository}"
        self.log_file = directory / "sshd.log"
        self.key, public = key_pair(directory / "identity")
        self.known_hosts = self.line_of(key_pair(directory / "host")[1])
        (directory / "authorized_keys").write_text(
            f'restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" {public}')
        (directory / "sshd_config").write_text(
            f"{OPTIONS}Port {self.port}\nHostKey {directory}/host\nPidFile none\n"
            f"AuthorizedKeysFile {directory}/authorized_keys\n")
        self._process = None

    def line_of(self, public):
        """Of known_hosts, for this address and a host's public key."""
        return f"[127.0.0.1]:{self.port} {' '.join(public.split()[:2])}\n"

    def start(self):
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", START, self.directory / "sshd_config"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        wait_for(self._answers, "sshd answers")
        return self

    def _answers(self):
        assert self._process.poll() is None, self.log_file.read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
