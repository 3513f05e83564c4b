// ScriptedTable: a TableSource that answers what a test has put into it.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "connectors/table_source.h"

namespace turnout::support {

// A topic of one partition, shared by the test and the sources that read it.
class ScriptedTopic {
 public:
  struct Record {
    std::string key;
    std::string value;
    bool null_key = false;
    bool null_value = false;
    bool is_gone = false;  // its offset is left
  };

  void Put(std::string key, std::string value) { Add({std::move(key), std::move(value)}); }
  void Delete(std::string key) { Add({.key = std::move(key), .null_value = true}); }
  void Add(Record record) {
    const absl::MutexLock lock(&mu_);
    records_.push_back(std::move(record));
  }
  // Made anew: what was in it is gone.
  void MakeAnew() {
    const absl::MutexLock lock(&mu_);
    records_.clear();
    ++life_;
  }
  // What a look at it says from now on.
  void SetLook(absl::Time now, absl::Duration deletions_kept_for) {
    const absl::MutexLock lock(&mu_);
    now_ = now;
    deletions_kept_for_ = deletions_kept_for;
  }
  // Deletions that came long ago go, with all that they deleted.
  void Compact() {
    const absl::MutexLock lock(&mu_);
    std::set<std::string> deleted;
    for (const Record& record : records_) {
      if (record.null_value) deleted.insert(record.key);
    }
    for (Record& record : records_) record.is_gone = deleted.count(record.key) > 0;
  }
  void Fail(absl::Status problem) {
    const absl::MutexLock lock(&mu_);
    code_ = problem.code();
    message_ = std::string(problem.message());
  }

 private:
  friend class ScriptedTable;
  // One of its own for each caller: who lets go of a shared one frees it in a library that the
  // thread sanitizer sees nothing of.
  absl::Status Problem() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return {code_, message_}; }

  absl::Mutex mu_;
  std::deque<Record> records_ ABSL_GUARDED_BY(mu_);
  int life_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time now_ ABSL_GUARDED_BY(mu_) = absl::FromUnixSeconds(1'000);
  absl::Duration deletions_kept_for_ ABSL_GUARDED_BY(mu_) = connectors::kDeletionsKeptFor;
  absl::StatusCode code_ ABSL_GUARDED_BY(mu_) = absl::StatusCode::kOk;
  std::string message_ ABSL_GUARDED_BY(mu_);
};

class ScriptedTable final : public connectors::TableSource {
 public:
  ScriptedTable(ScriptedTopic* topic, const std::map<int32_t, int64_t>& offsets) : topic_(topic) {
    const absl::MutexLock lock(&topic_->mu_);
    life_ = topic_->life_;
    if (offsets.count(0) != 0) next_ = offsets.at(0);
    load_to_ = static_cast<int64_t>(topic_->records_.size());
    anew_ = next_ > load_to_;
    if (anew_) next_ = 0;
  }

  // Two records a Poll.
  absl::StatusOr<connectors::TableBatch> Poll(absl::Duration /*max_wait*/) override {
    const absl::MutexLock lock(&topic_->mu_);
    if (absl::Status problem = topic_->Problem(); !problem.ok()) return problem;
    const auto end = static_cast<int64_t>(topic_->records_.size());
    if (life_ != topic_->life_) {
      life_ = topic_->life_;
      anew_ = true;
      next_ = 0;
      load_to_ = end;
    }
    taken_.clear();
    events_.clear();
    std::vector<int64_t> offsets;
    for (; next_ < end && taken_.size() < 2; ++next_) {
      if (topic_->records_[next_].is_gone) continue;
      taken_.push_back(topic_->records_[next_]);
      offsets.push_back(next_);
    }
    for (size_t i = 0; i < taken_.size(); ++i) {
      const ScriptedTopic::Record& record = taken_[i];
      connectors::Event& event = events_.emplace_back();
      event.offset = offsets[i];
      if (!record.null_key) event.key = record.key;
      if (!record.null_value) event.value = record.value;
    }
    polled_ = true;
    lag_ = end - next_;
    look_.at = topic_->now_;
    look_.deletions_kept_for = topic_->deletions_kept_for_;
    if (lag_ == 0) look_.reached = look_.at;
    return connectors::TableBatch{
        .starts_anew = std::exchange(anew_, false),
        .records = events_,
        .next_offsets = {{0, next_}}};
  }
  void StartAnew() override {
    const absl::MutexLock lock(&topic_->mu_);
    anew_ = true;
    next_ = 0;
    load_to_ = static_cast<int64_t>(topic_->records_.size());
  }
  bool loaded() const override { return polled_ && !anew_ && next_ >= load_to_; }
  int64_t lag() const override { return lag_; }
  connectors::TableLook look() const override { return look_; }

 private:
  ScriptedTopic* const topic_;
  int life_ = 0;
  int64_t next_ = 0;
  int64_t load_to_ = 0;
  int64_t lag_ = 0;
  connectors::TableLook look_;
  bool anew_ = false;
  bool polled_ = false;
  std::deque<ScriptedTopic::Record> taken_;
  std::vector<connectors::Event> events_;
};

}  // namespace turnout::support
