// EventMask: an event's payload as others may see it: fields that they may not are written `***`.
//
// A field is named by its path (`card.number`); through arrays it goes to every element. Names are
// compared without regard to case, a name given twice is masked twice, and whatever lies below a
// masked field goes with it. `$kafka.key`, `$kafka.headers` and `$kafka.headers.NAME` are the
// record's. JSON within a text is a text: mask the whole of it.
//
// Threads: immutable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/document.h"

namespace turnout::runtime {

inline constexpr std::string_view kMasked = "***";

class EventMask {
 public:
  explicit EventMask(std::vector<std::string> fields) : fields_(std::move(fields)) {}

  // In one line. Nullopt: it is no JSON, so nobody knows what there is to mask.
  std::optional<std::string> Payload(std::string_view json) const;
  std::string Key(std::string_view key) const;
  std::string Header(std::string_view name, std::string_view value) const;

 private:
  bool Hides(std::string_view path) const;

  const std::vector<std::string> fields_;
};

}  // namespace turnout::runtime
