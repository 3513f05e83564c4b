// AdminServer: the pipeline's small HTTP side: the status page, /metrics, /healthz, /v1/...
//
// It serves pages that others compute, one request a connection, on its own few threads, so that
// nothing it does holds up a worker. Whoever is slow is cut off: a request arrives within
// `request_timeout`, and a connection lives `connection_timeout` from its acceptance to its last
// byte, however its bytes drip in.
//
// Who may change something by a POST: whoever bears the token in `token_file`; without one, whoever
// is on this machine, if the server listens there alone, and is no web page that a browser shows
// (it sends an Origin). Everything else is open to all who reach the server.
//
// Errors: Start answers InvalidArgument for a listen address that can't be read or taken, with the
//   reason. Clients get errors as JSON: {"error": "..."}.
// Threads: pages are called on the server's threads, several at once.
// Lifetime: what the pages refer to outlives the server. Destroying it ends its threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::runtime {

struct AdminAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

// What a request of exactly this path is answered with.
struct AdminPage {
  std::string path;
  std::function<AdminAnswer()> answer;  // GET and HEAD; null: it has none
  std::function<AdminAnswer(const std::string& body)> post = nullptr;  // null: it has none
  bool post_changes = true;  // something, so that not everybody may
};

struct AdminServerOptions {
  std::string listen = "127.0.0.1:9466";  // host:port, [v6]:port; port 0 takes a free one
  std::string token_file;  // read at each request that needs it; empty: there is no token
  int threads = 8;         // connections served at a time; the rest wait to be accepted
  // For a request to arrive in; short, since whoever keeps silent holds a thread.
  absl::Duration request_timeout = absl::Milliseconds(500);
  absl::Duration connection_timeout = absl::Seconds(5);
  size_t request_bytes_max = 64 << 10;  // head and body together
};

class AdminServer {
 public:
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(AdminServerOptions options,
                                                            std::vector<AdminPage> pages);
  ~AdminServer();

  // host:port with the port that was really taken.
  const std::string& address() const;

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime
