"""What is in the image built from nothing: the binary, the libraries that it loads, and what they read.

How: `ldd` names the libraries, dpkg the packages that they are of. Each file comes from its package
and from nowhere else; certificates are those of ca-certificates, without what was added on this
machine. There is no shell, no package manager, no name service library (glibc has files and dns
inside). A note of each package lies where scanners of images look (/var/lib/dpkg/status.d), with its
copyright, since the image passes its work on.

Errors: ImageError says what is missing and what to do.
"""
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Optional

USER = 65532  # nobody in particular, as in other images without a shell
HOME = "var/lib/turnout"
CERTIFICATES = Path("/usr/share/ca-certificates/mozilla")
DOCS = Path("/usr/share/doc")
# Compiled in from headers alone, so that no library of them is loaded.
HEADERS_ONLY = ("libcli11-dev", "nlohmann-json3-dev")
DPKG_FIELDS = ("Package", "Version", "Architecture", "source:Package", "source:Version",
               "Maintainer", "Homepage")

PASSWD = f"root:x:0:0:root:/:/nonexistent\nturnout:x:{USER}:{USER}:turnout:/{HOME}:/nonexistent\n"
GROUP = f"root:x:0:\nturnout:x:{USER}:\n"


class ImageError(Exception):
    pass


class Entry(NamedTuple):
    """A file, or a directory if it has neither content nor target."""
    path: str  # without a leading slash
    mode: int
    owner: int = 0
    content: Optional[bytes] = None
    target: Optional[str] = None  # of a symbolic link
    package: Optional[str] = None  # of Debian, or `turnout` or `librdkafka`


@dataclass
class Root:
    """Layers by name, lowest first, and who their files are of."""
    layers: dict
    packages: dict = field(default_factory=dict)  # name -> dpkg's fields
    headers_only: list = field(default_factory=list)

    def entries(self):
        return [entry for layer in self.layers.values() for entry in layer]


def output_of(*command, **environment):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C", **environment})
    return done.returncode, done.stdout, done.stderr


def libraries_of(binary, librdkafka):
    """Paths of all that it loads, the loader among them."""
    status, listing, problem = output_of("ldd", binary, LD_LIBRARY_PATH=str(librdkafka))
    missing = re.findall(r"(\S+) => not found", listing)
    if status != 0 or missing:
        raise ImageError(f"{binary} can't be loaded here: {', '.join(missing) or problem.strip()}\n"
                         "  deploy/install-packages run installs its libraries.")
    found = re.findall(r"^\s*(?:\S+ => )?(/\S+) \(0x", listing, re.MULTILINE)
    return sorted(Path(path) for path in set(found))


def packages_of(paths):
    """Path -> package, as dpkg says. It knows some by the name that they had before /usr was merged."""
    names = {}
    for path in paths:
        real = os.path.realpath(path)
        for name in {str(path), real, real.removeprefix("/usr"), "/usr" + str(path)}:
            names[name] = path
    _, listing, _ = output_of("dpkg-query", "-S", *names)
    found = {}
    for line in listing.splitlines():
        owners, _, name = line.partition(": ")
        if name in names:
            found[names[name]] = owners.split(",")[0].split(":")[0]
    strays = [str(path) for path in paths if path not in found]
    if strays:
        raise ImageError(f"of no Debian package: {', '.join(strays)}\n"
                         "  The image is made of Debian's libraries and of deploy/image/librdkafka's.")
    return found


def facts_of(packages):
    """Package -> its fields, as dpkg knows them."""
    form = "\\t".join(f"${{{name}}}" for name in DPKG_FIELDS) + "\\n"
    status, listing, problem = output_of("dpkg-query", "-W", "-f", form, *sorted(packages))
    if status != 0:
        raise ImageError(f"dpkg does not know what the image is made of: {problem.strip()}\n"
                         "  deploy/install-packages build run installs it.")
    rows = [dict(zip(DPKG_FIELDS, line.split("\t"))) for line in listing.splitlines()]
    return {row["Package"]: row for row in rows}


def stripped(binary, directory):
    """Its bytes without debug information, which debuggers find by the build id."""
    target = directory / "stripped"
    status, _, problem = output_of("strip", "--strip-all", "-o", target, binary)
    if status != 0:
        raise ImageError(f"{binary} can't be stripped: {problem.strip()}")
    content = target.read_bytes()
    target.unlink()
    return content


def certificates():
    files = sorted(CERTIFICATES.glob("*.crt"))
    if not files:
        raise ImageError(f"{CERTIFICATES} has no certificates\n"
                         "  deploy/install-packages run installs ca-certificates.")
    return b"".join(file.read_bytes().rstrip(b"\n") + b"\n" for file in files)


