#include "connectors/unpack_bound.h"

#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

namespace turnout::connectors {
namespace {

constexpr size_t kLz4Failed = static_cast<size_t>(-1);  // ERROR_GENERIC
constexpr size_t kZstdFailed = static_cast<size_t>(-ZSTD_error_memory_allocation);

std::atomic<int64_t> unpacked_bytes_max = 128 << 20;

// The answer that a thread of librdkafka's is reading, and the batch in it that is being unpacked.
class Answer {
 public:
  void Begin() {
    left_ = unpacked_bytes_max.load(std::memory_order_relaxed);
    is_begun_ = true;
    stream_ = nullptr;
  }
  // Of any thread but librdkafka's false.
  bool is_begun() const { return is_begun_; }

  void BeginBatch(const void* stream) {
    stream_ = stream;
    always_ = held_ = charged_ = 0;
    is_sized_ = false;
  }
  bool IsOf(const void* stream) const { return is_begun_ && stream_ == stream; }
  // At the first call, which is given all of it.
  void SizeBatch(size_t packed_bytes) {
    if (!is_sized_) always_ = static_cast<int64_t>(packed_bytes) * kAlwaysUnpackedTimes;
    is_sized_ = true;
  }

  int64_t batch_bytes_max() const { return always_ + charged_ + left_; }
  int64_t held() const { return held_; }

  // So much of the batch is in memory now; at most batch_bytes_max().
  void Hold(int64_t bytes) {
    held_ = bytes;
    const int64_t charge = std::max(charged_, held_ - always_);
    left_ -= charge - charged_;
    charged_ = charge;
  }
  // librdkafka drops what it has unpacked of a batch that fails.
  void RefuseBatch() {
    left_ += charged_;
    stream_ = nullptr;
  }

 private:
  bool is_begun_ = false;
  int64_t left_ = 0;  // of what the answer's batches may become

  const void* stream_ = nullptr;  // what unpacks the batch
  bool is_sized_ = false;
  int64_t always_ = 0;   // what the batch may become whatever is left
  int64_t held_ = 0;     // what is in memory of it
  int64_t charged_ = 0;  // what of that was taken from left_
};

thread_local Answer answer;

// What the program would call if nothing here had its name.
template <typename Function>
Function* Real(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();  // the library is linked
  return reinterpret_cast<Function*>(found);
}

rd_kafka_resp_err_t OnAnswer(rd_kafka_t*, int, const char*, int32_t, int16_t, int16_t, int32_t,
                             size_t, int64_t, rd_kafka_resp_err_t, void*) {
  answer.Begin();
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t OnNew(rd_kafka_t* client, const rd_kafka_conf_t*, void*, char*, size_t) {
  return rd_kafka_interceptor_add_on_response_received(client, "turnout", OnAnswer, nullptr);
}

}  // namespace

void SetUnpackedBytesMax(int64_t bytes) {
  unpacked_bytes_max.store(bytes, std::memory_order_relaxed);
}

bool UnpackingIsBounded() {
  Dl_info library;
  if (dladdr(reinterpret_cast<void*>(&rd_kafka_version), &library) == 0) return false;
  void* const loaded = dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (loaded == nullptr) return false;
  // Found in it or in what it depends on; codecs inside of it are hidden.
  const bool is_shared = dlsym(loaded, "inflate") != nullptr &&
                         dlsym(loaded, "LZ4F_decompress") != nullptr &&
                         dlsym(loaded, "ZSTD_decompress") != nullptr;
  dlclose(loaded);
  return is_shared;
}

void BoundUnpacking(rd_kafka_conf_s* conf) {
  rd_kafka_conf_interceptor_add_on_new(conf, "turnout", OnNew, nullptr);
}

// The libraries' functions, under their names.

extern "C" int inflateInit2_(z_streamp stream, int window_bits, const char* version, int size) {
  static auto* const real = Real<decltype(inflateInit2_)>("inflateInit2_");
  if (answer.is_begun()) answer.BeginBatch(stream);
  return real(stream, window_bits, version, size);
}

// librdkafka unpacks what is gzipped twice: the first time, for its size, over and over into a
// small buffer, of which only the last is held.
extern "C" int inflate(z_streamp stream, int flush) {
  static auto* const real = Real<decltype(inflate)>("inflate");
  if (!answer.IsOf(stream)) return real(stream, flush);
  answer.SizeBatch(stream->avail_in);
  const uInt room = stream->avail_out;
  const int result = real(stream, flush);
  if (static_cast<int64_t>(stream->total_out) > answer.batch_bytes_max()) {
    answer.RefuseBatch();
    return Z_MEM_ERROR;
  }
  answer.Hold(room - stream->avail_out);
  // librdkafka would leave what is behind the first stream unread, and unsaid; brokers read it.
  return result == Z_STREAM_END && stream->avail_in > 0 ? Z_DATA_ERROR : result;
}

extern "C" LZ4F_errorCode_t LZ4F_createDecompressionContext(LZ4F_dctx** made, unsigned version) {
  static auto* const real =
      Real<decltype(LZ4F_createDecompressionContext)>("LZ4F_createDecompressionContext");
  const LZ4F_errorCode_t result = real(made, version);
  if (answer.is_begun()) answer.BeginBatch(*made);
  return result;
}

extern "C" size_t LZ4F_decompress(LZ4F_dctx* stream, void* out, size_t* out_bytes, const void* in,
                                  size_t* in_bytes, const LZ4F_decompressOptions_t* options) {
  static auto* const real = Real<decltype(LZ4F_decompress)>("LZ4F_decompress");
  if (!answer.IsOf(stream)) return real(stream, out, out_bytes, in, in_bytes, options);
  answer.SizeBatch(*in_bytes);
  const size_t given = *in_bytes;
  const size_t result = real(stream, out, out_bytes, in, in_bytes, options);
  const int64_t held = answer.held() + static_cast<int64_t>(*out_bytes);
  // Behind the frame brokers take anything; librdkafka would try it again for ever.
  const bool is_followed = result == 0 && *in_bytes < given;
  if (is_followed || held > answer.batch_bytes_max()) {
    answer.RefuseBatch();
    return kLz4Failed;
  }
  answer.Hold(held);
  return result;
}

extern "C" size_t ZSTD_decompress(void* out, size_t out_bytes, const void* in, size_t in_bytes) {
  static auto* const real = Real<decltype(ZSTD_decompress)>("ZSTD_decompress");
  if (!answer.is_begun()) return real(out, out_bytes, in, in_bytes);
  answer.BeginBatch(in);
  answer.SizeBatch(in_bytes);
  const auto most = static_cast<size_t>(answer.batch_bytes_max());
  const size_t result = real(out, std::min(out_bytes, most), in, in_bytes);
  if (ZSTD_isError(result) == 0) {
    answer.Hold(static_cast<int64_t>(result));
    return result;
  }
  // Never that the buffer is too small: librdkafka would try a larger one.
  const bool is_refused =
      out_bytes > most && ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall;
  return is_refused ? kZstdFailed : result;
}

}  // namespace turnout::connectors
