// SecurityKeeper: sees when passwords, keys or certificates of Kafka's properties are replaced, and
// says when a certificate ends.
//
// A thread of its own reads the files that they come from every kLookEvery: those that
// `${file:...}` names, secrets of the config manager that are due (managed_values.h), and those of
// ssl.*.location. What has changed is handed on once all of it
// can be used together: a certificate whose key has not come yet waits for it. Threads: any;
// reports and listeners' calls are made on the keeper's own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/certificates.h"
#include "connectors/security_source.h"
#include "runtime/config.h"

namespace turnout::runtime {

// What came of one look.
struct SecurityReport {
  absl::Status status;  // why what the files hold can't be used; what they held before serves on
  std::vector<connectors::CertificateLife> certificates;  // in use
  bool certificates_changed = false;
  bool passwords_changed = false;
};

class SecurityKeeper : public connectors::SecuritySource {
 public:
  static constexpr absl::Duration kLookEvery = absl::Seconds(1);
  static constexpr size_t kFileBytesMax = 1 << 20;

  // The properties as their files have them at the moment.
  using Read = std::function<absl::StatusOr<Properties>()>;
  using Report = std::function<void(const SecurityReport&)>;

  // Begins to look at once; `now` is what clients have been given.
  SecurityKeeper(Properties now, Read read, Report report, absl::Duration every = kLookEvery);
  ~SecurityKeeper() override;

  Properties Current() override;
  uint64_t password_edition() const override { return password_edition_; }
  uint64_t certificate_edition() const override { return certificate_edition_; }
  int AddListener(Listener listener) override;
  void RemoveListener(int listener) override;

 private:
  // What changes with what clients go by.
  struct Marks {
    std::string passwords;
    std::string certificates;
  };
  static Marks MarksOf(const Properties& properties);

  void Run();
  SecurityReport Look();

  const Read read_;
  const Report report_;
  const absl::Duration every_;
  std::atomic<uint64_t> password_edition_{0};
  std::atomic<uint64_t> certificate_edition_{0};
  Marks marks_;  // the thread's

  // Before mu_ where both are held; listeners are called under this one alone.
  absl::Mutex listeners_mu_;
  std::map<int, Listener> listeners_ ABSL_GUARDED_BY(listeners_mu_);
  int last_listener_ ABSL_GUARDED_BY(listeners_mu_) = 0;

  absl::Mutex mu_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  Properties properties_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

// Reads the config's properties of Kafka anew; the log hides what is secret.
SecurityKeeper::Read ReadingOf(const Config& config);

// What is to be said of it at this time, with the cure: it ends within a fifth of its life or a
// week, whichever is less, or has ended. Empty: nothing.
std::string CertificateTrouble(const connectors::CertificateLife& life, absl::Time now);

}  // namespace turnout::runtime
