// OpenApi: the document that describes the API, openapi.yaml, as it is compiled in.
//
// Lifetime: a literal.
#pragma once

#include <string_view>

namespace turnout::manager {

std::string_view OpenApiDocument();

}  // namespace turnout::manager
