#include "router/shape_plan.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "router/canonical_text.h"

namespace turnout::router {
namespace {

std::string_view ParentOf(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

std::string_view LastStepOf(std::string_view path) { return path.substr(path.rfind('.') + 1); }

// As it stands between the quotes of a JSON string.
std::string Escaped(std::string_view text) {
  std::string quoted;
  AppendJsonString(text, &quoted);
  return quoted.substr(1, quoted.size() - 2);
}

// Adds `path` and everything that it lies in to the trie; calls `visit` with each one's id, the
// outermost first.
template <typename Visit>
FieldId AddAll(std::string_view path, FieldTrie* trie, Visit visit) {
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    visit(trie->Add(path.substr(0, dot)), path.substr(0, dot));
  }
  const FieldId id = trie->Add(path);
  visit(id, path);
  return id;
}

class Compiler {
 public:
  explicit Compiler(ShapePlan* plan) : plan_(*plan) {}

  void Compile(const ShapeSpec& spec) {
    plan_.keeps_all = spec.keep.empty();
    plan_.flatten = spec.flatten;
    plan_.separator = spec.separator;
    for (const std::string& path : spec.keep) {
      const FieldId kept = AddPath(path);
      plan_.path_of[kept].keep = true;
      for (std::string_view p = ParentOf(path); !p.empty(); p = ParentOf(p)) {
        plan_.path_of[AddPath(p)].keeps_below = true;
      }
    }
    for (const std::string& path : spec.drop) plan_.path_of[AddPath(path)].drop = true;
    AddRenames(spec.renames);
    for (const ShapeSet& set : spec.sets) {
      AddSet(set, set.kind == ShapeSet::Kind::kTemplate, false);
    }
    plan_.text = TextOf(spec);
  }

 private:
  FieldId AddPath(std::string_view path) {
    return AddAll(path, &plan_.paths, [&](FieldId id, std::string_view) {
      if (id == plan_.path_of.size()) plan_.path_of.emplace_back();
    });
  }

  void AddRenames(const std::vector<std::pair<std::string, std::string>>& renames) {
    for (const auto& [from, to] : renames) {
      if (ParentOf(from) == ParentOf(to)) {
        ShapePlan::Path& path = plan_.path_of[AddPath(from)];
        path.new_name = std::string(LastStepOf(to));
        path.new_name_json = Escaped(path.new_name);
      } else {
        plan_.path_of[AddPath(from)].taken_out = true;
        AddSet({.path = to, .kind = ShapeSet::Kind::kField, .fields = {from}}, false, true);
      }
    }
    // A new name is the renamed field's alone. What bears it now goes, unless it is renamed itself.
    for (const auto& [from, to] : renames) {
      if (ParentOf(from) != ParentOf(to)) continue;
      ShapePlan::Path& replaced = plan_.path_of[AddPath(to)];
      if (replaced.new_name.empty() && !replaced.taken_out) replaced.drop = true;
    }
  }

  void AddSet(const ShapeSet& from, bool is_template, bool only_value) {
    ShapePlan::Set set{.kind = from.kind,
                       .path = from.path,
                       .constant = from.constant,
                       .is_object = from.is_object,
                       .members = from.members,
                       .only_value = only_value};
    if (is_template) {
      for (const std::string& literal : from.literals) set.literals.push_back(Escaped(literal));
    }
    for (const std::string& field : from.fields) {
      const FieldId id = plan_.reads.Add(field);
      if (id == plan_.read_paths.size()) plan_.read_paths.push_back(field);
      set.fields.push_back(id);
    }
    FieldId outer = FieldTrie::kNoField;
    const FieldId place = AddAll(from.path, &plan_.places, [&](FieldId id, std::string_view path) {
      if (id == plan_.place_of.size()) {
        plan_.place_of.push_back({.name = Escaped(LastStepOf(path))});
        (outer == FieldTrie::kNoField ? plan_.top_places : plan_.place_of[outer].within)
            .push_back(id);
      }
      outer = id;
    });
    plan_.place_of[place].set = static_cast<uint32_t>(plan_.sets.size());
    plan_.sets.push_back(std::move(set));
  }

  // Every text with its length before it.
  static void Append(std::string_view text, std::string* to) {
    absl::StrAppend(to, text.size(), ":");
    to->append(text);
  }

  static std::string TextOf(const ShapeSpec& spec) {
    std::string text;
    const auto add_set = [&](char kind, std::vector<std::string> paths) {
      std::sort(paths.begin(), paths.end());
      paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
      for (const std::string& path : paths) {
        text.push_back(kind);
        Append(path, &text);
      }
    };
    add_set('k', spec.keep);
    add_set('d', spec.drop);
    for (const auto& [from, to] : spec.renames) {
      text.push_back('r');
      Append(from, &text);
      Append(to, &text);
    }
    for (const ShapeSet& set : spec.sets) {
      text.push_back("ctfg"[static_cast<size_t>(set.kind)]);
      Append(set.path, &text);
      Append(set.constant, &text);
      for (size_t i = 0; i < set.fields.size(); ++i) {
        if (i < set.literals.size()) Append(set.literals[i], &text);
        Append(set.fields[i], &text);
      }
      if (!set.literals.empty()) Append(set.literals.back(), &text);
    }
    if (spec.flatten) {
      text.push_back('s');
      Append(spec.separator, &text);
    }
    return text;
  }

  ShapePlan& plan_;
};

}  // namespace

std::shared_ptr<const ShapePlan> CompileShape(const ShapeSpec& spec) {
  auto plan = std::make_shared<ShapePlan>();
  Compiler(plan.get()).Compile(spec);
  return plan;
}

}  // namespace turnout::router
