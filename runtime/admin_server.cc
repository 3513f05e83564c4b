#include "runtime/admin_server.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "runtime/bearer_token.h"

namespace turnout::runtime {
namespace {

// What is left unread of a request when its answer has gone out is read and thrown away for so
// long: closing with unread bytes would make the kernel discard the answer.
constexpr absl::Duration kDrainTimeout = absl::Milliseconds(200);

// Of every answer. A browser runs and shows nothing but what came from here, in no frame of anybody
// else's, and takes nothing for a script that isn't said to be one.
constexpr std::pair<const char*, const char*> kHeaders[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy",
     "default-src 'none'; connect-src 'self'; img-src data:; script-src 'self'; style-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"}};

struct ListenAddress {
  std::string host;
  int port = 0;
};

absl::StatusOr<ListenAddress> ParseListen(const std::string& listen) {
  const absl::Status unreadable = absl::InvalidArgumentError(
      absl::StrCat("listen: \"", listen,
                   "\" is not host:port (write 127.0.0.1:9466, 0.0.0.0:9466 "
                   "or [::1]:9466; port 0 takes a free one)"));
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return unreadable;
  ListenAddress address;
  address.host = listen.substr(0, colon);
  const std::string port = listen.substr(colon + 1);
  if (!absl::SimpleAtoi(port, &address.port) || address.port < 0 || address.port > 65535) {
    return unreadable;
  }
  if (address.host.front() == '[') {
    if (address.host.back() != ']') return unreadable;
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return unreadable;
  }
  if (address.host.empty()) return unreadable;
  return address;
}

std::string ErrorJson(std::string_view what) {
  // `what` is one of our own sentences: nothing in it needs escaping.
  return absl::StrCat("{\"error\":\"", absl::string_view(what.data(), what.size()), "\"}\n");
}

AdminAnswer ErrorAnswer(int status, std::string_view what) {
  return {status, "application/json", ErrorJson(what)};
}

void Put(AdminAnswer answer, httplib::Response* response) {
  response->status = answer.status;
  response->set_content(std::move(answer.body), answer.content_type);
}

// In a time that says nothing of where they differ.
bool IsSameText(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

// 127.0.0.0/8, ::1 and the name that stands for both.
bool IsLoopback(const std::string& host) {
  in_addr v4 = {};
  const bool is_v4 = ::inet_pton(AF_INET, host.c_str(), &v4) == 1;
  return host == "localhost" || host == "::1" || (is_v4 && ntohl(v4.s_addr) >> 24 == 127);
}

// A socket whose reading and whole life have a deadline each, and reading a budget of bytes.
class BoundedStream : public httplib::Stream {
 public:
  BoundedStream(int socket, absl::Time read_deadline, absl::Time deadline, size_t read_bytes_max)
      : socket_(socket),
        read_deadline_(std::min(read_deadline, deadline)),
        deadline_(deadline),
        read_bytes_left_(read_bytes_max) {}

  bool is_readable() const override { return Ready(POLLIN, read_deadline_); }
  bool is_writable() const override { return Ready(POLLOUT, deadline_); }

  ssize_t read(char* to, size_t size) override {
    const size_t take = std::min(size, read_bytes_left_);
    if (take == 0 || !is_readable()) return -1;
    const ssize_t got = ::recv(socket_, to, take, 0);
    if (got > 0) read_bytes_left_ -= static_cast<size_t>(got);
    return got;
  }

  ssize_t write(const char* from, size_t size) override {
    // Not blocking: a reader that stops halfway meets the deadline in Ready.
    while (is_writable()) {
      const ssize_t sent = ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0 || (errno != EAGAIN && errno != EINTR)) return sent;
    }
    return -1;
  }

  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

 private:
  bool Ready(short what, absl::Time deadline) const {
    for (;;) {
      const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
      if (left_ms <= 0) return false;
      pollfd wait = {socket_, what, 0};
      const int ready = ::poll(&wait, 1, static_cast<int>(left_ms));
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }

  const int socket_;
  const absl::Time read_deadline_;
  const absl::Time deadline_;
  size_t read_bytes_left_;
};

// Threads with room for as many waiting connections as there are threads; then accepting stops, and
// the kernel's backlog holds the others.
class BoundedQueue : public httplib::TaskQueue {
 public:
  explicit BoundedQueue(int threads) : waiting_max_(static_cast<size_t>(threads)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Serve(); });
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock<std::mutex> lock(mu_);
    changed_.wait(lock, [this] { return waiting_.size() < waiting_max_; });
    waiting_.push_back(std::move(task));
    changed_.notify_all();
  }

