// Where checkpoints are kept, from what a person writes: `s3://BUCKET/PREFIX`, or a directory.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "state/checkpoint_store.h"
#include "state/s3_options.h"
#include "state/time_and_chance.h"

namespace turnout::state {

// `options` say the rest of a bucket; its bucket and prefix are the location's. InvalidArgument for
// a location of another kind. Asks no server and makes no directory.
absl::StatusOr<std::unique_ptr<CheckpointStore>> MakeCheckpointStore(const std::string& location,
                                                                     S3Options options,
                                                                     TimeAndChance time);

}  // namespace turnout::state
