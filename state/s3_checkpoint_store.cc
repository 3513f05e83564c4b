#include "state/s3_checkpoint_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "state/aws_xml.h"
#include "state/s3_download.h"
#include "state/s3_upload.h"

namespace turnout::state {
namespace {

constexpr char kMarkHeader[] = "x-amz-meta-turnout-write";
constexpr size_t kListPageBytesMax = 16 << 20;  // 1,000 keys of 1,024 bytes, each byte as %XX
constexpr size_t kListedObjectsMax = 10'000'000;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<std::unique_ptr<S3CheckpointStore>> S3CheckpointStore::Create(S3Options options,
                                                                             TimeAndChance time) {
  absl::StatusOr<S3Address> address = AddressOf(options);
  if (!address.ok()) return address.status();
  return std::unique_ptr<S3CheckpointStore>(
      new S3CheckpointStore(std::move(options), *std::move(address), std::move(time)));
}

S3CheckpointStore::S3CheckpointStore(S3Options options, S3Address address, TimeAndChance time)
    : s3_(std::move(options), std::move(address), std::move(time)) {}

std::string S3CheckpointStore::KeyOf(std::string_view name) const {
  const std::string& prefix = s3_.options().prefix;
  return prefix.empty() ? std::string(name) : absl::StrCat(prefix, "/", View(name));
}

absl::StatusOr<std::vector<StoredObject>> S3CheckpointStore::List(std::string_view prefix) {
  const std::string begin = KeyOf(prefix);
  const size_t own = begin.size() - prefix.size();
  std::vector<StoredObject> objects;
  std::string token;
  do {
    S3Call call{.method = "GET",
                .query = {{"list-type", "2"},
                          {"prefix", begin},
                          {"encoding-type", "url"},
                          {"max-keys", absl::StrCat(s3_.options().list_page_keys)}},
                .answer_bytes_max = kListPageBytesMax};
    if (!token.empty()) call.query.emplace_back("continuation-token", token);
    ListPage page;
    call.accept = [&](const HttpResponse& answer) {
      absl::StatusOr<ListPage> parsed = ParseListPage(answer.body);
      if (!parsed.ok()) return parsed.status();
      page = *std::move(parsed);
      const bool is_below =
          std::all_of(page.keys.begin(), page.keys.end(),
                      [&](const ListedKey& listed) { return absl::StartsWith(listed.key, begin); });
      if (is_below && (page.next.empty() || page.next != token)) return absl::OkStatus();
      return absl::UnavailableError(
          absl::StrCat("listing ", begin, ": the store lists other keys"));
    };
    const auto answer = s3_.Call(call);
    if (!answer.ok()) return answer.status();
    for (ListedKey& listed : page.keys) {
      objects.push_back({.name = listed.key.substr(own),
                         .bytes = listed.bytes,
                         .modified_ms = listed.modified_ms});
    }
    if (objects.size() > kListedObjectsMax) {
      return absl::ResourceExhaustedError(absl::StrCat("listing ", begin, ": more than ",
                                                       kListedObjectsMax, " objects (prune them)"));
    }
    token = page.next;
  } while (!token.empty());
  std::sort(objects.begin(), objects.end(),
            [](const StoredObject& a, const StoredObject& b) { return a.name < b.name; });
  return objects;
}

absl::Status S3CheckpointStore::Put(std::string_view name, const std::string& local_path) {
  return UploadFile(&s3_, KeyOf(name), local_path);
}

absl::StatusOr<bool> S3CheckpointStore::PutIfAbsent(std::string_view name, std::string_view bytes) {
  const std::string key = KeyOf(name);
  const std::string mark = absl::StrFormat("%016x%016x", s3_.time().random(), s3_.time().random());
  const absl::Status status = s3_.Call({.method = "PUT",
                                        .key = key,
                                        .headers = {{"if-none-match", "*"}, {kMarkHeader, mark}},
                                        .body = bytes})
                                  .status();
  if (status.ok()) return true;
  if (!absl::IsFailedPrecondition(status)) return status;
  // Somebody's. Ours, if an attempt before succeeded and its answer was lost.
  return IsMine(key, mark);
}

absl::StatusOr<bool> S3CheckpointStore::IsMine(const std::string& key, const std::string& mark) {
  // Not HEAD, whose errors come without a word on what is wrong.
  const auto answer = s3_.Call(
      {.method = "GET", .key = key, .sink = [](std::string_view) { return absl::OkStatus(); }});
  if (absl::IsNotFound(answer.status())) return false;  // removed meanwhile: it was there
  if (!answer.ok()) return answer.status();
  return answer->Header(kMarkHeader) == mark;
}

absl::StatusOr<FileDigest> S3CheckpointStore::Get(std::string_view name,
                                                  const std::string& local_path) {
  return DownloadFile(&s3_, KeyOf(name), local_path);
}

absl::StatusOr<FileDigest> S3CheckpointStore::Digest(std::string_view name) {
  return DigestObject(&s3_, KeyOf(name));
}

absl::StatusOr<std::string> S3CheckpointStore::Read(std::string_view name, size_t bytes_max) {
  auto answer = s3_.Call({.method = "GET", .key = KeyOf(name), .answer_bytes_max = bytes_max});
  if (!answer.ok()) return answer.status();
  return std::move(answer->body);
}

absl::Status S3CheckpointStore::Remove(std::string_view name) {
  const absl::Status status = s3_.Call({.method = "DELETE", .key = KeyOf(name)}).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace turnout::state
