#include "connectors/protobuf_files.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace turnout::connectors {
namespace {

namespace pb = google::protobuf;

// What messages call the text itself, and no import can.
constexpr std::string_view kSchemaName = "(the schema)";
// What full names may take in memory: each field, value and message has its own, with the names of
// all that it stands in.
constexpr size_t kNamesBytesMax = size_t{64} << 20;
// The linker goes through a package's parts by recursion.
constexpr size_t kPackageBytesMax = 1'000;
// Ranges and names that the linker compares each with each, as pairs, in one message or enum.
constexpr uint64_t kComparisonsMax = 10'000'000;

// Keeps what is wrong first.
class FirstSyntaxError final : public pb::io::ErrorCollector {
 public:
  explicit FirstSyntaxError(std::string_view file) : file_(file) {}
  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    if (!text_.empty()) return;
    text_ = absl::StrFormat("%s:%d:%d: %s", file_, line + 1, column + 1, message);
  }
  const std::string& text() const { return text_; }

 private:
  const std::string_view file_;
  std::string text_;
};

class FirstLinkError final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*,
                ErrorLocation, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(file, ": ", element, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::Status Refuse(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("the Protobuf schema: %s", what));
}

// How deep brackets of each kind nest: the parser goes as deep by recursion.
absl::Status CheckNesting(std::string_view file, std::string_view text) {
  constexpr std::string_view kOpening = "{[(<";
  constexpr std::string_view kClosing = "}])>";
  pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  FirstSyntaxError errors(file);
  pb::io::Tokenizer tokens(&input, &errors);
  std::array<int, kOpening.size()> open{};
  while (tokens.Next()) {
    const std::string& token = tokens.current().text;
    if (tokens.current().type != pb::io::Tokenizer::TYPE_SYMBOL) continue;
    if (const size_t kind = kOpening.find(token[0]); kind != std::string_view::npos) {
      if (++open[kind] > kSchemaDepthMax) {
        return Refuse(absl::StrFormat("%s:%d: nests deeper than %d", file,
                                      tokens.current().line + 1, kSchemaDepthMax));
      }
    } else if (const size_t closed = kClosing.find(token[0]); closed != std::string_view::npos) {
      if (open[closed] > 0) --open[closed];
    }
  }
  return absl::OkStatus();
}

bool ComparesTooMuch(int names, int reserved, int ranges) {
  const auto all = static_cast<uint64_t>(ranges) + static_cast<uint64_t>(reserved);
  return (static_cast<uint64_t>(names) + all) * all > kComparisonsMax;
}

// Takes options out of an enum, but that names may stand for one number.
absl::Status Trim(pb::EnumDescriptorProto* type) {
  if (ComparesTooMuch(type->value_size(), type->reserved_range_size(), 0)) {
    return Refuse(absl::StrCat("`", type->name(), "` has too many ranges"));
  }
  bool has_aliases = false;
  for (const pb::UninterpretedOption& option : type->options().uninterpreted_option()) {
    has_aliases |= option.name_size() == 1 && option.name(0).name_part() == "allow_alias" &&
                   option.identifier_value() == "true";
  }
  type->clear_options();
  if (has_aliases) type->mutable_options()->set_allow_alias(true);
  for (pb::EnumValueDescriptorProto& value : *type->mutable_value()) value.clear_options();
  return absl::OkStatus();
}

template <typename Types>
absl::Status TrimEnums(Types* types) {
  for (pb::EnumDescriptorProto& type : *types) {
    if (absl::Status status = Trim(&type); !status.ok()) return status;
  }
  return absl::OkStatus();
}

class Linker {
 public:
  explicit Linker(absl::Span<const SchemaReference> references)
      : references_(references), pool_(std::make_unique<pb::DescriptorPool>()) {}

  absl::StatusOr<ProtobufFiles> Link(std::string_view text) {
    const absl::StatusOr<const pb::FileDescriptor*> schema = Build(kSchemaName, text);
    if (!schema.ok()) return schema.status();
    ProtobufFiles files;
    files.pool = std::move(pool_);
    files.schema = *schema;
    return files;
  }

 private:
  absl::Status Import(const std::string& name);
  absl::StatusOr<const pb::FileDescriptor*> Build(std::string_view name, std::string_view text);
  absl::StatusOr<const pb::FileDescriptor*> Build(const pb::FileDescriptorProto& file);
  // `within`: how long the full name is of what a message stands in.
  absl::Status Trim(size_t within, pb::DescriptorProto* message);
  absl::Status Trim(pb::FileDescriptorProto* file);
  absl::Status CountNames(size_t within, const pb::DescriptorProto& message);

  const absl::Span<const SchemaReference> references_;
  std::unique_ptr<pb::DescriptorPool> pool_;
  std::vector<std::string> importing_;  // files that wait for their imports
  std::vector<std::string> missing_;
  int messages_ = 0;
  size_t names_bytes_ = 0;
};

