// ScriptedTokens: a TokenSource whose tokens a test sets.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "connectors/token_source.h"

namespace turnout::connectors {

class ScriptedTokens : public TokenSource {
 public:
  // There is this one from now on.
  void Set(const std::string& value) {
    const absl::MutexLock lock(&mu_);
    token_ = OAuthToken{value, "router", absl::Now() + absl::Hours(1), {{"cluster", "lkc-1"}}};
    for (const auto& [number, listener] : listeners_) listener(*token_);
  }

  absl::StatusOr<OAuthToken> Current() override {
    const absl::MutexLock lock(&mu_);
    if (token_.ok()) return *token_;
    // A status of its own: a shared one is counted where the thread sanitizer does not see it.
    return absl::Status(token_.status().code(), token_.status().message());
  }
  int AddListener(Listener listener) override {
    const absl::MutexLock lock(&mu_);
    if (token_.ok()) listener(*token_);
    listeners_[++last_] = std::move(listener);
    return last_;
  }
  void RemoveListener(int listener) override {
    const absl::MutexLock lock(&mu_);
    listeners_.erase(listener);
  }
  size_t listeners() const {
    const absl::MutexLock lock(&mu_);
    return listeners_.size();
  }

 private:
  mutable absl::Mutex mu_;
  absl::StatusOr<OAuthToken> token_ ABSL_GUARDED_BY(mu_) =
      absl::UnavailableError("the provider is away");
  std::map<int, Listener> listeners_ ABSL_GUARDED_BY(mu_);
  int last_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace turnout::connectors
