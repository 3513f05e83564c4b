#!/usr/bin/python3
"""One real Kafka broker for tests and benches: fetched once, started on free ports, always ended.

As a module: `with Kafka() as kafka:` starts a broker in a directory of its own and ends it; between
the two, `kafka.bootstrap`, `kafka.restart()`, `kafka.kill()`, `kafka.start()`. `cluster.py` has
several of them. As a program:

    kafka.py run                  start, print the address, end with Ctrl-C
    kafka.py start --dir DIR      start in the background, print the address
    kafka.py stop --dir DIR       end that one
    kafka.py fetch                only fill the cache, print where it is

The jars come through Maven into ${TURNOUT_CACHE:-~/.cache/turnout}/kafka-VERSION, once.
Threads: one thread uses a Kafka.
"""
import argparse
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "support")]

import kafka_protocol  # noqa: E402
import maven  # noqa: E402
from processes import die_with_parent, free_port  # noqa: E402
from too_late import TooLate  # noqa: E402

VERSION = "4.3.1"
# The last that knows only the first version of transactions: partitions and offsets are added to a
# transaction by requests of their own, and its end leaves the producer's epoch as it is.
OLD_VERSION = "3.9.2"
HEAP_MIB = 1024
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 30
# What a controller logs of a broker that it takes for dead, of one that is back, and of itself.
FENCED, UNFENCED, ACTIVE = b"Fencing broker", b"handleBrokerUnfenced", b"controller activation"
FENCED_WITHIN_S = 5  # of a session of half a second


def fetch(version=VERSION):
    """The directory with the broker's jars, filled by Maven the first time."""
    return maven.fetch("kafka", version, HERE / "pom.xml")


