#include "runtime/stop_signals.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using testing::ExitedWithCode;

constexpr int kStopped = 7;
constexpr absl::Duration kLong = absl::Minutes(10);

// What a process does that stops `stopping` after it was asked to; in between it is signalled.
[[noreturn]] void RunUntilStopped(absl::Duration stop_timeout, absl::Duration stopping,
                                  const std::vector<int>& signals) {
  StopSignals::Block();
  for (const int signal : signals) ::kill(::getpid(), signal);  // they wait to be taken
  absl::Notification asked;
  {
    const StopSignals stop_signals([&asked] { asked.Notify(); }, stop_timeout);
    asked.WaitForNotification();
    absl::SleepFor(stopping);
  }
  std::exit(kStopped);
}

class StopSignalsTest : public testing::Test {
 protected:
  StopSignalsTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(StopSignalsTest, TheFirstAsksForTheEnd) {
  for (const int signal : {SIGTERM, SIGINT}) {
    EXPECT_EXIT(RunUntilStopped(kLong, absl::ZeroDuration(), {signal}), ExitedWithCode(kStopped),
                "");
  }
}

TEST_F(StopSignalsTest, TwoAtOnceAreOneRequest) {
  EXPECT_EXIT(RunUntilStopped(kLong, absl::Milliseconds(300), {SIGINT, SIGTERM}),
              ExitedWithCode(kStopped), "");
}

TEST_F(StopSignalsTest, ALaterOneEndsTheProcessAtOnceWithItsNumber) {
  for (const int signal : {SIGTERM, SIGINT}) {
    EXPECT_EXIT(
        {
          StopSignals::Block();
          std::thread([signal] {  // somebody keeps pressing Ctrl-C
            for (;;) {
              ::kill(::getpid(), signal);
              absl::SleepFor(absl::Milliseconds(20));
            }
          }).detach();
          RunUntilStopped(kLong, kLong, {});
        },
        ExitedWithCode(128 + signal), "");
  }
}

TEST_F(StopSignalsTest, AStopThatTakesTooLongIsCutShort) {
  EXPECT_EXIT(RunUntilStopped(absl::Milliseconds(50), kLong, {SIGTERM}), ExitedWithCode(0), "");
}

TEST_F(StopSignalsTest, EachHangUpAsksForAReloadAndForNoEnd) {
  EXPECT_EXIT(
      {
        StopSignals::Block();
        absl::Notification reloaded[2];
        int reloads = 0;
        absl::Notification stopped;
        {
          const StopSignals stop_signals([&] { stopped.Notify(); }, kLong,
                                         [&] { reloaded[reloads++].Notify(); });
          ::kill(::getpid(), SIGHUP);
          reloaded[0].WaitForNotification();
          ::kill(::getpid(), SIGHUP);
          reloaded[1].WaitForNotification();
          if (stopped.HasBeenNotified()) std::exit(1);
          ::kill(::getpid(), SIGTERM);
          stopped.WaitForNotification();
        }
        std::exit(kStopped);
      },
      ExitedWithCode(kStopped), "");
}

TEST_F(StopSignalsTest, WithoutASignalItEndsQuietly) {
  EXPECT_EXIT(
      {
        StopSignals::Block();
        { const StopSignals stop_signals([] { std::exit(1); }, kLong); }
        std::exit(kStopped);
      },
      ExitedWithCode(kStopped), "");
}

}  // namespace
}  // namespace turnout::runtime
