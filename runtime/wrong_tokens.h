// WrongTokens: who may not try tokens for now, since too many of theirs were wrong.
//
// Each address has a bucket of kWrongTokensMax tries that refills by one a second; nobody's wrong
// tokens keep somebody else out. Of more addresses than kAddressesMax the one that was wrong
// longest ago is forgotten.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::runtime {

class WrongTokens {
 public:
  static constexpr double kWrongTokensMax = 10;
  static constexpr size_t kAddressesMax = 1024;

  bool MayTry(const std::string& address, absl::Time now);
  void Add(const std::string& address, absl::Time now);

 private:
  struct Bucket {
    double tries_left = kWrongTokensMax;
    absl::Time at;
  };
  static double TriesLeft(const Bucket& bucket, absl::Time now);

  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::runtime
