// A CloudEvent in binary mode is read as the structured one that it stands for, case by case; and
// what goes out of it.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/cloud_event.h"
#include "router/explainer.h"
#include "router/router.h"
#include "tests/support/rules_of.h"

namespace turnout::router {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

// What a record holds, with its own copies.
struct Record {
  std::optional<std::string> value;
  Headers headers;

  Event View(std::vector<Header>* storage) const {
    storage->clear();
    for (const auto& [name, content] : headers) {
      storage->emplace_back(name, content ? std::string_view(*content) : std::string_view());
    }
    return {.value = value ? std::string_view(*value) : std::string_view(),
            .key = "k",
            .topic = "in",
            .timestamp_ms = 1'000'000,
            .headers = *storage};
  }
};

// Attributes of a payment, in binary mode, with these besides.
Headers BinaryHeaders(const Headers& others = {}) {
  Headers headers = {{"ce_specversion", "1.0"},
                     {"ce_id", "e-1"},
                     {"ce_source", "/shop/eu"},
                     {"ce_type", "payment"},
                     {"ce_subject", "card/42"}};
  headers.insert(headers.end(), others.begin(), others.end());
  return headers;
}

constexpr std::string_view kAttributes =
    R"("specversion":"1.0","id":"e-1","source":"/shop/eu","type":"payment","subject":"card/42")";

constexpr std::string_view kRules = R"(
team: t
destinations: [out.*]
rules:
  - name: wanted
    match:
      source: [/shop/eu]
      type: [payment]
      subject: [{prefix: card/}]
      data: {amount: [{numeric: [">", 5]}]}
    to: out.wanted
  - name: attributes
    match: {type: [payment], tenant: [{exists: false}]}
    to: "out.{type}"
    key: subject
  - {name: tenant, match: {tenant: [acme]}, to: out.tenant, key: data.card}
  - {name: no-amount, match: {type: [payment], data: {amount: [{exists: false}]}}, to: out.none}
  - {name: text, match: {data: [hello]}, to: out.text}
  - {name: content, match: {datacontenttype: [{prefix: application/json}]}, to: out.content}
  - {name: record, match: {$kafka: {topic: [in]}}, to: out.record}
  - name: shaped
    match: {type: [payment], data: {amount: [{exists: true}]}}
    shape: {keep: [type, data.amount]}
    to: out.shaped
  - name: masked
    match: {type: [payment], data: {card: [{exists: true}]}}
    shape: {drop: [data.card], set: {data.label: "{subject}"}}
    to: out.masked
)";

class CloudEventsTest : public ::testing::Test {
 protected:
  explicit CloudEventsTest(bool cloud_events = true) {
    rules_ = RuleSet::Build({support::TeamOf(kRules)}, {.cloud_events = cloud_events});
    router_ = std::make_unique<Router>(rules_);
  }

  const Routes& Route(const Record& record) { return router_->Route(record.View(&storage_)); }

  // "rule -> destination, key"; the record key as far as it is not the event's.
  std::vector<std::string> Sent(const Record& record) {
    std::vector<std::string> sent;
    for (const Output& output : Route(record).outputs) {
      sent.push_back(absl::StrCat(std::string(output.rule_ids), " -> ",
                                  std::string(output.destination), ", ", std::string(output.key)));
    }
    return sent;
  }
  std::string ErrorOf(const Record& record) {
    return std::string(Route(record).payload_error.message());
  }
  // Lifetime: the record's.
  const Output* OutputFor(const Record& record, std::string_view destination) {
    for (const Output& output : Route(record).outputs) {
      if (output.destination == destination) return &output;
    }
    return nullptr;
  }

  std::shared_ptr<const RuleSet> rules_;
  std::unique_ptr<Router> router_;
  std::vector<Header> storage_;
};

class CloudEventsOffTest : public CloudEventsTest {
 protected:
  CloudEventsOffTest() : CloudEventsTest(false) {}
};

