// SearchExpression: a query's text, compiled, and which items and places the query looks at: what
// searching and replacing share.
//
// Errors: as item_search.h says. Threads: one. Lifetime: matches view the text.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "deploy/manager/item_search.h"
#include "deploy/manager/rule_places.h"

namespace turnout::manager {

inline constexpr size_t kSearchGroupsMax = 10;  // \0 to \9

struct SearchMatch {
  size_t line = 1;
  size_t begin = 0;  // in the text, in bytes
  size_t end = 0;
  // As many as were asked for; the first is all of it. Those that took no part are empty.
  std::array<std::string_view, kSearchGroupsMax> groups;
};

class SearchExpression {
 public:
  static absl::StatusOr<std::unique_ptr<SearchExpression>> Compile(const SearchQuery& query);
  ~SearchExpression();

  // Of what is not empty, in order; `found` answers whether to go on. False: it said no.
  using Found = std::function<bool(const SearchMatch&)>;
  bool ForEach(std::string_view text, const Found& found);
  // As ForEach, line by line, or as a whole where the query wants that.
  bool ForEachInLines(std::string_view text, const Found& found);

  // Whether only such groups are named as there are; ForEach finds them from then on.
  absl::Status UseReplacement(const std::string& replacement);
  void AppendReplacement(const SearchMatch& match, std::string* out) const;

  // Whether all that was before searches, added up, is more than kSearchedBytesMax.
  bool is_spent() const { return searched_bytes_ > kSearchedBytesMax; }

 private:
  struct Compiled;
  SearchExpression(const SearchQuery& query, std::unique_ptr<const Compiled> compiled);
  bool ForEachFrom(std::string_view text, size_t line, size_t offset, const Found& found);

  const std::unique_ptr<const Compiled> compiled_;
  const bool is_whole_;
  const bool is_regex_;
  std::string replacement_;
  int groups_ = 1;
  uint64_t searched_bytes_ = 0;
};

bool IsLookedAt(const Item& item, const SearchQuery& query);
bool LooksAtName(const SearchQuery& query);
bool LooksAtText(const Item& item, const SearchQuery& query);
// Whether some of its places may be looked at, and whether this one is.
bool LooksAtPlaces(const Item& item, const SearchQuery& query);
bool LooksAt(const RulePlace& place, const SearchQuery& query);

}  // namespace turnout::manager
