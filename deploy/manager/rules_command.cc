#include "deploy/manager/rules_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item.h"
#include "deploy/manager/item_tree.h"
#include "deploy/manager/unified_diff.h"
#include "runtime/exit_status.h"
#include "runtime/json_text.h"
#include "state/sigv4.h"

namespace turnout::manager {
namespace {

using Json = nlohmann::json;

constexpr int kRefusedStatus = 422;
constexpr int kConflictStatus = 409;
constexpr int kStaleStatus = 412;
constexpr int kProposedStatus = 202;
constexpr int kNotFoundStatus = 404;
constexpr size_t kPieceBytes = 64 << 10;

// Control characters of what others wrote would reach the terminal.
std::string Plain(std::string_view text) {
  std::string plain(text);
  std::replace_if(
      plain.begin(), plain.end(),
      [](char byte) {
        return (static_cast<unsigned char>(byte) < ' ' && byte != '\t') || byte == 127;
      },
      '?');
  return plain;
}

std::string TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t NumberOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

const Json& ListOf(const Json& object, const char* name) {
  static const Json kNone = Json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : kNone;
}

bool IsTrue(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// All that comes; InvalidArgument if it is more than an item may have.
absl::StatusOr<std::string> ReadAll(std::FILE* file, const std::string& name) {
  std::string text;
  std::vector<char> piece(kPieceBytes);
  while (const size_t bytes = std::fread(piece.data(), 1, piece.size(), file)) {
    text.append(piece.data(), bytes);
    if (text.size() > kItemTextBytesMax) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s is too large; an item has at most %d bytes", name, kItemTextBytesMax));
    }
  }
  if (std::ferror(file) != 0) {
    return absl::InvalidArgumentError(absl::StrFormat("%s can't be read", name));
  }
  return text;
}

class RulesCommand {
 public:
  RulesCommand(const RulesOptions& options, ManagerClient* client, std::FILE* in, std::FILE* out,
               std::FILE* err)
      : options_(options), client_(*client), in_(in), out_(out), err_(err) {}

  int Run() {
    const std::string& verb = options_.verb;
    if (verb == "ls") return List();
    if (verb == "get") return Get();
    if (verb == "put") return Put();
    if (verb == "diff") return Diff();
    if (verb == "search") return Search();
    if (verb == "replace") return Replace();
    if (verb == "export") return Export();
    if (verb == "import") return Import();
    return RollBack();
  }

 private:
  int Fail(const absl::Status& status) const {
    std::fprintf(err_, "turnout rules: %s\n", Plain(std::string(status.message())).c_str());
    return absl::IsInvalidArgument(status) ? runtime::kExitRefused : runtime::kExitFailed;
  }

  // False: it says so, and how many are wanted.
  bool HasOperands(size_t min, size_t max, const char* wanted) const {
    if (options_.operands.size() >= min && options_.operands.size() <= max) return true;
    std::fprintf(err_, "turnout rules %s: give %s\n", options_.verb.c_str(), wanted);
    return false;
  }

  std::string ServicePath() const {
    return "/v1/services/" + state::UriEncode(options_.service, false);
  }

  // Of KIND/NAME, or of NAME alone.
  absl::StatusOr<std::string> ItemPath(const std::string& named) const {
    const std::string both = named.find('/') == std::string::npos ? Kind() + "/" + named : named;
    absl::StatusOr<ItemId> id = ReadItemId(options_.service + "/" + both);
    if (!id.ok()) return id.status();
    return ServicePath() + "/items/" + both;
  }

  // The answer's JSON. Where it is wanted as it is, it is printed.
  absl::StatusOr<Json> Ask(std::string_view method, const std::string& path,
                           const std::string& body = "", const state::HttpHeaders& headers = {},
                           std::initializer_list<int> also = {}) {
    absl::StatusOr<ManagerAnswer> answer = client_.Ask(method, path, body, headers, also);
    if (!answer.ok()) return answer.status();
    status_ = answer->status;
    Json json = Json::parse(answer->body, nullptr, false);
    if (!json.is_object()) {
      return absl::UnavailableError("what answers is no config manager: its answer is no JSON");
    }
    return json;
  }

