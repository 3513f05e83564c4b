// TlsContext: what all encrypted connections of a client share, and the transports it makes.
//
// Internal to connectors/. TLS 1.2 and newer; the broker's certificate has to be valid and to be of
// the host that was asked for, unless the settings say otherwise.
//
// Errors: InvalidArgument names a file or setting that can't be used; Unavailable as any
// transport's.
//   What is said of a key never holds it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/client_security.h"
#include "connectors/transport.h"

namespace turnout::connectors {

class TlsContext {
 public:
  static absl::StatusOr<std::unique_ptr<TlsContext>> Make(const TlsSettings& settings);
  ~TlsContext();

  // `host` is what the certificate has to be of; Unavailable where none can be of it. The socket
  // outlives the transport; the context need not.
  absl::StatusOr<std::unique_ptr<Transport>> MakeTransport(int descriptor,
                                                           const std::string& host) const;

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::connectors
