#include "deploy/manager/item_search.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/rule_places.h"
#include "router/suggest.h"

namespace turnout::manager {
namespace {

constexpr size_t kGroupsMax = 10;  // \0 to \9

absl::Status Refuse(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrFormat("the expression %s %s", router::Quoted(text), what));
}

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

class Expression {
 public:
  using Groups = std::array<re2::StringPiece, kGroupsMax>;

  static absl::StatusOr<std::unique_ptr<Expression>> Compile(const SearchQuery& query);

  // Of what is not empty, in order; `found` answers whether to go on. False: it said no.
  template <typename Found>
  bool ForEach(std::string_view text, size_t groups, const Found& found) {
    Groups match;
    const re2::StringPiece within = Piece(text);
    const RE2::Anchor anchor = is_whole_ ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
    const int wanted = static_cast<int>(groups);
    for (size_t at = 0; at < text.size();) {
      if (!is_literal_) searched_bytes_ += text.size() - at;
      if (!re2_.Match(within, at, text.size(), anchor, match.data(), wanted)) return true;
      const auto begin = static_cast<size_t>(match[0].data() - text.data());
      const size_t end = begin + match[0].size();
      if (begin < end && !found(begin, end, match)) return false;
      if (is_whole_) return true;
      at = std::max(end, begin + 1);
      while (begin == end && at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
    }
    return true;
  }
  // As ForEach, line by line, or as a whole where the query wants that.
  template <typename Found>
  bool ForEachInLines(std::string_view text, size_t groups, const Found& found) {
    if (is_whole_) {
      return ForEach(text, groups, [&](size_t begin, size_t end, const Groups& match) {
        return found(size_t{1}, begin, end, match);
      });
    }
    size_t line = 1;
    for (size_t at = 0; at < text.size(); ++line) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const bool has_return = end > at && text[end - 1] == '\r';
      const std::string_view content = text.substr(at, end - at - (has_return ? 1 : 0));
      const bool go_on = ForEach(content, groups, [&](size_t from, size_t to, const Groups& match) {
        return found(line, at + from, at + to, match);
      });
      if (!go_on) return false;
      at = end + 1;
    }
    return true;
  }

  const RE2& re2() const { return re2_; }
  // All that was before an expression's search, added up.
  uint64_t searched_bytes() const { return searched_bytes_; }

 private:
  Expression(const SearchQuery& query, const RE2::Options& options)
      : re2_(Piece(query.text), options), is_whole_(query.is_whole), is_literal_(!query.is_regex) {}

  const RE2 re2_;
  const bool is_whole_;
  const bool is_literal_;
  uint64_t searched_bytes_ = 0;
};

absl::StatusOr<std::unique_ptr<Expression>> Expression::Compile(const SearchQuery& query) {
  if (query.text.empty()) {
    return absl::InvalidArgumentError("there is nothing to search for; give a text");
  }
  if (query.text.size() > kExpressionBytesMax) {
    return Refuse(
        query.text.substr(0, 100),
        absl::StrFormat("has %d bytes; give %d at most", query.text.size(), kExpressionBytesMax));
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kExpressionMemoryMax);
  options.set_case_sensitive(!query.ignores_case);
  options.set_literal(!query.is_regex);
  std::unique_ptr<Expression> made(new Expression(query, options));
  if (made->re2_.ok()) return made;
  if (made->re2_.error_code() == RE2::ErrorPatternTooLarge) {
    return Refuse(query.text, "takes too much memory; ask for less, with smaller repetitions");
  }
  return Refuse(query.text,
                absl::StrCat("can't be read: ", made->re2_.error(), "; write it in RE2's syntax"));
}

bool Has(const std::vector<SearchIn>& in, SearchIn one) {
  if (in.empty()) return one == SearchIn::kNames || one == SearchIn::kTexts;
  return std::find(in.begin(), in.end(), one) != in.end();
}

bool IsLookedAt(const Item& item, const SearchQuery& query) {
  const ItemKind kind = item.id.kind;
  if (!query.kinds.empty() &&
      std::find(query.kinds.begin(), query.kinds.end(), kind) == query.kinds.end()) {
    return false;
  }
  if (query.team.empty()) return true;
  return (kind == ItemKind::kRules || kind == ItemKind::kTests) && item.id.name == query.team;
}

bool LooksAtText(const Item& item, const SearchQuery& query) {
  return item.id.kind != ItemKind::kSecret && Has(query.in, SearchIn::kTexts);
}

bool LooksAtPlaces(const Item& item, const SearchQuery& query) {
  return item.id.kind == ItemKind::kRules &&
         (Has(query.in, SearchIn::kPatterns) || Has(query.in, SearchIn::kDestinations));
}

bool IsWanted(const RulePlace& place, const SearchQuery& query) {
  return Has(query.in, place.is_destination ? SearchIn::kDestinations : SearchIn::kPatterns);
}

// Sets the excerpt: the line around the offset `begin`, and what of [begin, end) is in it.
void SetExcerpt(std::string_view text, size_t begin, size_t end, SearchHit* hit) {
  begin = std::min(begin, text.size());
  size_t from = begin == 0 ? 0 : text.rfind('\n', begin - 1) + 1;  // 0 where there is none
  size_t to = std::min(text.find_first_of("\r\n", begin), text.size());
  end = std::clamp(end, begin, to);
  const size_t before = kExcerptBytesMax / 4;
  if (to - from > kExcerptBytesMax) {
    from = std::max(from, begin - std::min(begin, before));
    while (from < begin && (text[from] & 0xC0) == 0x80) ++from;
    to = std::min(to, from + kExcerptBytesMax);
    while (to > from && to < text.size() && (text[to] & 0xC0) == 0x80) --to;
  }
  hit->excerpt = text.substr(from, to - from);
  hit->begin = begin - from;
  hit->end = std::clamp(end, begin, std::max(to, begin)) - from;
}

class Searcher {
 public:
  Searcher(const SearchQuery& query, Expression* expression, size_t hits_max,
           RulePlacesCache* cache)
      : query_(query), expression_(*expression), hits_max_(hits_max), cache_(cache) {}

