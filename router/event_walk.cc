#include "router/event_walk.h"

#include <cstring>

#include "router/event_parser.h"
#include "router/json_string.h"

namespace turnout::router {
namespace {

// Keys longer than this with escapes are decoded on the heap.
constexpr size_t kKeyBufferBytes = 256;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The end of the JSON number that begins at `at`, or npos.
size_t NumberEnd(std::string_view text, size_t at) {
  const size_t size = text.size();
  const auto digits = [&] {
    const size_t begin = at;
    while (at < size && IsDigit(text[at])) ++at;
    return at > begin;
  };
  if (text[at] == '-') ++at;
  const size_t integer = at;
  if (!digits() || (text[integer] == '0' && at - integer > 1)) return std::string_view::npos;
  if (at < size && text[at] == '.') {
    ++at;
    if (!digits()) return std::string_view::npos;
  }
  if (at < size && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < size && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) return std::string_view::npos;
  }
  return at;
}

}  // namespace

EventWalk::EventWalk(std::string_view text, absl::Span<const uint32_t> structurals,
                     const FieldTrie& trie, GatheredEvent* event)
    : text_(text), next_(structurals.data()), trie_(trie), event_(event) {
  next_backslash_ = FindBackslash(0);
}

bool EventWalk::Walk() {
  if (Peek() != '{') return Fail("an event must be a JSON object");
  return Object(trie_.empty() ? kSkip : FieldTrie::kRoot, 1);
}

bool EventWalk::FailAt(const char* error, size_t offset) {
  error_ = error;
  error_offset_ = offset;
  return false;
}

size_t EventWalk::FindBackslash(size_t from) const {
  if (from >= text_.size()) return text_.size();
  const void* found = std::memchr(text_.data() + from, '\\', text_.size() - from);
  return found == nullptr ? text_.size()
                          : static_cast<size_t>(static_cast<const char*>(found) - text_.data());
}

bool EventWalk::Object(FieldTrie::NodeId node, int depth) {
  if (depth > kEventDepthMax) return Fail("nested deeper than 1000 levels");
  ++next_;
  if (Peek() == '}') {
    ++next_;
    return true;
  }
  while (true) {
    if (!Member(node, depth)) return false;
    const char c = Peek();
    if (c != ',' && c != '}') return Fail("expected `,` or `}` in an object");
    ++next_;
    if (c == '}') return true;
  }
}

bool EventWalk::Member(FieldTrie::NodeId node, int depth) {
  if (Peek() != '"') return Fail("expected a field name in double quotes");
  Leaf key;
  if (!String(&key)) return false;
  if (Peek() != ':') return Fail("expected `:` after a field name");
  ++next_;
  return Value(node == kSkip ? kSkip : Follow(node, key), depth);
}

FieldTrie::NodeId EventWalk::Follow(FieldTrie::NodeId node, const Leaf& key) const {
  if (!key.escaped) return trie_.Find(node, key.text);
  if (key.text.size() > kKeyBufferBytes) return trie_.Find(node, DecodedJsonString(key.text));
  char buffer[kKeyBufferBytes];
  return trie_.Find(node, {buffer, DecodeJsonString(key.text, buffer)});
}

bool EventWalk::Value(FieldTrie::NodeId node, int depth) {
  const char c = Peek();
  if (c == '{' || c == '[') return Container(node, depth);
  Leaf leaf;
  if (!Scalar(&leaf)) return false;
  if (node != kSkip && trie_.FieldAt(node) != FieldTrie::kNoField) {
    leaf.scope = scope_;
    event_->Add(trie_.FieldAt(node), leaf);
  }
  return true;
}

bool EventWalk::Container(FieldTrie::NodeId node, int depth) {
  if (Peek() == '[') return Array(node, depth + 1);
  // Objects hold nothing for a node without children.
  return Object(node != kSkip && trie_.HasChildren(node) ? node : kSkip, depth + 1);
}

bool EventWalk::Array(FieldTrie::NodeId node, int depth) {
  if (depth > kEventDepthMax) return Fail("nested deeper than 1000 levels");
  const auto array = static_cast<uint32_t>(event_->array_leaves_end.size());
  if (node != kSkip) event_->array_leaves_end.push_back(0);
  ++next_;
  bool open = Peek() != ']';
  if (!open) ++next_;
  while (open) {
    if (!Element(node, array, depth)) return false;
    const char c = Peek();
    if (c != ',' && c != ']') return Fail("expected `,` or `]` in an array");
    ++next_;
    open = c == ',';
  }
  if (node != kSkip) {
    event_->array_leaves_end[array] = static_cast<uint32_t>(event_->leaves.size());
  }
  return true;
}

// Scalars belong to the scope around their array; objects and arrays open one of their own, which
// is taken back when nothing was found in it.
bool EventWalk::Element(FieldTrie::NodeId node, uint32_t array, int depth) {
  const char c = Peek();
  if (node == kSkip || (c != '{' && c != '[')) return Value(node, depth);
  const uint32_t outer = scope_;
  const auto leaves_begin = static_cast<uint32_t>(event_->leaves.size());
  scope_ = static_cast<uint32_t>(event_->scopes.size());
  event_->scopes.push_back({outer, array, leaves_begin, leaves_begin});
  const bool valid = Container(node, depth);
  if (event_->leaves.size() == leaves_begin) {
    event_->scopes.resize(scope_);
  } else {
    event_->scopes[scope_].leaves_end = static_cast<uint32_t>(event_->leaves.size());
  }
  scope_ = outer;
  return valid;
}

bool EventWalk::Scalar(Leaf* leaf) {
  switch (Peek()) {
    case '"':
      return String(leaf);
    case 't':
      return Literal("true", ValueKind::kTrue, leaf);
    case 'f':
      return Literal("false", ValueKind::kFalse, leaf);
    case 'n':
      return Literal("null", ValueKind::kNull, leaf);
    default:
      if (Peek() == '-' || IsDigit(Peek())) return Number(leaf);
      return Fail(Offset() == text_.size() ? "the event ends before its closing brace"
                                           : "expected a JSON value");
  }
}

bool EventWalk::String(Leaf* leaf) {
  const size_t begin = *next_ + 1;
  size_t end = *++next_;
  // The first stage has found the closing quote; between it and the next index is white space.
  while (IsSpace(text_[end - 1])) --end;
  --end;
  leaf->kind = ValueKind::kString;
  leaf->text = text_.substr(begin, end - begin);
  if (next_backslash_ < end) {
    leaf->escaped = true;
    const size_t bad = FindBadEscape(leaf->text);
    if (bad != std::string_view::npos) return FailAt("unknown escape in a string", begin + bad);
    next_backslash_ = FindBackslash(end);
  }
  return true;
}

bool EventWalk::Number(Leaf* leaf) {
  const size_t begin = *next_;
  const size_t end = NumberEnd(text_, begin);
  if (end == std::string_view::npos) return Fail("malformed number");
  leaf->kind = ValueKind::kNumber;
  leaf->text = text_.substr(begin, end - begin);
  return ScalarEnd(end);
}

bool EventWalk::Literal(std::string_view word, ValueKind kind, Leaf* leaf) {
  if (text_.compare(*next_, word.size(), word) != 0) return Fail("expected a JSON value");
  leaf->kind = kind;
  return ScalarEnd(*next_ + word.size());
}

bool EventWalk::ScalarEnd(size_t end) {
  ++next_;
  if (end == *next_ || IsSpace(text_[end])) return true;
  return FailAt("unexpected text after a value", end);
}

}  // namespace turnout::router
