// CanonicalText: a document's tree as JSON without blanks, members sorted by name.
//
// The same text for the same tree, in whichever notation and order it was written, and different
// texts for different trees; duplicate members are kept, in the order written.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "router/document.h"

namespace turnout::router {

std::string CanonicalText(const Node& node);

}  // namespace turnout::router
