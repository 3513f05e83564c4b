#include "tests/support/fake_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace turnout::support {
namespace {

bool SendAll(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Receive(int connection, std::string* buffer) {
  char piece[64 * 1024];
  const ssize_t received = ::recv(connection, piece, sizeof(piece), 0);
  if (received <= 0) return false;
  buffer->append(piece, static_cast<size_t>(received));
  return true;
}

// The next request of the connection; `buffer` is what was received and not yet read.
std::optional<FakeHttpServer::Request> ReadRequest(int connection, std::string* buffer) {
  size_t end = 0;
  while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
    if (!Receive(connection, buffer)) return std::nullopt;
  }
  FakeHttpServer::Request request;
  size_t at = 0;
  while (at < end) {
    const size_t line_end = buffer->find("\r\n", at);
    const std::string line = buffer->substr(at, line_end - at);
    if (at == 0) {
      const size_t first = line.find(' '), last = line.rfind(' ');
      request.method = line.substr(0, first);
      request.target = line.substr(first + 1, last - first - 1);
    } else {
      const size_t colon = line.find(':');
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      const size_t value = line.find_first_not_of(' ', colon + 1);
      request.headers[name] = value == std::string::npos ? "" : line.substr(value);
    }
    at = line_end + 2;
  }
  buffer->erase(0, end + 4);
  const size_t length = std::strtoull(request.headers["content-length"].c_str(), nullptr, 10);
  while (buffer->size() < length) {
    if (!Receive(connection, buffer)) return std::nullopt;
  }
  request.body = buffer->substr(0, length);
  buffer->erase(0, length);
  return request;
}

// Until the other side closes the connection, or the server cuts it.
void Drip(int connection, std::string_view bytes) {
  for (; !bytes.empty() && SendAll(connection, bytes.substr(0, 1)); bytes.remove_prefix(1)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

bool SendChunk(int connection, const std::string& bytes) {
  if (bytes.empty()) return true;  // it would be the end
  char size[20];
  std::snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
  return SendAll(connection, size + bytes + "\r\n");
}

void SendInChunks(int connection, const std::string& head, const FakeHttpServer::Reply& reply) {
  bool goes_on = SendAll(connection, head + "Transfer-Encoding: chunked\r\n\r\n") &&
                 SendChunk(connection, reply.body);
  std::string piece;
  while (goes_on && reply.more(&piece)) {
    goes_on = SendChunk(connection, piece);
    piece.clear();
  }
  if (goes_on && reply.fault != FakeHttpServer::Fault::kCut) SendAll(connection, "0\r\n\r\n");
}

void Reset(int connection) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

// Until the other side, or the server's end, closes the connection.
void WaitForTheEnd(int connection) {
  std::string ignored;
  while (Receive(connection, &ignored)) ignored.clear();
}

}  // namespace

FakeHttpServer::FakeHttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FakeHttpServer::~FakeHttpServer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  for (const int connection : connections_) ::close(connection);
  ::close(listener_);
}

std::string FakeHttpServer::address() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::vector<FakeHttpServer::Request> FakeHttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int FakeHttpServer::connections() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(connections_.size());
}

void FakeHttpServer::Accept() {
  while (true) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    const std::lock_guard lock(mutex_);
    connections_.push_back(connection);
    threads_.emplace_back([this, connection] { Serve(connection); });
  }
}

void FakeHttpServer::Serve(int connection) {
  std::string buffer;
  bool goes_on = true;
  while (goes_on) {
    const std::optional<Request> request = ReadRequest(connection, &buffer);
    if (!request.has_value()) break;
    Reply reply;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
      reply = handler_(*request);
    }
    if (reply.fault == Fault::kReset || reply.fault == Fault::kHang) {
      if (reply.fault == Fault::kHang) WaitForTheEnd(connection);
      Reset(connection);
      break;
    }
    const std::string length =
        std::to_string(reply.fault == Fault::kEndless ? uint64_t{1} << 50 : reply.body.size());
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Said\r\n";
    if (reply.more != nullptr) {
      for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
      SendInChunks(connection, head, reply);
      goes_on = reply.fault == Fault::kNone;
      continue;
    }
    if (reply.headers.count("Content-Length") == 0) head += "Content-Length: " + length + "\r\n";
    for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
    const bool is_cut = reply.fault == Fault::kCut || reply.fault == Fault::kResetInBody ||
                        reply.fault == Fault::kHangInBody;
    std::string answer = head + "\r\n";
    const bool drips = reply.fault == Fault::kDrip;
    if (request->method != "HEAD" && !drips) {
      answer += is_cut ? reply.body.substr(0, reply.body.size() / 2) : reply.body;
    }
    SendAll(connection, answer);
    while (reply.fault == Fault::kEndless && SendAll(connection, std::string(64 * 1024, 'x'))) {
    }
    if (drips) Drip(connection, reply.body);
    if (reply.fault == Fault::kHangInBody) WaitForTheEnd(connection);
    if (reply.fault == Fault::kResetInBody) Reset(connection);
    goes_on = reply.fault == Fault::kNone;
  }
  // Its descriptor stays until the end, so that no other connection is mistaken for it.
  ::shutdown(connection, SHUT_RDWR);
}

}  // namespace turnout::support
