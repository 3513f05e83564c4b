// TokenKeeper: keeps an OAUTHBEARER token at hand, fetched ahead of the last one's end.
//
// A thread of its own fetches: at once, then when four fifths of a token's life are over, and after
// a failure again and again, with pauses that grow to kPauseMax; a token that came with trouble is
// taken, and fetched again likewise. While the token of now is good, a failure is the log's and the
// metrics' matter only.
// Threads: any; the report is made on the keeper's own. The destructor waits for a fetch to give
// up, as soon as it is told to stop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/token_source.h"

namespace turnout::runtime {

// What came of one fetch.
struct TokenReport {
  absl::Status status;
  absl::Time expires = absl::InfinitePast();  // of the token at hand; the past: there is none
};

class TokenKeeper : public connectors::TokenSource {
 public:
  static constexpr double kRenewPart = 0.8;
  static constexpr absl::Duration kPauseMin = absl::Milliseconds(250);
  static constexpr absl::Duration kPauseMax = absl::Seconds(15);

  // Gets one token. May take its time, but gives up soon after `stop` has become true.
  using Fetch =
      std::function<absl::StatusOr<connectors::OAuthToken>(const std::atomic<bool>& stop)>;
  using Report = std::function<void(const TokenReport&)>;

  TokenKeeper(Fetch fetch, Report report);
  ~TokenKeeper() override;

  absl::StatusOr<connectors::OAuthToken> Current() override;
  int AddListener(Listener listener) override;
  void RemoveListener(int listener) override;

 private:
  void Run();
  bool FetchOne();
  absl::Duration UntilRenewal();
  void Wait(absl::Duration at_most);

  const Fetch fetch_;
  const Report report_;
  std::atomic<bool> stop_{false};

  // Before mu_ where both are held; listeners are called under this one alone.
  absl::Mutex listeners_mu_;
  std::map<int, Listener> listeners_ ABSL_GUARDED_BY(listeners_mu_);
  int last_listener_ ABSL_GUARDED_BY(listeners_mu_) = 0;

  absl::Mutex mu_;
  std::optional<connectors::OAuthToken> token_ ABSL_GUARDED_BY(mu_);
  absl::Time fetched_at_ ABSL_GUARDED_BY(mu_);  // by the steady clock, as the next
  absl::Time renew_at_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);  // the last fetch's
  std::thread thread_;
};

}  // namespace turnout::runtime
