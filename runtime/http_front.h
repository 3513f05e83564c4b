// HttpFront: the connections of an HTTP server: one request each, and no thread that waits for one.
//
// One thread does all that clients can draw out: it accepts, shakes hands (TLS), gathers a request
// until it is whole, and sends the answer, with poll over all of them. Only whole requests go to
// the other threads, which compute answers. So a client that is slow, silent or gone costs a place
// among `connections_max` for as long as it may take, and nobody waits for it. Where all places are
// taken the address that has most of them loses its oldest connection.
//
// A connection:  handshake -> request -> answer computed -> answer sent -> drained -> closed
// By then, or cut off:  '-- request_timeout --'              '- connection_timeout, from its start
//
// Errors: as Listen.
// Threads: the handler is called on `threads` threads, `refuse` on another one.
// Lifetime: destroying it cuts off all connections and waits for handlers that run.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "runtime/certificate_files.h"
#include "runtime/http_request.h"
#include "runtime/listen_socket.h"

namespace turnout::runtime {

struct HttpFrontOptions {
  std::unique_ptr<CertificateFiles> certificates;  // null: plain HTTP
  int threads = 8;
  absl::Duration request_timeout = absl::Seconds(2);
  absl::Duration connection_timeout = absl::Seconds(5);
  size_t body_bytes_max = 64 << 10;
  size_t connections_max = 256;
  size_t unsent_bytes_max = 64 << 20;  // of all answers together; beyond it the oldest is cut off
};

class HttpFront {
 public:
  // All bytes of the answer. `peer` is the client's address (ListenSocket).
  using Handler = std::function<std::string(const HttpRequest& request, const std::string& peer)>;
  using Refuse = std::function<std::string(const HttpFault& fault)>;

  HttpFront(HttpFrontOptions options, ListenSocket listener, Handler handler, Refuse refuse);
  ~HttpFront();
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime
