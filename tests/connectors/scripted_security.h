// ScriptedSecurity: a SecuritySource whose passwords and certificates change as a test says.
#pragma once

#include <atomic>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "connectors/security_source.h"

namespace turnout::connectors {

class ScriptedSecurity : public SecuritySource {
 public:
  explicit ScriptedSecurity(Properties properties) : properties_(std::move(properties)) {}

  Properties Current() override {
    const absl::MutexLock lock(&mu_);
    return properties_;
  }
  uint64_t password_edition() const override { return passwords_; }
  uint64_t certificate_edition() const override { return certificates_; }
  int AddListener(Listener listener) override {
    const absl::MutexLock lock(&mu_);
    listeners_[++last_] = std::move(listener);
    return last_;
  }
  void RemoveListener(int listener) override {
    const absl::MutexLock lock(&mu_);
    listeners_.erase(listener);
  }

  void SetPassword(const std::string& password) {
    const absl::MutexLock lock(&mu_);
    for (auto& [name, value] : properties_) {
      if (name == "sasl.password") value = password;
    }
    ++passwords_;
    for (const auto& [number, listener] : listeners_) listener(properties_);
  }
  void ChangeCertificates() { ++certificates_; }
  size_t listeners() {
    const absl::MutexLock lock(&mu_);
    return listeners_.size();
  }

 private:
  std::atomic<uint64_t> passwords_{0};
  std::atomic<uint64_t> certificates_{0};
  absl::Mutex mu_;
  Properties properties_ ABSL_GUARDED_BY(mu_);
  std::map<int, Listener> listeners_ ABSL_GUARDED_BY(mu_);
  int last_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace turnout::connectors
