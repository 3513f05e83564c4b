// AdminServer: the pipeline's small HTTP side: the status page, /metrics, /healthz, /v1/...
//
// It serves pages that others compute, one request a connection, on its own few threads, so that
// nothing it does holds up a worker, and no client holds up another one (http_front.h).
//
// Who may what, by the page's `access`:
//   kAll      whoever reaches the server. For probes and scrapers: no names of events in it.
//   kStatus   the same, but where it listens to this machine alone, only by a name of this machine:
//             a web page whose name was made to point here (DNS rebinding) bears its own.
//   kShows, kChanges   events are shown, or something is changed: whoever bears the token in
//             `token_file`. Without one, whoever is on this machine, if the server listens there
//             alone, and is no web page that a browser shows (it sends an Origin). Where it listens
//             to more, TLS is wanted too. An address with too many wrong tokens is kept waiting.
//
// Errors: Start answers InvalidArgument for a listen address, or a certificate, that can't be read
//   or taken, with the reason. Clients get errors as JSON: {"error": "..."}.
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

enum class AdminAccess { kAll, kStatus, kShows, kChanges };

// What a request of exactly this path is answered with.
struct AdminPage {
  std::string path;
  std::function<AdminAnswer()> answer;  // GET and HEAD; null: it has none
  std::function<AdminAnswer(const std::string& body)> post = nullptr;  // null: it has none
  AdminAccess access = AdminAccess::kStatus;
};

struct AdminServerOptions {
  std::string listen = "127.0.0.1:9466";  // host:port, [v6]:port; port 0 takes a free one
  std::string token_file;        // read at each request that needs it; empty: there is no token
  std::string certificate_file;  // PEM; both empty: no TLS. Read anew when they have changed
  std::string key_file;
  int threads = 8;  // pages computed at a time
  // For a request to arrive in, its TLS handshake included.
  absl::Duration request_timeout = absl::Seconds(2);
  absl::Duration connection_timeout = absl::Seconds(5);
  size_t body_bytes_max = 64 << 10;
  size_t connections_max = 256;
};

class AdminServer {
 public:
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(AdminServerOptions options,
                                                            std::vector<AdminPage> pages);
  ~AdminServer();

  // host:port with the port that was really taken.
  const std::string& address() const;
  // http://host:port or https://host:port.
  std::string url() const;

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime
