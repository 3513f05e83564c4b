#include "runtime/schema_registry_fields.h"

#include "runtime/config_checks.h"

namespace turnout::runtime {
namespace {

constexpr std::string_view kNone = "none";
constexpr int64_t kSecond = 1'000;

std::string OrNone(const FieldValue& value) { return value.text == kNone ? "" : value.text; }
bool IsNone(std::string_view text) { return text == kNone; }

using Fields = std::vector<ConfigField>;

void AddPlaceFields(Fields* fields) {
  fields->push_back(
      {.key = "source.format",
       .type = FieldType::kChoice,
       .default_text = "json",
       .choices = {"json", "schema_registry"},
       .effect = "What values are: JSON, or what Confluent's serializers write (a zero byte, the "
                 "schema's id, then Avro, Protobuf or JSON), and JSON beside it: see \"Formats\".",
       .cost = "schema_registry needs `schema_registry.url`, and decodes each event.",
       .store = [](const FieldValue& v, Config* c) { c->has_schemas = v.number != 0; }});
  fields->push_back(
      {.key = "schema_registry.url",
       .default_text = kNone,
       .allowed = "http:// or https:// and a host, or `none`",
       .check = CheckRegistryUrl,
       .effect = "A registry that speaks Confluent's API; its path, if it has one, is a part of "
                 "it: `http://apicurio:8080/apis/ccompat/v7`.",
       .cost = "Schemas are asked for by id when the first event comes that has it, and kept.",
       .store = [](const FieldValue& v, Config* c) { c->schemas.url = OrNone(v); }});
  fields->push_back(
      {.key = "schema_registry.ca_bundle",
       .type = FieldType::kPath,
       .default_text = "/etc/ssl/certs/ca-certificates.crt",
       .allowed = "a path",
       .check = CheckPath,
       .effect = "The authorities that its certificate may be of, a PEM file.",
       .cost = "Without the file nothing is trusted.",
       .store = [](const FieldValue& v, Config* c) { c->schemas.ca_bundle = v.text; }});
}

void AddSecretFields(Fields* fields) {
  fields->push_back(
      {.key = "schema_registry.username",
       .default_text = kNone,
       .allowed = "1 to 255 bytes of visible text, or `none`",
       .check = CheckGroup,
       .effect = "As whom it is asked (HTTP's basic authentication); Confluent Cloud's is the API "
                 "key.",
       .cost = "Over http:// whoever is on the way reads the password.",
       .store = [](const FieldValue& v, Config* c) { c->schemas.username = OrNone(v); }});
  fields->push_back(
      {.key = "schema_registry.password_file",
       .type = FieldType::kPath,
       .default_text = kNone,
       .allowed = "a path, or `none`",
       .check = CheckPath,
       .is_no_path = IsNone,
       .effect = "A file with the password. It is read at each request, so it may rotate.",
       .cost = "Only with `schema_registry.username`.",
       .store = [](const FieldValue& v, Config* c) { c->schemas.password_file = OrNone(v); }});
  fields->push_back(
      {.key = "schema_registry.token_file",
       .type = FieldType::kPath,
       .default_text = kNone,
       .allowed = "a path, or `none`",
       .check = CheckPath,
       .is_no_path = IsNone,
       .effect = "A file with a bearer token, instead of a name and a password; read the same way.",
       .cost = "As above.",
       .store = [](const FieldValue& v, Config* c) { c->schemas.token_file = OrNone(v); }});
}

void AddTimeFields(Fields* fields) {
  fields->push_back(
      {.key = "schema_registry.timeout",
       .type = FieldType::kDuration,
       .default_text = "10s",
       .min = 100,
       .max = 5 * 60 * kSecond,
       .effect = "How long one request may take.",
       .cost = "Shorter: a slow registry is asked again. Longer: one that hangs holds one of four "
               "requests for so long.",
       .store = [](const FieldValue& v, Config* c) {
         c->schemas.timeout = absl::Milliseconds(v.number);
       }});
  fields->push_back(
      {.key = "schema_registry.wait_max",
       .type = FieldType::kDuration,
       .default_text = "1m",
       .min = kSecond,
       .max = 24 * 3600 * kSecond,
       .effect = "How long an event, and its partition behind it, waits for a schema that the "
                 "registry does not give; then events of that schema are dead letters.",
       .cost = "Shorter: one bad id delays others less. Longer: an outage of the registry leaves "
               "fewer dead letters.",
       .store = [](const FieldValue& v, Config* c) {
         c->schemas.wait_max = absl::Milliseconds(v.number);
       }});
}

}  // namespace

void AddSchemaRegistryFields(Fields* fields) {
  AddPlaceFields(fields);
  AddSecretFields(fields);
  AddTimeFields(fields);
}

std::optional<SchemaRegistryFault> FindSchemaRegistryFault(bool is_asked,
                                                           const SchemaRegistrySettings& settings) {
  if (is_asked && settings.url.empty()) {
    return SchemaRegistryFault{"schema_registry.url",
                               "is not given, and `source.format: schema_registry` needs it",
                               "write where the registry is, such as http://schema-registry:8081"};
  }
  if (settings.username.empty() != settings.password_file.empty()) {
    const bool lacks_name = settings.username.empty();
    return SchemaRegistryFault{
        lacks_name ? "schema_registry.password_file" : "schema_registry.username",
        lacks_name ? "is given without `schema_registry.username`"
                   : "is given without `schema_registry.password_file`",
        "give both, or none of them"};
  }
  if (!settings.username.empty() && !settings.token_file.empty()) {
    return SchemaRegistryFault{"schema_registry.token_file",
                               "is given beside `schema_registry.username`",
                               "keep one of them: a request has one way to say who asks"};
  }
  return std::nullopt;
}

}  // namespace turnout::runtime
