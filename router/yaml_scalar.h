// YamlScalar: what a plain YAML scalar means in the 1.2 core schema.
//
// Only true, false, null and numbers are typed; `no`, `on`, `12:30`, `0o7x` and dates are strings.
// Numbers are respelled as JSON writes them, so that the pattern language meets one spelling.
#pragma once

#include <string>
#include <string_view>

#include "router/document.h"

namespace turnout::router {

// Sets kind and text of `node` from a plain scalar. Returns an empty string, or what is wrong with
// a scalar that is a number by the schema but has no JSON spelling.
std::string ResolvePlainScalar(std::string_view scalar, Node* node);

}  // namespace turnout::router
