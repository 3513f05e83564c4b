#include "tests/support/fake_s3.h"

#include <cstdlib>
#include <utility>

#include "state/sha256.h"
#include "state/sigv4.h"

namespace turnout::support {
namespace {

constexpr char kModified[] = "2026-11-25T20:00:00.000Z";

std::string Decoded(const std::string& text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded.push_back(static_cast<char>(std::strtol(text.substr(i + 1, 2).c_str(), nullptr, 16)));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

std::map<std::string, std::string> QueryOf(const std::string& target) {
  std::map<std::string, std::string> query;
  for (size_t at = target.find('?'); at != std::string::npos; at = target.find('&', at + 1)) {
    const std::string pair = target.substr(at + 1, target.find('&', at + 1) - at - 1);
    const size_t equals = pair.find('=');
    query[Decoded(pair.substr(0, equals))] =
        equals == std::string::npos ? "" : Decoded(pair.substr(equals + 1));
  }
  return query;
}

std::string HeaderOf(const FakeS3::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

}  // namespace

FakeS3::FakeS3(Hook hook)
    : hook_(std::move(hook)), server_([this](const Request& request) { return Answer(request); }) {}

std::map<std::string, std::string> FakeS3::objects() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> objects;
  for (const auto& [key, object] : objects_) objects[key] = object.bytes;
  return objects;
}

void FakeS3::Set(const std::string& key, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  objects_[key] = {.bytes = bytes, .etag = "\"set-" + std::to_string(++etags_) + "\""};
}

size_t FakeS3::open_uploads() const {
  const std::lock_guard lock(mutex_);
  return uploads_.size();
}

FakeS3::Reply FakeS3::Error(int status, const std::string& code) {
  return {.status = status,
          .body = "<?xml version=\"1.0\"?>\n<Error><Code>" + code +
                  "</Code><Message>As the test says.</Message></Error>"};
}

FakeS3::Reply FakeS3::Answer(const Request& request) {
  int number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = count_++;
  }
  const Trouble trouble = hook_ == nullptr ? Trouble() : hook_(request, number);
  if (trouble.instead.has_value()) return *trouble.instead;
  const std::lock_guard lock(mutex_);
  Reply reply = Do(request);
  reply.fault = trouble.fault;
  if (trouble.change != nullptr) trouble.change(&reply);
  return reply;
}

FakeS3::Reply FakeS3::Do(const Request& request) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const Query query = QueryOf(request.target);
  if (path == "/bucket/" && query.count("list-type") > 0) return List(query);
  if (path.rfind("/bucket/", 0) != 0) return Error(404, "NoSuchBucket");
  if (state::Sha256(request.body) != HeaderOf(request, "x-amz-content-sha256")) {
    return Error(400, "XAmzContentSHA256Mismatch");
  }
  const std::string key = Decoded(path.substr(8));
  if (query.count("uploads") > 0 || query.count("uploadId") > 0) return Upload(key, query, request);
  if (request.method == "PUT") return Put(key, request);
  if (request.method == "GET" || request.method == "HEAD") return Get(key, request);
  objects_.erase(key);
  return {.status = 204};
}

FakeS3::Reply FakeS3::Put(const std::string& key, const Request& request) {
  if (HeaderOf(request, "if-none-match") == "*" && objects_.count(key) > 0) {
    return Error(412, "PreconditionFailed");
  }
  Object object{.bytes = request.body, .etag = "\"put-" + std::to_string(++etags_) + "\""};
  for (const auto& [name, value] : request.headers) {
    if (name.rfind("x-amz-meta-", 0) == 0) object.metadata[name] = value;
  }
  objects_[key] = object;
  return {.headers = {{"ETag", object.etag}}};
}

FakeS3::Reply FakeS3::Get(const std::string& key, const Request& request) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) {
    return request.method == "HEAD" ? Reply{.status = 404} : Error(404, "NoSuchKey");
  }
  const Object& object = found->second;
  const std::string condition = HeaderOf(request, "if-match");
  if (!condition.empty() && condition != object.etag) return Error(412, "PreconditionFailed");
  Reply reply{.body = object.bytes, .headers = object.metadata};
  reply.headers["ETag"] = object.etag;
  const std::string range = HeaderOf(request, "range");
  if (!range.empty()) {  // bytes=N-
    const size_t begin = std::strtoull(range.c_str() + 6, nullptr, 10);
    if (begin >= object.bytes.size()) return Error(416, "InvalidRange");
    reply.status = 206;
    reply.body = object.bytes.substr(begin);
    reply.headers["Content-Range"] = "bytes " + std::to_string(begin) + "-" +
                                     std::to_string(object.bytes.size() - 1) + "/" +
                                     std::to_string(object.bytes.size());
  }
  return reply;
}

FakeS3::Reply FakeS3::List(const Query& query) {
  const std::string& prefix = query.at("prefix");
  const size_t page = std::strtoull(query.at("max-keys").c_str(), nullptr, 10);
  auto next = objects_.lower_bound(prefix);
  if (query.count("continuation-token") > 0) {
    next = objects_.upper_bound(query.at("continuation-token"));
  }
  std::string contents, last;
  size_t count = 0;
  for (; next != objects_.end() && next->first.rfind(prefix, 0) == 0 && count < page; ++next) {
    last = next->first;
    ++count;
    contents += "<Contents><Key>" + state::UriEncode(last, true) + "</Key><LastModified>" +
                kModified + "</LastModified><Size>" + std::to_string(next->second.bytes.size()) +
                "</Size></Contents>";
  }
  const bool goes_on = next != objects_.end() && next->first.rfind(prefix, 0) == 0;
  return {.body = "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>" +
                  std::string(goes_on ? "true" : "false") + "</IsTruncated>" +
                  (goes_on ? "<NextContinuationToken>" + last + "</NextContinuationToken>" : "") +
                  contents + "</ListBucketResult>"};
}

FakeS3::Reply FakeS3::Upload(const std::string& key, const Query& query, const Request& request) {
  if (query.count("uploads") > 0) {
    const std::string id = "upload+" + std::to_string(++etags_);
    uploads_[id] = {};
    return {.body = "<InitiateMultipartUploadResult><UploadId>" + id +
                    "</UploadId></InitiateMultipartUploadResult>"};
  }
  const auto upload = uploads_.find(query.at("uploadId"));
  if (upload == uploads_.end()) return Error(404, "NoSuchUpload");
  if (request.method == "PUT") {
    const std::string& number = query.at("partNumber");
    upload->second[std::atoi(number.c_str())] = request.body;
    return {.headers = {{"ETag", "\"part-" + number + "\""}}};
  }
  if (request.method == "POST") {
    std::string bytes;
    for (const auto& [number, part] : upload->second) {
      if (request.body.find("<PartNumber>" + std::to_string(number) + "</PartNumber><ETag>\"part-" +
                            std::to_string(number) + "\"</ETag>") == std::string::npos) {
        return Error(400, "InvalidPart");
      }
      bytes += part;
    }
    objects_[key] = {.bytes = bytes, .etag = "\"all-" + std::to_string(++etags_) + "\""};
  }
  uploads_.erase(upload);
  if (request.method == "DELETE") return {.status = 204};
  return {.body = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"};
}

}  // namespace turnout::support
