// ManagerClient: asks a config manager's API, as somebody who bears a token.
//
// Errors: InvalidArgument for what whoever asks has to mend: the address, the token's file, a call
//   that is refused as it is (400, 401, 403, 404, 422), with all that the manager says; Aborted for
//   a conflict (409, 412); Unavailable for a manager that doesn't answer, or can't.
// Threads: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/http_client.h"

namespace turnout::manager {

struct ManagerAddress {
  std::string url;         // http://host:port or https://host:port
  std::string token_file;  // empty: none
  std::string ca_file;     // of the authorities of https; empty: the system's
};

struct ManagerAnswer {
  int status = 0;
  std::string body;  // JSON
};

class ManagerClient {
 public:
  // InvalidArgument for an address that is none, or would show the token to whoever is on the way.
  static absl::StatusOr<std::unique_ptr<ManagerClient>> Make(const ManagerAddress& address);

  // An answer of 200 to 299, and of those in `also` that aren't, as 422 and 412.
  absl::StatusOr<ManagerAnswer> Ask(std::string_view method, std::string_view path,
                                    std::string_view body = "",
                                    const state::HttpHeaders& headers = {},
                                    std::initializer_list<int> also = {});

 private:
  ManagerClient(std::string url, std::string token, const std::string& ca_file);

  const std::string url_;
  const std::string token_;
  state::HttpClient http_;
};

}  // namespace turnout::manager
