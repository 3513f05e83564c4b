// ItemSearch: items found by a text or an RE2 expression, and the edits that replace what is found.
//
// Looked at are names, texts (values, whole rule files) or, of rule files, only their patterns or
// destinations (rule_places.h). Texts are looked at line by line, as a whole where the query wants
// that; every name and value of a pattern by itself. Secrets are found by name alone. What is empty
// is not found. Expressions are RE2's: linear in what is searched; the memory of one is bounded,
// and so are hits and the size of what a replacement makes.
//
// Errors: InvalidArgument for an expression that can't be read or is too large, naming it, and for
//   a replacement that names a group that there is none of, or can't be put where it is to stand.
// Cost: 10,000 rules in 30 ms where their files are in the cache; 50 us a rule that has to be read.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item.h"
#include "deploy/manager/rule_places.h"

namespace turnout::manager {

inline constexpr size_t kExpressionBytesMax = 4'096;
inline constexpr int64_t kExpressionMemoryMax = 1 << 20;
inline constexpr size_t kExcerptBytesMax = 240;
inline constexpr size_t kReplacedBytesMax = 64u << 20;  // of all texts that a replacement makes
// Bytes before all searches for a next match, added up: what takes more is cut off, or not
// replaced.
inline constexpr uint64_t kSearchedBytesMax = uint64_t{1} << 27;

enum class SearchIn { kNames, kTexts, kPatterns, kDestinations };

struct SearchQuery {
  std::string text;
  bool is_regex = false;
  bool is_whole = false;  // a name or value as a whole, not a part of it
  bool ignores_case = false;
  std::vector<SearchIn> in;     // empty: names and texts
  std::vector<ItemKind> kinds;  // empty: all
  std::string team;             // its rules and tests alone; empty: all
};

struct SearchHit {
  ItemId id;
  SearchIn in = SearchIn::kTexts;
  size_t line = 0;      // from 1; 0: of a name
  std::string excerpt;  // the line, cut off around what was found
  size_t begin = 0;     // of what was found, within the excerpt, in bytes
  size_t end = 0;
  std::string rule;  // "team/name" that it stands in; empty: none
};

struct SearchResult {
  std::vector<SearchHit> hits;  // in the order of the items
  size_t items = 0;             // that have any
  bool is_cut_off = false;      // there are more than `hits_max`
};

// With `cache` rule files that were searched before are not read again; it is borrowed.
absl::StatusOr<SearchResult> Search(const std::vector<Item>& items, const SearchQuery& query,
                                    size_t hits_max, RulePlacesCache* cache = nullptr);

// Edits that put `replacement`, in which \1 to \9 and \0 stand for groups where the query is an
// expression, in place of all that the query finds in texts, patterns or destinations. Each expects
// the version that was looked at. A replaced name moves the item: a new one, and the old one
// deleted.
absl::StatusOr<std::vector<Edit>> Replace(const std::vector<Item>& items, const SearchQuery& query,
                                          const std::string& replacement);

}  // namespace turnout::manager
