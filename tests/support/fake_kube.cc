#include "tests/support/fake_kube.h"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace turnout::support {
namespace {

using nlohmann::json;
using Query = std::map<std::string, std::string>;

std::string Unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Query QueryOf(const std::string& target) {
  Query query;
  const size_t mark = target.find('?');
  if (mark == std::string::npos) return query;
  std::string rest = target.substr(mark + 1) + "&";
  for (size_t end = 0; (end = rest.find('&')) != std::string::npos; rest.erase(0, end + 1)) {
    const std::string pair = rest.substr(0, end);
    const size_t equals = pair.find('=');
    if (equals != std::string::npos) {
      query[pair.substr(0, equals)] = Unescaped(pair.substr(equals + 1));
    }
  }
  return query;
}

FakeHttpServer::Reply Refusal(int code, const std::string& reason, const std::string& message) {
  return {.status = code,
          .body = json{
              {"kind", "Status"},
              {"apiVersion", "v1"},
              {"status", "Failure"},
              {"reason", reason},
              {"message", message},
              {"code",
               code}}.dump()};
}

// key=value and key, with commas.
bool Matches(const json& object, std::string selector) {
  const json labels = object.value("/metadata/labels"_json_pointer, json::object());
  selector += ",";
  for (size_t end = 0; (end = selector.find(',')) != std::string::npos;
       selector.erase(0, end + 1)) {
    const std::string term = selector.substr(0, end);
    const size_t equals = term.find('=');
    if (term.empty()) continue;
    const std::string key = term.substr(0, equals);
    if (!labels.contains(key)) return false;
    if (equals != std::string::npos && labels[key] != term.substr(equals + 1)) return false;
  }
  return true;
}

// What `before` had and `now` has not goes away; an object with what others have put in stays.
void Drop(const json& before, const json& now, json* from) {
  if (!before.is_object() || !from->is_object()) return;
  for (const auto& [name, value] : before.items()) {
    if (!now.is_object() || !now.contains(name)) {
      if (value.is_object() && from->contains(name)) Drop(value, json(), &(*from)[name]);
      if (!value.is_object() || (*from)[name].empty()) from->erase(name);
    } else if (from->contains(name)) {
      Drop(value, now[name], &(*from)[name]);
    }
  }
}

// Whether the object is in the collection, or in one of all namespaces.
bool IsIn(const std::string& object, const std::string& collection) {
  const std::string parent = object.substr(0, object.rfind('/'));
  if (parent == collection) return true;
  const size_t at = parent.find("/namespaces/");
  if (at == std::string::npos) return false;
  const size_t behind = parent.find('/', at + 12);
  return behind != std::string::npos && parent.substr(0, at) + parent.substr(behind) == collection;
}

}  // namespace

struct FakeKube::Stream {
  std::string path;
  std::string selector;
  int64_t seen = 0;
  int cuts = 0;
  int bookmarks = 0;
};

FakeKube::FakeKube(std::vector<Kind> kinds)
    : kinds_(std::move(kinds)),
      server_([this](const Request& request) { return Answer(request); }) {}

FakeKube::~FakeKube() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void FakeKube::SetFault(std::function<std::optional<Reply>(const Request&)> fault) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
}

std::string FakeKube::Store(const std::string& path, std::string text, bool is_new) {
  json object = json::parse(text);
  json& metadata = object["metadata"];
  metadata["resourceVersion"] = std::to_string(++version_);
  if (is_new) metadata["uid"] = "uid-" + std::to_string(next_uid_++);
  objects_[path] = object.dump();
  changes_.push_back({version_, is_new ? "ADDED" : "MODIFIED", path, objects_[path]});
  const bool is_over =
      metadata.contains("deletionTimestamp") && metadata.value("finalizers", json::array()).empty();
  if (is_over) Erase(path);
  changed_.notify_all();
  return object.dump();
}

void FakeKube::Erase(const std::string& path) {
  json object = json::parse(objects_[path]);
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  objects_.erase(path);
  changes_.push_back({version_, "DELETED", path, object.dump()});
  changed_.notify_all();
}

void FakeKube::Put(const std::string& path, const std::string& text) {
  const std::lock_guard lock(mutex_);
  json object = json::parse(text);
  const auto found = objects_.find(path);
  if (found != objects_.end()) {
    object["metadata"]["uid"] = json::parse(found->second)["metadata"]["uid"];
  }
  Store(path, object.dump(), found == objects_.end());
}

void FakeKube::Remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (objects_.count(path) > 0) Erase(path);
}

std::string FakeKube::At(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(path);
  return found == objects_.end() ? "" : found->second;
}

