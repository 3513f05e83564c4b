// JsonTree: an event's JSON as a tree, read the plain way: one function a rule of RFC 8259, byte
// by byte.
//
// The oracle's own reader; it shares nothing with router/event_parser.h and accepts what that
// header documents. Members keep their order and their duplicates.
//
// Errors: null with what is wrong and at which byte.
// Threads: pure functions; a JsonTree is an ordinary value.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace turnout::support {

struct JsonMember;

struct JsonTree {
  enum class Kind { kNull, kTrue, kFalse, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  std::string text;  // kString: the content, decoded; kNumber: the spelling
  std::vector<JsonTree> items;
  std::vector<JsonMember> members;
};

struct JsonMember {
  std::string name;
  JsonTree value;
};

// Objects and arrays inside of each other, the outermost counted.
inline constexpr int kJsonTreeDepthMax = 1000;

// The object that `text` begins with; what follows its closing brace is not looked at. A lone
// surrogate escape decodes to the three bytes that UTF-8 would give it, were it a character.
std::unique_ptr<JsonTree> ReadJsonObject(std::string_view text, std::string* error);

// `text` between quotes, escaped as far as JSON wants it; bytes that are no UTF-8 stay as they are.
std::string QuotedJson(std::string_view text);

}  // namespace turnout::support
