#include "deploy/manager/manager_options.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "router/document.h"
#include "router/suggest.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr size_t kConfigBytesMax = 1u << 20;

using Keys = std::map<std::string_view, std::string*>;

absl::Status Problem(const std::string& file, const router::Position& at, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s:%d:%d: %s", file, at.line, at.column, what));
}

absl::Status ReadTexts(const std::string& file, const router::Node& node, const Keys& keys,
                       const router::Node** tls) {
  std::vector<std::string_view> known;
  for (const auto& [name, value] : keys) known.push_back(name);
  if (tls != nullptr) known.push_back("tls");
  for (const router::Member& member : node.members) {
    if (tls != nullptr && member.name == "tls" &&
        member.value.kind == router::Node::Kind::kObject) {
      *tls = &member.value;
      continue;
    }
    const auto found = keys.find(member.name);
    if (found == keys.end()) {
      return Problem(file, member.at,
                     absl::StrFormat("unknown key %s: %s", router::Quoted(member.name),
                                     router::NearestNameCure(member.name, known)));
    }
    if (member.value.kind != router::Node::Kind::kString) {
      return Problem(file, member.value.at, absl::StrFormat("`%s` is to be a text", member.name));
    }
    *found->second = member.value.text;
  }
  return absl::OkStatus();
}

absl::Status ReadConfig(const std::string& file, ManagerOptions* options) {
  const absl::StatusOr<std::string> text = state::ReadFile(file, kConfigBytesMax);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  std::vector<router::Problem> problems;
  const std::optional<router::Node> node = router::ParseYaml(*text, &problems);
  if (!node) {
    return Problem(file, problems[0].at, problems[0].what + " (" + problems[0].cure + ")");
  }
  if (node->kind != router::Node::Kind::kObject) {
    return Problem(file, node->at, "the config is to be an object of keys and values");
  }
  const router::Node* tls = nullptr;
  absl::Status read = ReadTexts(file, *node,
                                {{"data", &options->data},
                                 {"listen", &options->listen},
                                 {"tokens", &options->tokens},
                                 {"master_keys", &options->master_keys},
                                 {"pipeline", &options->pipeline}},
                                &tls);
  if (!read.ok() || tls == nullptr) return read;
  return ReadTexts(file, *tls, {{"certificate", &options->certificate}, {"key", &options->key}},
                   nullptr);
}

}  // namespace

absl::StatusOr<ManagerOptions> LoadManagerOptions(const std::string& config_file,
                                                  const ManagerOptions& given) {
  ManagerOptions options;
  if (!config_file.empty()) {
    if (absl::Status read = ReadConfig(config_file, &options); !read.ok()) return read;
  }
  for (std::string ManagerOptions::*const one :
       {&ManagerOptions::data, &ManagerOptions::listen, &ManagerOptions::tokens,
        &ManagerOptions::master_keys}) {
    if (!(given.*one).empty()) options.*one = given.*one;
  }
  if (options.data.empty()) {
    return absl::InvalidArgumentError(
        "say where the manager keeps its data: --data DIR, or `data`");
  }
  if (options.tokens.empty()) {
    return absl::InvalidArgumentError(
        "say who may come in: --tokens FILE, or `tokens`; deploy/manager/README.md shows one");
  }
  if (options.certificate.empty() != options.key.empty()) {
    return absl::InvalidArgumentError("`tls` takes `certificate` and `key` together");
  }
  return options;
}

}  // namespace turnout::manager
