"""Events as Confluent's serializers write them, and an oracle that reads them by the formats' own
libraries (Apache's for Avro, Google's for Protobuf), which share no code with the router.

`Formats(registry, directory)` registers the schemas; `stream` gives events of all formats, some of
them broken. Threads: one.
"""
import io
import json
import random
import struct
import subprocess
import time

import avro.io
import avro.schema
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from oracle import Oracle

REGIONS = ["eu", "us", "apac"]
TYPES = ["payment.accepted", "payment.declined", "order.placed", "page.viewed"]
UNKNOWN_ID = 999_999
FIRST_TIMESTAMP_MS = int(time.time() * 1000) - 600_000

PAYMENT = {"type": "record", "name": "Payment", "namespace": "shop", "fields": [
    {"name": "amount", "type": "double"}, {"name": "card", "type": "string"}]}
AVRO = {"type": "record", "name": "Event", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"}, {"name": "type", "type": "string"},
    {"name": "region", "type": {"type": "enum", "name": "Region", "symbols": REGIONS}},
    {"name": "user", "type": "string"}, {"name": "payment", "type": ["null", "shop.Payment"]},
    {"name": "tags", "type": {"type": "array", "items": "string"}}]}
# The same but for the order of its fields, and one more.
NEWER_AVRO = {**AVRO, "fields": [{"name": "channel", "type": "string"}, *reversed(AVRO["fields"])]}
COMMON_PROTO = """syntax = "proto3";
package shop;
message Payment { double amount = 1; string card = 2; }
"""
EVENT_PROTO = """syntax = "proto3";
package shop;
import "common.proto";
message Unused { int32 nothing = 1; }
message Event {
  int64 id = 1;
  string type = 2;
  string region = 3;
  string user = 4;
  shop.Payment payment = 5;
  repeated string tags = 6;
}
"""


def framed(schema_id, payload):
    return b"\0" + struct.pack(">I", schema_id) + payload


class AvroFormat:
    def __init__(self, registry, subject, schema):
        registry.register("shop.Payment", json.dumps(PAYMENT))
        self.id = registry.register(
            subject, json.dumps(schema),
            references=[{"name": "shop.Payment", "subject": "shop.Payment", "version": 1}])
        # This library knows no references: the same schema in one piece.
        whole = json.dumps(schema).replace('"shop.Payment"', json.dumps(PAYMENT))
        self._schema = avro.schema.parse(whole)

    def write(self, document):
        bytes_ = io.BytesIO()
        avro.io.DatumWriter(self._schema).write(document, avro.io.BinaryEncoder(bytes_))
        return framed(self.id, bytes_.getvalue())

    def read(self, payload):
        """None if it is not of this schema."""
        bytes_ = io.BytesIO(payload)
        try:
            document = avro.io.DatumReader(self._schema).read(avro.io.BinaryDecoder(bytes_))
        except Exception:  # noqa: BLE001: of many kinds, one for each way to be cut
            return None
        return document if bytes_.tell() == len(payload) else None


class ProtobufFormat:
    INDEXES = b"\2\2"  # one index, of the second message, as zigzag numbers

    def __init__(self, registry, subject, directory):
        registry.register("common.proto", COMMON_PROTO, "PROTOBUF")
        self.id = registry.register(
            subject, EVENT_PROTO, "PROTOBUF",
            [{"name": "common.proto", "subject": "common.proto", "version": 1}])
        (directory / "common.proto").write_text(COMMON_PROTO)
        (directory / "event.proto").write_text(EVENT_PROTO)
        out = directory / "event.pb"
        subprocess.run(["protoc", f"-I{directory}", "--include_imports",
                        f"--descriptor_set_out={out}", "event.proto"], check=True)
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
            pool.Add(file)
        self._event = message_factory.MessageFactory(pool).GetPrototype(
            pool.FindMessageTypeByName("shop.Event"))

    def write(self, document):
        fields = {name: value for name, value in document.items() if value is not None}
        return framed(self.id, self.INDEXES + self._event(**fields).SerializeToString())

    def read(self, payload):
        if not payload.startswith(self.INDEXES):
            return None
        event = self._event()
        try:
            event.ParseFromString(payload[len(self.INDEXES):])
        except Exception:  # noqa: BLE001: DecodeError, by whichever name
            return None
        document = {name: getattr(event, name) for name in ("id", "type", "region", "user")}
        document["tags"] = list(event.tags)
        if event.HasField("payment"):
            document["payment"] = {"amount": event.payment.amount, "card": event.payment.card}
        return document


class JsonFormat:
    id = None

    def write(self, document):
        return json.dumps(document).encode()


class Formats:
    def __init__(self, registry, prefix, directory):
        self.registry, self.prefix = registry, prefix
        directory.mkdir(parents=True, exist_ok=True)
        self.all = [JsonFormat(), AvroFormat(registry, f"{prefix}-avro", AVRO),
                    ProtobufFormat(registry, f"{prefix}-protobuf", directory)]

    def add_newer(self):
        """A schema that no router has seen an event of; the format."""
        self.all.append(AvroFormat(self.registry, f"{self.prefix}-newer", NEWER_AVRO))
        return self.all[-1]

    def by_id(self, schema_id):
        return next((one for one in self.all if one.id == schema_id), None)

    def stream(self, count, seed, broken_every=0, first_id=0, only=None):
        chance = random.Random(seed)
        for number in range(first_id, first_id + count):
            document = _document(chance, number + 1)
            written = only or chance.choice(self.all)
            if written.id is not None and written not in self.all[1:3]:
                document["channel"] = "web"
            value = written.write(document)
            if broken_every and number % broken_every == broken_every // 2:
                value = _broken(chance, value, number)
            headers = [("flag", b"review")] if chance.randrange(10) == 0 else []
            yield {"key": document["user"].encode(), "value": value, "headers": headers,
                   "timestamp": FIRST_TIMESTAMP_MS + number}


def _document(chance, number):
    document = {"id": number, "type": chance.choice(TYPES), "region": chance.choice(REGIONS),
                "user": f"user-{chance.randrange(300)}", "payment": None,
                "tags": chance.choice([[], ["new"], ["new", "beta"]])}
    if document["type"].startswith("payment."):
        document["payment"] = {"amount": (1 + chance.randrange(100_000)) / 100,
                               "card": f"card-{chance.randrange(200)}"}
    return document


def _broken(chance, value, number):
    """Cut, of no schema that there is, or of nothing that is known; unique all the same."""
    tail = value[5:]
    return chance.choice([value[:-1 - chance.randrange(3)], framed(UNKNOWN_ID, tail),
                          b"\x01" + tail, b"not of any format " + tail, struct.pack(">I", number)])


class FormatsOracle(Oracle):
    def __init__(self, teams, dead_letters, formats):
        super().__init__(teams, dead_letters)
        self._formats = formats

    def document_of(self, event):
        if event.value[:1] != b"\0":
            return super().document_of(event)
        if len(event.value) < 5:
            return None
        written = self._formats.by_id(struct.unpack(">I", event.value[1:5])[0])
        return written and written.read(event.value[5:])
