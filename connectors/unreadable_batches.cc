#include "connectors/unreadable_batches.h"

#include <algorithm>
#include <utility>

namespace turnout::connectors {

UnreadableBatches::Step UnreadableBatches::Refuse(int32_t partition, int64_t base, int64_t next,
                                                  int64_t high, std::string why) {
  Search& search = searches_[partition];
  const bool is_searched = search.within >= 0;
  if (search.base != base && is_searched) return Come(partition);  // the next one is none either
  if (search.base != base) {
    search = {};
    search.base = base;
    search.first = std::max(base, next);
    return {};
  }
  if (!is_searched && ++search.tries < kUnreadableTriesMax) return {};
  search.within = is_searched ? search.sought : search.first;
  search.why = std::move(why);
  return Next(partition, &search, high);
}

UnreadableBatches::Step UnreadableBatches::Come(int32_t partition) {
  const auto found = searches_.find(partition);
  if (found == searches_.end()) return {};
  Search& search = found->second;
  if (search.within < 0) {  // it could be unpacked after all
    searches_.erase(found);
    return {};
  }
  search.behind = search.sought;
  if (search.behind == search.within + 1) return End(partition, /*seek=*/-1);
  return Next(partition, &search, -1);
}

UnreadableBatches::Step UnreadableBatches::Next(int32_t partition, Search* search, int64_t high) {
  if (search->behind == search->within + 1) return End(partition, search->behind);
  if (search->behind >= 0) {
    search->sought = search->within + (search->behind - search->within) / 2;
  } else {
    // Twice as far as the last time. There is something behind the batch, if only the log's end.
    const int64_t further = 2 * search->within - search->first + 1;
    search->sought = std::max(search->within + 1, std::min(further, high));
  }
  Step step;
  step.kind = Step::Kind::kSeek;
  step.offset = search->sought;
  return step;
}

UnreadableBatches::Step UnreadableBatches::End(int32_t partition, int64_t seek) {
  const auto found = searches_.find(partition);
  Step step;
  step.kind = Step::Kind::kEnded;
  step.offset = seek;
  step.first = found->second.first;
  step.end = found->second.behind;
  step.why = std::move(found->second.why);
  searches_.erase(found);
  return step;
}

}  // namespace turnout::connectors
