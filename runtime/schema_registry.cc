#include "runtime/schema_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "connectors/steady_clock.h"
#include "runtime/log.h"
#include "runtime/real_time.h"

namespace turnout::runtime {
namespace {

using Kind = SchemaAnswer::Kind;

std::string Unanswered(uint32_t id, absl::Duration wait_max, const std::string& failure) {
  return absl::StrCat(failure.empty() ? absl::StrCat("schema ", id) : failure,
                      "; no other answer for ", absl::FormatDuration(wait_max),
                      " (schema_registry.wait_max)");
}

// From 0 to 1.
double Chance() { return static_cast<double>(RealTimeAndChance().random()) / 0x1p64; }

}  // namespace

SchemaRegistry::SchemaRegistry(const SchemaRegistrySettings& settings)
    : SchemaRegistry(
          [fetch = std::make_shared<SchemaFetch>(settings)](
              uint32_t id, const std::atomic<bool>& stop) { return fetch->Fetch(id, stop); },
          settings.wait_max) {}

SchemaRegistry::SchemaRegistry(Fetch fetch, absl::Duration wait_max)
    : fetch_(std::move(fetch)), wait_max_(wait_max), requests_counted_(connectors::SteadyNow()) {
  status_.is_used = true;
  status_.since = requests_counted_;
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Run(); });
}

SchemaRegistry::~SchemaRegistry() {
  {
    const absl::MutexLock lock(&mu_);
    stop_ = true;
    has_work_ = true;
    ++answers_;
  }
  for (std::thread& thread : threads_) thread.join();
}

SchemaAnswer SchemaRegistry::Find(uint32_t id) {
  const absl::Time now = connectors::SteadyNow();
  const absl::MutexLock lock(&mu_);
  if (const auto known = known_.find(id); known != known_.end()) {
    known->second.found = now;
    return {.kind = Kind::kKnown, .schema = known->second.schema};
  }
  if (const auto refused = refused_.find(id); refused != refused_.end()) {
    if (now < refused->second.until) return {.kind = Kind::kRefused, .why = refused->second.why};
    refused_.erase(refused);
  }
  return Want(id, now);
}

SchemaAnswer SchemaRegistry::Want(uint32_t id, absl::Time now) {
  auto found = wanted_.find(id);
  if (found == wanted_.end()) {
    if (!MakeRoom(now)) {
      return {.why = absl::StrCat("schema ", id, " is not asked for yet: ", wanted_.size(),
                                  " others are on their way")};
    }
    found = wanted_.emplace(id, Wanted{.since = now, .next_try = now}).first;
    has_work_ = true;
  }
  Wanted& wanted = found->second;
  wanted.wanted = now;
  if (now - wanted.since >= wait_max_) {
    return {.kind = Kind::kUnanswered, .why = Unanswered(id, wait_max_, wanted.failure)};
  }
  return {.why = wanted.failure.empty() ? absl::StrCat("schema ", id, " is on its way")
                                        : wanted.failure};
}

// What has had its time, or is wanted no more, gives way.
bool SchemaRegistry::MakeRoom(absl::Time now) {
  if (wanted_.size() < kWantedMax) return true;
  auto oldest = wanted_.end();
  for (auto one = wanted_.begin(); one != wanted_.end(); ++one) {
    if (one->second.is_asked || now - one->second.since < wait_max_) continue;
    if (oldest == wanted_.end() || one->second.wanted < oldest->second.wanted) oldest = one;
  }
  if (oldest == wanted_.end()) return false;
  wanted_.erase(oldest);
  return true;
}

SchemaAnswer SchemaRegistry::Await(uint32_t id, absl::Duration within) {
  const absl::Time until = connectors::SteadyNow() + within;
  SchemaAnswer answer = Find(id);
  while (answer.kind == Kind::kAwaited && connectors::SteadyNow() < until && !stop_) {
    {
      const absl::MutexLock lock(&mu_);
      const auto is_news = [this, seen = answers_]()
                               ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return answers_ != seen; };
      if (wanted_.contains(id)) {
        connectors::AwaitSteadily(&mu_, absl::Condition(&is_news), until - connectors::SteadyNow());
      }
    }
    answer = Find(id);
  }
  return answer;
}

void SchemaRegistry::Run() {
  while (!stop_) {
    std::optional<uint32_t> id;
    {
      const absl::MutexLock lock(&mu_);
      absl::Time look_again = absl::InfiniteFuture();
      while (!stop_ && !(id = TakeNext(&look_again))) {
        has_work_ = false;
        connectors::AwaitSteadily(&mu_, absl::Condition(&has_work_),
                                  look_again - connectors::SteadyNow());
      }
    }
    if (id) Take(*id, fetch_(*id, stop_));
  }
}

