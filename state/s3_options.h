// S3Options: which bucket, where, and how patiently. Set once; a change takes a new store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "state/aws_credentials.h"
#include "state/backoff.h"

namespace turnout::state {

struct S3Options {
  std::string bucket;
  std::string
      prefix;  // of all objects' keys, `turnout/shop`, without a slash at its ends; or empty

  // The bucket's. Servers of other makers mostly take any.
  std::string region = "us-east-1";

  // `https://HOST` or `http://HOST:PORT` of a server that speaks S3; empty: AWS's in that region.
  std::string endpoint;

  // Whether the bucket goes into the path or the host's name. Unless said: into the path with an
  // endpoint of one's own, and where its name has dots, which no certificate of AWS's covers.
  std::optional<bool> path_style;

  // A PEM file with the authorities to trust, of the endpoint and of STS; empty: the system's.
  std::string ca_bundle;

  // Where a web identity's role is asked for; empty: AWS_ENDPOINT_URL_STS, else the region's.
  std::string sts_endpoint;

  // Credentials come from where aws_credentials.h says, as found here.
  Environment environment = ProcessEnvironment();

  // A larger file travels in parts of so many bytes, one after the other. S3 takes from 5 MiB to
  // 5 GiB. More: fewer requests; less: less to send again when one fails.
  uint64_t part_bytes = 16 << 20;

  // A server that lists fewer keys a page costs more requests; 1,000 is the most that S3 gives.
  int list_page_keys = 1000;

  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration stall_timeout = absl::Seconds(30);  // so long below 1 KiB a second is an end

  // How a request that failed is tried again. The deadline is of one request, or of one without
  // progress where a file travels. More: longer outages pass unseen; less: the caller knows sooner.
  BackoffLimits retry;
};

}  // namespace turnout::state
