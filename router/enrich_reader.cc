#include "router/enrich_reader.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "router/destination_template.h"
#include "router/node_checks.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kKeys[] = {"table", "key", "into", "missing"};
constexpr std::string_view kExample =
    "- {table: merchants, key: merchant.id, into: merchant, missing: null}";

// Whether one path is the other or lies within it.
bool Overlap(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return b.substr(0, a.size()) == a && (b.size() == a.size() || b[a.size()] == '.');
}

class EnrichReader {
 public:
  EnrichReader(const EnrichLimits& limits, std::vector<Problem>* problems)
      : limits_(limits), problems_(problems) {}

  void ReadAll(const Node& node, std::vector<EnrichSpec>* enrich) {
    const std::string cure = absl::StrFormat("write a list, such as `%s`", kExample);
    if (node.kind != Node::Kind::kArray || node.items.empty()) {
      return Add(node.at, "`enrich` must be a list of at least one entry", cure);
    }
    if (node.items.size() > static_cast<size_t>(limits_.enrich_max)) {
      return Add(node.at,
                 absl::StrFormat("`enrich` has %d entries, more than enrich_max, %d",
                                 node.items.size(), limits_.enrich_max),
                 "split the rule, or keep the tables' values in one table");
    }
    for (const Node& item : node.items) ReadEntry(item, enrich);
  }

 private:
  void Add(Position at, std::string what, std::string cure) {
    problems_->push_back({at, "", std::move(what), std::move(cure)});
  }

  // The string at `key`; null after a Problem.
  const Node* Need(const Node& node, std::string_view key, std::string_view what) {
    const Node* found = node.Find(key);
    if (found != nullptr && found->kind == Node::Kind::kString && !found->text.empty()) {
      return found;
    }
    Add(found == nullptr ? node.at : found->at,
        absl::StrFormat("an entry of `enrich` needs `%s`, %s", key, what),
        absl::StrFormat("write it as `%s`", kExample));
    return nullptr;
  }

  const Node* NeedPath(const Node& node, std::string_view key, std::string_view what) {
    const Node* found = Need(node, key, what);
    if (found == nullptr) return nullptr;
    const std::string_view fault = FieldPathFault(found->text);
    if (fault.empty()) return found;
    Add(found->at, absl::StrFormat("the path %s of `%s` %s", Quoted(found->text), key, fault),
        "write names joined by dots, such as `merchant.id`");
    return nullptr;
  }

  void ReadTable(const Node& node, EnrichSpec* spec) {
    const Node* table = Need(node, "table", "the name of a table");
    if (table == nullptr) return;
    spec->table = table->text;
    const std::vector<std::string>& known = limits_.tables;
    if (!limits_.tables_known ||
        std::find(known.begin(), known.end(), table->text) != known.end()) {
      return;
    }
    const std::vector<std::string_view> names(known.begin(), known.end());
    Add(table->at, absl::StrFormat("this pipeline has no table %s", Quoted(table->text)),
        names.empty() ? "have it added to `tables` in the pipeline's config"
                      : NearestNameCure(table->text, names));
  }

  void ReadMissing(const Node& node, EnrichSpec* spec) {
    const Node* missing = node.Find("missing");
    if (missing == nullptr || missing->kind == Node::Kind::kNull) return;
    const bool is_word = missing->kind == Node::Kind::kString;
    if (is_word && missing->text == "null") return;
    if (is_word && missing->text == "drop") {
      spec->missing = MissingPolicy::kDrop;
    } else if (is_word && missing->text == "park") {
      spec->missing = MissingPolicy::kPark;
    } else {
      Add(missing->at, "`missing` is none of null, drop and park",
          "null puts null into the event, drop ends the match, park sends the event to the parking "
          "topic");
    }
  }

  void ReadEntry(const Node& node, std::vector<EnrichSpec>* enrich) {
    const size_t before = problems_->size();
    if (!CheckObject(node, "enrich", kExample, problems_)) return;
    CheckKeys(node, kKeys, problems_);
    EnrichSpec spec;
    ReadTable(node, &spec);
    const Node* key = NeedPath(node, "key", "the event's field that holds the table's key");
    if (key != nullptr) spec.key_field = key->text;
    const Node* into = NeedPath(node, "into", "the field that the value is put into");
    if (into != nullptr) spec.into = into->text;
    ReadMissing(node, &spec);
    for (const EnrichSpec& other : *enrich) {
      if (into == nullptr || !Overlap(other.into, spec.into)) continue;
      Add(into->at,
          absl::StrFormat("`into` %s and %s are one place", Quoted(spec.into), Quoted(other.into)),
          "put each value into a field of its own");
    }
    if (problems_->size() == before) enrich->push_back(std::move(spec));
  }

  const EnrichLimits& limits_;
  std::vector<Problem>* const problems_;
};

}  // namespace

std::vector<EnrichSpec> ReadEnrich(const Node& node, const EnrichLimits& limits,
                                   std::vector<Problem>* problems) {
  std::vector<EnrichSpec> enrich;
  const size_t before = problems->size();
  EnrichReader(limits, problems).ReadAll(node, &enrich);
  if (problems->size() > before) enrich.clear();
  return enrich;
}

std::string EnrichText(const std::vector<EnrichSpec>& enrich) {
  std::string text;
  for (const EnrichSpec& spec : enrich) {
    for (const std::string* part : {&spec.table, &spec.key_field, &spec.into}) {
      text += absl::StrFormat("%d:%s", part->size(), *part);
    }
    text.push_back("ndp"[static_cast<size_t>(spec.missing)]);
  }
  return text;
}

}  // namespace turnout::router
