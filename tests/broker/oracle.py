"""Says what should have come out, and compares it with what did. Shares no code with the router.

`Oracle(teams)` takes rule files as parsed JSON. `expected(events)` evaluates them over the records
of the source topic, as read from it; `judge(expected, found)` compares the records of all
destinations with that. Only what the tests use of the rule language is known here; anything
else raises.

A record is identified by its destination, its bytes (every test event is unique, and every test
shape keeps what makes it so) and its key, never by the provenance headers, which are only checked:
a wrong header can't hide a duplicate.
"""
import collections
import functools
import json
import re

RULES, RULE_SET, SOURCE = "turnout-rules", "turnout-rule-set", "turnout-source"
ERROR, REASON, DESTINATION = "turnout-error", "turnout-reason", "turnout-destination"
EXAMPLES_MAX = 5

# What one destination should hold for one event. `reason` is the kind of a dead letter, else None;
# `shaped` the bytes that a shape or a step makes of the event, else None. A window that
# the event closed has a `timestamp_ms` of its own, none of the event's headers, and a `place` among
# the windows that the event closed.
Expected = collections.namedtuple("Expected",
                                  "topic key rules event reason shaped timestamp_ms place",
                                  defaults=[None, None, 0])

# What the last step made of an event, in place of the event.
Feature = collections.namedtuple("Feature", "key value")
PASSED, STOPPED = "passed", "stopped"


def value_of(one):
    """The bytes of an Expected."""
    return one.event.value if one.shaped is None else one.shaped


@functools.lru_cache(maxsize=1 << 20)
def murmur2(key):
    """Kafka's hash of a record key, as its Java clients compute it (32 bits, made positive)."""
    m, length = 0x5BD1E995, len(key)
    h = (0x9747B28C ^ length) & 0xFFFFFFFF
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at:at + 4], "little") * m & 0xFFFFFFFF
        k = (k ^ k >> 24) * m & 0xFFFFFFFF
        h = (h * m & 0xFFFFFFFF) ^ k
    if length > whole:
        h = (h ^ int.from_bytes(key[whole:], "little")) * m & 0xFFFFFFFF
    h = (h ^ h >> 13) * m & 0xFFFFFFFF
    return (h ^ h >> 15) & 0x7FFFFFFF


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(wanted, value):
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return wanted is value
    return wanted == value and _number(wanted) == _number(value)


_COMPARE = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, "=": lambda a, b: a == b,
            ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


def _condition_holds(condition, values):
    """One alternative of a field's list over all the field's values (several in an array)."""
    if not isinstance(condition, dict):
        return any(_same(condition, value) for value in values)
    (operator, operand), = condition.items()
    texts = [value for value in values if isinstance(value, str)]
    if operator == "exists":
        return bool(values) == operand
    if operator == "prefix":
        return any(text.startswith(operand) for text in texts)
    if operator == "suffix":
        return any(text.endswith(operand) for text in texts)
    if operator == "equals-ignore-case":
        return any(text.lower() == operand.lower() for text in texts)
    if operator == "anything-but":
        refused = operand if isinstance(operand, list) else [operand]
        return any(not any(_same(one, value) for one in refused) for value in values)
    if operator == "numeric":
        bounds = list(zip(operand[::2], operand[1::2]))
        return any(all(_COMPARE[sign](value, bound) for sign, bound in bounds)
                   for value in values if _number(value))
    raise NotImplementedError(f"the oracle doesn't know the operator {operator}")


def _leaves(value):
    """A field's values: those of an array are all of its elements'."""
    if isinstance(value, list):
        return [leaf for element in value for leaf in _leaves(element)]
    return [] if isinstance(value, dict) else [value]


def matches(pattern, document):
    for field, wanted in pattern.items():
        if field == "$or":
            if not any(matches(alternative, document) for alternative in wanted):
                return False
        elif isinstance(wanted, dict):
            inner = document.get(field)
            if not matches(wanted, inner if isinstance(inner, dict) else {}):
                return False
        else:
            values = _leaves(document[field]) if field in document else []
            if not any(_condition_holds(condition, values) for condition in wanted):
                return False
    return True


