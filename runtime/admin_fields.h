// AdminFields: the rows of the config's table for the admin API: `listen`, `admin`.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "runtime/config_table.h"

namespace turnout::runtime {

void AddAdminFields(std::vector<ConfigField>* fields);

// What is wrong with the values together, or an empty string.
std::string CheckAdminTogether(const Config& config);

}  // namespace turnout::runtime
