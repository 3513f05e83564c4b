"""Events for the matcher's workloads: texts a line each, equal for equal seeds.

Three shapes: a web shop's event (about 940 bytes, nested objects, an array of items), a city's lot as
GeoJSON with named coordinates (about 840 bytes, numbers of 17 digits), and one event of 10 MB.
"""
import json
import random

REGIONS = ["us-east", "us-west", "us-central", "ca-central", "eu-west", "eu-north", "eu-south", "ap-south",
           "ap-east", "sa-east"]
TIERS = ["bronze", "silver", "gold", "platinum", "black"]
AMOUNT_CENTS_MAX = 100_000

NOUNS = ["order", "payment", "shipment", "cart", "refund", "customer", "product", "review", "coupon",
         "invoice", "return", "wishlist", "price", "stock", "session", "search", "email", "loyalty",
         "subscription", "supplier", "parcel", "address", "campaign", "ticket", "warehouse"]
VERBS = ["created", "updated", "cancelled", "completed", "failed", "viewed", "expired", "approved",
         "declined", "started", "paused", "resumed", "assigned", "exported", "imported", "archived",
         "restored", "merged", "split", "flagged"]
CITIES = ["Berlin", "Lisbon", "Toronto", "Osaka", "Lima", "Austin", "Oslo", "Pune", "Leeds", "Gdansk"]
COUNTRIES = ["DE", "PT", "CA", "JP", "PE", "US", "NO", "IN", "GB", "PL"]
CATEGORIES = ["shoes", "bags", "coats", "kitchen", "garden", "audio", "phones", "books", "toys", "sports"]
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 Safari/604.1",
          "ShopApp/8.14.2 (Android 14; Pixel 8)"]

