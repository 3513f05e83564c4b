#include "state/table_file.h"

#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include "state/rocksdb_status.h"

namespace turnout::state {

absl::Status VerifyTableFile(const std::string& path) {
  rocksdb::SstFileReader reader{rocksdb::Options()};
  rocksdb::Status status = reader.Open(path);
  if (status.ok()) status = reader.VerifyChecksum();
  return FromRocksDb(status, "verifying", path);
}

}  // namespace turnout::state
