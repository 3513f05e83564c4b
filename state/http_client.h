// HttpClient: one HTTP exchange at a time, with limits on everything. libcurl's only door.
//
// A body goes out from memory or from a part of a file, and comes in to memory or to a function, so
// that no large one is ever held whole. Connections are kept and used again. Redirects are answers
// like others: nobody is followed.
// Errors: of the exchange, not of what was answered (a 404 is an answer). Unavailable if there is
// none, or not all of it; DataLoss if it is longer than allowed; InvalidArgument for an address, a
// certificate or a header that a person has to mend; a sink's own. The request may have been
// carried out whatever is returned. Threads: any; calls block.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::state {

struct HttpOptions {
  std::string ca_bundle;  // a PEM file; empty: the system's
  // PEM files with which this client says who it is; both or none.
  std::string certificate_file;
  std::string key_file;
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration stall_timeout = absl::Seconds(30);  // so long below 1 KiB a second; whole seconds
  bool direct = false;                               // past the proxy that the environment names
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  // An address, 10.0.0.1:9464 or [::1]:9464, that is asked in place of those of the URL's host; a
  // certificate has to be of that host all the same. Empty: as the host's name resolves.
  std::string connect_to;
  HttpHeaders headers;

  // The body of a PUT, POST or PATCH, or of a DELETE that has one: these bytes, which outlive the
  // call, or, if there is a path, `file_bytes` bytes of that file from `file_offset` on.
  std::string_view body;
  std::string file_path;
  uint64_t file_offset = 0;
  uint64_t file_bytes = 0;

  // Takes the body of an answer of 200 to 299 as it comes, in pieces; without one it is kept.
  std::function<absl::Status(std::string_view)> sink;
  // Called before the first piece, if any comes, with what is known then: status and headers.
  std::function<absl::Status(int status, const HttpHeaders& headers)> on_headers;

  size_t answer_bytes_max = 1 << 20;  // of what is kept; of an error 64 KiB are
  absl::Duration timeout = absl::Minutes(1);
  bool may_stall = false;  // the answer may be long in coming, until `timeout`
  // Once true, the exchange is given up within about a second, as Unavailable; outlives the call.
  const std::atomic<bool>* stop = nullptr;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  // names in lower case
  std::string body;

  // Empty if there is none.
  std::string_view Header(std::string_view lower_case_name) const;
};

std::string_view HeaderOf(const HttpHeaders& headers, std::string_view lower_case_name);

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request);

 private:
  struct Handle;
  std::unique_ptr<Handle> Borrow();
  void GiveBack(std::unique_ptr<Handle> handle);

  const HttpOptions options_;
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace turnout::state
