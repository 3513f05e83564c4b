#include "deploy/manager/item_tree.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/publish_check.h"
#include "router/canonical_text.h"
#include "router/document.h"
#include "router/suggest.h"
#include "runtime/json_text.h"
#include "runtime/rule_loader.h"

namespace turnout::manager {
namespace {

using router::Node;

constexpr std::string_view kSettingsFile = "settings.yaml";
constexpr char kForms[] =
    "SERVICE/rules/TEAM.yaml, SERVICE/tests/TEAM.test.yaml, SERVICE/pipelines/NAME.yaml, "
    "SERVICE/config/NAME.yaml, SERVICE/secrets/NAME.yaml or SERVICE/settings.yaml";

struct Folder {
  ItemKind kind;
  std::string_view name;
  std::vector<std::string_view> suffixes;
};

const std::vector<Folder>& Folders() {
  static const auto* const folders = new std::vector<Folder>{
      {ItemKind::kRules, "rules", {".yaml", ".json"}},
      {ItemKind::kTests, "tests", {".test.yaml", ".test.json"}},
      {ItemKind::kPipeline, "pipelines", {".yaml"}},
      {ItemKind::kConfig, "config", {".yaml"}},
      {ItemKind::kSecret, "secrets", {".yaml"}},
  };
  return *folders;
}

absl::Status Refuse(std::string_view path, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("%s: %s", path, what));
}

std::string PathOf(const Item& item) {
  const std::string& name = item.id.name;
  if (item.id.kind == ItemKind::kSettings) {
    return absl::StrFormat("%s/%s", item.id.service, kSettingsFile);
  }
  const auto folder = std::find_if(Folders().begin(), Folders().end(),
                                   [&](const Folder& one) { return one.kind == item.id.kind; });
  const std::string file = item.id.kind == ItemKind::kRules ? RuleFileName(name, item.content.text)
                           : item.id.kind == ItemKind::kTests
                               ? TestFileName(name, item.content.text)
                               : name + ".yaml";
  return absl::StrFormat("%s/%s/%s", item.id.service, folder->name, file);
}

// As ImportItems takes it out of the file of a config value.
std::string ValueOf(const Node& node) {
  if (node.kind == Node::Kind::kNull) return "null";
  const bool is_scalar = node.kind != Node::Kind::kArray && node.kind != Node::Kind::kObject;
  return is_scalar ? node.text : router::JsonText(node);
}

// The value as a block, line by line, or as it is; else in quotes, which everything can be.
std::string ValueText(const ItemContent& content) {
  const std::string head = absl::StrCat("type: ", runtime::JsonString(content.type), "\n");
  std::vector<std::string> forms;
  if (content.type == "number" || content.type == "boolean") {
    forms.push_back(absl::StrCat(head, "value: ", content.text, "\n"));
  }
  if (content.text.find('\n') != std::string::npos) {
    const bool ends = content.text.back() == '\n';
    std::string block = absl::StrCat(head, "value: |", ends ? "" : "-", "\n  ");
    for (size_t i = 0; i < content.text.size(); ++i) {
      block += content.text[i];
      const bool goes_on = i + 1 < content.text.size() && content.text[i + 1] != '\n';
      if (content.text[i] == '\n' && goes_on) block += "  ";
    }
    forms.push_back(block + (ends ? "" : "\n"));
  }
  for (std::string& form : forms) {
    std::vector<router::Problem> ignored;
    const std::optional<Node> root = router::ParseYaml(form, &ignored);
    const Node* const value = root ? root->Find("value") : nullptr;
    if (value != nullptr && root->members.size() == 2 && ValueOf(*value) == content.text) {
      return std::move(form);
    }
  }
  return absl::StrCat(head, "value: ", runtime::JsonString(content.text), "\n");
}

std::string BoundText(const ItemContent& content) {
  std::string text = "bound_to: [";
  for (size_t i = 0; i < content.bound_to.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", runtime::JsonString(content.bound_to[i]));
  }
  return text + "]\n";
}

// The file's object, of none but these members.
absl::StatusOr<Node> ReadObject(const std::string& path, const std::string& text,
                                const std::vector<std::string_view>& members) {
  std::vector<router::Problem> problems;
  std::optional<Node> root = router::ParseYaml(text, &problems);
  if (!root) return absl::InvalidArgumentError(runtime::FormatProblem(path, problems.front()));
  if (root->kind != Node::Kind::kObject) return Refuse(path, "it is no mapping; write one");
  for (const router::Member& member : root->members) {
    if (std::find(members.begin(), members.end(), member.name) != members.end()) continue;
    return Refuse(path, absl::StrFormat("%s does not belong there; remove it: %s",
                                        router::Quoted(member.name),
                                        router::NearestNameCure(member.name, members)));
  }
  if (root->members.size() == members.size()) return *std::move(root);
  return Refuse(path, absl::StrFormat("it has %d members; write each of `%s` once",
                                      root->members.size(), members.back()));
}

absl::Status ReadConfigFile(const std::string& path, const std::string& text,
                            ItemContent* content) {
  const absl::StatusOr<Node> root = ReadObject(path, text, {"type", "value"});
  if (!root.ok()) return root.status();
  const Node* const type = root->Find("type");
  const Node* const value = root->Find("value");
  if (type == nullptr || value == nullptr || type->kind != Node::Kind::kString) {
    return Refuse(path, "it has no `type` and `value`; write {type: string, value: ...}");
  }
  if (type->text == "string" && value->kind != Node::Kind::kString) {
    return Refuse(path, "the value of a string is no text; put it in quotes");
  }
  *content = {.text = ValueOf(*value), .type = type->text};
  return absl::OkStatus();
}

absl::Status ReadSecretFile(const std::string& path, const std::string& text, const Item* there,
                            ItemContent* content) {
  const absl::StatusOr<Node> root = ReadObject(path, text, {"bound_to"});
  if (!root.ok()) return root.status();
  if (there == nullptr) {
    return Refuse(path,
                  "there is no such secret, and a file has no value for it; write its value "
                  "in the manager first");
  }
  const Node& accounts = root->members[0].value;
  if (accounts.kind != Node::Kind::kArray) {
    return Refuse(path, "`bound_to` is no list; write the service accounts as one");
  }
  content->text = there->content.text;
  for (const Node& account : accounts.items) {
    if (account.kind != Node::Kind::kString) {
      return Refuse(path, "an entry of `bound_to` is no text; put it in quotes");
    }
    content->bound_to.push_back(account.text);
  }
  std::sort(content->bound_to.begin(), content->bound_to.end());
  const auto last = std::unique(content->bound_to.begin(), content->bound_to.end());
  content->bound_to.erase(last, content->bound_to.end());
  return absl::OkStatus();
}

absl::StatusOr<ItemContent> ReadItemFile(const ItemId& id, const std::string& path,
                                         const std::string& text, const Item* there) {
  ItemContent content;
  absl::Status read = absl::OkStatus();
  if (id.kind == ItemKind::kConfig) {
    read = ReadConfigFile(path, text, &content);
  } else if (id.kind == ItemKind::kSecret) {
    read = ReadSecretFile(path, text, there, &content);
  } else {
    content.text = text;
  }
  if (!read.ok()) return read;
  if (absl::Status checked = CheckItemContent(id, content); !checked.ok()) {
    return Refuse(path, {checked.message().data(), checked.message().size()});
  }
  return content;
}

}  // namespace

