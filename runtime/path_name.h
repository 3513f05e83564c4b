// PathName: any text as a part of a path, or of an object's name.
//
// Threads: a pure function.
#pragma once

#include <string>
#include <string_view>

namespace turnout::runtime {

// A group may have any name; an object or a directory may not. Letters that are not plain become
// `_XX`, in hexadecimal.
std::string PathName(std::string_view name);

}  // namespace turnout::runtime
