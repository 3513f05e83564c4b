// RuleTopic: rule files of a compacted topic: a record's key is a file's name (or a team's), its
// value the file's text; a tombstone takes the file away. Teams' tests (checkout.test.yaml) are
// passed over.
//
// A thread reads the topic, every partition, to the end that it has at the start, and follows it
// from there. Nothing is handed over before that end was reached. A topic that is made anew is read
// anew, and what it lacks is gone then.
//
// Limits: kRuleFilesMax files; kTopicBytesMax of texts: a record beyond is refused by its key, and
//   what was there under it is as before.
// Errors: in status().problem.
// Threads: as RuleOrigin. The destructor waits for the poll at hand, kPollWait at most.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/table_source.h"
#include "runtime/rule_origin.h"

namespace turnout::runtime {

struct RuleTopicOptions {
  std::string topic;
  size_t bytes_max = size_t{256} << 20;
  // Tried again until it succeeds.
  std::function<absl::StatusOr<std::unique_ptr<connectors::TableSource>>()> make_source;
  std::function<void()> on_news;
};

class RuleTopic : public RuleOrigin {
 public:
  static constexpr absl::Duration kPollWait = absl::Milliseconds(250);

  explicit RuleTopic(RuleTopicOptions options);
  ~RuleTopic() override;

  std::optional<RuleFiles> Take(absl::Time now) override;
  RuleOriginStatus status() const override;

 private:
  void Run();
  absl::Status Turn(std::unique_ptr<connectors::TableSource>* source);
  void Clear() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // True when Take has something new.
  bool Learn(const connectors::TableBatch& batch, bool is_loaded);
  void Put(const connectors::Event& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Drop(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Tell(const absl::Status& turned);

  const RuleTopicOptions options_;
  std::atomic<bool> stop_{false};

  mutable absl::Mutex mu_;
  std::map<std::string, std::string> texts_ ABSL_GUARDED_BY(mu_);
  size_t text_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, RefusedFile> refused_ ABSL_GUARDED_BY(mu_);  // by key
  std::set<std::string> changed_ ABSL_GUARDED_BY(mu_);  // texts that were not taken yet
  std::map<int32_t, int64_t> offsets_ ABSL_GUARDED_BY(mu_);
  bool is_loaded_ ABSL_GUARDED_BY(mu_) = false;
  bool has_news_ ABSL_GUARDED_BY(mu_) = true;  // that it is empty is some
  RuleOriginStatus status_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace turnout::runtime
