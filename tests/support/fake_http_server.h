// FakeHttpServer: answers HTTP on a port of its own as a test says, faults included.
//
// Each connection is a thread of its own, but the handler is called by one at a time. Whatever
// still hangs when the server is destroyed is cut then.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace turnout::support {

class FakeHttpServer {
 public:
  struct Request {
    std::string method;
    std::string target;                          // path and query, as they came
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };
  enum class Fault {
    kNone,
    kCut,    // the connection ends in the middle of the body, in good order
    kReset,  // it is reset instead of an answer
    kResetInBody,
    kHang,  // nothing comes any more
    kHangInBody,
    kQuietClose,  // after the answer the connection is closed, which was not said
    kEndless,     // the body never ends
    kDrip,        // it comes byte by byte, each 20 ms after the last
  };
  struct Reply {
    int status = 200;
    std::string body;
    std::map<std::string, std::string> headers;
    Fault fault = Fault::kNone;
    // Gives what comes after `body`, piece by piece, on the connection's thread; false: that was
    // all. The answer is sent in chunks then. It ends soon after the server's owner says so.
    std::function<bool(std::string* piece)> more = nullptr;
  };
  using Handler = std::function<Reply(const Request&)>;

  explicit FakeHttpServer(Handler handler);
  ~FakeHttpServer();
  FakeHttpServer(const FakeHttpServer&) = delete;
  FakeHttpServer& operator=(const FakeHttpServer&) = delete;

  std::string address() const;  // http://127.0.0.1:PORT
  std::vector<Request> requests() const;
  int connections() const;

 private:
  void Accept();
  void Serve(int connection);

  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace turnout::support