TEST_F(CloudEventsTest, TheSameEventInBothModesIsRoutedAlike) {
  struct Case {
    std::string data;    // JSON; empty: none
    std::string tenant;  // empty: none
    size_t sent = 0;
  };
  const std::vector<Case> cases = {
      {R"({"amount": 7, "card": "c-9"})", "", 5},
      {R"({"amount": 3, "card": "c-9"})", "acme", 4},
      {R"({"card": "\u0063-9"})", "acme", 4},
      {R"([{"amount": 7}, {"amount": 1}])", "", 4},
      {R"("hello")", "", 4},
      {R"("hell\u006f")", "", 4},
      {"17", "", 3},
      {"null", "", 3},
      {"true ", "", 3},
      {"[]", "", 3},
      {"", "", 3},
      {R"({"amount": [1, 9]} )", "", 4},
      {R"({"amount.x": 9, "data": {"amount": 9}})", "", 3},
  };
  for (const Case& one : cases) {
    const std::string tenant =
        one.tenant.empty() ? "" : absl::StrCat(",\"tenant\":\"", one.tenant, "\"");
    const std::string data = one.data.empty() ? "" : absl::StrCat(",\"data\":", one.data);
    const Record structured = {absl::StrCat("{", std::string(kAttributes), tenant, data, "}"),
                               {{"content-type", "application/cloudevents+json; charset=UTF-8"}}};
    Record binary = {std::nullopt, BinaryHeaders()};
    if (!one.data.empty()) binary.value = one.data;
    if (!one.tenant.empty()) binary.headers.emplace_back("ce_tenant", one.tenant);
    const std::vector<std::string> sent = Sent(structured);
    EXPECT_EQ(ErrorOf(structured), "") << one.data;
    EXPECT_EQ(Sent(binary), sent) << one.data;
    EXPECT_EQ(ErrorOf(binary), "") << one.data;
    EXPECT_EQ(sent.size(), one.sent) << one.data << ": " << ::testing::PrintToString(sent);
    // Without a content type it is JSON, and that is the same.
    EXPECT_EQ(Sent({structured.value, {}}), sent) << one.data;
  }
}

TEST_F(CloudEventsTest, KeysAndTemplatesTakeAttributesAndData) {
  EXPECT_THAT(Sent({R"({"amount": 7, "card": "c-9"})", BinaryHeaders({{"ce_tenant", "acme"}})}),
              ElementsAre("t/masked -> out.masked, k", "t/record -> out.record, k",
                          "t/shaped -> out.shaped, k", "t/tenant -> out.tenant, c-9",
                          "t/wanted -> out.wanted, k"));
  EXPECT_THAT(Sent({std::nullopt, BinaryHeaders()}),
              ElementsAre("t/attributes -> out.payment, card/42", "t/no-amount -> out.none, k",
                          "t/record -> out.record, k"));
}

TEST_F(CloudEventsOffTest, WithoutTheSettingAttributesAreHeadersAndNoMore) {
  EXPECT_THAT(Sent({R"({"amount": 7})", BinaryHeaders()}),
              ElementsAre("t/record -> out.record, k"));
  EXPECT_THAT(Sent({R"({"type": "payment", "subject": "s", "data": {"amount": 7}})",
                    BinaryHeaders({{"ce_tenant", "acme"}})}),
              ElementsAre("t/attributes -> out.payment, s", "t/record -> out.record, k",
                          "t/shaped -> out.shaped, k"));
  const Record record = {R"({"type": "payment", "data": {"amount": 7}})", BinaryHeaders()};
  const Output* const shaped = OutputFor(record, "out.shaped");
  ASSERT_NE(shaped, nullptr);
  EXPECT_EQ(shaped->content_type.data(), nullptr);
}

TEST_F(CloudEventsTest, TheContentTypeSaysWhichMode) {
  const std::string payload = R"({"type": "payment", "subject": "s", "data": {"amount": 1}})";
  const auto key_for = [&](const Headers& headers) -> std::string {
    const Record record = {payload, headers};
    const Output* const output = OutputFor(record, "out.payment");
    return output == nullptr ? "" : std::string(output->key);
  };
  EXPECT_EQ(key_for({}), "s");
  EXPECT_EQ(key_for({{"content-type", "application/json"}, {"ce_type", "payment"}}), "s");
  EXPECT_EQ(key_for(BinaryHeaders()), "card/42");
  EXPECT_EQ(key_for(BinaryHeaders({{"content-type", "application/json"}})), "card/42");
  EXPECT_EQ(key_for(BinaryHeaders({{"content-type", "application/cloudevents+json"}})), "s");
  EXPECT_EQ(key_for(BinaryHeaders({{"content-type", "Application/CloudEvents"}})), "s");
  EXPECT_EQ(key_for(BinaryHeaders({{"Content-Type", "application/cloudevents+json"}})), "card/42");
}

