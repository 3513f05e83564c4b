#include "runtime/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "runtime/log_limiter.h"
#include "runtime/log_line.h"

namespace turnout::runtime {
namespace {

constexpr size_t kSecretBytesMin = 4;
constexpr absl::Duration kTellInterval = absl::Milliseconds(250);

bool MayColour() {
  const char* const term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && term != nullptr &&
         std::string_view(term) != "dumb";
}

// The one log of the process. Never destroyed: threads may log until the very end.
class Log {
 public:
  static Log& Get() {
    static Log* const log = new Log;
    return *log;
  }

  void Start(const LogOptions& options) {
    absl::MutexLock lock(&mu_);
    Tell(absl::InfiniteFuture());
    json_ = options.json;
    level_.store(LogLevelOf(options.level).value_or(LogLevel::kInfo), std::memory_order_relaxed);
    limiter_ = LogLimiterOf(options.lines_per_second_max);
  }

  void Hide(std::string_view secret) {
    if (secret.size() < kSecretBytesMin) return;
    absl::MutexLock lock(&mu_);
    if (std::find(secrets_.begin(), secrets_.end(), secret) != secrets_.end()) return;
    secrets_.emplace_back(secret);
    std::stable_sort(secrets_.begin(), secrets_.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
  }

  std::string WithoutSecrets(std::string_view text) {
    std::string out(text);
    absl::MutexLock lock(&mu_);
    HideSecrets(secrets_, &out);
    return out;
  }

  void Write(LogLevel level, std::string_view event, std::string_view sentence,
             std::initializer_list<LogField> fields) {
    if (level < level_.load(std::memory_order_relaxed)) return;
    absl::MutexLock lock(&mu_);
    const absl::Time now = absl::Now();
    Tell(now);
    if (!limiter_->Admit(event, level, now)) {
      StartTelling();
      return;
    }
    LogLine line{.time = now,
                 .level = level,
                 .event = std::string(event),
                 .sentence = std::string(sentence),
                 .fields = {}};
    for (const LogField& field : fields) {
      line.fields.push_back({std::string(field.name()), field.text(), field.quoted()});
    }
    Show(std::move(line));
  }

 private:
  Log()
      : coloured_(MayColour()),
        out_("turnout", std::make_shared<spdlog::sinks::stderr_sink_mt>()),
        limiter_(LogLimiterOf(LogOptions{}.lines_per_second_max)) {
    out_.set_pattern("%v");
    out_.set_level(spdlog::level::trace);
    std::atexit([] {
      Log& log = Get();
      absl::MutexLock lock(&log.mu_);
      log.Tell(absl::InfiniteFuture());
    });
  }

  static std::unique_ptr<LogLimiter> LogLimiterOf(int lines_per_second_max) {
    return std::make_unique<LogLimiter>(std::max(1, lines_per_second_max));
  }

  void Show(LogLine line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    HideSecrets(secrets_, &line);
    out_.log(spdlog::level::info, "{}", json_ ? JsonLogLine(line) : TextLogLine(line, coloured_));
  }

  // Says what was not shown in seconds that are over at `now`.
  void Tell(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const LogLimiter::Dropped& dropped : limiter_->Over(now)) {
      Show({.time = absl::Now(),
            .level = dropped.level,
            .event = "lines_not_shown",
            .sentence =
                absl::StrFormat("%d more lines of %s were not shown", dropped.lines, dropped.event),
            .fields = {{"of", dropped.event, true},
                       {"lines", absl::StrFormat("%d", dropped.lines), false}}});
    }
  }

  // Who drops lines owes a word about it even if nothing else is ever logged. Signals are for the
  // main thread, so this one takes none.
  void StartTelling() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (telling_) return;
    telling_ = true;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread([this] { TellForEver(); }).detach();
    } catch (const std::exception&) {
      telling_ = false;  // No thread to be had: the next line or the end of the process tells.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void TellForEver() {
    while (true) {
      mu_.LockWhen(absl::Condition(
          +[](Log* log) { return log->limiter_->pending(); }, this));
      Tell(absl::Now());
      mu_.Unlock();
      absl::SleepFor(kTellInterval);
    }
  }

  const bool coloured_;
  std::atomic<LogLevel> level_{LogLevel::kInfo};
  absl::Mutex mu_;
  spdlog::logger out_ ABSL_GUARDED_BY(mu_);
  bool json_ ABSL_GUARDED_BY(mu_) = false;
  bool telling_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::string> secrets_ ABSL_GUARDED_BY(mu_);  // longest first
  std::unique_ptr<LogLimiter> limiter_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

void StartLog(const LogOptions& options) { Log::Get().Start(options); }

void HideInLog(std::string_view secret) { Log::Get().Hide(secret); }

std::string WithoutSecrets(std::string_view text) { return Log::Get().WithoutSecrets(text); }

void LogDebug(std::string_view event, std::string_view sentence,
              std::initializer_list<LogField> fields) {
  Log::Get().Write(LogLevel::kDebug, event, sentence, fields);
}

void LogInfo(std::string_view event, std::string_view sentence,
             std::initializer_list<LogField> fields) {
  Log::Get().Write(LogLevel::kInfo, event, sentence, fields);
}

void LogWarning(std::string_view event, std::string_view sentence,
                std::initializer_list<LogField> fields) {
  Log::Get().Write(LogLevel::kWarning, event, sentence, fields);
}

void LogError(std::string_view event, std::string_view sentence,
              std::initializer_list<LogField> fields) {
  Log::Get().Write(LogLevel::kError, event, sentence, fields);
}

}  // namespace turnout::runtime
