#include "runtime/schema_fetch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "connectors/steady_clock.h"
#include "runtime/log.h"
#include "state/files.h"
#include "state/sigv4.h"

namespace turnout::runtime {
namespace {

using connectors::SchemaReference;
using connectors::SchemaType;
using Json = nlohmann::json;

constexpr int kOk = 200;
constexpr int kNotFound = 404;
// JSON's escapes may make a text longer than it is.
constexpr size_t kAnswerBytesMax = 2 * connectors::kSchemaBytesMax;
// An answer is an object with a list of objects; what lies deeper is nobody's, and would take some
// seventy times its length in memory.
constexpr int kAnswerDepthMax = 4;
constexpr size_t kSaidBytesMax = 200;  // of what a registry says, shown
constexpr size_t kSecretBytesMax = 64 << 10;
// A schema with references takes as long as so many requests at most.
constexpr int kTimeoutsMax = 3;

struct Reference {
  std::string name;
  std::string subject;
  int64_t version = 0;
};

// What the registry says of one schema.
struct Answer {
  std::string text;
  std::string type;
  std::vector<Reference> references;
};

// Discarded, which is no object, if it is no JSON.
Json Parsed(const std::string& body) {
  return Json::parse(
      body, [](int depth, Json::parse_event_t, Json&) { return depth <= kAnswerDepthMax; },
      /*allow_exceptions=*/false);
}

const std::string* TextIn(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

bool ReadReference(const Json& one, Reference* reference) {
  if (!one.is_object()) return false;
  const std::string* const name = TextIn(one, "name");
  const std::string* const subject = TextIn(one, "subject");
  const auto version = one.find("version");
  if (name == nullptr || subject == nullptr || version == one.end()) return false;
  if (!version->is_number_integer() || subject->empty()) return false;
  if (std::max(name->size(), subject->size()) > kSchemaNameBytesMax) return false;
  *reference = {*name, *subject, version->get<int64_t>()};
  return true;
}

std::optional<Answer> AnswerOf(const std::string& body) {
  const Json json = Parsed(body);
  if (!json.is_object()) return std::nullopt;
  const std::string* const text = TextIn(json, "schema");
  if (text == nullptr) return std::nullopt;
  Answer answer = {.text = *text, .type = "AVRO"};
  const auto type = json.find("schemaType");
  if (type != json.end() && !type->is_null()) {
    if (!type->is_string()) return std::nullopt;
    answer.type = type->get<std::string>();
  }
  const auto references = json.find("references");
  if (references == json.end() || references->is_null()) return answer;
  if (!references->is_array()) return std::nullopt;
  for (const Json& one : *references) {
    if (!ReadReference(one, &answer.references.emplace_back())) return std::nullopt;
  }
  return answer;
}

std::optional<SchemaType> TypeOf(std::string_view name) {
  if (name == "AVRO") return SchemaType::kAvro;
  if (name == "PROTOBUF") return SchemaType::kProtobuf;
  if (name == "JSON") return SchemaType::kJson;
  return std::nullopt;
}

// Confluent's errors begin with the status they came with: 40403 is of a 404. A 404 without one is
// of something else that answers at this address.
bool IsRegistrysOwn404(const state::HttpResponse& answer) {
  const Json json = Parsed(answer.body);
  if (answer.status != kNotFound || !json.is_object()) return false;
  const auto code = json.find("error_code");
  if (code == json.end() || !code->is_number_integer()) return false;
  const auto number = code->get<int64_t>();
  return number == kNotFound || number / 100 == kNotFound;
}

// ": no such schema", as far as the registry says so.
std::string SaidIn(const std::string& body) {
  const Json json = Parsed(body);
  const std::string* const message = json.is_object() ? TextIn(json, "message") : nullptr;
  if (message == nullptr || message->empty()) return {};
  return absl::StrCat(": ", absl::CHexEscape(message->substr(0, kSaidBytesMax)));
}

std::string CureOf(int status, const SchemaRegistrySettings& settings) {
  if (status == 401 || status == 403) {
    if (!settings.username.empty()) {
      return absl::StrCat("see that it knows ", settings.username, " by the password in ",
                          settings.password_file);
    }
    if (!settings.token_file.empty()) {
      return absl::StrCat("see that it takes the token in ", settings.token_file);
    }
    return "name who asks in schema_registry.username and password_file, or token_file";
  }
  if (status == kNotFound) return "see that schema_registry.url names a registry's API";
  if (status >= 300 && status < 400) return "nobody is followed: name the place itself";
  return "see its own log";
}

absl::Status Named(const absl::Status& status, std::string_view what) {
  return absl::Status(status.code(), absl::StrCat(std::string(what), ": ", status.message()));
}

}  // namespace

// One schema's way: its own text, then those of its references, each once.
class SchemaFetch::Walk {
 public:
  Walk(SchemaFetch* fetch, const std::atomic<bool>& stop)
      : fetch_(fetch),
        stop_(stop),
        deadline_(connectors::SteadyNow() + kTimeoutsMax * fetch->settings_.timeout) {}