  void Look(const Item& item);
  SearchResult Take() { return std::move(result_); }

 private:
  bool LookAtName(const Item& item);
  bool LookAtText(const Item& item);
  bool LookAtPlaces(const Item& item);
  // False: there is no room for it.
  bool HasRoom();
  const RulePlaces& PlacesOf(const Item& item);

  const SearchQuery& query_;
  Expression& expression_;
  const size_t hits_max_;
  RulePlacesCache* const cache_;
  SearchResult result_;
  bool has_any_ = false;                      // the item at hand
  std::shared_ptr<const RulePlaces> places_;  // of it, once asked for
};

bool Searcher::HasRoom() {
  has_any_ = true;
  const bool is_too_much = expression_.searched_bytes() > kSearchedBytesMax;
  if (result_.hits.size() < hits_max_ && !is_too_much) return true;
  result_.is_cut_off = true;
  return false;
}

const RulePlaces& Searcher::PlacesOf(const Item& item) {
  if (places_ != nullptr) return *places_;
  if (item.id.kind != ItemKind::kRules) {
    places_ = std::make_shared<const RulePlaces>();
  } else if (cache_ != nullptr) {
    places_ = cache_->Find(item.content.text);
  } else {
    places_ = std::make_shared<const RulePlaces>(FindRulePlaces(item.content.text));
  }
  return *places_;
}

bool Searcher::LookAtName(const Item& item) {
  return expression_.ForEach(item.id.name, 1, [&](size_t begin, size_t end, const auto&) {
    if (!HasRoom()) return false;
    SearchHit hit{.id = item.id, .in = SearchIn::kNames};
    SetExcerpt(item.id.name, begin, end, &hit);
    result_.hits.push_back(std::move(hit));
    return true;
  });
}

bool Searcher::LookAtText(const Item& item) {
  const std::string_view text = item.content.text;
  return expression_.ForEachInLines(
      text, 1, [&](size_t line, size_t begin, size_t end, const auto&) {
        if (!HasRoom()) return false;
        SearchHit hit{.id = item.id, .in = SearchIn::kTexts, .line = line};
        SetExcerpt(text, begin, end, &hit);
        hit.rule = PlacesOf(item).RuleAt(line);
        result_.hits.push_back(std::move(hit));
        return true;
      });
}

bool Searcher::LookAtPlaces(const Item& item) {
  for (const RulePlace& place : PlacesOf(item).places) {
    if (!IsWanted(place, query_)) continue;
    const bool go_on = expression_.ForEach(place.text, 1, [&](size_t from, size_t to, const auto&) {
      if (!HasRoom()) return false;
      SearchHit hit{.id = item.id,
                    .in = place.is_destination ? SearchIn::kDestinations : SearchIn::kPatterns,
                    .line = place.line,
                    .rule = place.rule};
      // Where it is written otherwise than it reads, all of it is shown.
      const bool is_plain = place.content != RulePlace::kNowhere;
      const size_t end = place.end == RulePlace::kNowhere ? place.begin : place.end;
      SetExcerpt(item.content.text, is_plain ? place.content + from : place.begin,
                 is_plain ? place.content + to : end, &hit);
      result_.hits.push_back(std::move(hit));
      return true;
    });
    if (!go_on) return false;
  }
  return true;
}

void Searcher::Look(const Item& item) {
  has_any_ = false;
  places_.reset();
  bool go_on = !Has(query_.in, SearchIn::kNames) || LookAtName(item);
  if (go_on && LooksAtText(item, query_)) go_on = LookAtText(item);
  if (go_on && LooksAtPlaces(item, query_)) LookAtPlaces(item);
  result_.items += has_any_ ? 1 : 0;
}

class Replacer {
 public:
  Replacer(const SearchQuery& query, Expression* expression, const std::string& replacement)
      : query_(query),
        expression_(*expression),
        replacement_(replacement),
        groups_(query.is_regex
                    ? std::min<size_t>(
                          kGroupsMax,
                          static_cast<size_t>(expression->re2().NumberOfCapturingGroups()) + 1)
                    : 1) {}

