// ListenSocket: a TCP port that is listened to, and the names of who connects.
//
// Errors: InvalidArgument for an address that can't be read or taken, with the reason and a cure.
// Threads: one.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "connectors/transport.h"

namespace turnout::runtime {

struct ListenSocket {
  connectors::Socket socket;  // that doesn't block
  std::string address;        // host:port with the port that was really taken
  bool is_loopback = false;   // 127.0.0.0/8, ::1 and the name that stands for both
};

struct AcceptedSocket {
  connectors::Socket socket;  // that doesn't block; closed: nobody is there
  std::string peer;           // its address; of IPv6 the 64 bits that one machine may choose from
  int error = 0;              // an errno, if accepting failed for want of something
};

// `listen` is host:port, [v6]:port; port 0 takes a free one.
absl::StatusOr<ListenSocket> Listen(const std::string& listen);

AcceptedSocket Accept(const connectors::Socket& listener);

}  // namespace turnout::runtime
