// RollbackPages: the admin API's /v1/rules/rollback and /v1/rules/resume.
//
// Threads: any, as those of LiveRules::RollBack and Resume.
#pragma once

#include <string>

#include "runtime/admin_server.h"
#include "runtime/live_rules.h"

namespace turnout::runtime {

// `body` is empty, or {"to": "HASH"}.
AdminAnswer RollBackAnswer(LiveRules& rules, const std::string& body);

AdminAnswer ResumeAnswer(LiveRules& rules);

}  // namespace turnout::runtime
