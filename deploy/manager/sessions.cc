#include "deploy/manager/sessions.h"

#include <utility>

#include "deploy/manager/sign_in_tickets.h"
#include "state/sha256.h"

namespace turnout::manager {

bool Sessions::IsOver(const Kept& kept, absl::Time now) {
  return now >= kept.session.ends || now - kept.used >= kSessionIdleFor;
}

void Sessions::MakeRoom(const std::string& name, absl::Time now) {
  std::erase_if(kept_, [&](const auto& one) { return IsOver(one.second, now); });
  size_t of_one = 0;
  auto oldest = kept_.end();
  auto ones_oldest = kept_.end();
  const auto is_older = [&](ByDigest::iterator one, ByDigest::iterator than) {
    return than == kept_.end() || one->second.used < than->second.used;
  };
  for (auto one = kept_.begin(); one != kept_.end(); ++one) {
    if (is_older(one, oldest)) oldest = one;
    if (one->second.session.principal.name != name) continue;
    ++of_one;
    if (is_older(one, ones_oldest)) ones_oldest = one;
  }
  if (of_one >= kSessionsOfOneMax) {
    kept_.erase(ones_oldest);
  } else if (kept_.size() >= sessions_max_) {
    kept_.erase(oldest);
  }
}

std::string Sessions::Begin(Principal principal, absl::Time now) {
  std::string id = RandomText();
  Kept kept{.session = {.principal = std::move(principal),
                        .csrf = RandomText(),
                        .ends = now + kSessionFor},
            .used = now};
  const absl::MutexLock lock(&mu_);
  MakeRoom(kept.session.principal.name, now);
  kept_.emplace(state::Sha256(id), std::move(kept));
  return id;
}

std::optional<Session> Sessions::Find(std::string_view id, absl::Time now) {
  const std::string digest = state::Sha256(id);
  const absl::MutexLock lock(&mu_);
  const auto found = kept_.find(digest);
  if (found == kept_.end()) return std::nullopt;
  if (IsOver(found->second, now)) {
    kept_.erase(found);
    return std::nullopt;
  }
  found->second.used = now;
  return found->second.session;
}

void Sessions::End(std::string_view id) {
  const std::string digest = state::Sha256(id);
  const absl::MutexLock lock(&mu_);
  kept_.erase(digest);
}

size_t Sessions::size() const {
  const absl::MutexLock lock(&mu_);
  return kept_.size();
}

}  // namespace turnout::manager
