#include "router/event_walk.h"

#include <cstddef>
#include <cstring>

#include "router/bytes.h"
#include "router/event_parser.h"
#include "router/json_string.h"

namespace turnout::router {
namespace {

// Keys longer than this with escapes are decoded on the heap.
constexpr size_t kKeyBufferBytes = 256;

constexpr char kTooDeep[] = "nested deeper than 1000 levels";
constexpr char kNoFieldName[] = "expected a field name in double quotes";
constexpr char kNoColon[] = "expected `:` after a field name";
constexpr char kObjectGoesOn[] = "expected `,` or `}` in an object";
constexpr char kArrayGoesOn[] = "expected `,` or `]` in an array";

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// The first byte from `at` on that is no digit. Eight at a time while `limit` is that far, so that
// neither long decimals nor the length of short ones cost a branch a digit.
const char* SkipDigits(const char* at, const char* limit) {
  while (limit - at >= static_cast<std::ptrdiff_t>(kWordBytes)) {
    // Digits become 0 to 9. Adding 0x76 sets the upper bit of what is more; a carry only reaches
    // bytes behind one that is no digit itself.
    const uint64_t digits = LoadUnaligned<uint64_t>(at) ^ 0x3030303030303030u;
    const uint64_t others = (digits | (digits + 0x7676767676767676u)) & 0x8080808080808080u;
    if (others != 0) return at + __builtin_ctzll(others) / 8;
    at += kWordBytes;
  }
  while (at < limit && IsDigit(*at)) ++at;
  return at;
}

// The end of the JSON number that begins at `at`, or null. Something that belongs to no number
// stands behind every number that is read.
const char* NumberEnd(const char* at, const char* limit) {
  if (*at == '-') ++at;
  const char* const integer = at;
  at = SkipDigits(at, limit);
  if (at == integer || (*integer == '0' && at - integer > 1)) return nullptr;
  if (*at == '.') {
    const char* const fraction = ++at;
    at = SkipDigits(at, limit);
    if (at == fraction) return nullptr;
  }
  if (*at == 'e' || *at == 'E') {
    ++at;
    if (*at == '+' || *at == '-') ++at;
    const char* const exponent = at;
    at = SkipDigits(at, limit);
    if (at == exponent) return nullptr;
  }
  return at;
}

ValueKind KindOf(char first) {
  switch (first) {
    case '"':
      return ValueKind::kString;
    case 't':
      return ValueKind::kTrue;
    case 'f':
      return ValueKind::kFalse;
    case 'n':
      return ValueKind::kNull;
    default:
      return ValueKind::kNumber;
  }
}

}  // namespace

EventWalk::EventWalk(std::string_view text, absl::Span<const uint32_t> structurals,
                     const FieldTrie& trie, GatheredEvent* event)
    : text_(text.data()),
      size_(text.size()),
      first_(structurals.data()),
      trie_(trie),
      event_(event),
      has_escapes_(std::memchr(text.data(), '\\', text.size()) != nullptr) {}

bool EventWalk::Walk() {
  if (CharAt(first_) != '{') {
    Fail("an event must be a JSON object", first_);
  } else {
    end_ = trie_.empty() ? SkipObject(first_, 1) : Object(first_, FieldTrie::kRoot, 1);
  }
  if (end_ == nullptr) return false;
  return !has_escapes_ || CheckEscapes(end_[-1]);
}

bool EventWalk::WalkData(FieldTrie::NodeId node) {
  end_ = Data(node);
  if (end_ == nullptr) return false;
  // A string is all of its own structural character.
  const size_t end = CharAt(first_) == '"' ? StringEnd(*end_) : end_[-1];
  return !has_escapes_ || CheckEscapes(end);
}

EventWalk::At EventWalk::Data(FieldTrie::NodeId node) {
  constexpr int kDepth = 2;
  const bool is_asked = node != FieldTrie::kNoNode;
  const char c = CharAt(first_);
  if (c != '{' && c != '[') {
    return Scalar(first_, is_asked ? trie_.FieldAt(node) : FieldTrie::kNoField);
  }
  if (is_asked) return Container(first_, node, kDepth);
  return c == '{' ? SkipObject(first_, kDepth) : SkipArray(first_, kDepth);
}

// Every backslash of an event whose grammar holds stands in a string.
bool EventWalk::CheckEscapes(size_t end) {
  const size_t bad = FindBadEscape({text_, end});
  if (bad == std::string_view::npos) return true;
  FailAt("unknown escape in a string", bad);
  return false;
}

EventWalk::At EventWalk::FailAt(const char* error, size_t offset) {
  error_ = error;
  error_offset_ = offset;
  return nullptr;
}

EventWalk::At EventWalk::FailValue(At at) {
  return Fail(IsEnd(at) ? "the event ends before its closing brace" : "expected a JSON value", at);
}

// After a container the event may be over where it should go on; nowhere else can the last closing
// brace be passed.
[[gnu::always_inline]] inline EventWalk::At EventWalk::SkipValue(At at, int depth) {
  const char c = CharAt(at);
  if (c == '"') return at + 1;
  if (c != '{' && c != '[') return NumberOrWord(at, c);
  at = c == '{' ? SkipObject(at, depth + 1) : SkipArray(at, depth + 1);
  if (at == nullptr) return nullptr;
  return IsEnd(at) ? Fail(c == '{' ? kObjectGoesOn : kArrayGoesOn, at) : at;
}

[[gnu::always_inline]] inline EventWalk::At EventWalk::NumberOrWord(At at, char first) {
  if (first == '-' || IsDigit(first)) return Number(at);
  switch (first) {
    case 't':
      return Word<4>(at, "true");
    case 'f':
      return Word<5>(at, "false");
    case 'n':
      return Word<4>(at, "null");
    default:
      return FailValue(at);
  }
}

inline EventWalk::At EventWalk::Number(At at) {
  const char* const end = NumberEnd(text_ + *at, text_ + size_);
  if (end == nullptr) return Fail("malformed number", at);
  return ScalarEnd(at, static_cast<size_t>(end - text_));
}

template <size_t kLength>
EventWalk::At EventWalk::Word(At at, const char* word) {
  if (size_ - *at < kLength || std::memcmp(text_ + *at, word, kLength) != 0) {
    return Fail("expected a JSON value", at);
  }
  return ScalarEnd(at, *at + kLength);
}

inline EventWalk::At EventWalk::ScalarEnd(At at, size_t end) {
  ++at;
  if (end == *at || IsSpace(text_[end])) return at;
  return FailAt("unexpected text after a value", end);
}

EventWalk::At EventWalk::SkipObject(At at, int depth) {
  if (depth > kEventDepthMax) return Fail(kTooDeep, at);
  ++at;
  if (CharAt(at) == '}') return at + 1;
  while (true) {
    if (CharAt(at) != '"') return Fail(kNoFieldName, at);
    if (CharAt(at + 1) != ':') return Fail(kNoColon, at + 1);
    at = SkipValue(at + 2, depth);
    if (at == nullptr) return nullptr;
    const char c = CharAt(at);
    ++at;
    if (c == ',') continue;
    if (c == '}') return at;
    return Fail(kObjectGoesOn, at - 1);
  }
}

EventWalk::At EventWalk::SkipArray(At at, int depth) {
  if (depth > kEventDepthMax) return Fail(kTooDeep, at);
  ++at;
  if (CharAt(at) == ']') return at + 1;
  while (true) {
    at = SkipValue(at, depth);
    if (at == nullptr) return nullptr;
    const char c = CharAt(at);
    ++at;
    if (c == ',') continue;
    if (c == ']') return at;
    return Fail(kArrayGoesOn, at - 1);
  }
}

EventWalk::At EventWalk::Object(At at, FieldTrie::NodeId node, int depth) {
  if (depth > kEventDepthMax) return Fail(kTooDeep, at);
  ++at;
  if (CharAt(at) == '}') return at + 1;
  while (true) {
    if (CharAt(at) != '"') return Fail(kNoFieldName, at);
    if (CharAt(at + 1) != ':') return Fail(kNoColon, at + 1);
    const FieldTrie::NodeId child = Follow(node, at);
    at += 2;
    at = child == FieldTrie::kNoNode ? SkipValue(at, depth) : Value(at, child, depth);
    if (at == nullptr) return nullptr;
    const char c = CharAt(at);
    ++at;
    if (c == ',') continue;
    if (c == '}') return at;
    return Fail(kObjectGoesOn, at - 1);
  }
}

// `key` is the index of a field name's opening quote, the one after it that of the colon.
FieldTrie::NodeId EventWalk::Follow(FieldTrie::NodeId node, At key) const {
  const size_t begin = key[0] + 1;
  const std::string_view name(text_ + begin, StringEnd(key[1]) - begin);
  if (!has_escapes_ || name.find('\\') == std::string_view::npos) {
    return trie_.Find(node, name, text_ + size_);
  }
  if (name.size() > kKeyBufferBytes) {
    const std::string decoded = DecodedJsonString(name);
    return trie_.Find(node, decoded, decoded.data() + decoded.size());
  }
  if (FindBadEscape(name) != std::string_view::npos) return FieldTrie::kNoNode;
  char buffer[kKeyBufferBytes];
  return trie_.Find(node, {buffer, DecodeJsonString(name, buffer)}, buffer + kKeyBufferBytes);
}

// The first stage has found the closing quote; between it and the next index is white space.
size_t EventWalk::StringEnd(size_t next) const {
  size_t end = next - 1;
  while (text_[end] != '"') --end;
  return end;
}

EventWalk::At EventWalk::Value(At at, FieldTrie::NodeId node, int depth) {
  const char c = CharAt(at);
  if (c != '{' && c != '[') return Scalar(at, trie_.FieldAt(node));
  at = Container(at, node, depth + 1);
  if (at == nullptr) return nullptr;
  return IsEnd(at) ? Fail(c == '{' ? kObjectGoesOn : kArrayGoesOn, at) : at;
}

EventWalk::At EventWalk::Container(At at, FieldTrie::NodeId node, int depth) {
  if (CharAt(at) == '[') return Array(at, node, depth);
  // Objects hold nothing for a node without children.
  return trie_.HasChildren(node) ? Object(at, node, depth) : SkipObject(at, depth);
}

EventWalk::At EventWalk::Array(At at, FieldTrie::NodeId node, int depth) {
  if (depth > kEventDepthMax) return Fail(kTooDeep, at);
  const auto array = static_cast<uint32_t>(event_->array_leaves_end.size());
  event_->array_leaves_end.push_back(0);
  event_->array_scalars.push_back(FieldTrie::kNoField);
  ++at;
  at = CharAt(at) == ']' ? at + 1 : ArrayElements(at, node, array, depth);
  event_->array_leaves_end[array] = static_cast<uint32_t>(event_->leaves.size());
  return at;
}

EventWalk::At EventWalk::ArrayElements(At at, FieldTrie::NodeId node, uint32_t array, int depth) {
  while (true) {
    const char first = CharAt(at);
    if (first == '{' || first == '[') {
      at = ScopedElement(at, node, array, depth);
    } else {
      const FieldId field = trie_.FieldAt(node);
      at = Scalar(at, field);
      event_->array_scalars[array] = field;
    }
    if (at == nullptr) return nullptr;
    const char c = CharAt(at);
    ++at;
    if (c == ',') continue;
    if (c == ']') return at;
    return Fail(kArrayGoesOn, at - 1);
  }
}

// Scalars belong to the scope around their array; objects and arrays open one of their own, which
// is taken back when nothing was found in it.
EventWalk::At EventWalk::ScopedElement(At at, FieldTrie::NodeId node, uint32_t array, int depth) {
  const uint32_t outer = scope_;
  const auto leaves_begin = static_cast<uint32_t>(event_->leaves.size());
  scope_ = static_cast<uint32_t>(event_->scopes.size());
  event_->scopes.push_back({outer, array, leaves_begin, leaves_begin});
  const bool is_array = CharAt(at) == '[';
  at = Container(at, node, depth + 1);
  if (event_->leaves.size() == leaves_begin) {
    event_->scopes.resize(scope_);
  } else {
    event_->scopes[scope_].leaves_end = static_cast<uint32_t>(event_->leaves.size());
  }
  scope_ = outer;
  if (at == nullptr) return nullptr;
  return IsEnd(at) ? Fail(is_array ? kArrayGoesOn : kObjectGoesOn, at) : at;
}

EventWalk::At EventWalk::Scalar(At at, FieldId field) {
  const size_t begin = *at;
  const char first = text_[begin];
  const At next = first == '"' ? at + 1 : NumberOrWord(at, first);
  if (next == nullptr || field == FieldTrie::kNoField) return next;
  Leaf leaf;
  leaf.scope = scope_;
  leaf.kind = KindOf(first);
  if (leaf.kind == ValueKind::kString) {
    leaf.text = {text_ + begin + 1, StringEnd(*next) - begin - 1};
    leaf.escaped = has_escapes_ && leaf.text.find('\\') != std::string_view::npos;
  } else {
    size_t end = *next;
    while (IsSpace(text_[end - 1])) --end;
    leaf.text = {text_ + begin, end - begin};
  }
  event_->Add(field, leaf);
  return next;
}

}  // namespace turnout::router
