// ParseJson: a person's JSON text into a Node tree with positions.
//
// A plain recursive descent over the bytes: documents are read once, at start or when a rule file
// changes, so that clear errors with line and column count for more than speed here.
#include <cstring>

#include "absl/strings/str_cat.h"
#include "router/document.h"
#include "router/json_string.h"

namespace turnout::router {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class JsonReader {
 public:
  JsonReader(std::string_view text, std::vector<Problem>* problems)
      : text_(text), problems_(problems) {
    if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) at_ = kByteOrderMark.size();
    line_start_ = at_;
  }

  std::optional<Node> Read() {
    Node root;
    SkipSpace();
    if (!ReadValue(&root, 0)) return std::nullopt;
    return root;
  }

  bool ReadEnd() {
    SkipSpace();
    if (AtEnd()) return true;
    return Fail("there is text after the end of the JSON value",
                "remove it; one file holds one JSON value");
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  Position Here() const { return {line_, static_cast<int>(at_ - line_start_) + 1}; }

  bool FailAt(Position where, std::string what, std::string cure) {
    problems_->push_back({where, "", std::move(what), std::move(cure)});
    return false;
  }
  bool Fail(std::string what, std::string cure) {
    return FailAt(Here(), std::move(what), std::move(cure));
  }

  // What stands at the current place, for a message.
  std::string Found() const {
    if (AtEnd()) return "the end of the text";
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte < 0x20 || byte > 0x7E) {
      return absl::StrCat("byte 0x", absl::Hex(byte, absl::kZeroPad2));
    }
    return std::string("`") + text_[at_] + "`";
  }

  void SkipSpace() {
    for (; !AtEnd(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  bool ReadValue(Node* node, int depth) {
    node->at = Here();
    switch (Peek()) {
      case '{':
        return ReadObject(node, depth + 1);
      case '[':
        return ReadArray(node, depth + 1);
      case '"':
        node->kind = Node::Kind::kString;
        return ReadString(&node->text);
      case 't':
        return ReadWord("true", Node::Kind::kBool, node);
      case 'f':
        return ReadWord("false", Node::Kind::kBool, node);
      case 'n':
        return ReadWord("null", Node::Kind::kNull, node);
      default:
        if (Peek() == '-' || IsDigit(Peek())) return ReadNumber(node);
        return Fail("expected a JSON value, found " + Found(),
                    "write an object, an array, a string in double quotes, a number, true, false "
                    "or null");
    }
  }

  bool EnterDepth(int depth) {
    if (depth <= kDocumentDepthMax) return true;
    return Fail(absl::StrCat("nested deeper than ", kDocumentDepthMax, " levels"),
                "flatten the document");
  }

  bool ReadObject(Node* node, int depth) {
    if (!EnterDepth(depth)) return false;
    node->kind = Node::Kind::kObject;
    ++at_;
    SkipSpace();
    if (Peek() == '}') return ++at_, true;
    while (true) {
      if (Peek() != '"') {
        return Fail("expected a field name in double quotes, found " + Found(),
                    "write \"name\": value");
      }
      Member& member = node->members.emplace_back();
      member.at = Here();
      if (!ReadString(&member.name)) return false;
      SkipSpace();
      if (Peek() != ':') {
        return Fail("expected `:` after a field name, found " + Found(), "write \"name\": value");
      }
      ++at_;
      SkipSpace();
      if (!ReadValue(&member.value, depth)) return false;
      SkipSpace();
      if (Peek() == '}') return ++at_, true;
      if (!ReadComma("object", '}')) return false;
    }
  }

  bool ReadArray(Node* node, int depth) {
    if (!EnterDepth(depth)) return false;
    node->kind = Node::Kind::kArray;
    ++at_;
    SkipSpace();
    if (Peek() == ']') return ++at_, true;
    while (true) {
      if (!ReadValue(&node->items.emplace_back(), depth)) return false;
      SkipSpace();
      if (Peek() == ']') return ++at_, true;
      if (!ReadComma("array", ']')) return false;
    }
  }

  bool ReadComma(const char* container, char close) {
    if (Peek() != ',') {
      return Fail(absl::StrCat("expected `,` or `", std::string(1, close), "` in an ", container,
                               ", found ", Found()),
                  "separate entries with commas and close every bracket");
    }
    ++at_;
    SkipSpace();
    return true;
  }

  bool ReadString(std::string* out) {
    const size_t begin = at_ + 1;
    const Position open = Here();
    for (++at_; !AtEnd() && text_[at_] != '"'; ++at_) {
      if (static_cast<unsigned char>(text_[at_]) < 0x20) {
        return Fail("a string holds a raw control character or line break",
                    "write it as an escape, such as \\n");
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
    }
    if (AtEnd()) return FailAt(open, "this string has no closing quote", "close it with \"");
    const std::string_view content = text_.substr(begin, at_ - begin);
    const size_t bad_escape = FindBadEscape(content);
    if (bad_escape != std::string_view::npos) {
      at_ = begin + bad_escape;
      return Fail("a string holds an unknown escape",
                  "use \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u with four hex digits; a backslash "
                  "itself is written \\\\");
    }
    const size_t bad_utf8 = FindBadUtf8(content);
    if (bad_utf8 != std::string_view::npos) {
      at_ = begin + bad_utf8;
      return Fail("a string is not valid UTF-8", "save the text as UTF-8");
    }
    ++at_;
    *out = DecodedJsonString(content);
    return true;
  }

  bool ReadWord(std::string_view word, Node::Kind kind, Node* node) {
    if (text_.substr(at_, word.size()) != word) {
      return Fail("expected a JSON value, found an unknown word",
                  "put text in double quotes; the bare words are true, false and null");
    }
    at_ += word.size();
    node->kind = kind;
    if (kind == Node::Kind::kBool) node->text = word;
    return true;
  }

  bool ReadDigits() {
    const size_t begin = at_;
    while (IsDigit(Peek())) ++at_;
    return at_ > begin;
  }

  bool ReadNumber(Node* node) {
    const size_t begin = at_;
    if (Peek() == '-') ++at_;
    const size_t integer = at_;
    bool valid = ReadDigits() && (text_[integer] != '0' || at_ - integer == 1);
    if (valid && Peek() == '.') valid = (++at_, ReadDigits());
    if (valid && (Peek() == 'e' || Peek() == 'E')) {
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      valid = ReadDigits();
    }
    if (!valid) {
      return FailAt(node->at, "this is not a JSON number",
                    "write it like 12, -0.5 or 6.02e23, without leading zeros, or put it in "
                    "quotes");
    }
    node->kind = Node::Kind::kNumber;
    node->text = text_.substr(begin, at_ - begin);
    return true;
  }

  const std::string_view text_;
  std::vector<Problem>* const problems_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  int line_ = 1;
};

}  // namespace

std::optional<Node> ParseJson(std::string_view text, std::vector<Problem>* problems) {
  JsonReader reader(text, problems);
  std::optional<Node> root = reader.Read();
  if (!root || !reader.ReadEnd()) return std::nullopt;
  return root;
}

std::optional<Node> ParseJsonPrefix(std::string_view text, std::vector<Problem>* problems) {
  return JsonReader(text, problems).Read();
}

}  // namespace turnout::router
