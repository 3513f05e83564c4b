// CheckpointManifest: what a checkpoint is made of. Written last, it is what makes it one.
//
// Format 2, text, a fact a line, in this order (format 1, which is read as well, had no timeline):
//
//   turnout-checkpoint 2
//   sequence 42
//   created_at_ms 1795600000000
//   start_offset 0
//   applied_offset 182044
//   watermark_ms 1795599990000
//   rule_set 8a1b22c3d4e5f607          (`-` before the first)
//   timeline 5d0e6f1a2b3c4d5e          (`-`: from a version that had none)
//   file 000012.sst 65536 <SHA-256>    name in the store's directory, bytes, and the object's name
//   ...
//   end <SHA-256 of all lines above>
//
// Errors: DataLoss; the message begins with kManifestDamaged or kManifestUnknown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "state/checkpoint_files.h"
#include "state/task_state.h"

namespace turnout::state {

// All that can be wrong with a checkpoint, by name: a DataLoss's message begins with one.
inline constexpr std::string_view kManifestMissing = "manifest missing";
inline constexpr std::string_view kManifestDamaged = "manifest damaged";
inline constexpr std::string_view kManifestUnknown = "manifest of an unknown format";
inline constexpr std::string_view kFileMissing = "file missing";
inline constexpr std::string_view kFileCut = "file of a wrong size";
inline constexpr std::string_view kFileDamaged = "file damaged";
inline constexpr std::string_view kNotOpening = "files that do not open";
inline constexpr std::string_view kPointDiffers = "state of another offset";

inline constexpr int kCheckpointFormat = 2;
inline constexpr size_t kManifestBytesMax = size_t{8} << 20;  // 80,000 files and more

struct CheckpointManifest {
  int64_t sequence = 0;  // 1, 2, ... a task
  int64_t created_at_ms = 0;
  StatePoint point;
  std::vector<CheckpointFile> files;

  bool operator==(const CheckpointManifest&) const = default;
};

std::string EncodeManifest(const CheckpointManifest& manifest);
absl::StatusOr<CheckpointManifest> DecodeManifest(std::string_view text);

}  // namespace turnout::state
