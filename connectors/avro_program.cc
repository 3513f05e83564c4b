#include "connectors/avro_program.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "connectors/json_output.h"

namespace turnout::connectors {
namespace {

using Json = nlohmann::json;
using Kind = AvroNode::Kind;
using Logical = AvroNode::Logical;

constexpr std::pair<std::string_view, Kind> kPrimitives[] = {
    {"null", Kind::kNull},   {"boolean", Kind::kBoolean}, {"int", Kind::kInt},
    {"long", Kind::kLong},   {"float", Kind::kFloat},     {"double", Kind::kDouble},
    {"bytes", Kind::kBytes}, {"string", Kind::kString},
};

struct LogicalName {
  std::string_view name;
  Kind kind;
  Logical logical;
};
constexpr LogicalName kLogicalNames[] = {
    {"date", Kind::kInt, Logical::kDate},
    {"time-millis", Kind::kInt, Logical::kTimeMillis},
    {"time-micros", Kind::kLong, Logical::kTimeMicros},
    {"timestamp-millis", Kind::kLong, Logical::kTimestampMillis},
    {"timestamp-micros", Kind::kLong, Logical::kTimestampMicros},
    {"timestamp-nanos", Kind::kLong, Logical::kTimestampNanos},
    {"local-timestamp-millis", Kind::kLong, Logical::kLocalTimestampMillis},
    {"local-timestamp-micros", Kind::kLong, Logical::kLocalTimestampMicros},
    {"local-timestamp-nanos", Kind::kLong, Logical::kLocalTimestampNanos},
};
constexpr size_t kUuidBytes = 16;
// Of a full name: each named type within a namespace has it in its own.
constexpr size_t kNameBytesMax = 1'000;
constexpr size_t kFixedBytesMax = kPayloadBytesMax;
// A type within a type takes three levels of JSON at most. What lies deeper than types may is of a
// default or a note; read, it would take some seventy times its length in memory.
constexpr int kJsonDepthMax = 4 * kSchemaDepthMax;

absl::Status Refuse(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("the Avro schema %s", what));
}

std::optional<Kind> PrimitiveOf(std::string_view name) {
  for (const auto& [primitive, kind] : kPrimitives) {
    if (name == primitive) return kind;
  }
  return std::nullopt;
}

// A member that is a string; empty where there is none.
std::string_view TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

// A member that is a whole number from 0 to `max`.
std::optional<int64_t> NumberOf(const Json& object, const char* key, int64_t max) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  const uint64_t number = found->get<uint64_t>();
  if (number > static_cast<uint64_t>(max)) return std::nullopt;
  return static_cast<int64_t>(number);
}

// Decimal digits that a two's complement number of so many bytes surely holds.
int64_t DigitsOfBytes(size_t bytes) {
  constexpr double kDigitsPerBit = 0.30102999566398;
  return bytes == 0 ? 0
                    : static_cast<int64_t>(kDigitsPerBit * (8.0 * static_cast<double>(bytes) - 1));
}

// A named type's full name, and the namespace that names within it are of.
struct FullName {
  std::string name;
  std::string space;
};

std::string_view SpaceOf(std::string_view full_name) {
  const size_t dot = full_name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : full_name.substr(0, dot);
}

class Compiler {
 public:
  explicit Compiler(absl::Span<const SchemaReference> references)
      : references_(references), begun_(references.size()) {}

  absl::StatusOr<AvroProgram> Compile(std::string_view text) {
    const absl::StatusOr<uint32_t> root = CompileText(text, 0);
    if (!root.ok()) return root.status();
    program_.root = *root;
    return std::move(program_);
  }

