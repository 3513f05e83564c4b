#include "router/shape_reader.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/canonical_text.h"
#include "router/destination_template.h"
#include "router/json_string.h"
#include "router/node_checks.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kShapeKeys[] = {"keep", "drop", "rename", "set", "flatten"};
constexpr std::string_view kSetKeys[] = {"field", "constant"};
constexpr std::string_view kFlattenKeys[] = {"separator"};
constexpr std::string_view kDefaultSeparator = "_";
constexpr size_t kSeparatorBytesMax = 8;

// Whether `path` is `outer` or lies within it.
bool IsWithin(std::string_view path, std::string_view outer) {
  return path.substr(0, outer.size()) == outer &&
         (path.size() == outer.size() || path[outer.size()] == '.');
}

bool IsAnyWithin(const std::vector<std::string>& paths, std::string_view outer) {
  return std::any_of(paths.begin(), paths.end(),
                     [&](const std::string& path) { return IsWithin(path, outer); });
}

bool LiesInAny(std::string_view path, const std::vector<std::string>& outer) {
  return std::any_of(outer.begin(), outer.end(),
                     [&](const std::string& one) { return IsWithin(path, one); });
}

std::string_view ParentOf(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

class Reader {
 public:
  Reader(const ShapeLimits& limits, std::vector<Problem>* problems)
      : limits_(limits), problems_(problems) {}

  void ReadShape(const Node& node, ShapeSpec* spec);

 private:
  struct Entry {
    std::string path;
    Position at;
  };

  void Add(Position at, std::string what, std::string cure) {
    problems_->push_back({at, "", std::move(what), std::move(cure)});
  }
  bool CheckText(const Node& node);
  bool CheckOperations(const Node& node);
  void ReadPaths(const Node& shape, std::string_view name, std::vector<std::string>* paths);
  void ReadRenames(const Node& node, ShapeSpec* spec);
  void ReadRename(const Member& member, ShapeSpec* spec);
  void ReadFlatten(const Node& node, ShapeSpec* spec);
  void ReadSets(const Node& node, ShapeSpec* spec);
  bool ReadSet(const Member& member, const ShapeSpec& spec, ShapeSet* set);
  bool ReadTemplate(const Node& node, ShapeSet* set);
  bool ReadSetObject(const Member& member, const ShapeSpec& spec, ShapeSet* set);
  void SetConstant(const Node& node, const ShapeSpec& spec, ShapeSet* set);
  void AddFlatMembers(const Node& object, const std::string& before, const std::string& separator,
                      ShapeSet* set);
  void CheckKept(const Node& shape, const ShapeSpec& spec);
  void CheckPlaces();

  const ShapeLimits& limits_;
  std::vector<Problem>* const problems_;
  std::vector<Entry> places_;     // that are set, or renamed to from elsewhere
  std::vector<Entry> new_names_;  // of renames within one object
};

bool Reader::CheckText(const Node& node) {
  const std::string text = CanonicalText(node);
  if (text.size() > static_cast<size_t>(limits_.shape_text_bytes_max)) {
    Add(node.at,
        absl::StrFormat("the shape has %d bytes, more than shape_text_bytes_max, %d", text.size(),
                        limits_.shape_text_bytes_max),
        "send large constants once, to where the output is read");
    return false;
  }
  if (FindBadUtf8(text) == std::string_view::npos) return true;
  Add(node.at, "the shape has half of a character, a lone surrogate escape",
      "write both halves, or the character itself");
  return false;
}

bool Reader::CheckOperations(const Node& node) {
  size_t operations = 0;
  for (const Member& member : node.members) {
    operations += member.value.items.size() + member.value.members.size();
  }
  if (operations <= static_cast<size_t>(limits_.shape_operations_max)) return true;
  Add(node.at,
      absl::StrFormat("the shape has %d entries, more than shape_operations_max, %d", operations,
                      limits_.shape_operations_max),
      "keep or drop the object that the fields are in");
  return false;
}

void Reader::ReadPaths(const Node& shape, std::string_view name, std::vector<std::string>* paths) {
  const Node* node = shape.Find(name);
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kArray || node->items.empty()) {
    Add(node->at, absl::StrFormat("`%s` must be a list of at least one field path", name),
        absl::StrFormat("write it as `%s: [type, customer.id]`", name));
    return;
  }
  for (const Node& item : node->items) {
    if (item.kind != Node::Kind::kString) {
      Add(item.at, absl::StrFormat("an entry of `%s` is of type %s", name, KindName(item.kind)),
          "write a field path, in quotes if it looks like a number");
    } else if (CheckPath(item.at, item.text, name, problems_)) {
      paths->push_back(item.text);
    }
  }
}

