#include "tests/support/plain_shaper.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace turnout::support {
namespace {

using Kind = JsonTree::Kind;
using Paths = std::vector<std::string>;

bool IsContainer(const JsonTree& tree) {
  return tree.kind == Kind::kObject || tree.kind == Kind::kArray;
}

bool IsWithin(const std::string& path, const std::string& outer) {
  return path == outer || path.rfind(outer + ".", 0) == 0;
}

bool IsWithinAny(const std::string& path, const Paths& outer) {
  return std::any_of(outer.begin(), outer.end(),
                     [&](const std::string& one) { return IsWithin(path, one); });
}

std::string ParentOf(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

std::string LastOf(const std::string& path) { return path.substr(path.rfind('.') + 1); }

const JsonTree* Find(const JsonTree& object, const std::string& name) {
  const JsonTree* found = nullptr;
  for (const JsonMember& member : object.members) {
    if (member.name == name) found = &member.value;
  }
  return found;
}

Paths PathsOf(const JsonTree& shape, const std::string& name) {
  Paths paths;
  if (const JsonTree* list = Find(shape, name)) {
    for (const JsonTree& item : list->items) paths.push_back(item.text);
  }
  return paths;
}

// The path of an object's member; `outer` is null for the event itself.
std::string Joined(const std::string* outer, const std::string& name) {
  return outer == nullptr ? name : *outer + "." + name;
}

// What becomes of a member: it goes, or stays, maybe changed.
using Judge = std::function<bool(const std::string& path, JsonMember* member)>;

// Every member of every object, inner ones after outer ones.
void Visit(JsonTree* tree, const std::string* path, const Judge& judge) {
  for (JsonTree& item : tree->items) Visit(&item, path, judge);
  std::vector<JsonMember> left;
  for (JsonMember& member : tree->members) {
    const std::string inner = Joined(path, member.name);
    if (!judge(inner, &member)) continue;
    Visit(&member.value, &inner, judge);
    left.push_back(std::move(member));
  }
  tree->members = std::move(left);
}

void Keep(const Paths& keep, const std::string* path, JsonTree* tree) {
  std::vector<JsonTree> items;
  for (JsonTree& item : tree->items) {
    if (!IsContainer(item)) continue;
    Keep(keep, path, &item);
    items.push_back(std::move(item));
  }
  tree->items = std::move(items);
  std::vector<JsonMember> members;
  for (JsonMember& member : tree->members) {
    const std::string inner = Joined(path, member.name);
    if (!IsWithinAny(inner, keep)) {
      const bool leads_on = IsContainer(member.value) &&
                            std::any_of(keep.begin(), keep.end(), [&](const std::string& kept) {
                              return IsWithin(kept, inner);
                            });
      if (!leads_on) continue;
      Keep(keep, &inner, &member.value);
    }
    members.push_back(std::move(member));
  }
  tree->members = std::move(members);
}

// What an event has at a path.
struct Found {
  const JsonTree* scalar = nullptr;
  const JsonTree* value = nullptr;
  int values = 0;
};

void Search(const JsonTree& tree, const std::string* path, const std::string& wanted, bool in_array,
            Found* found) {
  if (path != nullptr && *path == wanted) {
    if (!in_array && found->values++ == 0) found->value = &tree;
    if (!IsContainer(tree) && found->scalar == nullptr) found->scalar = &tree;
  }
  for (const JsonTree& item : tree.items) Search(item, path, wanted, true, found);
  for (const JsonMember& member : tree.members) {
    const std::string inner = Joined(path, member.name);
    Search(member.value, &inner, wanted, false, found);
  }
}

Found FindAt(const JsonTree& event, const std::string& path) {
  Found found;
  Search(event, nullptr, path, false, &found);
  return found;
}

// A place of the output, and what it is to hold: null, nothing.
struct Placed {
  std::string path;
  std::optional<JsonTree> value;
};

bool AnyValue(const std::vector<Placed>& all) {
  return std::any_of(all.begin(), all.end(), [](const Placed& one) { return one.value; });
}

void Place(const std::vector<Placed>& all, JsonTree* tree) {
  if (tree->kind == Kind::kArray) {
    for (JsonTree& item : tree->items) {
      if (IsContainer(item)) Place(all, &item);
    }
    return;
  }
  // By first step, in the order in which those come first.
  std::vector<std::pair<std::string, std::vector<Placed>>> groups;
  std::vector<JsonMember> left;
  std::vector<std::string> met;
  for (const Placed& one : all) {
    const size_t dot = one.path.find('.');
    const std::string step = one.path.substr(0, dot);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& other) { return other.first == step; });
    if (group == groups.end()) group = groups.insert(group, {step, {}});
    group->second.push_back({dot == std::string::npos ? "" : one.path.substr(dot + 1), one.value});
  }
  for (JsonMember& member : tree->members) {
    const bool owned = std::any_of(
        all.begin(), all.end(), [&](const Placed& one) { return IsWithin(member.name, one.path); });
    if (owned) continue;
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const auto& other) { return other.first == member.name; });
    if (group != groups.end()) {
      if (!IsContainer(member.value)) continue;
      Place(group->second, &member.value);
      met.push_back(member.name);
    }
    left.push_back(std::move(member));
  }
  tree->members = std::move(left);
  for (const auto& [step, within] : groups) {
    if (std::find(met.begin(), met.end(), step) != met.end() || !AnyValue(within)) continue;
    JsonMember& made = tree->members.emplace_back();
    made.name = step;
    if (within[0].path.empty()) {
      made.value = *within[0].value;
    } else {
      made.value.kind = Kind::kObject;
      Place(within, &made.value);
    }
  }
}

