#include "state/sha256.h"

#include <openssl/evp.h>

#include <cerrno>
#include <cstdio>
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

  std::string Hex() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &size);
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
      hex.push_back("0123456789abcdef"[bytes[i] >> 4]);
      hex.push_back("0123456789abcdef"[bytes[i] & 15]);
    }
    return hex;
  }

 private:
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string Sha256(std::string_view bytes) {
  Digest digest;
  digest.Add(bytes);
  return digest.Hex();
}

absl::StatusOr<FileDigest> Sha256OfFile(const std::string& path) {
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "rbe"),
                                                                &std::fclose);
  if (file == nullptr) return ErrnoStatus(errno, "opening", path);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  std::vector<char> piece(kPieceBytes);
  Digest digest;
  FileDigest result;
  while (const size_t read = std::fread(piece.data(), 1, piece.size(), file.get())) {
    digest.Add({piece.data(), read});
    result.bytes += read;
  }
  if (std::ferror(file.get()) != 0) return ErrnoStatus(errno, "reading", path);
  result.sha256 = digest.Hex();
  return result;
}

}  // namespace turnout::state
