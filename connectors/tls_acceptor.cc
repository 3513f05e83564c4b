#include "connectors/tls_acceptor.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace turnout::connectors {
namespace {

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
using Session = std::unique_ptr<SSL, SessionDeleter>;
using Bio = std::unique_ptr<BIO, BioDeleter>;
using Certificate = std::unique_ptr<X509, CertificateDeleter>;

// The library's first complaint; it names no content.
std::string Complaint() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

absl::Status Refused(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", Complaint()));
}

Bio InMemory(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A key that wants a password is refused, not asked for at the terminal.
int GiveNoPassword(char*, int, int, void*) { return 0; }

absl::Status ShowCertificate(SSL_CTX* context, const std::string& pem) {
  const Bio bio = InMemory(pem);
  const Certificate own{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
  if (own == nullptr || SSL_CTX_use_certificate(context, own.get()) != 1) {
    return Refused("the certificate can't be used");
  }
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) == 1) next.release();
  }
  ERR_clear_error();  // the end of the text is told as an error
  return absl::OkStatus();
}

absl::Status UseKey(SSL_CTX* context, const std::string& pem) {
  const Bio bio = InMemory(pem);
  const std::unique_ptr<EVP_PKEY, KeyDeleter> key{
      PEM_read_bio_PrivateKey(bio.get(), nullptr, &GiveNoPassword, nullptr)};
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Refused("the key can't be used");
  }
  return absl::OkStatus();
}

class AcceptedTransport final : public Transport {
 public:
  explicit AcceptedTransport(Session session) : session_(std::move(session)) {}

  // Says that nothing comes any more, if the socket takes that at once.
  ~AcceptedTransport() override {
    ERR_clear_error();
    if (is_usable_ && SSL_is_init_finished(session_.get())) SSL_shutdown(session_.get());
    ERR_clear_error();
  }

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

  // The first piece; what a page is sent in is large.
  absl::StatusOr<size_t> Write(absl::Span<const std::string_view> pieces) override {
    if (pieces.empty() || pieces[0].empty()) return size_t{0};
    ERR_clear_error();
    size_t sent = 0;
    const int done = SSL_write_ex(session_.get(), pieces[0].data(), pieces[0].size(), &sent);
    wants_write_ = false;
    if (done == 1) return sent;
    return Later(done, "writing");
  }

  bool wants_write() const override { return wants_write_; }

 private:
  absl::StatusOr<size_t> Later(int done, absl::string_view doing) {
    const int error = SSL_get_error(session_.get(), done);
    wants_write_ = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return size_t{0};
    is_usable_ = error == SSL_ERROR_ZERO_RETURN;
    if (error == SSL_ERROR_SYSCALL && errno != 0)
      return ConnectionError({doing.data(), doing.size()}, errno);
    return absl::UnavailableError(absl::StrCat(doing, ": ", Complaint()));
  }

  const Session session_;
  bool wants_write_ = false;
  bool is_usable_ = true;
};

}  // namespace

struct TlsAcceptor::Impl {
  std::unique_ptr<SSL_CTX, ContextDeleter> context;
};

TlsAcceptor::TlsAcceptor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsAcceptor::~TlsAcceptor() = default;

absl::StatusOr<std::unique_ptr<TlsAcceptor>> TlsAcceptor::Make(const std::string& certificate_pem,
                                                               const std::string& key_pem) {
  ERR_clear_error();
  auto impl = std::make_unique<Impl>();
  impl->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = impl->context.get();
  if (context == nullptr) return absl::InternalError(Complaint());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  absl::Status status = ShowCertificate(context, certificate_pem);
  if (status.ok()) status = UseKey(context, key_pem);
  if (!status.ok()) return status;
  return std::unique_ptr<TlsAcceptor>(new TlsAcceptor(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<Transport>> TlsAcceptor::MakeTransport(int descriptor) const {
  ERR_clear_error();
  Session session(SSL_new(impl_->context.get()));
  if (session == nullptr || SSL_set_fd(session.get(), descriptor) != 1) {
    return absl::UnavailableError(absl::StrCat("beginning TLS: ", Complaint()));
  }
  SSL_set_accept_state(session.get());
  return std::make_unique<AcceptedTransport>(std::move(session));
}

}  // namespace turnout::connectors
