#include "state/checkpoint_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "state/files.h"
#include "state/table_file.h"

namespace turnout::state {

absl::StatusOr<std::vector<std::string>> ListSnapshot(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator next(directory, error), end; !error && next != end;
       next.increment(error)) {
    const std::string name = next->path().filename();
    const bool is_made_anew = name.rfind("LOG", 0) == 0 || name.rfind("OPTIONS", 0) == 0 ||
                              name == "LOCK" || name == "IDENTITY";
    if (!is_made_anew) names.push_back(name);
  }
  if (error) return ErrnoStatus(error.value(), "listing", directory);
  std::sort(names.begin(), names.end());
  return names;
}

bool IsTable(std::string_view name) { return name.ends_with(".sst"); }

absl::StatusOr<CheckpointFile> DescribeFile(const std::string& directory, const std::string& name) {
  const std::string path = directory + "/" + name;
  const absl::Status sound = IsTable(name) ? VerifyTableFile(path) : absl::OkStatus();
  if (!sound.ok()) return sound;
  const absl::StatusOr<FileDigest> digest = Sha256OfFile(path);
  if (!digest.ok()) return digest.status();
  return CheckpointFile{.name = name, .bytes = digest->bytes, .sha256 = digest->sha256};
}

absl::Status SendFile(CheckpointStore* store, const std::string& object, const std::string& path,
                      const FileDigest& digest) {
  if (absl::Status status = store->Put(object, path); !status.ok()) return status;
  const absl::StatusOr<FileDigest> kept = store->Digest(object);
  if (!kept.ok()) return kept.status();
  if (*kept == digest) return absl::OkStatus();
  // Under this name it would be taken for the file by the next one.
  store->Remove(object).IgnoreError();
  return absl::UnavailableError(
      absl::StrCat("the store gives back other bytes than it was sent: ", object));
}

std::string FileLine(const CheckpointFile& file) {
  return absl::StrCat(file.name, " ", file.bytes, " ", file.sha256);
}

bool ReadFileLine(absl::string_view line, CheckpointFile* file) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words.size() != 3 || words[0].empty() || words[2].size() != kSha256Digits) return false;
  // It becomes a path: nothing but a name in the directory will do.
  if (words[0].find('/') != absl::string_view::npos || words[0][0] == '.') return false;
  file->name = std::string(words[0]);
  file->sha256 = std::string(words[2]);
  return absl::SimpleAtoi(words[1], &file->bytes) &&
         file->sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace turnout::state
