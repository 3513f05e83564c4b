#include "connectors/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "absl/strings/str_format.h"

namespace turnout::connectors {
namespace {

struct CodecName {
  const char* name;
  Codec codec;
};
constexpr CodecName kCodecs[] = {{"none", Codec::kNone},
                                 {"gzip", Codec::kGzip},
                                 {"snappy", Codec::kSnappy},
                                 {"lz4", Codec::kLz4},
                                 {"zstd", Codec::kZstd}};

constexpr int kGzipWindowBits = 15 + 16;  // 16 more: with gzip's header
constexpr int kGzipMemoryLevel = 8;       // zlib's default

// What the library wrote, 0 when it could not.
using WrittenBytes = size_t;

WrittenBytes CompressSnappy(std::string_view in, std::string* out) {
  out->resize(snappy::MaxCompressedLength(in.size()));
  size_t written = out->size();
  snappy::RawCompress(in.data(), in.size(), out->data(), &written);
  return written;
}

WrittenBytes CompressLz4(std::string_view in, int level, std::string* out) {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  if (level >= 0) preferences.compressionLevel = level;
  out->resize(LZ4F_compressFrameBound(in.size(), &preferences));
  const size_t written =
      LZ4F_compressFrame(out->data(), out->size(), in.data(), in.size(), &preferences);
  return LZ4F_isError(written) != 0 ? 0 : written;
}

}  // namespace

struct Compressor::Working {
  ~Working() {
    ZSTD_freeCCtx(zstd);
    if (has_gzip) deflateEnd(&gzip);
  }

  WrittenBytes CompressZstd(std::string_view in, int level, std::string* out) {
    if (zstd == nullptr) zstd = ZSTD_createCCtx();
    if (zstd == nullptr) return 0;
    out->resize(ZSTD_compressBound(in.size()));
    const size_t written = ZSTD_compressCCtx(zstd, out->data(), out->size(), in.data(), in.size(),
                                             level >= 0 ? level : ZSTD_CLEVEL_DEFAULT);
    return ZSTD_isError(written) != 0 ? 0 : written;
  }

  WrittenBytes CompressGzip(std::string_view in, int level, std::string* out) {
    if (!has_gzip) {
      // The other libraries limit a level themselves; this one refuses it.
      const int allowed = std::clamp(level, Z_DEFAULT_COMPRESSION, Z_BEST_COMPRESSION);
      has_gzip = deflateInit2(&gzip, allowed, Z_DEFLATED, kGzipWindowBits, kGzipMemoryLevel,
                              Z_DEFAULT_STRATEGY) == Z_OK;
    } else if (deflateReset(&gzip) != Z_OK) {
      return 0;
    }
    if (!has_gzip) return 0;
    out->resize(deflateBound(&gzip, in.size()));
    gzip.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    gzip.avail_in = static_cast<uInt>(in.size());
    gzip.next_out = reinterpret_cast<Bytef*>(out->data());
    gzip.avail_out = static_cast<uInt>(out->size());
    return deflate(&gzip, Z_FINISH) == Z_STREAM_END ? out->size() - gzip.avail_out : 0;
  }

  ZSTD_CCtx* zstd = nullptr;
  z_stream gzip = {};
  bool has_gzip = false;
};

absl::StatusOr<Codec> CodecOf(std::string_view name) {
  for (const CodecName& known : kCodecs) {
    if (name == known.name) return known.codec;
  }
  return absl::InvalidArgumentError(absl::StrFormat("there is no compression `%s`", name));
}

Compressor::Compressor(Codec codec, int level)
    : codec_(codec), level_(level), working_(std::make_unique<Working>()) {}

Compressor::~Compressor() = default;

bool Compressor::Compress(std::string_view records, std::string* out) {
  size_t written = 0;
  switch (codec_) {
    case Codec::kNone:
      return false;
    case Codec::kGzip:
      written = working_->CompressGzip(records, level_, out);
      break;
    case Codec::kSnappy:
      written = CompressSnappy(records, out);
      break;
    case Codec::kLz4:
      written = CompressLz4(records, level_, out);
      break;
    case Codec::kZstd:
      written = working_->CompressZstd(records, level_, out);
      break;
  }
  if (written == 0 || written >= records.size()) return false;
  out->resize(written);
  return true;
}

}  // namespace turnout::connectors
