#include "state/s3_upload.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "state/aws_xml.h"
#include "state/files.h"
#include "state/sha256.h"

namespace turnout::state {
namespace {

constexpr int kUploadsMax = 3;  // that are begun anew because the store forgot them
constexpr uint64_t kPartStep = 1 << 20;
constexpr absl::Duration kCancelTimeout = absl::Seconds(5);

struct Part {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

// All the same size, but for the last; larger than was asked for rather than too many.
std::vector<Part> PartsOf(uint64_t bytes, uint64_t part_bytes) {
  uint64_t each = std::max(part_bytes, kPartStep);
  const uint64_t least = (bytes + kUploadPartsMax - 1) / kUploadPartsMax;
  if (least > each) each = (least + kPartStep - 1) / kPartStep * kPartStep;
  std::vector<Part> parts;
  for (uint64_t offset = 0; offset < bytes; offset += each) {
    parts.push_back({.offset = offset, .bytes = std::min(each, bytes - offset)});
  }
  return parts;
}

// The answer's ETag.
absl::StatusOr<std::string> Send(S3Connection* s3, const std::string& path, const Part& part,
                                 S3Call call) {
  const auto digest = Sha256OfPart(path, part.offset, part.bytes);
  if (!digest.ok()) return digest.status();
  if (digest->bytes != part.bytes) {
    return absl::UnavailableError(absl::StrCat("reading ", path, ": it is shorter than it was"));
  }
  call.method = "PUT";
  call.file_path = path;
  call.file_offset = part.offset;
  call.file_bytes = part.bytes;
  call.file_sha256 = digest->sha256;
  const auto answer = s3->Call(call);
  if (!answer.ok()) return answer.status();
  return std::string(answer->Header("etag"));
}

// The store may say 200 before it knows, and what went wrong only then.
absl::Status AcceptCompletion(const HttpResponse& answer) {
  if (answer.body.find("CompleteMultipartUploadResult") == std::string::npos) {
    const AwsError error = ParseAwsError(answer.body);
    return absl::UnavailableError(
        absl::StrCat("completing an upload: ", error.code, ": ", error.message));
  }
  return absl::OkStatus();
}

absl::Status SendParts(S3Connection* s3, const std::string& key, const std::string& path,
                       const std::vector<Part>& parts, const std::string& upload) {
  std::string list = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string number = absl::StrCat(i + 1);
    const auto etag = Send(s3, path, parts[i],
                           {.key = key, .query = {{"partNumber", number}, {"uploadId", upload}}});
    if (!etag.ok()) return etag.status();
    if (etag->empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the store takes a part of ", key, " and gives it no ETag (see that it is one of S3)"));
    }
    absl::StrAppend(&list, "<Part><PartNumber>", number, "</PartNumber><ETag>",
                    absl::StrReplaceAll(*etag, {{"&", "&amp;"}, {"<", "&lt;"}}), "</ETag></Part>");
  }
  list += "</CompleteMultipartUpload>";
  return s3
      ->Call({.method = "POST",
              .key = key,
              .query = {{"uploadId", upload}},
              .body = list,
              .may_stall = true,
              .accept = &AcceptCompletion})
      .status();
}

absl::Status UploadInParts(S3Connection* s3, const std::string& key, const std::string& path,
                           const std::vector<Part>& parts) {
  std::string upload;
  const auto begun = s3->Call({.method = "POST",
                               .key = key,
                               .query = {{"uploads", ""}},
                               .accept = [&upload](const HttpResponse& answer) {
                                 auto id = ParseUploadId(answer.body);
                                 if (id.ok()) upload = *std::move(id);
                                 return id.status();
                               }});
  if (!begun.ok()) return begun.status();
  const absl::Status status = SendParts(s3, key, path, parts, upload);
  if (!status.ok()) {
    s3->Attempt({.method = "DELETE", .key = key, .query = {{"uploadId", upload}}}, kCancelTimeout)
        .IgnoreError();
  }
  return status;
}

}  // namespace

absl::Status UploadFile(S3Connection* s3, const std::string& key, const std::string& path) {
  struct stat facts = {};
  if (::stat(path.c_str(), &facts) != 0) return ErrnoStatus(errno, "reading", path);
  const auto bytes = static_cast<uint64_t>(facts.st_size);
  const std::vector<Part> parts = PartsOf(bytes, s3->options().part_bytes);
  if (parts.size() <= 1) return Send(s3, path, {.bytes = bytes}, {.key = key}).status();
  for (int begun = 1;; ++begun) {
    const absl::Status status = UploadInParts(s3, key, path, parts);
    // An upload that is not there was completed by a request whose answer got lost, or forgotten.
    if (!absl::IsNotFound(status)) return status;
    if (begun == kUploadsMax) return absl::UnavailableError(status.message());
  }
}

}  // namespace turnout::state
