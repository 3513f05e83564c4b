// RouterPulses: how a service's routers are, and what each of its rules does, as they tell every
// few seconds (runtime/pulse_json.h has what they send).
//
// Of each pod the newest pulse is kept, and the rates since the one before; a pod that started
// anew, or left a pulse out for long, has none until the next. Whoever wants to see events has
// them asked for with the answers to pulses, and what comes is kept for kSampleKeptFor.
//
// In memory alone: after a restart of the manager it takes two pulses to know rates again.
// Limits: kPulseBytesMax a pulse, kPulsePodsMax pods of a service, kPulsesBytesMax of all that is
//   kept; of more the pod that was heard of longest ago is forgotten, and so is who has been silent
//   for kPulseForgottenAfter.
// Errors: InvalidArgument for a pulse that is none.
// Threads: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::manager {

inline constexpr size_t kPulseBytesMax = 1u << 20;  // a sample of large events among it
inline constexpr size_t kPulsePodsMax = 500;
inline constexpr size_t kPulsesBytesMax = 64u << 20;
inline constexpr size_t kPulseRulesMax = 1'001;
inline constexpr size_t kPulseTroublesMax = 20;
inline constexpr size_t kRatesRulesMax = 20'000;  // in an answer
inline constexpr absl::Duration kPulseSilentAfter = absl::Seconds(20);
inline constexpr absl::Duration kPulseForgottenAfter = absl::Minutes(10);
inline constexpr size_t kSampleEventsMax = 20;
inline constexpr size_t kSampleTextBytesMax = 16u << 10;  // of a value, a key, a header
inline constexpr size_t kSampleHeadersMax = 30;
inline constexpr absl::Duration kSampleWantedFor = absl::Seconds(30);
inline constexpr absl::Duration kSampleKeptFor = absl::Minutes(2);

// What became of somebody's wish to see events.
struct SampleAnswer {
  std::string json;        // {"state", "taken_at", "events"}
  bool is_asked = false;   // the routers are, from now on
  size_t events = 0;       // that are shown
  bool is_silent = false;  // no router of the service tells how it is
};

class RouterPulses {
 public:
  // Answers how many events of the ingestion topic the router is asked for.
  absl::StatusOr<size_t> Take(const std::string& service, std::string_view pulse, absl::Time now);

  // {"pods": [...], "rules": [...]}, rates summed over the pods that aren't silent.
  std::string RatesJson(const std::string& service, absl::Time now) const;

  // The events that came lately; where none did, or `again`, they are asked for.
  SampleAnswer Sample(const std::string& service, bool again, absl::Time now);

 private:
  enum Count { kMatched, kSent, kParked, kDeadLettered, kErrors, kCounts };
  using Totals = std::array<int64_t, kCounts>;
  using Rates = std::array<double, kCounts>;

  struct Pod {
    absl::Time heard;
    int64_t started_ms = 0;
    int64_t uptime_ms = 0;
    std::string version;
    bool is_ready = false;
    bool shows_samples = false;
    int64_t lag = -1;  // records; -1: not known
    int64_t events = 0;
    std::string troubles;  // JSON
    std::map<std::string, Totals> rules;
    bool has_rates = false;
    double events_per_s = 0;
    std::map<std::string, Rates> rates;
    size_t bytes = 0;
  };
  struct Service {
    std::map<std::string, Pod> pods;
    absl::Time wanted_until = absl::InfinitePast();
    absl::Time taken_at = absl::InfinitePast();
    std::vector<std::string> sample;  // JSON, an event each
  };

  static void CountRates(const Pod& before, Pod* now);
  void Forget(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::map<std::string, Service> services_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;  // of all pods
};

}  // namespace turnout::manager
