// Certificates that sign themselves, made by the openssl command.
#pragma once

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace turnout::support {

struct CertificatePaths {
  std::string certificate;
  std::string key;
};

// NAME.pem and NAME.key in the directory, of 127.0.0.1 and `host`.
inline CertificatePaths MakeCertificate(const std::string& directory, const std::string& name,
                                        const std::string& host = "localhost") {
  const std::string path = absl::StrCat(directory, "/", name);
  const CertificatePaths paths = {path + ".pem", path + ".key"};
  EXPECT_EQ(std::system(absl::StrCat("openssl req -x509 -newkey ec -pkeyopt "
                                     "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 "
                                     "-addext subjectAltName=IP:127.0.0.1,DNS:",
                                     host, " -keyout ", paths.key, " -out ", paths.certificate,
                                     " 2>/dev/null")
                            .c_str()),
            0);
  return paths;
}

}  // namespace turnout::support
