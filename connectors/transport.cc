#include "connectors/transport.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace turnout::connectors {
namespace {

constexpr size_t kPiecesMax = 256;  // a write; the system takes 1,024

bool IsForLater(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int descriptor) : descriptor_(descriptor) {}

  absl::StatusOr<bool> Handshake() override { return true; }

  absl::StatusOr<size_t> Read(char* into, size_t size) override {
    const ssize_t got = ::recv(descriptor_, into, size, 0);
    if (got > 0) return static_cast<size_t>(got);
    if (got == 0) return ConnectionClosed();
    if (IsForLater(errno)) return size_t{0};
    return ConnectionError("reading", errno);
  }

  absl::StatusOr<size_t> Write(absl::Span<const std::string_view> pieces) override {
    std::array<iovec, kPiecesMax> vectors;
    const size_t count = std::min(pieces.size(), vectors.size());
    for (size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
    }
    msghdr message = {};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<size_t>(sent);
    if (IsForLater(errno)) return size_t{0};
    return ConnectionError("writing", errno);
  }

  bool wants_write() const override { return false; }

 private:
  const int descriptor_;
};

struct AddressesDeleter {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, AddressesDeleter>;

absl::StatusOr<Addresses> LookUp(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found);
  if (failed == 0) return Addresses(found);
  return absl::UnavailableError(
      absl::StrFormat("%s can't be resolved (%s); check the host names "
                      "in brokers",
                      host, ::gai_strerror(failed)));
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this == &other) return *this;
  Close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  return *this;
}

void Socket::Close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

absl::Status ConnectionClosed() { return absl::UnavailableError("closed by the broker"); }

absl::Status ConnectionError(std::string_view doing, int error) {
  return absl::UnavailableError(absl::StrFormat("%s: %s", doing, std::strerror(error)));
}

absl::StatusOr<Socket> BeginConnect(const std::string& host, int port, size_t attempt) {
  const absl::StatusOr<Addresses> addresses = LookUp(host, port);
  if (!addresses.ok()) return addresses.status();
  std::vector<const addrinfo*> all;
  for (const addrinfo* one = addresses->get(); one != nullptr; one = one->ai_next) {
    all.push_back(one);
  }
  const addrinfo* address = all[attempt % all.size()];
  Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) return ConnectionError("making a socket", errno);
  const int on = 1;
  // Requests are whole when they are written: nothing is gained by waiting for more.
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
    return ConnectionError("connecting", errno);
  }
  return socket;
}

absl::Status ConnectOutcome(const Socket& socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? absl::OkStatus() : ConnectionError("connecting", error);
}

std::unique_ptr<Transport> MakePlainTransport(int descriptor) {
  return std::make_unique<PlainTransport>(descriptor);
}

}  // namespace turnout::connectors