def _kafka_document(record):
    """What `$kafka` in a pattern looks at."""
    document = {"headers": {name: value.decode(errors="replace") for name, value in record.headers
                            if value is not None},
                "topic": record.topic, "partition": record.partition}
    if record.key is not None:
        document["key"] = record.key.decode()
    return document


def field_text(document, path):
    """A field's text as a key or in a topic's name; None where it is missing."""
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    if document is None or isinstance(document, (dict, list)):
        return None
    if isinstance(document, str):
        return document
    return json.dumps(document)


class Unroutable(Exception):
    """The event lacks a field that a rule which it matches needs."""


def needed_text(document, path):
    text = field_text(document, path)
    if text is None:
        raise Unroutable(path)
    return text


def sample_bucket(text):
    """The published hash of `sample` and `rollout`: FNV-1a and MurmurHash3's finish, 0 to 9,999."""
    mask, h = (1 << 64) - 1, 0xCBF29CE484222325
    for byte in text if isinstance(text, bytes) else text.encode():
        h = (h ^ byte) * 0x100000001B3 & mask
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & mask
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & mask
    return (h ^ h >> 33) % 10_000


def in_sample(options, document):
    """Whether the step `sample` lets the event pass."""
    text = field_text(document, options["key"])
    return text is not None and sample_bucket(text) < round(options["percent"] * 100)


def is_shadow(rule):
    return rule.get("rollout", {}).get("mode", "live") == "shadow"


def is_sent(rule, name, key, event):
    """Whether records of that key, or of none, are: shadow sends nothing, a share some keys."""
    share = round(rule.get("rollout", {}).get("percent", 100) * 100)
    by = (event.value or b"") if key is None else key
    return not is_shadow(rule) and sample_bucket(b"%s %s" % (name.encode(), by)) < share


def _fill(template, document):
    return re.sub(r"\{([^}]*)\}", lambda found: needed_text(document, found.group(1)), template)


def shaped(shape, document):
    """The bytes that keep (of top-level fields), drop (the same), set (of constants and templates)
    and flatten make of an event in which arrays hold no objects."""
    if unknown := set(shape) - {"keep", "drop", "set", "flatten"}:
        raise NotImplementedError(f"the oracle doesn't know the shape's {unknown}")
    fields = {name: value for name, value in document.items() if name != "$kafka"
              and name in shape.get("keep", document) and name not in shape.get("drop", ())}
    for name, value in shape.get("set", {}).items():
        fields.pop(name, None)
        fields[name] = _fill(value, document) if isinstance(value, str) else value
    if shape.get("flatten"):
        fields = _flat(fields, "")
    # What is written anew has no blanks around it; values are as the producer wrote them.
    return ("{%s}" % ",".join(f"{json.dumps(name)}:{json.dumps(value)}"
                              for name, value in fields.items())).encode()


def _flat(fields, prefix):
    flat = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}_"))
        else:
            flat[prefix + name] = value
    return flat


