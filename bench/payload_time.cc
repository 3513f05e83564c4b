// bench_payload_time: what an event of Avro or Protobuf costs to decode (Google Benchmark).
//
//   bench_payload_time [--benchmark_...]
//
// One event of about a kilobyte of JSON, written by hand in each format; the floor is routing it by
// one rule as it stands, in the same run: parsing it and matching one field. Each answer is checked
// before anything is timed; a wrong one is reported in place of a figure. Time is the thread's CPU
// time.

#include <benchmark/benchmark.h>

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/payload_schema.h"
#include "router/router.h"

namespace turnout::bench {
namespace {

using connectors::CompileSchema;
using connectors::PayloadSchema;
using connectors::SchemaType;

constexpr std::string_view kEvent =
    R"({"id":"e-5021133","type":"order.created","region":"eu-west","customer":{"id":"c-10231",)"
    R"("email":"ada@example.org","tier":"gold","account_age_days":812,"orders_before":14,)"
    R"("marketing_opt_in":true},"client":{"ip":"198.51.100.23","user_agent":"Mozilla/5.0 )"
    R"((X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",)"
    R"("referrer":"https://deals.partner.example/shoes"},"order":{"id":"o-778101","total":720.5,)"
    R"("currency":"EUR","items":[{"sku":"GIFT-50","category":"gifts","quantity":2,"price":50},)"
    R"({"sku":"BK-10442","category":"books","quantity":1,"price":24.9},{"sku":"GD-2201",)"
    R"("category":"garden","quantity":3,"price":98.5},{"sku":"FZ-0094","category":"frozen",)"
    R"("quantity":5,"price":60.02}],"shipping":{"method":"express","country":"NL",)"
    R"("postal_code":"1012 AB","street":"Damrak 1","city":"Amsterdam"}}})";

constexpr std::string_view kAvroSchema =
    R"({"type":"record","name":"event","fields":[{"name":"id","type":"string"},
    {"name":"type","type":"string"},{"name":"region","type":["null","string"]},
    {"name":"customer","type":{"type":"record","name":"customer","fields":[
      {"name":"id","type":"string"},{"name":"email","type":"string"},
      {"name":"tier","type":"string"},
      {"name":"account_age_days","type":"int"},{"name":"orders_before","type":"int"},
      {"name":"marketing_opt_in","type":"boolean"}]}},
    {"name":"client","type":{"type":"record","name":"client","fields":[
      {"name":"ip","type":"string"},
      {"name":"user_agent","type":"string"},{"name":"referrer","type":["null","string"]}]}},
    {"name":"order","type":{"type":"record","name":"order","fields":[{"name":"id","type":"string"},
      {"name":"total","type":"double"},{"name":"currency","type":"string"},
      {"name":"items","type":{"type":"array","items":{"type":"record","name":"item","fields":[
        {"name":"sku","type":"string"},{"name":"category","type":"string"},
        {"name":"quantity","type":"int"},{"name":"price","type":"double"}]}}},
      {"name":"shipping","type":{"type":"record","name":"shipping","fields":[
        {"name":"method","type":"string"},{"name":"country","type":"string"},
        {"name":"postal_code","type":"string"},{"name":"street","type":"string"},
        {"name":"city","type":"string"}]}}]}}]})";

constexpr std::string_view kProtobufSchema = R"(syntax = "proto3";
    message Event {
      message Customer { string id = 1; string email = 2; string tier = 3;
        int32 account_age_days = 4; int32 orders_before = 5; bool marketing_opt_in = 6; }
      message Client { string ip = 1; string user_agent = 2; string referrer = 3; }
      message Item { string sku = 1; string category = 2; int32 quantity = 3; double price = 4; }
      message Shipping { string method = 1; string country = 2; string postal_code = 3;
        string street = 4; string city = 5; }
      message Order { string id = 1; double total = 2; string currency = 3; repeated Item items = 4;
        Shipping shipping = 5; }
      string id = 1; string type = 2; string region = 3; Customer customer = 4; Client client = 5;
      Order order = 6;
    })";

// The same calls write either format: Avro's values stand in the schema's order without anything
// between them, Protobuf's have tags, and messages lengths.
class Writer {
 public:
  explicit Writer(bool is_avro) : is_avro_(is_avro) {}

