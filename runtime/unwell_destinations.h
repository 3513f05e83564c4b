// UnwellDestinations: what all workers together make of the destinations that they park outputs
// for, or drain. One is as bad as the worker says that sees it worst.
//
// Threads: an ordinary value.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/worker_observer.h"

namespace turnout::runtime {

class UnwellDestinations {
 public:
  // What one more worker makes of them.
  void Add(const std::vector<BulkheadStatus>& of_worker);

  const std::map<std::string, BulkheadStatus>& by_name() const { return by_name_; }

 private:
  std::map<std::string, BulkheadStatus> by_name_;
};

// Whether its outputs are sent on already, or as fast as their team may have them sent.
bool IsDraining(const BulkheadStatus& destination);

}  // namespace turnout::runtime