 private:
  absl::StatusOr<uint32_t> CompileText(std::string_view text, int depth);
  absl::StatusOr<uint32_t> CompileNode(const Json& schema, std::string_view space, int depth);
  absl::StatusOr<uint32_t> CompileObject(const Json& schema, std::string_view space, int depth);
  absl::StatusOr<uint32_t> CompileNamed(const Json& schema, std::string_view type,
                                        std::string_view space, int depth);
  absl::StatusOr<uint32_t> CompileUnion(const Json& branches, std::string_view space, int depth);
  absl::StatusOr<uint32_t> Named(std::string_view name, std::string_view space, int depth);
  absl::Status CompileReference(size_t reference, int depth);
  absl::Status CompileRecord(const Json& schema, const FullName& name, uint32_t node, int depth);
  absl::Status CompileEnum(const Json& schema, const FullName& name, uint32_t node);
  absl::Status CompileFixed(const Json& schema, const FullName& name, uint32_t node);
  absl::Status AddLogical(const Json& schema, AvroNode* node);

  uint32_t Add(Kind kind) {
    program_.nodes.push_back({.kind = kind});
    return static_cast<uint32_t>(program_.nodes.size() - 1);
  }
  void SetParts(uint32_t node, Kind kind, std::vector<AvroProgram::Part> parts) {
    program_.nodes[node].kind = kind;
    program_.nodes[node].first_part = static_cast<uint32_t>(program_.parts.size());
    program_.nodes[node].parts = static_cast<uint32_t>(parts.size());
    for (AvroProgram::Part& part : parts) program_.parts.push_back(std::move(part));
  }

  const absl::Span<const SchemaReference> references_;
  std::vector<bool> begun_;  // which references were read, or are being read
  absl::flat_hash_map<std::string, uint32_t> named_;
  AvroProgram program_;
};

absl::StatusOr<uint32_t> Compiler::CompileText(std::string_view text, int depth) {
  Json schema;
  try {  // nlohmann's parser uses no stack for what is nested
    schema = Json::parse(
        text, [](int level, Json::parse_event_t, Json&) { return level <= kJsonDepthMax; });
  } catch (const Json::parse_error& error) {
    return Refuse(absl::StrCat("is not JSON at byte ", error.byte));
  } catch (const Json::exception&) {
    return Refuse("holds a number that is out of range");
  }
  return CompileNode(schema, "", depth);
}

absl::StatusOr<uint32_t> Compiler::CompileNode(const Json& schema, std::string_view space,
                                               int depth) {
  if (depth > kSchemaDepthMax) {
    return Refuse(absl::StrCat("nests deeper than ", kSchemaDepthMax, " types"));
  }
  if (schema.is_string()) return Named(schema.get_ref<const std::string&>(), space, depth);
  if (schema.is_array()) return CompileUnion(schema, space, depth);
  if (schema.is_object()) return CompileObject(schema, space, depth);
  return Refuse("has a type that is neither a name, nor a list, nor an object");
}

absl::StatusOr<uint32_t> Compiler::CompileUnion(const Json& branches, std::string_view space,
                                                int depth) {
  std::vector<AvroProgram::Part> parts;
  for (const Json& branch : branches) {
    if (branch.is_array()) return Refuse("has a union right in a union");
    const absl::StatusOr<uint32_t> node = CompileNode(branch, space, depth + 1);
    if (!node.ok()) return node.status();
    parts.push_back({.node = *node});
  }
  const uint32_t node = Add(Kind::kUnion);
  SetParts(node, Kind::kUnion, std::move(parts));
  return node;
}

absl::StatusOr<uint32_t> Compiler::CompileObject(const Json& schema, std::string_view space,
                                                 int depth) {
  const auto type = schema.find("type");
  if (type == schema.end()) return Refuse("has an object without `type`");
  if (!type->is_string()) return CompileNode(*type, space, depth + 1);
  const std::string_view name = type->get_ref<const std::string&>();
  if (const std::optional<Kind> kind = PrimitiveOf(name)) {
    const uint32_t node = Add(*kind);
    if (absl::Status status = AddLogical(schema, &program_.nodes[node]); !status.ok())
      return status;
    return node;
  }
  if (name == "array" || name == "map") {
    const char* const key = name == "array" ? "items" : "values";
    const auto items = schema.find(key);
    if (items == schema.end()) return Refuse(absl::StrFormat("has `%s` without `%s`", name, key));
    const absl::StatusOr<uint32_t> part = CompileNode(*items, space, depth + 1);
    if (!part.ok()) return part.status();
    const uint32_t node = Add(Kind::kUndefined);
    SetParts(node, name == "array" ? Kind::kArray : Kind::kMap, {{.node = *part}});
    return node;
  }
  if (name == "record" || name == "error" || name == "enum" || name == "fixed") {
    return CompileNamed(schema, name, space, depth);
  }
  return Named(name, space, depth);
}