SYLLABLES = ["ka", "lo", "mi", "ter", "von", "sa", "ri", "dex", "pol", "nu", "ba", "tri", "gen", "fo",
             "lex", "mar", "qui", "zan", "hel", "ord"]


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def type_name(number):
    """The name of the number-th type of event; the first are the popular ones."""
    noun, verb = NOUNS[number % 25], VERBS[number // 25 % 20]
    return f"{noun}.{verb}" if number < 500 else f"{noun}.{verb}.v{number // 500 + 1}"


def popular(chance, count):
    """A number below `count`, the low ones more often: the first tenth has a third of all."""
    return int(count * chance.random() ** 2)


def words(chance, count):
    """Made-up words, all different, none part of another by rule."""
    made = set()
    while len(made) < count:
        made.add("".join(chance.choice(SYLLABLES) for _ in range(chance.randrange(2, 5))))
    return sorted(made)


def item(chance):
    return {"sku": f"SKU-{chance.randrange(10**6):06d}", "category": chance.choice(CATEGORIES),
            "quantity": chance.randrange(1, 5), "discount": None, "price": chance.randrange(199, 29_999) / 100}


def shop_event(chance, kind, **more):
    place = chance.randrange(10)
    customer = chance.randrange(10**6)
    return compact({
        "id": f"evt-{chance.getrandbits(64):016x}", "type": kind, "source": "shop.web",
        "time": f"2026-03-{chance.randrange(1, 29):02d}T{chance.randrange(24):02d}:"
                f"{chance.randrange(60):02d}:{chance.randrange(60):02d}.{chance.randrange(1000):03d}Z",
        "region": chance.choice(REGIONS), "amount": int(AMOUNT_CENTS_MAX * chance.random() ** 3) / 100,
        "currency": chance.choice(["EUR", "USD", "JPY"]), "tier": chance.choice(TIERS),
        **more,
        "customer": {"id": f"c-{customer}", "email": f"customer{customer}@example.com",
                     "country": COUNTRIES[place], "new": chance.random() < 0.2, "since": "2021-05-17",
                     "loyalty": {"points": chance.randrange(10_000), "level": chance.randrange(1, 6)}},
        "items": [item(chance) for _ in range(chance.randrange(1, 5))],
        "discounts": [], "shipping": {"method": chance.choice(["standard", "express", "pickup"]), "days": chance.randrange(9),
                     "address": {"street": f"{chance.randrange(1, 400)} Market Street",
                                 "city": CITIES[place], "country": COUNTRIES[place]}},
        "payment": {"method": "card", "brand": chance.choice(["visa", "amex", "jcb"]),
                    "last4": f"{chance.randrange(10_000):04d}", "risk": chance.random()},
        "client": {"ip": f"203.0.113.{chance.randrange(256)}", "agent": chance.choice(AGENTS)},
        "trace": f"{chance.getrandbits(64):016x}", "flags": chance.sample(["gift", "fragile", "backorder", "vip", "first"], 2), "note": None})


def shop_events(chance, count, types):
    return [shop_event(chance, type_name(popular(chance, types))) for _ in range(count)]


class Catalogue:
    """Products with addresses of their pages, for wildcards to look into."""

    def __init__(self, chance, products=20_000, vocabulary=4_000):
        self.words = words(chance, vocabulary)
        self.slugs = ["-".join(chance.sample(self.words, 3)) for _ in range(products)]
        self.categories = [chance.choice(CATEGORIES) for _ in self.slugs]

    def page(self, chance):
        product = popular(chance, len(self.slugs))
        return (f"/{chance.choice(COUNTRIES).lower()}/{self.categories[product]}/{self.slugs[product]}"
                f"/{chance.randrange(10**5)}?ref={chance.choice(['mail', 'search', 'home', 'ad'])}")


def page_events(chance, count, catalogue):
    return [shop_event(chance, "page.viewed", page={"path": catalogue.page(chance)}) for _ in range(count)]


def metric_events(chance, count, types, fields):
    """Small events, each with `fields` numbers between 0 and 1,000."""
    return [compact({"type": f"sensor-{chance.randrange(types)}", "id": f"{chance.getrandbits(48):012x}",
                     **{f"m{field}": chance.randrange(100_000) / 100 for field in range(fields)}})
            for _ in range(count)]


# --- lots -----------------------------------------------------------------------------------------

STREETS = ["ALDER", "ARGENT", "BASALT", "BEACON", "BIRCHWOOD", "CALDERON", "CANNING", "CARLTON", "CEDAR",
           "CHANDLER", "COLLINGWOOD", "CRESTON", "DALTON", "DREXEL", "EASTON", "EDDINGTON", "ELM", "FALCON",
           "FERNDALE", "FULLER", "GARNET", "GLADSTONE", "GRANGER", "HALCYON", "HARDING", "HOLLIS", "INDIGO",
           "IRVING", "JASPER", "JUNIPER", "KEARNEY", "KINGSTON", "LAKE", "LARKSPUR", "LOMITA", "MADRONE",
           "MASON", "MERIDIAN", "MISSION", "NEWTON", "NORTHRUP", "OAKDALE", "ORCHARD", "PALOMA", "PENROSE",
           "POPLAR", "QUARRY", "RALSTON", "REDWOOD", "RHODES", "SANTIAGO", "SHERIDAN", "SPRUCE", "TEMPLETON",
           "THORNTON", "UNION", "UPTON", "VALENCIA", "VERMILION", "WALTON", "WILLOW", "YARROW", "ZEPHYR",
           "11TH", "23RD", "34TH"]
STREET_TYPES = ["ST"] * 11 + ["AVE"] * 6 + ["WAY", "DR", None]
BLOCKS = 4_000
LON, LAT = -122.44, 37.76


def point(chance):
    # The shortest spelling of a double, 16 or 17 digits long.
    return {"x": LON + (chance.random() - 0.5) / 10, "y": LAT + (chance.random() - 0.5) / 10, "z": 0.0}


def lot(chance):
    block, number = chance.randrange(1, BLOCKS), chance.randrange(1, 60)
    if chance.random() < 0.2:  # a flat of a large house: many lots on one place of the map
        block, number = 37 * chance.randrange(1, 40), 900
    house = chance.randrange(1, 3_000)
    kind = "MultiPolygon" if chance.random() < 0.001 else "Polygon"
    corners = [point(chance) for _ in range(chance.choice([4, 4, 5, 6, 7, 8, 8, 9, 12]))]
    corners.append(corners[0])
    return {"type": "Feature",
            "properties": {"MAPBLKLOT": f"{block:04d}{number:03d}",
                           "BLKLOT": f"{block:04d}{chance.randrange(1, 1000):03d}",
                           "BLOCK_NUM": f"{block:04d}", "LOT_NUM": f"{number:03d}",
                           "FROM_ST": str(house), "TO_ST": str(house + 2 * chance.randrange(6)),
                           "STREET": STREETS[popular(chance, len(STREETS))],
                           "ST_TYPE": chance.choice(STREET_TYPES), "ODD_EVEN": "EO"[house % 2]},
            "geometry": {"type": kind, "coordinates": corners, "firstCoordinates": corners[0]}}


def lots(chance, count):
    # With the blanks that such files have.
    return [json.dumps(lot(chance)) for _ in range(count)]


# --- one event of 10 MB ---------------------------------------------------------------------------

def big_event(chance, elements):
    """An array of objects of about 1 KB each, with escapes and numbers of 17 digits."""
    filler = "line one\nline \"two\"\t\\ caf\u00e9 \U0001f600 " * 17
    return compact({"type": "catalogue.imported", "items": [
        {"sku": f"SKU-{number:06d}", "region": chance.choice(REGIONS), "price": chance.random() * 1000,
         "size": {"w": chance.random(), "h": chance.random()}, "text": f"{number}\n{filler}"}
        for number in range(elements)]})


def generator(seed, name):
    return random.Random(f"{seed}/{name}")