  Writer& Text(int field, std::string_view text) { return Sized(field, text); }
  Writer& Optional(int field, std::string_view text) {
    if (is_avro_) Varint(2);  // the second branch
    return Sized(field, text);
  }
  Writer& Int(int field, uint64_t value) {
    Tag(field, 0);
    Varint(is_avro_ ? value * 2 : value);
    return *this;
  }
  Writer& Bool(int field) {
    Tag(field, 0);
    Varint(1);
    return *this;
  }
  Writer& Double(int field, double value) {
    Tag(field, 1);
    const auto bits = std::bit_cast<uint64_t>(value);
    for (int i = 0; i < 64; i += 8) bytes_.push_back(static_cast<char>(bits >> i));
    return *this;
  }
  Writer& Message(int field, const Writer& message) {
    if (!is_avro_) return Sized(field, message.bytes_);
    bytes_ += message.bytes_;
    return *this;
  }
  Writer& List(int field, const std::vector<Writer>& items) {
    if (is_avro_) Varint(items.size() * 2);
    for (const Writer& item : items) Message(field, item);
    if (is_avro_) Varint(0);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
  }
  void Tag(int field, uint64_t wire_type) {
    if (!is_avro_) Varint(static_cast<uint64_t>(field) << 3 | wire_type);
  }
  Writer& Sized(int field, std::string_view bytes) {
    Tag(field, 2);
    Varint(is_avro_ ? bytes.size() * 2 : bytes.size());
    bytes_ += bytes;
    return *this;
  }

  const bool is_avro_;
  std::string bytes_;
};

std::string Payload(bool is_avro) {
  const auto writer = [is_avro] { return Writer(is_avro); };
  const auto item = [&](std::string_view sku, std::string_view category, uint64_t count,
                        double price) {
    return writer().Text(1, sku).Text(2, category).Int(3, count).Double(4, price);
  };
  const Writer customer = writer()
                              .Text(1, "c-10231")
                              .Text(2, "ada@example.org")
                              .Text(3, "gold")
                              .Int(4, 812)
                              .Int(5, 14)
                              .Bool(6);
  const Writer client = writer()
                            .Text(1, "198.51.100.23")
                            .Text(2,
                                  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
                                  "Gecko) Chrome/131.0.0.0 Safari/537.36")
                            .Optional(3, "https://deals.partner.example/shoes");
  const Writer shipping = writer()
                              .Text(1, "express")
                              .Text(2, "NL")
                              .Text(3, "1012 AB")
                              .Text(4, "Damrak 1")
                              .Text(5, "Amsterdam");
  const Writer order =
      writer()
          .Text(1, "o-778101")
          .Double(2, 720.5)
          .Text(3, "EUR")
          .List(4, {item("GIFT-50", "gifts", 2, 50), item("BK-10442", "books", 1, 24.9),
                    item("GD-2201", "garden", 3, 98.5), item("FZ-0094", "frozen", 5, 60.02)})
          .Message(5, shipping);
  const std::string event = writer()
                                .Text(1, "e-5021133")
                                .Text(2, "order.created")
                                .Optional(3, "eu-west")
                                .Message(4, customer)
                                .Message(5, client)
                                .Message(6, order)
                                .bytes();
  return is_avro ? event : std::string(1, '\0') + event;
}

std::shared_ptr<const router::RuleSet> Rules() {
  std::vector<router::Problem> problems;
  std::optional<router::RuleFile> file = router::ReadRuleFile(
      "t.yaml",
      "team: t\ndestinations: [t]\nrules:\n  - {name: r, match: {type: [order.created]}, to: t}\n",
      {}, &problems);
  if (!file.has_value()) return nullptr;
  return router::RuleSet::Build({std::make_shared<const router::RuleFile>(*std::move(file))});
}

void RouteJson(benchmark::State& state) {
  router::Router router(Rules());
  const router::Event event{.value = kEvent};
  if (router.Route(event).outputs.size() != 1) return state.SkipWithError("the answer is wrong");
  state.counters["bytes"] = static_cast<double>(kEvent.size());
  for (auto _ : state) benchmark::DoNotOptimize(router.Route(event).outputs.data());
}

void Decode(benchmark::State& state, SchemaType type, bool and_route) {
  const bool is_avro = type == SchemaType::kAvro;
  const auto schema = CompileSchema(type, is_avro ? kAvroSchema : kProtobufSchema, {});
  if (!schema.ok()) return state.SkipWithError("the schema is refused");
  const std::string payload = Payload(is_avro);
  std::string json;
  if (!(*schema)->AppendJson(payload, &json).ok() || json != kEvent) {
    return state.SkipWithError("the answer is wrong");
  }
  state.counters["bytes"] = static_cast<double>(payload.size());
  router::Router router(Rules());
  for (auto _ : state) {
    json.clear();
    benchmark::DoNotOptimize((*schema)->AppendJson(payload, &json).ok());
    if (!and_route) continue;
    const router::Event event{.value = json};
    benchmark::DoNotOptimize(router.Route(event).outputs.data());
  }
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) {
  using turnout::bench::Decode;
  using turnout::connectors::SchemaType;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RegisterBenchmark("json/route", turnout::bench::RouteJson);
  benchmark::RegisterBenchmark("avro/decode", Decode, SchemaType::kAvro, false);
  benchmark::RegisterBenchmark("avro/decode_and_route", Decode, SchemaType::kAvro, true);
  benchmark::RegisterBenchmark("protobuf/decode", Decode, SchemaType::kProtobuf, false);
  benchmark::RegisterBenchmark("protobuf/decode_and_route", Decode, SchemaType::kProtobuf, true);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
