#include "state/http_client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "state/files.h"

namespace turnout::state {
namespace {

constexpr size_t kHeaderBytesMax = 64 * 1024;
constexpr size_t kErrorBytesMax = 64 * 1024;  // of what is kept of an answer that is no success
constexpr size_t kIdleHandlesMax = 8;
constexpr long kBufferBytes = 256 * 1024;
constexpr long kStalledBytesPerSecond = 1024;

bool IsSuccess(long status) { return status >= 200 && status < 300; }

// A body is said to come even if it is empty.
bool IsOfBodies(const std::string& method) {
  return method == "PUT" || method == "POST" || method == "PATCH";
}

bool IsHeaderText(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t';
  });
}

std::string WithoutQuery(const std::string& url) { return url.substr(0, url.find('?')); }

// What libcurl's callbacks know of the exchange that they serve.
struct Exchange {
  const HttpRequest* request = nullptr;
  CURL* curl = nullptr;
  HttpResponse response;
  size_t header_bytes = 0;
  bool headers_told = false;
  bool too_long = false;
  absl::Status failure;  // ours, or the sink's
  int file = -1;
  uint64_t sent = 0;

  uint64_t BodyBytes() const {
    return request->file_path.empty() ? request->body.size() : request->file_bytes;
  }
};

size_t OnHeader(char* data, size_t, size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const absl::string_view line(data, size);
  if (line.substr(0, 5) == "HTTP/") {  // another answer begins: the last one was a 1xx
    exchange.response.headers.clear();
    return size;
  }
  exchange.header_bytes += size;
  if (exchange.header_bytes > kHeaderBytesMax) {
    exchange.failure = absl::DataLossError(
        absl::StrCat("the answer's headers have more than ", kHeaderBytesMax, " bytes"));
    return 0;
  }
  const size_t colon = line.find(':');
  if (colon != absl::string_view::npos) {
    exchange.response.headers.emplace_back(
        absl::AsciiStrToLower(line.substr(0, colon)),
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  }
  return size;
}

size_t OnAnswer(char* data, size_t, size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const HttpRequest& request = *exchange.request;
  long status = 0;
  curl_easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &status);
  if (IsSuccess(status) && request.sink != nullptr) {
    if (!exchange.headers_told && request.on_headers != nullptr) {
      exchange.headers_told = true;
      exchange.failure = request.on_headers(static_cast<int>(status), exchange.response.headers);
      if (!exchange.failure.ok()) return 0;
    }
    exchange.failure = request.sink({data, size});
    return exchange.failure.ok() ? size : 0;
  }
  std::string& body = exchange.response.body;
  const size_t room = (IsSuccess(status) ? request.answer_bytes_max : kErrorBytesMax) - body.size();
  body.append(data, std::min(size, room));
  exchange.too_long = size > room;
  return exchange.too_long ? 0 : size;
}

size_t OnBody(char* buffer, size_t, size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const HttpRequest& request = *exchange.request;
  const size_t wanted = std::min<uint64_t>(size, exchange.BodyBytes() - exchange.sent);
  if (wanted == 0) return 0;
  size_t taken = wanted;
  if (request.file_path.empty()) {
    std::copy_n(request.body.data() + exchange.sent, wanted, buffer);
  } else {
    const ssize_t read = ::pread(exchange.file, buffer, wanted,
                                 static_cast<off_t>(request.file_offset + exchange.sent));
    if (read <= 0) {
      exchange.failure = read < 0
                             ? ErrnoStatus(errno, "reading", request.file_path)
                             : absl::UnavailableError(absl::StrCat("reading ", request.file_path,
                                                                   ": it is shorter than it was"));
      return CURL_READFUNC_ABORT;
    }
    taken = static_cast<size_t>(read);
  }
  exchange.sent += taken;
  return taken;
}

// libcurl asks often, and once a second while nothing moves.
int OnProgress(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stop)->load() ? 1 : 0;
}

// libcurl sends a request anew if a kept connection turns out to be dead.
int OnSeek(void* context, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  static_cast<Exchange*>(context)->sent = static_cast<uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

absl::Status StatusOf(CURLcode code, const Exchange& exchange, const char* details) {
  const HttpRequest& request = *exchange.request;
  const std::string what = absl::StrCat(
      request.method, " ", WithoutQuery(request.url), ": ",
      absl::StripAsciiWhitespace(*details != '\0' ? details : curl_easy_strerror(code)));
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return absl::InvalidArgumentError(absl::StrCat(what, " (mend the endpoint's address)"));
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
      return absl::InvalidArgumentError(absl::StrCat(
          what, " (name the file with the certificate of the server's authority as CA bundle)"));
    case CURLE_SSL_CERTPROBLEM:
      return absl::InvalidArgumentError(
          absl::StrCat(what, " (name PEM files with the client's certificate and its key)"));
    default:
      return absl::UnavailableError(what);
  }
}