void FakeKube::Compact() {
  const std::lock_guard lock(mutex_);
  changes_.clear();
  oldest_ = version_;
}

void FakeKube::CutWatches() {
  const std::lock_guard lock(mutex_);
  ++cuts_;
  changed_.notify_all();
}

void FakeKube::SendBookmarks() {
  const std::lock_guard lock(mutex_);
  ++version_;
  ++bookmarks_;
  changed_.notify_all();
}

int64_t FakeKube::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

int FakeKube::Count(const std::function<bool(const Request&)>& wanted) const {
  const std::lock_guard lock(mutex_);
  int count = 0;
  for (const Request& request : requests_) count += wanted(request) ? 1 : 0;
  return count;
}

bool FakeKube::Await(const std::function<bool(const Request&)>& wanted, int count,
                     int seconds) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(seconds), [&] {
    int seen = 0;
    for (const Request& request : requests_) seen += wanted(request) ? 1 : 0;
    return seen >= count;
  });
}

FakeKube::Reply FakeKube::Answer(const Request& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request);
  changed_.notify_all();
  if (fault_ != nullptr) {
    std::optional<Reply> reply = fault_(request);
    if (reply.has_value()) return *std::move(reply);
  }
  const Query query = QueryOf(request.target);
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (request.method == "DELETE") return Delete(request, path);
  if (request.method != "GET") return Write(request, path, query);
  for (const Kind& kind : kinds_) {
    const bool is_core = kind.api_version.find('/') == std::string::npos;
    const std::string group = (is_core ? "/api/" : "/apis/") + kind.api_version;
    if (path == group) return Discover(path);
    if (path.starts_with(group + "/") && path.ends_with("/" + kind.plural)) {
      return query.count("watch") > 0 ? Watch(path, query) : List(path, query);
    }
  }
  const auto found = objects_.find(path);
  if (found == objects_.end()) return Refusal(404, "NotFound", path + " not found");
  return {.body = found->second};
}

FakeKube::Reply FakeKube::Discover(const std::string& path) const {
  json resources = json::array();
  for (const Kind& kind : kinds_) {
    if (!path.ends_with("/" + kind.api_version)) continue;
    resources.push_back(
        {{"name", kind.plural}, {"kind", kind.kind}, {"namespaced", kind.is_namespaced}});
    resources.push_back({{"name", kind.plural + "/status"},
                         {"kind", kind.kind},
                         {"namespaced", kind.is_namespaced}});
  }
  return {.body = json{{"kind", "APIResourceList"}, {"resources", resources}}.dump()};
}

FakeKube::Reply FakeKube::List(const std::string& path, const Query& query) {
  std::string kind = "Thing", api_version = "v1";
  for (const Kind& known : kinds_) {
    if (!path.ends_with("/" + known.plural)) continue;
    kind = known.kind;
    api_version = known.api_version;
  }
  const size_t limit = query.count("limit") > 0 ? std::stoul(query.at("limit")) : 1'000'000;
  const std::string from = query.count("continue") > 0 ? query.at("continue") : "";
  if (from == "expired") return Refusal(410, "Expired", "the continue token is too old");
  json items = json::array();
  std::string next;
  for (const auto& [at, text] : objects_) {
    if (at < from || !IsIn(at, path)) continue;
    json object = json::parse(text);
    if (query.count("labelSelector") > 0 && !Matches(object, query.at("labelSelector"))) continue;
    if (items.size() == limit) {
      next = at;
      break;
    }
    object.erase("kind");  // as the server leaves it out of its own kinds
    object.erase("apiVersion");
    items.push_back(std::move(object));
  }
  json metadata = {{"resourceVersion", std::to_string(version_)}};
  if (!next.empty()) metadata["continue"] = next;
  return {.body = json{
              {"kind", kind + "List"},
              {"apiVersion", api_version},
              {"metadata", metadata},
              {"items",
               items}}.dump()};
}

FakeKube::Reply FakeKube::Watch(const std::string& path, const Query& query) {
  const auto stream = std::make_shared<Stream>();
  stream->path = path;
  stream->selector = query.count("labelSelector") > 0 ? query.at("labelSelector") : "";
  stream->seen = std::stoll(query.at("resourceVersion"));
  stream->cuts = cuts_;
  stream->bookmarks = bookmarks_;
  if (stream->seen < oldest_) {
    // As the server does it: the answer is 200, and the refusal a line in it.
    const json refusal = json::parse(
        Refusal(410, "Expired", "too old resource version: " + std::to_string(stream->seen)).body);
    return {.body = json{{"type", "ERROR"}, {"object", refusal}}.dump() + "\n",
            .more = [](std::string*) { return false; }};
  }
  return {.fault = FakeHttpServer::Fault::kCut,
          .more = [this, stream](std::string* piece) { return More(stream.get(), piece); }};
}