class Kafka:
    """A broker and controller in one process, on 127.0.0.1.

    With `sasl`, clients come through SASL_PLAINTEXT as one of `users` (name to password) and may do
    only what ACLs let them; `admin_bootstrap` is the tests' own door, where all is allowed. One that
    `lives_briefly` starts with half the CPU time, and takes more for each request.
    """

    def __init__(self, directory=None, sasl=False, users=None, settings=None, heap_mib=HEAP_MIB,
                 version=VERSION, lives_briefly=False, node_id=1, cluster_id=None, jvm=()):
        self._own_directory = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="turnout-kafka-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.sasl = sasl
        self.users = dict(users or {})
        self.settings = dict(settings or {})  # beside the usual ones, until it is first started
        self._heap_mib = heap_mib
        self._version = version
        self._lives_briefly = lives_briefly
        self.node_id = node_id
        self._cluster_id = cluster_id or str(uuid.uuid4())
        self._jvm = list(jvm)  # further options of the broker's Java
        self._process = None
        self._has_run = False
        self._libs = None
        self.port, self.admin_port, self.controller_port = free_port(), free_port(), free_port()
        atexit.register(self.close)

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    @property
    def admin_bootstrap(self):
        return f"127.0.0.1:{self.admin_port}"

    @property
    def voter(self):
        """What a quorum's configuration says of it."""
        return f"{self.node_id}@127.0.0.1:{self.controller_port}"

    @property
    def pid(self):
        return self._process.pid if self._process else None

    @property
    def log_file(self):
        return self.directory / "broker.log"

    @property
    def log_files(self):
        return [self.log_file]

    @property
    def data(self):
        """Where its partitions' logs are."""
        return self.directory / "data"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        """Starts the broker, on the ports and data that it had before if there was a before, and
        returns when it answers. RuntimeError with the end of its log when it doesn't."""
        self.prepare()
        if self._has_run and not self._has_peers():
            self._forget_itself()
        self._has_run = True
        self.launch()
        self.wait_until_ready()

    def prepare(self):
        """Writes its configuration and formats its data, the first time."""
        self._libs = fetch(self._version)
        if not (self.directory / "server.properties").exists():
            self._format()

    def launch(self):
        """Starts it and returns at once."""
        if self._process:
            raise RuntimeError("this broker is running already")
        self._process = self._run("server.properties")

    def _run(self, properties):
        with open(self.log_file, "ab") as log:
            return subprocess.Popen(
                self._java(self._heap_mib, self._lives_briefly)
                + self._jvm + ["kafka.Kafka", str(self.directory / properties)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                start_new_session=True, preexec_fn=die_with_parent)

    def _has_peers(self):
        return "controller.quorum.voters" in self.settings

    def _forget_itself(self):
        """Runs its controller alone until that takes the broker of before for dead.

        Kafka 4.3.1's transaction coordinator calls a transaction committed and leaves out its markers
        on partitions that have no leader at that moment; all wait for them for ever then. A broker
        without peers would come back as the coordinator, and lose its partitions when its old self's
        session ends; a controlled shutdown takes them away too, while it still coordinates. On a busy
        machine it was taken for dead while it shut down, and nothing is left to be logged.
        """
        before = self.log_file.read_bytes()
        begun = len(before)
        was_fenced = before.rfind(FENCED) > before.rfind(UNFENCED)
        properties = self._properties()
        only = {"process.roles": "controller", "broker.session.timeout.ms": 500,
                "listeners": properties["listeners"].rsplit(",", 1)[1]}
        _write_properties(self.directory / "controller.properties", {
            key: value for key, value in {**properties, **only}.items()
            if key not in ("advertised.listeners", "inter.broker.listener.name")})
        controller = self._run("controller.properties")
        deadline = time.monotonic() + START_TIMEOUT_S
        active_at = None
        try:
            while FENCED not in (said := self.log_file.read_bytes()[begun:]):
                if active_at is None and ACTIVE in said:
                    active_at = time.monotonic()
                if (was_fenced and active_at is not None
                        and time.monotonic() > active_at + FENCED_WITHIN_S):
                    break
                if controller.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the controller does not fence it:\n{self._log_tail()}")
                time.sleep(0.05)
        finally:
            _end(controller, signal.SIGTERM)

    def stop(self):
        """Ends the broker as a shutdown of its machine would: it says goodbye first."""
        self._end(signal.SIGTERM)

    def kill(self):
        """Ends the broker by SIGKILL."""
        self._end(signal.SIGKILL)

    def pause(self):
        """Freezes the broker: connections stay open and nobody answers, until `resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def restart(self, graceful=True):
        (self.stop if graceful else self.kill)()
        self.start()

    def close(self):
        """Ends the broker, removes its directory unless the caller gave that. May be repeated."""
        self._end(signal.SIGKILL)
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        atexit.unregister(self.close)

    def cpu_seconds(self):
        """CPU time that the broker's process has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tool(self, main_class, *arguments, **options):
        """Runs one of Kafka's own command-line tools to its end and returns what it printed."""
        self._libs = self._libs or fetch(self._version)
        done = subprocess.run(
            self._java(256, lives_briefly=True) + [main_class, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent,
            **options)
        if done.returncode != 0:
            raise RuntimeError(f"{main_class} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _java(self, heap_mib, lives_briefly):
        return ["java", f"-Xms{min(heap_mib, 256)}m", f"-Xmx{heap_mib}m", "-XX:+UseG1GC",
                "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true",
                f"-XX:TieredStopAtLevel={1 if lives_briefly else 4}",
                f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
                "-cp", f"{self._libs}/*"]

    def _format(self):
        properties = self._properties()
        fresh = self.directory / "server.properties.new"
        _write_properties(fresh, properties)
        self.tool("kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", fresh)
        fresh.rename(self.directory / "server.properties")

    def _properties(self):
        client_protocol = "SASL_PLAINTEXT" if self.sasl else "PLAINTEXT"
        listeners = (f"CLIENT://127.0.0.1:{self.port},ADMIN://127.0.0.1:{self.admin_port},"
                     f"CONTROLLER://127.0.0.1:{self.controller_port}")
        properties = {
            "process.roles": "broker,controller",
            "node.id": self.node_id,
            "controller.quorum.voters": self.voter,
            "listeners": listeners,
            "advertised.listeners": listeners.rsplit(",", 1)[0],
            "listener.security.protocol.map":
                f"CLIENT:{client_protocol},ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "ADMIN",
            "log.dirs": self.data,
            "log.retention.ms": -1,  # records with old timestamps stay too
            "num.partitions": 1,
            "default.replication.factor": 1,
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            # Tests of members that vanish need not wait for the broker's usual six seconds.
            "group.min.session.timeout.ms": 1000,
            # How soon a transaction whose producer went silent is found.
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            # A killed broker may come back once its old self is forgotten.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            # Nobody can take over from it: see `_forget_itself`.
            "controlled.shutdown.enable": "false",
            "log.cleaner.dedupe.buffer.size": 8 << 20,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        if self.sasl:
            properties.update(self._security())
        properties.update(self.settings)
        return properties

    def _security(self):
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        users = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        return {
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": f"{module} required {users};",
            "authorizer.class.name":
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # the ADMIN and CONTROLLER doors
            "allow.everyone.if.no.acl.found": "false",
        }

    def wait_until_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            if self._process.poll() is not None:
                tail = self._log_tail()
                self._process = None
                raise RuntimeError(f"the broker ended while starting:\n{tail}")
            if self._answers():
                return
            if time.monotonic() > deadline:
                tail = self._log_tail()
                self._end(signal.SIGKILL)
                raise TooLate(f"the broker was not ready in {START_TIMEOUT_S} s:\n{tail}")
            time.sleep(0.1)

    def _answers(self):
        """Whether the broker names itself in its metadata: only then does it take requests."""
        try:
            return self.node_id in kafka_protocol.broker_ids(self.admin_port, timeout_s=2)
        except OSError:
            return False

    def _log_tail(self):
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-30:])
        except OSError:
            return "(no log)"

    def _end(self, how):
        process, self._process = self._process, None
        if process is not None:
            _end(process, how)

    def allow(self, user, operation, kind, name, pattern="literal"):
        """Lets `user` do `operation` on a resource: allow("app", "write", "topic", "team-",
        "prefixed")."""
        kafka_protocol.change_acl(self.admin_port, "create", user, operation, kind, name, pattern)

    def disallow(self, user, operation, kind, name, pattern="literal"):
        """Takes back what `allow` gave with the same words."""
        kafka_protocol.change_acl(self.admin_port, "delete", user, operation, kind, name, pattern)


def _write_properties(file, properties):
    file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


def _end(process, how):
    """Sends it this signal unless it has ended; kills it if that does not end it."""
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _serve(directory):
    """Holds a broker until a signal says to end it."""
    kafka = Kafka(directory)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    with kafka:
        print(kafka.bootstrap, flush=True)
        if directory:
            (Path(directory) / "address").write_text(kafka.bootstrap)
        while kafka._process.poll() is None:
            time.sleep(0.5)
        print("the broker ended by itself:\n" + kafka._log_tail(), file=sys.stderr)
        return 1


def _start(directory):
    directory = Path(directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / "server.properties").exists():
        sys.exit(f"{directory} holds a broker's data already; stop that one or give another --dir")
    with open(directory / "holder.log", "wb") as log:
        holder = subprocess.Popen([sys.executable, __file__, "run", "--dir", directory],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  start_new_session=True)
    (directory / "pid").write_text(str(holder.pid))
    while not (directory / "address").exists():
        if holder.poll() is not None:
            sys.exit((directory / "holder.log").read_text())
        time.sleep(0.1)
    print((directory / "address").read_text())


def _stop(directory):
    directory = Path(directory)
    try:
        pid = int((directory / "pid").read_text())
    except OSError:
        sys.exit(f"no broker was started in {directory}")
    try:
        os.kill(pid, signal.SIGTERM)
        while True:
            os.kill(pid, 0)
            time.sleep(0.1)
    except ProcessLookupError:
        pass
    for name in ("pid", "address", "server.properties"):
        (directory / name).unlink(missing_ok=True)
    shutil.rmtree(directory / "data", ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("command", choices=["run", "start", "stop", "fetch"])
    parser.add_argument("--dir", help="where data and log live (run: a temporary one by default)")
    arguments = parser.parse_args()
    if arguments.command in ("start", "stop") and not arguments.dir:
        parser.error(f"{arguments.command} needs --dir")
    if arguments.command == "run":
        return _serve(arguments.dir)
    if arguments.command == "fetch":
        print(fetch())
    else:
        (_start if arguments.command == "start" else _stop)(arguments.dir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
