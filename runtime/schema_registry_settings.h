// SchemaRegistrySettings: where a schema registry is, as whom it is asked, and for how long events
// wait for it.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace turnout::runtime {

struct SchemaRegistrySettings {
  std::string url;                             // of its API: `/schemas/ids/7` is appended
  std::string ca_bundle;                       // a PEM file
  std::string username;                        // empty: none
  std::string password_file;                   // read at each request, as is the next
  std::string token_file;                      // a bearer token's; empty: none
  absl::Duration timeout = absl::Seconds(10);  // of one request
  absl::Duration wait_max = absl::Minutes(1);  // of an event, for its schema
};

}  // namespace turnout::runtime
