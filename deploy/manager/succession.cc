#include "deploy/manager/succession.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "deploy/manager/http_answer.h"
#include "runtime/log.h"

namespace turnout::manager {
namespace {

constexpr int64_t kStepMs = 1'000;
constexpr int64_t kStepsPerRenewal = 3;
// How often a standby looks at what else there is to take over.
constexpr int64_t kCatchUpMs = 20'000;
constexpr int64_t kSitsOutLeases = 2;

}  // namespace

Succession::Succession(state::CheckpointStore* shared, ItemStore* store, std::string url,
                       LeaseTimes times, Events events, std::function<int64_t()> now_ms)
    : store_(store),
      url_(std::move(url)),
      times_(times),
      events_(std::move(events)),
      now_ms_(std::move(now_ms)),
      lease_(shared, url_, times),
      sits_out_until_ms_(std::numeric_limits<int64_t>::min()),
      caught_up_at_ms_(now_ms_()) {}

Succession::~Succession() { Stop(); }

int64_t Succession::step_ms() const {
  return std::min(kStepMs, times_.renew_ms / kStepsPerRenewal);
}

void Succession::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Succession::Stop() {
  is_ending_ = true;
  clock_.Stop();
  if (!thread_.joinable()) return;
  thread_.join();
  Told("the lease could not be given up", lease_.Release());
}

void Succession::Run() {
  while (!is_ending_) {
    Step();
    clock_.Sleep(absl::Milliseconds(step_ms()));
  }
}

std::string Succession::active() const {
  const absl::MutexLock lock(&mu_);
  return active_;
}

void Succession::Told(const char* what, const absl::Status& status) {
  if (status.ok()) return;
  const std::string text = absl::StrCat(what, ": ", MessageOf(status));
  if (text != told_) runtime::LogError("succession_failed", text);
  told_ = text;
}

absl::Status Succession::TakeOver() {
  const absl::Status caught_up = events_.catch_up();
  return caught_up.ok() ? store_->Lead(url_) : caught_up;
}

void Succession::Follow() {
  absl::Status followed = store_->CatchUp().status();
  if (followed.ok() && now_ms_() - caught_up_at_ms_ >= kCatchUpMs) {
    caught_up_at_ms_ = now_ms_();
    followed = events_.catch_up();
  }
  Told("a standby can't follow the log", followed);
  if (followed.ok()) told_.clear();
}

void Succession::Step() {
  const int64_t now_ms = now_ms_();
  if (now_ms >= sits_out_until_ms_) {
    const absl::StatusOr<LeaseTerm> newest = lease_.Tick(now_ms);
    Told("the lease can't be looked at", newest.status());
    if (newest.ok()) {
      const absl::MutexLock lock(&mu_);
      active_ = newest->holder == kNobody ? "" : newest->holder;
    }
  }
  if (lease_.holds(now_ms) && !store_->leads()) {
    const absl::Status led = TakeOver();
    Told("it has the lease and can't take over", led);
    if (led.ok()) {
      ++takeovers_;
      leads_not_since_ms_.reset();
    } else if (now_ms_() - leads_not_since_ms_.value_or(now_ms) > times_.expire_ms) {
      Told("the lease could not be given up", lease_.Release());
      sits_out_until_ms_ = now_ms_() + kSitsOutLeases * times_.expire_ms;
      leads_not_since_ms_.reset();
    } else if (!leads_not_since_ms_) {
      leads_not_since_ms_ = now_ms;
    }
  }
  const bool is_active = this->is_active();
  if (is_active != was_active_) {
    runtime::LogInfo(is_active ? "manager_active" : "manager_standby",
                     is_active ? "this manager is the active one" : "this manager stands by",
                     {{"url", url_}});
    if (!is_active) events_.stood_down();
  }
  was_active_ = is_active;
  if (!lease_.holds(now_ms_())) Follow();
}

}  // namespace turnout::manager
