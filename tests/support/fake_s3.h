// FakeS3: one bucket in memory, `bucket`, behind a FakeHttpServer: objects, ranges, conditional
// writes, lists in pages, uploads in parts. It checks digests of bodies and no signatures.
//
// A fault is asked for before each request; kLostAnswer carries it out and resets the connection.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "tests/support/fake_http_server.h"

namespace turnout::support {

class FakeS3 {
 public:
  using Request = FakeHttpServer::Request;
  using Reply = FakeHttpServer::Reply;
  using Fault = FakeHttpServer::Fault;

  struct Trouble {
    std::optional<Reply> instead;             // this is answered, and nothing done
    Fault fault = Fault::kNone;               // the request is done, its answer suffers this
    std::function<void(Reply*)> change = {};  // or this
  };
  // Called with the request's number, from 0.
  using Hook = std::function<Trouble(const Request&, int)>;

  explicit FakeS3(Hook hook = nullptr);

  std::string address() const { return server_.address(); }
  std::vector<Request> requests() const { return server_.requests(); }
  std::map<std::string, std::string> objects() const;
  void Set(const std::string& key, const std::string& bytes);
  size_t open_uploads() const;

  static Reply Error(int status, const std::string& code);

 private:
  struct Object {
    std::string bytes;
    std::string etag;
    std::map<std::string, std::string> metadata;
  };
  using Query = std::map<std::string, std::string>;

  Reply Answer(const Request& request);
  Reply Do(const Request& request);
  Reply Put(const std::string& key, const Request& request);
  Reply Get(const std::string& key, const Request& request);
  Reply List(const Query& query);
  Reply Upload(const std::string& key, const Query& query, const Request& request);

  const Hook hook_;
  mutable std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::map<std::string, std::map<int, std::string>> uploads_;
  int count_ = 0;
  int etags_ = 0;
  FakeHttpServer server_;  // last: it calls while it is there
};

}  // namespace turnout::support
