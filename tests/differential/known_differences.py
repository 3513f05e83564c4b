"""Where event-ruler contradicts itself and Turnout decides: router/README.md has the table, this the
filters that recognise it, each narrow and named.

A filter sees one rule over one event where the two differ, or a pattern that one of them refuses.
"""
import ipaddress
import sys
from dataclasses import dataclass, field

from patterns import (Members, branches, has_field_or, numbers, operators, paths, plain_texts,
                      texts)


@dataclass
class Difference:
    """One rule alone over one event, answered differently."""
    pattern: object      # as patterns.parse reads it
    event: object        # the same
    theirs: bool         # event-ruler's answer to the rule alone
    ours: bool
    older: bool          # its older finder's answer
    branches: list = field(default_factory=list)  # its answers to the branches of `$or`, each alone
    entries: list = field(default_factory=list)   # and to single entries of the lists; or none


def _operands(pattern, *names):
    """The texts that these operators are given, through lists and ignore-case."""
    return [text for name, operand in operators(pattern) if name in names
            for text in texts(operand)]


def _is_beyond_bmp(text):
    return any(ord(character) > 0xFFFF for character in text)


def _has_lone_surrogate(value):
    return any(0xD800 <= ord(character) < 0xE000
               for text in texts(value) for character in text)


def _family(text):
    """4 or 6 where the text is an address as event-ruler reads it, else None."""
    parts = text.split(".")
    if len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts):
        return 4
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return 4 if address.ipv4_mapped else 6


def _blocks(pattern):
    """(family, fixed bits) of every `cidr`."""
    for text in _operands(pattern, "cidr"):
        base, _, bits = text.rstrip("/").partition("/")
        yield _family(base), int(bits)


def one_branch_among_others(it):
    """A branch of `$or` answers differently beside the others than alone."""
    return len(it.branches) > 1 and any(it.branches) == it.ours


def one_entry_among_others(it):
    """An entry of a list answers differently beside the others than alone: a wildcard that begins
    with a star beside ignore-case takes any text, and others don't see what they should."""
    return len(it.entries) > 1 and any(it.entries) == it.ours


def finders_disagree(it):
    """A key given twice, or nested and dotted: the older finder looks outside of the array too."""
    listed = list(paths(it.event))
    return it.older == it.ours and len(set(listed)) < len(listed)


def cidr_of_numbers(it):
    """`cidr` of /0, and an IPv6 one of /1, also matches numbers."""
    return (it.theirs and bool(numbers(it.event))
            and any(bits <= 1 for _, bits in _blocks(it.pattern)))


def address_of_other_family(it):
    """`cidr`, and a text that is an IPv4 address, also matches addresses of the other family that
    begin with the same digits."""
    families = [family for family, _ in _blocks(it.pattern)]
    families += [4 for text in plain_texts(it.pattern) if _family(text) == 4]
    found = {_family(text) for text in texts(it.event)} - {None}
    return it.theirs and any(found - {family} for family in families)


def empty_last_step(it):
    """A field whose last step is an empty name is found only while another rule has such a step."""
    return any(name.endswith(".") for branch in branches(it.pattern) for name, _ in branch)


def ignore_case_beyond_bmp(it):
    """ignore-case never matches characters from U+10000 on."""
    return any(map(_is_beyond_bmp, _operands(it.pattern, "equals-ignore-case")))


def affix_with_quote(it):
    """The text's own quotes take part in `prefix` and `suffix`."""
    return (any(text.endswith('"') for text in _operands(it.pattern, "prefix"))
            or any(text.startswith('"') for text in _operands(it.pattern, "suffix")))


def shortest_decimal(it):
    """JDK 17 does not take 1e23 for a double's shortest decimal."""
    return any(abs(float(number)) == 1e23
               for number in numbers(it.pattern) + numbers(it.event))


def lone_surrogate(it):
    """A lone surrogate escape equals itself exactly, and `?` in a wildcard."""
    return _has_lone_surrogate(it.pattern) or _has_lone_surrogate(it.event)


MATCHES = (one_branch_among_others, one_entry_among_others, finders_disagree, cidr_of_numbers,
           address_of_other_family, empty_last_step, ignore_case_beyond_bmp, affix_with_quote,
           shortest_decimal, lone_surrogate)


@dataclass
class Refusal:
    """A pattern that one of the two accepts."""
    pattern: object  # None where Python can't read it either
    ours: bool       # whether we accept it
    why: str         # what is wrong with it, if we refuse


def _bounds(pattern):
    return [float(number) for name, operand in operators(pattern) if name == "numeric"
            for number in numbers(operand)]


def bound_is_shortest_decimal(it):
    """JDK 17 does not take 1e23 for a double's shortest decimal, so it is no bound."""
    return it.ours and any(abs(bound) == 1e23 for bound in _bounds(it.pattern)) or (
        it.ours and any(abs(float(number)) == 1e23 for name, operand in operators(it.pattern)
                        if name == "anything-but" for number in numbers(operand)))


def beyond_the_greatest_double(it):
    """A single bound at the greatest double leaves event-ruler an empty range, which it refuses."""
    return it.ours and any(abs(bound) == sys.float_info.max for bound in _bounds(it.pattern))


def field_or_with_newer_operators(it):
    """Where `$or` is a field's name, an older compiler reads the pattern: it knows no lists in
    `anything-but` over an operator, and no wildcard there."""
    over = [operand for name, operand in operators(it.pattern) if name == "anything-but"
            and isinstance(operand, Members)]
    return it.ours and has_field_or(it.pattern) and any(
        isinstance(inner, list) or name == "wildcard"
        for operand in over for name, inner in operand)


def empty_list_behind_an_entry(it):
    """An empty list in `anything-but` over an operator is refused, but not behind another entry."""
    return not it.ours and "has an empty list" in it.why and any(
        isinstance(operand, Members) and operand[0][1] == []
        for name, operand in operators(it.pattern) if name == "anything-but")


def limit_of_ours(it):
    """A bound of ours that event-ruler doesn't have, named in the refusal."""
    return not it.ours and any(limit in it.why for limit in (
        "(branches_max)", "(wildcards_max)", "(values_max)", "(pattern_bytes_max)"))


REFUSALS = (bound_is_shortest_decimal, beyond_the_greatest_double, field_or_with_newer_operators,
            empty_list_behind_an_entry, limit_of_ours)


def name_of(filters, difference):
    """The first filter that knows the difference, or None."""
    return next((one.__name__ for one in filters if one(difference)), None)
