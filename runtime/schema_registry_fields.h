// The table's rows of `source.format` and `schema_registry`, and what of them goes together.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/config_table.h"
#include "runtime/schema_registry_settings.h"

namespace turnout::runtime {

void AddSchemaRegistryFields(std::vector<ConfigField>* fields);

struct SchemaRegistryFault {
  std::string key;
  std::string what;
  std::string cure;
};

// What is wrong with them together. `is_asked`: the source's format is schema_registry.
std::optional<SchemaRegistryFault> FindSchemaRegistryFault(bool is_asked,
                                                           const SchemaRegistrySettings& settings);

}  // namespace turnout::runtime