void Reader::ReadRename(const Member& member, ShapeSpec* spec) {
  const std::string& from = member.name;
  if (!CheckPath(member.at, from, "rename", problems_)) return;
  if (member.value.kind != Node::Kind::kString) {
    Add(member.value.at,
        absl::StrFormat("%s is renamed to what is of type %s", Quoted(from),
                        KindName(member.value.kind)),
        "write its new path, such as `customer.id: customer_id`");
    return;
  }
  const std::string& to = member.value.text;
  if (!CheckPath(member.value.at, to, "rename", problems_)) return;
  if (from == to) {
    Add(member.at, absl::StrFormat("%s is renamed to itself", Quoted(from)), "leave it out");
    return;
  }
  const bool is_kept = spec->keep.empty() || LiesInAny(from, spec->keep);
  if (LiesInAny(from, spec->drop) || (!is_kept && !IsAnyWithin(spec->keep, from))) {
    Add(member.at, absl::StrFormat("%s is renamed, but not kept", Quoted(from)),
        "keep it, don't drop it, or leave the rename out");
    return;
  }
  spec->renames.emplace_back(from, to);
  if (ParentOf(from) == ParentOf(to)) {
    new_names_.push_back({to, member.value.at});
    return;
  }
  places_.push_back({to, member.value.at});
  if (IsWithin(to, from)) {
    Add(member.value.at, absl::StrFormat("%s is renamed to a place within itself", Quoted(from)),
        "rename it to a path that does not begin with it");
  } else if (!is_kept || IsAnyWithin(spec->drop, from)) {
    Add(member.at,
        absl::StrFormat(
            "%s moves to another object as a whole, but a part of it is kept or dropped",
            Quoted(from)),
        "rename the fields within it that you want, each by itself");
  }
}

void Reader::ReadRenames(const Node& node, ShapeSpec* spec) {
  if (!CheckObject(node, "rename", "rename: {customer.id: customer_id}", problems_)) return;
  CheckKeys(node, {}, problems_);
  for (const Member& member : node.members) ReadRename(member, spec);
  // What moves, moves whole.
  for (const auto& [from, to] : spec->renames) {
    if (ParentOf(from) == ParentOf(to)) continue;
    for (const auto& [other, ignored] : spec->renames) {
      if (other == from || !IsWithin(other, from)) continue;
      Add(node.at,
          absl::StrFormat("%s moves to another object as a whole, but %s within it is renamed too",
                          Quoted(from), Quoted(other)),
          "rename the fields within it that you want, each by itself");
    }
  }
}

void Reader::ReadFlatten(const Node& node, ShapeSpec* spec) {
  spec->separator = std::string(kDefaultSeparator);
  if (node.kind == Node::Kind::kBool) {
    spec->flatten = node.text == "true";
    return;
  }
  spec->flatten = true;
  if (node.kind != Node::Kind::kObject) {
    Add(node.at, absl::StrFormat("`flatten` is of type %s", KindName(node.kind)),
        "write `flatten: true` or `flatten: {separator: \"_\"}`");
    return;
  }
  CheckKeys(node, kFlattenKeys, problems_);
  const Node* separator = node.Find("separator");
  if (separator == nullptr) return;
  const std::string& text = separator->text;
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-:/$").find(c) != std::string_view::npos;
  });
  if (separator->kind != Node::Kind::kString || text.empty() || text.size() > kSeparatorBytesMax ||
      !is_plain) {
    Add(separator->at, "`separator` must be a string of one to eight of a-z A-Z 0-9 . _ - : / $",
        "write it as `separator: \"_\"`");
    return;
  }
  spec->separator = text;
}

