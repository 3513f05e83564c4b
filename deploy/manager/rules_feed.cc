#include "deploy/manager/rules_feed.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/json_writer.h"
#include "state/sha256.h"

namespace turnout::manager {
namespace {

// How exactly a wait ends.
constexpr absl::Duration kLook = absl::Milliseconds(200);
constexpr size_t kEtagDigits = 16;

HttpAnswer NotModified(const std::string& etag) {
  return {.status = 304, .headers = {{"ETag", etag}}};
}

}  // namespace

std::string RuleFileName(const Item& item) {
  const size_t begin = item.content.text.find_first_not_of(" \t\r\n");
  const bool is_json = begin != std::string::npos && item.content.text[begin] == '{';
  return item.id.name + (is_json ? ".json" : ".yaml");
}

RulesFeed::RulesFeed(Give give) : give_(std::move(give)), thread_([this] { Run(); }) {}

RulesFeed::~RulesFeed() { End(); }

HttpAnswer RulesFeed::AnswerOf(const std::string& service, std::string_view known_etag) const {
  const auto found = documents_.find(service);
  if (found == documents_.end()) {
    return ErrorAnswer(404, absl::StrFormat("the service %s has no rules yet: put some", service));
  }
  if (found->second.etag == known_etag) return NotModified(found->second.etag);
  return {.body = found->second.body, .headers = {{"ETag", found->second.etag}}};
}

void RulesFeed::Publish(const std::string& service, const std::vector<Item>& rules) {
  JsonObject files;
  for (const Item& item : rules) files.Text(RuleFileName(item), item.content.text);
  Document document{.body = JsonObject().Json("files", files.Done()).Done()};
  document.etag = absl::StrFormat("\"%s\"", state::Sha256(document.body).substr(0, kEtagDigits));
  std::vector<Waiter> woken;
  HttpAnswer answer;
  {
    const absl::MutexLock lock(&mu_);
    const auto before = documents_.find(service);
    if (rules.empty()) {
      if (before == documents_.end()) return;
      documents_.erase(before);
    } else {
      if (before != documents_.end() && before->second.etag == document.etag) return;
      documents_[service] = std::move(document);
    }
    woken = std::exchange(waiters_[service], {});
    waiting_ -= woken.size();
    answer = AnswerOf(service, "");
  }
  for (const Waiter& one : woken) give_(one.number, answer);
}

std::optional<HttpAnswer> RulesFeed::Ask(const std::string& service, std::string_view known_etag,
                                         absl::Duration wait, uint64_t number) {
  const absl::MutexLock lock(&mu_);
  HttpAnswer answer = AnswerOf(service, known_etag);
  const bool may_wait = answer.status == 304 && wait > absl::ZeroDuration() && !is_ending_;
  if (!may_wait || waiting_ >= kFeedWaitersMax) return answer;
  waiters_[service].push_back({number, absl::Now() + std::min(wait, kFeedWaitMax)});
  ++waiting_;
  return std::nullopt;
}

std::string RulesFeed::EtagOf(const std::string& service) const {
  const absl::MutexLock lock(&mu_);
  const auto found = documents_.find(service);
  return found == documents_.end() ? "" : found->second.etag;
}

size_t RulesFeed::waiting() const {
  const absl::MutexLock lock(&mu_);
  return waiting_;
}

void RulesFeed::LetGo(const HttpAnswer& answer) {
  std::map<std::string, std::vector<Waiter>> let_go;
  {
    const absl::MutexLock lock(&mu_);
    let_go = std::exchange(waiters_, {});
    waiting_ = 0;
  }
  for (const auto& [service, waiters] : let_go) {
    for (const Waiter& one : waiters) give_(one.number, answer);
  }
}

void RulesFeed::End() {
  {
    const absl::MutexLock lock(&mu_);
    is_ending_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void RulesFeed::Run() {
  for (bool is_over = false; !is_over;) {
    std::vector<std::pair<uint64_t, HttpAnswer>> due;
    {
      absl::MutexLock lock(&mu_);
      mu_.AwaitWithTimeout(absl::Condition(&is_ending_), kLook);
      is_over = is_ending_;
      const absl::Time now = absl::Now();
      for (auto& [service, waiters] : waiters_) {
        const auto first_due = std::partition(waiters.begin(), waiters.end(), [&](const auto& one) {
          return !is_over && one.until > now;
        });
        for (auto one = first_due; one != waiters.end(); ++one) {
          due.emplace_back(one->number, NotModified(documents_[service].etag));
        }
        waiting_ -= static_cast<size_t>(waiters.end() - first_due);
        waiters.erase(first_due, waiters.end());
      }
    }
    for (const auto& [number, answer] : due) give_(number, answer);
  }
}

}  // namespace turnout::manager
