// JsonText: text as a JSON string, for whatever Turnout itself says in JSON.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace turnout::runtime {

// Appends `text` between quotes, escaped as RFC 8259 asks. Bytes that are not UTF-8 become U+FFFD,
// one for each, so that the result is valid whatever came in.
void AppendJsonString(std::string_view text, std::string* out);

std::string JsonString(std::string_view text);

// Whether it would stand there as it is, byte for byte.
bool IsUtf8(std::string_view text);

}  // namespace turnout::runtime
