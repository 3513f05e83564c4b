#include "deploy/manager/item_search.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "deploy/manager/rule_places.h"
#include "deploy/manager/search_expression.h"

namespace turnout::manager {
namespace {

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
  Searcher(const SearchQuery& query, SearchExpression* expression, size_t hits_max,
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
  SearchExpression& expression_;
  const size_t hits_max_;
  RulePlacesCache* const cache_;
  SearchResult result_;
  bool has_any_ = false;                      // the item at hand
  std::shared_ptr<const RulePlaces> places_;  // of it, once asked for
};

bool Searcher::HasRoom() {
  has_any_ = true;
  if (result_.hits.size() < hits_max_ && !expression_.is_spent()) return true;
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
  return expression_.ForEach(item.id.name, [&](const SearchMatch& match) {
    if (!HasRoom()) return false;
    SearchHit hit{.id = item.id, .in = SearchIn::kNames};
    SetExcerpt(item.id.name, match.begin, match.end, &hit);
    result_.hits.push_back(std::move(hit));
    return true;
  });
}

bool Searcher::LookAtText(const Item& item) {
  const std::string_view text = item.content.text;
  return expression_.ForEachInLines(text, [&](const SearchMatch& match) {
    if (!HasRoom()) return false;
    SearchHit hit{.id = item.id, .in = SearchIn::kTexts, .line = match.line};
    SetExcerpt(text, match.begin, match.end, &hit);
    hit.rule = PlacesOf(item).RuleAt(match.line);
    result_.hits.push_back(std::move(hit));
    return true;
  });
}

bool Searcher::LookAtPlaces(const Item& item) {
  for (const RulePlace& place : PlacesOf(item).places) {
    if (!LooksAt(place, query_)) continue;
    const bool go_on = expression_.ForEach(place.text, [&](const SearchMatch& match) {
      if (!HasRoom()) return false;
      SearchHit hit{.id = item.id,
                    .in = place.is_destination ? SearchIn::kDestinations : SearchIn::kPatterns,
                    .line = place.line,
                    .rule = place.rule};
      // Where it is written otherwise than it reads, all of it is shown.
      const bool is_plain = place.content != RulePlace::kNowhere;
      const size_t end = place.end == RulePlace::kNowhere ? place.begin : place.end;
      SetExcerpt(item.content.text, is_plain ? place.content + match.begin : place.begin,
                 is_plain ? place.content + match.end : end, &hit);
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
  bool go_on = !LooksAtName(query_) || LookAtName(item);
  if (go_on && LooksAtText(item, query_)) go_on = LookAtText(item);
  if (go_on && LooksAtPlaces(item, query_)) LookAtPlaces(item);
  result_.items += has_any_ ? 1 : 0;
}

}  // namespace

absl::StatusOr<SearchResult> Search(const std::vector<Item>& items, const SearchQuery& query,
                                    size_t hits_max, RulePlacesCache* cache) {
  const absl::StatusOr<std::unique_ptr<SearchExpression>> expression =
      SearchExpression::Compile(query);
  if (!expression.ok()) return expression.status();
  Searcher searcher(query, expression->get(), hits_max, cache);
  for (const Item& item : items) {
    if (IsLookedAt(item, query)) searcher.Look(item);
  }
  return searcher.Take();
}

}  // namespace turnout::manager