  void shutdown() override {
    {
      std::lock_guard<std::mutex> lock(mu_);
      ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Serve() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock<std::mutex> lock(mu_);
        changed_.wait(lock, [this] { return !waiting_.empty() || ending_; });
        if (waiting_.empty()) return;
        task = std::move(waiting_.front());
        waiting_.pop_front();
      }
      changed_.notify_all();
      task();
    }
  }

  const size_t waiting_max_;
  std::vector<std::thread> threads_;
  std::mutex mu_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool ending_ = false;
};

class BoundedHttpServer : public httplib::Server {
 public:
  explicit BoundedHttpServer(const AdminServerOptions& options) : options_(options) {
    new_task_queue = [threads = options.threads] { return new BoundedQueue(threads); };
  }

  // Connections that are being served now are cut off.
  void CutOff() {
    std::lock_guard<std::mutex> lock(mu_);
    cut_off_ = true;
    for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    {
      std::lock_guard<std::mutex> lock(mu_);
      if (cut_off_) {
        ::close(socket);
        return false;
      }
      open_.push_back(socket);
    }
    const absl::Time now = absl::Now();
    BoundedStream stream(socket, now + options_.request_timeout, now + options_.connection_timeout,
                         options_.request_bytes_max);
    bool closed = false;
    // A Range header would let a short request ask for the page many times over.
    const bool served = process_request(stream, /*close_connection=*/true, closed,
                                        [](httplib::Request& request) { request.ranges.clear(); });
    ::shutdown(socket, SHUT_WR);
    Drain(socket);
    std::lock_guard<std::mutex> lock(mu_);
    open_.erase(std::find(open_.begin(), open_.end(), socket));
    ::close(socket);
    return served;
  }

  void Drain(int socket) const {
    const absl::Time deadline = absl::Now() + kDrainTimeout;
    BoundedStream rest(socket, deadline, deadline, options_.request_bytes_max);
    char thrown_away[4096];
    while (rest.read(thrown_away, sizeof(thrown_away)) > 0) {
    }
  }

  const AdminServerOptions options_;
  std::mutex mu_;
  std::vector<int> open_;  // guarded by mu_
  bool cut_off_ = false;   // guarded by mu_
};

}  // namespace

struct AdminServer::Impl {
  Impl(AdminServerOptions with, std::vector<AdminPage> served)
      : options(std::move(with)), pages(std::move(served)), server(options) {}

  using Handled = httplib::Server::HandlerResponse;

  Handled Answer(const httplib::Request& request, httplib::Response& response) const;
  Handled AnswerPost(const AdminPage& page, const httplib::Request& request,
                     httplib::Response& response) const;
  const AdminPage* Find(const std::string& path) const;
  AdminAnswer MayChange(const httplib::Request& request) const;

  const AdminServerOptions options;
  const std::vector<AdminPage> pages;
  std::string address;
  bool is_loopback = false;
  BoundedHttpServer server;
  std::thread listener;
};

const AdminPage* AdminServer::Impl::Find(const std::string& path) const {
  const auto page = std::find_if(pages.begin(), pages.end(), [&](const AdminPage& candidate) {
    return candidate.path == path;
  });
  return page == pages.end() ? nullptr : &*page;
}

AdminServer::Impl::Handled AdminServer::Impl::Answer(const httplib::Request& request,
                                                     httplib::Response& response) const {
  for (const auto& [name, value] : kHeaders) response.set_header(name, value);
  const AdminPage* const page = Find(request.path);
  if (page == nullptr) {
    const std::string known = absl::StrJoin(
        pages, ", ", [](std::string* out, const AdminPage& p) { absl::StrAppend(out, p.path); });
    Put(ErrorAnswer(404, absl::StrCat("no such page; there are: ", known)), &response);
    return Handled::Handled;
  }
  if (request.method == "POST" && page->post != nullptr) {
    return AnswerPost(*page, request, response);
  }
  if ((request.method == "GET" || request.method == "HEAD") && page->answer != nullptr) {
    Put(page->answer(), &response);
    return Handled::Handled;
  }
  const bool is_read = page->answer != nullptr;
  const bool is_posted = page->post != nullptr;
  response.set_header("Allow", is_read ? (is_posted ? "GET, HEAD, POST" : "GET, HEAD") : "POST");
  Put(ErrorAnswer(405, is_posted ? "this page takes other methods: see Allow"
                                 : "this page is only read: use GET"),
      &response);
  return Handled::Handled;
}

