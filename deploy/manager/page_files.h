// PageFiles: the config manager's web page: the files in page/dist/, compiled in.
//
// They hold nothing that is anybody's, so they are given without a token; what they show they ask
// the API for. A browser asks each time whether its copy is still the one, and is mostly told so.
//
// Threads: any.
#pragma once

#include <optional>
#include <string_view>

#include "deploy/manager/http_answer.h"
#include "runtime/http_request.h"

namespace turnout::manager {

// The answer to a GET or HEAD of one of the page's files; nullopt: the path is none of theirs.
std::optional<HttpAnswer> PageAnswer(const runtime::HttpRequest& request);

}  // namespace turnout::manager