  absl::StatusOr<FetchedSchema> Run(uint32_t id) {
    auto answer = Get(absl::StrCat("/schemas/ids/", id));
    if (!answer.ok()) return answer.status();
    const std::optional<SchemaType> type = TypeOf(answer->type);
    if (!type) {
      return absl::InvalidArgumentError(
          absl::StrCat("it is of the type `", absl::CHexEscape(answer->type.substr(0, 40)),
                       "`, and events are read by AVRO, PROTOBUF and JSON"));
    }
    if (absl::Status followed = Follow(answer->references, 1); !followed.ok()) return followed;
    auto compiled = connectors::CompileSchema(*type, answer->text, references_);
    if (!compiled.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("it can't be compiled: ", compiled.status().message()));
    }
    return FetchedSchema{.schema = *std::move(compiled), .text_bytes = text_bytes_};
  }

 private:
  absl::StatusOr<Answer> Get(const std::string& path) {
    const absl::Duration left = deadline_ - connectors::SteadyNow();
    if (left <= absl::ZeroDuration()) {
      return absl::UnavailableError("the answers come too slowly (see schema_registry.timeout)");
    }
    auto response = fetch_->Ask(path, left, stop_);
    if (!response.ok()) return response.status();
    std::optional<Answer> answer = AnswerOf(response->body);
    if (!answer) return absl::UnavailableError("what it answers is no schema");
    text_bytes_ += answer->text.size();
    if (text_bytes_ > connectors::kSchemaBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrFormat("it and what it refers to are longer than %d bytes together",
                          connectors::kSchemaBytesMax));
    }
    return *std::move(answer);
  }

  // A circle ends where it meets what was there already; whether it may be one is the compiler's to
  // say.
  absl::Status Follow(const std::vector<Reference>& references, int depth) {
    for (const Reference& reference : references) {
      if (!seen_.insert({reference.name, reference.subject, reference.version}).second) continue;
      if (seen_.size() > connectors::kSchemaReferencesMax) {
        return absl::InvalidArgumentError(
            absl::StrFormat("it refers to more than %d others", connectors::kSchemaReferencesMax));
      }
      if (depth > kSchemaReferenceDepthMax) {
        return absl::InvalidArgumentError(
            absl::StrFormat("its references go deeper than %d", kSchemaReferenceDepthMax));
      }
      auto answer =
          Get(absl::StrCat("/subjects/", state::UriEncode(reference.subject, /*keep_slash=*/false),
                           "/versions/", reference.version));
      if (!answer.ok()) {
        return Named(answer.status(),
                     absl::StrCat("its reference ", absl::CHexEscape(reference.subject),
                                  " version ", reference.version));
      }
      if (absl::Status followed = Follow(answer->references, depth + 1); !followed.ok()) {
        return followed;
      }
      references_.push_back({.name = reference.name, .text = std::move(answer->text)});
    }
    return absl::OkStatus();
  }

