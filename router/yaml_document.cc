// ParseYaml: a person's YAML text into a Node tree with positions.
//
// yaml-cpp's event parser does the reading; the tree is built here, so that duplicate keys, places
// and quoting survive, and so that nesting and aliases are bounded while they are read. Its
// exceptions end here.
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "router/document.h"
#include "router/json_string.h"
#include "router/yaml_scalar.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace turnout::router {
namespace {

// What aliases may add to a document: a bomb of nested aliases is refused long before it hurts.
constexpr size_t kAliasNodesMax = 100000;
constexpr size_t kAliasBytesMax = 16 << 20;
// yaml-cpp's parser is recursive; each level takes several frames of it.
constexpr size_t kYamlDepthMax = 400;

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

// Thrown by the handlers below to leave yaml-cpp, and caught in ParseYaml.
struct Refusal {
  Problem problem;
};

Position PositionOf(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

[[noreturn]] void Refuse(Position at, std::string what, std::string cure) {
  throw Refusal{{at, "", std::move(what), std::move(cure)}};
}

void Measure(const Node& node, size_t* nodes, size_t* bytes) {
  ++*nodes;
  *bytes += node.text.size();
  for (const Node& item : node.items) Measure(item, nodes, bytes);
  for (const Member& member : node.members) {
    *bytes += member.name.size();
    Measure(member.value, nodes, bytes);
  }
}

class TreeBuilder : public YAML::EventHandler {
 public:
  Node TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.at = PositionOf(mark);
    Add(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.at = PositionOf(mark);
    if (ExpectsKey()) {
      ReadKey(tag, value, &node);
    } else {
      ReadScalar(tag, value, &node);
    }
    Add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Position at = PositionOf(mark);
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end()) {
      Refuse(at, "this alias stands inside of the node that it names",
             "write the value out, or move the anchor");
    }
    Measure(target->second, &alias_nodes_, &alias_bytes_);
    if (alias_nodes_ > kAliasNodesMax || alias_bytes_ > kAliasBytesMax) {
      Refuse(at,
             absl::StrCat("aliases add more than ", kAliasNodesMax, " values or ", kAliasBytesMax,
                          " bytes"),
             "use fewer aliases of aliases");
    }
    Node copy = target->second;
    copy.at = at;
    Add(std::move(copy), 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Node::Kind::kArray, mark, tag, "seq", anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Node::Kind::kObject, mark, tag, "map", anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    Node node;
    YAML::anchor_t anchor = 0;
    bool awaits_value = false;  // a mapping whose last member has a name and no value yet
  };

  static void CheckTag(Position at, const std::string& tag, std::string_view expected) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    if (tag == absl::StrCat(std::string(kCoreTag), std::string(expected))) return;
    RefuseTag(at, tag);
  }

  [[noreturn]] static void RefuseTag(Position at, const std::string& tag) {
    Refuse(at, absl::StrCat("the tag `", tag, "` is not understood here"),
           "remove it; values are plain text, numbers, true, false, null, lists and mappings");
  }

  bool ExpectsKey() const {
    return !levels_.empty() && levels_.back().node.kind == Node::Kind::kObject &&
           !levels_.back().awaits_value;
  }

  // A field's name is the text as written, whatever it would mean as a value.
  static void ReadKey(const std::string& tag, const std::string& value, Node* node) {
    node->kind = Node::Kind::kString;
    node->text = value;
    CheckTag(node->at, tag, "str");
    if (value == "<<" && tag != "!") {
      Refuse(node->at, "merge keys (<<) are not supported", "write the fields out");
    }
  }

  static void ReadScalar(const std::string& tag, const std::string& value, Node* node) {
    node->kind = Node::Kind::kString;
    if (tag == "!" || tag == absl::StrCat(std::string(kCoreTag), "str")) {
      node->text = value;
      return;
    }
    if (!tag.empty() && tag != "?") RefuseTag(node->at, tag);
    const std::string wrong = ResolvePlainScalar(value, node);
    if (!wrong.empty()) {
      Refuse(node->at, absl::StrCat(wrong, ": ", value),
             "put it in quotes if it is text, or write a plain number");
    }
  }

  void Open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            std::string_view expected_tag, YAML::anchor_t anchor) {
    const Position at = PositionOf(mark);
    CheckTag(at, tag, expected_tag);
    if (ExpectsKey()) RefuseAsKey(at);
    if (levels_.size() >= kYamlDepthMax) {
      Refuse(at, absl::StrCat("nested deeper than ", kYamlDepthMax, " levels"),
             "flatten the document");
    }
    Level& level = levels_.emplace_back();
    level.node.kind = kind;
    level.node.at = at;
    level.anchor = anchor;
  }

