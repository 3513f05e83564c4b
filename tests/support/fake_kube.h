// FakeKube: a Kubernetes API server in memory: list, watch, server-side apply, leases' conflicts.
//
// It does what a client has to be able to live with: pages, bookmarks, watches that are cut or too
// old, conflicts, finalizers, and whatever a test answers in its place. It knows no schemas.
//
// Threads: any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/fake_http_server.h"

namespace turnout::support {

class FakeKube {
 public:
  using Request = FakeHttpServer::Request;
  using Reply = FakeHttpServer::Reply;

  struct Kind {
    std::string api_version;
    std::string kind;
    std::string plural;
    bool is_namespaced = true;
  };

  explicit FakeKube(std::vector<Kind> kinds);
  ~FakeKube();

  std::string address() const { return server_.address(); }

  // Asked before anything else is done about a request; nullopt: go on as usual.
  void SetFault(std::function<std::optional<Reply>(const Request&)> fault);

  // As if somebody else had made, changed or removed it. `path` is of the object.
  void Put(const std::string& path, const std::string& json);
  void Remove(const std::string& path);
  // Empty: there is none.
  std::string At(const std::string& path) const;

  // All changes so far are forgotten: a watch from before is answered with 410.
  void Compact();
  // Ends all watches that run, in the middle.
  void CutWatches();
  // Sends a bookmark to all watches that run.
  void SendBookmarks();

  int64_t version() const;
  // Waits for at most `seconds` until requests that `wanted` likes are at least `count`.
  bool Await(const std::function<bool(const Request&)>& wanted, int count, int seconds = 10) const;
  int Count(const std::function<bool(const Request&)>& wanted) const;

 private:
  struct Change {
    int64_t version = 0;
    std::string type;
    std::string path;
    std::string json;
  };
  struct Stream;

  Reply Answer(const Request& request);
  Reply Discover(const std::string& path) const;
  Reply List(const std::string& path, const std::map<std::string, std::string>& query);
  Reply Watch(const std::string& path, const std::map<std::string, std::string>& query);
  Reply Write(const Request& request, const std::string& path,
              const std::map<std::string, std::string>& query);
  Reply Delete(const Request& request, const std::string& path);
  std::string Store(const std::string& path, std::string json, bool is_new);
  void Erase(const std::string& path);
  bool More(Stream* stream, std::string* piece);

  const std::vector<Kind> kinds_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::function<std::optional<Reply>(const Request&)> fault_;
  std::map<std::string, std::string> objects_;  // JSON by path
  std::map<std::string, std::string> applied_;  // what was applied last, by path and manager
  std::vector<Change> changes_;
  std::vector<Request> requests_;
  int64_t version_ = 100;
  int64_t oldest_ = 100;
  int64_t next_uid_ = 1;
  int cuts_ = 0;
  int bookmarks_ = 0;
  bool stopped_ = false;
  FakeHttpServer server_;
};

}  // namespace turnout::support
