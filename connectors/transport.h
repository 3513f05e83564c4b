// Transport: bytes to and from a broker over a connected socket, plain or encrypted, never waiting.
//
// Implemented by the plain transport here, by `tls_transport`, and by `tls_acceptor` for servers:
// the admin API has its clients at the other end.
//
// Errors: Unavailable: the connection is over, with the reason.
// Threads: one.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace turnout::connectors {

class Transport {
 public:
  virtual ~Transport() = default;

  // True once both sides can talk; until then to be called whenever the socket is ready.
  virtual absl::StatusOr<bool> Handshake() = 0;
  // How many bytes came; 0: none for now.
  virtual absl::StatusOr<size_t> Read(char* into, size_t size) = 0;
  // How many bytes of these pieces, one after another, went out; 0: none for now. What did not go
  // comes first in the next call.
  virtual absl::StatusOr<size_t> Write(absl::Span<const std::string_view> pieces) = 0;
  // The last call waits for the socket to take bytes, whatever it was asked to do.
  virtual bool wants_write() const = 0;
};

// Closes itself.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { Close(); }

  void Close();
  int get() const { return descriptor_; }
  bool open() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

// Begins to connect to an address of `host`, the `attempt`th of those that it has (in a circle),
// and returns at once; the socket can be written to once that is done. Only looking the name up may
// wait, as long as the system's resolver does.
absl::StatusOr<Socket> BeginConnect(const std::string& host, int port, size_t attempt);

// Once it can be written to: what became of the connecting.
absl::Status ConnectOutcome(const Socket& socket);

// The socket outlives the transport.
std::unique_ptr<Transport> MakePlainTransport(int descriptor);

// Unavailable, "closed by the broker" or what the system says of `error` (an errno).
absl::Status ConnectionClosed();
absl::Status ConnectionError(std::string_view doing, int error);

}  // namespace turnout::connectors