void Flatten(const JsonTree& object, const std::string& before, const std::string& separator,
             JsonTree* out) {
  for (const JsonMember& member : object.members) {
    std::string name = before;
    for (const char c : member.name) name += c == '.' ? separator : std::string(1, c);
    if (member.value.kind == Kind::kObject) {
      Flatten(member.value, name + separator, separator, out);
    } else {
      out->members.push_back({name, member.value});
    }
  }
}

std::string ScalarText(const JsonTree& scalar) {
  return scalar.kind == Kind::kTrue ? "true" : scalar.kind == Kind::kFalse ? "false" : scalar.text;
}

// False where a field is missing.
bool Filled(const std::string& text, const JsonTree& event, JsonTree* out) {
  out->kind = Kind::kString;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '{') {
      out->text += text[at];
      continue;
    }
    const size_t close = text.find('}', at);
    const Found found = FindAt(event, text.substr(at + 1, close - at - 1));
    if (found.scalar == nullptr || found.scalar->kind == Kind::kNull) return false;
    out->text += ScalarText(*found.scalar);
    at = close;
  }
  return true;
}

std::optional<JsonTree> Copied(const Found& found) {
  return found.value == nullptr ? std::nullopt : std::optional<JsonTree>(*found.value);
}

}  // namespace

std::optional<JsonTree> PlainShape(const JsonTree& shape, const JsonTree& event) {
  std::vector<Placed> places;
  Paths sources;
  Paths targets;
  std::vector<std::pair<std::string, std::string>> renames;
  if (const JsonTree* rename = Find(shape, "rename")) {
    for (const JsonMember& member : rename->members) {
      const std::string& to = member.value.text;
      sources.push_back(member.name);
      renames.emplace_back(member.name, to);
      if (ParentOf(member.name) == ParentOf(to)) {
        targets.push_back(to);
        continue;
      }
      const Found found = FindAt(event, member.name);
      if (found.values > 1) return std::nullopt;
      places.push_back({to, Copied(found)});
    }
  }
  if (const JsonTree* set = Find(shape, "set")) {
    for (const JsonMember& member : set->members) {
      Placed& one = places.emplace_back();
      one.path = member.name;
      if (member.value.kind == Kind::kObject) {
        const JsonTree* constant = Find(member.value, "constant");
        if (constant != nullptr) one.value = *constant;
        if (constant == nullptr)
          one.value = Copied(FindAt(event, Find(member.value, "field")->text));
      } else if (member.value.kind == Kind::kString) {
        JsonTree text;
        if (!Filled(member.value.text, event, &text)) return std::nullopt;
        one.value = std::move(text);
      } else {
        one.value = member.value;
      }
    }
  }

  JsonTree out = event;
  if (const Paths keep = PathsOf(shape, "keep"); !keep.empty()) Keep(keep, nullptr, &out);
  const Paths drop = PathsOf(shape, "drop");
  Visit(&out, nullptr,
        [&](const std::string& path, JsonMember*) { return !IsWithinAny(path, drop); });
  Paths replaced;
  for (const std::string& target : targets) {
    const bool moves_on = std::find(sources.begin(), sources.end(), target) != sources.end();
    if (!moves_on) replaced.push_back(target);
  }
  Visit(&out, nullptr, [&](const std::string& path, JsonMember* member) {
    if (IsWithinAny(path, replaced)) return false;
    for (const auto& [from, to] : renames) {
      if (path != from) continue;
      if (ParentOf(from) != ParentOf(to)) return false;
      const size_t dot = member->name.rfind('.');
      member->name = (dot == std::string::npos ? "" : member->name.substr(0, dot + 1)) + LastOf(to);
    }
    return true;
  });
  Place(places, &out);
  const JsonTree* flatten = Find(shape, "flatten");
  if (flatten == nullptr || flatten->kind == Kind::kFalse) return out;
  const JsonTree* separator = Find(*flatten, "separator");
  JsonTree flat;
  flat.kind = Kind::kObject;
  Flatten(out, "", separator == nullptr ? "_" : separator->text, &flat);
  return flat;
}

std::string ShownTree(const JsonTree& tree) {
  std::string text;
  switch (tree.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kTrue:
      return "true";
    case Kind::kFalse:
      return "false";
    case Kind::kNumber:
      return tree.text;
    case Kind::kString:
      return QuotedJson(tree.text);
    case Kind::kArray:
      for (const JsonTree& item : tree.items) text += (text.empty() ? "" : ",") + ShownTree(item);
      return "[" + text + "]";
    case Kind::kObject:
      for (const JsonMember& member : tree.members) {
        text += (text.empty() ? "" : ",") + QuotedJson(member.name) + ":" + ShownTree(member.value);
      }
      return "{" + text + "}";
  }
  return text;
}

}  // namespace turnout::support
