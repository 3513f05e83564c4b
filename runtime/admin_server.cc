#include "runtime/admin_server.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "runtime/bearer_token.h"
#include "runtime/browser_headers.h"
#include "runtime/http_front.h"
#include "runtime/log.h"
#include "runtime/wrong_tokens.h"
#include "state/sha256.h"

namespace turnout::runtime {
namespace {

constexpr absl::string_view kBearer = "Bearer ";

constexpr absl::string_view kHeaders(kBrowserHeaders.data(), kBrowserHeaders.size());

absl::string_view ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return status < 500 ? "Bad Request" : "Internal Server Error";
  }
}

// An answer with what only some have: a header of its own.
struct Answered {
  AdminAnswer answer;
  std::string header;  // a whole line, or nothing
};

std::string BytesOf(const Answered& answered, bool is_head) {
  const AdminAnswer& answer = answered.answer;
  return absl::StrCat("HTTP/1.1 ", answer.status, " ", ReasonOf(answer.status), "\r\n", kHeaders,
                      answered.header, "Connection: close\r\nContent-Type: ", answer.content_type,
                      "\r\nContent-Length: ", answer.body.size(), "\r\n\r\n",
                      is_head ? "" : answer.body);
}

Answered Error(int status, absl::string_view what, std::string header = "") {
  // `what` is one of our own sentences: nothing in it needs escaping.
  return {{status, "application/json", absl::StrCat("{\"error\":\"", what, "\"}\n")},
          std::move(header)};
}

// In a time that says nothing of where they differ, nor of how long they are.
bool IsSameText(absl::string_view a, const std::string& b) {
  const std::string a_digest = state::Sha256({a.data(), a.size()});
  const std::string b_digest = state::Sha256(b);
  unsigned char difference = 0;
  for (size_t i = 0; i < a_digest.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a_digest[i] ^ b_digest[i]));
  }
  return difference == 0;
}

absl::string_view DoingOf(AdminAccess access) {
  return access == AdminAccess::kChanges ? "this changes something" : "this shows events";
}

}  // namespace

struct AdminServer::Impl {
  std::string Answer(const HttpRequest& request, const std::string& peer);
  Answered AnswerOf(const HttpRequest& request, const std::string& peer);
  const AdminPage* Find(const std::string& path) const;
  // Status 200, or why not.
  Answered MayEnter(AdminAccess access, const HttpRequest& request, const std::string& peer);
  Answered BearsToken(AdminAccess access, const HttpRequest& request, const std::string& peer);

  AdminServerOptions options;
  std::vector<AdminPage> pages;
  std::string address;
  bool is_loopback = false;
  WrongTokens wrong_tokens;
  std::unique_ptr<HttpFront> front;  // ends before what it asks

  bool has_tls() const { return !options.certificate_file.empty(); }
};

std::string AdminServer::Impl::Answer(const HttpRequest& request, const std::string& peer) {
  return BytesOf(AnswerOf(request, peer), request.method == "HEAD");
}

Answered AdminServer::Impl::AnswerOf(const HttpRequest& request, const std::string& peer) {
  const AdminPage* const page = Find(request.path);
  if (page == nullptr) {
    return Error(404, absl::StrCat("no such page; there are: ",
                                   absl::StrJoin(pages, ", ", [](std::string* out, const auto& p) {
                                     absl::StrAppend(out, p.path);
                                   })));
  }
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const bool is_read = page->answer != nullptr;
  const bool is_posted = page->post != nullptr;
  if (reads ? !is_read : request.method != "POST" || !is_posted) {
    return Error(
        405,
        is_posted ? "this page takes other methods: see Allow" : "this page is only read: use GET",
        absl::StrCat("Allow: ", is_read ? "GET, HEAD" : "", is_read && is_posted ? ", " : "",
                     is_posted ? "POST" : "", "\r\n"));
  }
  Answered refusal = MayEnter(page->access, request, peer);
  if (refusal.answer.status != 200) return refusal;
  return {reads ? page->answer() : page->post(request.body), ""};
}

