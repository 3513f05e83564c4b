#!/usr/bin/python3
"""Holds the build to the picture of the rooms: who includes and links whom, one door a library.

Every check is a function from a tree (path -> text) to a list of problems, so that each is also shown
a tree with that fault planted. Run it directly; `tests/run architecture` does.
"""
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

ROOMS = ("router", "state", "connectors", "runtime", "deploy")
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "bench", "connectors",
             "deploy", "router", "runtime", "state", "tests"}

# Whose headers a room may include: calls go down only.
MAY_INCLUDE = {
    "router": {"router", "state"},
    "state": {"state"},
    "connectors": {"connectors"},
    "runtime": {"runtime", "router", "state", "connectors"},
    "deploy": {"deploy", "runtime", "router", "state"},
    "bench": {"bench", "runtime", "router", "state", "connectors"},
}

# The program's main stands above all rooms: it knows every command.
MAIN, MAIN_TARGET = "runtime/main.cc", "turnout"

# One door a library: the include prefix, the words it has in CMake, the rooms whose .cc may open it.
DOORS = (
    ("simdjson", ("simdjson::simdjson",), {"router"}),
    ("yaml-cpp/", ("yaml-cpp",), {"router"}),
    ("re2/", ("PkgConfig::re2",), {"router", "deploy"}),
    ("librdkafka/", ("PkgConfig::rdkafka",), {"connectors", "bench"}),
    ("rocksdb/", ("RocksDB::rocksdb-shared",), {"state"}),
    ("openssl/", ("OpenSSL::Crypto", "OpenSSL::SSL"), {"state", "connectors"}),
    ("curl/", ("PkgConfig::curl",), {"state"}),
    ("pugixml", ("pugixml::pugixml",), {"state"}),
    ("prometheus/", ("prometheus-cpp::core", "prometheus-cpp::pull"), {"runtime"}),
    ("spdlog/", ("spdlog::spdlog",), {"runtime"}),
    ("CLI/", ("CLI11::CLI11",), {"runtime"}),
    ("zlib.h", ("ZLIB::ZLIB",), {"runtime", "connectors"}),
    ("isa-l/", ("PkgConfig::isal",), {"connectors"}),
    ("lz4", ("PkgConfig::liblz4",), {"connectors"}),
    ("snappy", ("PkgConfig::libsnappy",), {"connectors"}),
    ("zstd", ("PkgConfig::libzstd",), {"connectors"}),
    ("google/protobuf/", ("PkgConfig::protobuf",), {"connectors"}),
    ("nlohmann/", ("nlohmann_json::nlohmann_json",),
     {"bench", "connectors", "deploy", "runtime", "state"}),
)

# router/ is pure, and neither router/ nor state/ reads a clock.
CLOCKS = ("chrono", "ctime", "time.h", "sys/time.h", "absl/time/clock.h")
IMPURE = CLOCKS + ("thread", "mutex", "shared_mutex", "condition_variable", "future", "fstream",
                   "iostream", "filesystem", "cstdio", "stdio.h", "unistd.h", "fcntl.h", "random",
                   "absl/synchronization/mutex.h", "absl/random/random.h")
FORBIDDEN_INCLUDES = {"router": IMPURE, "state": CLOCKS}

# What no file may hold: places of one machine, hosts of registries, unfinished work. Spelled in
# pieces, since this file is searched too.
FORBIDDEN_WORDS = tuple("".join(pieces) for pieces in (
    ("/wo", "rk/"), ("/tmp", "/wt"), ("/ro", "ot/"), ("/home", "/"), ("deb.debian", ".org"),
    ("repo.maven", ".apache"), ("repo1.maven", ".org"), ("pypi", ".org"), ("proxy.golang", ".org"),
    ("TO", "DO"), ("FIX", "ME"), ("XX", "X:"), ("DISABLED", "_")))

COLUMNS_MAX = 100
HEADER_LINES_HINT = 400
SOURCE_LINES_HINT = 800

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]')


