// HttpAnswer: what a request is answered with, and what a request's query asks.
//
// Every answer has the headers that keep browsers from doing anything with it that was not meant:
// a policy that takes nothing from elsewhere, no frame, no guessing of types, no cache.
//
// Errors: as JSON, {"error": "..."}, with whatever else tells what is wrong.
// Threads: ordinary values, pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace turnout::manager {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

HttpAnswer JsonAnswer(int status, std::string json);
HttpAnswer ErrorAnswer(int status, std::string_view what);
// InvalidArgument 400, NotFound 404, Aborted 409, ResourceExhausted 507, Unavailable 503, else 500.
HttpAnswer ErrorAnswer(const absl::Status& status);
std::string MessageOf(const absl::Status& status);

// All bytes of it.
std::string BytesOf(const HttpAnswer& answer);

// `a=1&b=two%20words` by name; a name alone has an empty value. InvalidArgument for a name that
// `known` doesn't have, unless it is to be passed over, one that is given twice, or what can't be
// read.
using Query = std::map<std::string, std::string, std::less<>>;
absl::StatusOr<Query> ReadQuery(std::string_view text, const std::vector<std::string_view>& known,
                                bool passes_over_others = false);

}  // namespace turnout::manager
