// RuleEndpoint: rule files of a config manager, asked for over HTTP.
//
// A thread asks, with the ETag of what it has; where the manager knows `wait`, an answer comes as
// soon as there is another version, else the next question follows after `pause`. After a failure
// it asks again and again, with pauses that grow to pause_max, and at first without waiting. What
// the manager must answer: runtime/README.md.
//
// A document that can't be read is refused as a whole and changes no team.
//
// Limits: a document has `bytes_max` at most; an answer is waited for no longer than `wait` and
//   kAnswerTimeout.
// Errors: in status().problem, with the cure.
// Threads: as RuleOrigin. The destructor waits for the question at hand to be given up, about a
//   second.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/rule_document.h"
#include "runtime/rule_origin.h"
#include "state/http_client.h"

namespace turnout::runtime {

struct RuleEndpointOptions {
  std::string url;
  std::string token_file;                   // empty: no token is sent
  std::string ca_bundle;                    // a PEM file
  std::string instance;                     // told to the manager
  absl::Duration wait = absl::Seconds(30);  // whole seconds; zero: it is not asked to wait
  absl::Duration pause = absl::Seconds(1);
  absl::Duration pause_max = absl::Seconds(15);
  size_t bytes_max = size_t{256} << 20;
  std::function<void()> on_news;
};

class RuleEndpoint : public RuleOrigin {
 public:
  static constexpr absl::Duration kAnswerTimeout = absl::Seconds(10);

  explicit RuleEndpoint(RuleEndpointOptions options);
  ~RuleEndpoint() override;

  std::optional<RuleFiles> Take(absl::Time now) override;
  RuleOriginStatus status() const override;

 private:
  void Run();
  absl::StatusOr<state::HttpResponse> Ask(bool may_wait);
  // True when there is another version.
  absl::StatusOr<bool> Learn(state::HttpResponse answer);
  bool Tell(const absl::Status& asked);
  void Pause(absl::Duration pause);

  const RuleEndpointOptions options_;
  state::HttpClient http_;
  std::atomic<bool> stop_{false};
  // Of the newest answer; the thread's.
  std::string etag_;
  uint64_t body_hash_ = 0;

  mutable absl::Mutex mu_;
  RuleOriginStatus status_ ABSL_GUARDED_BY(mu_);
  std::optional<RuleFiles> news_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace turnout::runtime
