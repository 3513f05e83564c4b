// Cuts the power: of each file no more is left than what was synced, of each directory the names
// that were in it when it was. This program's own fsync and fdatasync, which RocksDB calls too,
// note that and sync nothing less.
#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "state/document_store.h"
#include "state/files.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

using Inode = uint64_t;

// What is on the disk, of those files and directories that were synced since the test began.
class SyncedDisk {
 public:
  static SyncedDisk& Instance() {
    static SyncedDisk* const disk = new SyncedDisk;
    return *disk;
  }

  // Before it is synced: what is written meanwhile doesn't count.
  void Note(int fd) {
    struct stat facts = {};
    if (::fstat(fd, &facts) != 0) return;
    const std::lock_guard<std::mutex> lock(mu_);
    if (S_ISREG(facts.st_mode)) {
      bytes_[facts.st_ino] = static_cast<uint64_t>(facts.st_size);
    } else if (S_ISDIR(facts.st_mode)) {
      names_[facts.st_ino] = NamesIn(absl::StrCat("/proc/self/fd/", fd));
    }
  }

  // What a machine that starts again finds of the directory. Of one moment: while it is copied, no
  // sync of the store's own threads comes to its end.
  void CopyTo(const std::string& directory, const std::string& copy) {
    std::filesystem::create_directories(copy);
    const std::lock_guard<std::mutex> lock(mu_);
    std::map<Inode, std::string> there;
    for (const auto& [name, inode] : NamesIn(directory)) there[inode] = directory + "/" + name;
    struct stat facts = {};
    ASSERT_EQ(::stat(directory.c_str(), &facts), 0);
    for (const auto& [name, inode] : names_[facts.st_ino]) {
      const auto found = there.find(inode);
      // Removed since, and nobody needs it; or it is removed now.
      if (found == there.end()) continue;
      absl::StatusOr<std::string> content = ReadFile(found->second, size_t{1} << 30);
      if (absl::IsNotFound(content.status())) continue;
      ASSERT_TRUE(content.ok()) << content.status();
      const auto synced = bytes_.find(inode);
      const uint64_t bytes = synced == bytes_.end() ? 0 : synced->second;
      content->resize(std::min<uint64_t>(content->size(), bytes));
      // Not by what syncs, which would be noted.
      std::ofstream(copy + "/" + name, std::ios::binary) << *content;
    }
  }

 private:
  static std::map<std::string, Inode> NamesIn(const std::string& directory) {
    std::map<std::string, Inode> names;
    DIR* const opened = ::opendir(directory.c_str());
    if (opened == nullptr) return names;
    while (const dirent* entry = ::readdir(opened)) {
      if (entry->d_type == DT_REG) names[entry->d_name] = entry->d_ino;
    }
    ::closedir(opened);
    return names;
  }

  std::mutex mu_;
  std::map<Inode, uint64_t> bytes_;
  std::map<Inode, std::map<std::string, Inode>> names_;
};

TEST(DocumentPowerLossTest, WhatWasAcknowledgedIsThereAfterThePowerIsCut) {
  constexpr int kWrites = 400;
  support::TempDirectory directory;
  const std::string path = directory.path() + "/store";
  support::SeededRandom random(9);
  std::map<std::string, std::string> acknowledged;
  auto store = DocumentStore::Open(path).value();
  int cuts = 0;
  for (int i = 0; i < kWrites; ++i) {
    // More than the memtable takes, so that files are written, and the log is a new one at times.
    const std::string key = absl::StrCat("key", random.Below(100));
    std::string value = absl::StrCat(i, " ");
    value.append(static_cast<size_t>(random.Below(60'000)), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(store->Write({{key, value}, {"newest", absl::StrCat(i)}}).ok());
    acknowledged[key] = value;
    acknowledged["newest"] = absl::StrCat(i);
    if (random.OneIn(50)) {
      store.reset();
      store = DocumentStore::Open(path).value();
    }
    if (!random.OneIn(20)) continue;
    const std::string copy = absl::StrCat(directory.path(), "/copy", ++cuts);
    SyncedDisk::Instance().CopyTo(path, copy);
    const auto found = DocumentStore::Open(copy);
    ASSERT_TRUE(found.ok()) << "after write " << i << ": " << found.status();
    const DocumentView view = (*found)->View();
    for (const auto& [name, expected] : acknowledged) {
      ASSERT_EQ(view.Get(name).value(), expected) << "after write " << i;
    }
  }
  EXPECT_GT(cuts, 10);
}

}  // namespace

void NoteSync(int fd) { SyncedDisk::Instance().Note(fd); }

}  // namespace turnout::state

extern "C" int fsync(int fd) {
  turnout::state::NoteSync(fd);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int fdatasync(int fd) {
  turnout::state::NoteSync(fd);
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
