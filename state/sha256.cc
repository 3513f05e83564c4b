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

// OpenSSL's calls fail for want of memory only, which ends the process elsewhere as well.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }

  void Add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }

  std::string Digits() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &size);
    return Hex({reinterpret_cast<const char*>(bytes), size});
  }

 private:
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string Sha256(std::string_view bytes) {
  Digest digest;
  digest.Add(bytes);
  return digest.Digits();
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
  Digest digest;
  FileDigest result;
  while (result.bytes < bytes) {
    const uint64_t wanted = std::min<uint64_t>(piece.size(), bytes - result.bytes);
    const size_t read = std::fread(piece.data(), 1, wanted, file.get());
    if (read == 0) break;
    digest.Add({piece.data(), read});
    result.bytes += read;
  }
  if (std::ferror(file.get()) != 0) return ErrnoStatus(errno, "reading", path);
  result.sha256 = digest.Digits();
  return result;
}

}  // namespace turnout::state