TEST_F(CloudEventsTest, DataThatIsNotJsonHasNoFieldsAndIsNoFault) {
  const auto kinds_of = [&](const std::string& type) {
    return ReadCloudEvent(Record{"{}", BinaryHeaders({{"content-type", type}})}.View(&storage_))
        .data;
  };
  for (const char* json : {"application/json", "text/json", "Application/JSON ; charset=utf-8",
                           "application/vnd.shop.order+json", "a/b+JSON"}) {
    EXPECT_EQ(kinds_of(json), CloudEvent::Data::kJson) << json;
  }
  for (const char* other :
       {"", "json", "application/xml", "application/jsonx", "text/plain;a=/json",
        "application/avro", "application/+json2", "application/+json"}) {
    EXPECT_EQ(kinds_of(other), CloudEvent::Data::kOther) << other;
  }
  const Record xml = {"<amount>7</amount>", BinaryHeaders({{"content-type", "application/xml"}})};
  EXPECT_THAT(Sent(xml), ElementsAre("t/attributes -> out.payment, card/42",
                                     "t/no-amount -> out.none, k", "t/record -> out.record, k"));
  EXPECT_EQ(ErrorOf(xml), "");
}

TEST_F(CloudEventsTest, MalformedDataIsADeadLetterAndRulesOverAttributesAreAnsweredAllTheSame) {
  for (const char* data : {"{\"amount\": 7", "nope", " ", "{} {", "\"a", "[1,2", "{\"a\":\"\xff\"}",
                           "\"\\q\"", "[1]]x"}) {
    const Record record = {data, BinaryHeaders()};
    const bool is_well = std::string_view(data) == "{} {" || std::string_view(data) == "[1]]x";
    EXPECT_EQ(ErrorOf(record).empty(), is_well) << data << ErrorOf(record);
    if (is_well) continue;  // what stands behind the value is ignored, as behind an event
    EXPECT_THAT(Sent(record),
                ElementsAre("t/attributes -> out.payment, card/42", "t/record -> out.record, k"))
        << data;
  }
}

TEST_F(CloudEventsTest, AnAttributeThatIsNotUtf8IsADeadLetter) {
  const Record record = {R"({"amount": 7})", BinaryHeaders({{"ce_other", "a\xff"}})};
  EXPECT_THAT(ErrorOf(record), AllOf(HasSubstr("`ce_other`"), HasSubstr("not UTF-8")));
  EXPECT_THAT(Sent(record), ElementsAre("t/record -> out.record, k"));
  // Other headers may hold anything.
  EXPECT_EQ(ErrorOf({R"({"amount": 7})", BinaryHeaders({{"trace", "a\xff"}, {"ce_X", "\xff"}})}),
            "");
  EXPECT_EQ(ErrorOf({R"({"amount": 7})", BinaryHeaders({{"ce_other", "\xc3\xa9"}})}), "");
}

TEST_F(CloudEventsTest, NamesAndValuesOfAttributesAreTakenAsTheyAre) {
  const auto tenants = [&](const Headers& headers) {
    return OutputFor({R"({"card": "c"})", BinaryHeaders(headers)}, "out.tenant") != nullptr;
  };
  EXPECT_TRUE(tenants({{"ce_tenant", "acme"}}));
  EXPECT_TRUE(tenants({{"ce_tenant", "other"}, {"ce_tenant", "acme"}}));  // as a key given twice
  EXPECT_FALSE(tenants({{"ce_Tenant", "acme"}}));
  EXPECT_FALSE(tenants({{"CE_tenant", "acme"}}));
  EXPECT_FALSE(tenants({{"ce-tenant", "acme"}}));
  EXPECT_FALSE(tenants({{"tenant", "acme"}}));
  EXPECT_FALSE(tenants({{"ce_tenant", "%61cme"}}));
  EXPECT_FALSE(tenants({{"ce_tenant", "Acme"}}));
  EXPECT_FALSE(tenants({{"ce_tenant", std::nullopt}}));
  EXPECT_EQ(AttributeOf("ce_traceparent2"), "traceparent2");
  for (const char* none :
       {"ce_", "ce_data", "ce_a.b", "ce_a_b", "ce_a-b", "type", "content-type"}) {
    EXPECT_EQ(AttributeOf(none), "") << none;
  }
}

TEST_F(CloudEventsTest, DataContentTypeIsTheContentTypeOrWhatSomeClientsWriteBeside) {
  const auto has_it = [&](const Headers& headers) {
    return OutputFor({"{}", BinaryHeaders(headers)}, "out.content") != nullptr;
  };
  EXPECT_TRUE(has_it({{"content-type", "application/json"}}));
  EXPECT_TRUE(has_it({{"ce_datacontenttype", "application/json"}}));
  EXPECT_FALSE(has_it({{"ce_datacontenttype", "application/json"}, {"content-type", "text/json"}}));
  EXPECT_FALSE(has_it({}));
}

