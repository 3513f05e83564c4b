"""README.md as something that can be run.

A block "```LANGUAGE file=NAME" is a file. A "```console" block is commands, each line after `$ `, with
what they must print beneath; "```console broker" asks for a Kafka with a router on it,
"```console tour" for a deploy/quickstart --stay.
"""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def blocks(page="README.md"):
    """(info string, content) of every fenced block, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", text, re.M | re.S)


def file_of(info):
    """The name of the file that a block is, or None."""
    name = re.search(r"\bfile=(\S+)", info)
    return name and name.group(1)


def write(directory, name, content):
    path = Path(directory) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def turns(session):
    """(command, what it must print) of a console block."""
    return re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", session, re.M)
