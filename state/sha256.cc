#include "state/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <memory>
#include <vector>

#include "state/files.h"

namespace turnout::state {
namespace {

constexpr size_t kPieceBytes = 256 * 1024;

}  // namespace

// OpenSSL's calls fail for want of memory only, which ends the process elsewhere as well.
struct DigestStream::Context {
  Context() : evp(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(evp.get(), EVP_sha256(), nullptr);
  }
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> evp;
};

DigestStream::DigestStream() : context_(std::make_unique<Context>()) {}
DigestStream::~DigestStream() = default;
DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;

void DigestStream::Add(std::string_view piece) {
  EVP_DigestUpdate(context_->evp.get(), piece.data(), piece.size());
  bytes_ += piece.size();
}

FileDigest DigestStream::Finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->evp.get(), digest, &size);
  return {.bytes = bytes_, .sha256 = Hex({reinterpret_cast<const char*>(digest), size})};
}

std::string Sha256(std::string_view bytes) {
  DigestStream digest;
  digest.Add(bytes);
  return digest.Finish().sha256;
}

std::string HmacSha256(std::string_view key, std::string_view bytes) {
  unsigned char result[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), result, &size);
  return {reinterpret_cast<const char*>(result), size};
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) {
    hex.push_back("0123456789abcdef"[static_cast<unsigned char>(byte) >> 4]);
    hex.push_back("0123456789abcdef"[static_cast<unsigned char>(byte) & 15]);
  }
  return hex;
}

absl::StatusOr<FileDigest> Sha256OfFile(const std::string& path) {
  return Sha256OfPart(path, 0, std::numeric_limits<uint64_t>::max());
}

absl::StatusOr<FileDigest> Sha256OfPart(const std::string& path, uint64_t offset, uint64_t bytes) {
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "rbe"),
                                                                &std::fclose);
  if (file == nullptr) return ErrnoStatus(errno, "opening", path);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  if (::fseeko(file.get(), static_cast<off_t>(offset), SEEK_SET) != 0) {
    return ErrnoStatus(errno, "reading", path);
  }
  std::vector<char> piece(kPieceBytes);
  DigestStream digest;
  for (uint64_t left = bytes; left > 0;) {
    const size_t read =
        std::fread(piece.data(), 1, std::min<uint64_t>(piece.size(), left), file.get());
    if (read == 0) break;
    digest.Add({piece.data(), read});
    left -= read;
  }
  if (std::ferror(file.get()) != 0) return ErrnoStatus(errno, "reading", path);
  return digest.Finish();
}

}  // namespace turnout::state