def room_of(path):
    return path.split("/", 1)[0] if "/" in path else ""


def is_cpp(path):
    return path.endswith((".h", ".cc"))


def includes(text):
    """(line number, '<' or '"', name) of every include."""
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def problems_of_room_includes(tree):
    problems = []
    known = set(MAY_INCLUDE) | {"tests"}
    for path, text in tree.items():
        room = room_of(path)
        if not is_cpp(path) or room not in MAY_INCLUDE:
            continue
        above = {"deploy"} if path == MAIN else set()
        for number, _, name in includes(text):
            if room_of(name) in known - MAY_INCLUDE[room] - above:
                problems.append(f"{path}:{number}: {room}/ may not include {name}")
    return problems


def problems_of_doors(tree):
    problems = []
    for path, text in tree.items():
        room = room_of(path)
        if not is_cpp(path) or room == "tests":
            continue
        for number, _, name in includes(text):
            for prefix, _, rooms in DOORS:
                if not name.startswith(prefix):
                    continue
                if room not in rooms:
                    problems.append(f"{path}:{number}: {name} has its door in {sorted(rooms)}")
                elif path.endswith(".h") and room != "bench":
                    problems.append(f"{path}:{number}: {name} belongs in a .cc file, not in a header")
    return problems


def problems_of_headers(tree):
    """Our headers include the standard library, Abseil and ourselves, and begin by saying what they are."""
    problems = []
    for path, text in tree.items():
        if not path.endswith(".h") or room_of(path) not in ROOMS:
            continue
        if "#pragma once" not in text:
            problems.append(f"{path}:1: no `#pragma once`")
        if not text.startswith("// "):
            problems.append(f"{path}:1: a header begins with a comment that says what it is")
        for number, bracket, name in includes(text):
            standard = bracket == "<" and "/" not in name and "." not in name
            ours = bracket == '"' and (name.startswith("absl/") or room_of(name) in ROOMS)
            if not standard and not ours:
                problems.append(f"{path}:{number}: a header may not include {name}")
    return problems


def problems_of_purity(tree):
    problems = []
    for path, text in tree.items():
        forbidden = FORBIDDEN_INCLUDES.get(room_of(path), ()) if is_cpp(path) else ()
        for number, _, name in includes(text):
            if name in forbidden:
                problems.append(f"{path}:{number}: {room_of(path)}/ may not use {name}")
    return problems


def cmake_calls(text, command):
    """The words of each call of `command`, comments and quotes taken off."""
    text = re.sub(r"#[^\n]*", "", text)
    for found in re.finditer(rf"\b{command}\s*\(([^)]*)\)", text):
        yield [word.strip('"') for word in found.group(1).split()]


def problems_of_links(tree):
    """The dependency lists in CMake agree with the rules for includes."""
    problems = []
    for path in ("CMakeLists.txt", "bench/CMakeLists.txt"):
        for words in cmake_calls(tree.get(path, ""), "target_link_libraries"):
            target = words[0]
            room = "bench" if path.startswith("bench/") else target.removeprefix("turnout_")
            if room == "turnout":
                room = "runtime"
            if room not in MAY_INCLUDE:
                continue
            for word in words[1:]:
                if word.startswith("turnout_") and not word.endswith("_options"):
                    above = {"deploy"} if target == MAIN_TARGET else set()
                    if word.removeprefix("turnout_") not in MAY_INCLUDE[room] | above:
                        problems.append(f"{path}: {target} may not link {word}")
                for _, libraries, rooms in DOORS:
                    if word in libraries and room not in rooms:
                        problems.append(f"{path}: {target} may not link {word}")
    return problems


