#include "connectors/tls_transport.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_format.h"

namespace turnout::connectors {
namespace {

constexpr size_t kWriteBytesMax = 16 << 10;  // a TLS record

struct ContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SessionDeleter {
  void operator()(SSL* session) const { SSL_free(session); }
};
struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Context = std::unique_ptr<SSL_CTX, ContextDeleter>;
using Session = std::unique_ptr<SSL, SessionDeleter>;
using Bio = std::unique_ptr<BIO, BioDeleter>;
using Certificate = std::unique_ptr<X509, CertificateDeleter>;
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

// The library's first complaint; it names no content.
std::string Complaint() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

absl::Status Refused(std::string_view property) {
  return absl::InvalidArgumentError(
      absl::StrFormat("kafka.%s can't be used: %s", property, Complaint()));
}

Bio InMemory(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int GivePassword(char* into, int size, int, void* password) {
  const std::string& text = *static_cast<const std::string*>(password);
  const size_t length = std::min(text.size(), static_cast<size_t>(size));
  text.copy(into, length);
  return static_cast<int>(length);
}

bool IsDirectory(const std::string& path) {
  struct stat found = {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

absl::Status TrustPem(SSL_CTX* context, const std::string& pem) {
  const Bio bio = InMemory(pem);
  int trusted = 0;
  while (const Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) == 1) ++trusted;
  }
  if (trusted == 0) return Refused("ssl.ca.pem");
  ERR_clear_error();  // the end of the text is told as an error
  return absl::OkStatus();
}

absl::Status Trust(SSL_CTX* context, const TlsSettings& settings) {
  if (!settings.ca_pem.empty()) return TrustPem(context, settings.ca_pem);
  // As in librdkafka, where both stand for the system's authorities.
  if (settings.ca_location.empty() || settings.ca_location == "probe") {
    return SSL_CTX_set_default_verify_paths(context) == 1 ? absl::OkStatus()
                                                          : Refused("ssl.ca.location");
  }
  const char* path = settings.ca_location.c_str();
  const bool is_directory = IsDirectory(settings.ca_location);
  const int loaded = SSL_CTX_load_verify_locations(context, is_directory ? nullptr : path,
                                                   is_directory ? path : nullptr);
  return loaded == 1 ? absl::OkStatus() : Refused("ssl.ca.location");
}

// The first certificate is ours, those that follow lead from it to an authority.
absl::Status ShowPem(SSL_CTX* context, const std::string& pem) {
  const Bio bio = InMemory(pem);
  const Certificate own{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
  if (own == nullptr || SSL_CTX_use_certificate(context, own.get()) != 1) {
    return Refused("ssl.certificate.pem");
  }
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) == 1) next.release();
  }
  ERR_clear_error();
  return absl::OkStatus();
}

absl::Status ShowCertificate(SSL_CTX* context, const TlsSettings& settings) {
  if (!settings.certificate_pem.empty()) return ShowPem(context, settings.certificate_pem);
  if (settings.certificate_location.empty()) return absl::OkStatus();
  const char* path = settings.certificate_location.c_str();
  return SSL_CTX_use_certificate_chain_file(context, path) == 1
             ? absl::OkStatus()
             : Refused("ssl.certificate.location");
}

absl::Status UseKey(SSL_CTX* context, const TlsSettings& settings) {
  const bool is_file = settings.key_pem.empty();
  if (is_file && settings.key_location.empty()) return absl::OkStatus();
  const Bio bio =
      is_file ? Bio(BIO_new_file(settings.key_location.c_str(), "r")) : InMemory(settings.key_pem);
  auto* password = const_cast<std::string*>(&settings.key_password);
  const Key key(bio == nullptr
                    ? nullptr
                    : PEM_read_bio_PrivateKey(bio.get(), nullptr, &GivePassword, password));
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return Refused(is_file ? "ssl.key.location" : "ssl.key.pem");
  }
  return absl::OkStatus();
}

bool IsAddress(const std::string& host) {
  ASN1_OCTET_STRING* const address = a2i_IPADDRESS(host.c_str());
  ASN1_OCTET_STRING_free(address);
  return address != nullptr;
}

