// TableLookup: where `enrich` finds a table's values. The router asks by this interface and knows
// nothing of where tables come from.
//
// Threads: as the implementation says; a Router asks on its own thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace turnout::router {

class TableLookup {
 public:
  virtual ~TableLookup() = default;

  // False: the table has no such key. `table` is a position in RuleSet::tables(). `value` is JSON,
  // one whole value, valid UTF-8: what is to be put into the event (see table_value.h). An error:
  // the table can't be asked now; the match is parked, whatever the rule says of missing keys.
  virtual absl::StatusOr<bool> Find(size_t table, std::string_view key,
                                    std::string* value) const = 0;
};

}  // namespace turnout::router
