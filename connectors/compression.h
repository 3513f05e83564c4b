// Compressor: a record batch's records made smaller, as Kafka's readers undo it.
//
// Internal to connectors/. The only door of zstd, LZ4 and Snappy. What each codec means is Kafka's
// choice: gzip's file format, Snappy's block format, LZ4's frames of independent blocks, a
// Zstandard frame. Threads: one at a time; a compressor keeps its working memory between calls.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace turnout::connectors {

// As a batch's attributes say it.
enum class Codec { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

// By the name that `compression.type` knows it.
absl::StatusOr<Codec> CodecOf(std::string_view name);

class Compressor {
 public:
  // `level` -1: the codec's own default. Snappy has none.
  explicit Compressor(Codec codec, int level = -1);
  ~Compressor();

  Codec codec() const { return codec_; }
  // Replaces `out`. False when nothing was gained, or the library had no memory for it: then the
  // records are better sent as they are.
  bool Compress(std::string_view records, std::string* out);

 private:
  struct Working;  // zstd's and zlib's memory

  const Codec codec_;
  const int level_;
  std::unique_ptr<Working> working_;
};

}  // namespace turnout::connectors