// Literal text and fields by turns, as in a destination.
bool Reader::ReadTemplate(const Node& node, ShapeSet* set) {
  set->kind = ShapeSet::Kind::kTemplate;
  const std::string_view text = node.text;
  constexpr std::string_view kCure =
      "write fields as `{field.path}`; a text with braces of its own as `{constant: \"a{b}\"}`";
  for (size_t at = 0;;) {
    const size_t brace = text.find_first_of("{}", at);
    set->literals.emplace_back(text.substr(at, brace - at));
    if (brace == std::string_view::npos) return true;
    const size_t close = text.find('}', brace + 1);
    if (text[brace] == '}' || close == std::string_view::npos) {
      Add(node.at,
          absl::StrFormat("template %s has a `%c` without its other", Quoted(text), text[brace]),
          std::string(kCure));
      return false;
    }
    const std::string_view field = text.substr(brace + 1, close - brace - 1);
    const std::string_view fault = FieldPathFault(field);
    if (!fault.empty()) {
      Add(node.at,
          absl::StrFormat("template %s has a `{field}` whose path %s", Quoted(text), fault),
          std::string(kCure));
      return false;
    }
    set->fields.emplace_back(field);
    at = close + 1;
  }
}

void Reader::AddFlatMembers(const Node& object, const std::string& before,
                            const std::string& separator, ShapeSet* set) {
  for (const Member& member : object.members) {
    if (object.Find(member.name) != &member.value) continue;  // given again later
    std::string name = before + separator;
    for (const char c : member.name) {
      if (c == '.') {
        name += separator;
      } else {
        name += c;
      }
    }
    if (member.value.kind == Node::Kind::kObject) {
      AddFlatMembers(member.value, name, separator, set);
      continue;
    }
    std::string quoted;
    AppendJsonString(name, &quoted);
    set->members.emplace_back(quoted.substr(1, quoted.size() - 2), JsonText(member.value));
  }
}

void Reader::SetConstant(const Node& node, const ShapeSpec& spec, ShapeSet* set) {
  set->kind = ShapeSet::Kind::kConstant;
  set->constant = JsonText(node);
  set->is_object = node.kind == Node::Kind::kObject;
  if (spec.flatten && set->is_object) AddFlatMembers(node, "", spec.separator, set);
}

bool Reader::ReadSetObject(const Member& member, const ShapeSpec& spec, ShapeSet* set) {
  const Node& node = member.value;
  const Node* field = node.Find("field");
  const Node* constant = node.Find("constant");
  const size_t before = problems_->size();
  CheckKeys(node, kSetKeys, problems_);
  if (problems_->size() > before) return false;
  if ((field == nullptr) == (constant == nullptr)) {
    Add(node.at,
        absl::StrFormat("%s is set to an object without exactly one of `field`, `constant`",
                        Quoted(member.name)),
        "write `{field: path}` for a copy, `{constant: {...}}` for an object");
    return false;
  }
  if (constant != nullptr) {
    SetConstant(*constant, spec, set);
    return true;
  }
  if (field->kind != Node::Kind::kString) {
    Add(field->at, absl::StrFormat("`field` must be a path, not of type %s", KindName(field->kind)),
        "write it as `{field: customer.id}`");
    return false;
  }
  set->kind = ShapeSet::Kind::kField;
  set->fields = {field->text};
  return CheckPath(field->at, field->text, "field", problems_);
}

