#include "runtime/config_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/kafka_client.h"
#include "connectors/msk_iam_settings.h"
#include "connectors/oidc_settings.h"
#include "runtime/admin_fields.h"
#include "runtime/config_checks.h"
#include "runtime/config_names.h"
#include "runtime/json_text.h"
#include "runtime/schema_registry_fields.h"

namespace turnout::runtime {
namespace {

using router::Node;
using router::Position;
using router::Problem;

constexpr std::string_view kSecret = "[secret]";
constexpr std::string_view kKafkaPrefix = "kafka.";
constexpr std::string_view kTablesPrefix = "tables.";
constexpr std::string_view kTableTopicSuffix = ".topic";
constexpr std::string_view kLimitsPrefix = "limits.";
constexpr std::string_view kSecretsFromPrefix = "secrets_from.";
constexpr std::string_view kS3Prefix = "checkpoints.s3.";
// What decides which rules are re-keyed: for who judges rules without running them.
constexpr std::string_view kPartitionedByKey = "source.partitioned_by";
constexpr std::string_view kTimeKeys[] = {kPartitionedByKey,     "source.time_field",
                                          "source.lateness",     "source.ahead_max",
                                          "source.cloud_events", "limits.rule_state_bytes_max"};

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool IsText(const ConfigField& field) {
  return field.type == FieldType::kText || field.type == FieldType::kPath;
}

std::string DirectoryOf(std::string_view file_name) {
  const size_t slash = file_name.rfind('/');
  if (slash == std::string_view::npos) return {};
  return std::string(file_name.substr(0, slash == 0 ? 1 : slash));
}

// What a value is called in a problem: itself, unless it may be secret or is too long to read.
std::string Called(std::string_view text, bool shown) {
  constexpr size_t kShownBytesMax = 80;
  if (!shown) return "the value (not shown)";
  if (text.size() > kShownBytesMax) {
    return absl::StrFormat("`%s...`", text.substr(0, kShownBytesMax));
  }
  return absl::StrFormat("`%s`", text);
}

std::string WithArticle(Node::Kind kind) {
  const std::string_view name = router::KindName(kind);
  const bool vowel = std::string_view("aeiou").find(name.front()) != std::string_view::npos;
  return absl::StrFormat("%s %s", vowel ? "an" : "a", name);
}

}  // namespace

// Whether the key's last parts are names of the person's own.
bool IsOwnNamed(std::string_view key) {
  return (StartsWith(key, kKafkaPrefix) && key.size() > kKafkaPrefix.size()) ||
         (StartsWith(key, kTablesPrefix) && key.size() > kTablesPrefix.size());
}

ConfigReader::ConfigReader(std::string_view file_name, const ConfigEnvironment& environment,
                           ConfigOverrides overrides, std::vector<Problem>* problems)
    : file_name_(file_name),
      directory_(DirectoryOf(file_name)),
      environment_(environment),
      overrides_(std::move(overrides)),
      problems_(problems),
      problems_before_(problems->size()) {}

std::optional<LoadedConfig> ConfigReader::Read(std::string_view text) {
  loaded_.config.limits.rules.enrich.tables_known = true;
  if (!TakeText(text)) return std::nullopt;
  for (const std::string& override_text : overrides_.values) TakeOverride(override_text);
  for (const ConfigField& field : ConfigFields()) {
    ReadField(field);
    // Those rows come first: by them the others' references are answered.
    if (StartsWith(field.key, kSecretsFromPrefix)) {
      environment_.secrets_from = loaded_.config.secrets_from;
    }
  }
  ReadTables();
  ReadKafka();
  CheckTogether();
  if (!IsSound()) return std::nullopt;
  HideDerivedSecrets();
  return std::move(loaded_);
}

std::optional<Config::Limits> ConfigReader::ReadLimits(std::string_view text) {
  loaded_.config.limits.rules.enrich.tables_known = true;
  if (!TakeText(text)) return std::nullopt;
  for (const ConfigField& field : ConfigFields()) {
    const bool says_of_rules = field.key == kPartitionedByKey;
    if (says_of_rules || StartsWith(field.key, kLimitsPrefix)) ReadField(field);
  }
  for (const std::string& key : table_keys_) NameTable(key, given_.at(key));
  if (!IsSound()) return std::nullopt;
  return loaded_.config.limits;
}

std::optional<router::StateSettings> ConfigReader::ReadTime(std::string_view text) {
  if (!TakeText(text)) return std::nullopt;
  for (const ConfigField& field : ConfigFields()) {
    const auto is_it = [&](std::string_view key) { return field.key == key; };
    if (std::any_of(std::begin(kTimeKeys), std::end(kTimeKeys), is_it)) ReadField(field);
  }
  if (!IsSound()) return std::nullopt;
  return loaded_.config.time;
}

std::optional<state::S3Options> ConfigReader::ReadS3(std::string_view text) {
  if (!TakeText(text)) return std::nullopt;
  for (const ConfigField& field : ConfigFields()) {
    if (StartsWith(field.key, kS3Prefix)) ReadField(field);
  }
  if (!IsSound()) return std::nullopt;
  return loaded_.config.checkpoints.s3;
}

// False where there is nothing to go on with.
bool ConfigReader::TakeText(std::string_view text) {
  if (text.size() > kConfigFileBytesMax) {
    Add({.what = absl::StrFormat("the config is longer than %s", FormatBytes(kConfigFileBytesMax)),
         .cure = absl::StrFormat("keep it within %s", FormatBytes(kConfigFileBytesMax))});
    return false;
  }
  const std::optional<Node> root = router::ParseYaml(text, problems_);
  if (!root) return false;
  if (root->kind == Node::Kind::kObject) {
    TakeObject(*root, "");
  } else if (root->kind != Node::Kind::kNull) {
    Add({.at = root->at,
         .what = absl::StrFormat("the config is %s", WithArticle(root->kind)),
         .cure = "write lines of `key: value`"});
    return false;
  }
  return true;
}

// False after a problem; all of them are in the file's order then.
bool ConfigReader::IsSound() {
  if (problems_->size() == problems_before_) return true;
  std::stable_sort(problems_->begin() + static_cast<std::ptrdiff_t>(problems_before_),
                   problems_->end(), [](const Problem& a, const Problem& b) {
                     return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
                   });
  return false;
}

// --- from the tree to dotted keys

void ConfigReader::TakeObject(const Node& object, const std::string& prefix) {
  absl::node_hash_map<std::string, Position> seen;
  for (const router::Member& member : object.members) {
    if (IsFull()) return;
    const std::string key = prefix + member.name;
    const auto [first, is_new] = seen.emplace(member.name, member.at);
    if (is_new) {
      TakeMember(member, key);
      continue;
    }
    ComplainTwice(key, member.at, first->second);
  }
}

void ConfigReader::TakeMember(const router::Member& member, const std::string& key) {
  const Node& value = member.value;
  const bool is_property = IsOwnNamed(key);
  const ConfigField* const field = FindConfigField(key);
  if (field == nullptr && (IsSection(key) || (is_property && value.kind == Node::Kind::kObject))) {
    if (value.kind == Node::Kind::kObject) {
      TakeObject(value, key + ".");
    } else if (value.kind != Node::Kind::kNull) {
      Add({.at = value.at,
           .subject = key,
           .what = absl::StrFormat("is %s, where a section is asked for", WithArticle(value.kind)),
           .cure = "write its keys on lines of their own below it, further to the right"});
    }
    return;
  }
  if (field == nullptr && !is_property) {
    ComplainUnknown(key, member.at, false);
    return;
  }
  Take(key, {.kind = value.kind, .text = value.text, .name_at = member.at, .value_at = value.at});
}

void ConfigReader::TakeOverride(std::string_view override_text) {
  const size_t equals = override_text.find('=');
  const std::string key(override_text.substr(0, equals));
  if (equals == std::string_view::npos || key.empty()) {
    // Without a key nobody knows whether it is secret.
    Add({.subject = "--set",
         .what = "an argument is not key=value",
         .cure = "write --set key=value"});
    return;
  }
  if (FindConfigField(key) == nullptr && !IsOwnNamed(key)) {
    ComplainUnknown(key, {}, true);
    return;
  }
  Take(key, {.text = std::string(override_text.substr(equals + 1)), .in_override = true});
}

void ConfigReader::Take(const std::string& key, Given given) {
  const auto [at, is_new] = given_.emplace(key, given);
  if (is_new) {
    if (StartsWith(key, kKafkaPrefix)) kafka_keys_.push_back(key);
    if (StartsWith(key, kTablesPrefix)) table_keys_.push_back(key);
    return;
  }
  if (given.in_override) {
    at->second = std::move(given);
  } else {
    ComplainTwice(key, given.name_at, at->second.name_at);
  }
}

// --- from written values to values in force

std::optional<ConfigReader::Resolved> ConfigReader::Resolve(const std::string& key,
                                                            const Given& given, bool secret) {
  if (given.kind == Node::Kind::kArray || given.kind == Node::Kind::kObject ||
      given.kind == Node::Kind::kNull) {
    const bool is_null = given.kind == Node::Kind::kNull;
    Complain(key, given,
             is_null
                 ? "has no value"
                 : absl::StrFormat("is %s, where one value is asked for", WithArticle(given.kind)),
             is_null ? "give it one, or remove the line" : "write one value after the colon");
    return std::nullopt;
  }
  std::vector<TextProblem> wrong;
  // Relative paths on the command line are the shell's, those in the file are the file's.
  const ExpandedText expanded =
      ExpandText(given.text, environment_, given.in_override ? "" : directory_, &wrong);
  for (TextProblem& problem : wrong) {
    Complain(key, given, std::move(problem.what), std::move(problem.cure));
  }
  if (!wrong.empty()) return std::nullopt;
  if (expanded.text == kSecret) {
    Complain(key, given, "is the mark that --print-config writes for a secret",
             "write the value itself, or ${file:/path}");
    return std::nullopt;
  }
  if (Contains(expanded.text, std::string_view("\0", 1))) {
    Complain(key, given, "holds a NUL byte", "remove it");
    return std::nullopt;
  }
  Resolved out{.text = expanded.text, .kind = given.kind};
  out.source =
      given.in_override ? "--set" : absl::StrFormat("%s:%d", file_name_, given.name_at.line);
  for (const std::string& reference : expanded.references) out.source += " " + reference;
  out.secret = secret || std::any_of(expanded.inputs.begin(), expanded.inputs.end(),
                                     [](const ExpandedText::Input& i) { return i.from_file; });
  out.shown = !secret && expanded.references.empty();
  out.typed = expanded.references.empty() && !given.in_override;
  if (out.secret) {
    // What the config itself holds of a file's value is no secret; of a secret property's it is.
    const bool may_write = !secret || expanded.only_references;
    out.written = may_write ? given.text : std::string(kSecret);
    out.written = JsonString(out.written);
    for (const ExpandedText::Input& input : expanded.inputs) {
      if (secret || input.from_file) KeepSecret(input.text);
    }
    KeepSecret(expanded.text);
  }
  return out;
}

bool ConfigReader::HasRightKind(const ConfigField& field, const Given& given,
                                const Resolved& resolved) {
  if (!resolved.typed) return true;
  Node::Kind asked_for = Node::Kind::kString;
  if (field.type == FieldType::kBool) asked_for = Node::Kind::kBool;
  if (field.type == FieldType::kCount) asked_for = Node::Kind::kNumber;
  const bool is_word = !field.word.empty() && given.text == field.word;
  const bool plain_bytes = field.type == FieldType::kBytes && given.kind == Node::Kind::kNumber;
  if (given.kind == asked_for || is_word || plain_bytes) return true;
  // A duration or a choice that is no text is told by its own parser, which knows what to write.
  if (asked_for == Node::Kind::kString && !IsText(field)) return true;
  std::string cure = absl::StrFormat("write %s", AllowedText(field));
  if (IsText(field)) cure += "; put it in quotes if it is meant";
  std::string ignored;
  if (given.kind == Node::Kind::kString && ParseField(field, given.text, &ignored)) {
    cure = "remove the quotes";
  }
  Complain(std::string(field.key), given,
           absl::StrFormat("%s is %s, where %s is asked for", Called(given.text, resolved.shown),
                           WithArticle(given.kind), WithArticle(asked_for)),
           cure);
  return false;
}

void ConfigReader::ReadField(const ConfigField& field) {
  const std::string key(field.key);
  const auto found = given_.find(key);
  if (found == given_.end()) return ReadDefault(field);
  const Given& given = found->second;
  std::optional<Resolved> resolved = Resolve(key, given, false);
  if (!resolved || !HasRightKind(field, given, *resolved)) return;
  std::string what;
  std::optional<FieldValue> value = ParseField(field, resolved->text, &what);
  if (!value) {
    Complain(key, given, absl::StrFormat("%s %s", Called(resolved->text, resolved->shown), what),
             absl::StrFormat("write %s", AllowedText(field)));
    return;
  }
  const bool is_no_path = field.is_no_path != nullptr && field.is_no_path(value->text);
  if (field.type == FieldType::kPath && !is_no_path) {
    value->text = ResolvedPath(value->text, given.in_override ? "" : directory_);
  }
  field.store(*value, &loaded_.config);
  Remember(key, FormatField(field, *value), IsText(field), *resolved);
}

void ConfigReader::ReadDefault(const ConfigField& field) {
  const std::string key(field.key);
  if (field.required) {
    if (key == "brokers" && overrides_.embedded) return;
    Add({.subject = key,
         .what = "is not given",
         .cure = absl::StrFormat("add `%s: ` with %s", key, AllowedText(field))});
    return;
  }
  // The source topic itself is missing: its own problem says so.
  if (field.derive != nullptr && loaded_.config.topic.empty() && key != "instance") return;
  const std::string text = field.derive != nullptr ? field.derive(loaded_.config, environment_)
                                                   : std::string(field.default_text);
  std::string what;
  const std::optional<FieldValue> value = ParseField(field, text, &what);
  if (!value) {
    Add({.subject = key,
         .what = absl::StrFormat("its default, %s, %s", field.default_shown, what),
         .cure = absl::StrFormat("give it: %s", AllowedText(field))});
    return;
  }
  field.store(*value, &loaded_.config);
  Remember(key, FormatField(field, *value), IsText(field), {.source = "default"});
}

// The name of the table that the key is of; empty after a problem.
std::string ConfigReader::NameTable(const std::string& key, const Given& given) {
  const size_t end = key.size() - std::min(key.size(), kTableTopicSuffix.size());
  const std::string name(
      key.substr(kTablesPrefix.size(), std::max(end, kTablesPrefix.size()) - kTablesPrefix.size()));
  if (key.substr(end) != kTableTopicSuffix || !CheckTableName(name).empty()) {
    Complain(key, given, "is no table's topic",
             "write `tables.NAME.topic: catalog.merchants`, NAME of 1 to 64 of a-z, 0-9, `_`, `-`");
    return {};
  }
  router::EnrichLimits& limits = loaded_.config.limits.rules.enrich;
  limits.tables.insert(std::lower_bound(limits.tables.begin(), limits.tables.end(), name), name);
  return name;
}

void ConfigReader::ReadTables() {
  std::sort(table_keys_.begin(), table_keys_.end());
  for (const std::string& key : table_keys_) {
    if (IsFull()) return;
    ReadTable(key, given_.at(key));
  }
}

void ConfigReader::ReadTable(const std::string& key, const Given& given) {
  const std::string name = NameTable(key, given);
  if (name.empty()) return;
  const std::optional<Resolved> resolved = Resolve(key, given, /*secret=*/false);
  if (!resolved) return;
  std::string fault = CheckTopic(resolved->text);
  if (fault.empty() && resolved->text == loaded_.config.topic) fault = "is the source's topic";
  if (!fault.empty()) {
    return Complain(key, given, std::move(fault), "name a compacted topic of its own");
  }
  loaded_.config.tables.push_back({name, resolved->text});
  Remember(key, resolved->text, true, *resolved);
}

void ConfigReader::ReadKafka() {
  for (const std::string& key : kafka_keys_) {
    if (IsFull()) return;
    ReadKafkaProperty(key, given_.at(key));
  }
}

void ConfigReader::ReadKafkaProperty(const std::string& key, const Given& given) {
  const std::string name = key.substr(kKafkaPrefix.size());
  const std::optional<Resolved> resolved = Resolve(key, given, connectors::IsSecretProperty(name));
  if (!resolved) return;
  const absl::Status status = connectors::CheckKafkaProperties({{name, resolved->text}});
  if (!status.ok()) {
    std::string what(status.message().data(), status.message().size());
    if (StartsWith(what, key)) what.erase(0, key.size());
    what.erase(0, what.find_first_not_of(": "));
    // librdkafka's words may repeat the value.
    const bool repeats = !resolved->text.empty() && Contains(what, resolved->text);
    if (!resolved->shown && repeats) what = "librdkafka refuses its value (not shown)";
    Complain(key, given, what, "see librdkafka's CONFIGURATION.md for its properties");
    return;
  }
  loaded_.config.kafka.emplace_back(name, resolved->text);
  if (resolved->text != given.text) {
    loaded_.config.kafka_references.push_back(
        {name, given.text, given.in_override ? "" : directory_});
  }
  Remember(key, resolved->text, true, *resolved);
}

void ConfigReader::CheckTogether() {
  const Config& config = loaded_.config;
  absl::Status tokens = connectors::OidcSettingsOf(config.kafka).status();
  if (tokens.ok()) tokens = connectors::MskIamSettingsOf(config.kafka, config.brokers).status();
  if (!tokens.ok()) {
    Add({.what = std::string(tokens.message()),
         .cure = "runtime/README.md shows them all, under Tokens"});
  }
  if (std::string what = CheckAdminTogether(config); !what.empty()) {
    Add({.what = std::move(what), .cure = "a server's TLS needs both"});
  }
  if (!config.topic.empty() && config.dead_letter_topic == config.topic) {
    const auto found = given_.find("dead_letter_topic");
    Complain("dead_letter_topic", found == given_.end() ? Given{} : found->second,
             "is the source's topic: dead letters would come back as events", "name another topic");
  }
  CheckSchemaRegistry();
}

void ConfigReader::CheckSchemaRegistry() {
  const std::optional<SchemaRegistryFault> fault =
      FindSchemaRegistryFault(loaded_.config.has_schemas, loaded_.config.schemas);
  if (!fault) return;
  const auto found = given_.find(fault->key);
  Complain(fault->key, found == given_.end() ? Given{} : found->second, fault->what, fault->cure);
}

void ConfigReader::KeepSecret(const std::string& secret) {
  if (secret.empty()) return;
  loaded_.secrets.push_back(secret);
  if (environment_.on_secret != nullptr) environment_.on_secret(secret);
}

void ConfigReader::Remember(const std::string& key, const std::string& value, bool is_text,
                            const Resolved& resolved) {
  ConfigValue out{.key = key,
                  .value = value,
                  .source = resolved.source,
                  .written = is_text ? QuotedText(value) : value};
  if (resolved.secret) {
    out.value = std::string(kSecret);
    out.written = resolved.written;
  }
  loaded_.values.push_back(std::move(out));
}

// A default that was made of a secret shows it too.
void ConfigReader::HideDerivedSecrets() {
  for (ConfigValue& value : loaded_.values) {
    const ConfigField* const field = FindConfigField(value.key);
    if (value.source != "default" || field->derive == nullptr) continue;
    for (const std::string& secret : loaded_.secrets) {
      if (Contains(value.value, secret)) {
        value.value = std::string(kSecret);
        value.written.clear();
      }
    }
  }
}

// --- problems

void ConfigReader::Complain(const std::string& key, const Given& given, std::string what,
                            std::string cure) {
  // Properties of librdkafka are wrong by name or by value; the line tells both.
  // A value that is not there has no place.
  const bool by_name = StartsWith(key, kKafkaPrefix) || given.kind == Node::Kind::kNull;
  Add({.at = by_name ? given.name_at : given.value_at,
       .subject = given.in_override ? "--set " + key : key,
       .what = std::move(what),
       .cure = std::move(cure)});
}

void ConfigReader::ComplainTwice(const std::string& key, Position at, Position first) {
  Add({.at = at,
       .subject = key,
       .what = absl::StrFormat("is given twice, first on line %d", first.line),
       .cure = "keep one of them"});
}

void ConfigReader::ComplainUnknown(const std::string& key, Position at, bool in_override) {
  const std::string subject = in_override ? "--set " + key : key;
  if (IsSection(key)) {
    Add({.at = at, .subject = subject, .what = "is a section", .cure = "set a value in it"});
    return;
  }
  const std::string nearest = NearestKey(key);
  std::string cure;
  if (!nearest.empty()) cure = absl::StrFormat("did you mean `%s`? ", nearest);
  const std::vector<std::string_view> beside = NamesBeside(key);
  const std::string_view section = SectionOf(key);
  cure += beside.empty() ? "name a property of librdkafka"
          : section.empty()
              ? "Known: "
              : absl::StrFormat("Known in %s: ", section.substr(0, section.size() - 1));
  for (size_t i = 0; i < beside.size(); ++i) {
    if (i > 0) cure += ", ";
    cure += beside[i];
  }
  Add({.at = at, .subject = subject, .what = "is not known", .cure = std::move(cure)});
}

void ConfigReader::Add(Problem problem) {
  if (problems_->size() + 1 == kProblemsMax) {
    problem = {.what = absl::StrFormat("there are %d problems or more", kProblemsMax),
               .cure = "mend these first"};
  }
  if (!IsFull()) problems_->push_back(std::move(problem));
}

}  // namespace turnout::runtime