const AdminPage* AdminServer::Impl::Find(const std::string& path) const {
  const auto page = std::find_if(pages.begin(), pages.end(), [&](const AdminPage& candidate) {
    return candidate.path == path;
  });
  return page == pages.end() ? nullptr : &*page;
}

Answered AdminServer::Impl::MayEnter(AdminAccess access, const HttpRequest& request,
                                     const std::string& peer) {
  if (access == AdminAccess::kAll) return {};
  const auto host = request.Header("host");
  // What is no browser may leave it out, in HTTP/1.0.
  if (is_loopback && host.has_value() && !IsLoopbackHost(*host)) {
    return Error(403,
                 "the admin API listens to this machine alone, and the Host header names another "
                 "one: ask 127.0.0.1 or localhost");
  }
  if (access == AdminAccess::kStatus) return {};
  if (!is_loopback && (options.token_file.empty() || !has_tls())) {
    const absl::string_view cure =
        options.token_file.empty()
            ? (has_tls() ? "set admin.token_file" : "set admin.token_file and admin.tls")
            : "set admin.tls, so that nobody on the way reads the token";
    return Error(403,
                 absl::StrCat(DoingOf(access),
                              ", and the admin API listens to more than this machine: ", cure));
  }
  if (!options.token_file.empty()) return BearsToken(access, request, peer);
  if (request.Header("origin")) {
    return Error(403, absl::StrCat(DoingOf(access), ", and no web page may: set admin.token_file"));
  }
  return {};
}

Answered AdminServer::Impl::BearsToken(AdminAccess access, const HttpRequest& request,
                                       const std::string& peer) {
  const absl::Time now = absl::Now();
  if (!wrong_tokens.MayTry(peer, now)) {
    return Error(429, "too many wrong tokens came from this address: try again in a second",
                 "Retry-After: 1\r\n");
  }
  const absl::StatusOr<std::string> token = ReadBearerToken(options.token_file);
  if (!token.ok()) {
    return Error(503, "the file of admin.token_file holds no token that can be read");
  }
  const auto said = request.Header("authorization").value_or("");
  const absl::string_view borne(said.data(), said.size());
  if (absl::StartsWithIgnoreCase(borne, kBearer) &&
      IsSameText(borne.substr(kBearer.size()), *token)) {
    return {};
  }
  if (!borne.empty()) wrong_tokens.Add(peer, now);
  return Error(401, absl::StrCat(DoingOf(access), ": send the token as Authorization: Bearer"),
               "WWW-Authenticate: Bearer\r\n");
}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(AdminServerOptions options,
                                                                std::vector<AdminPage> pages) {
  absl::StatusOr<ListenSocket> listener = Listen(options.listen);
  if (!listener.ok()) return listener.status();
  HttpFrontOptions front;
  if (!options.certificate_file.empty()) {
    auto files = CertificateFiles::Open(options.certificate_file, options.key_file);
    if (!files.ok()) return files.status();
    front.certificates = *std::move(files);
  }
  front.threads = options.threads;
  front.request_timeout = options.request_timeout;
  front.connection_timeout = options.connection_timeout;
  front.body_bytes_max = options.body_bytes_max;
  front.connections_max = options.connections_max;
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  impl->pages = std::move(pages);
  impl->address = listener->address;
  impl->is_loopback = listener->is_loopback;
  if (!impl->is_loopback && (impl->options.token_file.empty() || !impl->has_tls())) {
    LogWarning("admin_listen",
               absl::StrCat("listen: ", impl->address,
                            " is more than this machine, so the admin API shows no events and "
                            "changes nothing: set admin.token_file and admin.tls"));
  }
  Impl* const answers = impl.get();
  impl->front = std::make_unique<HttpFront>(
      std::move(front), *std::move(listener),
      [answers](const HttpRequest& request, const std::string& peer) {
        return answers->Answer(request, peer);
      },
      [](const HttpFault& fault) {
        return BytesOf(Error(fault.status, fault.what), /*is_head=*/false);
      });
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

const std::string& AdminServer::address() const { return impl_->address; }

std::string AdminServer::url() const {
  return absl::StrCat(impl_->has_tls() ? "https://" : "http://", impl_->address);
}

}  // namespace turnout::runtime
