#!/usr/bin/python3
"""Writes payloads of Avro and Protobuf by Apache's and Google's own Python libraries, each with the JSON
that it stands for.

    tests/connectors/payload_cases.py avro [--random N] [--seed S]
    tests/connectors/payload_cases.py protobuf [--random N] [--seed S]

One case a line: name, schema, references (a list of [name, text]), payload (hex), json. What is kept in
tests/connectors/data was written so, by Debian's python3-avro and python3-protobuf:

    payload_cases.py avro --random 120 > data/avro_payloads.jsonl
    payload_cases.py protobuf --random 12 > data/protobuf_payloads.jsonl
"""
import argparse
import base64
import datetime
import decimal
import io
import json
import math
import random
import string
import subprocess
import sys
import tempfile
from pathlib import Path

UTC = datetime.timezone.utc
DATA = Path(__file__).resolve().parent / "data"


def case(name, schema, payload, value, references=()):
    return json.dumps({"name": name, "schema": schema, "references": list(references),
                       "payload": payload.hex(), "json": value}, separators=(",", ":"))


def fraction(microseconds):
    """As few of 0, 3 and 6 digits as hold it."""
    if microseconds == 0:
        return ""
    text = f"{microseconds:06d}"
    return "." + (text[:3] if text.endswith("000") else text)


def float_json(value):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def text_json(value):
    if isinstance(value, datetime.datetime):
        value = value.astimezone(UTC)
        return value.strftime("%Y-%m-%dT%H:%M:%S") + fraction(value.microsecond) + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M:%S") + fraction(value.microsecond)
    return value


# --- Avro -----------------------------------------------------------------------------------------