long Milliseconds(absl::Duration duration) {
  return std::max<long>(1, static_cast<long>(absl::ToInt64Milliseconds(duration)));
}

class TextList {
 public:
  ~TextList() { curl_slist_free_all(list_); }
  void Add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

void SetLimits(CURL* curl, const HttpOptions& options, const HttpRequest& request) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);  // it is signed as it is
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(options.connect_timeout));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, Milliseconds(request.timeout));
  if (!request.may_stall) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStalledBytesPerSecond);
    curl_easy_setopt(
        curl, CURLOPT_LOW_SPEED_TIME,
        std::max<long>(1, static_cast<long>(absl::ToInt64Seconds(options.stall_timeout))));
  }
  if (!options.ca_bundle.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_bundle.c_str());
  }
  if (!options.certificate_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, options.certificate_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, options.key_file.c_str());
  }
  if (options.direct) curl_easy_setopt(curl, CURLOPT_PROXY, "");
}

void SetExchange(CURL* curl, Exchange* exchange) {
  const HttpRequest& request = *exchange->request;
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (IsOfBodies(request.method) || (request.method == "DELETE" && exchange->BodyBytes() > 0)) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
                     static_cast<curl_off_t>(exchange->BodyBytes()));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &OnBody);
    curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, &OnSeek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
  }
  if (request.method != "GET" && request.method != "HEAD" && request.method != "PUT") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &OnAnswer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
  if (request.stop != nullptr) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &OnProgress);
    // It is only read.
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(request.stop));
  }
}

}  // namespace

struct HttpClient::Handle {
  Handle() : curl(curl_easy_init()) {}
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* const curl;
};

std::string_view HeaderOf(const HttpHeaders& headers, std::string_view lower_case_name) {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

std::string_view HttpResponse::Header(std::string_view lower_case_name) const {
  return HeaderOf(headers, lower_case_name);
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialized;  // fails for want of memory only
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::Borrow() {
  {
    const absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Handle> handle = std::move(idle_.back());
      idle_.pop_back();
      return handle;
    }
  }
  return std::make_unique<Handle>();
}

void HttpClient::GiveBack(std::unique_ptr<Handle> handle) {
  curl_easy_reset(handle->curl);  // its connections stay
  const absl::MutexLock lock(&mutex_);
  if (idle_.size() < kIdleHandlesMax) idle_.push_back(std::move(handle));
}

absl::StatusOr<HttpResponse> HttpClient::Send(const HttpRequest& request) {
  TextList headers;
  headers.Add("Expect:");  // not all servers answer it, and each would cost a second
  for (const auto& [name, value] : request.headers) {
    if (!IsHeaderText(name) || !IsHeaderText(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the header ", absl::CHexEscape(name), " holds control characters"));
    }
    // A value that is empty is written so.
    headers.Add(value.empty() ? absl::StrCat(name, ";") : absl::StrCat(name, ": ", value));
  }
  std::unique_ptr<Handle> handle = Borrow();
  CURL* const curl = handle->curl;
  Exchange exchange;
  exchange.request = &request;
  exchange.curl = curl;
  if (!request.file_path.empty()) {
    exchange.file = ::open(request.file_path.c_str(), O_RDONLY | O_CLOEXEC);
    if (exchange.file < 0) return ErrnoStatus(errno, "opening", request.file_path);
  }
  char details[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
  SetLimits(curl, options_, request);
  SetExchange(curl, &exchange);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  TextList connect_to;
  if (!request.connect_to.empty()) connect_to.Add(absl::StrCat("::", request.connect_to));
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to.get());
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (exchange.file >= 0) ::close(exchange.file);
  GiveBack(std::move(handle));

  exchange.response.status = static_cast<int>(status);
  if (!exchange.failure.ok()) return exchange.failure;
  if (exchange.too_long) {
    if (!IsSuccess(status)) return std::move(exchange.response);  // cut, as an error's text may be
    return absl::DataLossError(absl::StrCat(request.method, " ", WithoutQuery(request.url),
                                            ": the answer has more than ", request.answer_bytes_max,
                                            " bytes"));
  }
  if (code != CURLE_OK) return StatusOf(code, exchange, details);
  return std::move(exchange.response);
}

}  // namespace turnout::state