TEST_F(CloudEventsTest, AnySpecversionIsReadAndPatternsMayAskForIt) {
  const auto rules = RuleSet::Build(
      {support::TeamOf("{team: t, destinations: [out], rules: [{name: old, to: out, match: "
                       "{specversion: [{anything-but: '1.0'}], type: [{exists: true}]}}]}")},
      {.cloud_events = true});
  Router router(rules);
  const Record old = {"{}", {{"ce_specversion", "0.3"}, {"ce_type", "a"}}};
  EXPECT_EQ(router.Route(old.View(&storage_)).outputs.size(), 1U);
  EXPECT_EQ(router.Route(Record{"{}", BinaryHeaders()}.View(&storage_)).outputs.size(), 0U);
  const Record null = {"{}", {{"ce_specversion", std::nullopt}, {"ce_type", "a"}}};
  EXPECT_EQ(router.Route(null.View(&storage_)).outputs.size(), 1U);
}

TEST_F(CloudEventsTest, WhatIsShapedIsStructuredAndSaysWhatItIs) {
  const Record record = {R"({"amount": 7.0, "card": "c-9"}   )",
                         BinaryHeaders({{"content-type", "application/json"}, {"trace", "t"}})};
  const Output* output = OutputFor(record, "out.shaped");
  ASSERT_NE(output, nullptr);
  EXPECT_EQ(output->value, R"({"type":"payment","data":{"amount":7.0}})");
  EXPECT_EQ(output->content_type, "application/json");
  output = OutputFor(record, "out.masked");
  ASSERT_NE(output, nullptr);
  EXPECT_EQ(output->value,
            absl::StrCat("{", std::string(kAttributes), R"(,"datacontenttype":"application/json",)",
                         R"("data":{"amount":7.0,"label":"card/42"}})"));
  EXPECT_EQ(output->content_type, "application/cloudevents+json");
  output = OutputFor(record, "out.wanted");
  ASSERT_NE(output, nullptr);
  EXPECT_EQ(output->value.data(), record.value->data());  // as it came, in place
  EXPECT_EQ(output->content_type.data(), nullptr);
}

TEST_F(CloudEventsTest, AStructuredEventThatIsShapedSaysWhatItIsToo) {
  const std::string payload =
      absl::StrCat("{", std::string(kAttributes), R"(,"data":{"amount":7,"card":"c"}})");
  const Record typed = {payload, {{"content-type", "application/cloudevents+json"}}};
  EXPECT_EQ(OutputFor(typed, "out.shaped")->content_type, "application/json");
  EXPECT_EQ(OutputFor(typed, "out.masked")->content_type, "application/cloudevents+json");
  EXPECT_EQ(OutputFor(typed, "out.wanted")->content_type.data(), nullptr);
  // JSON like any other, whose headers say nothing that could be wrong.
  EXPECT_EQ(OutputFor({payload, {}}, "out.shaped")->content_type.data(), nullptr);
}

TEST_F(CloudEventsTest, AShapeSeesAttributesEscapedAndOtherDataInBase64) {
  const auto rules = RuleSet::Build(
      {support::TeamOf("{team: t, destinations: [out], rules: [{name: r, to: out, match: "
                       "{$kafka: {topic: [in]}}, shape: {drop: [id]}}]}")},
      {.cloud_events = true});
  Router router(rules);
  const auto made_of = [&](const Record& record) {
    const Routes& routes = router.Route(record.View(&storage_));
    if (routes.outputs.size() == 1) return std::string(routes.outputs[0].value);
    return routes.rejections.empty() ? "nothing" : std::string(routes.rejections[0].reason);
  };
  const Headers odd = {{"ce_specversion", "1.0"},
                       {"ce_id", "x"},
                       {"ce_a", "q\"\\\n\xc3\xa9"},
                       {"ce_b", std::nullopt},
                       {"ce_b", "2"}};
  const std::string head = R"({"specversion":"1.0","a":"q\"\\\u000a)"
                           "\xc3\xa9"
                           R"(","b":null,"b":"2")";
  EXPECT_EQ(made_of({"[1, {\"a\": \"}\"} ] , x", odd}), head + R"(,"data":[1, {"a": "}"} ]})");
  EXPECT_EQ(made_of({" -1.5e3 x", odd}), head + R"(,"data":-1.5e3})");
  EXPECT_EQ(made_of({R"( "a\u0062]" )", odd}), head + R"(,"data":"a\u0062]"})");
  EXPECT_EQ(made_of({std::nullopt, odd}), head + "}");
  Headers xml = odd;
  xml.emplace_back("content-type", "application/xml");
  EXPECT_EQ(made_of({"<a/>", xml}),
            head + R"(,"datacontenttype":"application/xml","data_base64":"PGEvPg=="})");
  EXPECT_THAT(made_of({R"({}, "id": "forged")", odd}), head + R"(,"data":{}})");
  EXPECT_THAT(made_of({R"({"a": )", odd}), HasSubstr("can't be read"));
  EXPECT_THAT(made_of({"{}", {{"ce_specversion", "1.0"}, {"ce_a", "\xff"}}}),
              HasSubstr("can't be read: the CloudEvent's header `ce_a` is not UTF-8"));
}

