// PageTexts: the page's files as they are compiled in, by CMake (page_texts.cc.in).
//
// Threads: any.
#pragma once

#include <string_view>
#include <utility>

#include "absl/types/span.h"

namespace turnout::manager {

// Name and a piece of the content; the pieces of a file stand one after the other.
absl::Span<const std::pair<std::string_view, std::string_view>> PageTexts();

}  // namespace turnout::manager