absl::Status Linker::Import(const std::string& name) {
  if (pool_->FindFileByName(name) != nullptr) return absl::OkStatus();
  for (const std::string& file : importing_) {
    if (file == name) return Refuse(absl::StrCat("`", name, "` imports itself"));
  }
  if (const auto* known = pb::DescriptorPool::generated_pool()->FindFileByName(name)) {
    pb::FileDescriptorProto file;
    known->CopyTo(&file);
    return Build(file).status();
  }
  for (const SchemaReference& reference : references_) {
    if (reference.name == name) return Build(name, reference.text).status();
  }
  missing_.push_back(name);
  if (missing_.size() > kSchemaReferencesMax) {
    return Refuse(absl::StrCat("imports more than ", kSchemaReferencesMax, " files"));
  }
  pb::FileDescriptorProto empty;
  empty.set_name(name);
  return Build(empty).status();
}

absl::StatusOr<const pb::FileDescriptor*> Linker::Build(std::string_view name,
                                                        std::string_view text) {
  if (absl::Status status = CheckNesting(name, text); !status.ok()) return status;
  pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  FirstSyntaxError errors(name);
  pb::io::Tokenizer tokens(&input, &errors);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  pb::FileDescriptorProto file;
  file.set_name(std::string(name));
  if (!parser.Parse(&tokens, &file) || !errors.text().empty()) return Refuse(errors.text());
  if (absl::Status status = Trim(&file); !status.ok()) return status;
  return Build(file);
}

absl::StatusOr<const pb::FileDescriptor*> Linker::Build(const pb::FileDescriptorProto& file) {
  importing_.push_back(file.name());
  for (const std::string& dependency : file.dependency()) {
    if (absl::Status status = Import(dependency); !status.ok()) return status;
  }
  importing_.pop_back();
  FirstLinkError errors;
  const pb::FileDescriptor* const built = pool_->BuildFileCollectingErrors(file, &errors);
  if (built != nullptr) return built;
  if (missing_.empty()) return Refuse(errors.text());
  return Refuse(absl::StrCat(
      errors.text(), " (imports without a reference: ", absl::StrJoin(missing_, ", "), ")"));
}

absl::Status Linker::Trim(pb::FileDescriptorProto* file) {
  if (file->package().size() > kPackageBytesMax) {
    return Refuse(absl::StrCat("its package has ", file->package().size(), " characters; at most ",
                               kPackageBytesMax, " are read"));
  }
  file->clear_options();
  file->clear_service();
  for (pb::FieldDescriptorProto& field : *file->mutable_extension()) field.clear_options();
  if (absl::Status status = TrimEnums(file->mutable_enum_type()); !status.ok()) return status;
  for (pb::DescriptorProto& message : *file->mutable_message_type()) {
    if (absl::Status status = Trim(file->package().size(), &message); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Linker::CountNames(size_t within, const pb::DescriptorProto& message) {
  size_t names = 1 + static_cast<size_t>(message.field_size() + message.extension_size() +
                                         message.oneof_decl_size());
  for (const pb::EnumDescriptorProto& type : message.enum_type()) {
    names += 1 + static_cast<size_t>(type.value_size());
  }
  names_bytes_ += names * within;
  if (names_bytes_ <= kNamesBytesMax) return absl::OkStatus();
  return Refuse(absl::StrCat("its names take more than ", kNamesBytesMax, " bytes"));
}

absl::Status Linker::Trim(size_t within, pb::DescriptorProto* message) {
  if (++messages_ > kProtobufMessagesMax) {
    return Refuse(absl::StrCat("has more than ", kProtobufMessagesMax, " messages"));
  }
  const size_t full_name = within + 1 + message->name().size();
  if (absl::Status status = CountNames(full_name, *message); !status.ok()) return status;
  for (const pb::UninterpretedOption& option : message->options().uninterpreted_option()) {
    if (option.name_size() == 1 && option.name(0).name_part() == "message_set_wire_format") {
      return Refuse(absl::StrCat("`", message->name(), "` is a message set, which is not read"));
    }
  }
  const bool is_entry = message->options().map_entry();
  message->clear_options();
  if (is_entry) message->mutable_options()->set_map_entry(true);
  for (pb::FieldDescriptorProto& field : *message->mutable_field()) field.clear_options();
  for (pb::FieldDescriptorProto& field : *message->mutable_extension()) field.clear_options();
  for (pb::OneofDescriptorProto& oneof : *message->mutable_oneof_decl()) oneof.clear_options();
  for (auto& range : *message->mutable_extension_range()) range.clear_options();
  if (ComparesTooMuch(message->field_size(), message->reserved_range_size(),
                      message->extension_range_size())) {
    return Refuse(absl::StrCat("`", message->name(), "` has too many ranges"));
  }
  if (absl::Status status = TrimEnums(message->mutable_enum_type()); !status.ok()) return status;
  for (pb::DescriptorProto& nested : *message->mutable_nested_type()) {
    if (absl::Status status = Trim(full_name, &nested); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

ProtobufFiles::ProtobufFiles() = default;
ProtobufFiles::ProtobufFiles(ProtobufFiles&&) noexcept = default;
ProtobufFiles::~ProtobufFiles() = default;

absl::StatusOr<ProtobufFiles> LinkProtobufFiles(std::string_view text,
                                                absl::Span<const SchemaReference> references) {
  // Its log would repeat on standard error what a status says here, for whatever a producer sends.
  static const bool is_quiet = [] { return pb::SetLogHandler(nullptr), true; }();
  static_cast<void>(is_quiet);
  return Linker(references).Link(text);
}

}  // namespace turnout::connectors
