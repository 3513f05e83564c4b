// ConfigNames: the dotted keys of a config as a tree, and the key that a wrong one was meant to be.
//
// Threads: pure functions. Views are into the table, or into what was asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace turnout::runtime {

// Whether `key` is the common beginning of several fields.
bool IsSection(std::string_view key);

// The section of a key with its dot; empty at the top.
std::string_view SectionOf(std::string_view key);

// Names that may stand where `key` stands: its siblings, each once.
std::vector<std::string_view> NamesBeside(std::string_view key);

// The full key that a misspelt or misplaced one was probably meant to be; empty when none is near.
std::string NearestKey(std::string_view key);

}  // namespace turnout::runtime
