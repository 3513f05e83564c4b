"""The right answers to a workload, worked out without the matcher.

A pattern is walked beside the event: an array matches if one of its elements does, with all that the
pattern asks below it in that same element. That is the whole of array consistency as long as nothing
asks for a field's absence, which no workload does.
"""
import json


def wildcard(pattern, text):
    parts = pattern.split("*")
    if len(parts) == 1:
        return text == pattern
    if not text.startswith(parts[0]) or not text.endswith(parts[-1]):
        return False
    at, end = len(parts[0]), len(text) - len(parts[-1])
    for part in parts[1:-1]:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return at <= end


COMPARISONS = {"=": lambda a, b: a == b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
               ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def in_range(bounds, value):
    return is_number(value) and all(COMPARISONS[sign](value, bound)
                                    for sign, bound in zip(bounds[::2], bounds[1::2]))


def folded(asked, compare):
    """The test of a text, of its small letters where the pattern says so."""
    if isinstance(asked, dict):
        small = asked["equals-ignore-case"].lower()
        return lambda text: compare(text.lower(), small)
    return lambda text: compare(text, asked)


TEXT_TESTS = {
    "prefix": lambda asked: folded(asked, str.startswith),
    "suffix": lambda asked: folded(asked, str.endswith),
    "equals-ignore-case": lambda asked: lambda text: text.lower() == asked.lower(),
    "wildcard": lambda asked: lambda text: wildcard(asked, text),
}


def any_but(asked, value):
    if not isinstance(asked, dict):
        return value not in (asked if isinstance(asked, list) else [asked])
    (operator, texts), = asked.items()
    if not isinstance(value, str):
        return True
    texts = texts if isinstance(texts, list) else [texts]
    return not any(TEXT_TESTS[operator](text)(value) for text in texts)


def entry_matches(entry, value):
    if not isinstance(entry, dict):
        return value == entry and isinstance(value, bool) == isinstance(entry, bool)
    (operator, asked), = entry.items()
    if operator == "numeric":
        return in_range(asked, value)
    if operator == "anything-but":
        return any_but(asked, value)
    return isinstance(value, str) and TEXT_TESTS[operator](asked)(value)


def matches(pattern, value):
    if isinstance(value, list):
        return any(matches(pattern, element) for element in value)
    if isinstance(pattern, list):
        return not isinstance(value, dict) and any(entry_matches(entry, value) for entry in pattern)
    return isinstance(value, dict) and all(name in value and matches(asked, value[name])
                                           for name, asked in pattern.items())


class Answers:
    """Rules filed under the exact types they ask for, so that 100,000 of them are looked at in no time."""

    def __init__(self, rules):
        self._by_type, self._others = {}, []
        self._type = "kind" if "kind" in rules[0]["match"] else "type"
        for rule in rules:
            types = rule["match"].get(self._type)
            filed = types is not None and all(isinstance(kind, str) for kind in types)
            for kind in types if filed else ():
                self._by_type.setdefault(kind, []).append(rule)
            if not filed:
                self._others.append(rule)

    def looks(self):
        """Rules that one event may have to be held against."""
        return max(map(len, self._by_type.values()), default=0) + len(self._others)

    def line(self, event, headers=None):
        """What `turnout match` has to print for the event, a text; `headers` are [name, value] pairs."""
        value = json.loads(event)
        if headers is not None:
            value["$kafka"] = {"headers": dict(headers)}
        candidates = self._by_type.get(value.get(self._type), []) + self._others
        return json.dumps(sorted(f"{rule['team']}/{rule['name']}" for rule in candidates
                                 if matches(rule["match"], value)))