class Oracle:
    def __init__(self, teams, dead_letter_topic, provenance=True, limits=None):
        """`limits`: topic to the largest value in bytes that it takes, where a test sets one."""
        self.teams = teams
        self.dead_letter_topic = dead_letter_topic
        self.provenance = provenance
        self.limits = dict(limits or {})

    def expected(self, events):
        """What all destinations should hold, dead letters included, as a list of Expected."""
        return [one for event in events for one in self._of_event(event)]

    def document_of(self, event):
        """What its value says; None if that can't be read."""
        try:
            document = json.loads(event.value)
        except (TypeError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    def _read(self, event):
        """The event's fields, and why rules with this match are not judged: what can't be read."""
        document = self.document_of(event)
        if document is not None:
            return document, None
        return {}, lambda match: list(match) != ["$kafka"]

    def _of_event(self, event):
        document, is_unjudged = self._read(event)
        found = []
        if is_unjudged:  # rules that ask for nothing of it are judged all the same
            found.append(Expected(self.dead_letter_topic, event.key, "", event, "unreadable_event"))
        document["$kafka"] = _kafka_document(event)
        for team in self.teams:
            outputs = collections.defaultdict(list)
            for rule in team["rules"]:
                judged = not is_unjudged or not is_unjudged(rule["match"])
                if judged and matches(rule["match"], document):
                    self._route(team["team"], rule, event, document, outputs, found)
            for (topic, key, value), rules in outputs.items():
                found.append(self._within_limit(topic, key, ",".join(sorted(rules)), event, value))
        return found

    def _route(self, team, rule, event, document, outputs, found):
        name = f"{team}/{rule['name']}"
        to = rule["to"] if isinstance(rule["to"], list) else [rule["to"]]
        key, value = event.key, None
        if "key" in rule:
            key = field_text(document, rule["key"])
            key = None if key is None else key.encode()
        if not is_sent(rule, name, key, event):
            return
        try:
            outcome = self._take_steps(name, rule, document)
            if outcome == STOPPED:
                return
            if isinstance(outcome, Feature):
                key, value = outcome
            if "shape" in rule:
                value = shaped(rule["shape"], document)
            if "key" in rule:
                key = needed_text(document, rule["key"]).encode()
        except Unroutable:
            found.append(Expected(self.dead_letter_topic, event.key, name, event, "unroutable"))
            return
        for template in to:
            parts = {path: field_text(document, path)
                     for path in re.findall(r"\{([^}]*)\}", template)}
            if None in parts.values():
                found.append(Expected(self.dead_letter_topic, event.key, name, event, "unroutable"))
                continue
            topic = re.sub(r"\{([^}]*)\}", lambda m: parts[m.group(1)], template)
            if name not in outputs[topic, key, value]:
                outputs[topic, key, value].append(name)

    def _take_steps(self, name, rule, document):
        """PASSED, STOPPED, or the Feature that the rule's last step makes of the event."""
        for step in rule.get("steps", ()):
            (kind, options), = step.items()
            if kind != "sample":
                raise NotImplementedError(f"the oracle doesn't know the step {kind}")
            if not in_sample(options, document):
                return STOPPED
        return PASSED

    def _within_limit(self, topic, key, rules, event, value):
        size = len((event.value if value is None else value) or b"")
        if size > self.limits.get(topic, size):
            return Expected(self.dead_letter_topic, event.key, rules, event, "record_too_large")
        return Expected(topic, key, rules, event, None, value)

    def judge(self, expected, found, partitions=None):
        """`found`: topic to records in the order of (partition, offset). `partitions`: topic to
        their number, to check where keys went."""
        verdict = Verdict(len(expected))
        due = collections.defaultdict(list)
        for one in expected:
            due[one.topic, value_of(one), one.key].append(one)
        got = collections.defaultdict(list)
        for topic, records in found.items():
            for record in records:
                got[topic, record.value, record.key].append(record)
        for identity, wanted in due.items():
            records = got.get(identity, ())
            if len(records) < len(wanted):
                verdict.add("lost", len(wanted) - len(records), wanted[-1])
            elif len(records) > len(wanted):
                verdict.add("duplicated", len(records) - len(wanted), records[-1])
            self._check_contents(wanted, records, verdict)
        for identity, records in got.items():
            if identity not in due:
                verdict.add("wrong", len(records), ("nobody sent this there", records[0]))
                verdict.add_reasons(records)
        self._check_order(due, found, verdict)
        if partitions:
            self._check_partitions(found, partitions, verdict)
        return verdict

    def _check_contents(self, wanted, records, verdict):
        """Headers and timestamps of the records that stand for these expected ones."""
        left = [self._content(one) for one in wanted]
        for record in records:
            content = _content_of(record)
            if content in left:
                if len(left) > 1:
                    left.remove(content)
            else:
                verdict.add("wrong", 1, ("due", left, "but it has", content, record))
            if self.provenance or any(name == ERROR for name, _ in record.headers):
                rule_set = [value for name, value in record.headers if name == RULE_SET]
                alike = [one for one in wanted if self._content(one) == content] or wanted
                if len(rule_set) != 1 or not any(self._is_rule_set(rule_set[0], one.event)
                                                 for one in alike):
                    verdict.add("wrong", 1, ("not the rule set that was in force", record))
            if any(name == ERROR for name, _ in record.headers):
                if not dict(record.headers).get(REASON):
                    verdict.add("wrong", 1, ("a dead letter without a reason", record))

    def _is_rule_set(self, name, event):
        """Whether that may have been in force at this event."""
        return re.fullmatch(rb"[0-9a-f]{16}", name)

    def _content(self, one):
        event, headers = one.event, {}
        if self.provenance or one.reason:
            headers[SOURCE] = f"{event.topic}/{event.partition}/{event.offset}".encode()
            if one.rules:
                headers[RULES] = one.rules.encode()
        if one.reason:
            headers[ERROR] = one.reason.encode()
        if one.timestamp_ms is not None:
            return (), one.timestamp_ms, tuple(sorted(headers.items()))
        return self._carried(one), event.timestamp_ms, tuple(sorted(headers.items()))

    def _carried(self, one):
        """What it has of the event's headers."""
        return tuple(one.event.headers)

    def _check_order(self, due, found, verdict):
        """Per destination and key, records of one source partition keep their order."""
        for topic, records in found.items():
            home, last = {}, {}
            for record in records:
                if record.key is None:
                    continue
                wanted = due.get((topic, record.value, record.key))
                if not wanted:
                    continue
                if home.setdefault(record.key, record.partition) != record.partition:
                    verdict.add("reordered", 1, ("one key in two partitions", record))
                if len({self._came_from(one.event) for one in wanted}) > 1:
                    continue  # alike, and which is which is not to be told
                partition, offset = self._came_from(wanted[0].event)
                line, place = (record.key, partition), (offset, wanted[0].place)
                if place < last.get(line, place):
                    verdict.add("reordered", 1, ("after offset", last[line][0], record))
                last[line] = max(place, last.get(line, place))

    def _came_from(self, event):
        """Events of one partition are in the order of these offsets."""
        return event.partition, event.offset

    def _check_partitions(self, found, partitions, verdict):
        for topic, records in found.items():
            for record in records:
                if record.key is not None and topic in partitions:
                    if record.partition != murmur2(record.key) % partitions[topic]:
                        verdict.add("wrong", 1, ("not where Java clients put its key", record))


def _content_of(record):
    ours = (RULES, SOURCE, ERROR)
    carried = tuple(header for header in record.headers if not header[0].startswith("turnout-"))
    named = tuple(sorted((name, value) for name, value in record.headers if name in ours))
    return carried, record.timestamp_ms, named


class Verdict:
    """Counts of what is wrong, with a few examples of each."""

    def __init__(self, expected):
        self.expected = expected  # records
        self.lost = self.duplicated = self.reordered = self.wrong = 0
        self.examples = collections.defaultdict(list)
        self.faulty = []  # (kind, the record found, or the Expected one that is lost)
        self.reasons = collections.Counter()  # of dead letters that nobody expected

    def add(self, kind, count, example):
        self.faulty.append((kind, example if hasattr(example, "topic") else example[-1]))
        setattr(self, kind, getattr(self, kind) + count)
        if len(self.examples[kind]) < EXAMPLES_MAX:
            self.examples[kind].append(example)

    def add_reasons(self, records):
        for record in records:
            headers = dict(record.headers)
            if ERROR in headers:
                self.reasons[headers[ERROR], headers.get(DESTINATION), headers.get(REASON)] += 1

    def faults(self):
        return self.lost + self.duplicated + self.reordered + self.wrong

    def __str__(self):
        return (f"expected {self.expected}, lost {self.lost}, "
                f"duplicated {self.duplicated}, reordered {self.reordered}, wrong {self.wrong}")

    def details(self):
        """Why events came to be dead letters first, then an example of each kind before the next."""
        lines = [f"  dead letters, {count}: {_shorten(reason)}"
                 for reason, count in self.reasons.most_common(EXAMPLES_MAX)]
        for turn in range(EXAMPLES_MAX):
            lines += [f"  {kind}: {_shorten(examples[turn])}"
                      for kind, examples in self.examples.items() if turn < len(examples)]
        return "\n".join(lines)


def _shorten(example):
    return re.sub(r'("pad": ")[^"]{20,}', r"\1...", str(example))[:1500]
