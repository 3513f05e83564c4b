// ItemTree: items as a tree of files that people and Git can work with, and back.
//
//   SERVICE/rules/TEAM.yaml       the text, byte for byte; TEAM.json where it is JSON
//   SERVICE/tests/TEAM.test.yaml  the same
//   SERVICE/pipelines/NAME.yaml   the same
//   SERVICE/config/NAME.yaml      {type: number, value: 12}
//   SERVICE/secrets/NAME.yaml     {bound_to: [router]}; its value never leaves the manager
//   SERVICE/settings.yaml         the text, byte for byte
//
// What is exported and imported again makes no edits.
//
// Errors: InvalidArgument, naming the file: its name is no item's, what it holds may not stand
//   there, it is a link. Of a directory also those of state/files.h.
// Threads: pure functions; but ReadTree and WriteTree: one for a directory.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item.h"

namespace turnout::manager {

inline constexpr size_t kTreeFilesMax = kEditsPerChangeMax;
inline constexpr size_t kTreeBytesMax = 256u << 20;

// Texts by their paths in the tree, `/` between names.
using FileTree = std::map<std::string, std::string>;

FileTree ExportItems(const std::vector<Item>& items);

// What becomes of items that the tree has no file of.
enum class MissingFile { kItemStays, kItemIsDeleted };

// The edits that make of `items` what the tree says, each expecting the version that is there;
// sorted by id. A secret's value stays as it is; one that is not there can't be made so.
absl::StatusOr<std::vector<Edit>> ImportItems(const FileTree& tree, const std::vector<Item>& items,
                                              MissingFile missing);

// Whether an item has its file at that path.
absl::Status CheckTreePath(const std::string& path);
absl::StatusOr<ItemId> ItemAtPath(const std::string& path);

// Names that begin with a dot are passed over. Nothing is followed out of the directory.
absl::StatusOr<FileTree> ReadTree(const std::string& directory);

// Makes the directory hold that tree: writes what differs, removes other items' files.
absl::Status WriteTree(const std::string& directory, const FileTree& tree);

}  // namespace turnout::manager
