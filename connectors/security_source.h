// SecuritySource: passwords, keys and certificates that may be replaced under a running client.
//
// Whoever implements it looks at the files that the properties name. Passwords are taken up when a
// client authenticates next. librdkafka reads certificates and keys when a client is made, and
// never again: such a client is outdated once they have changed, and its owner makes it anew when
// nothing is in the midst of being done.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace turnout::connectors {

class SecuritySource {
 public:
  using Properties = std::vector<std::pair<std::string, std::string>>;
  using Listener = std::function<void(const Properties&)>;

  virtual ~SecuritySource() = default;

  // A person's properties with what the files hold now, or held last when all of it could be used.
  virtual Properties Current() = 0;

  // Both rise when what they are of has changed, and are 0 until then.
  virtual uint64_t password_edition() const = 0;
  virtual uint64_t certificate_edition() const = 0;

  // Called after each change of passwords, one call at a time. It may call nothing of this class.
  virtual int AddListener(Listener listener) = 0;
  // It is not called any more once this returns.
  virtual void RemoveListener(int listener) = 0;
};

}  // namespace turnout::connectors
