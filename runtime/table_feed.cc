#include "runtime/table_feed.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

// How long all tables' turns wait for records together, and how soon a stop is seen.
constexpr absl::Duration kRoundWait = absl::Milliseconds(100);
constexpr absl::Duration kWaitMin = absl::Milliseconds(1);
constexpr absl::Duration kAfterProblem = absl::Milliseconds(200);

// Tables by a rule set's numbers; null: one that this process doesn't have.
class FeedLookup final : public router::TableLookup {
 public:
  explicit FeedLookup(std::vector<const KeptTable*> tables) : tables_(std::move(tables)) {}

  absl::StatusOr<bool> Find(size_t table, std::string_view key,
                            std::string* value) const override {
    if (table >= tables_.size() || tables_[table] == nullptr) {
      return absl::UnavailableError("this pipeline has no such table");
    }
    return tables_[table]->Find(key, value);
  }

 private:
  const std::vector<const KeptTable*> tables_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TableFeed>> TableFeed::Start(const TableFeedOptions& options,
                                                            state::StateResources* resources,
                                                            Clock* clock) {
  std::unique_ptr<TableFeed> feed(new TableFeed);
  for (const TableSettings& table : options.tables) {
    auto store = state::TableStore::Open(absl::StrCat(options.directory, "/", table.name),
                                         table.topic, resources);
    if (!store.ok()) return store.status();
    if (!(*store)->wiped_because().empty()) {
      LogWarning("table_wiped",
                 absl::StrCat("table ", table.name, " is read from its topic's beginning: ",
                              (*store)->wiped_because()),
                 {{"table", table.name}, {"reason", (*store)->wiped_because()}});
    }
    auto source = options.make_source(table.topic, (*store)->offsets());
    if (!source.ok()) return source.status();
    feed->names_.push_back(table.name);
    feed->tables_.push_back(std::make_unique<KeptTable>(table.name, table.topic,
                                                        options.bytes_max, *std::move(store),
                                                        *std::move(source), clock));
  }
  feed->thread_ = std::thread([raw = feed.get()] { raw->Run(); });
  return feed;
}

TableFeed::~TableFeed() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void TableFeed::Run() {
  const auto count = static_cast<double>(std::max<size_t>(1, tables_.size()));
  const absl::Duration wait = std::max(kRoundWait / count, kWaitMin);
  while (!stopping_) {
    bool all_fail = true;
    for (const std::unique_ptr<KeptTable>& table : tables_) {
      if (stopping_) return;
      all_fail = !table->Turn(wait).ok() && all_fail;
    }
    if (all_fail) absl::SleepFor(kAfterProblem);
  }
}

std::vector<std::string> TableFeed::WaitingFor() const {
  std::vector<std::string> reasons;
  for (const TableStatus& table : Status()) {
    if (table.loaded || table.refused) continue;
    reasons.push_back(
        table.problem.empty()
            ? absl::StrCat("table ", table.name, " is being loaded from ", table.topic, ": ",
                           table.lag, " offsets to go")
            : absl::StrCat("table ", table.name, " can't be loaded: ", table.problem));
  }
  return reasons;
}

std::vector<TableStatus> TableFeed::Status() const {
  std::vector<TableStatus> status;
  for (const std::unique_ptr<KeptTable>& table : tables_) status.push_back(table->status());
  return status;
}

std::unique_ptr<router::TableLookup> TableFeed::LookupFor(
    absl::Span<const std::string> tables) const {
  std::vector<const KeptTable*> found;
  for (const std::string& name : tables) {
    const auto at = std::find(names_.begin(), names_.end(), name);
    found.push_back(at == names_.end() ? nullptr : tables_[at - names_.begin()].get());
  }
  return std::make_unique<FeedLookup>(std::move(found));
}

}  // namespace turnout::runtime