bool FakeKube::More(Stream* stream, std::string* piece) {
  std::unique_lock lock(mutex_);
  const auto has_news = [&] {
    return stopped_ || stream->cuts != cuts_ || stream->bookmarks != bookmarks_ ||
           (!changes_.empty() && changes_.back().version > stream->seen);
  };
  // A client that has gone is noticed by writing to it.
  changed_.wait_for(lock, std::chrono::milliseconds(200), has_news);
  if (stopped_ || stream->cuts != cuts_) return false;
  for (const Change& change : changes_) {
    if (change.version <= stream->seen || !IsIn(change.path, stream->path)) continue;
    const json object = json::parse(change.json);
    if (!Matches(object, stream->selector)) continue;
    *piece += json{{"type", change.type}, {"object", object}}.dump() + "\n";
  }
  if (!changes_.empty()) stream->seen = std::max(stream->seen, changes_.back().version);
  if (stream->bookmarks != bookmarks_) {
    stream->bookmarks = bookmarks_;
    stream->seen = version_;
    *piece += json{{"type", "BOOKMARK"},
                   {"object", {{"metadata", {{"resourceVersion", std::to_string(version_)}}}}}}
                  .dump() +
              "\n";
  }
  if (piece->empty()) *piece = "\n";
  return true;
}

FakeKube::Reply FakeKube::Write(const Request& request, const std::string& path,
                                const Query& query) {
  json sent = json::parse(request.body, nullptr, false);
  if (!sent.is_object()) return Refusal(400, "BadRequest", "the body is no object");
  if (request.method == "POST") {
    const std::string at = path + "/" + sent["metadata"].value("name", "");
    if (objects_.count(at) > 0) return Refusal(409, "AlreadyExists", at + " already exists");
    return {.status = 201, .body = Store(at, sent.dump(), true)};
  }
  const bool is_status = path.ends_with("/status");
  const std::string at = is_status ? path.substr(0, path.size() - 7) : path;
  const auto found = objects_.find(at);
  const bool is_apply = request.headers.count("content-type") > 0 &&
                        request.headers.at("content-type") == "application/apply-patch+yaml";
  if (found == objects_.end() && (!is_apply || is_status)) {
    return Refusal(404, "NotFound", at + " not found");
  }
  json live = found == objects_.end() ? json::object() : json::parse(found->second);
  const json& metadata = sent.value("metadata", json::object());
  if (metadata.contains("resourceVersion") &&
      metadata["resourceVersion"] != live["metadata"]["resourceVersion"]) {
    return Refusal(409, "Conflict", "the object has been modified; please apply your changes");
  }
  if (metadata.contains("uid") && !live.empty() && metadata["uid"] != live["metadata"]["uid"]) {
    return Refusal(409, "Conflict", "Precondition failed: UID in precondition");
  }
  const json before = live;
  if (request.method == "PUT") {
    sent["metadata"]["uid"] = live["metadata"]["uid"];
    live = sent;
  } else {
    if (is_apply) {
      const std::string manager = query.count("fieldManager") > 0 ? query.at("fieldManager") : "";
      if (manager.empty()) return Refusal(422, "Invalid", "fieldManager is required");
      std::string& last = applied_[at + (is_status ? "#status#" : "##") + manager];
      if (!last.empty()) Drop(json::parse(last), sent, &live);
      last = sent.dump();
    }
    live.merge_patch(sent);
  }
  if (live == before) return {.body = before.dump()};
  const bool is_new = found == objects_.end();
  return {.status = is_new ? 201 : 200, .body = Store(at, live.dump(), is_new)};
}

FakeKube::Reply FakeKube::Delete(const Request& request, const std::string& path) {
  const auto found = objects_.find(path);
  if (found == objects_.end()) return Refusal(404, "NotFound", path + " not found");
  json live = json::parse(found->second);
  const json sent = json::parse(request.body, nullptr, false);
  const json wanted = sent.is_object() ? sent.value("preconditions", json::object()) : json();
  if (wanted.contains("uid") && wanted["uid"] != live["metadata"]["uid"]) {
    return Refusal(409, "Conflict", "Precondition failed: UID in precondition");
  }
  if (!live["metadata"].value("finalizers", json::array()).empty()) {
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    return {.body = Store(path, live.dump(), false)};
  }
  Erase(path);
  return {.body = R"({"kind":"Status","apiVersion":"v1","status":"Success"})"};
}

}  // namespace turnout::support