// The one that is due the longest, if there is room for a request.
std::optional<uint32_t> SchemaRegistry::TakeNext(absl::Time* look_again) {
  const absl::Time now = connectors::SteadyNow();
  requests_left_ =
      std::min(kRequestsBurst, requests_left_ + kRequestsPerSecond *
                                                    absl::ToDoubleSeconds(now - requests_counted_));
  requests_counted_ = now;
  *look_again = absl::InfiniteFuture();
  absl::erase_if(wanted_, [now](const auto& one) {
    return !one.second.is_asked && now - one.second.wanted > kForgottenAfter;
  });
  auto due = wanted_.end();
  for (auto one = wanted_.begin(); one != wanted_.end(); ++one) {
    if (one->second.is_asked) continue;
    *look_again = std::min(*look_again, one->second.next_try);
    if (one->second.next_try > now) continue;
    if (due == wanted_.end() || one->second.next_try < due->second.next_try) due = one;
  }
  if (due == wanted_.end()) return std::nullopt;
  if (requests_left_ < 1) {
    *look_again = now + absl::Seconds((1 - requests_left_) / kRequestsPerSecond);
    return std::nullopt;
  }
  requests_left_ -= 1;
  due->second.is_asked = true;
  return due->first;
}

void SchemaRegistry::Take(uint32_t id, absl::StatusOr<FetchedSchema> fetched) {
  if (stop_) return;
  const absl::Status status = fetched.status();
  const std::string why(status.message());
  const bool is_final = absl::IsNotFound(status) || absl::IsInvalidArgument(status);
  bool is_news = false;
  {
    const absl::Time now = connectors::SteadyNow();
    const absl::MutexLock lock(&mu_);
    const bool is_answered = status.ok() || is_final;
    if (is_answered != status_.trouble.empty()) status_.since = now;
    status_.trouble = is_answered ? "" : why;
    if (status.ok()) {
      Keep(id, *std::move(fetched));
    } else if (is_final) {
      Refuse(id, why);
    } else {
      ++status_.failed;
      Wanted& wanted = wanted_[id];
      is_news = wanted.failure != why;
      wanted.failure = why;
      wanted.is_asked = false;
      // Routers that failed together do not come back together.
      wanted.next_try = now + wanted.pause * (0.5 + 0.5 * Chance());
      wanted.pause = std::min(wanted.pause * 2, kPauseMax);
    }
    ++answers_;
    has_work_ = true;
  }
  if (status.ok()) {
    LogDebug("schema_fetched", absl::StrCat("schema ", id, " is at hand"), {{"schema", id}});
  } else if (is_final) {
    LogWarning("schema_refused",
               absl::StrCat(why, "; its events are dead letters, and it is asked for again after ",
                            absl::FormatDuration(kRefusedFor)),
               {{"schema", id}});
  } else if (is_news) {
    LogWarning("schema_not_fetched", absl::StrCat(why, " (trying on; its events wait)"),
               {{"schema", id}});
  }
}

void SchemaRegistry::Keep(uint32_t id, FetchedSchema fetched) {
  ++status_.fetched;
  wanted_.erase(id);
  known_bytes_ += fetched.text_bytes;
  known_[id] = {std::move(fetched.schema), fetched.text_bytes, connectors::SteadyNow()};
  while (known_.size() > 1 && (known_.size() > kKnownMax || known_bytes_ > kKnownBytesMax)) {
    auto oldest = known_.begin();
    for (auto one = known_.begin(); one != known_.end(); ++one) {
      if (one->first != id && (oldest->first == id || one->second.found < oldest->second.found)) {
        oldest = one;
      }
    }
    known_bytes_ -= oldest->second.text_bytes;
    known_.erase(oldest);
  }
}

void SchemaRegistry::Refuse(uint32_t id, std::string why) {
  ++status_.refused;
  wanted_.erase(id);
  const absl::Time now = connectors::SteadyNow();
  if (refused_.size() >= kRefusedMax) {
    absl::erase_if(refused_, [now](const auto& one) { return one.second.until <= now; });
  }
  // Still full: all at once, which costs each of them another request.
  if (refused_.size() >= kRefusedMax) refused_.clear();
  refused_[id] = {std::move(why), now + kRefusedFor};
}

std::unique_ptr<SchemaRegistry> MakeSchemaRegistry(bool is_used,
                                                   const SchemaRegistrySettings& settings) {
  if (!is_used) return nullptr;
  const bool says_who = !settings.username.empty() || !settings.token_file.empty();
  if (says_who && absl::StartsWith(settings.url, "http://")) {
    LogWarning("schema_registry_url",
               absl::StrCat(settings.url,
                            ": by http:// anybody on the way reads the secret that it "
                            "is asked with (use https:// in schema_registry.url)"));
  }
  return std::make_unique<SchemaRegistry>(settings);
}

SchemaRegistryStatus SchemaRegistry::status() const {
  const absl::Time now = connectors::SteadyNow();
  const absl::MutexLock lock(&mu_);
  SchemaRegistryStatus status = status_;
  status.known = known_.size();
  for (const auto& [id, wanted] : wanted_) {
    ++(now - wanted.since >= wait_max_ ? status.unanswered : status.awaited);
  }
  return status;
}

}  // namespace turnout::runtime