  void PrintJson(const Json& json) const { std::fprintf(out_, "%s\n", json.dump(2).c_str()); }
  void Line(const std::string& text) const { std::fprintf(out_, "%s\n", Plain(text).c_str()); }
  void Lines(std::string_view text) const {
    while (!text.empty()) {
      const size_t end = text.find('\n');
      Line(std::string(text.substr(0, end)));
      text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
  }

  // What publishing means, or why it can't be.
  void PrintReport(const Json& report) const {
    for (const Json& problem : ListOf(report, "problems")) {
      const int64_t line = NumberOf(problem, "line");
      const std::string place = line == 0 ? TextOf(problem, "id")
                                          : absl::StrFormat("%s:%d:%d", TextOf(problem, "id"), line,
                                                            NumberOf(problem, "column"));
      const std::string rule = TextOf(problem, "rule");
      Line(absl::StrFormat("%s: %s%s", place, rule.empty() ? "" : rule + ": ",
                           TextOf(problem, "text")));
    }
    for (const Json& rule : ListOf(report, "rules")) {
      std::string parts;
      for (const Json& part : ListOf(rule, "parts")) {
        if (part.is_string()) parts += (parts.empty() ? ": " : ", ") + part.get<std::string>();
      }
      Line(absl::StrFormat("%-9s %s%s", TextOf(rule, "effect"), TextOf(rule, "rule"), parts));
    }
    for (const Json& test : ListOf(report, "tests")) {
      const bool passed = IsTrue(test, "passed");
      Line(absl::StrFormat("%-9s %s: %s", passed ? "passed" : "FAILED", TextOf(test, "id"),
                           TextOf(test, "name")));
      for (const Json& failure : ListOf(test, "failures")) {
        if (failure.is_string()) Lines("          " + failure.get<std::string>());
      }
    }
  }

  // Both sides of each.
  void PrintConflicts(const Json& conflicts) const {
    for (const Json& conflict : conflicts) {
      const auto side = [&conflict](const char* name) {
        const auto found = conflict.find(name);
        return found != conflict.end() && found->is_object() ? TextOf(*found, "text")
                                                             : std::string();
      };
      const auto theirs = conflict.find("theirs");
      Line(absl::StrFormat(
          "%s is of version %d now; from theirs to yours:", TextOf(conflict, "id"),
          theirs != conflict.end() && theirs->is_object() ? NumberOf(*theirs, "version") : 0));
      Lines(UnifiedDiff("theirs", side("theirs"), "yours", side("yours")));
    }
  }

  // What became of a change that was asked for.
  int Finish(const Json& answer) {
    if (options_.json) {
      PrintJson(answer);
    } else {
      if (const auto report = answer.find("report"); report != answer.end()) PrintReport(*report);
      PrintConflicts(ListOf(answer, "conflicts"));
    }
    if (status_ == kRefusedStatus) {
      return Fail(absl::InvalidArgumentError("nothing is changed: " + TextOf(answer, "error")));
    }
    if (status_ == kConflictStatus || status_ == kStaleStatus) {
      return Fail(absl::AbortedError("nothing is changed: " + TextOf(answer, "error")));
    }
    if (options_.json) return runtime::kExitOk;
    if (status_ == kProposedStatus) {
      const auto proposal = answer.find("proposal");
      Line(absl::StrFormat(
          "proposed as %d: another person is to approve it",
          proposal != answer.end() && proposal->is_object() ? NumberOf(*proposal, "number") : 0));
      return runtime::kExitOk;
    }
    const std::string outcome = TextOf(answer, "outcome");
    if (outcome == "done") {
      Line(absl::StrFormat("done: change %d", NumberOf(answer, "change")));
    } else {
      Line(outcome == "unchanged" ? "nothing is changed: it is so already"
                                  : "nothing is changed: that was a dry run");
    }
    return runtime::kExitOk;
  }

  int List() {
    if (!HasOperands(0, 0, "no more: --kind says of which kind")) return runtime::kExitRefused;
    const absl::StatusOr<Json> answer =
        Ask("GET", ServicePath() + "/items?kind=" + state::UriEncode(Kind(), false));
    if (!answer.ok()) return Fail(answer.status());
    if (options_.json) {
      PrintJson(*answer);
      return runtime::kExitOk;
    }
    for (const Json& item : ListOf(*answer, "items")) {
      Line(absl::StrFormat("%8d  %s", NumberOf(item, "version"), TextOf(item, "name")));
    }
    return runtime::kExitOk;
  }

  int Get() {
    if (!HasOperands(1, 1, "a NAME, or KIND/NAME")) return runtime::kExitRefused;
    absl::StatusOr<std::string> path = ItemPath(options_.operands[0]);
    if (!path.ok()) return Fail(path.status());
    if (options_.version > 0) *path += absl::StrFormat("/versions/%d", options_.version);
    const absl::StatusOr<Json> item = Ask("GET", *path);
    if (!item.ok()) return Fail(item.status());
    if (options_.json) {
      PrintJson(*item);
      return runtime::kExitOk;
    }
    if (!item->contains("text")) {
      return Fail(absl::InvalidArgumentError(TextOf(*item, "id") +
                                             " is a secret: what it holds is never shown"));
    }
    const std::string text = TextOf(*item, "text");
    std::fwrite(text.data(), 1, text.size(), out_);
    return runtime::kExitOk;
  }

  absl::StatusOr<std::string> ReadOperand(const std::string& name) const {
    if (name == "-") return ReadAll(in_, "standard input");
    std::FILE* const file = std::fopen(name.c_str(), "rb");
    if (file == nullptr) {
      return absl::InvalidArgumentError(absl::StrFormat("there is no file %s to read", name));
    }
    absl::StatusOr<std::string> text = ReadAll(file, name);
    std::fclose(file);
    return text;
  }

  std::string Kind() const { return options_.kind.empty() ? "rules" : options_.kind; }

  std::string Flags(bool dry_run) const { return dry_run ? "?dry_run=1" : ""; }

  // What a value that is put has beside its text: a type, or accounts, which stay as they are where
  // no option says otherwise. The line break that editors and `echo` end a file with is none of it.
  absl::Status AddRest(const std::string& path, Json* body) {
    const bool is_config = absl::StrContains(path, "/items/config/");
    if (!is_config && !absl::StrContains(path, "/items/secret/")) return absl::OkStatus();
    auto& text = (*body)["text"].get_ref<std::string&>();
    if (!text.empty() && text.back() == '\n') text.pop_back();
    const absl::StatusOr<Json> item = Ask("GET", path, "", {}, {kNotFoundStatus});
    if (!item.ok()) return item.status();
    if (is_config) {
      const std::string there = TextOf(*item, "type");
      (*body)["type"] = !options_.type.empty() ? options_.type : there.empty() ? "string" : there;
      return absl::OkStatus();
    }
    (*body)["bound_to"] =
        options_.bound_to.empty() ? Json(ListOf(*item, "bound_to")) : Json(options_.bound_to);
    return absl::OkStatus();
  }

  int Put() {
    if (!HasOperands(2, 2, "a NAME and a FILE, or - for standard input"))
      return runtime::kExitRefused;
    const absl::StatusOr<std::string> path = ItemPath(options_.operands[0]);
    if (!path.ok()) return Fail(path.status());
    const absl::StatusOr<std::string> text = ReadOperand(options_.operands[1]);
    if (!text.ok()) return Fail(text.status());
    if (!runtime::IsUtf8(*text)) {
      return Fail(absl::InvalidArgumentError(options_.operands[1] + " is not UTF-8"));
    }
    state::HttpHeaders headers;
    if (options_.version > 0) {
      headers.push_back({"If-Match", absl::StrFormat("\"%d\"", options_.version)});
    }
    Json body = {{"text", *text}};
    if (!options_.why.empty()) body["why"] = options_.why;
    if (const absl::Status rest = AddRest(*path, &body); !rest.ok()) return Fail(rest);
    const absl::StatusOr<Json> answer = Ask("PUT", *path + Flags(options_.dry_run), body.dump(),
                                            headers, {kRefusedStatus, kStaleStatus});
    if (!answer.ok()) return Fail(answer.status());
    return Finish(*answer);
  }

  int Diff() {
    if (!HasOperands(1, 2, "a NAME, and a FILE to compare with, or --from and --to")) {
      return runtime::kExitRefused;
    }
    const absl::StatusOr<std::string> path = ItemPath(options_.operands[0]);
    if (!path.ok()) return Fail(path.status());
    if (options_.operands.size() == 2) return DiffWithFile(*path, options_.operands[1]);
    std::string query = absl::StrFormat("/diff?from=%d", options_.version);
    if (options_.to > 0) query += absl::StrFormat("&to=%d", options_.to);
    const absl::StatusOr<Json> answer = Ask("GET", *path + query);
    if (!answer.ok()) return Fail(answer.status());
    if (options_.json) {
      PrintJson(*answer);
    } else {
      Lines(TextOf(*answer, "diff"));
    }
    return runtime::kExitOk;
  }

  int DiffWithFile(const std::string& path, const std::string& file) {
    const absl::StatusOr<std::string> text = ReadOperand(file);
    if (!text.ok()) return Fail(text.status());
    const absl::StatusOr<Json> item = Ask("GET", path, "", {}, {kNotFoundStatus});
    if (!item.ok()) return Fail(item.status());
    Lines(UnifiedDiff(status_ == kNotFoundStatus ? "" : "the manager's", TextOf(*item, "text"),
                      file, *text));
    return runtime::kExitOk;
  }

  Json Query() const {
    Json query = {{"text", options_.operands[0]},
                  {"regex", options_.is_regex},
                  {"ignore_case", options_.ignores_case}};
    if (!options_.in.empty()) query["in"] = options_.in;
    if (!options_.kind.empty()) query["kinds"] = Json::array({options_.kind});
    if (!options_.team.empty()) query["team"] = options_.team;
    return query;
  }

  int Search() {
    if (!HasOperands(1, 1, "what to look for")) return runtime::kExitRefused;
    if (!runtime::IsUtf8(options_.operands[0])) {
      return Fail(absl::InvalidArgumentError("what to look for is not UTF-8"));
    }
    const absl::StatusOr<Json> answer = Ask("POST", ServicePath() + "/search", Query().dump());
    if (!answer.ok()) return Fail(answer.status());
    if (options_.json) {
      PrintJson(*answer);
      return runtime::kExitOk;
    }
    for (const Json& hit : ListOf(*answer, "hits")) {
      const int64_t line = NumberOf(hit, "line");
      Line(TextOf(hit, "id") + (line == 0 ? std::string() : absl::StrFormat(":%d", line)) + ": " +
           TextOf(hit, "excerpt"));
    }
    if (IsTrue(*answer, "cut_off")) {
      std::fprintf(err_, "turnout rules: there are more: look for something narrower\n");
    }
    return runtime::kExitOk;
  }

  int Replace() {
    if (!HasOperands(2, 2, "what to look for and what to put in its place"))
      return runtime::kExitRefused;
    if (!runtime::IsUtf8(options_.operands[0]) || !runtime::IsUtf8(options_.operands[1])) {
      return Fail(absl::InvalidArgumentError("what to look for and replace is not UTF-8"));
    }
    Json body = Query();
    body["replacement"] = options_.operands[1];
    if (!options_.why.empty()) body["why"] = options_.why;
    const std::string path = ServicePath() + "/replace";
    const absl::StatusOr<Json> preview = Ask("POST", path + Flags(true), body.dump());
    if (!preview.ok()) return Fail(preview.status());
    return Preview(*preview, [&] {
      // What was shown, and nothing else.
      Json versions = Json::object();
      for (const Json& item : ListOf(*preview, "items")) {
        versions[TextOf(item, "id")] = NumberOf(item, "version");
      }
      body["versions"] = std::move(versions);
      return Ask("POST", path, body.dump(), {}, {kRefusedStatus, kConflictStatus});
    });
  }

  // All items of the service, but for what secrets hold.
  absl::StatusOr<std::vector<Item>> Items() {
    const absl::StatusOr<Json> answer = Ask("GET", ServicePath() + "/items?texts=1");
    if (!answer.ok()) return answer.status();
    std::vector<Item> items;
    for (const Json& one : ListOf(*answer, "items")) {
      absl::StatusOr<ItemId> id = ReadItemId(TextOf(one, "id"));
      if (!id.ok()) return absl::UnavailableError("the manager's answer names no item");
      Item item{.id = *std::move(id),
                .content = {.text = TextOf(one, "text"), .type = TextOf(one, "type")},
                .version = NumberOf(one, "version")};
      for (const Json& account : ListOf(one, "bound_to")) {
        if (account.is_string()) item.content.bound_to.push_back(account.get<std::string>());
      }
      items.push_back(std::move(item));
    }
    return items;
  }

  int Export() {
    if (!HasOperands(1, 1, "a DIRECTORY")) return runtime::kExitRefused;
    const absl::StatusOr<std::vector<Item>> items = Items();
    if (!items.ok()) return Fail(items.status());
    const FileTree tree = ExportItems(*items);
    const absl::Status wrote = WriteTree(options_.operands[0], tree);
    if (!wrote.ok()) return Fail(wrote);
    Line(absl::StrFormat("%d files in %s", tree.size(), options_.operands[0]));
    return runtime::kExitOk;
  }

  int Import() {
    if (!HasOperands(1, 1, "a DIRECTORY, as `export` writes one")) return runtime::kExitRefused;
    absl::StatusOr<FileTree> tree = ReadTree(options_.operands[0]);
    if (!tree.ok()) return Fail(tree.status());
    std::erase_if(*tree, [this](const auto& file) {
      return !file.first.starts_with(options_.service + "/");
    });
    if (tree->empty()) {
      return Fail(absl::InvalidArgumentError(absl::StrFormat(
          "%s has no directory %s with files", options_.operands[0], options_.service)));
    }
    const absl::StatusOr<std::vector<Item>> items = Items();
    if (!items.ok()) return Fail(items.status());
    const absl::StatusOr<std::vector<Edit>> edits = ImportItems(
        *tree, *items,
        options_.deletes_missing ? MissingFile::kItemIsDeleted : MissingFile::kItemStays);
    if (!edits.ok()) return Fail(edits.status());
    if (edits->empty()) {
      Line("nothing is changed: it is so already");
      return runtime::kExitOk;
    }
    Json body = {{"edits", Json::array()}};
    if (!options_.why.empty()) body["why"] = options_.why;
    for (const Edit& edit : *edits) {
      if (edit.id.kind == ItemKind::kSecret && edit.content.has_value()) {
        return Fail(absl::InvalidArgumentError(
            edit.id.ToString() +
            " is a secret: whom it is bound to is changed by putting it anew"));
      }
      Json one = {{"id", edit.id.ToString()}, {"version", edit.expected.value_or(0)}};
      if (edit.content.has_value()) {
        one["text"] = edit.content->text;
        if (!edit.content->type.empty()) one["type"] = edit.content->type;
      } else {
        one["delete"] = true;
      }
      body["edits"].push_back(std::move(one));
    }
    const std::string path = ServicePath() + "/changes";
    const absl::StatusOr<Json> preview = Ask("POST", path + Flags(true), body.dump());
    if (!preview.ok()) return Fail(preview.status());
    return Preview(*preview, [&] {
      return Ask("POST", path, body.dump(), {}, {kRefusedStatus, kConflictStatus});
    });
  }

  int RollBack() {
    if (!HasOperands(1, 1, "the number of a change to undo, or a NAME with --to VERSION")) {
      return runtime::kExitRefused;
    }
    const std::string& operand = options_.operands[0];
    Json body = Json::object();
    if (!options_.why.empty()) body["why"] = options_.why;
    std::string path;
    if (options_.to > 0) {
      const absl::StatusOr<std::string> item = ItemPath(operand);
      if (!item.ok()) return Fail(item.status());
      path = *item + "/restore";
      body["version"] = options_.to;
    } else if (!operand.empty() && std::all_of(operand.begin(), operand.end(), [](char digit) {
                 return digit >= '0' && digit <= '9';
               })) {
      path = ServicePath() + "/changes/" + operand + "/revert";
    } else {
      return Fail(absl::InvalidArgumentError(
          "say which version to go back to with --to VERSION, or give the number of a change"));
    }
    const absl::StatusOr<Json> preview =
        Ask("POST", path + Flags(true), body.dump(), {}, {kConflictStatus});
    if (!preview.ok()) return Fail(preview.status());
    if (status_ == kConflictStatus) return Finish(*preview);
    return Preview(*preview, [&] {
      return Ask("POST", path, body.dump(), {}, {kRefusedStatus, kConflictStatus, kStaleStatus});
    });
  }

  // Shows it, then does it if that was asked for.
  template <typename Do>
  int Preview(const Json& preview, Do do_it) {
    const Json& items = ListOf(preview, "items");
    if (!options_.json) {
      for (const Json& item : items) {
        Line(absl::StrFormat("%s (version %d)%s", TextOf(item, "id"), NumberOf(item, "version"),
                             IsTrue(item, "deleted") ? ", deleted" : ""));
        Lines(TextOf(item, "diff"));
      }
    }
    if (items.empty() || options_.dry_run || !options_.yes) {
      const int status = Finish(preview);
      if (!items.empty() && !options_.dry_run) {
        std::fprintf(err_, "turnout rules: %d items would be changed; --yes does it\n",
                     static_cast<int>(items.size()));
      }
      return status;
    }
    const absl::StatusOr<Json> answer = do_it();
    if (!answer.ok()) return Fail(answer.status());
    return Finish(*answer);
  }

  const RulesOptions& options_;
  ManagerClient& client_;
  std::FILE* const in_;
  std::FILE* const out_;
  std::FILE* const err_;
  int status_ = 0;  // of the last answer
};

}  // namespace

int RunRules(const RulesOptions& options, std::FILE* in, std::FILE* out, std::FILE* err) {
  absl::StatusOr<std::unique_ptr<ManagerClient>> client = ManagerClient::Make(options.manager);
  if (client.ok()) {
    if (absl::Status checked = CheckItemName("service", options.service); !checked.ok()) {
      client = checked;
    }
  }
  if (!client.ok()) {
    std::fprintf(err, "turnout rules: %s\n", std::string(client.status().message()).c_str());
    return runtime::kExitRefused;
  }
  return RulesCommand(options, client->get(), in, out, err).Run();
}

}  // namespace turnout::manager
