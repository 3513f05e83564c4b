#include "runtime/token_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "connectors/steady_clock.h"
#include "runtime/real_time.h"
#include "state/backoff.h"

namespace turnout::runtime {
namespace {

using connectors::OAuthToken;

// However short a token's life is.
constexpr absl::Duration kRenewWaitMin = absl::Milliseconds(50);
constexpr absl::Duration kLookEvery = absl::Seconds(1);  // whether the clock was set

}  // namespace

TokenKeeper::TokenKeeper(Fetch fetch, Report report)
    : fetch_(std::move(fetch)), report_(std::move(report)), thread_([this] { Run(); }) {}

TokenKeeper::~TokenKeeper() {
  {
    const absl::MutexLock lock(&mu_);
    stop_ = true;
  }
  thread_.join();
}

absl::StatusOr<OAuthToken> TokenKeeper::Current() {
  const absl::MutexLock lock(&mu_);
  if (token_ && absl::Now() < token_->expires) return *token_;
  if (!failure_.ok()) return absl::UnavailableError(failure_.message());
  if (token_) {
    return absl::UnavailableError(
        "the token for Kafka is over by this machine's clock, which was set; another one is on its "
        "way");
  }
  return absl::UnavailableError("the first token for Kafka is on its way");
}

int TokenKeeper::AddListener(Listener listener) {
  const absl::MutexLock lock(&listeners_mu_);
  const absl::StatusOr<OAuthToken> token = Current();
  if (token.ok()) listener(*token);
  listeners_[++last_listener_] = std::move(listener);
  return last_listener_;
}

void TokenKeeper::RemoveListener(int listener) {
  const absl::MutexLock lock(&listeners_mu_);
  listeners_.erase(listener);
}

void TokenKeeper::Run() {
  state::TimeAndChance time = RealTimeAndChance();
  time.sleep = [this](absl::Duration duration) { Wait(duration); };
  const state::BackoffLimits limits = {
      .wait_min = kPauseMin, .wait_max = kPauseMax, .deadline = absl::InfiniteDuration()};
  std::optional<state::Backoff> backoff;
  while (!stop_) {
    if (FetchOne()) {
      backoff.reset();
      while (!stop_ && UntilRenewal() > absl::ZeroDuration()) {
        Wait(std::min(UntilRenewal(), kLookEvery));
      }
    } else {
      if (!backoff) backoff.emplace(&time, limits);
      backoff->Wait();
    }
  }
}

bool TokenKeeper::FetchOne() {
  const absl::Time begun = absl::Now();
  const absl::StatusOr<OAuthToken> fetched = fetch_(stop_);
  if (stop_) return false;
  TokenReport report = {.status = fetched.ok() ? fetched->trouble : fetched.status()};
  {
    const absl::MutexLock lock(&mu_);
    failure_ = fetched.status();
    if (fetched.ok()) {
      token_ = *fetched;
      fetched_at_ = connectors::SteadyNow();
      renew_at_ = connectors::SteadyNow() +
                  std::max((fetched->expires - begun) * kRenewPart, kRenewWaitMin);
    }
    if (token_) report.expires = token_->expires;
  }
  report_(report);
  if (!fetched.ok()) return false;
  const absl::MutexLock lock(&listeners_mu_);
  for (const auto& [number, listener] : listeners_) listener(*fetched);
  return fetched->trouble.ok();
}

absl::Duration TokenKeeper::UntilRenewal() {
  const absl::MutexLock lock(&mu_);
  // Kafka's clients go by the time of day: where that is set forward, the token is over for them.
  const bool is_over = token_ && absl::Now() >= token_->expires;
  return (is_over ? std::min(renew_at_, fetched_at_ + kLookEvery) : renew_at_) -
         connectors::SteadyNow();
}

void TokenKeeper::Wait(absl::Duration at_most) {
  const absl::MutexLock lock(&mu_);
  const auto stopped = [](std::atomic<bool>* stop) { return stop->load(); };
  connectors::AwaitSteadily(&mu_, absl::Condition(+stopped, &stop_), at_most);
}

}  // namespace turnout::runtime
