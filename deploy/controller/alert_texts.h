// AlertTexts: deploy/monitoring/alerts.yml as it is compiled in, by CMake (alert_texts.cc.in).
//
// Threads: any.
#pragma once

#include <string>

namespace turnout::controller {

std::string AlertsYaml();

}  // namespace turnout::controller
