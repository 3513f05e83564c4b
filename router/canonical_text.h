// CanonicalText: a document's tree as JSON without blanks, members sorted by name.
//
// The same text for the same tree, in whichever notation and order it was written, and different
// texts for different trees; duplicate members are kept, in the order written.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "router/document.h"

namespace turnout::router {

std::string CanonicalText(const Node& node);

// The same with members in the order written, a name that is given twice with its last value alone:
// for JSON that is sent on.
std::string JsonText(const Node& node);

// `text` between quotes, escaped as far as JSON wants it.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace turnout::router
