#include "runtime/rule_topic.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "connectors/steady_clock.h"

namespace turnout::runtime {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(250);
constexpr absl::Duration kPauseMax = absl::Seconds(5);
constexpr char kNoKey[] = "(no key)";

}  // namespace

RuleTopic::RuleTopic(RuleTopicOptions options) : options_(std::move(options)) {
  status_.kind = "topic";
  status_.name = options_.topic;
  thread_ = std::thread([this] { Run(); });
}

RuleTopic::~RuleTopic() {
  stop_ = true;
  {
    absl::MutexLock lock(&mu_);  // wakes who pauses
  }
  thread_.join();
}

std::optional<RuleFiles> RuleTopic::Take(absl::Time) {
  absl::MutexLock lock(&mu_);
  if (!is_loaded_ || !std::exchange(has_news_, false)) return std::nullopt;
  RuleFiles files;
  for (const auto& [name, text] : texts_) {
    RuleText& file = files.files[name];
    if (changed_.contains(name)) file.text = text;
  }
  changed_.clear();
  for (const auto& [name, refused] : refused_) files.refused.push_back(refused);
  if (texts_.empty()) {
    files.is_complete = false;
    files.refused.push_back(RefusedOrigin(options_.topic, "there is no rule file in the topic",
                                          "write records there: a file's name as key, its text "
                                          "as value"));
  }
  return files;
}

RuleOriginStatus RuleTopic::status() const {
  absl::MutexLock lock(&mu_);
  return status_;
}

void RuleTopic::Run() {
  std::unique_ptr<connectors::TableSource> source;
  absl::Duration pause = kPauseMin;
  while (!stop_) {
    const absl::Status turned = Turn(&source);
    if (Tell(turned)) options_.on_news();
    if (turned.ok()) {
      pause = kPauseMin;
      continue;
    }
    absl::MutexLock lock(&mu_);
    const auto is_stopped = [this] { return stop_.load(); };
    connectors::AwaitSteadily(&mu_, absl::Condition(&is_stopped), pause);
    pause = std::min(pause * 2, kPauseMax);
  }
}

absl::Status RuleTopic::Turn(std::unique_ptr<connectors::TableSource>* source) {
  if (*source == nullptr) {
    auto made = options_.make_source();
    if (!made.ok()) return made.status();
    *source = *std::move(made);
    // From the log's beginning, whatever was read with the one before.
    absl::MutexLock lock(&mu_);
    Clear();
  }
  const absl::StatusOr<connectors::TableBatch> batch = (*source)->Poll(kPollWait);
  if (!batch.ok()) {
    if (absl::IsInternal(batch.status())) source->reset();
    return batch.status();
  }
  if (Learn(*batch, (*source)->loaded())) options_.on_news();
  return absl::OkStatus();
}

bool RuleTopic::Learn(const connectors::TableBatch& batch, bool is_loaded) {
  absl::MutexLock lock(&mu_);
  if (batch.starts_anew) Clear();
  for (const connectors::Event& record : batch.records) Put(record);
  for (const auto& [partition, offset] : batch.next_offsets) offsets_[partition] = offset;
  is_loaded_ = is_loaded;
  has_news_ = has_news_ || !batch.records.empty();
  if (!is_loaded) return false;
  status_.has_answered = true;
  if (!has_news_) return false;
  status_.version = absl::StrJoin(offsets_, ",", absl::PairFormatter(":"));
  status_.last_change = absl::Now();
  return true;
}

void RuleTopic::Clear() {
  texts_.clear();
  text_bytes_ = 0;
  refused_.clear();
  changed_.clear();
  offsets_.clear();
  is_loaded_ = false;
  has_news_ = true;
}

void RuleTopic::Put(const connectors::Event& record) {
  const std::string name(record.key.empty() ? kNoKey : record.key);
  if (IsRuleTestName(name)) return;
  refused_.erase(name);
  if (record.value.data() == nullptr) return Drop(name);
  const auto refuse = [&](std::string what, std::string cure) {
    refused_[name] = RefusedOrigin(name, std::move(what), std::move(cure));
  };
  if (record.key.empty()) {
    return refuse(absl::StrFormat("the record at %d:%d of %s has no key", record.partition,
                                  record.offset, options_.topic),
                  "write rule files with their names as keys");
  }
  const auto old = texts_.find(name);
  const size_t old_bytes = old == texts_.end() ? 0 : old->second.size();
  if (old == texts_.end() && texts_.size() >= kRuleFilesMax) {
    return refuse(absl::StrFormat("the topic has more than %d files", kRuleFilesMax),
                  "join some teams' rules in .jsonl files");
  }
  if (text_bytes_ - old_bytes + record.value.size() > options_.bytes_max) {
    return refuse(absl::StrFormat("the topic's files have more than %d bytes", options_.bytes_max),
                  "make some smaller");
  }
  text_bytes_ += record.value.size() - old_bytes;
  texts_[name] = std::string(record.value);
  changed_.insert(name);
}

void RuleTopic::Drop(const std::string& name) {
  const auto old = texts_.find(name);
  if (old == texts_.end()) return;
  text_bytes_ -= old->second.size();
  texts_.erase(old);
  changed_.erase(name);
}

// True when the status is another.
bool RuleTopic::Tell(const absl::Status& turned) {
  absl::MutexLock lock(&mu_);
  const std::string problem(turned.message());
  const bool is_news = problem != status_.problem;
  status_.problem = problem;
  return is_news;
}

}  // namespace turnout::runtime
