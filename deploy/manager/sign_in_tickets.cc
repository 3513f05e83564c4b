#include "deploy/manager/sign_in_tickets.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "state/random_bytes.h"
#include "state/sha256.h"

namespace turnout::manager {
namespace {

constexpr size_t kRandomBytes = 32;
constexpr size_t kStateBytesMax = 4u << 10;

std::string Base64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape({bytes.data(), bytes.size()});
}

absl::Status Refused(std::string_view why) {
  return absl::PermissionDeniedError(absl::StrCat("the sign-in is refused: ", std::string(why)));
}

}  // namespace

std::string CodeChallenge(std::string_view verifier) {
  return Base64Url(absl::HexStringToBytes(state::Sha256(verifier)));
}

std::string RandomText() { return Base64Url(state::RandomBytes(kRandomBytes)); }

bool IsPlace(std::string_view to) {
  if (to.empty()) return true;
  return to.starts_with("#/") && to.size() <= kPlaceBytesMax &&
         std::all_of(to.begin(), to.end(), [](char byte) { return byte > ' ' && byte < 127; });
}

SignInTickets::SignInTickets(size_t used_max)
    : key_(state::RandomBytes(kRandomBytes)), used_max_(used_max) {}

std::string SignInTickets::Derived(std::string_view use, std::string_view cookie,
                                   std::string_view what) const {
  // The first two hold no line break.
  std::string text(use);
  text.append("\n").append(cookie).append("\n").append(what);
  return Base64Url(state::HmacSha256(key_, text));
}

SignInTickets::Begun SignInTickets::Begin(std::string_view issuer, std::string_view to,
                                          absl::Time now) const {
  Begun begun{.cookie = RandomText()};
  // A part by chance as well, so that no two of one browser's are the same.
  std::string said = absl::StrCat(absl::ToUnixMillis(now + kSignInFor), "\n", RandomText(), "\n");
  said.append(issuer).append("\n").append(to);
  const std::string payload = Base64Url(said);
  begun.state = absl::StrCat(payload, ".", Derived("state", begun.cookie, payload));
  begun.nonce = Derived("nonce", begun.cookie, payload);
  begun.challenge = CodeChallenge(Derived("verifier", begun.cookie, payload));
  return begun;
}

absl::StatusOr<SignInTicket> SignInTickets::Take(const std::string& cookie,
                                                 const std::string& state, absl::Time now) {
  if (cookie.empty()) return Refused("it was not begun in this browser, or too long ago");
  if (state.size() > kStateBytesMax || cookie.size() > kStateBytesMax ||
      cookie.find('\n') != cookie.npos) {
    return Refused("that is no state of ours");
  }
  const std::pair<std::string, std::string> parts = absl::StrSplit(state, absl::MaxSplits('.', 1));
  const std::string& payload = parts.first;
  // Digests are compared, so that the time tells nothing of how near a guess is.
  if (state::Sha256(parts.second) != state::Sha256(Derived("state", cookie, payload))) {
    return Refused("it is another browser's, or another manager's");
  }
  std::string said;
  if (!absl::WebSafeBase64Unescape(payload, &said)) return Refused("that is no state of ours");
  const std::vector<std::string> lines = absl::StrSplit(said, '\n');
  int64_t ends_ms = 0;
  if (lines.size() != 4 || !absl::SimpleAtoi(lines[0], &ends_ms)) {
    return Refused("that is no state of ours");
  }
  const absl::Time ends = absl::FromUnixMillis(ends_ms);
  if (now >= ends) return Refused("it took too long");
  const absl::MutexLock lock(&mu_);
  const std::string digest = state::Sha256(state);
  if (used_.contains(digest)) return Refused("it was used already");
  if (used_.size() >= used_max_) {
    std::erase_if(used_, [&](const auto& one) { return one.second <= now; });
  }
  if (used_.size() >= used_max_) {
    used_.erase(std::min_element(
        used_.begin(), used_.end(),
        [](const auto& one, const auto& other) { return one.second < other.second; }));
  }
  used_.emplace(digest, ends);
  return SignInTicket{.issuer = lines[2],
                      .to = lines[3],
                      .nonce = Derived("nonce", cookie, payload),
                      .verifier = Derived("verifier", cookie, payload)};
}

size_t SignInTickets::used_count() const {
  const absl::MutexLock lock(&mu_);
  return used_.size();
}

}  // namespace turnout::manager
