// A bound on what librdkafka unpacks of compressed batches: of itself it has none for gzip and lz4,
// and for zstd only a batch's, so that a megabyte fetched may become gigabytes of memory.
//
// How it works: librdkafka calls the shared libz, liblz4 and libzstd. The functions that it unpacks
// with (inflateInit2_, inflate, LZ4F_createDecompressionContext, LZ4F_decompress, ZSTD_decompress)
// are defined in this program as well, which the dynamic linker finds first; they call the real
// ones. Only on a thread of librdkafka's that an interceptor has told of an answer of a broker do
// they count, and once the answer's batches have become larger than they may they fail, as for
// damaged data: librdkafka then says RD_KAFKA_RESP_ERR__BAD_COMPRESSION and gives up the batch. A
// batch may always become kAlwaysUnpackedTimes its size, so that in an answer with bombs in it
// ordinary batches pass. What follows a gzip stream or an lz4 frame, which brokers take and
// librdkafka neither reads nor gets over, fails the batch too. Snappy, which is inside librdkafka,
// can't become more than that by much.
//
// Without effect with a librdkafka that has the codecs inside, such as that of the PyPI wheel.
//
// Units: bytes. Threads: any.
#pragma once

#include <cstdint>

struct rd_kafka_conf_s;

namespace turnout::connectors {

// Ordinary JSON becomes 5 to 15 times its packed size.
inline constexpr int64_t kAlwaysUnpackedTimes = 20;

// What the compressed batches of one answer may become together, beyond kAlwaysUnpackedTimes each.
// For the whole process, from the next answer on; 128 MiB before that.
void SetUnpackedBytesMax(int64_t bytes);

// Whether the librdkafka that is loaded calls the shared libraries, so that there is a bound.
bool UnpackingIsBounded();

// Has the client that is made by it tell of its brokers' answers.
void BoundUnpacking(rd_kafka_conf_s* conf);

}  // namespace turnout::connectors
