#include "state/rocksdb_status.h"

#include <rocksdb/status.h>

#include "gtest/gtest.h"

namespace turnout::state {
namespace {

using rocksdb::Status;

struct Case {
  Status status;
  absl::StatusCode code;
};

TEST(RocksDbStatus, EachCodeHasTheRecoveryThatItCallsFor) {
  const Case cases[] = {
      {Status::OK(), absl::StatusCode::kOk},
      {Status::Corruption("x"), absl::StatusCode::kDataLoss},
      {Status::PathNotFound("x"), absl::StatusCode::kDataLoss},
      {Status::NotFound("x"), absl::StatusCode::kDataLoss},
      {Status::NoSpace("x"), absl::StatusCode::kResourceExhausted},
      {Status::SpaceLimit("x"), absl::StatusCode::kResourceExhausted},
      {Status::Incomplete("IO error: No space left on device"),
       absl::StatusCode::kResourceExhausted},
      {Status::Incomplete("x"), absl::StatusCode::kUnavailable},
      {Status::IOError("x"), absl::StatusCode::kUnavailable},
      {Status::Busy("x"), absl::StatusCode::kUnavailable},
      {Status::TimedOut("x"), absl::StatusCode::kUnavailable},
      {Status::Aborted("x"), absl::StatusCode::kUnavailable},
      {Status::InvalidArgument("x"), absl::StatusCode::kInternal},
      {Status::NotSupported("x"), absl::StatusCode::kInternal},
  };
  for (const Case& one : cases) {
    const absl::Status status = FromRocksDb(one.status, "opening", "somewhere");
    EXPECT_EQ(status.code(), one.code) << one.status.ToString();
    EXPECT_TRUE(status.ok() || status.message().find("opening somewhere: ") == 0) << status;
  }
}

}  // namespace
}  // namespace turnout::state