// Unless this succeeds a certificate of any host will do. An empty name would mean just that.
bool ExpectHost(SSL* session, const std::string& host, bool is_address) {
  X509_VERIFY_PARAM* const expected = SSL_get0_param(session);
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  return !host.empty() && X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1;
}

class TlsTransport final : public Transport {
 public:
  explicit TlsTransport(Session session) : session_(std::move(session)) {}

  absl::StatusOr<bool> Handshake() override {
    ERR_clear_error();
    const int done = SSL_do_handshake(session_.get());
    wants_write_ = false;
    if (done == 1) return true;
    const absl::StatusOr<size_t> later = Later(done, "the TLS handshake");
    if (!later.ok()) return later.status();
    return false;
  }

  absl::StatusOr<size_t> Read(char* into, size_t size) override {
    ERR_clear_error();
    size_t got = 0;
    const int done = SSL_read_ex(session_.get(), into, size, &got);
    wants_write_ = false;
    if (done == 1) return got;
    return Later(done, "reading");
  }

  // Small pieces go together, so that each doesn't become a record and a system call of its own.
  absl::StatusOr<size_t> Write(absl::Span<const std::string_view> pieces) override {
    together_.clear();
    for (const std::string_view piece : pieces) {
      together_.append(piece.substr(0, kWriteBytesMax - together_.size()));
      if (together_.size() == kWriteBytesMax) break;
    }
    ERR_clear_error();
    size_t sent = 0;
    const int done = SSL_write_ex(session_.get(), together_.data(), together_.size(), &sent);
    wants_write_ = false;
    if (done == 1) return sent;
    return Later(done, "writing");
  }

  bool wants_write() const override { return wants_write_; }

 private:
  absl::StatusOr<size_t> Later(int done, std::string_view doing) {
    const int error = SSL_get_error(session_.get(), done);
    wants_write_ = error == SSL_ERROR_WANT_WRITE;
    switch (error) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return size_t{0};
      case SSL_ERROR_ZERO_RETURN:
        return ConnectionClosed();
      case SSL_ERROR_SYSCALL:
        return errno == 0 ? ConnectionClosed() : ConnectionError(doing, errno);
      default:
        return Failed(doing);
    }
  }

  absl::Status Failed(std::string_view doing) {
    const long verified = SSL_get_verify_result(session_.get());
    if (verified != X509_V_OK) {
      ERR_clear_error();
      return absl::UnavailableError(absl::StrFormat(
          "the broker's certificate is not to be trusted: %s; check ssl.ca.location",
          X509_verify_cert_error_string(verified)));
    }
    return absl::UnavailableError(absl::StrFormat(
        "%s: %s; check the ssl.* properties and the brokers' certificates", doing, Complaint()));
  }

  const Session session_;
  std::string together_;
  bool wants_write_ = false;
};

}  // namespace

struct TlsContext::Impl {
  Context context;
  bool verify_host = true;
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Make(const TlsSettings& settings) {
  ERR_clear_error();
  auto impl = std::make_unique<Impl>();
  impl->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = impl->context.get();
  if (context == nullptr) return absl::InternalError(Complaint());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context, settings.verify_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     nullptr);
  impl->verify_host = settings.verify_certificate && settings.verify_host;
  for (const auto& part : {Trust, ShowCertificate, UseKey}) {
    const absl::Status status = part(context, settings);
    if (!status.ok()) return status;
  }
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<Transport>> TlsContext::MakeTransport(
    int descriptor, const std::string& host) const {
  ERR_clear_error();
  Session session(SSL_new(impl_->context.get()));
  if (session == nullptr || SSL_set_fd(session.get(), descriptor) != 1) {
    return absl::UnavailableError(absl::StrFormat("beginning TLS: %s", Complaint()));
  }
  SSL_set_connect_state(session.get());
  const bool is_address = IsAddress(host);
  if (!is_address) SSL_set_tlsext_host_name(session.get(), host.c_str());
  if (impl_->verify_host && !ExpectHost(session.get(), host, is_address)) {
    return absl::UnavailableError("no certificate can be of a host of this name");
  }
  return std::make_unique<TlsTransport>(std::move(session));
}

}  // namespace turnout::connectors
