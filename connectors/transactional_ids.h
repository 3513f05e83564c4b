// The transactional ids of a sink: the one that it is given, and more that are derived from it.
//
// Internal to connectors/. BatchSink's take turns: each transaction takes another one than those
// just before, for which the broker is still writing markers. Whichever sink opens takes all of
// them over, so that a process of before is fenced whichever sink it had.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace turnout::connectors {

// A transaction a millisecond or two, and markers that take ten: see README.
inline constexpr int kTransactionalIds = 6;

// `given` first, then "<given>.2" and so on. A worker's id ends in its number, so that no other
// worker's is the same.
inline std::vector<std::string> TransactionalIdsOf(const std::string& given) {
  std::vector<std::string> ids = {given};
  for (int turn = 2; turn <= kTransactionalIds; ++turn) {
    ids.push_back(absl::StrCat(given, ".", turn));
  }
  return ids;
}

}  // namespace turnout::connectors