  SchemaFetch* const fetch_;
  const std::atomic<bool>& stop_;
  const absl::Time deadline_;
  size_t text_bytes_ = 0;
  std::set<std::tuple<std::string, std::string, int64_t>> seen_;
  std::vector<SchemaReference> references_;
};

SchemaFetch::SchemaFetch(SchemaRegistrySettings settings)
    : settings_(std::move(settings)), http_({.ca_bundle = settings_.ca_bundle}) {}

// What says who asks; empty: nothing does. The file may be replaced at any time.
absl::StatusOr<std::string> SchemaFetch::Authorization() const {
  const bool is_token = settings_.username.empty();
  const std::string& path = is_token ? settings_.token_file : settings_.password_file;
  if (path.empty()) return std::string();
  const absl::StatusOr<std::string> text = state::ReadFile(path, kSecretBytesMax);
  const absl::string_view key = is_token ? "token_file" : "password_file";
  if (!text.ok()) {
    return absl::UnavailableError(
        absl::StrCat("schema_registry.", key, ": ", text.status().message()));
  }
  const absl::string_view secret = absl::StripAsciiWhitespace(*text);
  if (secret.empty()) {
    return absl::UnavailableError(
        absl::StrCat(path, " is empty (schema_registry.", key, " names it)"));
  }
  HideInLog({secret.data(), secret.size()});
  if (is_token) return absl::StrCat("Bearer ", secret);
  const std::string encoded = absl::Base64Escape(absl::StrCat(settings_.username, ":", secret));
  HideInLog(encoded);
  return absl::StrCat("Basic ", encoded);
}

absl::StatusOr<state::HttpResponse> SchemaFetch::Ask(const std::string& path, absl::Duration within,
                                                     const std::atomic<bool>& stop) {
  const absl::StatusOr<std::string> authorization = Authorization();
  if (!authorization.ok()) return authorization.status();
  state::HttpRequest request = {
      .url = absl::StrCat(absl::StripSuffix(settings_.url, "/"), path),
      .headers = {{"Accept", "application/vnd.schemaregistry.v1+json, application/json"}},
      .answer_bytes_max = kAnswerBytesMax,
      .timeout = std::min(settings_.timeout, within),
      .stop = &stop};
  if (!authorization->empty()) request.headers.emplace_back("Authorization", *authorization);
  absl::StatusOr<state::HttpResponse> answer = http_.Send(request);
  if (absl::IsDataLoss(answer.status())) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the answer is longer than %d bytes", kAnswerBytesMax));
  }
  if (absl::IsInvalidArgument(answer.status())) {  // what a person gave, and may mend meanwhile
    return absl::UnavailableError(absl::StrCat(
        answer.status().message(), "; see schema_registry.url, ca_bundle and token_file"));
  }
  if (!answer.ok()) return absl::UnavailableError(answer.status().message());
  if (answer->status == kOk) return answer;
  const std::string said = absl::StrCat("it answers ", answer->status, SaidIn(answer->body));
  if (IsRegistrysOwn404(*answer)) return absl::NotFoundError(said);
  return absl::UnavailableError(absl::StrCat(said, " (", CureOf(answer->status, settings_), ")"));
}

absl::StatusOr<FetchedSchema> SchemaFetch::Fetch(uint32_t id, const std::atomic<bool>& stop) {
  auto fetched = Walk(this, stop).Run(id);
  if (fetched.ok()) return fetched;
  // A registry may say what it was told; what it says may go further than the log.
  const absl::string_view why = fetched.status().message();
  return absl::Status(fetched.status().code(),
                      absl::StrCat("schema ", id, " of ", settings_.url, ": ",
                                   WithoutSecrets({why.data(), why.size()})));
}

}  // namespace turnout::runtime