class Avro:
    """A schema as Python's lists and dicts, and a value of it with what it is as JSON."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = 0

    def name(self):
        self.names += 1
        return f"n{self.names}"

    def primitive(self):
        return self.random.choice([
            "null", "boolean", "int", "long", "float", "double", "bytes", "string",
            {"type": "int", "logicalType": "date"}, {"type": "int", "logicalType": "time-millis"},
            {"type": "long", "logicalType": "time-micros"},
            {"type": "long", "logicalType": "timestamp-millis"},
            {"type": "long", "logicalType": "timestamp-micros"}])

    def schema(self, depth):
        kind = self.random.choice(("record", "array", "map", "union", "enum", "fixed", "primitive",
                                   "primitive")) if depth > 0 else "primitive"
        if kind == "record":
            return self.record(depth)
        if kind == "array":
            return {"type": "array", "items": self.schema(depth - 1)}
        if kind == "map":
            return {"type": "map", "values": self.schema(depth - 1)}
        if kind == "union":
            # Of two branches that no value can be taken for both of.
            return ["null", self.random.choice(("long", "string", "bytes", "boolean"))]
        if kind == "enum":
            return {"type": "enum", "name": self.name(), "symbols": ["A", "B", "C"]}
        if kind == "fixed":
            return {"type": "fixed", "name": self.name(), "size": self.random.randrange(0, 20)}
        return self.primitive()

    def record(self, depth):
        fields = [{"name": f"f{i}", "type": self.schema(depth - 1)}
                  for i in range(self.random.randrange(0, 6))]
        return {"type": "record", "name": self.name(), "namespace": "com.example", "fields": fields}

    def text(self):
        letters = string.ascii_letters + "\"\\/\n\t\0\x1f\x7f\u00e9\u20ac\U0001f600 "
        return "".join(self.random.choice(letters) for _ in range(self.random.randrange(0, 12)))

    def value(self, schema):
        """The value for the library, and as JSON."""
        if isinstance(schema, list):
            return self.value(self.random.choice(schema))
        if isinstance(schema, dict) and "logicalType" in schema:
            return self.logical(schema["logicalType"])
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind == "record":
            pairs = {field["name"]: self.value(field["type"]) for field in schema["fields"]}
            return ({key: one for key, (one, _) in pairs.items()},
                    {key: two for key, (_, two) in pairs.items()})
        if kind == "array":
            pairs = [self.value(schema["items"]) for _ in range(self.random.randrange(0, 4))]
            return [one for one, _ in pairs], [two for _, two in pairs]
        if kind == "map":
            pairs = {self.text(): self.value(schema["values"])
                     for _ in range(self.random.randrange(0, 4))}
            return ({key: one for key, (one, _) in pairs.items()},
                    {key: two for key, (_, two) in pairs.items()})
        if kind in ("fixed", "bytes"):
            size = schema["size"] if kind == "fixed" else self.random.randrange(0, 9)
            data = self.random.randbytes(size)
            return data, base64.b64encode(data).decode()
        return self.scalar(schema, kind)

    def scalar(self, schema, kind):
        if kind == "enum":
            value = self.random.choice(schema["symbols"])
        elif kind == "null":
            value = None
        elif kind == "boolean":
            value = self.random.random() < 0.5
        elif kind == "string":
            value = self.text()
        elif kind == "float":
            value = self.random.randrange(-(1 << 20), 1 << 20) / 8
        elif kind == "double":
            value = self.random.choice((self.random.random(), self.random.gauss(0, 1e30), 0.0,
                                        math.inf, -math.inf, math.nan, 5e-324, 1.7e308))
            return value, float_json(value)
        else:
            bits = self.random.randrange(1, 32 if kind == "int" else 64)
            value = self.random.randrange(-(1 << bits - 1), 1 << bits - 1)
        return value, value

    def logical(self, kind):
        moment = datetime.datetime(2026, 1, 1, tzinfo=UTC) + datetime.timedelta(
            seconds=self.random.randrange(-10**10, 10**10))
        microsecond = self.random.choice((0, 5000, 123000, 999000))
        if kind.endswith("micros"):
            microsecond += self.random.randrange(0, 1000)
        moment = moment.replace(microsecond=microsecond)
        value = moment.date() if kind == "date" else moment.time() if "time-" in kind else moment
        if kind.startswith("timestamp"):
            value = moment
        return value, text_json(value)


def write_avro(schema_text, value):
    import avro.io
    import avro.schema
    out = io.BytesIO()
    avro.io.DatumWriter(avro.schema.parse(schema_text)).write(value, avro.io.BinaryEncoder(out))
    return out.getvalue()


def order():
    """A schema with what people's schemas have: a namespace, a named type used twice, optional fields,
    decimals, a type that holds itself."""
    address = {"type": "record", "name": "Address", "fields": [
        {"name": "street", "type": "string"},
        {"name": "region", "type": ["null", "string"], "default": None}]}
    line = {"type": "record", "name": "Line", "fields": [
        {"name": "sku", "type": "string"}, {"name": "count", "type": "int"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12,
                                   "scale": 2}},
        {"name": "parts", "type": {"type": "array", "items": "Line"}}]}
    schema = {"type": "record", "name": "Order", "namespace": "com.example.shop", "fields": [
        {"name": "type", "type": {"type": "enum", "name": "Kind", "symbols": ["CREATED", "PAID"]}},
        {"name": "id", "type": "long"}, {"name": "billing", "type": address},
        {"name": "shipping", "type": ["null", "Address"]},
        {"name": "lines", "type": {"type": "array", "items": line}},
        {"name": "labels", "type": {"type": "map", "values": "string"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
    at = datetime.datetime(2026, 11, 26, 17, 55, 0, 250000, UTC)
    inner = {"sku": "b", "count": -1, "price": decimal.Decimal("-0.05"), "parts": []}
    value = {"type": "PAID", "id": 9007199254740993, "billing": {"street": "A", "region": "eu"},
             "shipping": None, "at": at, "labels": {"\u00e9": "\"x\""},
             "lines": [{"sku": "a", "count": 2, "price": decimal.Decimal("19.90"),
                        "parts": [inner]}]}
    expected = {**value, "at": text_json(at),
                "lines": [{"sku": "a", "count": 2, "price": 19.90,
                           "parts": [{**inner, "price": -0.05}]}]}
    return schema, value, expected


def avro_cases(count, seed):
    schema, value, expected = order()
    text = json.dumps(schema)
    yield case("an order", text, write_avro(text, value), expected)
    # The same, the address by reference.
    parts = json.loads(text)
    address = parts["fields"][2]["type"]
    address["namespace"] = "com.example.shop"
    parts["fields"][2]["type"] = "Address"
    yield case("an order by reference", json.dumps(parts), write_avro(text, value), expected,
               [["com.example.shop.Address", json.dumps(address)]])
    for i in range(count):
        made = Avro(f"{seed}-{i}")
        schema = made.record(4)
        text = json.dumps(schema)
        value, expected = made.value(schema)
        yield case(f"random {seed}-{i}", text, write_avro(text, value), expected)


# --- Protobuf -------------------------------------------------------------------------------------

def protobuf_modules(directory):
    """The test's .proto files as Python's descriptors, by protoc."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    files = sorted(path.name for path in DATA.glob("*.proto"))
    out = Path(directory) / "set"
    subprocess.run(["protoc", f"-I{DATA}", "--include_imports", f"--descriptor_set_out={out}", *files],
                   check=True)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return pool, lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


