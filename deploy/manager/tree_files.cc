// Trees of items in directories: ReadTree and WriteTree of item_tree.h.
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item_tree.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

namespace fs = std::filesystem;

constexpr int kTreeDepthMax = 3;  // SERVICE/rules/TEAM.yaml

class Reader {
 public:
  explicit Reader(const std::string& directory) : directory_(directory) {}

  // What lies at `path` of the tree, which ends in a slash or is empty.
  absl::Status Read(const std::string& path, int depth);
  FileTree Take() { return std::move(tree_); }

 private:
  absl::Status Take(const fs::directory_entry& entry, const std::string& path, int depth);
  absl::Status TakeFile(const std::string& path);

  const std::string& directory_;
  FileTree tree_;
  size_t bytes_ = 0;
};

absl::Status Refuse(std::string_view path, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("%s: %s", path, what));
}

absl::Status Reader::TakeFile(const std::string& path) {
  absl::StatusOr<std::string> text =
      state::ReadFile(absl::StrCat(directory_, "/", path), kItemTextBytesMax);
  if (!text.ok()) return text.status();
  bytes_ += text->size();
  if (tree_.size() == kTreeFilesMax || bytes_ > kTreeBytesMax) {
    return Refuse(path, absl::StrFormat("the tree has more than %d files or %d bytes; take it in "
                                        "parts, a service each",
                                        kTreeFilesMax, kTreeBytesMax));
  }
  tree_.emplace(path, *std::move(text));
  return absl::OkStatus();
}

absl::Status Reader::Take(const fs::directory_entry& entry, const std::string& path, int depth) {
  std::error_code error;
  const fs::file_status status = entry.symlink_status(error);
  if (error) return state::ErrnoStatus(error.value(), "looking at", path);
  if (fs::is_symlink(status)) {
    return Refuse(path, "it is a link, and links are not followed; put the file itself there");
  }
  if (fs::is_directory(status) && depth < kTreeDepthMax) return Read(path + "/", depth + 1);
  if (!fs::is_regular_file(status)) {
    return Refuse(path, "it is no regular file of an item; remove it");
  }
  return TakeFile(path);
}

absl::Status Reader::Read(const std::string& path, int depth) {
  std::error_code error;
  fs::directory_iterator at(directory_ + "/" + path, error);
  for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (name[0] == '.') continue;
    if (absl::Status taken = Take(*at, path + name, depth); !taken.ok()) return taken;
  }
  return error ? state::ErrnoStatus(error.value(), "reading", directory_ + "/" + path)
               : absl::OkStatus();
}

}  // namespace

absl::StatusOr<FileTree> ReadTree(const std::string& directory) {
  Reader reader(directory);
  if (absl::Status read = reader.Read("", 1); !read.ok()) return read;
  FileTree tree = reader.Take();
  for (const auto& [path, text] : tree) {
    if (absl::Status is_item = CheckTreePath(path); !is_item.ok()) return is_item;
  }
  return tree;
}

absl::Status WriteTree(const std::string& directory, const FileTree& tree) {
  for (const auto& [path, text] : tree) {
    if (absl::Status is_item = CheckTreePath(path); !is_item.ok()) return is_item;
  }
  if (absl::Status made = state::MakeDirectory(directory); !made.ok()) return made;
  const absl::StatusOr<FileTree> there = ReadTree(directory);
  if (!there.ok()) return there.status();
  for (const auto& [path, text] : *there) {
    if (tree.contains(path)) continue;
    if (absl::Status gone = state::RemoveAll(absl::StrCat(directory, "/", path)); !gone.ok()) {
      return gone;
    }
  }
  for (const auto& [path, text] : tree) {
    const auto known = there->find(path);
    if (known != there->end() && known->second == text) continue;
    const std::string file = absl::StrCat(directory, "/", path);
    absl::Status written = state::MakeDirectory(file.substr(0, file.rfind('/')));
    if (written.ok()) written = state::WriteFile(file, text);
    if (!written.ok()) return written;
  }
  return absl::OkStatus();
}

}  // namespace turnout::manager
