#include "state/state_reader.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>

#include <cstdarg>
#include <utility>

#include "state/files.h"
#include "state/rocksdb_status.h"

namespace turnout::state {
namespace {

constexpr int kOpenFilesMax = 64;

// RocksDB would write a log into the directory that it reads.
class NoLog : public rocksdb::Logger {
 public:
  void Logv(const char*, va_list) override {}
};

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

StateReader::StateReader(std::string directory) : directory_(std::move(directory)) {}

StateReader::~StateReader() = default;

absl::StatusOr<std::unique_ptr<StateReader>> StateReader::Open(const std::string& directory) {
  if (!Exists(directory + "/CURRENT")) {
    return absl::NotFoundError("there is no state in " + directory);
  }
  rocksdb::Options options;
  options.info_log = std::make_shared<NoLog>();
  options.max_open_files = kOpenFilesMax;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, directory, &db);
  std::unique_ptr<StateReader> reader(new StateReader(directory));
  reader->db_.reset(db);
  if (!status.ok()) return FromRocksDb(status, "opening", directory);

  std::string bytes;
  status = db->Get({}, rocksdb::Slice(kPointKey.data(), kPointKey.size()), &bytes);
  if (!status.ok()) return FromRocksDb(status, "reading the applied offset of", directory);
  absl::StatusOr<StatePoint> point = DecodePoint(bytes);
  if (!point.ok()) return point.status();
  reader->point_ = *std::move(point);
  return reader;
}

absl::Status StateReader::ForEach(
    absl::FunctionRef<bool(const EntryKey&, const EntryValue&)> visit) const {
  return Visit(StepBegin(0), StepEnd(std::numeric_limits<StepId>::max()), visit);
}

absl::Status StateReader::ForEach(
    StepId step, absl::FunctionRef<bool(const EntryKey&, const EntryValue&)> visit) const {
  return Visit(StepBegin(step), StepEnd(step), visit);
}

absl::Status StateReader::ForEach(
    StepId step, std::string_view from, std::string_view to,
    absl::FunctionRef<bool(const EntryKey&, const EntryValue&)> visit) const {
  std::string begin;
  std::string end = StepEnd(step);
  EncodeKey(step, from, &begin);
  if (!to.empty()) EncodeKey(step, to, &end);
  return Visit(begin, end, visit);
}

absl::Status StateReader::Visit(
    const std::string& begin, const std::string& end,
    absl::FunctionRef<bool(const EntryKey&, const EntryValue&)> visit) const {
  rocksdb::ReadOptions options;
  const rocksdb::Slice bound(end);
  options.iterate_upper_bound = &bound;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> stored(db_->NewIterator(options));
  for (stored->Seek(begin); stored->Valid(); stored->Next()) {
    const std::optional<EntryKey> key = DecodeKey(View(stored->key()));
    const std::optional<EntryValue> value = DecodeValue(View(stored->value()));
    if (!key || !value) return absl::DataLossError(directory_ + ": an entry is cut short");
    if (!visit(*key, *value)) break;
  }
  return FromRocksDb(stored->status(), "reading", directory_);
}

absl::StatusOr<std::vector<StepFigures>> StateReader::Steps() const {
  std::vector<StepFigures> steps;
  const absl::Status status = ForEach([&](const EntryKey& key, const EntryValue& value) {
    if (steps.empty() || steps.back().step != key.step) steps.push_back({.step = key.step});
    StepFigures& figures = steps.back();
    ++figures.entries;
    figures.entries_expired += value.IsSeenAt(point_.watermark_ms) ? 0 : 1;
    figures.bytes += kStepPrefixBytes + key.key.size() + kExpiryBytes + value.value.size();
    return true;
  });
  if (!status.ok()) return status;
  return steps;
}

uint64_t StateReader::disk_bytes() const {
  uint64_t bytes = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
  return bytes;
}

}  // namespace turnout::state
