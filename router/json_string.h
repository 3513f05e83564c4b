// JsonString: the content of a JSON string, between its quotes, and UTF-8.
//
// Escapes are checked apart from being decoded: an event's strings are all checked, but only those
// that a pattern looks at are decoded. A lone surrogate escape (`\ud83d` without its other half) is
// accepted and decodes to the three bytes that UTF-8 would give it, were it a character: it equals
// itself and nothing else.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace turnout::router {

// Offset of the first backslash that begins no valid escape, or npos when all are valid. `content`
// holds what stands between the quotes.
size_t FindBadEscape(std::string_view content);

// Decodes content whose escapes are valid into `out`, which has room for content.size() bytes; a
// decoded string is never longer than the written one. Returns the decoded length.
size_t DecodeJsonString(std::string_view content, char* out);

// The same into a string of its own.
std::string DecodedJsonString(std::string_view content);

// Offset of the first byte that is not part of well-formed UTF-8, or npos.
size_t FindBadUtf8(std::string_view text);

// Writes one code point as UTF-8; returns its length, 1 to 4.
size_t EncodeUtf8(uint32_t code_point, char* out);

// Reads the code point that starts at `text[*at]` and steps over it; the text is valid UTF-8.
uint32_t DecodeUtf8(std::string_view text, size_t* at);

}  // namespace turnout::router