absl::StatusOr<ItemId> ItemAtPath(const std::string& path) {
  const absl::Status refused =
      Refuse(path, absl::StrCat("no item has such a file; name it ", kForms));
  const size_t slash = path.find('/');
  if (slash == path.npos) return refused;
  ItemId id{.service = path.substr(0, slash)};
  const std::string rest = path.substr(slash + 1);
  if (rest == kSettingsFile) {
    id.kind = ItemKind::kSettings;
    id.name = kSettingsName;
  }
  for (const Folder& folder : Folders()) {
    const std::string prefix = std::string(folder.name) + "/";
    if (!absl::StartsWith(rest, prefix)) continue;
    id.kind = folder.kind;
    for (const std::string_view suffix : folder.suffixes) {
      if (!absl::EndsWith(rest, std::string(suffix))) continue;
      id.name = rest.substr(prefix.size(),
                            rest.size() - std::min(rest.size(), prefix.size() + suffix.size()));
    }
  }
  absl::Status checked = CheckItemName("service", id.service);
  if (checked.ok()) checked = CheckItemName("name", id.name);
  return checked.ok() ? absl::StatusOr<ItemId>(std::move(id)) : refused;
}

absl::Status CheckTreePath(const std::string& path) { return ItemAtPath(path).status(); }

FileTree ExportItems(const std::vector<Item>& items) {
  FileTree tree;
  for (const Item& item : items) {
    tree[PathOf(item)] = item.id.kind == ItemKind::kConfig   ? ValueText(item.content)
                         : item.id.kind == ItemKind::kSecret ? BoundText(item.content)
                                                             : item.content.text;
  }
  return tree;
}

absl::StatusOr<std::vector<Edit>> ImportItems(const FileTree& tree, const std::vector<Item>& items,
                                              MissingFile missing) {
  std::map<ItemId, const Item*> there;
  for (const Item& item : items) there.emplace(item.id, &item);
  std::map<ItemId, std::string> paths;
  std::vector<Edit> edits;
  for (const auto& [path, text] : tree) {
    const absl::StatusOr<ItemId> id = ItemAtPath(path);
    if (!id.ok()) return id.status();
    const auto [first, is_new] = paths.emplace(*id, path);
    if (!is_new) {
      return Refuse(path, absl::StrFormat("%s is of the same item; keep one", first->second));
    }
    const auto found = there.find(*id);
    const Item* const item = found == there.end() ? nullptr : found->second;
    absl::StatusOr<ItemContent> content = ReadItemFile(*id, path, text, item);
    if (!content.ok()) return content.status();
    if (item != nullptr && item->content == *content) continue;
    edits.push_back({.id = *id,
                     .content = *std::move(content),
                     .expected = item == nullptr ? 0 : item->version});
  }
  for (const auto& [id, item] : there) {
    if (missing == MissingFile::kItemStays || paths.contains(id)) continue;
    edits.push_back({.id = id, .expected = item->version});
  }
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.id < b.id; });
  return edits;
}

}  // namespace turnout::manager