  absl::Status CheckReplacement() const;
  // Adds the item's edits.
  absl::Status Replace(const Item& item);
  absl::StatusOr<std::vector<Edit>> Finish(const std::vector<Item>& items);

 private:
  void AppendReplaced(const Expression::Groups& match, std::string* out) const;
  std::string ReplacedText(std::string_view text, bool by_lines);
  absl::Status ReplacePlaces(const Item& item, std::string* text);
  absl::Status Bound(const Item& item, size_t bytes);

  const SearchQuery& query_;
  Expression& expression_;
  const std::string& replacement_;
  const size_t groups_;
  size_t made_bytes_ = 0;
  std::vector<Edit> edits_;
  std::map<ItemId, ItemId> moved_;  // new ids, and what they were
};

absl::Status Replacer::CheckReplacement() const {
  std::string error;
  if (!query_.is_regex || expression_.re2().CheckRewriteString(Piece(replacement_), &error)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("the replacement %s can't be used: %s; write \\0 to \\9 for groups, and "
                      "\\\\ for a backslash",
                      router::Quoted(replacement_), error));
}

void Replacer::AppendReplaced(const Expression::Groups& match, std::string* out) const {
  if (query_.is_regex) {
    expression_.re2().Rewrite(out, Piece(replacement_), match.data(), static_cast<int>(groups_));
  } else {
    out->append(replacement_);
  }
}

// Stops early where it becomes too much; whoever asked for it looks at that.
std::string Replacer::ReplacedText(std::string_view text, bool by_lines) {
  std::string out;
  size_t done = 0;
  const auto replace = [&](size_t begin, size_t end, const Expression::Groups& match) {
    out.append(text.substr(done, begin - done));
    AppendReplaced(match, &out);
    done = end;
    return out.size() <= kItemTextBytesMax && expression_.searched_bytes() <= kSearchedBytesMax;
  };
  if (by_lines) {
    expression_.ForEachInLines(text, groups_,
                               [&](size_t, size_t begin, size_t end, const auto& match) {
                                 return replace(begin, end, match);
                               });
  } else {
    expression_.ForEach(text, groups_, replace);
  }
  out.append(text.substr(done));
  return out;
}

absl::Status Replacer::Bound(const Item& item, size_t bytes) {
  made_bytes_ += bytes;
  if (expression_.searched_bytes() > kSearchedBytesMax) {
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
    if (!IsWanted(place, query_)) continue;
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
  if (Has(query_.in, SearchIn::kNames)) id.name = ReplacedText(id.name, false);
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

absl::StatusOr<SearchResult> Search(const std::vector<Item>& items, const SearchQuery& query,
                                    size_t hits_max, RulePlacesCache* cache) {
  const absl::StatusOr<std::unique_ptr<Expression>> expression = Expression::Compile(query);
  if (!expression.ok()) return expression.status();
  Searcher searcher(query, expression->get(), hits_max, cache);
  for (const Item& item : items) {
    if (IsLookedAt(item, query)) searcher.Look(item);
  }
  return searcher.Take();
}

absl::StatusOr<std::vector<Edit>> Replace(const std::vector<Item>& items, const SearchQuery& query,
                                          const std::string& replacement) {
  const absl::StatusOr<std::unique_ptr<Expression>> expression = Expression::Compile(query);
  if (!expression.ok()) return expression.status();
  Replacer replacer(query, expression->get(), replacement);
  if (absl::Status checked = replacer.CheckReplacement(); !checked.ok()) return checked;
  for (const Item& item : items) {
    if (!IsLookedAt(item, query)) continue;
    if (absl::Status replaced = replacer.Replace(item); !replaced.ok()) return replaced;
  }
  return replacer.Finish(items);
}

}  // namespace turnout::manager
