#include "runtime/rule_document.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::json;

// Of a name that ends in nothing of a rule file's.
constexpr std::string_view kDefaultName = "rules.yaml";

absl::Status Unusable(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "its document %s (it must be {\"files\": {NAME: TEXT, ...}}, or one rule file)", what));
}

std::string NameOf(std::string_view url) {
  const std::string plain = PlainUrl(url);
  return plain.substr(plain.rfind('/') + 1);
}

absl::StatusOr<RuleTextsByName> OneFile(std::string name, std::string text) {
  if (IsRuleTestName(name)) return Unusable("is a file of test cases, not of rules");
  if (!IsRuleFileName(name)) name = kDefaultName;
  return RuleTextsByName{{std::move(name), std::move(text)}};
}

}  // namespace

std::string PlainUrl(std::string_view url) {
  return std::string(url.substr(0, url.find_first_of("?#")));
}

absl::StatusOr<RuleTextsByName> ReadRuleDocument(std::string_view url, std::string body) {
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) return Unusable("is empty");
  Json document = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("files")) {
    return OneFile(NameOf(url), std::move(body));
  }
  Json& files = document["files"];
  if (!files.is_object()) return Unusable("has `files` that is no object");
  if (document.size() > 1) return Unusable("has members beside `files`");
  if (files.size() > kRuleFilesMax) {
    return Unusable(absl::StrFormat("has more than %d files", kRuleFilesMax));
  }
  RuleTextsByName texts;
  for (auto& [name, text] : files.items()) {
    const bool is_plain = name.find('/') == std::string::npos;
    if (is_plain && IsRuleTestName(name)) continue;
    if (!is_plain || !IsRuleFileName(name)) {
      return Unusable(absl::StrFormat(
          "has a file `%s`, whose name does not end in .yaml, .yml, .json or .jsonl", name));
    }
    if (!text.is_string())
      return Unusable(absl::StrFormat("has a file `%s` that is no text", name));
    texts.emplace(name, std::move(text.get_ref<std::string&>()));
  }
  if (texts.empty()) return Unusable("has no rule file");
  return texts;
}

}  // namespace turnout::runtime
