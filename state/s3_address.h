// S3Address: where a bucket's objects are, as a URL's parts. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "state/s3_options.h"

namespace turnout::state {

struct S3Address {
  std::string origin;  // https://bucket.s3.eu-west-1.amazonaws.com
  std::string host;    // as the header says it: without the scheme's usual port
  std::string base;    // what paths begin with: empty, or /bucket

  // Encoded. The bucket's own for an empty key.
  std::string PathOf(std::string_view key) const;
};

// InvalidArgument for options that name no bucket, naming the option.
absl::StatusOr<S3Address> AddressOf(const S3Options& options);

}  // namespace turnout::state