bool Reader::ReadSet(const Member& member, const ShapeSpec& spec, ShapeSet* set) {
  if (!CheckPath(member.at, member.name, "set", problems_)) return false;
  set->path = member.name;
  const Node& value = member.value;
  if (value.kind == Node::Kind::kObject) return ReadSetObject(member, spec, set);
  const bool is_template =
      value.kind == Node::Kind::kString && value.text.find_first_of("{}") != std::string::npos;
  if (is_template) return ReadTemplate(value, set);
  SetConstant(value, spec, set);
  return true;
}

void Reader::ReadSets(const Node& node, ShapeSpec* spec) {
  if (!CheckObject(node, "set", "set: {source: shop, label: \"{type}-{region}\"}", problems_))
    return;
  CheckKeys(node, {}, problems_);
  for (const Member& member : node.members) {
    ShapeSet set;
    if (!ReadSet(member, *spec, &set)) continue;
    places_.push_back({set.path, member.at});
    spec->sets.push_back(std::move(set));
  }
}

// Something of an event can be left.
void Reader::CheckKept(const Node& shape, const ShapeSpec& spec) {
  const bool is_left = std::any_of(spec.keep.begin(), spec.keep.end(),
                                   [&](const auto& path) { return !LiesInAny(path, spec.drop); });
  if (spec.keep.empty() || is_left || !spec.sets.empty()) return;
  Add(shape.Find("drop")->at, "the shape leaves nothing: all that it keeps is dropped",
      "keep and drop different fields, or `set` some");
}

// Each place of the output is given by one operation.
void Reader::CheckPlaces() {
  std::set<std::string_view> places;
  for (const Entry& place : places_) places.insert(place.path);
  std::set<std::string_view> taken;
  for (const Entry& place : places_) {
    bool clashes = !taken.insert(place.path).second;
    for (std::string_view outer = ParentOf(place.path); !outer.empty(); outer = ParentOf(outer)) {
      clashes = clashes || places.count(outer) > 0;
    }
    for (const Entry& name : new_names_) clashes = clashes || IsWithin(name.path, place.path);
    if (!clashes) continue;
    Add(place.at, absl::StrFormat("%s is given twice, by `set` or `rename`", Quoted(place.path)),
        "give each place of the output one value, and none within another");
  }
  for (const Entry& name : new_names_) {
    if (taken.insert(name.path).second) continue;
    Add(name.at, absl::StrFormat("two fields are renamed to %s", Quoted(name.path)),
        "give each place of the output one value, and none within another");
  }
}

void Reader::ReadShape(const Node& node, ShapeSpec* spec) {
  if (!CheckObject(node, "shape", "shape: {keep: [type, customer.id]}", problems_)) return;
  if (!CheckText(node) || !CheckOperations(node)) return;
  const size_t before = problems_->size();
  CheckKeys(node, kShapeKeys, problems_);
  ReadPaths(node, "keep", &spec->keep);
  ReadPaths(node, "drop", &spec->drop);
  if (const Node* flatten = node.Find("flatten"); flatten != nullptr) ReadFlatten(*flatten, spec);
  if (const Node* rename = node.Find("rename"); rename != nullptr) ReadRenames(*rename, spec);
  if (const Node* set = node.Find("set"); set != nullptr) ReadSets(*set, spec);
  // Names that are given twice have been told of already.
  if (problems_->size() == before) CheckPlaces();
  if (problems_->size() == before) CheckKept(node, *spec);
}

}  // namespace

std::shared_ptr<const ShapePlan> ReadShape(const Node& node, const ShapeLimits& limits,
                                           std::vector<Problem>* problems) {
  const size_t before = problems->size();
  ShapeSpec spec;
  Reader(limits, problems).ReadShape(node, &spec);
  return problems->size() == before ? CompileShape(spec) : nullptr;
}

}  // namespace turnout::router
