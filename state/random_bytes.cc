#include "state/random_bytes.h"

#include <openssl/rand.h>

#include <cstdlib>

namespace turnout::state {

std::string RandomBytes(size_t bytes) {
  std::string random(bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(bytes)) != 1) {
    std::abort();
  }
  return random;
}

}  // namespace turnout::state