TEST_F(CloudEventsTest, RecordsThatRulesMakeClaimNothing) {
  const auto rules = RuleSet::Build(
      {support::TeamOf("{team: t, destinations: [out], rules: [{name: r, to: out, match: "
                       "{type: [payment]}, shape: {keep: [specversion, id, source, type]}}]}")},
      {.cloud_events = true});
  Router router(rules);
  const auto type_of = [&](const Headers& headers) {
    const Routes& routes = router.Route(Record{"{}", headers}.View(&storage_));
    return routes.outputs.empty() ? "none" : std::string(routes.outputs[0].content_type);
  };
  EXPECT_EQ(type_of(BinaryHeaders()), "application/cloudevents+json");
  // Twice is not once, and nothing is not a text.
  EXPECT_EQ(type_of(BinaryHeaders({{"ce_id", "other"}})), "application/json");
  EXPECT_EQ(
      type_of(
          {{"ce_specversion", "1.0"}, {"ce_type", "payment"}, {"ce_id", ""}, {"ce_source", "s"}}),
      "application/json");
}

TEST_F(CloudEventsTest, AnEventThatIsPutBackGoesToWhatHasNotHadIt) {
  const auto redriven = [&](const Record& record) {
    std::vector<std::string> rules;
    for (const Output& output : router_->Redrive(record.View(&storage_), {}).outputs) {
      rules.emplace_back(output.rule_ids);
    }
    return rules;
  };
  // Rules over attributes were answered when its data could not be read.
  EXPECT_THAT(redriven({"{\"amount\": 7", BinaryHeaders()}), IsEmpty());
  EXPECT_THAT(redriven({"{\"amount\": 7}", BinaryHeaders()}), ElementsAre("t/shaped", "t/wanted"));
  EXPECT_THAT(redriven({"{\"amount\": 7}", BinaryHeaders({{"ce_x", "\xff"}})}), IsEmpty());
}

TEST_F(CloudEventsTest, AnExplanationNamesTheHeaders) {
  Explainer explainer(rules_);
  const Record record = {R"({"amount": 1})",
                         {{"ce_specversion", "1.0"}, {"ce_type", "refund"}, {"ce_subject", "x"}}};
  const Explanation told = explainer.Explain(record.View(&storage_), nullptr);
  EXPECT_EQ(told.mode, CloudEvent::Mode::kBinary);
  EXPECT_TRUE(told.reads_cloud_events);
  EXPECT_THAT(told.attribute_headers, ElementsAre("ce_specversion", "ce_type", "ce_subject"));
  const auto fault_of = [&](std::string_view rule) {
    for (const RuleExplanation& one : told.rules) {
      if (one.id == rule) return one.fault;
    }
    return PatternFault();
  };
  EXPECT_EQ(fault_of("t/wanted").field, "source");
  EXPECT_EQ(fault_of("t/wanted").header, "ce_source");
  EXPECT_EQ(fault_of("t/wanted").kind, PatternFault::Kind::kAbsent);
  EXPECT_EQ(fault_of("t/attributes").header, "ce_type");
  EXPECT_EQ(fault_of("t/attributes").seen.front().text, "refund");
  EXPECT_EQ(fault_of("t/text").header, "");
  EXPECT_EQ(fault_of("t/content").header, "content-type");
}

TEST_F(CloudEventsTest, TheSettingIsPartOfTheRuleSet) {
  const auto off = RuleSet::Build({support::TeamOf(kRules)});
  EXPECT_NE(off->hash(), rules_->hash());
  EXPECT_EQ(off->hash(),
            RuleSet::Build({support::TeamOf(kRules)}, {.cloud_events = false})->hash());
}

}  // namespace
}  // namespace turnout::router