absl::StatusOr<uint32_t> Compiler::CompileNamed(const Json& schema, std::string_view type,
                                                std::string_view space, int depth) {
  const std::string_view written = TextOf(schema, "name");
  if (written.empty()) return Refuse(absl::StrFormat("has a nameless %s", type));
  FullName name;
  if (written.find('.') != std::string_view::npos) {
    name = {std::string(written), std::string(SpaceOf(written))};
  } else {
    name.space = schema.contains("namespace") ? TextOf(schema, "namespace") : space;
    name.name =
        name.space.empty() ? std::string(written) : absl::StrFormat("%s.%s", name.space, written);
  }
  if (name.name.size() > kNameBytesMax) {
    return Refuse(absl::StrCat("has a name of ", name.name.size(), " bytes; at most ",
                               kNameBytesMax, " are read"));
  }
  const uint32_t node = Add(Kind::kUndefined);
  if (PrimitiveOf(name.name) || !named_.try_emplace(name.name, node).second) {
    return Refuse(absl::StrFormat("defines `%s` a second time", name.name));
  }
  const absl::Status status = type == "enum"    ? CompileEnum(schema, name, node)
                              : type == "fixed" ? CompileFixed(schema, name, node)
                                                : CompileRecord(schema, name, node, depth);
  if (!status.ok()) return status;
  return node;
}

absl::Status Compiler::CompileRecord(const Json& schema, const FullName& name, uint32_t node,
                                     int depth) {
  const auto fields = schema.find("fields");
  if (fields == schema.end() || !fields->is_array()) {
    return Refuse(absl::StrCat("has a record `", name.name, "` without a list of `fields`"));
  }
  std::vector<AvroProgram::Part> parts;
  absl::flat_hash_set<std::string_view> names;
  for (const Json& field : *fields) {
    const std::string_view field_name = field.is_object() ? TextOf(field, "name") : "";
    if (field_name.empty() || !field.contains("type")) {
      return Refuse(absl::StrCat("has a field of `", name.name, "` without `name` or `type`"));
    }
    if (!names.insert(field_name).second) {
      return Refuse(absl::StrFormat("has `%s` twice in `%s`", field_name, name.name));
    }
    const absl::StatusOr<uint32_t> part = CompileNode(field["type"], name.space, depth + 1);
    if (!part.ok()) return part.status();
    parts.push_back({.node = *part});
    if (!AppendJsonText(field_name, &parts.back().text)) return Refuse("is not UTF-8");
    parts.back().text.push_back(':');
  }
  SetParts(node, Kind::kRecord, std::move(parts));
  return absl::OkStatus();
}

absl::Status Compiler::CompileEnum(const Json& schema, const FullName& name, uint32_t node) {
  const auto symbols = schema.find("symbols");
  std::vector<AvroProgram::Part> parts;
  if (symbols != schema.end() && symbols->is_array()) {
    for (const Json& symbol : *symbols) {
      if (!symbol.is_string()) return Refuse(absl::StrCat("has no text in enum `", name.name, "`"));
      parts.emplace_back();
      if (!AppendJsonText(symbol.get_ref<const std::string&>(), &parts.back().text)) {
        return Refuse("is not UTF-8");
      }
    }
  }
  if (parts.empty()) {
    return Refuse(absl::StrCat("has an enum `", name.name, "` without a list of `symbols`"));
  }
  SetParts(node, Kind::kEnum, std::move(parts));
  return absl::OkStatus();
}

