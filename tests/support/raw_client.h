// RawClient: a TCP client on this machine that says exactly what it is told to: tests need bad
// manners.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace turnout::support {

class RawClient {
 public:
  // `receive_buffer_bytes` 0: the system's.
  explicit RawClient(const std::string& address, int receive_buffer_bytes = 0) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    to.sin_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience = {20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (receive_buffer_bytes > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof(receive_buffer_bytes));
    }
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool Send(const std::string& text) const {
    return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  // Nothing more will be sent.
  void EndSending() const { ::shutdown(socket_, SHUT_WR); }
  // Everything until the server closes.
  std::string ReadAll() const {
    std::string all;
    char part[4096];
    for (ssize_t got = 0; (got = ::recv(socket_, part, sizeof(part), 0)) > 0;) {
      all.append(part, static_cast<size_t>(got));
    }
    return all;
  }
  // Whether the server has closed, in good order or not; what it has sent is thrown away.
  bool IsClosed() const {
    char part[4096];
    ssize_t got = 0;
    while ((got = ::recv(socket_, part, sizeof(part), MSG_DONTWAIT)) > 0) {
    }
    return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  int socket_ = -1;
};

// The answer to `request`, byte for byte.
inline std::string Ask(const std::string& address, const std::string& request) {
  const RawClient client(address);
  EXPECT_TRUE(client.Send(request));
  return client.ReadAll();
}

inline std::string Get(const std::string& address, const std::string& path,
                       const std::string& headers = "") {
  return Ask(address,
             absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\n", headers, "\r\n"));
}

inline std::string Post(const std::string& address, const std::string& path,
                        const std::string& body, const std::string& headers = "") {
  return Ask(address, absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\n", headers,
                                   "Content-Length: ", body.size(), "\r\n\r\n", body));
}

}  // namespace turnout::support
