// EventRecorder: says in Events of the API server what happened to an object; repeated ones once.
//
// An event that is like one before (same object, type, reason) within kEventQuiet is not made anew:
// the one that is there is given its count, at most once in kSeriesPeriod. Events are told for
// people: one that can't be written is counted, and nothing waits for it.
//
// Errors: those of KubeClient; whoever records may go on without.
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/kube/kube_client.h"

namespace turnout::kube {

inline constexpr absl::Duration kEventQuiet = absl::Minutes(10);
inline constexpr absl::Duration kSeriesPeriod = absl::Minutes(1);
inline constexpr size_t kEventsKeptMax = 4'096;
inline constexpr size_t kEventNoteBytesMax = 1'024;  // the server's own limit
inline constexpr size_t kEventReasonBytesMax = 128;

struct EventReference {
  std::string api_version;
  std::string kind;
  std::string namespace_name;
  std::string name;
  std::string uid;
};

struct RecordedEvent {
  std::string type;    // Normal, Warning; anything else is Normal
  std::string reason;  // UpperCamelCase
  std::string note;
  EventReference regarding;
};

class EventRecorder {
 public:
  // `instance` names this process. The client outlives it.
  EventRecorder(KubeClient* client, std::string controller, std::string instance,
                std::function<absl::Time()> now);

  absl::Status Record(const RecordedEvent& event);

 private:
  struct Kept {
    std::string path;
    std::string note;
    int64_t count = 1;
    absl::Time last;  // seen
    absl::Time told;  // to the server
  };

  absl::Status Make(const RecordedEvent& event, const std::string& key, absl::Time now);

  KubeClient* const client_;
  const std::string controller_;
  const std::string instance_;
  const std::function<absl::Time()> now_;
  absl::Mutex mutex_;
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace turnout::kube