absl::Status Compiler::CompileFixed(const Json& schema, const FullName& name, uint32_t node) {
  const std::optional<int64_t> size = NumberOf(schema, "size", kFixedBytesMax);
  if (!size) {
    return Refuse(
        absl::StrCat("has a fixed `", name.name, "` without a `size` of 0 to ", kFixedBytesMax));
  }
  program_.nodes[node].kind = Kind::kFixed;
  program_.nodes[node].size = static_cast<uint32_t>(*size);
  return AddLogical(schema, &program_.nodes[node]);
}

absl::Status Compiler::AddLogical(const Json& schema, AvroNode* node) {
  const std::string_view name = TextOf(schema, "logicalType");
  for (const LogicalName& known : kLogicalNames) {
    if (name == known.name && node->kind == known.kind) node->logical = known.logical;
  }
  const bool is_fixed = node->kind == Kind::kFixed;
  if (name == "uuid" && is_fixed && node->size == kUuidBytes) node->logical = Logical::kUuid;
  if (name != "decimal" || (!is_fixed && node->kind != Kind::kBytes)) return absl::OkStatus();
  constexpr int64_t kDigitsMax = std::numeric_limits<int32_t>::max();
  const int64_t precision = NumberOf(schema, "precision", kDigitsMax).value_or(0);
  const std::optional<int64_t> scale =
      schema.contains("scale") ? NumberOf(schema, "scale", kDigitsMax) : std::optional<int64_t>(0);
  const bool too_small = is_fixed && precision > DigitsOfBytes(node->size);
  if (precision == 0 || !scale || *scale > precision || too_small) return absl::OkStatus();
  if (precision > kDecimalDigitsMax || (is_fixed && node->size > kDecimalBytesMax)) {
    return Refuse(absl::StrCat("has a decimal of ", precision, " digits in ", node->size,
                               " bytes; at most ", kDecimalDigitsMax, " digits in ",
                               kDecimalBytesMax, " bytes are read"));
  }
  node->logical = Logical::kDecimal;
  node->scale = static_cast<int>(*scale);
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> Compiler::Named(std::string_view name, std::string_view space, int depth) {
  if (const std::optional<Kind> kind = PrimitiveOf(name)) return Add(*kind);
  const std::string full_name = name.find('.') != std::string_view::npos || space.empty()
                                    ? std::string(name)
                                    : absl::StrFormat("%s.%s", space, name);
  const auto find = [&]() -> std::optional<uint32_t> {
    if (const auto found = named_.find(full_name); found != named_.end()) return found->second;
    return std::nullopt;
  };
  if (const auto node = find()) return *node;
  // By its name first; references that are called otherwise are read one by one until it is there.
  for (const bool by_name : {true, false}) {
    for (size_t i = 0; i < references_.size(); ++i) {
      if (begun_[i] || (by_name && references_[i].name != full_name)) continue;
      if (absl::Status status = CompileReference(i, depth + 1); !status.ok()) return status;
      if (const auto node = find()) return *node;
    }
  }
  // A name without a namespace of its own may also be one without any.
  if (const auto found = named_.find(std::string(name)); found != named_.end())
    return found->second;
  return Refuse(absl::StrCat("names `", full_name, "`, which neither it nor a reference defines"));
}

absl::Status Compiler::CompileReference(size_t reference, int depth) {
  if (depth > kSchemaDepthMax) {
    return Refuse(absl::StrCat("nests deeper than ", kSchemaDepthMax, " types"));
  }
  begun_[reference] = true;
  const absl::StatusOr<uint32_t> node = CompileText(references_[reference].text, depth);
  if (node.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(node.status().message(), " (reference `", references_[reference].name, "`)"));
}

}  // namespace

absl::StatusOr<AvroProgram> CompileAvroProgram(std::string_view text,
                                               absl::Span<const SchemaReference> references) {
  return Compiler(references).Compile(text);
}

}  // namespace turnout::connectors
