// NodeChecks: what readers of objects in a rule ask of each of them.
//
// Errors: Problems without a subject are appended; false then, where something is answered.
// Threads: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "router/document.h"

namespace turnout::router {

// Whether the node, the value of `name`, is an object that holds something; `example` is one.
bool CheckObject(const Node& node, std::string_view name, std::string_view example,
                 std::vector<Problem>* problems);

// Every key given once, and one of `known`; where that is empty, any will do.
void CheckKeys(const Node& object, absl::Span<const std::string_view> known,
               std::vector<Problem>* problems);

// Whether `path`, found at `of`, is the path of a payload's field.
bool CheckPath(Position at, std::string_view path, std::string_view of,
               std::vector<Problem>* problems);

}  // namespace turnout::router
