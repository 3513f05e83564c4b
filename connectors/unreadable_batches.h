// UnreadableBatches: what to do about batches that librdkafka can't unpack: what to seek, and which
// offsets are given up.
//
// Internal to connectors/; knows nothing of librdkafka. A batch that is refused is tried again as
// librdkafka does by itself: it may have been refused for what else was in the broker's answer
// (unpack_bound.h). Refused kTriesMax times, it is given up whole. Where it ends nobody says who
// can't unpack it, but librdkafka names the first offset of what it refuses: so the partition is
// sought further and further on until something else comes, and then in halves, which finds the end
// of a batch of n records in 2 log2(n) seeks.
//
// Units: an offset is that of the next record to read. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace turnout::connectors {

inline constexpr int kUnreadableTriesMax = 3;

class UnreadableBatches {
 public:
  struct Step {
    enum class Kind {
      kNone,   // what came is to be kept; of a refusal: librdkafka will try again
      kSeek,   // drop what came, seek `offset`
      kEnded,  // give up the offsets from `first` on to `end`; kSeek's `offset` is `end`, -1: stay
    };
    Kind kind = Kind::kNone;
    int64_t offset = -1;
    int64_t first = -1;
    int64_t end = -1;
    std::string why;
  };

  // The batch that begins at `base` was refused, for the reason `why`. `next` is what is to be read
  // next, `high` the end of the log as far as known: nothing is sought behind it.
  Step Refuse(int32_t partition, int64_t base, int64_t next, int64_t high, std::string why);
  // Something that is no refusal has come: a record, or the log's end.
  Step Come(int32_t partition);

  void Forget(int32_t partition) { searches_.erase(partition); }
  void Clear() { searches_.clear(); }

 private:
  struct Search {
    int64_t base = -1;
    int tries = 1;
    int64_t first = -1;   // to be given up from here on
    int64_t within = -1;  // the last offset that is known to be of the batch; -1: still tried
    int64_t behind = -1;  // the first offset that is known not to be; -1: none is yet
    int64_t sought = -1;
    std::string why;
  };

  Step Next(int32_t partition, Search* search, int64_t high);
  Step End(int32_t partition, int64_t seek);

  std::map<int32_t, Search> searches_;
};

}  // namespace turnout::connectors