def problems_of_source_lists(tree):
    """Every source of a room is listed in CMake, once, in order; there are no globs."""
    problems = []
    text = tree["CMakeLists.txt"]
    for path in tree:
        if os.path.basename(path) == "CMakeLists.txt" and "GLOB" in tree[path]:
            problems.append(f"{path}: sources are listed, not globbed")
    listed = []
    for command in ("add_library", "add_executable"):
        for words in cmake_calls(text, command):
            sources = [word for word in words if word.endswith(".cc") and "${" not in word]
            if sources != sorted(sources):
                problems.append(f"CMakeLists.txt: the sources of {words[0]} are not sorted")
            listed += sources
    for source in sorted(set(listed)):
        if listed.count(source) > 1:
            problems.append(f"CMakeLists.txt: {source} is listed {listed.count(source)} times")
        if source not in tree:
            problems.append(f"CMakeLists.txt: {source} is listed and not there")
    for path in tree:
        if path.endswith(".cc") and room_of(path) in ROOMS and path not in listed:
            problems.append(f"CMakeLists.txt: {path} is not listed, so nothing builds it")
    return problems


def problems_of_threads(tree):
    """What starts threads in a test is built for the thread sanitizer: it is among THREADED."""
    problems = []
    for words in cmake_calls(tree.get("tests/CMakeLists.txt", ""), "turnout_test"):
        if "THREADED" not in words:
            continue
        for word in words[:words.index("THREADED")]:
            if re.search(r"\bstd::j?thread\b", tree.get(f"tests/{word}", "")):
                problems.append(f"tests/CMakeLists.txt: {word} starts threads; it belongs to THREADED")
    return problems


def problems_of_text(tree):
    """C++ is ASCII, at most 100 columns wide, without tabs or trailing space."""
    problems = []
    for path, text in tree.items():
        if not is_cpp(path):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if not line.isascii():
                problems.append(f"{path}:{number}: not ASCII")
            if len(line) > COLUMNS_MAX:
                problems.append(f"{path}:{number}: {len(line)} columns; at most {COLUMNS_MAX}")
            if "\t" in line or line != line.rstrip():
                problems.append(f"{path}:{number}: a tab or trailing space")
    return problems


def problems_of_words(tree):
    problems = []
    for path, text in tree.items():
        for number, line in enumerate(text.splitlines(), 1):
            for word in FORBIDDEN_WORDS:
                if word in line:
                    problems.append(f"{path}:{number}: holds `{word}`")
    return problems


def problems_of_top_level(tree):
    top = {path.split("/", 1)[0] for path in tree}
    problems = [f"{name}: not one of the repository's top-level names" for name in sorted(top - TOP_LEVEL)
                if not name.startswith(".")]
    return problems + [f"{name}: missing" for name in sorted(TOP_LEVEL - top)]


def problems_of_readmes(tree):
    rooms = sorted(name for name in TOP_LEVEL if "." not in name and name != "LICENSE")
    return [f"{room}/README.md: missing" for room in rooms if f"{room}/README.md" not in tree]


def problems_of_scripts(tree):
    """Python of ours runs under Debian's python3, whatever another one is first in the path."""
    return [f"{path}:1: begins with {text.splitlines()[0]}, not #!/usr/bin/python3"
            for path, text in tree.items()
            if text.startswith("#!") and "python" in text.splitlines()[0]
            and text.splitlines()[0] != "#!/usr/bin/python3"]


