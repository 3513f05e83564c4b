#include "deploy/manager/change.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/json_text.h"

namespace turnout::manager {
namespace {

using Json = nlohmann::json;

void AppendStrings(const std::vector<std::string>& texts, std::string* out) {
  *out += '[';
  for (const std::string& text : texts) {
    if (out->back() != '[') *out += ',';
    runtime::AppendJsonString(text, out);
  }
  *out += ']';
}

// What is empty is left out.
void AppendContent(const ItemContent& content, std::string* out) {
  *out += "{\"text\":";
  runtime::AppendJsonString(content.text, out);
  if (!content.type.empty()) {
    *out += ",\"type\":";
    runtime::AppendJsonString(content.type, out);
  }
  if (!content.bound_to.empty()) {
    *out += ",\"bound_to\":";
    AppendStrings(content.bound_to, out);
  }
  *out += '}';
}

void AppendEdit(const DoneEdit& edit, std::string* out) {
  *out += "{\"id\":";
  runtime::AppendJsonString(edit.id.ToString(), out);
  absl::StrAppend(out, ",\"before\":", edit.before, ",\"content\":");
  if (edit.content) {
    AppendContent(*edit.content, out);
  } else {
    *out += "null";
  }
  *out += '}';
}

// Takes what a change has out of its JSON; what is of another form is noted.
class Reader {
 public:
  bool ok() const { return fault_.empty(); }
  const std::string& fault() const { return fault_; }

  const Json* Find(const Json& in, const char* name) {
    const auto found = in.find(name);
    if (found == in.end() || found->is_null()) return nullptr;
    return &*found;
  }

  int64_t Number(const Json& in, const char* name) {
    const Json* found = Find(in, name);
    if (found != nullptr && found->is_number_integer()) return found->get<int64_t>();
    Fail(name, "a whole number");
    return 0;
  }

  // Empty if it is left out.
  std::string Text(const Json& in, const char* name) {
    const Json* found = Find(in, name);
    if (found == nullptr) return {};
    if (found->is_string()) return found->get<std::string>();
    Fail(name, "a string");
    return {};
  }

  std::vector<std::string> Texts(const Json& in, const char* name) {
    const Json* found = Find(in, name);
    if (found == nullptr) return {};
    std::vector<std::string> texts;
    for (const Json& one : *found) {
      if (one.is_string()) texts.push_back(one.get<std::string>());
    }
    if (!found->is_array() || texts.size() != found->size()) Fail(name, "a list of strings");
    return texts;
  }

  std::vector<Rewrapped> AllRewrapped(const Json& in) {
    const Json* found = Find(in, "rewrapped");
    std::vector<Rewrapped> all;
    if (found == nullptr) return all;
    for (const Json& one : *found) {
      absl::StatusOr<ItemId> id = ReadItemId(one.is_object() ? Text(one, "id") : "");
      if (!id.ok()) {
        Fail("rewrapped", "a list of secrets");
        break;
      }
      all.push_back({*std::move(id), Number(one, "version"), Text(one, "text")});
    }
    return all;
  }

  std::vector<DoneEdit> Edits(const Json& in) {
    const Json* found = Find(in, "edits");
    std::vector<DoneEdit> edits;
    if (found == nullptr || !found->is_array()) {
      Fail("edits", "a list");
      return edits;
    }
    for (const Json& one : *found) edits.push_back(ReadEdit(one));
    return edits;
  }

 private:
  DoneEdit ReadEdit(const Json& in) {
    DoneEdit edit;
    if (!in.is_object()) {
      Fail("edits", "a list of objects");
      return edit;
    }
    absl::StatusOr<ItemId> id = ReadItemId(Text(in, "id"));
    if (!id.ok()) {
      Fail("id", "an item's");
      return edit;
    }
    edit.id = *std::move(id);
    edit.before = Number(in, "before");
    const Json* content = Find(in, "content");
    if (content == nullptr) return edit;
    if (!content->is_object() || Find(*content, "text") == nullptr) {
      Fail("content", "an object with a text");
      return edit;
    }
    edit.content = ItemContent{.text = Text(*content, "text"),
                               .type = Text(*content, "type"),
                               .bound_to = Texts(*content, "bound_to")};
    return edit;
  }

  void Fail(const char* name, const char* wanted) {
    if (ok()) fault_ = absl::StrCat("`", name, "` is not ", wanted);
  }

  std::string fault_;
};

}  // namespace

std::string ToJson(const Change& change) {
  std::string json =
      absl::StrCat("{\"number\":", change.number, ",\"at_ms\":", change.at_ms, ",\"by\":");
  runtime::AppendJsonString(change.by, &json);
  json += ",\"why\":";
  runtime::AppendJsonString(change.why, &json);
  json += ",\"approved_by\":";
  AppendStrings(change.approved_by, &json);
  if (change.reverts) absl::StrAppend(&json, ",\"reverts\":", *change.reverts);
  json += ",\"edits\":[";
  for (const DoneEdit& edit : change.edits) {
    if (json.back() != '[') json += ',';
    AppendEdit(edit, &json);
  }
  json += ']';
  if (!change.rewrapped.empty()) json += ",\"rewrapped\":[";
  for (const Rewrapped& one : change.rewrapped) {
    absl::StrAppend(&json, json.back() == '[' ? "" : ",", "{\"id\":");
    runtime::AppendJsonString(one.id.ToString(), &json);
    absl::StrAppend(&json, ",\"version\":", one.version, ",\"text\":");
    runtime::AppendJsonString(one.text, &json);
    json += '}';
  }
  json += change.rewrapped.empty() ? "}" : "]}";
  return json;
}

absl::StatusOr<Change> ReadChange(std::string_view json) {
  const Json read = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!read.is_object()) return absl::DataLossError("it is no change: no JSON object");
  Reader reader;
  Change change{.number = reader.Number(read, "number"),
                .at_ms = reader.Number(read, "at_ms"),
                .by = reader.Text(read, "by"),
                .why = reader.Text(read, "why"),
                .approved_by = reader.Texts(read, "approved_by"),
                .edits = reader.Edits(read),
                .rewrapped = reader.AllRewrapped(read)};
  if (reader.Find(read, "reverts") != nullptr) change.reverts = reader.Number(read, "reverts");
  if (!reader.ok()) return absl::DataLossError("it is no change: " + reader.fault());
  return change;
}

}  // namespace turnout::manager
