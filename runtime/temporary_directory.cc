#include "runtime/temporary_directory.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>

namespace turnout::runtime {

TemporaryDirectory::TemporaryDirectory() {
  std::error_code error;
  const std::filesystem::path place = std::filesystem::temp_directory_path(error);
  std::string name = (error ? std::filesystem::path("/tmp") : place) / "turnout-XXXXXX";
  if (::mkdtemp(name.data()) != nullptr) path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace turnout::runtime
