// KubeWatch: what is in a collection now, kept up to date: listed once, then watched.
//
// A thread lists the collection and follows its changes from the list's version on. A watch that
// ends goes on from the last version that it saw, of a change or a bookmark; if that is too old
// (410), or nothing comes of it several times, the collection is listed anew, and what is other
// than before counts as changed. Objects are filed by group, as whoever watches wants to find them:
// children by their router. A group is told of every change, and of whatever left it.
//
//   list --> watch --> (ended, cut) --> watch from the last version --> ...
//    ^         '-- too old, kResumesMax in vain --.
//    '--------------------------------------------'   each failure waits, with jitter
//
// Errors: none; they are logged, and tried again for ever. is_synced says whether there was a list.
// Threads: any; `changed` is called on the watch's own thread, and may not destroy it.
// Lifetime: the client outlives it. Destroying it ends the thread within about a second.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "deploy/kube/kube_client.h"
#include "deploy/kube/kube_path.h"
#include "state/backoff.h"
#include "state/time_and_chance.h"

namespace turnout::kube {

// Watches from one version that end in failure before the collection is listed anew.
inline constexpr int kResumesMax = 3;

struct WatchPlan {
  KubeResource resource;
  std::string namespace_name;  // empty: all
  KubeSelection selection;
  // Which group an object is in; empty: none is told of it. Pure.
  std::function<std::string(const KubeObject& object)> group_of;
  // What of an object matters: a change of anything else is kept, and nobody is told. None: all.
  std::function<std::string(const KubeObject& object)> mark_of = nullptr;
  // Called for a group of which something has changed; often with nothing new.
  std::function<void(const std::string& group)> changed;
  absl::Duration wait_min = absl::Milliseconds(200);
  absl::Duration wait_max = absl::Seconds(30);
};

struct WatchCounts {
  int64_t lists = 0;
  int64_t failures = 0;
};

class KubeWatch {
 public:
  using ObjectPointer = std::shared_ptr<const KubeObject>;

  KubeWatch(KubeClient* client, WatchPlan plan);
  ~KubeWatch();
  KubeWatch(const KubeWatch&) = delete;
  KubeWatch& operator=(const KubeWatch&) = delete;

  // The thread ends soon; for many watches at once, before they are destroyed.
  void BeginToStop();

  // The collection was listed once.
  bool is_synced() const { return synced_.load(); }
  // Whether it is, before `within` has passed.
  bool AwaitSynced(absl::Duration within) const;

  // By namespace and name.
  std::vector<ObjectPointer> In(const std::string& group) const;
  std::vector<std::string> Groups() const;
  size_t size() const;
  WatchCounts counts() const;
  const KubeResource& resource() const { return plan_.resource; }

 private:
  struct Filed {
    ObjectPointer object;
    std::string group;
    std::string mark;
  };

  void Run();
  absl::Status List();
  absl::Status Follow();
  absl::Status Take(const KubeChange& change);
  void Put(KubeObject object, std::vector<std::string>* told) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(const std::string& key, std::vector<std::string>* told)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Tell(const std::vector<std::string>& groups) const;
  void Count(const absl::Status& failure);

  KubeClient* const client_;
  const WatchPlan plan_;
  const std::string path_;
  std::atomic<bool> stopping_{false};
  absl::Notification stop_;
  absl::Notification first_list_;
  std::atomic<bool> synced_{false};

  // The thread's own.
  std::string version_;      // of the last thing seen; empty: list
  int resumes_ = 0;          // that failed, since something was seen last
  bool progressed_ = false;  // something was seen since the last request

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Filed> objects_ ABSL_GUARDED_BY(mutex_);  // by Key()
  absl::flat_hash_map<std::string, std::map<std::string, ObjectPointer>> groups_
      ABSL_GUARDED_BY(mutex_);
  WatchCounts counts_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace turnout::kube
