// RulePlaces: where the patterns and the destinations of a rule file stand in its text, so that
// they can be searched, and rewritten with every other byte left as it is.
//
// A pattern's places are the names and values in `match`, each by itself; destinations are those
// of `to` and of the team's `destinations`. Texts are what the document says: quotes and escapes
// are undone.
//
// Threads: pure functions, but for the cache.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace turnout::manager {

// A rule file's notation goes by the first character that is no white space: `{` is JSON.
bool IsJsonText(std::string_view text);

struct RulePlace {
  static constexpr size_t kNowhere = static_cast<size_t>(-1);

  bool is_destination = false;
  bool is_name = false;    // of a field, or of an operator
  bool is_string = false;  // else a number, true, false or null
  std::string rule;        // "team/name"; empty: of the team
  std::string text;
  size_t line = 0;  // from 1
  // As it is written, quotes included, in bytes. `end` is kNowhere where it stands in a form that
  // is not rewritten: an alias, a block scalar, a text over several lines.
  size_t begin = 0;
  size_t end = kNowhere;
  size_t content = kNowhere;  // where `text` begins, if it is written just as it reads
};

struct RulePlaces {
  std::vector<RulePlace> places;                      // in the order of the text, each once
  std::vector<std::pair<size_t, std::string>> rules;  // line that a rule begins in, "team/name"

  // The rule that the line is of; empty: of none.
  std::string RuleAt(size_t line) const;
};

// Places by the text that they are of, so that a text is read once for many searches. Full, it
// forgets all of them.
//
// Threads: any. Cost: 1 KB for 100 bytes of rules, at most kTextBytesMax of them.
class RulePlacesCache {
 public:
  static constexpr size_t kTextBytesMax = 16u << 20;  // of texts whose places are kept

  std::shared_ptr<const RulePlaces> Find(std::string_view text);

 private:
  absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<const RulePlaces>> places_;  // by the text's hash
  size_t text_bytes_ = 0;
};

// Of a text that is no document: none.
RulePlaces FindRulePlaces(std::string_view text);

// How `changed` is to be written there so that it is read as a text again, or, in the place of a
// number or a word, as what it looks like.
std::string WrittenAs(std::string_view text, const RulePlace& place, std::string_view changed);

}  // namespace turnout::manager