// Where the request has a body, it is answered once that has been read.
AdminServer::Impl::Handled AdminServer::Impl::AnswerPost(const AdminPage& page,
                                                         const httplib::Request& request,
                                                         httplib::Response& response) const {
  if (page.post_changes) {
    AdminAnswer refusal = MayChange(request);
    if (refusal.status != 200) {
      if (refusal.status == 401) response.set_header("WWW-Authenticate", "Bearer");
      Put(std::move(refusal), &response);
      return Handled::Handled;
    }
  }
  if (request.has_header("Content-Length") || request.has_header("Transfer-Encoding")) {
    return Handled::Unhandled;
  }
  Put(page.post(""), &response);
  return Handled::Handled;
}

// Status 200, or why not.
AdminAnswer AdminServer::Impl::MayChange(const httplib::Request& request) const {
  if (!options.token_file.empty()) {
    const absl::StatusOr<std::string> token = ReadBearerToken(options.token_file);
    if (!token.ok()) {
      return ErrorAnswer(503, "the file of admin.token_file holds no token that can be read");
    }
    const std::string borne = request.get_header_value("Authorization");
    if (IsSameText(borne, absl::StrCat("Bearer ", *token))) return {};
    return ErrorAnswer(401, "this changes something: send the token as Authorization: Bearer");
  }
  if (!is_loopback) {
    return ErrorAnswer(403,
                       "this changes something, and the admin API listens to more than this "
                       "machine: set admin.token_file");
  }
  if (request.has_header("Origin")) {
    return ErrorAnswer(403, "this changes something, and no web page may: set admin.token_file");
  }
  return {};
}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(AdminServerOptions options,
                                                                std::vector<AdminPage> pages) {
  absl::StatusOr<ListenAddress> listen = ParseListen(options.listen);
  if (!listen.ok()) return listen.status();
  auto impl = std::make_unique<Impl>(std::move(options), std::move(pages));
  impl->is_loopback = IsLoopback(listen->host);
  BoundedHttpServer& server = impl->server;
  server.set_tcp_nodelay(true);
  server.set_payload_max_length(impl->options.request_bytes_max);
  // Only what a restart needs: the default would let a second router share the port unnoticed.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  const Impl* answers = impl.get();
  // Answering before routing means that no body is read but those of posts that are taken.
  server.set_pre_routing_handler(
      [answers](const httplib::Request& request, httplib::Response& response) {
        return answers->Answer(request, response);
      });
  server.Post(".*", [answers](const httplib::Request& request, httplib::Response& response) {
    Put(answers->Find(request.path)->post(request.body), &response);
  });
  server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (response.body.empty()) {
      response.set_content(
          ErrorJson(absl::StrCat("the request could not be served (status ", response.status, ")")),
          "application/json");
    }
  });
  errno = 0;
  const int port = listen->port != 0
                       ? (server.bind_to_port(listen->host, listen->port) ? listen->port : -1)
                       : server.bind_to_any_port(listen->host);
  if (port <= 0) {
    const std::string reason = errno != 0 ? std::strerror(errno) : "the host has no such address";
    return absl::InvalidArgumentError(
        absl::StrCat("listen: ", impl->options.listen, " can't be taken: ", reason,
                     " (choose another port, port 0 for any free one, or stop what uses it)"));
  }
  const bool v6 = listen->host.find(':') != std::string::npos;
  impl->address = absl::StrCat(v6 ? "[" : "", listen->host, v6 ? "]:" : ":", port);
  impl->listener = std::thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) absl::SleepFor(absl::Milliseconds(1));
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AdminServer::~AdminServer() {
  impl_->server.CutOff();
  impl_->server.stop();
  impl_->listener.join();
}

const std::string& AdminServer::address() const { return impl_->address; }

}  // namespace turnout::runtime
