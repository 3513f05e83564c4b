#include "runtime/certificate_files.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/log.h"
#include "state/files.h"

namespace turnout::runtime {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Seconds(1);
constexpr size_t kFileBytesMax = 1 << 20;

std::string LooksOf(const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0) return "-";
  return absl::StrCat(found.st_dev, ".", found.st_ino, ".", found.st_size, ".",
                      found.st_mtim.tv_sec, ".", found.st_mtim.tv_nsec, ".", found.st_ctim.tv_sec,
                      ".", found.st_ctim.tv_nsec);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CertificateFiles>> CertificateFiles::Open(
    std::string certificate_file, std::string key_file) {
  std::unique_ptr<CertificateFiles> files(
      new CertificateFiles(std::move(certificate_file), std::move(key_file)));
  files->looks_ = files->Looks();
  if (absl::Status status = files->Read(); !status.ok()) return status;
  return files;
}

const connectors::TlsAcceptor& CertificateFiles::Current(absl::Time now) {
  if (now - looked_at_ < kBetweenLooks && now >= looked_at_) return *acceptor_;
  looked_at_ = now;
  std::string looks = Looks();
  if (looks == looks_) return *acceptor_;
  const absl::Status status = Read();
  if (status.ok()) {
    looks_ = std::move(looks);
    refused_looks_.clear();
    LogInfo("admin_certificate", absl::StrCat("the admin API goes on with the certificate that ",
                                              certificate_file_, " holds now"));
  } else if (looks != refused_looks_) {
    refused_looks_ = std::move(looks);
    LogWarning("admin_certificate",
               absl::StrCat(absl::string_view(status.message()),
                            "; the admin API goes on with the certificate from before"));
  }
  return *acceptor_;
}

std::string CertificateFiles::Looks() const {
  return absl::StrCat(LooksOf(certificate_file_), " ", LooksOf(key_file_));
}

absl::Status CertificateFiles::Read() {
  const auto certificate = state::ReadFile(certificate_file_, kFileBytesMax);
  if (!certificate.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("admin.tls.certificate_file: ", certificate.status().message()));
  }
  const auto key = state::ReadFile(key_file_, kFileBytesMax);
  if (!key.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("admin.tls.key_file: ", key.status().message()));
  }
  auto made = connectors::TlsAcceptor::Make(*certificate, *key);
  if (!made.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "admin.tls: ", made.status().message(), " (write a certificate in PEM into ",
        certificate_file_, ", and its key, without a password, into ", key_file_, ")"));
  }
  acceptor_ = *std::move(made);
  return absl::OkStatus();
}

}  // namespace turnout::runtime
