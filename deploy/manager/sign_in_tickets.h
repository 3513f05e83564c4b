// SignInTickets: what ties a sign-in that is under way to the browser that began it.
//
// A sign-in leads away to a provider and comes back with a code. The browser keeps a random text in
// a cookie; everything else is derived from it with a key that never leaves this process: the
// `state` that goes along and comes back, with where to go on, the nonce that the ID token has to
// bear, and the code verifier of PKCE (RFC 7636), by which a code that somebody else has seen is of
// no use. So a sign-in that is begun costs nothing here, and beginning many pushes nobody out.
//
// A ticket is taken once, for kSignInFor at most, and with the cookie that it was made with alone:
// nobody ends in another one's session (login CSRF), or has his own begun by another one.
//
// Errors: PermissionDenied for a state that is not of this browser, not ours, over, or used.
// Threads: any. Times are of one steady clock.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::manager {

inline constexpr absl::Duration kSignInFor = absl::Minutes(10);
inline constexpr size_t kUsedTicketsMax =
    10'000;  // remembered; beyond, the one that ends first goes
inline constexpr size_t kPlaceBytesMax = 1'000;

// base64url(SHA-256(verifier)), the challenge of method S256.
std::string CodeChallenge(std::string_view verifier);

// base64url without padding of random bytes: 256 bits.
std::string RandomText();

// Whether it is a place within the page, which can't be anywhere else: what stands behind `#`, as
// `#/orders/rules`, in visible ASCII. Empty is one.
bool IsPlace(std::string_view to);

struct SignInTicket {
  std::string issuer;
  std::string to;  // a place
  std::string nonce;
  std::string verifier;
};

class SignInTickets {
 public:
  explicit SignInTickets(size_t used_max = kUsedTicketsMax);

  struct Begun {
    std::string cookie;
    std::string state;
    std::string nonce;
    std::string challenge;
  };
  Begun Begin(std::string_view issuer, std::string_view to, absl::Time now) const;

  // Uses it up, whatever becomes of the sign-in.
  absl::StatusOr<SignInTicket> Take(const std::string& cookie, const std::string& state,
                                    absl::Time now);

  size_t used_count() const;

 private:
  std::string Derived(std::string_view use, std::string_view cookie, std::string_view what) const;

  const std::string key_;
  const size_t used_max_;
  mutable absl::Mutex mu_;
  std::map<std::string, absl::Time> used_ ABSL_GUARDED_BY(mu_);  // by state's digest, until when
};

}  // namespace turnout::manager
