"""Patterns taken apart: numbers keep their spelling, members their order and duplicates."""
import json


class Number(str):
    """A number as it is spelled."""


class Members(list):
    """An object: (name, value) in the order written, duplicates kept."""


_DECODER = json.JSONDecoder(object_pairs_hook=Members, parse_int=Number, parse_float=Number)


def parse(text):
    """The JSON value that `text` begins with; what follows it is left alone. ValueError if none."""
    return _DECODER.raw_decode(text.lstrip(" \t\r\n"))[0]


def write(value):
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(k)}:{write(v)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    if isinstance(value, Number):
        return str(value)
    return json.dumps(value)


# Names that no field inside of `$or` may have: event-ruler's operators, and those it keeps.
_RESERVED = frozenset(
    "exactly prefix suffix equals-ignore-case wildcard anything-but numeric exists cidr = < <= > >= "
    "regex not-wildcard not-equals-ignore-case date-after date-on-or-after date-before "
    "date-on-or-before in-date-range ip-address-in-range ip-address-not-in-range".split())


def are_alternatives(name, value):
    """Whether a member gives alternatives; any other `$or` is a field of that name."""
    return (name == "$or" and isinstance(value, list) and not isinstance(value, Members)
            and len(value) >= 2
            and all(isinstance(item, Members) and item and _names_no_operator(item)
                    for item in value))


def _names_no_operator(members):
    return all(are_alternatives(name, value) or (
        name not in _RESERVED and (not isinstance(value, Members) or _names_no_operator(value)))
        for name, value in members)


def branches(pattern):
    """The pattern's `$or` multiplied out: patterns without any, of which one must hold."""
    return [Members(branch.items()) for branch in _branches(pattern, None, [{}])]


def _branches(members, path, so_far):
    for name, value in members:
        if are_alternatives(name, value):
            so_far = [branch for item in value
                      for branch in _branches(item, path, [dict(one) for one in so_far])]
        elif isinstance(value, Members):
            so_far = _branches(value, name if path is None else f"{path}.{name}", so_far)
        else:
            field = f"{path}.{name}" if path else name
            for branch in so_far:
                branch.pop(field, None)
                branch[field] = value
    return so_far


def entries(pattern, most):
    """The pattern's lists multiplied out too: one entry a field. None when they are more than `most`."""
    split = []
    for branch in branches(pattern):
        products = [Members()]
        for field, values in branch:
            products = [Members(one + [(field, [value])]) for one in products for value in values]
            if len(split) + len(products) > most:
                return None
        split += products
    return split


def operators(pattern):
    """Every (operator, operand) of the pattern as written, those inside of `anything-but` too."""
    for name, value in pattern:
        if are_alternatives(name, value):
            for item in value:
                yield from operators(item)
        elif isinstance(value, Members):
            yield from operators(value)
        else:
            yield from _operators(value)


def _operators(value):
    if isinstance(value, Members):
        for name, inner in value:
            yield name, inner
            yield from _operators(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _operators(item)


def plain_texts(pattern):
    """Every text that stands in a field's list as it is."""
    for name, value in pattern:
        if are_alternatives(name, value):
            for item in value:
                yield from plain_texts(item)
        elif isinstance(value, Members):
            yield from plain_texts(value)
        else:
            yield from (one for one in value
                        if isinstance(one, str) and not isinstance(one, Number))


def has_field_or(pattern):
    """Whether some `$or` of the pattern is no list of alternatives, but a field of that name."""
    return any(("." + field + ".").find(".$or.") >= 0 for branch in branches(pattern)
               for field, _ in branch)


def texts(value):
    """Every text inside of a value."""
    if isinstance(value, str):
        return [] if isinstance(value, Number) else [value]
    if isinstance(value, Members):
        return [text for _, inner in value for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return []


def numbers(value):
    """Every number inside of a value, as it is spelled."""
    if isinstance(value, Number):
        return [value]
    if isinstance(value, Members):
        return [number for _, inner in value for number in numbers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return []


def paths(value, path=""):
    """The path of every member of an event, dotted and nested alike, repeats and all."""
    if isinstance(value, Members):
        for name, inner in value:
            full = f"{path}.{name}" if path else name
            yield full
            yield from paths(inner, full)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, path)
