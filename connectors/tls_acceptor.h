// TlsAcceptor: the server's side of TLS: a certificate with its key, and the transports it makes.
//
// TLS 1.2 and newer, without renegotiation, session tickets or compression. Clients show no
// certificate. What makes another one when the files have changed is whoever owns it: connections
// keep what they began with.
//
// Errors: InvalidArgument: the certificate or the key can't be read, or they don't belong together.
//   What is said of a key never holds it.
// Threads: one at a time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/transport.h"

namespace turnout::connectors {

class TlsAcceptor {
 public:
  // Both in PEM; behind the certificate may follow those that lead from it to an authority.
  static absl::StatusOr<std::unique_ptr<TlsAcceptor>> Make(const std::string& certificate_pem,
                                                           const std::string& key_pem);
  ~TlsAcceptor();

  // The socket, which is one that doesn't block, outlives the transport; the acceptor need not.
  absl::StatusOr<std::unique_ptr<Transport>> MakeTransport(int descriptor) const;

 private:
  struct Impl;
  explicit TlsAcceptor(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::connectors
