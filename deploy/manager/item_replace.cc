#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item_search.h"
#include "deploy/manager/rule_places.h"
#include "deploy/manager/search_expression.h"
#include "router/suggest.h"

namespace turnout::manager {
namespace {

class Replacer {
 public:
  Replacer(const SearchQuery& query, SearchExpression* expression)
      : query_(query), expression_(*expression) {}

  // Adds the item's edits.
  absl::Status Replace(const Item& item);
  absl::StatusOr<std::vector<Edit>> Finish(const std::vector<Item>& items);

 private:
  std::string ReplacedText(std::string_view text, bool by_lines);
  absl::Status ReplacePlaces(const Item& item, std::string* text);
  absl::Status Bound(const Item& item, size_t bytes);

  const SearchQuery& query_;
  SearchExpression& expression_;
  size_t made_bytes_ = 0;
  std::vector<Edit> edits_;
  std::map<ItemId, ItemId> moved_;  // new ids, and what they were
};

// Stops early where it becomes too much; whoever asked for it looks at that.
std::string Replacer::ReplacedText(std::string_view text, bool by_lines) {
  std::string out;
  size_t done = 0;
  const auto replace = [&](const SearchMatch& match) {
    out.append(text.substr(done, match.begin - done));
    expression_.AppendReplacement(match, &out);
    done = match.end;
    return out.size() <= kItemTextBytesMax && !expression_.is_spent();
  };
  if (by_lines) {
    expression_.ForEachInLines(text, replace);
  } else {
    expression_.ForEach(text, replace);
  }
  out.append(text.substr(done));
  return out;
}

absl::Status Replacer::Bound(const Item& item, size_t bytes) {
  made_bytes_ += bytes;
  if (expression_.is_spent()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: the expression %s has too much to look through at each of its matches; search for "
        "less, in fewer items",
        item.id.ToString(), router::Quoted(query_.text)));
  }
  if (bytes <= kItemTextBytesMax && made_bytes_ <= kReplacedBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: the replacement makes texts of more than %d bytes, or of %d together; replace less at "
      "once",
      item.id.ToString(), kItemTextBytesMax, kReplacedBytesMax));
}

absl::Status Replacer::ReplacePlaces(const Item& item, std::string* text) {
  const std::string before = *text;
  std::string out;
  size_t done = 0;
  size_t last_begin = RulePlace::kNowhere;
  for (const RulePlace& place : FindRulePlaces(before).places) {
    if (!LooksAt(place, query_)) continue;
    const std::string changed = ReplacedText(place.text, false);
    // By an alias it may be of a pattern and a destination both.
    if (changed == place.text || place.begin == last_begin) continue;
    last_begin = place.begin;
    if (place.end == RulePlace::kNowhere || place.begin < done) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s:%d: %s stands there by an alias or over several lines, and is not replaced so; "
          "write it in quotes on one line first",
          item.id.ToString(), place.line, router::Quoted(place.text)));
    }
    out.append(before, done, place.begin - done);
    out += WrittenAs(before, place, changed);
    done = place.end;
    if (absl::Status bounded = Bound(item, out.size() > kItemTextBytesMax ? out.size() : 0);
        !bounded.ok()) {
      return bounded;
    }
  }
  *text = out.append(before, done);
  return absl::OkStatus();
}

absl::Status Replacer::Replace(const Item& item) {
  ItemId id = item.id;
  ItemContent content = item.content;
  if (LooksAtName(query_)) id.name = ReplacedText(id.name, false);
  if (LooksAtText(item, query_)) {
    content.text = ReplacedText(content.text, true);
  } else if (LooksAtPlaces(item, query_)) {
    if (absl::Status replaced = ReplacePlaces(item, &content.text); !replaced.ok()) return replaced;
  }
  if (id == item.id && content == item.content) return absl::OkStatus();
  if (absl::Status bounded = Bound(item, content.text.size()); !bounded.ok()) return bounded;
  if (id == item.id) {
    edits_.push_back({.id = id, .content = std::move(content), .expected = item.version});
    return absl::OkStatus();
  }
  if (absl::Status checked = CheckItemName("name", id.name); !checked.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(item.id.ToString(), ": ", checked.message()));
  }
  if (id.kind == ItemKind::kSecret) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is sealed under its name; leave secrets out, or put it anew as %s",
                        item.id.ToString(), id.name));
  }
  const auto [other, is_new] = moved_.emplace(id, item.id);
  if (!is_new) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s and %s would both become %s; replace less at once",
                        other->second.ToString(), item.id.ToString(), id.ToString()));
  }
  edits_.push_back({.id = id, .content = std::move(content), .expected = 0});
  edits_.push_back({.id = item.id, .expected = item.version});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Edit>> Replacer::Finish(const std::vector<Item>& items) {
  for (const Item& item : items) {
    const auto moved = moved_.find(item.id);
    if (moved == moved_.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("%s would become %s, which is there already; choose another name",
                        moved->second.ToString(), item.id.ToString()));
  }
  if (edits_.size() > kEditsPerChangeMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the replacement makes %d edits; a change may have %d, so replace less at "
                        "once",
                        edits_.size(), kEditsPerChangeMax));
  }
  return std::move(edits_);
}

}  // namespace

absl::StatusOr<std::vector<Edit>> Replace(const std::vector<Item>& items, const SearchQuery& query,
                                          const std::string& replacement) {
  const absl::StatusOr<std::unique_ptr<SearchExpression>> expression =
      SearchExpression::Compile(query);
  if (!expression.ok()) return expression.status();
  if (absl::Status used = (*expression)->UseReplacement(replacement); !used.ok()) return used;
  Replacer replacer(query, expression->get());
  for (const Item& item : items) {
    if (!IsLookedAt(item, query)) continue;
    if (absl::Status replaced = replacer.Replace(item); !replaced.ok()) return replaced;
  }
  return replacer.Finish(items);
}

}  // namespace turnout::manager
