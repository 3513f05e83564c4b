#include "runtime/listen_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/http_request.h"
#include "state/sha256.h"

namespace turnout::runtime {
namespace {

using connectors::Socket;

// Connections that the kernel holds for us until they are accepted.
constexpr int kBacklog = 512;
// Of an IPv6 address, what one machine doesn't choose by itself.
constexpr size_t kV6PrefixBytes = 8;

struct HostAndPort {
  std::string host;
  int port = 0;
};

absl::StatusOr<HostAndPort> ParseListen(const std::string& listen) {
  const absl::Status unreadable = absl::InvalidArgumentError(
      absl::StrCat("listen: \"", listen,
                   "\" is not host:port (write 127.0.0.1:9466, 0.0.0.0:9466 "
                   "or [::1]:9466; port 0 takes a free one)"));
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return unreadable;
  HostAndPort parts;
  parts.host = listen.substr(0, colon);
  const std::string port = listen.substr(colon + 1);
  if (!absl::SimpleAtoi(port, &parts.port) || parts.port < 0 || parts.port > 65535) {
    return unreadable;
  }
  if (parts.host.front() == '[') {
    if (parts.host.back() != ']') return unreadable;
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  } else if (parts.host.find(':') != std::string::npos) {
    return unreadable;
  }
  if (parts.host.empty()) return unreadable;
  return parts;
}

// An errno, or 0 and `*socket` listens.
int ListenAt(const addrinfo& at, Socket* socket) {
  Socket made(::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made.open()) return errno;
  // Only what a restart needs: SO_REUSEPORT would let a second router share the port unnoticed.
  const int yes = 1;
  const int no = 0;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (at.ai_family == AF_INET6) {
    ::setsockopt(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
  }
  if (::bind(made.get(), at.ai_addr, at.ai_addrlen) != 0) return errno;
  if (::listen(made.get(), kBacklog) != 0) return errno;
  *socket = std::move(made);
  return 0;
}

int PortOf(const Socket& socket) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return bound.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(bound).sin6_port)
                                     : ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

std::string PeerName(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return text;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    ::inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof(text));
    return text;
  }
  const auto* const bytes = reinterpret_cast<const char*>(v6.sin6_addr.s6_addr);
  return state::Hex({bytes, kV6PrefixBytes});
}

}  // namespace

absl::StatusOr<ListenSocket> Listen(const std::string& listen) {
  const absl::StatusOr<HostAndPort> parts = ParseListen(listen);
  if (!parts.ok()) return parts.status();
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int unknown =
      ::getaddrinfo(parts->host.c_str(), absl::StrCat(parts->port).c_str(), &hints, &found);
  std::string reason = unknown == 0 ? "the host has no address" : ::gai_strerror(unknown);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(unknown == 0 ? found : nullptr,
                                                             &::freeaddrinfo);
  for (const addrinfo* at = owned.get(); at != nullptr; at = at->ai_next) {
    ListenSocket made;
    if (const int error = ListenAt(*at, &made.socket); error != 0) {
      reason = std::strerror(error);
      continue;
    }
    const bool is_v6 = parts->host.find(':') != std::string::npos;
    const std::string host = is_v6 ? absl::StrCat("[", parts->host, "]") : parts->host;
    made.address = absl::StrCat(host, ":", PortOf(made.socket));
    made.is_loopback = IsLoopbackHost(host);
    return made;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("listen: ", listen, " can't be taken: ", reason,
                   " (choose another port, port 0 for any free one, or stop what uses it)"));
}

AcceptedSocket Accept(const Socket& listener) {
  AcceptedSocket accepted;
  sockaddr_storage from = {};
  socklen_t size = sizeof(from);
  accepted.socket = Socket(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from), &size,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.socket.open()) {
    const bool is_over = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    accepted.error = is_over ? errno : 0;
    return accepted;
  }
  const int on = 1;
  ::setsockopt(accepted.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  accepted.peer = PeerName(from);
  return accepted;
}

}  // namespace turnout::runtime
