#include "runtime/token_keeper.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using connectors::OAuthToken;
using ::testing::Ge;
using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(20);

// What a test sees of a keeper, and what its provider answers.
class Provider {
 public:
  TokenKeeper::Fetch Fetch(absl::Duration life) {
    return [this, life](const std::atomic<bool>&) -> absl::StatusOr<OAuthToken> {
      const absl::MutexLock lock(&mu_);
      fetched_at_.push_back(absl::Now());
      if (!trouble_.ok()) return trouble_;
      return OAuthToken{.value = absl::StrCat("t", fetched_at_.size()),
                        .expires = absl::Now() + life};
    };
  }
  TokenKeeper::Report Report() {
    return [this](const TokenReport& report) {
      const absl::MutexLock lock(&mu_);
      reports_.push_back(report);
    };
  }
  void Fail(absl::Status trouble) {
    const absl::MutexLock lock(&mu_);
    trouble_ = std::move(trouble);
  }
  // Once there are so many.
  std::vector<TokenReport> Reports(size_t count) {
    const absl::MutexLock lock(&mu_);
    const auto there = [this, count]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return reports_.size() >= count; };
    mu_.AwaitWithTimeout(absl::Condition(&there), kPatience);
    return reports_;
  }
  size_t reported() {
    const absl::MutexLock lock(&mu_);
    return reports_.size();
  }
  std::vector<absl::Time> fetched_at() {
    const absl::MutexLock lock(&mu_);
    return fetched_at_;
  }

 private:
  absl::Mutex mu_;
  absl::Status trouble_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Time> fetched_at_ ABSL_GUARDED_BY(mu_);
  std::vector<TokenReport> reports_ ABSL_GUARDED_BY(mu_);
};

TEST(TokenKeeperTest, ATokenIsRenewedWhenFourFifthsOfItsLifeAreOver) {
  Provider provider;
  const absl::Duration life = absl::Milliseconds(500);
  TokenKeeper keeper(provider.Fetch(life), provider.Report());
  ASSERT_THAT(provider.Reports(3), SizeIs(Ge(3u)));
  const std::vector<absl::Time> fetched_at = provider.fetched_at();
  for (size_t i = 1; i < fetched_at.size(); ++i) {
    EXPECT_GE(fetched_at[i] - fetched_at[i - 1], life * TokenKeeper::kRenewPart);
  }
}

TEST(TokenKeeperTest, ATokenThatCameWithTroubleIsTakenAndFetchedAgainSoon) {
  std::atomic<int> fetched{0};
  Provider seen;
  TokenKeeper keeper(
      [&fetched](const std::atomic<bool>&) -> absl::StatusOr<OAuthToken> {
        const int number = ++fetched;
        return OAuthToken{.value = absl::StrCat("t", number),
                          .expires = absl::Now() + absl::Hours(1),
                          .trouble = number < 3 ? absl::UnavailableError("who signs goes soon")
                                                : absl::OkStatus()};
      },
      seen.Report());
  const std::vector<TokenReport> reports = seen.Reports(3);
  ASSERT_THAT(reports, SizeIs(Ge(3u)));
  EXPECT_EQ(reports[0].status.message(), "who signs goes soon");
  EXPECT_GT(reports[0].expires, absl::Now());
  EXPECT_TRUE(reports[2].status.ok()) << reports[2].status;
  EXPECT_EQ(keeper.Current()->value, "t3");
}

TEST(TokenKeeperTest, TheTokenAtHandServesOnWhileTheProviderIsAway) {
  Provider provider;
  TokenKeeper keeper(provider.Fetch(absl::Seconds(2)), provider.Report());
  ASSERT_TRUE(provider.Reports(1)[0].status.ok());
  provider.Fail(absl::UnavailableError("away"));
  const TokenReport report = provider.Reports(2)[1];
  EXPECT_EQ(report.status, absl::UnavailableError("away"));
  const auto token = keeper.Current();
  const absl::Time asked = absl::Now();
  if (asked < report.expires) {
    ASSERT_TRUE(token.ok()) << token.status();
    EXPECT_EQ(token->value, "t1");
  }
}

TEST(TokenKeeperTest, AnExpiredTokenIsNoneAndTheReasonIsTheLastFailure) {
  Provider provider;
  TokenKeeper keeper(provider.Fetch(absl::Milliseconds(300)), provider.Report());
  ASSERT_TRUE(provider.Reports(1)[0].status.ok());
  provider.Fail(absl::InvalidArgumentError("refused"));
  TokenReport report;
  size_t seen = 1;
  do {
    report = provider.Reports(++seen).back();
  } while (absl::Now() < report.expires);
  EXPECT_EQ(keeper.Current().status(), absl::UnavailableError("refused"));
  provider.Fail(absl::OkStatus());
  const size_t before = provider.reported();
  ASSERT_TRUE(provider.Reports(before + 2).back().status.ok());
}

TEST(TokenKeeperTest, FailuresAreRepeatedWithPausesThatGrow) {
  Provider provider;
  provider.Fail(absl::UnavailableError("away"));
  TokenKeeper keeper(provider.Fetch(absl::Hours(1)), provider.Report());
  ASSERT_THAT(provider.Reports(4), SizeIs(Ge(4u)));
  EXPECT_EQ(provider.Reports(4)[3].expires, absl::InfinitePast());
  const std::vector<absl::Time> fetched_at = provider.fetched_at();
  // The n-th pause is at least half of the least one doubled n times.
  EXPECT_GE(fetched_at[1] - fetched_at[0], TokenKeeper::kPauseMin / 2);
  EXPECT_GE(fetched_at[3] - fetched_at[2], TokenKeeper::kPauseMin * 2);
}

TEST(TokenKeeperTest, ListenersAreToldTheTokenAtHandAndEachNewOne) {
  Provider provider;
  TokenKeeper keeper(provider.Fetch(absl::Milliseconds(500)), provider.Report());
  ASSERT_TRUE(provider.Reports(1)[0].status.ok());
  absl::Mutex mu;
  std::vector<std::string> told;
  const int listener = keeper.AddListener([&](const OAuthToken& token) {
    const absl::MutexLock lock(&mu);
    if (told.empty() || told.back() != token.value) told.push_back(token.value);
  });
  {
    const absl::MutexLock lock(&mu);
    const auto three = [&told] { return told.size() >= 3; };
    ASSERT_TRUE(mu.AwaitWithTimeout(absl::Condition(&three), kPatience));
  }
  keeper.RemoveListener(listener);
  const size_t after = told.size();
  provider.Reports(provider.reported() + 2);
  EXPECT_EQ(told.size(), after);
}

TEST(TokenKeeperTest, ItsEndStopsAFetchThatHangs) {
  absl::Notification begun;
  bool stopped = false;
  {
    TokenKeeper keeper(
        [&](const std::atomic<bool>& stop) -> absl::StatusOr<OAuthToken> {
          begun.Notify();
          while (!stop) absl::SleepFor(absl::Milliseconds(1));
          stopped = true;
          return absl::UnavailableError("stopped");
        },
        [](const TokenReport&) { FAIL() << "nothing came of it"; });
    begun.WaitForNotification();
  }
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace turnout::runtime
