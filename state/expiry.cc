#include "state/expiry.h"

#include <rocksdb/compaction_filter.h>
#include <rocksdb/table_properties.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "state/state_format.h"

namespace turnout::state {
namespace {

constexpr char kHalfExpiredProperty[] = "turnout.half_expired_at_ms";

// What a file's collector remembers: at most so many spans of time. When there are more, spans
// become twice as long.
constexpr size_t kSpansMax = 256;
constexpr int64_t kFirstSpanMs = 1000;

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

class ExpiryFilter : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(int64_t watermark_ms) : watermark_ms_(watermark_ms) {}

  const char* Name() const override { return "turnout.expiry"; }

  Decision FilterV2(int, const rocksdb::Slice& key, ValueType type, const rocksdb::Slice& value,
                    std::string*, std::string*) const override {
    if (type != ValueType::kValue || !DecodeKey(View(key))) return Decision::kKeep;
    const std::optional<EntryValue> entry = DecodeValue(View(value));
    return entry && !entry->IsSeenAt(watermark_ms_) ? Decision::kRemove : Decision::kKeep;
  }

 private:
  const int64_t watermark_ms_;
};

class ExpiryFilterFactory : public rocksdb::CompactionFilterFactory {
 public:
  explicit ExpiryFilterFactory(std::shared_ptr<const DurableWatermark> watermark)
      : watermark_(std::move(watermark)) {}

  const char* Name() const override { return "turnout.expiry"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ExpiryFilter>(watermark_->load());
  }

 private:
  const std::shared_ptr<const DurableWatermark> watermark_;
};

class ExpiryCollector : public rocksdb::TablePropertiesCollector {
 public:
  const char* Name() const override { return "turnout.expiry"; }

  rocksdb::Status AddUserKey(const rocksdb::Slice& key, const rocksdb::Slice& value,
                             rocksdb::EntryType type, rocksdb::SequenceNumber, uint64_t) override {
    if (type != rocksdb::kEntryPut || !DecodeKey(View(key))) return rocksdb::Status::OK();
    const std::optional<EntryValue> entry = DecodeValue(View(value));
    if (!entry) return rocksdb::Status::OK();
    const uint64_t bytes = key.size() + value.size();
    total_ += bytes;
    if (entry->expires_at_ms == kNeverExpires) return rocksdb::Status::OK();
    spans_[Span(entry->expires_at_ms)] += bytes;
    while (spans_.size() > kSpansMax) Coarsen();
    return rocksdb::Status::OK();
  }

  rocksdb::Status Finish(rocksdb::UserCollectedProperties* properties) override {
    (*properties)[kHalfExpiredProperty] = absl::StrCat(HalfExpiredAtMs());
    return rocksdb::Status::OK();
  }

  rocksdb::UserCollectedProperties GetReadableProperties() const override { return {}; }

 private:
  // Rounds down, below zero too.
  int64_t Span(int64_t time_ms) const {
    return time_ms / span_ms_ - (time_ms % span_ms_ < 0 ? 1 : 0);
  }

  void Coarsen() {
    span_ms_ *= 2;
    std::map<int64_t, uint64_t> coarser;
    for (const auto& [span, bytes] : spans_) coarser[span >> 1] += bytes;
    spans_ = std::move(coarser);
  }

  int64_t HalfExpiredAtMs() const {
    uint64_t expired = 0;
    for (const auto& [span, bytes] : spans_) {
      expired += bytes;
      // By the end of its span all of it has expired.
      if (2 * expired < total_) continue;
      const bool overflows = span >= kNeverExpires / span_ms_ - 1;
      return overflows ? kNeverExpires : (span + 1) * span_ms_;
    }
    return kNeverExpires;
  }

  uint64_t total_ = 0;
  int64_t span_ms_ = kFirstSpanMs;
  std::map<int64_t, uint64_t> spans_;  // by number of the span: bytes that expire in it
};

class ExpiryCollectorFactory : public rocksdb::TablePropertiesCollectorFactory {
 public:
  const char* Name() const override { return "turnout.expiry"; }

  rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context) override {
    return new ExpiryCollector;  // RocksDB deletes it
  }
};

}  // namespace

std::shared_ptr<rocksdb::CompactionFilterFactory> NewExpiryFilter(
    std::shared_ptr<const DurableWatermark> watermark) {
  return std::make_shared<ExpiryFilterFactory>(std::move(watermark));
}

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> NewExpiryCollector() {
  return std::make_shared<ExpiryCollectorFactory>();
}

int64_t HalfExpiredAtMs(const rocksdb::TableProperties& properties) {
  const auto found = properties.user_collected_properties.find(kHalfExpiredProperty);
  int64_t time_ms = kNeverExpires;
  if (found == properties.user_collected_properties.end() ||
      !absl::SimpleAtoi(found->second, &time_ms)) {
    return kNeverExpires;
  }
  return time_ms;
}

}  // namespace turnout::state
