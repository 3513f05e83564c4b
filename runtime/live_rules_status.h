// LiveRulesStatus: what is known of the rules beside which ones are in force: where they come from,
// what was kept, what was gone back to, and whom it is told to.
//
// Threads: an ordinary value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/rule_history.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_origin.h"
#include "runtime/rule_reporter.h"

namespace turnout::runtime {

struct LiveRulesStatus {
  RuleOriginStatus origin;
  bool is_from_disk = false;  // the origin has not answered since the start
  std::string disk_problem;   // why the last good version can't be kept or used; empty: nothing
  std::optional<RuleRollback> rollback;
  std::vector<KeptVersion> versions;  // the newest last
  std::vector<RefusedFile> refused;
  std::optional<RuleReportStatus> reports;
};

}  // namespace turnout::runtime
