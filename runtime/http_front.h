// HttpFront: the connections of an HTTP server: one request each, and no thread that waits for one.
//
// One thread does all that clients can draw out: it accepts, shakes hands (TLS), gathers a request
// until it is whole, and sends the answer, with poll over all of them. Only whole requests go to
// the other threads, which compute answers. So a client that is slow, silent or gone costs a place
// among `connections_max` for as long as it may take, and nobody waits for it. Where all places are
// taken the address that has most of them loses its oldest connection.
// What requests and answers held is overwritten: it may be secret.
//
// A connection:  handshake -> request -> answer computed -> answer sent -> drained -> closed
// By then, or cut off:  '-- request_timeout --'              '- connection_timeout, from its start
//
// An answer may be held back (a long poll): the handler answers nullopt, and whoever has the answer
// gives it by the request's number within `hold_max`. No thread waits for it; the client that goes
// away meanwhile is let go, and has connection_timeout to take the answer, from its start.
//
// Errors: as Listen.
// Threads: the handler is called on `threads` threads, `refuse` on another one.
// Lifetime: destroying it cuts off all connections and waits for handlers that run; Finish before
// lets those end that have an answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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
  size_t bodies_bytes_max = 64 << 20;  // that came of all requests; who sent most is cut off
  absl::Duration hold_max = absl::Seconds(70);
};

class HttpFront {
 public:
  // All bytes of the answer; nullopt: Give will bring it. `peer` is the client's address
  // (ListenSocket).
  using HoldingHandler = std::function<std::optional<std::string>(
      const HttpRequest& request, const std::string& peer, uint64_t number)>;
  // The same, of one that holds nothing back.
  using Handler = std::function<std::string(const HttpRequest& request, const std::string& peer)>;
  using Refuse = std::function<std::string(const HttpFault& fault)>;

  HttpFront(HttpFrontOptions options, ListenSocket listener, Handler handler, Refuse refuse);
  HttpFront(HttpFrontOptions options, ListenSocket listener, HoldingHandler handler, Refuse refuse);
  ~HttpFront();
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;

  // The answer to the request of that number. Whoever is gone by now doesn't get it.
  void Give(uint64_t number, std::string answer);

  // Accepts nobody any more, lets go of whoever has not asked or is held, and waits until all
  // answers that were given are sent, or `within` has passed.
  void Finish(absl::Duration within);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime
