#include "router/canonical_text.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "router/json_string.h"

namespace turnout::router {

namespace {

// A lone surrogate, as json_string.h decodes its escape: the only three bytes that begin so.
bool IsLoneSurrogate(std::string_view text, size_t at) {
  return text.size() - at >= 3 && static_cast<unsigned char>(text[at]) == 0xED &&
         static_cast<unsigned char>(text[at + 1]) >= 0xA0;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out->append(absl::StrFormat("\\u%04x", static_cast<unsigned>(c)));
    } else if (IsLoneSurrogate(text, at)) {
      // No UTF-8 stands for it, so it stays an escape.
      size_t end = at;
      out->append(absl::StrFormat("\\u%04x", DecodeUtf8(text, &end)));
      at = end - 1;
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

namespace {

enum class Order { kByName, kAsWritten };

bool IsLastOfItsName(const Node& object, const Member& member) {
  return object.Find(member.name) == &member.value;
}

void AppendNode(const Node& node, Order order, std::string* out) {
  switch (node.kind) {
    case Node::Kind::kNull:
      out->append("null");
      return;
    case Node::Kind::kBool:
    case Node::Kind::kNumber:
      out->append(node.text);
      return;
    case Node::Kind::kString:
      AppendJsonString(node.text, out);
      return;
    case Node::Kind::kArray: {
      const char* separator = "";
      out->push_back('[');
      for (const Node& item : node.items) {
        out->append(separator);
        AppendNode(item, order, out);
        separator = ",";
      }
      out->push_back(']');
      return;
    }
    case Node::Kind::kObject: {
      std::vector<const Member*> members;
      for (const Member& member : node.members) {
        if (order == Order::kByName || IsLastOfItsName(node, member)) members.push_back(&member);
      }
      if (order == Order::kByName) {
        std::stable_sort(members.begin(), members.end(),
                         [](const Member* a, const Member* b) { return a->name < b->name; });
      }
      const char* separator = "";
      out->push_back('{');
      for (const Member* member : members) {
        out->append(separator);
        AppendJsonString(member->name, out);
        out->push_back(':');
        AppendNode(member->value, order, out);
        separator = ",";
      }
      out->push_back('}');
      return;
    }
  }
}

}  // namespace

std::string CanonicalText(const Node& node) {
  std::string text;
  AppendNode(node, Order::kByName, &text);
  return text;
}

std::string JsonText(const Node& node) {
  std::string text;
  AppendNode(node, Order::kAsWritten, &text);
  return text;
}

}  // namespace turnout::router
