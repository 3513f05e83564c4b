// RuleDocument: what a config manager answers with, taken apart into rule files.
//
// Format: a JSON object with the one member `files`, each of whose members is a file's name and
// its text: {"files": {"fraud.yaml": "team: fraud\n...", "shop.jsonl": "..."}}. Teams' tests
// (fraud.test.yaml) are passed over. Whatever else there is, is the text of a single rule file,
// which the URL names.
//
// Errors: InvalidArgument, naming the member at fault.
// Threads: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace turnout::runtime {

// Texts by the names of their files; never empty.
using RuleTextsByName = std::map<std::string, std::string>;

// `url` is where it came from.
absl::StatusOr<RuleTextsByName> ReadRuleDocument(std::string_view url, std::string body);

// Without query and fragment, which may hold what is nobody's business.
std::string PlainUrl(std::string_view url);

}  // namespace turnout::runtime
