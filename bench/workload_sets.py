"""The matcher's workloads by name: which rules meet which events.

Each is a function from a seeded generator and a number of events to a Workload. Sizes and shares are
said where they are chosen; none depends on the machine.
"""
import dataclasses
import fnmatch
import re
import sys

import workload_events as made

EVENTS = 10_000
SEED = 20261123
TEAMS = 100
# Answers are worked out for as many of the first events as this many rules looked at allow.
LOOKS_MAX = 1_000_000
REGIONS_A_RULE = 3
RULES_A_TYPE = 20


@dataclasses.dataclass
class Workload:
    rules: list            # {"team", "name", "to", "match"}
    events: list           # texts
    headers: list = None   # an event's record headers, [name, value] pairs


def rule_lines(patterns):
    """Rules of as many teams as it takes for each to have a thousand, a hundred teams at most."""
    teams = max(1, min(TEAMS, len(patterns) // 10))
    return [{"team": f"team-{number % teams:02d}", "name": f"rule-{number:06d}",
             "to": f"team-{number % teams:02d}.matched", "match": match}
            for number, match in enumerate(patterns)]


# --- a shop's events: rules that ask for a type, regions and one thing more ------------------------

def types_for(rules):
    """Types of events in the stream: twenty rules ask for each, as teams and their events grow together."""
    return max(50, rules // RULES_A_TYPE)


def regions(chance):
    return sorted(chance.sample(made.REGIONS, REGIONS_A_RULE))


# People write round numbers.
AMOUNTS = [10, 20, 50, 100, 200, 500]


def amount_range(chance):
    """Three rules in four have a lower bound, the others a range."""
    at = chance.randrange(len(AMOUNTS) - 1)
    if chance.random() < 0.75:
        return {"numeric": [">=", AMOUNTS[at]]}
    return {"numeric": [">=", AMOUNTS[at], "<", AMOUNTS[at + 1]]}


def exact(chance, events, rules):
    types = types_for(rules)
    return Workload(rule_lines([{"type": [made.type_name(number % types)], "region": regions(chance),
                                 "amount": [amount_range(chance)]} for number in range(rules)]),
                    made.shop_events(made.generator(SEED, f"shop {types}"), events, types))


def tiers(chance, events, rules):
    types = types_for(rules)
    return Workload(rule_lines([{"type": [made.type_name(number % types)], "region": regions(chance),
                                 "tier": sorted(chance.sample(made.TIERS, chance.randrange(1, 4)))}
                                for number in range(rules)]),
                    made.shop_events(made.generator(SEED, f"shop {types}"), events, types))


def kind_first(chance, events, rules):
    """Those of `exact`, with the type under a name that sorts before the others', as `detail-type` does in
    EventBridge: event-ruler looks at fields in the order of their names."""
    names = {"type": "kind", "region": "region", "amount": "total"}
    same = exact(chance, events, rules)
    for rule in same.rules:
        rule["match"] = {names[name]: entries for name, entries in rule["match"].items()}
    same.events = [event.replace('"type":', '"kind":', 1).replace('"amount":', '"total":', 1)
                   for event in same.events]
    return same


def miss(chance, events, rules):
    """No event matches: a third ask for types that don't come, a third for regions that don't come with
    types that do, a third for amounts that are never reached, with both."""
    types = types_for(100_000)
    patterns = []
    for number in range(rules):
        kind = made.type_name(number % types + (types if number % 3 == 0 else 0))
        where = ["af-south", "me-south"] if number % 3 == 1 else regions(chance)
        low = made.AMOUNT_CENTS_MAX / 100 + (chance.randrange(1000) if number % 3 == 2 else -900)
        patterns.append({"type": [kind], "region": where, "amount": [{"numeric": [">=", low]}]})
    return Workload(rule_lines(patterns),
                    made.shop_events(made.generator(SEED, f"shop {types}"), events, types))


def headers_only(chance, events, rules):
    """Binary-mode CloudEvents: the rules never look at the payload."""
    types = types_for(rules)
    texts = made.shop_events(made.generator(SEED, f"shop {types}"), events, types)
    patterns = [{"$kafka": {"headers": {"ce_type": [made.type_name(number % types)],
                                        "ce_region": regions(chance)}}} for number in range(rules)]
    names = [[["ce_id", f"{chance.getrandbits(64):016x}"], ["ce_source", "shop.web"],
              ["ce_type", made.type_name(made.popular(chance, types))],
              ["ce_region", chance.choice(made.REGIONS)]] for _ in texts]
    return Workload(rule_lines(patterns), texts, names)


# --- wildcards over addresses of pages ------------------------------------------------------------

def page_pattern(chance, catalogue):
    """Pieces of one product's address, in five forms."""
    product = chance.randrange(len(catalogue.slugs))
    first, second, third = catalogue.slugs[product].split("-")
    category = catalogue.categories[product]
    country = chance.choice(made.COUNTRIES).lower()
    return chance.choice([f"*/{category}/*{second}*", f"*-{second}-{third}*", f"/{country}/*/{first}-*",
                          f"*{third}/*?ref={chance.choice(['mail', 'ad'])}",
                          f"*{first[:4]}*{second[1:6]}*{third[-4:]}/*"])


def wildcards(chance, events, rules):
    catalogue = made.Catalogue(chance)
    patterns = set()
    while len(patterns) < rules:
        patterns.add(page_pattern(chance, catalogue))
    return Workload(rule_lines([{"page": {"path": [{"wildcard": pattern}]}} for pattern in sorted(patterns)]),
                    made.page_events(chance, events, catalogue))


# --- a city's lots: five rules of each kind, after those that event-ruler measures itself with -----

def properties(field, *entries):
    return [{"properties": {field: [entry]}} for entry in entries]


def coordinates(field):
    """One number exactly, a rare type with one, both sides of a bound, and a range."""
    east = made.LON + 0.02
    return [{"geometry": {"type": ["Polygon"], field: {"x": [{"numeric": ["=", made.LON]}]}}},
            {"geometry": {"type": ["MultiPolygon"], field: {"z": [{"numeric": ["=", 0]}]}}},
            {"geometry": {field: {"x": [{"numeric": ["<", east]}]}}},
            {"geometry": {field: {"x": [{"numeric": [">", east]}]}}},
            {"geometry": {field: {"x": [{"numeric": [">", made.LON - 0.03, "<", east]}]}}}]


def without(operator, *texts):
    return [{"anything-but": {operator: text}} for text in texts]


LOT_RULES = {
    "exact": properties("MAPBLKLOT", "0037900", "0481900", "1417033", "2607011", "NOSUCHLOT"),
    "prefix": properties("STREET", *({"prefix": text} for text in ("AL", "CA", "DR", "FU", "RH"))),
    "prefix-ignore-case": properties("STREET", *({"prefix": {"equals-ignore-case": text}}
                                                 for text in ("al", "Ca", "dR", "FU", "rh"))),
    "suffix": properties("STREET", *({"suffix": text} for text in ("ON", "AKE", "LM", "ING", "GO"))),
    "suffix-ignore-case": properties("STREET", *({"suffix": {"equals-ignore-case": text}}
                                                 for text in ("on", "aKe", "Lm", "ING", "go"))),
    "equals-ignore-case": properties("STREET", *({"equals-ignore-case": text}
                                                 for text in ("juniper", "bEaCoN", "Elm", "MASON")))
    + properties("ST_TYPE", {"equals-ignore-case": "st"}),
    "wildcard": properties("MAPBLKLOT", *({"wildcard": text}
                                          for text in ("143*", "2*0*1*7", "*218", "3*5*2", "00*00"))),
    "numeric": coordinates("firstCoordinates"),
    "anything-but": properties("STREET", *({"anything-but": [text]} for text in ("FULLER", "MASON")))
    + properties("ST_TYPE", {"anything-but": ["ST"]})
    + [{"geometry": {"type": [{"anything-but": ["Polygon"]}]}}]
    + properties("FROM_ST", {"anything-but": ["441"]}),
    "anything-but-ignore-case": properties("STREET", *without("equals-ignore-case", "fuller", "Mason"))
    + properties("ST_TYPE", *without("equals-ignore-case", "st"))
    + [{"geometry": {"type": without("equals-ignore-case", "polygon")}}]
    + properties("FROM_ST", *without("equals-ignore-case", "441")),
    "anything-but-prefix": properties("STREET", *without("prefix", "FULL", "MAS"))
    + properties("ST_TYPE", *without("prefix", "S")) + [{"geometry": {"type": without("prefix", "Poly")}}]
    + properties("FROM_ST", *without("prefix", "44")),
    "anything-but-suffix": properties("STREET", *without("suffix", "LLER", "SON"))
    + properties("ST_TYPE", *without("suffix", "T")) + [{"geometry": {"type": without("suffix", "olygon")}}]
    + properties("FROM_ST", *without("suffix", "41")),
    "anything-but-wildcard": properties("STREET", *without("wildcard", "F*LER", "*AS*N"))
    + properties("ST_TYPE", *without("wildcard", "S*T")) + [{"geometry": {"type": without("wildcard", "P*n")}}]
    + properties("FROM_ST", *without("wildcard", "4*1")),
    "complex-arrays": coordinates("coordinates"),
}
LOT_RULES["partial-combo"] = (LOT_RULES["numeric"] + LOT_RULES["exact"] + LOT_RULES["prefix"]
                              + LOT_RULES["anything-but"])
LOT_RULES["combo"] = LOT_RULES["partial-combo"] + LOT_RULES["complex-arrays"]


def lots(_, events, kind):
    return Workload(rule_lines(LOT_RULES[kind]), made.lots(made.generator(SEED, "lots"), events))


# --- many matches, and one very large event --------------------------------------------------------

METRIC_TYPES, METRIC_FIELDS, METRIC_THRESHOLDS = 50, 8, 100


def thresholds(chance, events):
    """50 types with 8 numbers each and 100 thresholds a number: half of the 800 hold for an event."""
    patterns = [{"type": [f"sensor-{kind}"],
                 f"m{field}": [{"numeric": [">", chance.randrange(100_000) / 100]}]}
                for kind in range(METRIC_TYPES) for field in range(METRIC_FIELDS)
                for _ in range(METRIC_THRESHOLDS)]
    return Workload(rule_lines(patterns),
                    made.metric_events(chance, events, METRIC_TYPES, METRIC_FIELDS))


BIG_ELEMENTS = 10_000


def big(chance, events):
    """Two fields of one element of an array of 10,000, half of the pairs there."""
    event = made.big_event(chance, BIG_ELEMENTS)
    skus = re.findall(r'"sku":"([^"]+)","region":"([^"]+)"', event)
    patterns = []
    for number in range(20):
        sku, region = skus[chance.randrange(len(skus))]
        other = made.REGIONS[(made.REGIONS.index(region) + 1) % len(made.REGIONS)]
        patterns.append({"items": {"sku": [sku], "region": [region if number % 2 else other]}})
    return Workload(rule_lines(patterns), [event] * min(events, 1))


SIZES = (1, 10, 1_000, 10_000, 100_000)
WORKLOADS = {
    **{f"ecommerce-exact-{size}": (exact, {"rules": size}) for size in SIZES},
    **{f"ecommerce-set-{size}": (tiers, {"rules": size}) for size in SIZES},
    **{f"ecommerce-kind-first-{size}": (kind_first, {"rules": size}) for size in (1_000, 10_000, 100_000)},
    **{f"ecommerce-miss-{size}": (miss, {"rules": size}) for size in (10, 100_000)},
    **{f"wildcard-{size}": (wildcards, {"rules": size}) for size in (1_000, 10_000)},
    **{f"citylots-{kind}": (lots, {"kind": kind}) for kind in LOT_RULES},
    "thresholds-50x8": (thresholds, {}),
    "headers-only": (headers_only, {"rules": 1_000}),
    "big-10mb": (big, {}),
}


def named(patterns):
    """The workloads that fit one of the patterns, `*` and `?` as in a shell; all for no pattern."""
    names = [name for name in WORKLOADS
             if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
    if not names:
        sys.exit(f"error: no workload is called {' '.join(patterns)}; see bench/workloads --list")
    return names


def make(name, events=EVENTS):
    build, arguments = WORKLOADS[name]
    return build(made.generator(SEED, name), events, **arguments)