def real_tree():
    """Path -> text of everything that is tracked or about to be; files that aren't text are left out."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT,
                             check=True, capture_output=True).stdout.decode()
    tree = {}
    for path in filter(None, listing.split("\0")):
        full = os.path.join(ROOT, path)
        if not os.path.isfile(full):
            continue
        with open(full, "rb") as file:
            content = file.read()
        if b"\0" not in content and not is_corpus(path):
            tree[path] = content.decode("utf-8", "replace")
    return tree


def is_corpus(path):
    """Inputs of the fuzzers are data, whatever they hold."""
    return "/corpus/" in path


CPP = "// A thing.\n#pragma once\n"


class Checks(unittest.TestCase):
    """Each check on the real tree, then on one with its fault planted."""

    @classmethod
    def setUpClass(cls):
        cls.tree = real_tree()

    def hold(self, check, *planted):
        problems = check(self.tree)
        if problems:
            self.fail("\n" + "\n".join(problems))
        for path, text in planted:
            self.assertTrue(check({**self.tree, path: text}), f"{path} was not found out")

    def test_rooms_include_downwards_only(self):
        self.hold(problems_of_room_includes,
                  ("router/x.cc", '#include "connectors/record.h"\n'),
                  ("connectors/x.cc", '#include "state/commit_note.h"\n'),
                  ("state/x.h", '#include "router/event.h"\n'),
                  ("runtime/x.cc", '#include "deploy/manager/item.h"\n'),
                  ("runtime/x.cc", '#include "tests/support/memory_log.h"\n'))

    def test_each_library_has_one_door(self):
        self.hold(problems_of_doors,
                  ("runtime/x.cc", "#include <librdkafka/rdkafka.h>\n"),
                  ("connectors/x.h", "#include <librdkafka/rdkafka.h>\n"),
                  ("runtime/x.cc", '#include "simdjson.h"\n'))

    def test_headers_show_no_library_but_abseil(self):
        self.hold(problems_of_headers,
                  ("runtime/x.h", CPP + "#include <zlib.h>\n"),
                  ("runtime/x.h", CPP + "#include <sys/socket.h>\n"),
                  ("runtime/x.h", "#pragma once\n"))

    def test_router_is_pure_and_state_reads_no_clock(self):
        self.hold(problems_of_purity,
                  ("router/x.cc", "#include <thread>\n"),
                  ("state/x.cc", '#include "absl/time/clock.h"\n'))

    def test_link_lists_agree_with_the_includes(self):
        cmake = self.tree["CMakeLists.txt"]
        self.hold(problems_of_links,
                  ("CMakeLists.txt", cmake + "target_link_libraries(turnout_state PUBLIC turnout_router)"),
                  ("CMakeLists.txt",
                   cmake + "target_link_libraries(turnout_runtime PRIVATE PkgConfig::rdkafka)"))

    def test_every_source_is_listed_once_and_in_order(self):
        self.hold(problems_of_source_lists,
                  ("router/unlisted.cc", ""),
                  ("CMakeLists.txt", self.tree["CMakeLists.txt"] + "add_library(x router/gone.cc)"),
                  ("tests/CMakeLists.txt", "file(GLOB sources *.cc)"))

    def test_the_thread_sanitizer_is_given_what_starts_threads(self):
        self.hold(problems_of_threads,
                  ("tests/state/commit_note_test.cc", "std::thread other([] {});\n"))

    def test_cpp_is_ascii_within_100_columns(self):
        self.hold(problems_of_text, ("router/x.cc", "// caf\u00e9\n"), ("router/x.cc", "x" * 101),
                  ("router/x.cc", "int x; \n"))

    def test_no_file_names_a_machine_or_is_unfinished(self):
        self.hold(problems_of_words, ("README.md", FORBIDDEN_WORDS[0] + "main"))

    def test_top_level_is_the_agreed_one(self):
        self.hold(problems_of_top_level, ("docs/x.md", ""))

    def test_every_room_has_a_readme(self):
        self.hold(problems_of_readmes)
        self.assertTrue(problems_of_readmes({}))

    def test_python_is_the_systems(self):
        self.hold(problems_of_scripts, ("bench/x", "#!/usr/bin/env python3\n"))


def report_sizes(tree):
    for path, text in sorted(tree.items()):
        lines = text.count("\n")
        hint = HEADER_LINES_HINT if path.endswith(".h") else SOURCE_LINES_HINT
        if is_cpp(path) and lines > hint:
            print(f"large: {path} has {lines} lines (a reader's limit is about {hint})")


if __name__ == "__main__":
    report_sizes(real_tree())
    result = unittest.main(exit=False, argv=[sys.argv[0]]).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