def protobuf_json(message, pool):
    from google.protobuf import json_format

    class Printer(json_format._Printer):
        """As Google's, but that 64 bits are numbers."""

        def _FieldToJsonObject(self, field, value):
            made = super()._FieldToJsonObject(field, value)
            return int(made) if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64) else made

    return Printer(including_default_value_fields=True, preserving_proto_field_name=True,
                   descriptor_pool=pool)._MessageToJsonObject(message)


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def indexes(*path):
    return b"".join(varint(2 * number) for number in (len(path), *path))


class Filler:
    """Sets fields of a message by chance; what Google's JSON has forms of its own for it leaves alone,
    but for where they are empty."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.text = Avro(seed).text

    def fill(self, message, depth):
        for field in message.DESCRIPTOR.fields:
            if self.random.random() < 0.4:
                continue
            entry = field.message_type if field.type == field.TYPE_MESSAGE else None
            if entry is not None and entry.GetOptions().map_entry:
                self.fill_map(getattr(message, field.name), entry, depth)
            elif field.label == field.LABEL_REPEATED:
                for _ in range(self.random.randrange(0, 4)):
                    self.add(getattr(message, field.name), field, depth)
            elif entry is None:
                setattr(message, field.name, self.scalar(field))
            elif entry.file.package == "turnout.test" and depth > 0:
                getattr(message, field.name).SetInParent()
                self.fill(getattr(message, field.name), depth - 1)

    def fill_map(self, entries, entry, depth):
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        for _ in range(self.random.randrange(0, 4)):
            if value.type == value.TYPE_MESSAGE:
                self.fill(entries[self.scalar(key)], depth - 1)
            else:
                entries[self.scalar(key)] = self.scalar(value)

    def add(self, elements, field, depth):
        if field.type == field.TYPE_MESSAGE:
            self.fill(elements.add(), depth - 1)
        else:
            elements.append(self.scalar(field))

    def scalar(self, field):
        kind = field.cpp_type
        if kind == field.CPPTYPE_ENUM:
            return self.random.choice([value.number for value in field.enum_type.values] + [99])
        if kind == field.CPPTYPE_BOOL:
            return self.random.random() < 0.5
        if kind == field.CPPTYPE_STRING:
            is_bytes = field.type == field.TYPE_BYTES
            return self.random.randbytes(self.random.randrange(0, 9)) if is_bytes else self.text()
        if kind == field.CPPTYPE_FLOAT:
            return self.random.randrange(-(1 << 20), 1 << 20) / 8
        if kind == field.CPPTYPE_DOUBLE:
            return self.random.choice((self.random.gauss(0, 1e30), 0.0, -0.0, math.inf, math.nan))
        bits = self.random.randrange(1, 32 if "32" in FIELD_KINDS[kind] else 64)
        low = 0 if FIELD_KINDS[kind].startswith("u") else -(1 << bits)
        return self.random.randrange(low, 1 << bits)


FIELD_KINDS = {1: "int32", 2: "int64", 3: "uint32", 4: "uint64"}  # by cpp_type


def protobuf_cases(count, seed):
    with tempfile.TemporaryDirectory() as directory:
        pool, prototype = protobuf_modules(directory)
        text = {path.name: path.read_text() for path in DATA.glob("*.proto")}
        shared = [["shared.proto", text["shared.proto"]]]

        def made(name, schema, head, message, references=()):
            return case(name, text[schema], head + message.SerializeToString(deterministic=True),
                        protobuf_json(message, pool), references)

        order_type = prototype("turnout.test.Order")
        yield made("nothing set", "order.proto", b"\0", order_type(), shared)
        yield made("everything set", "order.proto", b"\0", full_order(order_type, pool, prototype),
                   shared)
        yield made("by its index", "order.proto", indexes(0), order_type(id="x"), shared)
        line = prototype("turnout.test.Order.Line")(sku="a", count=3)
        yield made("a nested message", "order.proto", indexes(0, 0), line, shared)
        tree = prototype("turnout.test.Tree")(name="root")
        tree.children.add(name="left").children.add(name="leaf")
        tree.children.add(name="right")
        yield made("the second message, a tree", "order.proto", indexes(1), tree, shared)
        yield made("proto2", "old.proto", b"\0", old_message(prototype), ())
        for i in range(count):
            message = order_type()
            Filler(f"{seed}-{i}").fill(message, 3)
            yield made(f"random {seed}-{i}", "order.proto", b"\0", message, shared)


def full_order(order_type, pool, prototype):
    order_message = order_type(
        id="o-1 \"\u20ac\"", small=-5, large=-(1 << 63), natural=(1 << 64) - 1, fixed=7,
        signed_fixed=-7, zigzag=-(1 << 31), zigzag64=1 << 62, ratio=0.5, precise=1e300, paid=True,
        raw=b"\xff\x00\x01", kind=2, maybe=0, card="visa", amounts=[1, -2, 300],
        tags=["a", "", "\u00e9"], kinds=[0, 1], unpacked=[5, 6])
    order_message.lines.add(sku="a", count=1)
    order_message.lines.add()
    order_message.main.sku = "m"
    order_message.labels["k"] = "v"
    order_message.by_number[-3].sku = "three"
    order_message.flags[True] = 1.5
    order_message.at.FromJsonString("2026-11-26T17:55:00.25Z")
    order_message.took.FromJsonString("-1.5s")
    order_message.note.value = ""
    order_message.limit.value = 1 << 53
    order_message.extra.update({"a": [1, None, {"b": True}], "c": "d"})
    order_message.anything.string_value = "x"
    order_message.mask.FromJsonString("fooBar,baz")
    order_message.money.currency = "EUR"
    order_message.money.units = 12
    order_message.packed_any.Pack(prototype("turnout.test.Money")(currency="USD", units=1))
    order_message.any_time.Pack(order_message.at)
    order_message.nothing.SetInParent()
    return order_message


def old_message(prototype):
    old = prototype("turnout.old.Old")(must=1, text="x", color=2, absent=-7, numbers=[1, 2], more=[3, 4])
    old.result.url = "u"
    return old


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("format", choices=("avro", "protobuf"))
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", default="1")
    chosen = parser.parse_args()
    cases = avro_cases if chosen.format == "avro" else protobuf_cases
    for line in cases(chosen.random, chosen.seed):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
