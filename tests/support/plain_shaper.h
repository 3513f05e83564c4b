// PlainShaper: what a `shape` makes of an event, the plain way: one pass over the whole tree for
// each of keep, drop, rename, set and flatten, paths compared as texts.
//
// The oracle of router/event_shaper.h, with which it shares nothing; it reads the shape as it is
// written in JSON and expects one that the router accepts. Its answer is a tree: that untouched
// bytes stay as they are is for other tests.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>

#include "tests/support/json_tree.h"

namespace turnout::support {

// Nullopt where the event lacks what the shape needs.
std::optional<JsonTree> PlainShape(const JsonTree& shape, const JsonTree& event);

// A text that tells trees apart: order, duplicates and spellings included.
std::string ShownTree(const JsonTree& tree);

}  // namespace turnout::support
