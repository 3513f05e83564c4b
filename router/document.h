// Document: what a person wrote in YAML or JSON, as a tree that remembers where each piece stood.
//
// Rule files and the pipeline's config are read into this one form, so that every error can name a
// line and a column and every later stage is indifferent to the notation. Scalars keep the text as
// written: a number's spelling matters to the pattern language (300, 300.0 and 3e2 are equal, but
// 9007199254740993 is not a double), and duplicate keys are kept for the reader to judge.
//
// Errors: parse functions append Problems and return nullopt; they never throw.
// Threads: pure functions; a Node is an ordinary value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace turnout::router {

// A place in a text; both count from 1, columns in bytes. Line 0 means "the text as a whole".
struct Position {
  int line = 0;
  int column = 0;
};

// One thing wrong with what a person wrote: where, what, and what to do about it.
struct Problem {
  Position at;
  std::string subject;  // "team/rule", "team", or empty when the file itself is meant
  std::string what;     // what is wrong, naming the field
  std::string cure;     // what to do; never empty
};

struct Member;

struct Node {
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  Position at;
  // kString: the content, unescaped. kNumber: the spelling as written. kBool: "true" or "false".
  std::string text;
  std::vector<Node> items;      // kArray
  std::vector<Member> members;  // kObject, in the order written, duplicates kept

  // The last member of that name, or null when there is none.
  const Node* Find(std::string_view name) const;
};

struct Member {
  std::string name;
  Position at;
  Node value;
};

// Deepest nesting accepted by both parsers.
inline constexpr int kDocumentDepthMax = 1000;

// One JSON text (RFC 8259), nothing after it but white space.
std::optional<Node> ParseJson(std::string_view text, std::vector<Problem>* problems);

// As ParseJson, but whatever follows the value is left alone, as event-ruler does it. Only the
// conformance cases want this.
std::optional<Node> ParseJsonPrefix(std::string_view text, std::vector<Problem>* problems);

// One YAML document by the 1.2 core schema: plain `no`, `on` and `0o7x` are strings, quoted scalars
// are strings always. Numbers are respelled as JSON writes them (+5 is 5, 0x1F is 31). Anchors are
// resolved within a bound on the size of the result; merge keys, tags of one's own and further
// documents are refused. An empty document is null.
std::optional<Node> ParseYaml(std::string_view text, std::vector<Problem>* problems);

// "object", "array", "string", "number", "boolean", "null": for messages.
std::string_view KindName(Node::Kind kind);

}  // namespace turnout::router