def note_of(facts):
    """A package as dpkg's status file has it."""
    return "".join(f"{name}: {value}\n" for name, value in (
        ("Package", facts["Package"]), ("Status", "install ok installed"),
        ("Architecture", facts["Architecture"]), ("Source", f"{facts['source:Package']} "
                                                            f"({facts['source:Version']})"),
        ("Version", facts["Version"]), ("Maintainer", facts["Maintainer"]))).encode()


def with_parents(entries, known):
    """Those, and before each its directories that are in no lower layer; in the order of their paths."""
    whole = {entry.path: entry for entry in entries}
    for path in list(whole):
        for parent in Path(path).parents:
            name = str(parent)
            if name != "." and name not in whole and name not in known:
                whole[name] = Entry(name, 0o755)
    return [whole[path] for path in sorted(whole)]


def debian_layer(libraries, owners, facts):
    loader = next(path for path in libraries if path.name.startswith("ld-linux"))
    entries = [Entry("lib", 0o777, target="usr/lib"), Entry("lib64", 0o777, target="usr/lib64")]
    for path in libraries:
        # Where the loader looks without a cache; the loader itself where the binary names it.
        name = str(path).lstrip("/")
        if not name.startswith("usr/"):
            name = "usr/" + name
        mode = 0o755 if path == loader else 0o644
        entries.append(Entry(name, mode, content=path.read_bytes(), package=owners[path]))
    bundle = "etc/ssl/certs/ca-certificates.crt"
    entries += [
        Entry(bundle, 0o644, content=certificates(), package="ca-certificates"),
        # Where OpenSSL looks of itself; curl looks at the bundle.
        Entry("usr/lib/ssl/cert.pem", 0o777, target=f"/{bundle}"),
        Entry("usr/lib/ssl/certs", 0o777, target="/etc/ssl/certs"),
        Entry("etc/nsswitch.conf", 0o644, content=b"hosts: files dns\n"),
        Entry("etc/passwd", 0o644, content=PASSWD.encode()),
        Entry("etc/group", 0o644, content=GROUP.encode()),
        Entry("etc/os-release", 0o644, content=Path("/usr/lib/os-release").read_bytes(),
              package="base-files"),
        Entry("tmp", 0o1777),
    ]
    for package in sorted(facts):
        entries.append(Entry(f"var/lib/dpkg/status.d/{package}", 0o644, content=note_of(facts[package])))
        copyright_file = DOCS / package / "copyright"
        if copyright_file.is_file():
            entries.append(Entry(f"usr/share/doc/{package}/copyright", 0o644,
                                 content=copyright_file.read_bytes(), package=package))
    return entries


def turnout_layer(binary, librdkafka, triplet, license_file, directory):
    return [
        Entry("usr/bin/turnout", 0o755, content=stripped(binary, directory), package="turnout"),
        Entry(f"usr/lib/{triplet}/librdkafka.so.1", 0o644,
              content=(librdkafka / "librdkafka.so.1").read_bytes(), package="librdkafka"),
        Entry("usr/share/doc/librdkafka/copyright", 0o644,
              content=(librdkafka / "LICENSES.txt").read_bytes(), package="librdkafka"),
        Entry("usr/share/doc/turnout/copyright", 0o644, content=license_file.read_bytes(),
              package="turnout"),
        Entry("etc/turnout", 0o755),
        Entry(HOME, 0o750, owner=USER),
    ]


def gather(binary, librdkafka, license_file, directory):
    """The Root of that binary; `directory` is for what is needed meanwhile."""
    libraries = libraries_of(binary, librdkafka)
    debian = [path for path in libraries if librdkafka not in path.parents]
    if len(debian) == len(libraries):
        raise ImageError(f"{binary} does not load {librdkafka}/librdkafka.so.1")
    owners = packages_of(debian)
    facts = facts_of({*owners.values(), "base-files", "ca-certificates"})
    headers_only = facts_of(HEADERS_ONLY) if has_packages(HEADERS_ONLY) else {}
    triplet = next(path for path in debian if path.name == "libc.so.6").parent.name
    lower = with_parents(debian_layer(debian, owners, facts), ())
    upper = with_parents(turnout_layer(binary, librdkafka, triplet, license_file, directory),
                         {entry.path for entry in lower})
    return Root({"debian": lower, "turnout": upper}, facts, list(headers_only.values()))


def has_packages(names):
    return output_of("dpkg-query", "-W", *names)[0] == 0
