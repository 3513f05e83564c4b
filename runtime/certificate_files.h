// CertificateFiles: a server's certificate and key in two files, which may be replaced at any time.
//
// They are looked at no more than once a second, when a client comes: inode, size and times, links
// followed, as a mounted Secret is changed. What can't be used, such as a key that isn't the
// certificate's yet, leaves the pair from before in force, is logged once, and is tried again.
//
// Errors: InvalidArgument at the beginning, naming file and setting.
// Threads: one.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/tls_acceptor.h"

namespace turnout::runtime {

class CertificateFiles {
 public:
  static absl::StatusOr<std::unique_ptr<CertificateFiles>> Open(std::string certificate_file,
                                                                std::string key_file);

  // By what the files hold at `now`, or held when they could last be used.
  const connectors::TlsAcceptor& Current(absl::Time now);

 private:
  CertificateFiles(std::string certificate_file, std::string key_file)
      : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

  absl::Status Read();
  std::string Looks() const;  // changes with either file

  const std::string certificate_file_;
  const std::string key_file_;
  std::unique_ptr<connectors::TlsAcceptor> acceptor_;
  std::string looks_;          // of what the acceptor was made of
  std::string refused_looks_;  // of what was last refused; empty: nothing since
  absl::Time looked_at_ = absl::InfinitePast();
};

}  // namespace turnout::runtime
