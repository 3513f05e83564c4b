"""The peers that run on a JVM: compiled against what Maven brings, and the flags they all start with."""
import hashlib
import subprocess

import peers

HEAP_MIB = 1024
JAVA = peers.HERE / "java"


def versions_of(jars, *names):
    """Of these libraries, the versions that their jars' names tell."""
    return {name: jar.stem.removeprefix(f"{name}-") for name in names for jar in jars.glob(f"{name}-[0-9]*")}


def java_version():
    said = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    return said.splitlines()[0].split('"')[1]


def compile(pom, main, sources, versions, flags=()):
    """A command that runs `main`, and versions; Maven brings what `pom` names, once."""
    peers.need("java", "javac", "mvn")
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    jars = peers.jars(f"peers-{pom.stem}", digest, pom)
    classes = peers.common.ROOT / "build" / "peers" / main
    peers.run("javac", "-d", str(classes), "-cp", f"{jars}/*", *[str(JAVA / name) for name in sources])
    command = ["java", f"-Xms{HEAP_MIB}m", f"-Xmx{HEAP_MIB}m", "-XX:+UseParallelGC", *flags,
               "-cp", f"{jars}/*:{classes}", main]
    return command, {**versions_of(jars, *versions), "java": java_version()}
