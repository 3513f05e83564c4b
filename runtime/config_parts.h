// ConfigParts: what commands that run no pipeline take from a pipeline's config.
//
// Of the config nothing but that part is taken: what else it needs may be missing, and the
// variables and files that it refers to elsewhere are not read, so it works where the secrets are
// not.
//
// Errors: a config that can't be read, and every problem of its keys and of the part.
#pragma once

#include <optional>
#include <string>

#include "router/rule_file.h"
#include "router/state_settings.h"
#include "state/s3_options.h"

namespace turnout::runtime {

// The limits on rules. Nullopt with a line a problem appended to `problems`. An empty path: the
// limits by default.
std::optional<router::RuleLimits> LoadRuleLimits(const std::string& config_path,
                                                 std::string* problems);

// What rules with memory go by, the same way.
std::optional<router::StateSettings> LoadStateSettings(const std::string& config_path,
                                                       std::string* problems);

// How the bucket of an s3:// store is reached (`checkpoints.s3`), the same way.
std::optional<state::S3Options> LoadS3Options(const std::string& config_path,
                                              std::string* problems);

}  // namespace turnout::runtime
