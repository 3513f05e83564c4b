// DashboardText: Turnout's Grafana dashboard, deploy/monitoring/dashboard.json, compiled in.
#pragma once

#include <string_view>

namespace turnout::manager {

std::string_view DashboardText();

}  // namespace turnout::manager
