// RulesFeed: the rule files of each service as its routers take them, and who waits for others.
//
// A service's files are one document, {"files": {"fraud.yaml": "..."}} (runtime/README.md), built
// once a change and shared by all who ask; its ETag is the hash of what is in it, so that it is
// the same after a restart. Whoever knows the newest one already is held until there is another.
// A thread gives those their answer whose time is over.
//
// Errors: a service without rules has no document: 404, and routers keep what they have.
// Threads: any. `give` is called on the thread that changes, and on one of this object's own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/manager/http_answer.h"
#include "deploy/manager/item.h"

namespace turnout::manager {

inline constexpr absl::Duration kFeedWaitMax = absl::Seconds(60);
inline constexpr size_t kFeedWaitersMax = 10'000;

class RulesFeed {
 public:
  using Give = std::function<void(uint64_t number, const HttpAnswer& answer)>;

  explicit RulesFeed(Give give);
  ~RulesFeed();
  RulesFeed(const RulesFeed&) = delete;
  RulesFeed& operator=(const RulesFeed&) = delete;

  // What the service's rules are now, `rules` of kind kRules. Those who wait are answered.
  void Publish(const std::string& service, const std::vector<Item>& rules);

  // The answer; nullopt: it is held, and given later by this number.
  std::optional<HttpAnswer> Ask(const std::string& service, std::string_view known_etag,
                                absl::Duration wait, uint64_t number);

  // The newest ETag; empty: there are no rules.
  std::string EtagOf(const std::string& service) const;
  size_t waiting() const;

  // Gives all who wait this answer.
  void LetGo(const HttpAnswer& answer);

  // Answers all who wait, and holds nobody any more. Called on one thread.
  void End();

 private:
  struct Document {
    std::string etag;
    std::string body;
  };
  struct Waiter {
    uint64_t number = 0;
    absl::Time until;
  };
  void Run();
  HttpAnswer AnswerOf(const std::string& service, std::string_view known_etag) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Give give_;
  mutable absl::Mutex mu_;
  std::map<std::string, Document> documents_ ABSL_GUARDED_BY(mu_);
  // By service; all of one know its newest document.
  std::map<std::string, std::vector<Waiter>> waiters_ ABSL_GUARDED_BY(mu_);
  size_t waiting_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

// The name of the rule file of that item, as the routers see it: by what the text is.
std::string RuleFileName(const Item& item);

}  // namespace turnout::manager
