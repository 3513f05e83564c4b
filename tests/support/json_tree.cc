#include "tests/support/json_tree.h"

#include <cstdint>
#include <cstdio>

namespace turnout::support {
namespace {

constexpr int kNoDigit = -1;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return kNoDigit;
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80u | ((code >> shift) & 0x3Fu)));
  };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0u | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0u | (code >> 12)));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xF0u | (code >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool ReadEvent(JsonTree* tree) {
    SkipSpace();
    if (Next() != '{') return Fail("no object");
    return ReadValue(tree, 0);
  }

  std::string error() const { return error_ + " at byte " + std::to_string(at_); }

 private:
  // The next byte, or -1 at the end; a zero byte in the text is no end.
  int Next() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }

  bool Fail(const char* what) {
    error_ = what;
    return false;
  }

  bool Take(char c) {
    if (Next() != static_cast<unsigned char>(c)) return false;
    ++at_;
    return true;
  }

  void SkipSpace() {
    while (Next() == ' ' || Next() == '\t' || Next() == '\n' || Next() == '\r') ++at_;
  }

  bool ReadValue(JsonTree* tree, int depth) {
    switch (Next()) {
      case '{':
        return ReadObject(tree, depth + 1);
      case '[':
        return ReadArray(tree, depth + 1);
      case '"':
        tree->kind = JsonTree::Kind::kString;
        return ReadString(&tree->text);
      case 't':
        tree->kind = JsonTree::Kind::kTrue;
        return ReadWord("true");
      case 'f':
        tree->kind = JsonTree::Kind::kFalse;
        return ReadWord("false");
      case 'n':
        tree->kind = JsonTree::Kind::kNull;
        return ReadWord("null");
      default:
        tree->kind = JsonTree::Kind::kNumber;
        return ReadNumber(&tree->text);
    }
  }

  bool ReadObject(JsonTree* tree, int depth) {
    if (depth > kJsonTreeDepthMax) return Fail("too deep");
    tree->kind = JsonTree::Kind::kObject;
    Take('{');
    SkipSpace();
    if (Take('}')) return true;
    while (true) {
      auto& [name, value] = tree->members.emplace_back();
      SkipSpace();
      if (!ReadString(&name)) return false;
      SkipSpace();
      if (!Take(':')) return Fail("no colon");
      SkipSpace();
      if (!ReadValue(&value, depth)) return false;
      SkipSpace();
      if (Take('}')) return true;
      if (!Take(',')) return Fail("neither comma nor brace");
    }
  }

  bool ReadArray(JsonTree* tree, int depth) {
    if (depth > kJsonTreeDepthMax) return Fail("too deep");
    tree->kind = JsonTree::Kind::kArray;
    Take('[');
    SkipSpace();
    if (Take(']')) return true;
    while (true) {
      SkipSpace();
      if (!ReadValue(&tree->items.emplace_back(), depth)) return false;
      SkipSpace();
      if (Take(']')) return true;
      if (!Take(',')) return Fail("neither comma nor bracket");
    }
  }

  bool ReadWord(std::string_view word) {
    for (const char c : word) {
      if (!Take(c)) return Fail("an unknown word");
    }
    return true;
  }

  bool ReadDigits() {
    const size_t begin = at_;
    while (Next() >= '0' && Next() <= '9') ++at_;
    return at_ > begin || Fail("no digit");
  }

  bool ReadNumber(std::string* spelling) {
    const size_t begin = at_;
    Take('-');
    // A zero stands alone; a digit behind it is left over, and no comma.
    if (!Take('0') && !ReadDigits()) return false;
    if (Take('.') && !ReadDigits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!ReadDigits()) return false;
    }
    *spelling = text_.substr(begin, at_ - begin);
    return true;
  }

  bool ReadString(std::string* content) {
    if (!Take('"')) return Fail("no string");
    while (!Take('"')) {
      const int c = Next();
      if (c < 0) return Fail("an open string");
      if (c < 0x20) return Fail("a control character");
      if (c == '\\') {
        if (!ReadEscape(content)) return false;
      } else if (c < 0x80) {
        content->push_back(static_cast<char>(c));
        ++at_;
      } else if (!ReadCharacter(content)) {
        return false;
      }
    }
    return true;
  }

  bool ReadEscape(std::string* content) {
    Take('\\');
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    if (Take('u')) {
      int code = ReadUnit();
      if (code < 0) return Fail("a bad \\u escape");
      // Two halves that belong together are one character.
      const size_t behind = at_;
      if (code >= 0xD800 && code < 0xDC00 && Take('\\') && Take('u')) {
        const int low = ReadUnit();
        if (low >= 0xDC00 && low < 0xE000) {
          AppendUtf8(static_cast<uint32_t>(0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)),
                     content);
          return true;
        }
      }
      at_ = behind;
      AppendUtf8(static_cast<uint32_t>(code), content);
      return true;
    }
    const int c = Next();
    const size_t known = c < 0 ? std::string_view::npos : kLetters.find(static_cast<char>(c));
    if (known == std::string_view::npos) return Fail("an unknown escape");
    ++at_;
    content->push_back(kMeant[known]);
    return true;
  }

  // Four hexadecimal digits, or -1.
  int ReadUnit() {
    int unit = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = Next() < 0 ? kNoDigit : HexValue(static_cast<char>(Next()));
      if (digit == kNoDigit) return -1;
      unit = unit * 16 + digit;
      ++at_;
    }
    return unit;
  }

  // One character of two to four bytes: decoded, and then held against what UTF-8 forbids.
  bool ReadCharacter(std::string* content) {
    const auto lead = static_cast<uint32_t>(Next());
    const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC0 || lead >= 0xF8) return Fail("no UTF-8");
    uint32_t code = lead & (0xFFu >> (length + 1));
    const size_t begin = at_++;
    for (int i = 1; i < length; ++i, ++at_) {
      if (Next() < 0x80 || Next() >= 0xC0) return Fail("no UTF-8");
      code = code * 64 + (static_cast<uint32_t>(Next()) & 0x3Fu);
    }
    const uint32_t least = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if (code < least || code > 0x10FFFF || surrogate) return Fail("no UTF-8");
    content->append(text_.substr(begin, at_ - begin));
    return true;
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::string error_;
};

}  // namespace

std::unique_ptr<JsonTree> ReadJsonObject(std::string_view text, std::string* error) {
  auto tree = std::make_unique<JsonTree>();
  Reader reader(text);
  if (reader.ReadEvent(tree.get())) return tree;
  *error = reader.error();
  return nullptr;
}

std::string QuotedJson(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace turnout::support
