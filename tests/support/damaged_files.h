// Damage to the files of a RocksDB, as a bad disk does it.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace turnout::support {

// Overwrites a block in the middle of every *.sst in `directory`: of a large one, entries; the
// store opens. Answers how many files that were.
inline int DamageTableFiles(const std::string& directory) {
  int damaged = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (file.path().extension() != ".sst") continue;
    std::fstream stream(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(file.file_size() / 2));
    stream << "damage";
    damaged += stream.good();
  }
  return damaged;
}

}  // namespace turnout::support