  void Close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    Add(std::move(level.node), level.anchor);
  }

  [[noreturn]] static void RefuseAsKey(Position at) {
    Refuse(at, "a list or mapping stands as the key of a mapping", "write a text as the key");
  }

  void Add(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& parent = levels_.back();
    if (parent.node.kind == Node::Kind::kArray) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.awaits_value) {
      parent.node.members.back().value = std::move(node);
      parent.awaits_value = false;
    } else {
      AddKey(std::move(node), &parent);
    }
  }

  void AddKey(Node key, Level* parent) {
    if (key.kind == Node::Kind::kArray || key.kind == Node::Kind::kObject) RefuseAsKey(key.at);
    if (key.kind == Node::Kind::kNull) {
      Refuse(key.at, "this key is empty or null", "write a name, in quotes if it is meant as text");
    }
    Member& member = parent->node.members.emplace_back();
    member.name = std::move(key.text);
    member.at = key.at;
    parent->awaits_value = true;
  }

  Node root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, Node> anchors_;
  size_t alias_nodes_ = 0;
  size_t alias_bytes_ = 0;
};

// Whatever a further document begins with is one too many.
class SecondDocument : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    Refuse(PositionOf(mark), "a second document begins here",
           "keep one document in a file; put the other in a file of its own");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

Position PositionAt(std::string_view text, size_t offset) {
  Position at{1, 1};
  for (size_t i = 0; i < offset; ++i) {
    at.column = text[i] == '\n' ? 1 : at.column + 1;
    if (text[i] == '\n') ++at.line;
  }
  return at;
}

// yaml-cpp replaces bad UTF-8 silently and takes U+0004 for the end of the text.
bool CheckBytes(std::string_view text, std::vector<Problem>* problems) {
  const size_t bad_utf8 = FindBadUtf8(text);
  if (bad_utf8 != std::string_view::npos) {
    problems->push_back({PositionAt(text, bad_utf8), "", "the text is not valid UTF-8",
                         "save the file as UTF-8"});
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
      problems->push_back({PositionAt(text, i), "",
                           absl::StrCat("the text holds the control character 0x",
                                        absl::Hex(byte, absl::kZeroPad2)),
                           "remove it, or write it as an escape in double quotes"});
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<Node> ParseYaml(std::string_view text, std::vector<Problem>* problems) {
  if (!CheckBytes(text, problems)) return std::nullopt;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) return Node{.at = {1, 1}};
    SecondDocument second;
    parser.HandleNextDocument(second);
    return builder.TakeRoot();
  } catch (const Refusal& refusal) {
    problems->push_back(refusal.problem);
  } catch (const YAML::Exception& error) {
    problems->push_back({PositionOf(error.mark), "", absl::StrCat("not valid YAML: ", error.msg),
                         "check indentation, colons and quotes near this place"});
  } catch (const std::exception& error) {
    problems->push_back({{}, "", absl::StrCat("the YAML could not be read: ", error.what()),
                         "check the text near its end"});
  }
  return std::nullopt;
}

}  // namespace turnout::router
