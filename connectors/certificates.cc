#include "connectors/certificates.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <ctime>
#include <memory>
#include <optional>

#include "absl/strings/str_format.h"
#include "connectors/client_security.h"
#include "connectors/tls_transport.h"

namespace turnout::connectors {
namespace {

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;
using Certificate = std::unique_ptr<X509, CertificateDeleter>;

// One of the places where certificates may be.
struct Place {
  const char* property;
  const std::string* text;
  bool is_file;
};

bool IsDirectory(const std::string& path) {
  struct stat found = {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

absl::StatusOr<absl::Time> TimeOf(const ASN1_TIME* time) {
  std::tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    return absl::InvalidArgumentError("holds a certificate without a usable time");
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string SubjectOf(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

absl::StatusOr<CertificateLife> LifeOf(X509* certificate) {
  const absl::StatusOr<absl::Time> begins = TimeOf(X509_get0_notBefore(certificate));
  const absl::StatusOr<absl::Time> ends = TimeOf(X509_get0_notAfter(certificate));
  if (!begins.ok()) return begins.status();
  if (!ends.ok()) return ends.status();
  return CertificateLife{.subject = SubjectOf(certificate), .begins = *begins, .ends = *ends};
}

// Of the first to end.
absl::StatusOr<CertificateLife> FirstToEnd(const Place& place) {
  const std::string& text = *place.text;
  const Bio bio(place.is_file ? BIO_new_file(text.c_str(), "r")
                              : BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::optional<CertificateLife> first;
  while (bio != nullptr) {
    const Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
    if (certificate == nullptr) break;
    const absl::StatusOr<CertificateLife> life = LifeOf(certificate.get());
    if (!life.ok()) return life.status();
    if (!first || life->ends < first->ends) first = *life;
  }
  ERR_clear_error();  // the end of the text is told as an error
  if (!first) return absl::InvalidArgumentError("holds no certificate in PEM");
  first->property = place.property;
  return *std::move(first);
}

// Nullopt where the properties ask for no TLS, or only librdkafka can judge them.
absl::StatusOr<std::optional<TlsSettings>> SettingsOf(
    const std::vector<KafkaProperty>& properties) {
  absl::StatusOr<std::optional<TlsSettings>> settings = TlsSettingsOf(properties);
  if (absl::IsUnimplemented(settings.status())) return std::nullopt;
  return settings;
}

}  // namespace

absl::StatusOr<std::vector<CertificateLife>> CertificateLives(
    const std::vector<KafkaProperty>& properties) {
  const absl::StatusOr<std::optional<TlsSettings>> settings = SettingsOf(properties);
  if (!settings.ok()) return settings.status();
  std::vector<CertificateLife> lives;
  if (!settings->has_value()) return lives;
  const TlsSettings& tls = **settings;
  for (const Place& place : {Place{"ssl.certificate.location", &tls.certificate_location, true},
                             Place{"ssl.certificate.pem", &tls.certificate_pem, false},
                             Place{"ssl.ca.location", &tls.ca_location, true},
                             Place{"ssl.ca.pem", &tls.ca_pem, false}}) {
    const bool is_systems = place.text == &tls.ca_location && *place.text == "probe";
    if (place.text->empty() || is_systems || (place.is_file && IsDirectory(*place.text))) continue;
    absl::StatusOr<CertificateLife> life = FirstToEnd(place);
    if (!life.ok()) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "kafka.%s%s %s", place.property, place.is_file ? ": " + *place.text : std::string(),
          life.status().message()));
    }
    lives.push_back(*std::move(life));
  }
  return lives;
}

absl::Status CheckCertificates(const std::vector<KafkaProperty>& properties) {
  const absl::StatusOr<std::optional<TlsSettings>> settings = SettingsOf(properties);
  if (!settings.ok()) return settings.status();
  return settings->has_value() ? TlsContext::Make(**settings).status() : absl::OkStatus();
}

}  // namespace turnout::connectors
