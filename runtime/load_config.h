// LoadConfig: a command's whole config, from its file and `--set`; what is wrong with it is said on
// standard error, a line a problem.
//
// The file may be an item of a config manager,
// https://HOST/v1/services/SERVICE/items/pipeline/NAME, which is asked with the token in
// TURNOUT_TOKEN_FILE, and trusted by TURNOUT_CA_FILE; the same service answers `${secret:NAME}`,
// unless the config says otherwise in `secrets_from`.
//
// Values that are secret are hidden in the log from then on, and in these lines.
// Threads: any; reads the files and variables that the config refers to, asks its config manager.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/config.h"

namespace turnout::runtime {

// Nullopt once standard error has been told why.
std::optional<LoadedConfig> LoadConfig(const std::string& path, const ConfigOverrides& overrides);

// For who answers others, without overrides: InvalidArgument names the file, and standard error has
// the rest.
absl::StatusOr<Config> ConfigOf(const std::string& path);

}  // namespace turnout::runtime
