#include "deploy/manager/lease.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "state/sealed_text.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kTerms = "lease/";
constexpr size_t kTermDigits = 12;
constexpr size_t kTermBytesMax = 4'096;
// Older ones are removed by whoever writes a new one.
constexpr int64_t kTermsKept = 8;

std::string TermName(int64_t number) {
  return absl::StrFormat("%s%0*d", kTerms, static_cast<int>(kTermDigits), number);
}

// 0: it is no term's name, but that of an unfinished one.
int64_t NumberOfTerm(const std::string& name) {
  int64_t number = 0;
  const std::string digits = name.substr(kTerms.size());
  return digits.size() == kTermDigits && absl::SimpleAtoi(digits, &number) ? number : 0;
}

}  // namespace

std::optional<int64_t> LeaseJudge::See(const LeaseTerm& newest, int64_t now_ms) {
  if (newest != newest_ || newest.number == 0) {
    newest_ = newest;
    seen_at_ms_ = now_ms;
  }
  if (!is_own()) holds_until_ms_ = std::numeric_limits<int64_t>::min();
  const bool is_free = newest.number == 0 || newest.holder == kNobody;
  const int64_t wait_ms = is_free ? 0 : is_own() ? times_.renew_ms : times_.expire_ms;
  if (now_ms - seen_at_ms_ < wait_ms) return std::nullopt;
  return newest.number + 1;
}

void LeaseJudge::Wrote(int64_t number, int64_t now_ms) {
  own_ = number;
  newest_ = {.number = number, .holder = self_};
  seen_at_ms_ = now_ms;
  holds_until_ms_ = now_ms + times_.expire_ms;
}

void LeaseJudge::Release() {
  own_ = 0;
  holds_until_ms_ = std::numeric_limits<int64_t>::min();
}

absl::Status Lease::Release() {
  const bool was_own = judge_.is_own();
  const int64_t next = judge_.newest().number + 1;
  judge_.Release();
  holds_until_ms_ = judge_.holds_until_ms();
  if (!was_own) return absl::OkStatus();
  return objects_->PutIfAbsent(TermName(next), state::SealText(std::string(kNobody) + "\n"))
      .status();
}

absl::StatusOr<LeaseTerm> Lease::Newest() {
  const absl::StatusOr<std::vector<state::StoredObject>> objects = objects_->List(kTerms);
  if (!objects.ok()) return objects.status();
  LeaseTerm newest;
  for (const state::StoredObject& object : *objects) {
    newest.number = std::max(newest.number, NumberOfTerm(object.name));
  }
  for (const state::StoredObject& object : *objects) {
    const int64_t number = NumberOfTerm(object.name);
    if (number == 0 || number > newest.number - kTermsKept) continue;
    // If it fails, the next one tries.
    objects_->Remove(object.name).IgnoreError();
  }
  if (newest.number == 0) return newest;
  const absl::StatusOr<std::string> sealed = objects_->Read(TermName(newest.number), kTermBytesMax);
  if (!sealed.ok()) return sealed.status();
  const absl::StatusOr<std::string_view> holder = state::OpenSealed(*sealed);
  // Whose it is can't be told; it ends like any other.
  if (holder.ok()) newest.holder = std::string(holder->substr(0, holder->find('\n')));
  return newest;
}

absl::StatusOr<LeaseTerm> Lease::Tick(int64_t now_ms) {
  const absl::StatusOr<LeaseTerm> newest = Newest();
  if (!newest.ok()) return newest;
  const std::optional<int64_t> next = judge_.See(*newest, now_ms);
  holds_until_ms_ = judge_.holds_until_ms();
  if (!next) return judge_.newest();
  const absl::StatusOr<bool> wrote =
      objects_->PutIfAbsent(TermName(*next), state::SealText(self_ + "\n"));
  if (!wrote.ok()) return wrote.status();
  const absl::StatusOr<LeaseTerm> now = Newest();
  if (!now.ok()) return now;
  // It may have been so long in writing that others have gone on, and removed what was of its
  // number.
  if (*wrote && now->number == *next) {
    judge_.Wrote(*next, now_ms);
  } else {
    judge_.See(*now, now_ms);
  }
  holds_until_ms_ = judge_.holds_until_ms();
  return judge_.newest();
}

}  // namespace turnout::manager
