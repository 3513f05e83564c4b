// OptionNodes: members of the manager's config, each of its type, unknown ones refused.
//
// Errors: InvalidArgument with the file, the line and the column, what is wrong and the cure.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "router/document.h"

namespace turnout::manager {

using TextKeys = std::map<std::string_view, std::string*>;

absl::Status OptionFault(const std::string& file, const router::Position& at,
                         const std::string& what);

// The texts of an object; what is in `others` is somebody else's to read.
absl::Status ReadTexts(const std::string& file, const router::Node& node, const TextKeys& keys,
                       const std::vector<std::string_view>& others = {});

absl::Status CheckKind(const std::string& file, const router::Node& node, router::Node::Kind kind,
                       const char* wanted);

// Its number, or its flag, of that name, if it has one.
absl::Status ReadNumber(const std::string& file, const router::Node& node, std::string_view name,
                        int64_t min, int64_t max, int64_t* number);
absl::Status ReadFlag(const std::string& file, const router::Node& node, std::string_view name,
                      bool* flag);

}  // namespace turnout::manager
